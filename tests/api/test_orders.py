"""`/v2/orders`: made, changed and moved by the API as by any other door."""

from typing import Any

import pytest

from customers.models import Customer, Location
from delivery.models import Event
from orders.lifecycle import MOVES
from orders.models import Campaign, Gateway, Order, Product
from tests.api.clients import Answer, Integrator

PERSON = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
CREAM = {"sku": "C-1", "name": "Cream", "price": "24.95", "quantity": 2, "shipping": "10.00"}
VISA = {"card_type": "VISA", "card_bin": "411111", "card_last4": "1111", "card_expiry": "12/2030"}


def post(api: Integrator, here: Location, **fields: Any) -> Answer:
    order = {"location_id": here.public_id, "contact": PERSON, "items": [CREAM], **fields}
    return api.post("orders", {"order": order})


def sold(api: Integrator, here: Location, **fields: Any) -> dict[str, Any]:
    answer = post(api, here, status="COMPLETE", payments=[VISA], **fields)
    assert answer.status == 201, answer.body
    order: dict[str, Any] = answer.body["order"]
    return order


def act(api: Integrator, order: dict[str, Any], action: str, **details: Any) -> Answer:
    return api.post(f"orders/{order['id']}/actions", {"action": action, **details})


def test_a_partial_order_with_its_items(api: Integrator, here: Location) -> None:
    answer = post(api, here, campaign="Lander", attribution={"affId": "7"}, custom_fields={"color": "blue"})
    assert answer.status == 201
    assert next(iter(answer.body)) == "order"
    order = answer.body["order"]
    assert (order["status"], order["total"], order["paid"]) == ("PARTIAL", "59.90", "0.00")
    assert order["first_name"] == "Ada" and order["email"] == "ada@example.com"
    assert order["campaign"] == "Lander" and order["custom_fields"] == {"color": "blue"}
    assert [(item["sku"], item["quantity"], item["price"]) for item in order["items"]] == [
        ("C-1", 2, "24.9500")
    ]
    assert order["contact_id"] == Customer.objects.get().public_id
    assert api.get(f"orders/{order['id']}").body == answer.body
    assert api.get("orders").body["orders"] == [order]
    assert set(Event.objects.values_list("by", flat=True)) == {"api:shop"}
    assert Campaign.objects.get().name == "Lander" and Product.objects.get().name == "Cream"


def test_a_sale_in_one_call(api: Integrator, here: Location) -> None:
    order = sold(api, here)
    assert (order["status"], order["paid"]) == ("COMPLETE", "59.90")
    seen = api.get(f"orders/{order['id']}?expand=transactions,fulfillments,subscriptions,contact,location")
    order = seen.body["order"]
    (paid,) = order["transactions"]
    assert (paid["type_id"], paid["status_id"], paid["transaction_amount"]) == (20, 101, "59.90")
    assert (paid["first_six"], paid["last_four"], paid["payment_method"]) == ("411111", "1111", "cc")
    assert order["contact"]["last_name"] == "Lovelace" and order["location"]["id"] == here.public_id
    assert [parcel["status"] for parcel in order["fulfillments"]] == ["PENDING_SHIPMENT"]
    listed = api.get(f"transactions?order_num={order['id']}").body["transactions"]
    assert [one["id"] for one in listed] == [paid["id"]]
    assert api.get(f"transactions/{paid['id']}").body["transaction"]["contact_id"] == order["contact_id"]


def test_a_person_is_found_again(api: Integrator, here: Location) -> None:
    first = post(api, here).body["order"]
    assert post(api, here).body["order"]["contact_id"] == first["contact_id"]
    by_id = post(api, here, contact_id=first["contact_id"]).body["order"]
    assert by_id["contact_id"] == first["contact_id"]
    billed = api.post("orders", {"order": {"location_id": here.public_id, "email": "ADA@example.com"}})
    assert billed.body["order"]["contact_id"] == first["contact_id"]


def test_the_same_external_id_makes_one_order(api: Integrator, here: Location) -> None:
    first = post(api, here, external_order_id="web-1")
    again = post(api, here, external_order_id="web-1")
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert Order.objects.count() == 1


