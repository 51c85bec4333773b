"""Pages of the admin that belong to the whole product: the audit log, people and roles, background tasks."""

from config.admin.changes import ChangeAdmin

__all__ = ["ChangeAdmin"]
