"""The order page: its rows, the moves that are allowed now, the timeline with what became of each event."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from customers.history import history_of_order
from delivery.screens import ReadOnlyAdmin, ReadOnlyInline, actor, as_id, page_of
from orders import search
from orders.admin.filters import OfCampaign, WithTestCard
from orders.admin.moves import MoveForm, every_offer, offers
from orders.lifecycle import MoveRefused
from orders.models import Fulfillment, Order, OrderItem, Subscription, Transaction


class ItemInline(ReadOnlyInline):
    model = OrderItem
    fields = ("product", "name", "type", "quantity", "price", "shipping")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("product")


class TransactionInline(ReadOnlyInline):
    model = Transaction
    fields = (
        "type",
        "amount",
        "response",
        "response_text",
        "paid_with",
        "gateway",
        "billing_cycle",
        "created_at",
    )
    readonly_fields = ("paid_with",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("gateway")

    @admin.display(description="paid with")
    def paid_with(self, row: Transaction) -> str:
        card = f" •••• {row.card_last4}" if row.card_last4 else ""
        return f"{row.card_type or row.pay_source}{card}" or "–"


class SubscriptionInline(ReadOnlyInline):
    model = Subscription
    fields = (
        "product",
        "client_purchase_id",
        "status",
        "price",
        "billing_cycle",
        "next_bill_date",
        "cancel_reason",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("product")


class FulfillmentInline(ReadOnlyInline):
    model = Fulfillment
    verbose_name_plural = "fulfilments"
    fields = (
        "status",
        "tracking_number",
        "ship_carrier",
        "rma_number",
        "shipped_at",
        "delivered_at",
        "returned_at",
    )


_COLLAPSED = ("collapse",)


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
    inlines = (ItemInline, TransactionInline, SubscriptionInline, FulfillmentInline)
    readonly_fields = ("customer_page",)
    fieldsets = (
        (
            "Shipping and billing address",
            {
                "classes": _COLLAPSED,
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
                "classes": _COLLAPSED,
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
                "classes": _COLLAPSED,
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
        move = self.admin_site.admin_view(require_POST(self.move_view))
        return [path("<int:order_id>/move/", move, name="orders_order_move"), *super().get_urls()]

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
            context |= _sight_of(order, request.GET.get("before", ""))
            if _may_move(request):
                context["move_form"] = MoveForm(offers(order))
        return super().change_view(request, object_id, form_url, context)

    def move_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Makes one lifecycle move, as the user who asks for it."""
        if not _may_move(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=order_id)
        form = MoveForm(every_offer(order), request.POST)  # the move itself says why it is not possible
        if not form.is_valid():
            for problems in form.errors.values():
                messages.error(request, " ".join(str(problem) for problem in problems))
        else:
            try:
                form.offer.make(order, by=actor(request), details=form.details)
                messages.success(request, f"Done: {form.offer.label}.")
            except MoveRefused as refusal:
                messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]))

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


def _may_move(request: HttpRequest) -> bool:
    return request.user.has_perm("orders.change_order")


def _sight_of(order: Order, before: str) -> dict[str, Any]:
    """What the page shows besides the rows."""
    return {
        "order": order,
        "title": f"Order {order.client_order_id}",
        "subtitle": None,
        "page": history_of_order(order.pk, before=as_id(before)),
        "before": as_id(before),
    }
