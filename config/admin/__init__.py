"""Pages of the admin that belong to the whole product: the audit log, people, logins, background tasks."""

from config.admin.background import FailedTaskAdmin, TaskAdmin
from config.admin.changes import ChangeAdmin
from config.admin.logins import FailedLoginAdmin, LoginAdmin
from config.admin.people import PeopleAdmin, RoleAdmin

__all__ = [
    "ChangeAdmin",
    "FailedLoginAdmin",
    "FailedTaskAdmin",
    "LoginAdmin",
    "PeopleAdmin",
    "RoleAdmin",
    "TaskAdmin",
]
