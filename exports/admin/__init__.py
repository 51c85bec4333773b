"""Exports in the admin: profiles with their mappings and routes, what was taken, and why or why not."""

from exports.admin.profile import ExportProfileAdmin
from exports.admin.route import RouteAdmin
from exports.admin.taken import ExportAdmin

__all__ = ["ExportAdmin", "ExportProfileAdmin", "RouteAdmin"]
