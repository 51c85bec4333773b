"""Texts that people and machines give: what cannot be stored is refused before anything is written."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import CharField

from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, MoveRefused, Payment
from orders.models import Order
from tests.orders.shop import BY, SUBSCRIPTION_STATES, Shop, everything, in_state, subscription_in

HOSTILE = {
    "too long": "x" * 501,
    "NUL": "a\x00b",
    "half a character": "a\ud83d",
    "a number": 5,
    "a list": ["a"],
}
KIND = "👩🏽‍🚀 مرحبا שלום Ωμέγα \u202e<b>{0} %s 'quoted' \\u0000"

# Each way in which a text comes in with a move: the state that it needs, the details, where it ends.
WAYS: dict[str, tuple[str, Callable[[Any], dict[str, Any]], str]] = {
    "update_cart a column": ("partial", lambda text: {"city": text}, "order__city"),
    "complete_sale a column": ("partial", lambda text: {"agent_note": text}, "order__agent_note"),
    "decline the reason": ("partial", lambda text: {"reason": text}, "order__decline_reason"),
    "decline_qa the reason": ("held", lambda text: {"reason": text}, "order__decline_reason"),
    "cancel_order the reason": ("complete", lambda text: {"reason": text}, "order__cancel_reason"),
    "refund the reason": ("complete", lambda text: {"reason": text}, "order__refund_reason"),
    "charge_back the note": ("complete", lambda text: {"note": text}, "order__chargeback__note"),
    "ship the number": ("complete", lambda text: {"tracking_number": text}, "fulfillments__tracking_number"),
    "issue_rma the number": ("shipped", lambda text: {"rma_number": text}, "fulfillments__rma_number"),
    "decline_rebill the reason": ("active", lambda text: {"reason": text}, "transactions__response_text"),
    "cancel_subscription the reason": (
        "active",
        lambda text: {"reason": text},
        "subscriptions__cancel_reason",
    ),
}


def _subject(shop: Shop, state: str) -> Any:
    return subscription_in(shop, state) if state in SUBSCRIPTION_STATES else in_state(shop, state)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("way", WAYS)
def test_a_text_that_cannot_be_stored(shop: Shop, way: str, text: Any) -> None:
    state, details, _ = WAYS[way]
    subject = _subject(shop, state)
    before = everything()
    with pytest.raises(MoveRefused, match=r"^The .*\.$") as refused:
        lifecycle.MOVES[way.split(maxsplit=1)[0]](subject, by=BY, **details(text))
    assert everything() == before
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize("way", WAYS)
def test_a_text_of_any_script_comes_back_as_it_was(shop: Shop, way: str) -> None:
    state, details, path = WAYS[way]
    order = lifecycle.MOVES[way.split(maxsplit=1)[0]](_subject(shop, state), by=BY, **details(KIND))
    where, *names = path.split("__")
    found: Any = Order.objects.get(pk=order.pk)
    if where != "order":
        found = getattr(found, where).order_by("pk").last()
    for name in names:
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    assert found == KIND


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_of_an_order_gets_past(shop: Shop, text: Any) -> None:
    before = everything()
    columns = [
        field.attname
        for field in Order._meta.concrete_fields
        if isinstance(field, CharField) and not field.choices and not field.null
    ]
    assert len(columns) > 30
    for column in columns:
        with pytest.raises(MoveRefused):
            shop.partial(**{column: text})
    for part in (
        lambda: shop.partial(Line(shop.cream, Decimal(1), name=text)),
        lambda: shop.partial(Line(shop.cream, Decimal(1), external_id=text)),
    ):
        with pytest.raises(MoveRefused):
            part()
    assert everything() == before


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_of_a_payment_gets_past(shop: Shop, text: Any) -> None:
    order = in_state(shop, "partial")
    before = everything()
    for name in (
        "card_type",
        "card_bin",
        "card_last4",
        "card_expiry",
        "merchant_txn_id",
        "external_id",
        "pay_source",
    ):
        payment = Payment(**{name: text})
        for attempt in (
            lambda payment=payment: lifecycle.complete_sale(order, by=BY, payments=[payment]),
            lambda payment=payment: lifecycle.decline(order, by=BY, payment=payment),
            lambda payment=payment: lifecycle.hold_for_qa(order, by=BY, payment=payment),
        ):
            with pytest.raises(MoveRefused):
                attempt()
    assert everything() == before


@pytest.mark.parametrize("column", ["custom_fields", "attribution"])
def test_values_in_json(shop: Shop, column: str) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    before = everything()
    for value in ({"a": ["\x00"]}, {"\x00": 1}, {"a": "\ud83d"}, deep, {"a": object()}, {"a": "\\\x00"}):
        with pytest.raises(MoveRefused, match="cannot be stored"):
            shop.partial(**{column: value})
    assert everything() == before
    order = shop.partial(**{column: {"a": [KIND], KIND: None}})
    assert getattr(Order.objects.get(pk=order.pk), column) == {"a": [KIND], KIND: None}


def test_what_was_said_is_in_the_event_too(shop: Shop) -> None:
    lifecycle.refund(in_state(shop, "complete"), by=KIND, reason=KIND)
    event = Event.objects.get(type="order.refunded")
    assert (event.data["reason"], event.by) == (KIND, KIND)


def test_a_name_that_is_longer_than_a_column_of_the_log(shop: Shop) -> None:
    lifecycle.refund(in_state(shop, "complete"), by="admin:" + "j" * 200)
    assert len(Event.objects.get(type="order.refunded").by) == 150
