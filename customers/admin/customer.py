"""The customer page: card, orders, notes, history with what became of each thing."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from customers import services
from customers.admin.forms import CustomerForm, NoteForm
from customers.admin.location import the_only_location
from customers.history import history
from customers.models import Customer
from customers.search import found_exactly
from delivery.screens import QuickAdmin, actor, as_id

MOST_ORDERS = 20


@admin.register(Customer)
class CustomerAdmin(QuickAdmin):
    form = CustomerForm
    change_form_template = "admin/customers/customer/change_form.html"
    list_display = ("number", "name", "email", "phone", "city", "country", "location", "created_at")
    list_display_links = ("number", "name")
    list_filter = ("location",)
    list_select_related = ("location",)
    search_fields = ("first_name", "last_name", "email", "external_id")
    search_help_text = "An order number, e-mail, phone, name or external id."
    ordering = ("-id",)
    autocomplete_fields = ("location",)
    fieldsets = (
        (
            "Contact details",
            {
                "classes": ("collapse",),
                "fields": (
                    "location",
                    ("first_name", "last_name"),
                    "company_name",
                    "email",
                    ("cell_phone", "home_phone"),
                    ("office_phone", "office_ext_phone"),
                    ("address", "address2"),
                    ("city", "state"),
                    ("zip", "country"),
                    "date_of_birth",
                    ("external_id", "account_number"),
                ),
            },
        ),
        (
            "Everything else",
            {
                "classes": ("collapse",),
                "fields": (
                    "email_trx_receipt",
                    ("header_message", "header_message_type"),
                    ("contact_c1", "contact_c2", "contact_c3"),
                    "contact_balance",
                    "custom_fields",
                ),
            },
        ),
    )

    def found_exactly(self, term: str) -> Iterable[int]:
        return found_exactly(term)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**the_only_location(), **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> tuple[str, ...]:
        return ("location",) if obj else ()  # everything of a customer belongs there too

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        is_gone = obj is not None and obj.deleted_at is not None
        return super().has_change_permission(request, obj) and not is_gone

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # events tell of customers for ever

    def get_urls(self) -> list[URLPattern]:
        note = self.admin_site.admin_view(require_POST(self.note_view))
        return [path("<int:customer_id>/note/", note, name="customers_customer_note"), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        customer = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {})}
        if customer is not None and self.has_view_permission(request, customer):
            context |= _sight_of(customer, request.GET.get("before", ""))
            context["can_add_note"] = self.has_change_permission(request, customer)
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except services.ContactRefused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)

    def save_model(
        self, request: HttpRequest, obj: Customer, form: "ModelForm[Customer]", change: bool
    ) -> None:
        """By the service, so that the change is on record; only what was really changed."""
        names = form.changed_data if change else services.CONTACT_FIELDS
        fields = {name: form.cleaned_data[name] for name in names if name in services.CONTACT_FIELDS}
        if change:
            services.update(obj, by=actor(request), **fields)
        else:
            obj.pk = services.create(obj.location, by=actor(request), **fields).pk

    def note_view(self, request: HttpRequest, customer_id: int) -> HttpResponse:
        """An agent's note, into the history."""
        customer = get_object_or_404(Customer, pk=customer_id)
        if not self.has_change_permission(request, customer):
            raise PermissionDenied
        form = NoteForm(request.POST)
        if form.is_valid():
            services.add_note(customer, form.cleaned_data["text"], by=actor(request))
            messages.success(request, "The note is in the history.")
        else:
            why = " ".join(str(problem) for problem in form.errors["text"])
            messages.error(request, f"The note was not saved. {why}")
        return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))

    @admin.display(description="id")
    def number(self, customer: Customer) -> int:
        return customer.pk

    @admin.display(description="name")
    def name(self, customer: Customer) -> str:
        return customer.full_name or "–"

    @admin.display(description="phone")
    def phone(self, customer: Customer) -> str:
        return customer.phone


def _sight_of(customer: Customer, before: str) -> dict[str, Any]:
    """What the page shows besides the form."""
    orders = list(customer.orders.select_related("campaign").order_by("-id")[: MOST_ORDERS + 1])
    return {
        "customer": customer,
        "title": str(customer),
        "subtitle": None,
        "orders": orders[:MOST_ORDERS],
        "has_more_orders": len(orders) > MOST_ORDERS,
        "history": history(customer, before=as_id(before)),
        "before": as_id(before),
        "note_form": NoteForm(),
    }
