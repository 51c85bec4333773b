"""Erasing one customer: when it is refused, what it closes, what may still happen, who is told."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import Change
from customers import erasing, services
from customers.erasing import EraseRefused
from customers.history import history
from customers.models import Customer
from delivery import catalogue
from delivery.models import Delivery, Event
from exports import sweep
from exports.explain import explain
from exports.models import Export
from orders import lifecycle
from orders.lifecycle import MOVES, Line, MoveRefused, Payment
from orders.lifecycle.moves import AFTER_ERASING
from orders.models import Order
from postbacks import taking
from tests.exports.partners import a_profile
from tests.orders.shop import STATES, Shop, a_shop, ago, in_state, subscription_in
from tests.postbacks.listeners import a_config

pytestmark = pytest.mark.django_db(transaction=True)

BY = "admin:jane"


@pytest.fixture
def store() -> Shop:
    return a_shop()


def erase(customer: Customer) -> Customer:
    row = erasing.request(customer, by=BY)
    assert erasing.walk(row).is_done
    row.refresh_from_db()
    assert row.erased_at is not None
    return row


# --- when --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "paused", "recycling"])
def test_refused_while_a_subscription_runs(store: Shop, state: str) -> None:
    subscription = subscription_in(store, state)
    with pytest.raises(EraseRefused, match=rf"{subscription.order.client_order_id} .*Cancel it"):
        erasing.request(store.customer, by=BY)
    store.customer.refresh_from_db()
    assert store.customer.email == "ada@example.com" and not Change.objects.exists()
    lifecycle.cancel_subscription(subscription, by=BY)
    erase(store.customer)


def test_refused_while_a_payment_is_held(store: Shop) -> None:
    order = in_state(store, "held")
    with pytest.raises(EraseRefused, match=f"{order.client_order_id} has a payment held for QA. Approve"):
        erasing.request(store.customer, by=BY)
    lifecycle.decline_qa(order, by=BY)
    erase(store.customer)


def test_asked_for_twice_it_is_done_once(store: Shop) -> None:
    erase(store.customer)
    erase(store.customer)
    assert Event.objects.filter(type="contact.deleted").count() == Change.objects.count() == 1


def test_not_within_a_transaction(store: Shop) -> None:
    from django.db import transaction

    with transaction.atomic(), pytest.raises(RuntimeError, match="transactions"):
        erasing.walk(store.customer)


# --- what it closes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found_by", [{"email": "ADA@example.com"}, {"cell_phone": "555 0100"}, {"external_id": "A-1"}]
)
def test_the_same_person_is_a_new_customer(store: Shop, found_by: dict[str, str]) -> None:
    services.update(store.customer, by=BY, external_id="A-1")
    erase(store.customer)
    [new] = services.take_in(store.location, [{"last_name": "Lovelace", **found_by}], by=BY)
    assert new.pk != store.customer.pk and new.deleted_at is None


def test_nothing_is_written_to_a_tombstone(store: Shop) -> None:
    row = erase(store.customer)
    for write in (
        lambda: services.update(row, by=BY, city="x"),
        lambda: services.delete(row, by=BY),
        lambda: services.add_note(row, "x", by=BY),
    ):
        with pytest.raises(services.ContactRefused, match="deleted"):
            write()
    with pytest.raises(MoveRefused, match="erased meanwhile"):
        lifecycle.create_partial(by=BY, location=store.location, customer=store.customer)


@pytest.mark.parametrize("state", ["partial", "complete", "shipped", "declined"])
def test_only_money_and_goods_go_back(store: Shop, state: str) -> None:
    order = in_state(store, state)
    for one in order.subscriptions.all():
        lifecycle.cancel_subscription(one, by=BY)
    erase(store.customer)
    details: dict[str, dict[str, Any]] = {
        "update_cart": {"email": "ada@example.com"},
        "add_upsell": {"lines": [Line(store.cream, Decimal(1))]},
        "start_subscription": {"item": order.items.first()},
        "hold_for_qa": {"payment": Payment()},
    }
    of_orders = [one for one in MOVES.values() if not one.of_subscription]
    for move in sorted(of_orders, key=lambda one: one.name):
        if move.name in AFTER_ERASING:
            continue
        with pytest.raises(MoveRefused, match="erased"):
            move(order, by=BY, **details.get(move.name, {}))
    if state != "partial" and state != "declined":
        lifecycle.refund(order, by=BY, amount="1.00")
        lifecycle.charge_back(order, by=BY)
    assert Order.objects.get().email == ""


def test_every_state_of_an_order_can_be_erased(store: Shop) -> None:
    for state in sorted(set(STATES) - {"held"}):
        in_state(store, state)
    for order in Order.objects.all():
        for one in order.subscriptions.exclude(status="CANCELLED"):
            lifecycle.cancel_subscription(one, by=BY)
    before = list(
        Order.objects.order_by("pk").values_list("pk", "status", "total", "paid", "refunded", "charged_back")
    )
    erase(store.customer)
    columns = ("pk", "status", "total", "paid", "refunded", "charged_back")
    assert list(Order.objects.order_by("pk").values_list(*columns)) == before
    assert Order.objects.exclude(chargeback={}).get().chargeback["reason_code"] == "4837"


def test_importing_the_file_again_brings_nobody_back(store: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,created_at,sku,product,quantity,price,email\nW-1,2024-03-01,C-1,Cream,1,9,bob@example.com\n"
    )
    call_command("import_orders", str(path), "--preset", "postrider", verbosity=0)
    bob = Customer.objects.get(email="bob@example.com")
    erase(bob)
    call_command("import_orders", str(path), "--preset", "postrider", verbosity=0)
    assert not Customer.objects.filter(email="bob@example.com").exists() and Order.objects.get().email == ""


# --- what is said of it ------------------------------------------------------------------------------


def test_history_says_what_happened_without_whom(store: Shop) -> None:
    services.update(store.customer, by=BY, city="London")
    services.add_note(store.customer, "Ada rang", by=BY)
    order = in_state(store, "cancelled unpaid")
    row = erase(store.customer)
    texts = [entry.text for entry in history(row).entries]
    assert "Customer changed: city" in texts and "A note, erased with the customer" in texts
    assert "Order cancelled" in texts and not any("Ada" in text or "mind" in text for text in texts)
    assert str(row) == f"Customer {row.pk}" and Order.objects.get(pk=order.pk).cancel_reason == ""
    assert all(catalogue.sentence(event.type, event.data) for event in Event.objects.all())


def test_the_audit_log_says_who_asked_and_not_whose_it_was(store: Shop) -> None:
    erase(store.customer)
    change = Change.objects.get()
    assert (change.by, change.subject_name) == (BY, f"Customer {store.customer.pk}")
    assert (change.old, change.new) == (None, None)


def test_what_was_not_taken_yet_is_skipped(store: Shop) -> None:
    profile = a_profile(store, "https://example.com/", [], "partial")  # type: ignore[arg-type]
    config = a_config(store.location, "https://example.com/", "order")
    order = store.partial(at=None)
    erase(store.customer)
    sweep.run([profile])
    taking.run()
    assert not Delivery.objects.filter(target_id=config.pk, channel="postback").exists()
    assert Export.objects.get().get_skip_display() == "its customer was erased"
    [verdict] = explain(order, profile)
    assert verdict.reason == "its customer was erased"


# --- who is told -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("external_id", "is_told"),
    [("crm-17", True), ("ada@example.com", False), ("x-LOVELACE", False), ("0-5550100", False), ("", False)],
)
def test_an_id_that_names_somebody_is_not_told(store: Shop, external_id: str, is_told: bool) -> None:
    services.update(store.customer, by=BY, external_id=external_id, cell_phone="5550100")
    erase(store.customer)
    data = Event.objects.get(type="contact.deleted").data
    assert data.get("external_id") == (external_id if is_told else None)
    assert data.keys() <= {"id", "external_id", "created_at", "modified_at", "erased"} | _PLAIN


_PLAIN = {"email_trx_receipt", "header_message_type"}


def test_who_was_deleted_before_is_not_told_of_twice(store: Shop) -> None:
    a_config(store.location, "https://example.com/", "contact")
    services.delete(store.customer, by=BY)
    taking.run()
    Delivery.objects.update(
        state="delivered", due_at=None, finished_at=ago(minutes=1), kept_on=ago(minutes=1).date()
    )
    erase(store.customer)
    assert Event.objects.filter(type="contact.deleted").count() == 1


def test_but_is_if_nobody_knows_yet(store: Shop) -> None:
    a_config(store.location, "https://example.com/", "contact")
    services.delete(store.customer, by=BY)
    taking.run()
    [waiting] = Delivery.objects.all()
    erase(store.customer)
    taking.run()
    waiting.refresh_from_db()
    assert waiting.state == "cancelled" and waiting.content == ""
    [goodbye] = Delivery.objects.exclude(pk=waiting.pk)
    assert goodbye.state == "pending" and "Ada" not in goodbye.content
    assert goodbye.reason == "DELETE contact of an erased customer"
