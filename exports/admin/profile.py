"""Export profiles: General Settings, Field Mappings, Profile Routing, and what keeps one from working."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html

from audit import changes as audit
from customers.models import Location
from delivery.admin.endpoints import health_in_a_word
from delivery.clock import clock
from delivery.screens import QuickAdmin, actor, as_id
from exports import services, validation
from exports.admin import doors, draft, trial, versions
from exports.admin.back import BackToBoard
from exports.admin.counted import counted
from exports.admin.sight import sight_of
from exports.fields import STATIC, groups
from exports.forms import (
    FIELD_NAMES,
    MappingForm,
    MappingFormSet,
    ProfileForm,
    RouteFormSet,
    rows_of,
)
from exports.models import ExportProfile, FieldMapping, Route
from exports.validation.urls import url_fault

GENERAL = (
    *("name", "type", "url", "delay_minutes", "cadence", "timeout_seconds", "omit_empty"),
    *("success_rule", "success_path", "success_value", "pci_document"),
)


class MappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FieldMapping
    form = MappingForm
    formset = MappingFormSet
    extra = 1  # for who has no scripts
    verbose_name_plural = "field mappings"
    classes = ("quiet-rows",)


class RouteInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Route
    formset = RouteFormSet
    extra = 0
    fields = ("customer_type", "campaign", "product", "effective_from")
    readonly_fields = ("effective_from",)
    autocomplete_fields = ("campaign", "product")
    verbose_name_plural = "profile routing"
    classes = ("quiet-rows",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("campaign", "product")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice, not a door to other tables."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, ModelChoiceField):
            widget = cast(RelatedFieldWidgetWrapper, field.widget)
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return field


@admin.register(ExportProfile)
class ExportProfileAdmin(BackToBoard, QuickAdmin):
    form = ProfileForm
    inlines = (MappingInline, RouteInline)
    change_form_template = "admin/exports/exportprofile/change_form.html"
    list_display = ("id", "name", "type", "on", "routed", "waiting", "health", "last_run", "next_run")
    list_display_links = ("id", "name")
    list_filter = ("is_active", "type", "location")
    list_select_related = ("endpoint",)
    search_fields = ("name", "url")
    search_help_text = "A name, a URL, or the number of a profile."
    ordering = ("name", "id")
    autocomplete_fields = ("location",)
    actions = None

    def found_exactly(self, term: str) -> list[int]:
        number = as_id(term)
        return list(ExportProfile.objects.filter(pk=number).values_list("pk", flat=True)) if number else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportProfile]:
        return super().get_queryset(request).select_related("endpoint", "location", "pci_approved_by")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        where = ("location",) if obj is not None or Location.objects.count() != 1 else ()
        state = () if obj is not None else ("is_active",)
        return [("General Settings", {"fields": (*where, *GENERAL, *state)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("location",) if obj else ()

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [*doors.doors(wrap), *draft.doors(wrap), *trial.doors(wrap), *versions.doors(self)]
        return [*own, *super().get_urls()]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Routes of a profile that is there are set under Profile Routing."""
        return (MappingInline,) if obj is not None else self.inlines

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Asks the name service about a new address before the transaction of the form begins.

        Whether somebody has saved another version is asked within it, with the row locked: of two who save
        at once, the second is told of the first.
        """
        profile = self.get_object(request, object_id) if object_id else None
        may_save = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        fault = _address_fault(request, profile) if may_save else ""  # nobody else makes us ask for names
        request.address_fault = fault  # type: ignore[attr-defined]
        context: dict[str, Any] = {"field_groups": groups(), "field_names": FIELD_NAMES, "static": STATIC}
        context |= extra_context or {}
        try:
            if request.method != "POST" or profile is None or not may_save:
                return super().changeform_view(request, object_id, form_url, context)
            with transaction.atomic():
                locked = ExportProfile.objects.select_for_update().filter(pk=profile.pk)
                list(locked.values_list("pk"))
                profile = self.get_object(request, str(profile.pk))
                request.overtaken = _overtaken(request, profile)  # type: ignore[attr-defined]
                return super().changeform_view(request, object_id, form_url, context)
        except ValidationError as error:  # somebody else's change came between the check and the save
            for text in error.messages:
                messages.error(request, text)
            return HttpResponseRedirect(request.path)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.address_fault = getattr(request, "address_fault", "")  # type: ignore[attr-defined]
        form.overtaken = getattr(request, "overtaken", "")  # type: ignore[attr-defined]
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """What stands around the form; each row of the mappings with what it says of the order shown."""
        number = kwargs["obj"].pk if kwargs.get("obj") is not None else None
        profile = self.get_object(request, str(number)) if number else None  # without what was typed
        if profile is not None and self.has_view_permission(request, profile):
            context |= sight_of(request, profile)
        values = {row["mapping"].pk: row["value"] for row in context.get("rows", ())}
        for inline in context["inline_admin_formsets"]:
            may = inline.has_add_permission and inline.has_change_permission and inline.has_delete_permission
            if inline.formset.model is FieldMapping and may:
                forms = [
                    {"form": one, "value": values.get(one.instance.pk, "")} for one in inline.formset.forms
                ]
                context |= {"mapping_formset": inline.formset, "mapping_forms": forms}
        return super().render_change_form(request, context, *args, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        profile = super().save_form(request, form, change)
        if profile.location_id is None:
            profile.location = Location.objects.get()
        return profile

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: `save_related` saves the profile with its rows, in one go."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        profile = form.instance
        for formset in formsets:
            formset.save(commit=False)  # tells the admin's log what changed
        rows = {formset.model: rows_of(formset) for formset in formsets}
        services.save(
            profile,
            by=actor(request),
            mappings=services.mappings_after(profile, *rows[FieldMapping]) if FieldMapping in rows else None,
            routes=services.routes_after(profile, *rows[Route]) if Route in rows else None,
            is_address_checked=True,
        )
        if not change:  # the page of one that is there has them among its notes
            for warning in validation.warnings(profile, list(profile.mappings.all())):
                messages.warning(request, warning)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        profile = self.get_object(request, object_id)
        if profile is not None and self.has_delete_permission(request, profile) and doors.is_used(profile):
            messages.error(request, doors.STAYS.format(profile.name))
            return HttpResponseRedirect(reverse("admin:exports_exportprofile_change", args=[profile.pk]))
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as refusal:
            for text in refusal.messages:
                messages.error(request, text)
            return HttpResponseRedirect(reverse("admin:exports_exportprofile_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Whether it may go was asked before; a run may have used it since."""
        if not services.delete_unused(obj, by=actor(request)):
            raise ValidationError(doors.STAYS.format(obj.name))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the counts that only the list shows."""
        changelist = super().get_changelist_instance(request)
        page = {profile.pk: profile for profile in changelist.result_list}
        for pk, counts in counted(page).items():
            page[pk].counts = counts
        return changelist

    @admin.display(description="active", boolean=True)
    def on(self, profile: Any) -> bool:
        return bool(profile.is_active)

    @admin.display(description="routes")
    def routed(self, profile: Any) -> str:
        return profile.counts.routes or format_html('<strong class="none">{}</strong>', "no route")

    @admin.display(description="waiting")
    def waiting(self, profile: Any) -> str:
        if not profile.counts.waiting:
            return "–"
        url = reverse("admin:delivery_delivery_changelist")
        return format_html(
            '<a href="{}?endpoint={}&amp;state__in=pending,waiting">{}</a>',
            url,
            profile.endpoint_id,
            profile.counts.waiting_text,
        )

    @admin.display(description="health")
    def health(self, profile: Any) -> str:
        return health_in_a_word(profile.endpoint)

    @admin.display(description="last run")
    def last_run(self, profile: Any) -> str:
        return clock(profile.last_run_at, timezone.now()) if profile.last_run_at else "–"

    @admin.display(description="next run")
    def next_run(self, profile: Any) -> str:
        if not profile.is_active:
            return "–"
        if profile.cadence == ExportProfile.Cadence.IMMEDIATE:
            return "at once"
        return clock(profile.next_run_at, timezone.now()) if profile.next_run_at else "soon"


def _address_fault(request: HttpRequest, profile: ExportProfile | None) -> str:
    """Why the typed URL may not be called; "" if it may, or was there already."""
    url = request.POST.get("url", "").strip()
    is_known = profile is not None and profile.url == url
    if request.method != "POST" or is_known or url_fault(url):  # of a fault in its words the form tells
        return ""
    draft = ExportProfile(name="-", url=url)
    try:
        validation.check_address(draft)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _overtaken(request: HttpRequest, profile: ExportProfile | None) -> str:
    """Who has saved another version since this form was opened; "" if nobody has."""
    seen = as_id(request.POST.get("seen_version", ""))
    if profile is None or seen is None or seen == profile.version:
        return ""
    newest = audit.of(profile).first()
    who = newest.by.partition(":")[2] or newest.by if newest is not None else ""
    return (
        f"Meanwhile {who or 'somebody else'} has saved version {profile.version} of this profile. Yours is "
        "still here: look under Versions at what has changed, then press Update again to save yours over it, "
        "or Discard."
    )
