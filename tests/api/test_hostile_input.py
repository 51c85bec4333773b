"""What strangers send: always a 4xx with a reason, and nothing is stored by half."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Location
from delivery.models import Event
from orders.models import Order
from tests.api.clients import Answer, Integrator

NAUGHTY: list[Any] = [
    *(
        "\x00",
        "a\x00b",
        "\u202eabc",
        "😀" * 20,
        "Z͑ͫA̴̵͜",
        "'; DROP TABLE customers_customer; --",
        "{{7*7}}${7*7}%n%s",
    ),
    *("<script>alert(1)</script>", "../../etc/passwd", "=cmd|' /C calc'!A0", "\r\nSet-Cookie: a=b", "\ufeff"),
    *("NaN", "Infinity", "-0", "1e400", "0x10", "٣", "١٩٩٩-١٢-٣١", "null", "true", "\ud7ff\ue000"),
    *("a" * 100_000, None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 0.1, 1e308, -1e-308),
    *([], {}, [[]], [None], {"": ""}, {"a": {"b": []}}, [1] * 1000),
]
CONTACT = [
    *("last_name", "first_name", "company_name", "account_number", "contact_api_id", "email", "address"),
    *("email_trx_receipt", "city", "state", "zip", "home_phone", "cell_phone", "office_phone"),
    *("office_ext_phone", "date_of_birth", "header_message", "header_message_type", "contact_balance"),
    *("header_message_type_id", "contact_c1", "contact_c2", "contact_c3", "update_if_exists", "location_id"),
]
ORDER = [
    *("location_id", "contact_id", "contact", "external_order_id", "campaign", "status", "is_test", "items"),
    *("payments", "currency", "sales_tax", "discount", "coupon_code", "attribution", "custom_fields"),
    *("agent_note", "first_name", "email", "phone", "ship_country", "ip_address", "user_agent", "sales_url"),
]
ITEM = ["sku", "name", "price", "quantity", "shipping", "product_id", "external_id"]
REFUND = ["action", "amount", "reason", "external_id"]
SHIP = ["tracking_number", "ship_carrier", "ship_method", "subscription_id"]
UPSELL = ["items", "payment", "payments", "item_id"]


def is_explained(answer: Answer) -> bool:
    """A client error that says what is wrong, or no error at all."""
    if answer.status < 400:
        return True
    errors = answer.body["errors"]
    return answer.status < 500 and bool(errors) and all(text for texts in errors.values() for text in texts)


def everywhere(send: Callable[[dict[str, Any]], Answer], names: list[str], value: Any) -> None:
    """The value in all fields at once, then in those only that took it, until the answer is no 422."""
    fields = dict.fromkeys(names, value)
    for _ in range(5):
        answer = send(fields)
        assert is_explained(answer), (value, answer)
        if answer.status != 422 or not fields:
            return
        refused = {name.split(".")[0] for name in answer.errors}
        fields = {name: one for name, one in fields.items() if name not in refused}


@pytest.mark.parametrize("value", NAUGHTY, ids=lambda value: repr(value)[:20])
def test_any_value_in_any_field(value: Any, api: Integrator, here: Location) -> None:
    path = f"contacts/{_contact(api, here, contact_api_id='kept')}"
    contact = {"location_id": here.public_id, "last_name": "J"}
    order = {"location_id": here.public_id, "email": "a@b.example"}
    item = {"sku": "C", "price": 1}
    made = api.post("orders", {"order": {**order, "status": "COMPLETE", "items": [item]}}).body["order"]
    actions = f"orders/{made['id']}/actions"
    sends: list[tuple[list[str], Callable[[dict[str, Any]], Answer]]] = [
        (CONTACT, lambda fields: api.post("contacts", {"contact": {**contact, **fields}})),
        (CONTACT, lambda fields: api.put(path, {"contact": fields})),
        (ORDER, lambda fields: api.post("orders", {"order": {**order, **fields}})),
        (ITEM, lambda fields: api.post("orders", {"order": {**order, "items": [{**item, **fields}]}})),
        (REFUND, lambda fields: api.post(actions, {"action": "refund", **fields})),
        (SHIP, lambda fields: api.post(actions, {"action": "ship", **fields})),
        (UPSELL, lambda fields: api.post(actions, {"action": "add_upsell", "items": [item], **fields})),
    ]
    for names, send in sends:
        everywhere(send, names, value)
    assert Event.objects.filter(type="contact.created").count() == Customer.objects.count()
    assert Event.objects.filter(type="order.created").count() == Order.objects.count()


@pytest.mark.parametrize("path", ["contacts", "orders", "transactions", "deliveries", "locations"])
def test_any_value_in_any_parameter(path: str, api: Integrator) -> None:
    names = [
        "page",
        "page_size",
        "after",
        "sort",
        "expand",
        "created_ts",
        "created_ts_from",
        "location_id",
        "x",
    ]
    values = [
        "%00",
        "%ff",
        "%F0%9F%98%80",
        "%ED%A0%80",
        "-1",
        "9" * 400,
        "a" * 2000,
        "[]",
        "%2e%2e",
        "1e9",
        "",
    ]
    for name in names:
        for value in values:
            assert is_explained(api.get(f"{path}?{name}={value}")), (name, value)


@pytest.mark.parametrize(
    "id", ["%00", "%ff", "..", "a" * 5000, "%F0%9F%98%80", "-1", "0", "%2e%2e%2fadmin", "*"]
)
def test_any_id(id: str, api: Integrator) -> None:
    for path in ("contacts", "orders", "transactions", "deliveries", "locations", "token"):
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None), ("POST", {})):
            answer = api.call(method, f"{path}/{id}", body)
            assert 400 <= answer.status < 500 and is_explained(answer)


DEEP = b"[" * 5000 + b"]" * 5000
BODIES: list[tuple[str, bytes, int]] = [
    ("no JSON", b"{", 400),
    ("another encoding", '{"contact": {"last_name": "é"}}'.encode("latin-1"), 400),
    ("UTF-16", '{"contact": {}}'.encode("utf-16"), 400),
    ("half of a character", b'{"contact": {"last_name": "\\ud800"}}', 400),
    ("NaN", b'{"contact": {"contact_balance": NaN}}', 400),
    ("a number beyond all", b'{"contact": {"contact_balance": 1e999}}', 400),
    ("a number of 5000 digits", b'{"contact": {"contact_balance": ' + b"9" * 5000 + b"}}", 400),
    ("a key twice", b'{"contact": {"last_name": "A", "last_name": "B"}}', 400),
    ("an envelope twice", b'{"contact": {"last_name": "A"}, "contact": {"last_name": "B"}}', 400),
    ("too deep", b'{"contact": ' + DEEP + b"}", 400),
    ("deep enough to be refused", b'{"contact": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
    ("a comma too many", b'{"contact": {"last_name": "A",}}', 400),
    ("NUL", b"\x00", 400),
    ("10 MB", b'{"contact": {"last_name": "' + b"a" * 10_000_000 + b'"}}', 413),
    ("100,000 fields", b'{"contact": {' + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}}", 422),
    ("a list", b"[]", 422),
    ("null", b"null", 422),
    ("a text", b'"contact"', 422),
    ("nothing", b"", 422),
    ("no envelope", b'{"last_name": "A"}', 422),
    ("another envelope", b'{"order": {}}', 422),
    ("an envelope with company", b'{"contact": {"last_name": "A"}, "id": 1}', 422),
    ("an empty envelope", b'{"contact": null}', 422),
    ("a number for a record", b'{"contact": 5}', 422),
    ("a list for a record", b'{"contact": [["last_name", "A"]]}', 422),
]


@pytest.mark.parametrize(("what", "body", "status"), BODIES, ids=[what for what, _, _ in BODIES])
def test_bodies_that_are_none(what: str, body: bytes, status: int, api: Integrator, here: Location) -> None:
    contact = _contact(api, here)
    for method, path in (("POST", "contacts"), ("PUT", f"contacts/{contact}")):
        answer = api.call(method, path, body)
        assert answer.status == status and is_explained(answer)
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "x",
    ],
)
def test_other_kinds_of_content_are_415(content_type: str, api: Integrator) -> None:
    answer = api.call("POST", "contacts", b"last_name=A", content_type=content_type)
    assert answer.status == 415 and is_explained(answer)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x"])
def test_packed_bodies_are_415(encoding: str, api: Integrator, here: Location) -> None:
    """Also one that only says that it is packed."""
    text = orjson.dumps({"contact": {"location_id": here.public_id, "last_name": "J"}})
    for body in (text, gzip.compress(text)):
        answer = api.call("POST", "contacts", body, **{"Content-Encoding": encoding})
        assert answer.status == 415 and "Content-Encoding" in answer.errors["request"][0]
    assert api.call("POST", "contacts", text, **{"Content-Encoding": "identity"}).status == 201


@pytest.mark.parametrize("number", ["1e308", "-1e300", "9007199254740992", "9007199254740992.0", "1e22"])
def test_numbers_that_no_other_reader_gets_right(number: str, api: Integrator, here: Location) -> None:
    """Of 1e308 a database gives back 309 digits."""
    order = f'{{"location_id": "{here.public_id}", "email": "a@b.example", "NAME": {{"a": {number}}}}}'
    for name in ("custom_fields", "attribution"):
        answer = api.call("POST", "orders", f'{{"order": {order.replace("NAME", name)}}}'.encode())
        assert answer.status == 422 and list(answer.errors) == [name]
    fine = order.replace("NAME", "custom_fields").replace(number, "1.5e10")
    assert api.call("POST", "orders", f'{{"order": {fine}}}'.encode()).status == 201


def test_a_body_without_a_length_is_400(api: Integrator) -> None:
    answer = api.post("contacts", {"contact": {}}, **{"Transfer-Encoding": "chunked"})
    assert answer.status == 400 and is_explained(answer)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "x"])
def test_whoever_asks_for_another_form_gets_json(accept: str, api: Integrator) -> None:
    answer = api.get("locations", Accept=accept)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"


def test_methods_that_there_are_not(api: Integrator) -> None:
    for method, path in (
        ("DELETE", "contacts"),
        ("POST", "locations"),
        ("PATCH", "orders"),
        ("OPTIONS", "orders"),
    ):
        answer = api.call(method, path)
        assert answer.status == 405 and is_explained(answer)
        assert method not in answer.headers["Allow"]
    assert api.get("nowhere").status == 404
    assert is_explained(api.get("contacts/1/2/3"))


def test_a_fault_of_ours_shows_no_trace(api: Integrator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("customers.api.locations.Locations.rows", fail)
    answer = api.get("locations")
    assert answer.status == 500 and list(answer.errors) == ["request"]
    assert "secret inside" not in str(answer.body)


def _contact(api: Integrator, here: Location, **fields: Any) -> str:
    record = {"location_id": here.public_id, "last_name": "J", **fields}
    id: str = api.post("contacts", {"contact": record}).body["contact"]["id"]
    return id


def test_what_cannot_be_expanded_is_refused_before_anything_is_written(
    api: Integrator, here: Location
) -> None:
    contact = {"location_id": here.public_id, "last_name": "J"}
    answers = [api.post("contacts?expand=nonsense", {"contact": contact})]
    path = f"contacts/{_contact(api, here)}?expand=nonsense"
    answers += [api.put(path, {"contact": {"last_name": "Z"}}), api.delete(path)]
    assert [(answer.status, list(answer.errors)) for answer in answers] == [(422, ["expand"])] * 3
    kept = Customer.objects.get()
    assert (kept.last_name, kept.deleted_at) == ("J", None)


def test_what_is_expanded_many_times_is_read_once(api: Integrator, here: Location) -> None:
    _contact(api, here)
    counts = []
    for times in (1, 500):
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(f"contacts?expand={','.join(['notes'] * times)}")
        assert answer.body["contacts"][0]["notes"] == []
        counts.append(len(queries))
    assert counts[0] == counts[1]
