"""Erase personal data…: what goes and what stays, the number typed by hand, and then there is no way back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods

from customers import erasing
from customers.models import Customer
from delivery.screens import QuickAdmin, actor


class EraseForm(forms.Form):
    """The number of the customer, typed: so that it is the one that is meant."""

    number = forms.CharField(
        max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"})
    )

    def __init__(self, customer: Customer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._number = str(customer.pk)
        self.fields["number"].label = f"To confirm, type the customer's number: {customer.pk}"

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"]).strip()
        if number != self._number:
            raise forms.ValidationError(f"This is not the customer's number. It is {self._number}.")
        return number


def may_erase(request: HttpRequest, customer: Customer) -> bool:
    """Whether the page offers it: a right of its own, and not twice."""
    return request.user.has_perm("customers.erase_customer") and not customer.is_erased


def door(pages: QuickAdmin) -> URLPattern:
    """Its address, wrapped as the admin wraps its views."""

    @require_http_methods(["GET", "HEAD", "POST"])
    def erase(request: HttpRequest, customer_id: int) -> HttpResponse:
        customer = get_object_or_404(Customer, pk=customer_id)
        may = request.user.has_perm("customers.erase_customer")
        if not (may and pages.has_view_permission(request, customer)):
            raise PermissionDenied
        if customer.is_erased:
            return _back(customer)
        form = EraseForm(customer, request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return _asked(request, customer, form)
        try:
            erasing.request(customer, by=actor(request))
        except erasing.EraseRefused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)
        transaction.on_commit(erasing.begin, robust=True)
        messages.success(request, f"The personal data of customer {customer.pk} is being erased.")
        return _back(customer)

    view = pages.admin_site.admin_view(erase)
    return path("<int:customer_id>/erase/", view, name="customers_customer_erase")


def _asked(request: HttpRequest, customer: Customer, form: EraseForm) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Erase personal data",
        "customer": customer,
        "form": form,
        "why_not": erasing.refusal(customer),
        "planned": [(name, erasing.in_words(number)) for name, number in erasing.planned(customer).items()],
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/customers/customer/erase.html", context, status=status)


def _back(customer: Customer) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))
