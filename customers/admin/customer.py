"""The customer page: card, orders, notes, history with what became of each thing."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

from customers import erasing, services
from customers.admin import erase
from customers.admin.forms import CustomerForm, NoteForm
from customers.admin.location import the_only_location
from customers.history import SHOWN, history, numbers
from customers.models import Customer
from customers.search import found_exactly
from delivery.screens import QuickAdmin, actor, as_id, saved

MOST_ORDERS = 20
HISTORY = "admin/customers/customer/history.html"
NOTED = "The note is in the history."


@admin.register(Customer)
class CustomerAdmin(QuickAdmin):
    form = CustomerForm
    change_form_template = "admin/customers/customer/change_form.html"
    change_list_template = "admin/customers/customer/change_list.html"
    list_display = ("name", "email", "phone_number", "place", "since")
    list_display_links = ("name",)
    list_filter = ("location",)
    search_fields = ("first_name", "last_name", "email", "external_id")
    search_help_text = "An order number, e-mail, phone, name, external id or customer id."
    ordering = ("-id",)
    autocomplete_fields = ("location",)
    fieldsets = (
        (
            "Contact details",
            {
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

    def has_note_permission(self, request: HttpRequest, customer: Customer) -> bool:
        """Who may change a customer may; and who has the permission for just that, and may look."""
        may_only_note = request.user.has_perm("customers.add_note") and customer.deleted_at is None
        may_look = self.has_view_permission(request, customer)
        return self.has_change_permission(request, customer) or (may_only_note and may_look)

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # events tell of customers for ever

    def get_urls(self) -> list[URLPattern]:
        note = self.admin_site.admin_view(require_POST(self.note_view))
        shown = self.admin_site.admin_view(require_GET(self.entries_view))
        return [
            path("<int:customer_id>/note/", note, name="customers_customer_note"),
            path("<int:customer_id>/entries/", shown, name="customers_customer_entries"),
            erase.door(self),
            *super().get_urls(),
        ]

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
            context |= {**_card_of(customer), **self._history_of(request, customer)}
            context["can_erase"] = erase.may_erase(request, customer)
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
        if not self.has_note_permission(request, customer):
            raise PermissionDenied
        form = NoteForm(request.POST)
        if form.is_valid():
            services.add_note(customer, form.cleaned_data["text"], by=actor(request))
        if request.htmx:  # type: ignore[attr-defined]
            return self._noted(request, customer, form)
        if form.is_valid():
            messages.success(request, NOTED)
        else:
            why = " ".join(str(problem) for problem in form.errors["text"])
            messages.error(request, f"The note was not saved. {why}")
        return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))

    def _noted(self, request: HttpRequest, customer: Customer, form: NoteForm) -> HttpResponse:
        """The history anew, with the note in it, or with the form that says what is wrong."""
        context = self._history_of(request, customer)
        if form.is_valid():
            return TemplateResponse(request, HISTORY, context, headers=saved(NOTED))
        return TemplateResponse(request, HISTORY, {**context, "note_form": form}, status=422)

    def entries_view(self, request: HttpRequest, customer_id: int) -> HttpResponse:
        """The history alone, as the page asks for it: otherwise filtered, or only its older entries."""
        customer = get_object_or_404(Customer, pk=customer_id)
        if not self.has_view_permission(request, customer):
            raise PermissionDenied
        context = self._history_of(request, customer)
        template = "admin/history.html" if context["before"] else HISTORY
        return TemplateResponse(request, template, context)

    def _history_of(self, request: HttpRequest, customer: Customer) -> dict[str, Any]:
        show, before = request.GET.get("show", ""), as_id(request.GET.get("before", ""))
        return {
            "customer": customer,
            "page": history(customer, show=show, before=before),
            "before": before,
            "show": show if show in SHOWN else "",
            "shown": SHOWN,
            "fragment": reverse("admin:customers_customer_entries", args=[customer.pk]),
            "with_order": True,
            "note_form": NoteForm(),
            "can_add_note": self.has_note_permission(request, customer),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).select_related("location")

    @admin.display(description="name")
    def name(self, customer: Customer) -> str:
        gone = format_html(' <span class="badge {}">{}</span>', "cancelled", _gone_words(customer))
        return format_html("<bdi>{}</bdi>{}", str(customer), gone if customer.deleted_at else "")

    @admin.display(description="phone")
    def phone_number(self, customer: Customer) -> str:
        return customer.phone

    @admin.display(description="place")
    def place(self, customer: Customer) -> str:
        return ", ".join(part for part in (customer.city, customer.country) if part)

    @admin.display(description="since")
    def since(self, customer: Customer) -> str:
        return f"{timezone.localtime(customer.created_at):%Y-%m-%d}"


def _card_of(customer: Customer) -> dict[str, Any]:
    """What the page shows besides the history and the form."""
    orders = list(customer.orders.select_related("campaign").order_by("-id")[: MOST_ORDERS + 1])
    return {
        "title": str(customer),
        "subtitle": None,
        "orders": orders[:MOST_ORDERS],
        "has_more_orders": len(orders) > MOST_ORDERS,
        "numbers": numbers(customer),
        "to_be_erased": _to_be_erased(customer),
    }


def _to_be_erased(customer: Customer) -> list[tuple[str, str]]:
    """What is still there of one that is being erased, for the page to say how far that is."""
    if not customer.is_erased or customer.erased_at is not None:
        return []
    return [(erasing.in_words(number), name) for name, number in erasing.left(customer).items()]


def _gone_words(customer: Customer) -> str:
    if customer.erased_at is not None:
        return f"erased on {timezone.localtime(customer.erased_at):%Y-%m-%d}"
    return "being erased" if customer.is_erased else "deleted"
