"""The list of deliveries, the page of each with all that was sent, and the button that sends it again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.views.decorators.http import require_http_methods

from delivery import rows, services
from delivery.admin.again import send_all_again, send_chosen_again
from delivery.admin.events import of_email
from delivery.admin.filters import InState, IsTest, Made, ToChannel, ToEndpoint, WithError, only, with_error
from delivery.admin.revealed import door, may_reveal
from delivery.admin.sight import sight_of, sight_of_proof
from delivery.ids import asked_for
from delivery.models import Delivery, Endpoint, Event, Proof
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, actor, may_open, page_of

MOST_WITH_WORDS = 100


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    change_form_template = "admin/delivery/delivery/change_form.html"
    change_list_template = "admin/delivery/delivery/change_list.html"
    list_display = ("made", "state_badge", "what", "order_and_customer", "attempts")
    list_display_links = ("made",)
    list_filter = (("state", InState), Made, ToEndpoint, WithError, IsTest, ToChannel)
    list_select_related = ("event__order", "event__customer", "endpoint", "lease")
    search_fields = ("last_detail", "target_name")
    search_help_text = (
        "A delivery id (webhook-id), an order number, an e-mail, the name of a target, or words of a recent "
        "error."
    )
    ordering = ("-id",)
    actions = ("send_many_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("content")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, asked_for(object_id), from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Never a look at all of them: by indexes, by endpoints, or in the newest ones that have an error."""
        term = search_term.replace("\x00", "").strip()[:200]
        if not term:
            return queryset, False
        if found := _found_exactly(term):
            return only(queryset, found), False
        named = Endpoint.objects.filter(name__icontains=term).values_list("pk", flat=True)
        if endpoints := list(named[:MOST_FOUND]):
            return queryset.filter(endpoint__in=endpoints), False
        return with_error(queryset, term, MOST_WITH_WORDS), False

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """One at a time."""
        may = request.user.has_perm("delivery.send_again_delivery")
        return may and self.has_view_permission(request)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Many at once."""
        return self.has_send_again_permission(request) and request.user.has_perm("delivery.add_replay")

    @admin.action(description="Send again…", permissions=["replay"])
    def send_many_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> HttpResponse | None:
        return send_chosen_again(request, chosen)

    def get_urls(self) -> list[URLPattern]:
        one = require_http_methods(["GET", "HEAD", "POST"])(self.send_again_view)
        many = require_http_methods(["GET", "HEAD", "POST"])(self.send_all_again_view)
        wrapped = self.admin_site.admin_view
        return [
            path("<str:delivery_id>/send-again/", wrapped(one), name="delivery_delivery_send_again"),
            path("send-all-again/", wrapped(many), name="delivery_delivery_send_all_again"),
            door(self),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        more = {"can_send_again": self.has_replay_permission(request), "asked": request.GET.urlencode()}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        delivery = _with_all(object_id)
        if delivery is None and self.has_view_permission(request) and (proof := _proof_of(object_id)):
            return self._pruned(request, proof)
        if delivery is None or not self.has_view_permission(request, delivery):
            return super().change_view(
                request, object_id, form_url, extra_context
            )  # which refuses in its own words
        sight = sight_of(delivery, before=request.GET.get("before", ""))
        context = {
            **sight,
            **{name: _if_open(request, sight[name]) for name in ("target_page", "anew_page")},
            "can_send_again": self.has_send_again_permission(request) and not delivery.is_erased,
            "can_reveal": may_reveal(request) and not delivery.is_erased,
            "title": f"Delivery to {delivery.target_name}",
            "subtitle": None,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _pruned(self, request: HttpRequest, proof: Proof) -> HttpResponse:
        """What is left of a delivery that is no longer kept."""
        sight = sight_of_proof(proof)
        sight["target_page"] = _if_open(request, sight["target_page"])
        title = f"Delivery to {proof.target_name}"
        context = {**self.admin_site.each_context(request), **sight, "title": title}
        return TemplateResponse(request, "admin/delivery/delivery/pruned.html", context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    def send_again_view(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        """Another attempt of the same delivery: same id, same content. Asked first what that means."""
        if not self.has_send_again_permission(request):
            raise PermissionDenied
        delivery = _with_all(delivery_id)
        if delivery is None:
            raise Http404("There is no such delivery.")
        if request.method != "POST":
            page = {"delivery": delivery, "title": "Send again?"}
            context = page if request.htmx else {**self.admin_site.each_context(request), **page}  # type: ignore[attr-defined]
            name = "_send_again" if request.htmx else "send_again"  # type: ignore[attr-defined]
            return TemplateResponse(request, f"admin/delivery/delivery/{name}.html", context)
        try:
            services.send_again(delivery, by=actor(request))
            messages.success(request, "It goes out again now, with the same id and the same content.")
        except services.NotNow as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:delivery_delivery_change", args=[delivery.pk]))

    def send_all_again_view(self, request: HttpRequest) -> HttpResponse:
        """All that the list's filters say, however many: see `again`."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        return send_all_again(request)

    @admin.display(description="made")
    def made(self, delivery: Delivery) -> str:
        return rows.moment(delivery.created_at)

    @admin.display(description="state")
    def state_badge(self, delivery: Delivery) -> str:
        return rows.badge(delivery)

    @admin.display(description="what")
    def what(self, delivery: Delivery) -> str:
        return rows.target(delivery)

    @admin.display(description="order and customer")
    def order_and_customer(self, delivery: Delivery) -> str:
        event = delivery.event
        if event is None:
            return "–"
        pages = [page_of(one) for one in (event.order, event.customer) if one is not None]
        return format_html_join("", "<div><bdi>{}</bdi></div>", ((page,) for page in pages)) or "–"

    @admin.display(description="attempts")
    def attempts(self, delivery: Delivery) -> str:
        return rows.attempts(delivery)


def _if_open(request: HttpRequest, page: str) -> str:
    """The address, for whom its page lets in; else ""."""
    return page if page and may_open(request, page) else ""


def _with_all(delivery_id: str) -> Delivery | None:
    everything = Delivery.objects.select_related("endpoint", "event__order", "event__customer")
    return everything.filter(pk=asked_for(delivery_id)).first()


def _proof_of(delivery_id: str) -> Proof | None:
    everything = Proof.objects.select_related("event__order", "event__customer")
    return everything.filter(pk=asked_for(delivery_id)).first()


def _found_exactly(term: str) -> list[tuple[str, Any]]:
    """By id, by order, by e-mail: their ids, and the days by which they lie in their months."""
    rows = Delivery.objects.values_list("pk", "kept_on")
    if found := list(rows.filter(pk=term.lower())):
        return found
    of_order = Event.objects.filter(order__client_order_id=term.upper())
    for events in (of_order, of_email(term)):  # as numbers: a plan of it all together might go astray
        if pks := list(events.values_list("pk", flat=True)[:MOST_FOUND]):
            return list(rows.filter(event__in=pks)[:MOST_FOUND])
    return []
