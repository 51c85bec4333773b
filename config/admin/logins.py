"""Logins and failed logins, only to be read; who takes a failed one away lets them try again at once."""

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.http import HttpRequest

from delivery.screens import QuickAdmin, ReadOnlyAdmin


@admin.register(AccessAttempt)
class FailedLoginAdmin(ReadOnlyAdmin):
    list_title = "Failed logins"
    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "A user name, or an address. Delete a row, and they may try again at once."
    ordering = ("-pk",)
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent", "path_info")
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super(QuickAdmin, self).has_delete_permission(request, obj)


@admin.register(AccessLog)
class LoginAdmin(ReadOnlyAdmin):
    list_title = "Logins"
    list_display = ("attempt_time", "username", "ip_address", "logout_time", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "A user name, or an address."
    ordering = ("-pk",)
    fields = ("attempt_time", "username", "ip_address", "logout_time", "user_agent", "path_info")
    actions = None
