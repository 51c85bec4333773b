"""What postbacks tell of stored payment methods and settlement batches, from what is paid to what arrives."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Location
from delivery.models import Event
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Order, Product, SettlementBatch, StoredPaymentMethod
from postbacks import taking
from tests.api.clients import an_integrator
from tests.postbacks.listeners import BY, Said, a_config, a_contact, a_gateway, a_location, all_said, carry
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "tok_9f8e7d6c5b4a"
CARD = {"card_type": "VISA", "card_bin": "411111", "card_last4": "1111", "card_expiry": "05/2029"}
# Of the documentation (reference §2.4), in its order.
BATCH = [
    *("id", "batch_num", "is_open", "processing_status_id", "product_transaction_id", "created_ts"),
    *("settlement_file_name", "batch_close_ts"),
]
VAULT = [
    *("id", "location_id", "contact_id", "payment_method", "account_holder_name", "first_six", "last_four"),
    *("exp_date", "account_type", "is_debit", "is_prepaid", "created_ts", "modified_ts"),
]
CHANGELOG = ["id", "created_ts", "action", "model", "model_id", "user_id", "changelog_details", "user"]


@pytest.fixture
def here() -> Location:
    return a_location()


def sell(location: Location, customer: Any, *, by: str = BY, **payment: Any) -> Order:
    product, _ = Product.objects.get_or_create(location=location, name="Cream", sku="C-1")
    order = lifecycle.create_partial(
        by=by, location=location, customer=customer, lines=[Line(product, Decimal("19.95"))]
    )
    return lifecycle.complete_sale(order, by=by, payments=[Payment(**{**CARD, **payment})])


def the_day_is_over() -> None:
    SettlementBatch.objects.update(day=timezone.now().date() - timedelta(days=2))
    assert lifecycle.close_due_batches(by="schedule:close_batches") == 1


def details(one: Said) -> dict[str, Any]:
    (log,) = one.data["changelogs"]
    assert list(log) == CHANGELOG
    assert (log["action"], log["model_id"]) == (one.type, one.data["id"])
    return {change["field"]: change["old_value"] for change in log["changelog_details"]}


def test_a_stored_method_is_told_when_it_is_made_changed_and_removed(
    here: Location, receiver: Receiver
) -> None:
    a_config(here, receiver.url("/hook"), resource="accountvault", expands="changelogs,contact,location")
    customer = a_contact(here, first_name="Ada")
    sell(here, customer, token=TOKEN)
    carry()
    sell(here, customer, token=TOKEN)  # nothing new
    carry()
    sell(here, customer, token=TOKEN, card_expiry="06/2033", card_is_debit=True)
    carry()
    stored = StoredPaymentMethod.objects.get()
    shop = an_integrator(here)
    answer = shop.get(f"accountvaults/{stored.public_id}").body["accountvault"]
    lifecycle.remove_payment_method(stored, by="admin:jane")
    carry()
    told = all_said(receiver)
    assert [(one.type, one.resource) for one in told] == [
        ("CREATE", "accountvault"),
        ("UPDATE", "accountvault"),
        ("DELETE", "accountvault"),
    ]
    for one in told:
        assert list(one.data) == [*VAULT, "changelogs", "contact", "location"]
        assert one.data["contact_id"] == one.data["contact"]["id"] == customer.public_id
    assert [one.data["exp_date"] for one in told] == ["05/2029", "06/2033", "06/2033"]
    assert [one.data["modified_ts"] is None for one in told] == [True, False, False]
    assert [details(one) for one in told] == [{}, {"exp_date": "05/2029", "is_debit": False}, {}]
    assert [one.data["changelogs"][0]["user"]["username"] for one in told] == ["test", "test", "jane"]
    as_answered = {name: value for name, value in answer.items() if name != "_links"}
    assert {name: told[1].data[name] for name in VAULT} == as_answered
    assert not [request for request in receiver.requests if TOKEN.encode() in request.body]


@pytest.mark.parametrize("wanted", ["create", "update", "delete"])
def test_only_what_is_switched_on(here: Location, receiver: Receiver, wanted: str) -> None:
    on = {f"on_{name}": name == wanted for name in ("create", "update", "delete")}
    a_config(here, receiver.url("/hook"), resource="accountvault", **on)
    customer = a_contact(here)
    sell(here, customer, token=TOKEN)
    sell(here, customer, card_expiry="06/2033")
    lifecycle.remove_payment_method(StoredPaymentMethod.objects.get(), by=BY)
    carry()
    assert [one.type for one in all_said(receiver)] == [wanted.upper()]


def test_a_batch_is_told_when_it_opens_and_closes(here: Location, receiver: Receiver) -> None:
    gateway, other = a_gateway(here), a_gateway(here, "Other")
    a_config(here, receiver.url("/hook"), "transactionbatch", gateway=gateway, expands="changelogs")
    for each in (gateway, gateway, other):
        sell(here, a_contact(here), gateway=each)
    carry()
    opened = SettlementBatch.objects.get(gateway=gateway)
    SettlementBatch.objects.filter(gateway=gateway).update(day=timezone.now().date() - timedelta(days=2))
    assert lifecycle.close_due_batches(by="schedule:close_batches") == 1
    carry()
    told = all_said(receiver)
    assert [(one.type, one.resource) for one in told] == [
        ("CREATE", "transactionbatch"),
        ("UPDATE", "transactionbatch"),
    ]
    for one in told:
        assert list(one.data) == [*BATCH, "changelogs"]
        assert (one.data["id"], one.data["batch_num"]) == (opened.public_id, 1)
        assert one.data["product_transaction_id"] == gateway.public_id
    assert [one.data["is_open"] for one in told] == [True, False]
    assert [one.data["batch_close_ts"] is None for one in told] == [True, False]
    assert [details(one) for one in told] == [{}, {"is_open": True, "batch_close_ts": None}]
    shop = an_integrator(here)
    answer = shop.get(f"transactionbatches/{opened.public_id}").body["transactionbatch"]
    assert {name: told[1].data[name] for name in BATCH} == {name: answer[name] for name in BATCH}
    found = shop.get(f"transactionbatches?product_transaction_id={gateway.public_id}&is_open=0").body
    assert [one["id"] for one in found["transactionbatches"]] == [opened.public_id]


def test_a_transaction_names_its_batch_and_the_method_that_paid(here: Location, receiver: Receiver) -> None:
    gateway = a_gateway(here)
    a_config(here, receiver.url("/hook"), "transaction", gateway=gateway, expands="account_vault")
    sell(here, a_contact(here), gateway=gateway, token=TOKEN)
    the_day_is_over()  # before the postback is queued: at the time of the event it was open
    carry()
    (told,) = all_said(receiver)
    stored = StoredPaymentMethod.objects.get()
    assert (told.data["batch"], told.data["settle_date"]) == (1, None)
    assert (told.data["account_vault_id"], told.data["is_accountvault"]) == (stored.public_id, True)
    assert list(told.data["account_vault"]) == VAULT
    answer = an_integrator(here).get(f"transactions/{told.data['id']}").body["transaction"]
    assert answer["settle_date"] == str(SettlementBatch.objects.get().day)
    assert (answer["status_id"], answer["account_vault_id"]) == (101, stored.public_id)


def test_a_direct_debit_reads_settled_once_its_batch_is_closed(here: Location) -> None:
    order = sell(here, a_contact(here), gateway=a_gateway(here), pay_source="DIRECTDEBIT")
    shop, address = an_integrator(here), f"transactions?order_num={order.client_order_id}"
    assert [one["status_id"] for one in shop.get(address).body["transactions"]] == [101]
    the_day_is_over()
    assert [one["status_id"] for one in shop.get(address).body["transactions"]] == [134]


@pytest.mark.parametrize("test_card", [{"card_type": "TESTCARD"}, {"card_last4": "0000"}])
def test_test_cards_leave_nowhere(here: Location, receiver: Receiver, test_card: dict[str, str]) -> None:
    gateway = a_gateway(here)
    for resource in ("accountvault", "transactionbatch"):
        a_config(here, receiver.url("/hook"), resource, gateway=gateway)
    sell(here, a_contact(here), gateway=gateway, token=TOKEN, **test_card)
    carry()
    assert receiver.requests == []


def test_an_order_that_turns_out_to_be_a_test_takes_its_method_along(
    here: Location, receiver: Receiver
) -> None:
    """Before anybody was told."""
    a_config(here, receiver.url("/hook"), "accountvault")
    order = sell(here, a_contact(here), token=TOKEN)
    Order.objects.filter(pk=order.pk).update(is_test=True)
    carry()
    assert receiver.requests == []


def test_old_facts_tell_nobody(here: Location, receiver: Receiver) -> None:
    gateway = a_gateway(here)
    for resource in ("accountvault", "transactionbatch"):
        a_config(here, receiver.url("/hook"), resource, gateway=gateway)
    at = timezone.now() - timedelta(days=3)
    with lifecycle.batch(by=BY, past=True) as work:
        case = lifecycle.create_partial_in(work, location=here, customer=a_contact(here), at=at)
        paid = Payment(**CARD, amount=Decimal(1), gateway=gateway, token=TOKEN)
        lifecycle.complete_sale.on(work, case, at=at, payments=[paid])
    carry()
    assert receiver.requests == []
    assert StoredPaymentMethod.objects.exists() and not SettlementBatch.objects.exists()
    assert Event.objects.get(type="accountvault.created").muted == "old"


def test_statements_do_not_grow(here: Location) -> None:
    gateway = a_gateway(here)
    a_config(here, "http://127.0.0.1:9/v", "accountvault", expands="contact,location,changelogs")
    a_config(here, "http://127.0.0.1:9/t", "transaction", gateway=gateway, expands="account_vault")
    counts = []
    for sales in (1, 5, 30):
        for number in range(sales):
            sell(here, a_contact(here), gateway=gateway, token=f"{sales}-{number}")
        with CaptureQueriesContext(connection) as statements:
            assert taking.run() == 2 * sales
        counts.append(len(statements))
    assert len(set(counts)) == 1, counts
