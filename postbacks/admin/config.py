"""Postback configs: the list of a location, Add Postback, the page of one with its log, Send test, delete."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from customers.admin.location import the_only_location
from customers.models import Location
from delivery.admin.endpoints import deliveries_of, health_in_a_word, health_of
from delivery.screens import QuickAdmin, actor, as_id
from delivery.transports import ERRORS
from postbacks import logins, logs, services, validation
from postbacks.admin.filters import WhetherThere
from postbacks.forms import PostbackConfigForm
from postbacks.models import PostbackConfig

MOST_LINES = 50
_BY_LOCATION = "location__id__exact"


@admin.register(PostbackConfig)
class PostbackConfigAdmin(QuickAdmin):
    form = PostbackConfigForm
    change_list_template = "admin/postbacks/postbackconfig/change_list.html"
    change_form_template = "admin/postbacks/postbackconfig/change_form.html"
    list_display = ("resource", "url", "location", "told_of", "attempts", "state", "health")
    list_display_links = ("resource", "url")
    list_filter = (WhetherThere, "resource", "location")
    list_select_related = ("location", "endpoint")
    search_fields = ("url", "public_id", "location__name")
    search_help_text = "A URL, an id, or the name of a location."
    ordering = ("-id",)
    autocomplete_fields = ("location",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[PostbackConfig]:
        lean = super().get_queryset(request).defer(*logins.NAMES)
        return lean.select_related("location", "endpoint", "gateway")

    def get_fieldsets(self, request: HttpRequest, obj: PostbackConfig | None = None) -> Any:
        login = ("basic_auth_username", "basic_auth_password")
        takes_away = ("has_no_login",) if obj is not None and logins.in_words(obj) != "none" else ()
        what = ("location", "resource", ("on_create", "on_update", "on_delete"), "url", "is_active")
        return [
            ("Postback", {"fields": what}),
            ("Attempts", {"fields": ("number_of_attempts", "attempt_interval")}),
            ("What it says", {"fields": ("expands", "gateway")}),
            ("Basic authentication", {"fields": (*login, *takes_away)}),
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        """A list of one location does not name it in each line."""
        is_of_one = _BY_LOCATION in request.GET
        return tuple(name for name in self.list_display if not (is_of_one and name == "location"))

    def get_readonly_fields(self, request: HttpRequest, obj: PostbackConfig | None = None) -> tuple[str, ...]:
        return ("location",) if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The location is a choice, not a door to other tables."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "location" and field is not None:
            widget = cast(RelatedFieldWidgetWrapper, field.widget)
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**the_only_location(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: PostbackConfig | None = None) -> bool:
        is_gone = obj is not None and obj.deleted_at is not None
        return super().has_change_permission(request, obj) and not is_gone

    def has_delete_permission(self, request: HttpRequest, obj: PostbackConfig | None = None) -> bool:
        is_gone = obj is not None and obj.deleted_at is not None
        return super().has_delete_permission(request, obj) and not is_gone

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(require_POST(self.test_view))
        return [path("<int:pk>/test/", test, name="postbacks_postbackconfig_test"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        location = Location.objects.filter(pk=as_id(request.GET.get(_BY_LOCATION, "")) or 0).first()
        title = f"Postback Config: {location}" if location else "Postback Config"
        context = {"title": title, "of_location": location, **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Asks the name service about a new address before the transaction of the form begins."""
        config = self.get_object(request, object_id) if object_id else None
        may_save = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        fault = _address_fault(request, config) if may_save else ""  # nobody else makes us ask for names
        request.address_fault = fault  # type: ignore[attr-defined]
        context: dict[str, Any] = {"title": "Add Postback", **(extra_context or {})}
        if config is not None and self.has_view_permission(request, config):
            context |= self._sight_of(request, config)
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except (ValidationError, services.ConfigDeleted) as refusal:  # somebody else's change came between
            for text in refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]:
                messages.error(request, text)
            return HttpResponseRedirect(request.path)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.address_fault = getattr(request, "address_fault", "")  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: PostbackConfig, form: Any, change: bool) -> None:
        """Of one that is there, what was changed in the form: beside it others may change the rest."""
        if not change:
            services.add(obj, by=actor(request), is_address_checked=True)
            return
        typed = {name: getattr(obj, name) for name in form.settings_changed()}
        services.edit(obj, by=actor(request), is_address_checked=True, **typed)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Asks first; then it is put away, with its log and its history."""
        config = get_object_or_404(self.get_queryset(request), pk=as_id(object_id) or 0)
        if not self.has_delete_permission(request, config):
            raise PermissionDenied
        if request.method == "POST":
            self.delete_model(request, config)
            return HttpResponseRedirect(_list_of(config.location))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "config": config,
            "title": "Delete this postback?",
        }
        return TemplateResponse(request, "admin/postbacks/postbackconfig/delete.html", context)

    def delete_model(self, request: HttpRequest, obj: PostbackConfig) -> None:
        services.delete(obj, by=actor(request))
        messages.success(request, f"The postback to {obj.url} is deleted. Its log is kept under “deleted”.")

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Posts a test to the real URL, and shows what becomes of it."""
        config = get_object_or_404(PostbackConfig, pk=pk)
        if not self.has_change_permission(request, config):
            raise PermissionDenied
        try:
            delivery_id = services.send_test(config, by=actor(request))
        except services.ConfigDeleted as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:postbacks_postbackconfig_change", args=[config.pk]))
        messages.success(request, "The test goes out now. What the receiver says stands under Attempts.")
        return HttpResponseRedirect(reverse("admin:delivery_delivery_change", args=[delivery_id]))

    @admin.display(description="told of")
    def told_of(self, config: PostbackConfig) -> str:
        kinds = {"create": config.on_create, "update": config.on_update, "delete": config.on_delete}
        return ", ".join(name for name, is_on in kinds.items() if is_on) or "nothing"

    @admin.display(description="attempts")
    def attempts(self, config: PostbackConfig) -> str:
        return f"{config.number_of_attempts} × {config.attempt_interval} s".replace(" ", "\N{NO-BREAK SPACE}")

    @admin.display(description="state")
    def state(self, config: PostbackConfig) -> str:
        return _state(config)

    @admin.display(description="health")
    def health(self, config: PostbackConfig) -> str:
        return "gone" if config.endpoint.last_error == "gone" else health_in_a_word(config.endpoint)

    def _sight_of(self, request: HttpRequest, config: PostbackConfig) -> dict[str, Any]:
        """What the page shows besides the form."""
        before = as_id(request.GET.get("before", ""))
        lines = logs.newest([config.pk], most=MOST_LINES + 1, before=before)[config.pk]
        return {
            "config": config,
            "title": f"Postback: {config}",
            "subtitle": None,
            "state": _state(config),
            "login": logins.in_words(config),
            "notes": _notes(config),
            "health": health_of(config.endpoint),
            "deliveries": deliveries_of(config.endpoint),
            "lines": lines[:MOST_LINES],
            "older_before": lines[MOST_LINES - 1].postback.pk if len(lines) > MOST_LINES else None,
            "can_test": self.has_change_permission(request, config),
            "can_delete": self.has_delete_permission(request, config),
            "can_send_again": request.user.has_perm("delivery.send_again_delivery"),
        }


