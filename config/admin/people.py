"""Users and roles: who may do what, with each change of it on record."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from audit import changes
from config.roles import ROLES
from delivery.screens import GuardedList, actor, as_id

WHY = {role.name: f"Shipped: {role.why}." for role in ROLES}


class OnRecord:
    """Saves and deletions of rows with their relations, in the audit log. `snapshot` says what of a row."""

    def snapshot(self, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        was = self.snapshot(type(obj)._default_manager.get(pk=obj.pk)) if change else None
        request.state_before = was  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        row = type(form.instance)._default_manager.get(pk=form.instance.pk)
        was = request.state_before  # type: ignore[attr-defined]
        action = "changed" if change else "created"
        changes.record(row, action, by=actor(request), old=was, new=self.snapshot(row))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        changes.record(obj, "deleted", by=actor(request), old=self.snapshot(obj))
        super().delete_model(request, obj)  # type: ignore[misc]


class Ticked:
    """Roles and permissions are ticked in a list that everybody can read and reach."""

    filter_horizontal: Any = ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "ticked"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


class PeopleAdmin(GuardedList, Ticked, OnRecord, UserAdmin):  # type: ignore[type-arg]
    """Only a superuser makes superusers, or touches one: else a role could be more than it says."""

    list_title = "Users"
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active", "is_superuser")
    list_filter = ("groups", "is_active", "is_superuser")
    actions = None
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = () if request.user.is_superuser else ("is_superuser",)
        return (*super().get_readonly_fields(request, obj), "last_login", "date_joined", *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Whoever sets somebody's password can be them: that it was set is on record."""
        with transaction.atomic():
            who = User.objects.filter(pk=as_id(id) or 0)
            was = who.values_list("password", flat=True).first()
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            user = who.first()
            if user is not None and user.password != was:
                changes.record(user, "set the password", by=actor(request))
        return answer

    user_change_password.may_open = lambda request: request.user.has_perm("auth.change_user")  # type: ignore[attr-defined]

    def snapshot(self, row: User) -> dict[str, Any]:
        names = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")
        return {
            **{name: getattr(row, name) for name in names},
            "roles": [{"id": group.pk, "text": group.name} for group in row.groups.order_by("name")],
            "user permissions": _rows(row.user_permissions),
        }

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "–"


class RoleAdmin(GuardedList, Ticked, OnRecord, GroupAdmin):  # type: ignore[misc]
    """Groups, with what the shipped ones are for."""

    list_title = "Roles"
    list_display = ("name", "why")
    actions = None

    @admin.display(description="what for")
    def why(self, group: Group) -> str:
        return WHY.get(group.name, "")

    def snapshot(self, row: Group) -> dict[str, Any]:
        return {"name": row.name, "permissions": _rows(row.permissions)}


def _may_touch(request: HttpRequest, user: Any) -> bool:
    return user is None or not user.is_superuser or request.user.is_superuser


def _rows(permissions: Any) -> list[dict[str, Any]]:
    named = permissions.order_by("pk").values_list("pk", "content_type__app_label", "codename")
    return [{"id": pk, "text": f"{app}.{codename}"} for pk, app, codename in named]


admin.site.unregister([User, Group])
admin.site.register(User, PeopleAdmin)
admin.site.register(Group, RoleAdmin)
