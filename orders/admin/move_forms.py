"""What a move needs to know, asked in a form: no more than the rule takes."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse

from delivery.screens import as_id
from orders.admin.moves import Offer, startable
from orders.cases import Case
from orders.lifecycle import Line
from orders.models import CampaignProduct, OrderItem, Product

MOST_OFFERED = 20
MOST_ITEMS = 50  # a cart with more is changed by the API
# By the name of the rule's argument: its label, and how long it may be. The lifecycle has the last word.
TEXTS = {
    "reason": ("Reason", 200),
    "reason_code": ("Reason code of the bank", 10),
    "note": ("Note", 500),
    "tracking_number": ("Tracking number", 100),
    "ship_carrier": ("Carrier", 60),
    "ship_method": ("Way of shipping", 60),
    "rma_number": ("RMA number", 60),
}
HINTS = {"rma_number": "Empty: it gets one.", "amount": "Empty: all that is left."}


class MoveForm(forms.Form):
    """The details of one move. `seen` is where the order's story had come to when the form was opened."""

    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, offer: Offer, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self._offer, self._case = offer, case
        if offer.takes("amount"):
            self.fields["amount"] = _amount(case)
        for name, (label, length) in TEXTS.items():
            if offer.takes(name):
                hint = HINTS.get(name, "")
                self.fields[name] = forms.CharField(
                    label=label, required=False, max_length=length, help_text=hint
                )
        if offer.takes("item"):
            items = [(str(one.pk), one.name) for one in startable(case)]
            self.fields["item"] = forms.ChoiceField(label="Product", choices=items)
        if offer.takes("lines"):
            self.fields |= dict(_of_lines(offer, case))
            self.fields["product"].widget.attrs |= {
                "hx-get": reverse("admin:orders_order_products", args=[case.order.pk]),
                "hx-trigger": "input changed delay:200ms",
                "hx-target": "#products",
                "hx-swap": "innerHTML",
            }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._offer.takes("lines") and not self.errors:
            cleaned["lines"] = self._lines(cleaned)
        return cleaned

    @property
    def details(self) -> dict[str, Any]:
        """What the move is told, once the form is valid."""
        names = ("amount", *TEXTS, "lines")
        given = {name: self.cleaned_data.get(name) for name in names}
        details = {name: value for name, value in given.items() if value not in (None, "")}
        if chosen := self.cleaned_data.get("item"):
            details["item"] = next(one for one in startable(self._case) if str(one.pk) == chosen)
        return details

    def _lines(self, cleaned: dict[str, Any]) -> list[Line]:
        lines = []
        if self._offer.move.name == "update_cart":
            for item in self._case.items:
                if quantity := cleaned.get(f"quantity_{item.pk}", item.quantity):
                    lines.append(_line_of(item, quantity))
        if cleaned.get("product"):
            product = self._product(cleaned["product"])
            price = self._price(product, cleaned.get("price")) if product else None
            if product is not None and price is not None:
                lines.append(Line(product, price, cleaned.get("quantity") or 1))
        elif self._offer.move.name == "add_upsell":
            self.add_error("product", "Choose the product.")
        return lines

    def _product(self, text: str) -> Product | None:
        found = named(self._case, text)
        if found is None:
            self.add_error("product", "There is no such product here. Choose one of the list.")
        return found

    def _price(self, product: Product, given: Decimal | None) -> Decimal | None:
        """As given, else as in the order's campaign."""
        if given is not None:
            return given
        offered = CampaignProduct.objects.filter(campaign=self._case.order.campaign_id, product=product)
        price = offered.values_list("price", flat=True).first()
        if price is None:
            self.add_error("price", "The campaign of this order has no price for it. Give one.")
        return price


def products(case: Case, text: str) -> list[Product]:
    """A few products of the order's location with this in their names, for the list that is offered."""
    here = Product.objects.filter(location=case.order.location_id)
    words = text.replace("\x00", "").strip()[:100]
    if words:
        here = here.filter(Q(name__icontains=words) | Q(sku__istartswith=words))
    return list(here.order_by("name", "pk")[:MOST_OFFERED])


def called(product: Product) -> str:
    """How a product is offered; the number makes it one."""
    return f"{product.name} (#{product.pk})"


def named(case: Case, text: str) -> Product | None:
    """The product that was chosen, or typed: as offered, by its SKU, or by its name if only one has it."""
    here = Product.objects.filter(location=case.order.location_id)
    number = as_id(text.rpartition("(#")[2].rstrip(")")) if text.endswith(")") else None
    if number is not None and (found := here.filter(pk=number).first()):
        return found
    return _only(here.filter(sku=text).exclude(sku="")[:2]) or _only(here.filter(name__iexact=text)[:2])


def _only(found: Any) -> Product | None:
    products = list(found)
    return products[0] if len(products) == 1 else None


def _amount(case: Case) -> forms.DecimalField:
    return forms.DecimalField(
        label=f"Amount in {case.order.currency}",
        required=False,
        max_digits=12,
        decimal_places=2,
        initial=case.refundable,
        help_text=f"{case.refundable} is left. {HINTS['amount']}",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def _of_lines(offer: Offer, case: Case) -> Iterator[tuple[str, forms.Field]]:
    if offer.move.name == "update_cart":
        for item in case.items[:MOST_ITEMS]:
            yield f"quantity_{item.pk}", _quantity(f"How many: {item.name}", item.quantity, 0)
    is_needed = offer.move.name == "add_upsell"
    attributes = {"list": "products", "autocomplete": "off", "placeholder": "Type a part of the name or SKU"}
    yield (
        "product",
        forms.CharField(
            label="Product" if is_needed else "Another product",
            required=False,
            max_length=250,
            widget=forms.TextInput(attrs=attributes),
        ),
    )
    yield "quantity", _quantity("How many of it", 1, 1)
    yield (
        "price",
        forms.DecimalField(
            label=f"Price of one in {case.order.currency}",
            required=False,
            min_value=0,
            max_digits=12,
            decimal_places=2,
            help_text="Empty: the price of the campaign.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        ),
    )


def _quantity(label: str, number: int, fewest: int) -> forms.IntegerField:
    hint = "" if fewest else "0 takes it out."
    return forms.IntegerField(
        label=label, initial=number, min_value=fewest, max_value=1_000_000, help_text=hint
    )


def _line_of(item: OrderItem, quantity: int) -> Line:
    return Line(item.product, item.price, quantity, item.shipping, item.name, item.external_id)