def _state(config: PostbackConfig) -> str:
    if config.deleted_at is not None:
        return "deleted"
    return "on" if config.is_active else "off"


def _notes(config: PostbackConfig) -> list[str]:
    """What keeps it from working, in words that say what to do."""
    if config.deleted_at is not None:
        return ["This postback was deleted: nothing is posted by it any more. Its log stays."]
    found = []
    if not config.is_active:
        found.append(
            "It is switched off: nothing new is taken, and what waits is held. Tick “active” to go on."
        )
    if not (config.on_create or config.on_update or config.on_delete):
        found.append("It is told of nothing: tick at least one of create, update and delete.")
    endpoint = config.endpoint
    if endpoint.last_error == "gone":
        found.append(
            "The receiver answered 410 Gone: it wants nothing more, and nothing is tried twice. "
            "Correct the URL, or delete this postback."
        )
    elif endpoint.failures_in_a_row:
        error = ERRORS.get(endpoint.last_error, endpoint.last_error)
        times = f"{endpoint.failures_in_a_row} time{'s' * (endpoint.failures_in_a_row != 1)} in a row"
        found.append(f"Posting failed {times}. The last error: {error}. The log shows what came back.")
    return found


def _list_of(location: Location) -> str:
    return f"{reverse('admin:postbacks_postbackconfig_changelist')}?{_BY_LOCATION}={location.pk}"


def _address_fault(request: HttpRequest, config: PostbackConfig | None) -> str:
    """Why the typed URL may not be called; "" if it may, or was there already."""
    url = request.POST.get("url", "").strip()
    is_known = config is not None and config.url == url
    draft = PostbackConfig(url=url)
    if request.method != "POST" or is_known or validation.url_fault(draft):
        return ""  # of a fault in its words the form tells
    try:
        validation.check_address(draft)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""