BAD: list[tuple[str, dict[str, Any]]] = [
    ("contact_id", {"contact": {}}),
    ("contact_id", {"contact_id": "0" * 24}),
    ("items.0.price", {"items": [{"sku": "C"}]}),
    ("items.0.sku", {"items": [{"price": 1}]}),
    ("items.0.product_id", {"items": [{"price": 1, "product_id": 10**12}]}),
    ("items.0.quantity", {"items": [{**CREAM, "quantity": 0}]}),
    ("items.0.card_number", {"items": [{**CREAM, "card_number": "4111111111111111"}]}),
    ("items", {"items": {}}),
    ("items", {"items": [CREAM] * 201}),
    ("payments", {"payments": [VISA]}),
    ("payments.0.card_last4", {"status": "COMPLETE", "payments": [{"card_last4": "11"}]}),
    ("payments.0.cvv", {"status": "COMPLETE", "payments": [{"cvv": "123"}]}),
    ("product_transaction_id", {"status": "COMPLETE", "payments": [{"product_transaction_id": "x"}]}),
    ("status", {"status": "REFUNDED"}),
    ("currency", {"currency": "usd"}),
    ("custom_fields", {"custom_fields": {"a": {"b": 1}}}),
    ("custom_fields", {"custom_fields": {"a": 2**60}}),
    ("order", {"custom_fields": {"a": "4111111111111111"}}),
    ("order", {"discount": "100.00"}),
    ("discount", {"discount": -1}),
    ("contact.zip", {"contact": {**PERSON, "zip": "?"}}),
]


@pytest.mark.parametrize(("name", "fields"), BAD)
def test_what_is_refused_leaves_nothing(
    name: str, fields: dict[str, Any], api: Integrator, here: Location
) -> None:
    answer = post(api, here, **fields)
    assert answer.status == 422 and list(answer.errors) == [name], answer.body
    for model in (Order, Customer, Product, Event):
        assert not model._default_manager.exists()


def test_what_belongs_to_another_location_does_not_exist(
    api: Integrator, stranger: Integrator, here: Location, elsewhere: Location
) -> None:
    theirs = post(stranger, elsewhere).body["order"]
    product, gateway = Product.objects.get(), Gateway.objects.create(location=elsewhere, title="Theirs")
    item, payment = {"price": 1, "product_id": product.pk}, {"product_transaction_id": gateway.public_id}
    for fields, name in (
        ({"contact_id": theirs["contact_id"]}, "contact_id"),
        ({"items": [item]}, "items.0.product_id"),
        ({"status": "COMPLETE", "payments": [payment]}, "product_transaction_id"),
        ({"location_id": elsewhere.public_id}, "location_id"),
    ):
        assert list(post(api, here, **fields).errors) == [name]


def test_a_cart_changes_until_it_is_sold(api: Integrator, here: Location) -> None:
    order = post(api, here).body["order"]
    path = f"orders/{order['id']}"
    changed = api.put(
        path, {"order": {"items": [{**CREAM, "quantity": 1}], "discount": "4.95", "city": "Rome"}}
    )
    assert changed.status == 200
    assert (changed.body["order"]["total"], changed.body["order"]["city"]) == ("30.00", "Rome")
    assert api.put(path, {"order": {**changed.body["order"], "city": "Bonn"}}).body["order"]["city"] == "Bonn"
    act(api, order, "complete_sale", payments=[VISA])
    late = api.put(path, {"order": {"city": "Paris"}})
    assert late.status == 422 and late.errors == {"order": ["A complete order cannot be changed."]}


# What makes each move possible, and what it needs to be told.
WAYS: dict[str, tuple[list[tuple[str, dict[str, Any]]], dict[str, Any], str]] = {
    "update_cart": ([], {"items": [CREAM]}, "PARTIAL"),
    "complete_sale": ([], {"payments": [VISA]}, "COMPLETE"),
    "add_upsell": ([("complete_sale", {})], {"items": [{"sku": "U", "price": 5}]}, "COMPLETE"),
    "decline": ([], {"reason": "Insufficient funds", "is_soft": 1, "payment": VISA}, "DECLINED"),
    "hold_for_qa": ([], {"payment": VISA}, "PENDING"),
    "approve_qa": ([("hold_for_qa", {})], {}, "COMPLETE"),
    "decline_qa": ([("hold_for_qa", {})], {"reason": "Fraud"}, "DECLINED"),
    "cancel_order": ([], {"reason": "Changed her mind"}, "CANCELLED"),
    "refund": ([("complete_sale", {})], {"amount": "10.00", "reason": "Damaged"}, "COMPLETE"),
    "charge_back": ([("complete_sale", {})], {"reason_code": "4837", "note": "x"}, "COMPLETE"),
    "revert_chargeback": ([("complete_sale", {}), ("charge_back", {})], {}, "COMPLETE"),
    "ship": ([("complete_sale", {})], {"tracking_number": "1Z", "ship_carrier": "UPS"}, "COMPLETE"),
    "deliver": ([("complete_sale", {}), ("ship", {})], {}, "COMPLETE"),
    "issue_rma": ([("complete_sale", {}), ("ship", {})], {"rma_number": "R-1"}, "COMPLETE"),
    "receive_rma": ([("complete_sale", {}), ("ship", {}), ("issue_rma", {})], {}, "COMPLETE"),
    "start_subscription": ([("complete_sale", {}), ("cancel_subscription", {})], {}, "COMPLETE"),
    "prebill": ([("complete_sale", {})], {}, "COMPLETE"),
    "rebill": ([("complete_sale", {})], {}, "COMPLETE"),
    "decline_rebill": ([("complete_sale", {})], {"reason": "Card expired"}, "COMPLETE"),
    "fail_recycle": ([("complete_sale", {}), ("decline_rebill", {})], {}, "COMPLETE"),
    "pause": ([("complete_sale", {})], {}, "COMPLETE"),
    "reactivate": ([("complete_sale", {}), ("pause", {})], {}, "COMPLETE"),
    "cancel_subscription": ([("complete_sale", {})], {"reason": "Too expensive"}, "COMPLETE"),
}


