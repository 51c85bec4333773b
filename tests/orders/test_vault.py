"""Stored payment methods: what keeps one, when it is the same, what it is charged for, how it goes."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.history import history
from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, MoveRefused, Payment
from orders.models import Order, StoredPaymentMethod, Transaction
from tests.orders.shop import BY, Shop, ago, everything

CARD: dict[str, Any] = {
    "card_type": "VISA",
    "card_bin": "411111",
    "card_last4": "1111",
    "card_expiry": "05/2029",
}
TOKEN = "tok_9f8e7d6c5b4a"


def a_sale(shop: Shop, *payments: Payment, is_club: bool = False, **details: Any) -> Order:
    product = shop.club if is_club else shop.cream
    order = shop.partial(Line(product, Decimal("20.00")))
    return lifecycle.complete_sale(order, by=BY, payments=payments, **details)


def card(**more: Any) -> Payment:
    return Payment(**{**CARD, **more})


def told() -> list[tuple[str, dict[str, Any]]]:
    """The events of stored methods, oldest first."""
    found = Event.objects.filter(type__startswith="accountvault.").order_by("pk")
    return [(event.type.removeprefix("accountvault."), event.data) for event in found]


def named(order: Order) -> list[int | None]:
    return list(order.transactions.order_by("pk").values_list("payment_method_id", flat=True))


# --- what keeps one ----------------------------------------------------------------------------------------


def test_a_token_keeps_the_method_that_paid(shop: Shop) -> None:
    order = a_sale(shop, card(token=TOKEN, card_is_debit=True))
    stored = StoredPaymentMethod.objects.get()
    assert (stored.customer, stored.token, stored.card_last4) == (shop.customer, TOKEN, "1111")
    assert (stored.card_expiry, stored.card_is_debit, stored.modified_at) == ("05/2029", True, None)
    assert named(order) == [stored.pk]
    ((kind, data),) = told()
    assert (kind, data["method"], data["resource"]["public_id"]) == ("created", "VISA 1111", stored.public_id)
    assert data["resource"]["customer_id"] == shop.customer.pk


def test_the_token_is_in_no_event(shop: Shop) -> None:
    order = a_sale(shop, card(token=TOKEN))
    lifecycle.refund(order, by=BY, amount="1.00")
    lifecycle.remove_payment_method(StoredPaymentMethod.objects.get(), by=BY)
    assert not [event.pk for event in Event.objects.all() if TOKEN in str(event.data)]


def test_a_plain_sale_keeps_nothing(shop: Shop) -> None:
    assert named(a_sale(shop, card())) == [None]
    assert not StoredPaymentMethod.objects.exists()
    assert told() == []


def test_a_subscription_keeps_the_named_card_of_its_sale(shop: Shop) -> None:
    order = a_sale(shop, Payment(Decimal("5.00"), "VOUCHER"), card(), is_club=True)
    stored = StoredPaymentMethod.objects.get()
    assert named(order) == [None, stored.pk]
    assert order.subscriptions.get().payment_method == stored


def test_a_subscription_of_an_unnamed_card_keeps_nothing(shop: Shop) -> None:
    a_sale(shop, Payment(card_type="VISA"), is_club=True)
    assert not StoredPaymentMethod.objects.exists()


def test_a_subscription_that_starts_later_keeps_the_card_of_its_sale(shop: Shop) -> None:
    order = a_sale(shop, card())
    shop.cream.is_recurring = True
    shop.cream.save()
    lifecycle.start_subscription(order, by=BY, item=order.items.select_related("product").get())
    stored = StoredPaymentMethod.objects.get()
    assert named(order) == [stored.pk]
    assert order.subscriptions.get().payment_method == stored


@pytest.mark.parametrize("then", ["approve_qa", "decline_qa"])
def test_what_was_authorised_with_a_token_is_captured_or_voided_with_it(shop: Shop, then: str) -> None:
    order = shop.partial(Line(shop.cream, Decimal("20.00")))
    lifecycle.hold_for_qa(order, by=BY, payment=card(token=TOKEN))
    lifecycle.MOVES[then](order, by=BY)
    stored = StoredPaymentMethod.objects.get()
    assert named(order) == [stored.pk, stored.pk]


def test_an_awaited_payment_is_kept_when_it_is_settled(shop: Shop) -> None:
    with lifecycle.batch(by=BY) as work:
        case = lifecycle.create_partial_in(
            work,
            location=shop.location,
            customer=shop.customer,
            lines=[Line(shop.cream, Decimal("20.00"))],
            awaited=[card(external_id="P-1", token=TOKEN)],
        )
    assert not StoredPaymentMethod.objects.exists()
    lifecycle.complete_sale(case.order, by=BY, payments=[card(external_id="P-1", token=TOKEN)])
    assert named(case.order) == [StoredPaymentMethod.objects.get().pk]


def test_a_declined_payment_keeps_nothing(shop: Shop) -> None:
    lifecycle.decline(shop.partial(), by=BY, payment=card(token=TOKEN))
    assert not StoredPaymentMethod.objects.exists()


@pytest.mark.parametrize(
    "test_card", [{"card_type": "TESTCARD"}, {"card_last4": "0000"}, {}], ids=["type", "0000", "the order"]
)
def test_nothing_of_a_test_order_is_kept(shop: Shop, test_card: dict[str, str]) -> None:
    fields = {} if test_card else {"is_test": True}
    order = shop.partial(Line(shop.club, Decimal("20.00")), **fields)
    lifecycle.complete_sale(order, by=BY, payments=[card(token=TOKEN, **test_card)])
    assert Order.objects.get(pk=order.pk).is_test
    assert not StoredPaymentMethod.objects.exists()
    assert named(order) == [None]


def test_a_test_card_on_a_real_order_is_not_kept(shop: Shop) -> None:
    order = a_sale(shop, card())
    line = Line(shop.club, Decimal("5.00"))
    lifecycle.add_upsell(order, by=BY, lines=[line], payment=card(card_last4="0000", token=TOKEN))
    assert not StoredPaymentMethod.objects.filter(card_last4="0000").exists()


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("4111111111111111", "card number"),
        ("tok 4111-1111-1111-1111", "card number"),
        ("x" * 101, "longer than 100"),
        ("\x00", "not text"),
    ],
)
def test_no_token_is_taken_that_cannot_be_one(shop: Shop, token: str, why: str) -> None:
    order = shop.partial()
    before = everything()
    with pytest.raises(MoveRefused, match=why):
        lifecycle.complete_sale(order, by=BY, payments=[card(token=token)])
    assert everything() == before


# --- when it is the same -----------------------------------------------------------------------------------


def test_the_same_again_records_nothing(shop: Shop) -> None:
    for payment in (card(token=TOKEN), card(token=TOKEN), card(), Payment(token=TOKEN)):
        order = a_sale(shop, payment)
        assert named(order) == [StoredPaymentMethod.objects.get().pk]
    assert [kind for kind, _ in told()] == ["created"]


@pytest.mark.parametrize("again", [card(token=TOKEN, card_expiry="06/2033"), card(card_expiry="06/2033")])
def test_a_new_expiry_is_a_change(shop: Shop, again: Payment) -> None:
    a_sale(shop, card(token=TOKEN))
    a_sale(shop, again)
    stored = StoredPaymentMethod.objects.get()
    assert (stored.card_expiry, stored.token) == ("06/2033", TOKEN)
    assert stored.modified_at is not None
    (_, (kind, data)) = told()
    assert (kind, data["old"]) == ("updated", {"card_expiry": "05/2029"})
    assert data["resource"]["card_expiry"] == "06/2033"


def test_a_payment_that_names_only_the_token_says_nothing_of_the_card(shop: Shop) -> None:
    a_sale(shop, card(token=TOKEN, pay_source="DIRECTDEBIT", card_is_debit=True))
    a_sale(shop, Payment(token=TOKEN))
    stored = StoredPaymentMethod.objects.get()
    assert (stored.pay_source, stored.card_last4, stored.card_is_debit) == ("DIRECTDEBIT", "1111", True)


def test_a_stored_card_gets_its_token(shop: Shop) -> None:
    a_sale(shop, card(), is_club=True)
    a_sale(shop, card(token=TOKEN))
    assert StoredPaymentMethod.objects.get().token == TOKEN
    assert [kind for kind, _ in told()] == ["created", "updated"]


@pytest.mark.parametrize(
    "other", [{"token": "tok_2"}, {"card_last4": "2222"}, {"card_bin": "411112"}, {"card_type": "MC"}]
)
def test_another_one_is_another_one(shop: Shop, other: dict[str, str]) -> None:
    a_sale(shop, card(token=TOKEN))
    a_sale(shop, card(**{"token": "tok_1", **other}))
    assert StoredPaymentMethod.objects.count() == 2


def test_another_customers_is_another_one(shop: Shop) -> None:
    a_sale(shop, card(token=TOKEN))
    shop.customer = type(shop.customer).objects.create(location=shop.location, created_at=timezone.now())
    a_sale(shop, card(token=TOKEN))
    assert StoredPaymentMethod.objects.count() == 2


def test_an_older_fact_changes_nothing(shop: Shop) -> None:
    a_sale(shop, card(token=TOKEN))
    order = shop.partial(Line(shop.cream, Decimal("20.00")), at=ago(days=400))
    with lifecycle.batch(by=BY, past=True) as work:
        case = work.load([order.pk])[order.pk]
        lifecycle.complete_sale.on(
            work, case, at=ago(days=400), payments=[card(token=TOKEN, card_expiry="01/2026")]
        )
    stored = StoredPaymentMethod.objects.get()
    assert (stored.card_expiry, named(order)) == ("05/2029", [stored.pk])


def test_history_keeps_its_methods_and_tells_nobody(shop: Shop) -> None:
    long_ago = ago(days=400)
    order = shop.partial(Line(shop.club, Decimal("20.00")), at=long_ago)
    with lifecycle.batch(by=BY, past=True) as work:
        lifecycle.complete_sale.on(work, work.load([order.pk])[order.pk], at=long_ago, payments=[card()])
    stored = StoredPaymentMethod.objects.get()
    event = Event.objects.get(type="accountvault.created")
    assert (stored.created_at, event.occurred_at, event.muted) == (long_ago, long_ago, "old")
    assert event.data == {"method": "VISA 1111"}


# --- in sets -----------------------------------------------------------------------------------------------


def many(shop: Shop, count: int, *, offset: int = 0) -> list[Order]:
    with lifecycle.batch(by=BY) as work:
        cases = [
            lifecycle.create_partial_in(
                work,
                location=shop.location,
                customer=shop.customer,
                lines=[Line(shop.club, Decimal("20.00"))],
            )
            for _ in range(count)
        ]
        for number, case in enumerate(cases, offset):
            lifecycle.complete_sale.on(
                work, case, payments=[card(token=f"tok_{number}", gateway=shop.gateway)]
            )
    return [case.order for case in cases]


def test_a_batch_takes_as_many_statements_for_many_sales_as_for_few(shop: Shop) -> None:
    counts = []
    for count, offset in ((3, 0), (60, 0), (60, 100)):
        with CaptureQueriesContext(connection) as statements:
            orders = many(shop, count, offset=offset)
        counts.append(len(statements))
        assert all(None not in named(order) for order in orders)
    assert StoredPaymentMethod.objects.count() == 120
    assert max(counts) <= 40
    assert counts[1] == counts[2] <= counts[0]  # the first also opens the day's settlement batch


def test_sales_and_changes_in_one_batch_are_as_one_by_one(shop: Shop) -> None:
    orders = [shop.partial(Line(shop.cream, Decimal("20.00"))) for _ in range(3)]
    paying = [card(token=TOKEN), card(card_expiry="06/2030"), Payment(token=TOKEN)]
    with lifecycle.batch(by=BY) as work:
        cases = work.load(order.pk for order in orders)
        for minutes, order, payment in zip((9, 6, 3), orders, paying, strict=True):
            lifecycle.complete_sale.on(work, cases[order.pk], at=ago(minutes=minutes), payments=[payment])
        lifecycle.refund.on(work, cases[orders[2].pk], amount="1.00")
    stored = StoredPaymentMethod.objects.get()
    assert [named(order) for order in orders] == [[stored.pk], [stored.pk], [stored.pk, stored.pk]]
    assert [(kind, data.get("old")) for kind, data in told()] == [
        ("created", None),
        ("updated", {"card_expiry": "05/2029"}),
    ]
    assert stored.card_expiry == "06/2030"


# --- what it is charged for --------------------------------------------------------------------------------


def test_a_rebill_charges_the_stored_method_as_it_is_now(shop: Shop) -> None:
    order = a_sale(shop, card(token=TOKEN, gateway=shop.gateway), is_club=True)
    a_sale(shop, card(token=TOKEN, card_expiry="06/2033"))
    lifecycle.rebill(order.subscriptions.get(), by=BY)
    row = Transaction.objects.latest("pk")
    assert (row.payment_method, row.card_expiry) == (StoredPaymentMethod.objects.get(), "06/2033")
    assert (row.card_last4, row.gateway) == ("1111", shop.gateway)
    lifecycle.decline_rebill(order.subscriptions.get(), by=BY)
    assert Transaction.objects.latest("pk").payment_method == row.payment_method


def test_a_rebill_keeps_the_card_of_a_subscription_that_has_none(shop: Shop) -> None:
    """One that began before methods were kept."""
    order = a_sale(shop, card(), is_club=True)
    order.transactions.update(payment_method=None)
    order.subscriptions.update(payment_method=None)
    StoredPaymentMethod.objects.all().delete()
    lifecycle.rebill(order.subscriptions.get(), by=BY)
    stored = StoredPaymentMethod.objects.get()
    assert order.subscriptions.get().payment_method == stored
    assert Transaction.objects.latest("pk").payment_method == stored


def test_a_rebill_within_the_batch_of_its_sale_charges_the_same(shop: Shop) -> None:
    order = shop.partial(Line(shop.club, Decimal("20.00")))
    with lifecycle.batch(by=BY) as work:
        case = work.load([order.pk])[order.pk]
        lifecycle.complete_sale.on(work, case, payments=[card(token=TOKEN)])
        lifecycle.rebill.on(work, case, subscription=case.subscriptions[0])
    stored = StoredPaymentMethod.objects.get()
    assert set(Transaction.objects.values_list("payment_method_id", flat=True)) == {stored.pk}


@pytest.mark.parametrize("name", ["refund", "charge_back"])
def test_what_goes_back_names_the_method_that_paid(shop: Shop, name: str) -> None:
    order = a_sale(shop, card(token=TOKEN))
    lifecycle.MOVES[name](order, by=BY)
    assert named(order) == [StoredPaymentMethod.objects.get().pk] * 2


# --- how it goes -------------------------------------------------------------------------------------------


def test_removing_leaves_a_tombstone_and_tells_how_it_was(shop: Shop) -> None:
    order = a_sale(shop, card(token=TOKEN))
    stored = StoredPaymentMethod.objects.get()
    lifecycle.remove_payment_method(stored, by="admin:jane")
    stored.refresh_from_db()
    assert stored.removed_at is not None and named(order) == [stored.pk]
    event = Event.objects.latest("pk")
    assert (event.type, event.by, event.customer) == ("accountvault.deleted", "admin:jane", shop.customer)
    assert event.data["resource"]["card_expiry"] == "05/2029"
    assert "removed_at" not in event.data["resource"]
    with pytest.raises(lifecycle.MethodGone):
        lifecycle.remove_payment_method(stored, by=BY)
    assert [kind for kind, _ in told()] == ["created", "deleted"]
    texts = [entry.text for entry in history(shop.customer).entries]
    assert "Payment method removed: VISA 1111" in texts and "Payment method stored: VISA 1111" in texts


def test_what_was_removed_is_kept_anew_when_it_pays_again(shop: Shop) -> None:
    for _ in range(2):
        a_sale(shop, card(token=TOKEN))
        lifecycle.remove_payment_method(StoredPaymentMethod.objects.get(removed_at=None), by=BY)
    assert StoredPaymentMethod.objects.count() == 2


def test_a_rebill_after_the_removal_names_no_card(shop: Shop) -> None:
    order = a_sale(shop, card(token=TOKEN, gateway=shop.gateway), is_club=True)
    lifecycle.remove_payment_method(StoredPaymentMethod.objects.get(), by=BY)
    lifecycle.rebill(order.subscriptions.get(), by=BY)
    row = Transaction.objects.latest("pk")
    assert (row.payment_method, row.card_last4, row.gateway) == (None, "", shop.gateway)


def test_foreseeing_a_sale_keeps_nothing(shop: Shop) -> None:
    order = shop.partial()
    with lifecycle.batch(by=BY) as work:
        case = work.load([order.pk])[order.pk]
    lifecycle.foresee(lifecycle.complete_sale, case, payments=[card(token=TOKEN)])
    assert not StoredPaymentMethod.objects.exists()
