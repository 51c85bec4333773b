"""The delivery page: what was sent, byte for byte, every try of it, and the button that sends it again."""

from collections.abc import Sequence
from datetime import date
from operator import itemgetter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from delivery import services
from delivery.admin.events import of_email
from delivery.admin.filters import InState, Made, ToChannel, ToEndpoint
from delivery.admin.replays import send_many_again
from delivery.admin.revealed import door, may_reveal
from delivery.admin.sight import sight_of, sight_of_proof
from delivery.clock import clock
from delivery.models import Delivery, Endpoint, Event, Proof
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, actor, may_open, page_of

MOST_SEARCHED = 1000
MOST_WITH_WORDS = 100


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    change_form_template = "admin/delivery/delivery/change_form.html"
    list_display = ("created_at", "state_badge", "target", "order_page", "tries")
    list_display_links = ("created_at",)
    list_filter = (("state", InState), Made, ToChannel, "is_test", ToEndpoint)
    list_select_related = ("event__order",)
    search_fields = ("last_detail", "target_name")
    search_help_text = (
        "A delivery id (webhook-id), an order number, an e-mail, the name of a target, or words of a recent "
        "error."
    )
    ordering = ("-id",)
    actions = ("send_many_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("content")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Never a look at all of them: by indexes, by endpoints, or in the newest ones that have an error."""
        term = search_term.replace("\x00", "").strip()[:200]
        if not term:
            return queryset, False
        if found := _found_exactly(term):
            return _only(queryset, found), False
        named = Endpoint.objects.filter(name__icontains=term).values_list("pk", flat=True)
        if endpoints := list(named[:MOST_FOUND]):
            return queryset.filter(endpoint__in=endpoints), False
        return _only(queryset, _with_error(term)), False

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """One at a time."""
        may = request.user.has_perm("delivery.send_again_delivery")
        return may and self.has_view_permission(request)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Many at once."""
        return self.has_send_again_permission(request) and request.user.has_perm("delivery.add_replay")

    @admin.action(description="Send again", permissions=["replay"])
    def send_many_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> HttpResponse | None:
        return send_many_again(request, chosen)

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(require_POST(self.send_again_view))
        return [
            path("<str:delivery_id>/send-again/", again, name="delivery_delivery_send_again"),
            door(self),
            *super().get_urls(),
        ]

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
            "target_page": sight["target_page"] if may_open(request, sight["target_page"]) else "",
            "can_send_again": self.has_send_again_permission(request),
            "can_reveal": may_reveal(request),
            "title": "Delivery",
            "subtitle": None,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _pruned(self, request: HttpRequest, proof: Proof) -> HttpResponse:
        """What is left of a delivery that is no longer kept."""
        sight = sight_of_proof(proof)
        if not may_open(request, sight["target_page"]):
            sight["target_page"] = ""
        context = {**self.admin_site.each_context(request), **sight, "title": "Delivery"}
        return TemplateResponse(request, "admin/delivery/delivery/pruned.html", context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    def send_again_view(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        """Another attempt of the same delivery: same id, same content."""
        if not self.has_send_again_permission(request):
            raise PermissionDenied
        delivery = _with_all(delivery_id)
        if delivery is None:
            raise Http404("There is no such delivery.")
        try:
            services.send_again(delivery, by=actor(request))
            messages.success(request, "It goes out again now, with the same id and the same content.")
        except services.NotNow as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:delivery_delivery_change", args=[delivery.pk]))

    @admin.display(description="state")
    def state_badge(self, delivery: Delivery) -> str:
        test = format_html(' <span class="badge test">{}</span>', "Test") if delivery.is_test else ""
        badge = '<span class="badge {}">{}</span>{}'
        return format_html(badge, delivery.state, delivery.state, test)

    @admin.display(description="to")
    def target(self, delivery: Delivery) -> str:
        return f"{delivery.target_name} ({delivery.reason})" if delivery.reason else delivery.target_name

    @admin.display(description="order")
    def order_page(self, delivery: Delivery) -> str:
        return page_of(delivery.event.order if delivery.event else None)

    @admin.display(description="attempts")
    def tries(self, delivery: Delivery) -> str:
        """How many, the last error, and when the next one is."""
        error = f": {delivery.last_detail or delivery.last_error}" if delivery.last_error else ""
        is_to_come = bool(delivery.attempts_made and delivery.due_at and not delivery.is_finished)
        soon = f", next {clock(delivery.due_at, timezone.now())}" if is_to_come and delivery.due_at else ""
        return f"{delivery.attempts_made or ''}{error}{soon}"


def _with_all(delivery_id: str) -> Delivery | None:
    everything = Delivery.objects.select_related("endpoint", "event__order", "event__customer")
    return everything.filter(pk=delivery_id[:24]).first()


def _proof_of(delivery_id: str) -> Proof | None:
    everything = Proof.objects.select_related("event__order", "event__customer")
    return everything.filter(pk=delivery_id[:24]).first()


def _found_exactly(term: str) -> list[tuple[str, date | None]]:
    """By id, by order, by e-mail: their ids, and the days by which they lie in their months."""
    rows = Delivery.objects.values_list("pk", "kept_on")
    if found := list(rows.filter(pk=term.lower())):
        return found
    of_order = Event.objects.filter(order__client_order_id=term.upper())
    for events in (of_order, of_email(term)):  # as numbers: a plan of it all together might go astray
        if pks := list(events.values_list("pk", flat=True)[:MOST_FOUND]):
            return list(rows.filter(event__in=pks)[:MOST_FOUND])
    return []


def _with_error(term: str) -> list[tuple[str, date | None]]:
    """Of the newest that wait for another try and the newest that failed: whose error has these words."""
    wanted, found = term.casefold(), []
    for state in (Q(state=Delivery.State.WAITING, kept_on=None), Q(state=Delivery.State.FAILED)):
        newest = Delivery.objects.filter(state).order_by("-pk").values_list("pk", "kept_on", "last_detail")
        found += [(pk, day) for pk, day, detail in newest[:MOST_SEARCHED] if wanted in detail.casefold()]
    return sorted(found, key=itemgetter(0), reverse=True)[:MOST_WITH_WORDS]


def _only(deliveries: QuerySet[Any], found: Sequence[tuple[str, date | None]]) -> QuerySet[Any]:
    """These. With their days, so that no other month is looked at."""
    days = {day for _, day in found if day is not None}
    in_months = Q(kept_on__in=days) | Q(kept_on=None)
    return deliveries.filter(in_months, pk__in=[pk for pk, _ in found])
