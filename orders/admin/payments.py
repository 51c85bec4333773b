"""Stored payment methods, which staff may remove, and settlement batches; otherwise only to be read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from customers import search
from delivery.screens import MOST_FOUND, ReadOnlyAdmin, actor, page_of
from delivery.secrets import MASK
from orders import lifecycle
from orders.models import SettlementBatch, StoredPaymentMethod, Subscription

SHOWN_OF_A_TOKEN = 4  # characters of one that is much longer


@admin.register(StoredPaymentMethod)
class StoredPaymentMethodAdmin(ReadOnlyAdmin):
    change_form_template = "admin/orders/storedpaymentmethod/change_form.html"
    list_display = (
        "public_id",
        "standing",
        "customer_page",
        "pay_source",
        "card_type",
        "card_last4",
        "card_expiry",
        "created_at",
    )
    list_select_related = ("customer",)
    search_fields = ("public_id",)
    search_help_text = (
        "The id of the payment method; or an e-mail, phone, external id or order of its customer."
    )
    ordering = ("-id",)
    fields = (
        "public_id",
        "standing",
        "customer_page",
        "pay_source",
        "card_type",
        ("card_bin", "card_last4", "card_expiry"),
        ("card_is_debit", "card_is_prepaid"),
        "ach_account_type",
        "token_shown",
        ("created_at", "modified_at", "removed_at"),
    )
    readonly_fields = ("standing", "customer_page", "token_shown")

    def found_exactly(self, term: str) -> Iterable[int]:
        pks = StoredPaymentMethod.objects.values_list("pk", flat=True)
        return list(pks.filter(public_id=term.lower())) or list(
            pks.filter(customer__in=search.found_exactly(term))[:MOST_FOUND]
        )

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Django's own to delete: but a tombstone stays, and only the lifecycle makes it one."""
        return request.user.has_perm("orders.delete_storedpaymentmethod")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.remove_view))
        name = "orders_storedpaymentmethod_remove"
        return [path("<int:method_id>/remove/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {**(extra_context or {}), "can_remove": self.has_remove_permission(request)}
        return super().change_view(request, object_id, form_url, context)

    def remove_view(self, request: HttpRequest, method_id: int) -> HttpResponse:
        """GET asks and says what it means, POST removes."""
        if not self.has_remove_permission(request):
            raise PermissionDenied
        method = get_object_or_404(StoredPaymentMethod.objects.select_related("customer"), pk=method_id)
        page = reverse("admin:orders_storedpaymentmethod_change", args=[method_id])
        if request.method != "POST" and method.removed_at is None:
            context = {
                **self.admin_site.each_context(request),
                "title": f"Remove {method}?",
                "method": method,
                "subscriptions": list(_billed_to(method)),
            }
            return TemplateResponse(request, "admin/orders/storedpaymentmethod/remove.html", context)
        try:
            lifecycle.remove_payment_method(method, by=actor(request))
            self.log_change(request, method, "Removed.")
            messages.success(request, f"Removed: {method}. It is in the history of its customer.")
        except lifecycle.MethodGone as refusal:
            messages.warning(request, str(refusal))
        return HttpResponseRedirect(page)

    @admin.display(description="state")
    def standing(self, method: StoredPaymentMethod) -> str:
        kind, label = ("inactive", "Removed") if method.removed_at else ("active", "Stored")
        return format_html('<span class="badge {}">{}</span>', kind, label)

    @admin.display(description="customer")
    def customer_page(self, method: StoredPaymentMethod) -> str:
        return page_of(method.customer)

    @admin.display(description="token of the gateway")
    def token_shown(self, method: StoredPaymentMethod) -> str:
        """Enough to find it at the gateway, too little to charge it."""
        token = method.token
        if not token:
            return "None: charged by the gateway’s record of the payment"
        return f"{MASK}{token[-SHOWN_OF_A_TOKEN:]}" if len(token) > 3 * SHOWN_OF_A_TOKEN else MASK


def _billed_to(method: StoredPaymentMethod) -> QuerySet[Subscription]:
    """The subscriptions that bill to it, of those of its customer."""
    running = (Subscription.Status.ACTIVE, Subscription.Status.PAUSED, Subscription.Status.RECYCLE_BILLING)
    theirs = Subscription.objects.filter(order__customer_id=method.customer_id, status__in=running)
    return theirs.filter(payment_method=method).select_related("product", "order").order_by("-pk")[:20]


@admin.register(SettlementBatch)
class SettlementBatchAdmin(ReadOnlyAdmin):
    list_display = ("number", "gateway", "day", "is_open", "created_at", "closed_at")
    list_filter = ("is_open",)
    list_select_related = ("gateway",)
    search_fields = ("public_id", "gateway__title")
    ordering = ("-id",)
    fields = ("public_id", "gateway", "number", "day", "is_open", ("created_at", "closed_at"))
    readonly_fields = ("public_id", "day")
