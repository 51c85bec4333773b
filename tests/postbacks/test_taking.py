"""Which events become postbacks of which config, once, and what each says."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import services as customers
from customers.history import history
from customers.models import Location
from delivery.models import Delivery, Event
from orders import lifecycle
from orders.api.answers import OrderAnswer
from orders.lifecycle import Line, Payment
from orders.models import Order, Product, StoredPaymentMethod
from postbacks import services, taking
from postbacks.models import Postback, PostbackConfig, Reach
from tests.api.clients import an_integrator
from tests.postbacks.listeners import (
    BY,
    a_config,
    a_contact,
    a_gateway,
    a_location,
    all_said,
    carry,
    said,
)
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1:9/hook"
# The documentation's keys, in its order.
TRANSACTION = re.findall(
    r"\w+",
    "id payment_method account_vault_id recurring_id first_six last_four account_holder_name "
    "transaction_amount description transaction_code avs batch order_num verbiage "
    "transaction_settlement_status effective_date routing return_date created_ts modified_ts "
    "transaction_api_id terms_agree notification_email_address notification_email_sent response_message "
    "auth_amount auth_code status_id type_id location_id reason_code_id contact_id billing_zip "
    "billing_street product_transaction_id tax customer_ip customer_id po_number avs_enhanced cvv_response "
    "billing_phone billing_city billing_state clerk_number tip_amount created_user_id modified_user_id "
    "ach_identifier check_number settle_date charge_back_date void_date account_type is_recurring "
    "is_accountvault transaction_c1 transaction_c2 transaction_c3 additional_amounts "
    "terminal_serial_number entry_mode_id terminal_id quick_invoice_id ach_sec_code custom_data "
    "hosted_payment_page_id trx_source_id emv_receipt_data",
)
CARD = {"card_type": "VISA", "card_bin": "411111", "card_last4": "1111", "card_expiry": "05/2029"}


@pytest.fixture
def here() -> Location:
    return a_location()


def a_sale(location: Location, *, recurring: bool = False, **payment: object) -> Order:
    product, _ = Product.objects.get_or_create(
        location=location, name="Club" if recurring else "Cream", sku="C-1", is_recurring=recurring
    )
    order = lifecycle.create_partial(
        by=BY,
        location=location,
        customer=a_contact(location),
        lines=[Line(product, Decimal("19.95"))],
        address1="1 Main St",
        postal_code="60601",
    )
    return lifecycle.complete_sale(order, by=BY, payments=[Payment(**{**CARD, **payment})])


def kinds(receiver: Receiver) -> list[tuple[str, str]]:
    return [(one.type, one.resource) for one in all_said(receiver)]


def test_create_update_and_delete_of_a_contact(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    contact = a_contact(here, email="a@example.com")
    carry()
    customers.update(contact, by=BY, email="b@example.com")
    carry()
    customers.delete(contact, by=BY)
    carry()
    told = all_said(receiver)
    assert [one.type for one in told] == ["CREATE", "UPDATE", "DELETE"]
    assert [one.data["email"] for one in told] == ["a@example.com", "b@example.com", "b@example.com"]
    assert {one.data["id"] for one in told} == {contact.public_id}


@pytest.mark.parametrize("wanted", ["CREATE", "UPDATE", "DELETE"])
def test_only_what_is_switched_on(here: Location, receiver: Receiver, wanted: str) -> None:
    on = {f"on_{name.lower()}": name == wanted for name in ("CREATE", "UPDATE", "DELETE")}
    a_config(here, receiver.url("/hook"), **on)
    contact = a_contact(here)
    customers.update(contact, by=BY, email="b@example.com")
    customers.delete(contact, by=BY)
    carry()
    assert [one.type for one in all_said(receiver)] == [wanted]


def test_data_is_the_resource_at_the_time_of_the_event(here: Location, receiver: Receiver) -> None:
    """Whatever happens before it is taken, or sent."""
    a_config(here, receiver.url("/hook"))
    contact = a_contact(here, city="Paris")
    customers.update(contact, by=BY, city="Rome")
    customers.update(contact, by=BY, city="Oslo")
    carry()
    assert sorted((one.type, one.data["city"]) for one in all_said(receiver)) == [
        ("CREATE", "Paris"),
        ("UPDATE", "Oslo"),
        ("UPDATE", "Rome"),
    ]


def test_other_locations_and_other_resources_are_not_told(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    a_config(a_location("Other"), receiver.url("/other"))
    a_config(here, receiver.url("/orders"), resource="order")
    a_contact(here)
    carry()
    assert [request.path for request in receiver.requests] == ["/hook"]


def test_several_configs_are_each_told_once(here: Location, receiver: Receiver) -> None:
    for number in range(3):
        a_config(here, receiver.url(f"/{number}"), expands="location" if number else "")
    a_contact(here)
    carry()
    taking.run()
    carry()
    assert sorted(request.path for request in receiver.requests) == ["/0", "/1", "/2"]
    assert ["location" in said(one).data for one in sorted(receiver.requests, key=lambda one: one.path)] == [
        False,
        True,
        True,
    ]


def test_what_happened_before_a_config_was_made_is_not_posted(here: Location, receiver: Receiver) -> None:
    a_contact(here)
    a_config(here, receiver.url("/hook"))
    carry()
    assert receiver.requests == []
    Reach.objects.update(tx=0, event_id=0)  # wherever we look from
    carry()
    assert receiver.requests == []


def test_old_events_go_nowhere(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    long_ago = timezone.now() - timedelta(days=2)
    customers.take_in(
        here, [{"last_name": "Old"}, {"last_name": "New"}], by=BY, at=[long_ago, timezone.now()]
    )
    carry()
    assert [one.data["last_name"] for one in all_said(receiver)] == ["New"]


def test_nothing_is_doubled_when_the_position_is_lost(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    a_contact(here)
    carry()
    Reach.objects.update(tx=0, event_id=0)
    assert taking.run() == 0
    carry()
    assert len(receiver.requests) == Postback.objects.count() == 1


def test_a_sale_tells_orders_transactions_and_subscriptions(here: Location, receiver: Receiver) -> None:
    gateway = a_gateway(here)
    a_config(here, receiver.url("/order"), resource="order", expands="contact,location")
    a_config(here, receiver.url("/transaction"), resource="transaction", gateway=gateway)
    a_config(here, receiver.url("/subscription"), resource="subscription")
    order = a_sale(here, recurring=True, gateway=gateway)
    carry()
    assert sorted(kinds(receiver)) == [
        ("CREATE", "order"),
        ("CREATE", "subscription"),
        ("CREATE", "transaction"),
        ("UPDATE", "order"),
    ]
    by_kind = {(one.type, one.resource): one.data for one in all_said(receiver)}
    assert [by_kind[kind, "order"]["status"] for kind in ("CREATE", "UPDATE")] == ["PARTIAL", "COMPLETE"]
    item = order.items.get()
    assert by_kind["UPDATE", "order"]["items"][0] == {
        **{"id": item.pk, "product_id": item.product_id, "sku": "C-1", "name": "Club", "type": "OFFER"},
        **{"quantity": 1, "price": "19.9500", "shipping": "0.00", "external_id": None},
    }
    assert list(by_kind["UPDATE", "order"]) == [*OrderAnswer().fields, "contact", "location"]
    assert by_kind["UPDATE", "order"]["contact"]["last_name"] == "Jones"
    paid = by_kind["CREATE", "transaction"]
    assert (paid["transaction_amount"], paid["status_id"], paid["type_id"]) == ("19.95", 101, 20)
    assert (paid["order_num"], paid["billing_zip"]) == (order.client_order_id, "60601")
    assert paid["product_transaction_id"] == gateway.public_id
    assert list(paid) == TRANSACTION
    assert by_kind["CREATE", "subscription"]["order_id"] == order.client_order_id


def test_data_is_what_the_api_answers(here: Location, receiver: Receiver) -> None:
    """Of the same moment; a transaction also names the stored payment method of its card."""
    gateway = a_gateway(here)
    a_config(here, receiver.url("/order"), resource="order", on_create=False)
    a_config(here, receiver.url("/transaction"), resource="transaction", gateway=gateway)
    order = a_sale(here, gateway=gateway)
    carry()
    told = {one.resource: one.data for one in all_said(receiver)}
    shop = an_integrator(here)
    answer = shop.get(f"orders/{order.client_order_id}").body["order"]
    assert told["order"] == {name: value for name, value in answer.items() if name != "_links"}
    answer = shop.get(f"transactions/{told['transaction']['id']}").body["transaction"]
    assert told["transaction"] == {name: value for name, value in answer.items() if name != "_links"}


def test_the_stored_payment_method_of_a_transaction(here: Location, receiver: Receiver) -> None:
    a_config(
        here, receiver.url("/hook"), resource="transaction", gateway=a_gateway(here), expands="account_vault"
    )
    order = lifecycle.create_partial(by=BY, location=here, customer=a_contact(here))
    card: dict[str, Any] = {name: CARD[name] for name in ("card_type", "card_bin", "card_last4")}
    card |= {"token": "secret-token", "created_at": timezone.now()}
    stored = StoredPaymentMethod.objects.create(location=here, customer=order.customer, **card)
    paid = Payment(**CARD, gateway=a_gateway(here), amount=Decimal("1.00"))
    lifecycle.complete_sale(order, by=BY, payments=[paid])
    carry()
    (told,) = all_said(receiver)
    assert (told.data["account_vault_id"], told.data["is_accountvault"]) == (stored.public_id, True)
    assert told.data["account_vault"]["last_four"] == "1111"
    assert b"secret-token" not in receiver.requests[0].body


def test_parcels_of_an_order(here: Location, receiver: Receiver) -> None:
    order = a_sale(here)
    a_config(here, receiver.url("/hook"), resource="order", expands="fulfillments")
    lifecycle.ship(order, by=BY, tracking_number="1Z999")
    carry()
    (told,) = all_said(receiver)
    assert [one["tracking_number"] for one in told.data["fulfillments"]] == ["1Z999"]


def test_transactions_of_another_gateway_are_not_told(here: Location, receiver: Receiver) -> None:
    config = a_config(here, receiver.url("/hook"), resource="transaction", gateway=a_gateway(here))
    a_sale(here, gateway=a_gateway(here, "Other"))
    a_sale(here)
    carry()
    assert (receiver.requests, config.postbacks.count()) == ([], 0)


@pytest.mark.parametrize("test_card", [{"card_type": "TESTCARD"}, {"card_last4": "0000"}])
def test_test_card_orders_leave_nowhere(
    here: Location, receiver: Receiver, test_card: dict[str, str]
) -> None:
    gateway = a_gateway(here)
    for resource in ("order", "transaction", "subscription"):
        a_config(here, receiver.url("/hook"), resource=resource, gateway=gateway)
    a_sale(here, recurring=True, gateway=gateway, **test_card)
    carry()
    assert receiver.requests == []
    assert not Delivery.objects.exists()


def test_changelogs_say_what_was_there_before(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"), expands="changelogs")
    contact = a_contact(here, email="a@example.com", external_id="X-1")
    customers.update(contact, by="admin:jane", email="b@example.com", external_id="X-2")
    carry()
    logs = {one.type: one.data["changelogs"] for one in all_said(receiver)}
    assert [one["changelog_details"] for one in logs["CREATE"]] == [[]]
    (log,) = logs["UPDATE"]
    assert (log["action"], log["model"], log["model_id"]) == ("UPDATE", "Contact", contact.public_id)
    assert log["user"]["username"] == "jane"
    assert [(one["field"], one["old_value"]) for one in log["changelog_details"]] == [
        ("email", "a@example.com"),
        ("contact_api_id", "X-1"),
    ]
    assert {one["changelog_id"] for one in log["changelog_details"]} == {log["id"]}


def test_changelogs_of_an_order(here: Location, receiver: Receiver) -> None:
    order = a_sale(here)
    a_config(here, receiver.url("/hook"), resource="order", expands="changelogs")
    lifecycle.refund(order, by=BY, amount="5.00", reason="Damaged")
    carry()
    (told,) = all_said(receiver)
    assert (told.data["refunded"], told.data["refund_reason"]) == ("5.00", "Damaged")
    details = {one["field"]: one["old_value"] for one in told.data["changelogs"][0]["changelog_details"]}
    assert details == {"refunded": "0.00", "refund_reason": "", "refunded_ts": None}


def test_switched_off_it_takes_nothing_and_holds_what_waits(here: Location, receiver: Receiver) -> None:
    config = a_config(here, receiver.url("/hook"))
    a_contact(here, last_name="Before")
    services.edit(config, by=BY, is_active=False)
    a_contact(here, last_name="Pause")
    carry()
    assert receiver.requests == []
    assert Delivery.objects.get().due_at is None or not Delivery.objects.get().endpoint.ready_at
    services.edit(config, by=BY, is_active=True)
    a_contact(here, last_name="After")
    carry()
    assert [one.data["last_name"] for one in all_said(receiver)] == ["Before", "After"]


def test_a_deleted_config_keeps_its_history_and_sends_nothing_more(
    here: Location, receiver: Receiver
) -> None:
    config = a_config(here, receiver.url("/hook"))
    name = str(config)
    contact = a_contact(here, last_name="Before")
    carry()
    a_contact(here, last_name="Waiting")
    taking.run()
    services.delete(config, by=BY)
    a_contact(here, last_name="Later")
    carry()
    assert len(receiver.requests) == 1
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["cancelled", "delivered"]
    with pytest.raises(services.ConfigDeleted):
        services.edit(config, by=BY, url=receiver.url("/new"))
    (entry,) = history(contact).entries
    assert [line.text for line in entry.lines] == [f"CREATE contact posted back to postback config '{name}'"]


def test_what_was_queued_beside_a_deletion_is_cancelled_by_the_tick(here: Location) -> None:
    config = a_config(here, URL)
    a_contact(here)
    taking.run()
    PostbackConfig.objects.update(deleted_at=timezone.now(), is_active=False)
    config.endpoint.refresh_from_db()
    config.endpoint.is_held = True
    config.endpoint.save()
    assert services.cancel_what_is_left() == 1
    assert Delivery.objects.get().state == "cancelled"


def test_one_that_cannot_be_written_stops_no_other(
    here: Location, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    a_config(here, receiver.url("/hook"))
    a_contact(here)
    a_contact(here, last_name="Fine")
    spoil(Event.objects.order_by("pk")[0])
    carry()
    assert [one.data["last_name"] for one in all_said(receiver)] == ["Fine"]
    assert sorted(bool(one.delivery_id) for one in Postback.objects.all()) == [False, True]
    assert "could not be written" in caplog.text


def spoil(event: Event) -> None:
    """Data as no version of ours writes it."""
    spoilt = '{"id": "x", "date_of_birth": "never", "created_at": "2026-01-01T00:00:00+00:00"}'
    cast = "::jsonb" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE delivery_event SET data = %s{cast} WHERE id = %s", [spoilt, event.pk])


def test_statements_do_not_grow(here: Location) -> None:
    gateway = a_gateway(here)
    for resource in ("contact", "order", "transaction", "subscription"):
        a_config(
            here,
            URL,
            resource=resource,
            gateway=gateway,
            expands="contact,location,changelogs" if resource != "contact" else "location,changelogs",
        )
    a_sale(here, recurring=True, gateway=gateway)
    taking.run()
    counts = []
    for sales in (1, 5, 40):
        for _ in range(sales):
            a_sale(here, recurring=True, gateway=gateway)
        with CaptureQueriesContext(connection) as statements:
            assert taking.run() == sales * 5
        counts.append(len(statements))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 40
