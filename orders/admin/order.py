"""The order page: its rows, the moves that are allowed now, the timeline with what became of each event."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_GET

from customers.history import history_of_order
from delivery.screens import ReadOnlyAdmin, as_id, page_of
from orders import cases, search
from orders.admin.filters import OfCampaign, WithTestCard
from orders.admin.move_page import may_move, move_view, products_view
from orders.admin.moves import groups
from orders.models import Order

MOST_SHOWN = 50
MOST_ORDERS = 20


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    change_form_template = "admin/orders/order/change_form.html"
    change_list_template = "admin/orders/order/change_list.html"
    list_display = ("client_order_id", "standing", "amount", "customer_page", "of_campaign", "when")
    list_filter = ("status", "type", ("is_test", WithTestCard), OfCampaign)
    list_select_related = ("customer", "campaign")
    search_fields = ("first_name", "last_name", "email", "external_order_id")
    search_help_text = "An order number, the client's own order id, an e-mail, phone or name."
    ordering = ("-id",)
    fieldsets = (
        (
            "Shipping and billing address",
            {
                "fields": (
                    ("first_name", "last_name", "company_name"),
                    ("email", "phone"),
                    ("address1", "address2"),
                    ("postal_code", "city", "state", "country"),
                    ("ship_first_name", "ship_last_name", "ship_company_name"),
                    ("ship_address1", "ship_address2"),
                    ("ship_postal_code", "ship_city", "ship_state", "ship_country"),
                ),
            },
        ),
        (
            "Money and reasons",
            {
                "fields": (
                    ("total", "shipping_total", "sales_tax", "discount"),
                    ("paid", "refunded", "charged_back", "currency"),
                    ("coupon_code", "has_upsell", "is_decline_save"),
                    ("decline_reason", "cancel_reason", "refund_reason"),
                    ("ordered_at", "refunded_at", "cancelled_at", "updated_at"),
                    "agent_note",
                    "chargeback",
                ),
            },
        ),
        (
            "Where it came from",
            {
                "fields": (
                    "attribution",
                    "custom_fields",
                    "ip_address",
                    "user_agent",
                    "http_referer",
                    "sales_url",
                ),
            },
        ),
    )

    def found_exactly(self, term: str) -> Iterable[int]:
        """By its numbers; else the orders of the customers who have this e-mail, phone or id."""
        return search.found_exactly(term)

    def get_urls(self) -> list[URLPattern]:
        views: dict[str, Any] = {
            "orders_order_move": ("<int:order_id>/moves/<str:key>/", move_view),
            "orders_order_products": ("<int:order_id>/products/", products_view),
            "orders_order_entries": ("<int:order_id>/entries/", require_GET(self.entries_view)),
        }
        ours = [
            path(address, self.admin_site.admin_view(view), name=name)
            for name, (address, view) in views.items()
        ]
        return [*ours, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        context = {**(extra_context or {})}
        if order is not None and self.has_view_permission(request, order):
            context |= {**_sight_of(order, may_move(request)), **_history_of(request, order.pk)}
            context["can_see_why"] = _may_see_why(request)
        return super().change_view(request, object_id, form_url, context)

    def entries_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Older entries of the timeline alone, as the page asks for them."""
        order = get_object_or_404(Order, pk=order_id)
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        return TemplateResponse(request, "admin/history.html", _history_of(request, order.pk))

    @admin.display(description="status")
    def standing(self, order: Order) -> str:  # an admin's `state` would lose to the column of the address
        test = format_html(' <span class="badge test">{}</span>', "Test card") if order.is_test else ""
        kind = "" if order.type == Order.Type.NEW_SALE else f" {order.get_type_display().lower()}"
        badge = '<span class="badge {}">{}</span>{}{}'
        return format_html(badge, order.status.lower(), order.get_status_display(), kind, test)

    @admin.display(description="total")
    def amount(self, order: Order) -> str:
        return f"{order.total} {order.currency}"

    @admin.display(description="campaign")
    def of_campaign(self, order: Order) -> str:
        return str(order.campaign) if order.campaign else "–"

    @admin.display(description="when")
    def when(self, order: Order) -> str:
        return f"{timezone.localtime(order.created_at):%Y-%m-%d %H:%M}"

    @admin.display(description="customer")
    def customer_page(self, order: Order) -> str:
        return page_of(order.customer)


def _may_see_why(request: HttpRequest) -> bool:
    """As the page of it asks."""
    any_of = ("exports.view_export", "exports.view_exportprofile", "exports.change_exportprofile")
    return any(request.user.has_perm(name) for name in any_of)


def _history_of(request: HttpRequest, order_id: int) -> dict[str, Any]:
    before = as_id(request.GET.get("before", ""))
    return {
        "page": history_of_order(order_id, before=before),
        "before": before,
        "fragment": reverse("admin:orders_order_entries", args=[order_id]),
    }


def _price(price: Decimal) -> str:
    """With cents; wholesale prices have mills."""
    whole, _, decimals = f"{price:.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _addresses(order: Order) -> dict[str, list[str]]:
    """Where the bill and the parcel go, as on an envelope."""
    billing = [
        f"{order.first_name} {order.last_name}",
        order.company_name,
        order.address1,
        order.address2,
        f"{order.postal_code} {order.city} {order.state} {order.country}",
        order.phone,
    ]
    shipping = [
        f"{order.ship_first_name} {order.ship_last_name}",
        order.ship_company_name,
        order.ship_address1,
        order.ship_address2,
        f"{order.ship_postal_code} {order.ship_city} {order.ship_state} {order.ship_country}",
    ]
    both = {"Bill to": billing, "Ship to": shipping}
    return {title: [line for line in lines if line.strip()] for title, lines in both.items()}


def _sight_of(order: Order, may_be_moved: bool) -> dict[str, Any]:
    """What the page shows besides the timeline."""
    case = cases.load([order.pk])[order.pk]
    rows = {
        "subscriptions": case.subscriptions,
        "transactions": case.transactions,
        "fulfilments": case.fulfillments,
    }
    return {
        "order": case.order,
        "case": case,
        "items": [(item, _price(item.price)) for item in case.items[:MOST_SHOWN]],
        "addresses": [(title, lines) for title, lines in _addresses(order).items() if lines],
        "groups": groups(case) if may_be_moved else [],
        "transactions": case.transactions[-MOST_SHOWN:],
        "rebills": list(order.rebills.order_by("-pk")[:MOST_ORDERS]) if case.subscriptions else [],
        "nothing_of": [name for name, found in rows.items() if not found],
        "title": f"Order {order.client_order_id}",
        "subtitle": None,
    }