def test_every_move_has_its_way() -> None:
    assert WAYS.keys() == MOVES.keys()


@pytest.mark.parametrize("name", WAYS)
def test_every_move_is_an_action(name: str, api: Integrator, here: Location) -> None:
    Product.objects.create(location=here, name="Cream", sku="C-1", is_recurring=True)
    before, details, status = WAYS[name]
    order = post(api, here).body["order"]
    for earlier, told in before:
        assert act(api, order, earlier, **told).status == 200
    answer = act(api, order, name, **details)
    assert answer.status == 200, answer.body
    assert next(iter(answer.body)) == "order" and answer.body["order"]["status"] == status


def test_actions_that_are_refused(api: Integrator, here: Location) -> None:
    order = post(api, here).body["order"]
    assert act(api, order, "refund").errors == {
        "order": ["Nothing was paid for this order (it is partial), so nothing can go back."]
    }
    assert list(act(api, order, "explode").errors) == ["action"]
    assert list(act(api, order, "refund", tracking_number="1Z").errors) == ["tracking_number"]
    assert list(act(api, order, "refund", amount="ten").errors) == ["amount"]
    assert list(act(api, order, "pause").errors) == ["subscription_id"]
    assert list(act(api, order, "pause", subscription_id="X").errors) == ["subscription_id"]
    assert list(act(api, order, "add_upsell").errors) == ["items"]
    assert act(api, {"id": "0000000000"}, "refund").status == 404
    assert api.post(f"orders/{order['id']}/actions", {"amount": 1}).status == 422


def test_a_refused_action_leaves_no_product(api: Integrator, here: Location) -> None:
    order = post(api, here).body["order"]
    assert act(api, order, "add_upsell", items=[{"sku": "new", "price": 1}]).status == 422
    assert not Product.objects.filter(sku="new").exists()


def test_lists_are_filtered(api: Integrator, here: Location) -> None:
    done, open_ = sold(api, here), post(api, here, external_order_id="web-2").body["order"]

    def found(query: str) -> list[str]:
        return [order["id"] for order in api.get(f"orders?{query}").body["orders"]]

    assert found("status=complete") == [done["id"]]
    assert found("external_order_id=web-2") == [open_["id"]]
    assert found(f"contact_id={done['contact_id']}&sort=id") == [done["id"], open_["id"]]
    assert found("created_ts=today") == [open_["id"], done["id"]]
    assert found("created_ts=yesterday") == []
    assert list(api.get("orders?status=lost").errors) == ["status"]


def test_what_cannot_be_changed_is_said_not_swallowed(api: Integrator, here: Location) -> None:
    made = post(api, here).body["order"]
    path = f"orders/{made['id']}"
    assert api.put(path, {"order": made}).status == 200  # as it was read
    other = api.post("contacts", {"contact": {"location_id": here.public_id, "last_name": "J"}}).body[
        "contact"
    ]
    for name, value in {
        "id": "0123456789",
        "contact_id": other["id"],
        "status": "COMPLETE",
        "external_order_id": "another",
        "campaign": "Another",
        "is_test": True,
    }.items():
        answer = api.put(path, {"order": {name: value, "city": "Rome"}})
        assert (answer.status, answer.errors) == (422, {name: [f"{name} cannot be changed"]})
    assert api.get(path).body["order"]["city"] != "Rome"
    stale = {"modified_ts": 1, "total": "0.01", "city": "Oslo"}  # of a moment ago
    assert api.put(path, {"order": stale}).body["order"]["city"] == "Oslo"
    assert api.put(f"contacts/{other['id']}", {"contact": {"id": "0" * 24}}).errors.keys() == {"id"}


def test_a_walk_from_an_id_in_small_letters(api: Integrator, here: Location) -> None:
    made = post(api, here).body["order"]
    assert api.get(f"orders?after={made['id'].lower()}").status == 200
