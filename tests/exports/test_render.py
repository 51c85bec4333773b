"""What is sent: the request table of the specification, the serializers, and where secrets are filled in."""

import json
import string
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exports.models import FieldMapping
from exports.render import (
    Shape,
    as_form,
    as_json,
    compiled,
    filled,
    shape_of,
    thawed,
    with_query,
)
from tests.exports.partners import (
    Store,
    a_profile,
    a_sale,
    a_store,
    carry,
    field,
    only_delivery,
    static,
    sweep_all,
)
from tests.receiver import Receiver

FORM = "application/x-www-form-urlencoded"
METHOD, TYPE, CONTENT = "header:httpMethod", "header:httpMethodType", "header:Content-Type"

# Static headers, and the method, the place of the fields and the form that they make.
TABLE: list[tuple[list[tuple[str, str]], str, str, bool]] = [
    ([], "GET", "query", False),
    # any ordinary header makes it a POST
    ([("header:X-Key", "1")], "POST", "body", False),
    ([("header:Authorization", "Bearer x")], "POST", "body", False),
    ([("HEADER: X-Key ", "1")], "POST", "body", False),
    ([(CONTENT, "application/json")], "POST", "body", True),
    ([(CONTENT, "text/plain")], "POST", "body", False),
    ([(CONTENT, FORM)], "POST", "body", False),
    # POST said in words
    ([(METHOD, "POST")], "POST", "body", False),
    ([(METHOD, "POST"), (CONTENT, "application/json")], "POST", "body", True),
    # PUT, PATCH, DELETE: the query, unless told otherwise
    *[([(METHOD, method)], method, "query", False) for method in ("PUT", "PATCH", "DELETE")],
    *[([(METHOD, method), (TYPE, "GET")], method, "query", False) for method in ("PUT", "PATCH", "DELETE")],
    *[([(METHOD, method), (TYPE, "POST")], method, "body", False) for method in ("PUT", "PATCH", "DELETE")],
    ([(METHOD, "PUT"), (TYPE, "POST"), (CONTENT, "application/json")], "PUT", "body", True),
    ([(METHOD, "DELETE"), (TYPE, "POST"), (CONTENT, "application/json")], "DELETE", "body", True),
    ([(METHOD, "PUT"), (CONTENT, "application/json")], "PUT", "query", False),
    ([(METHOD, "PATCH"), ("header:X-Key", "1")], "PATCH", "query", False),
    # any method with type POST: the body
    ([(METHOD, "POST"), (TYPE, "POST")], "POST", "body", False),
    ([(METHOD, "GET"), (TYPE, "POST")], "GET", "body", False),
    # POST with type GET: the query, and an empty body
    ([(METHOD, "POST"), (TYPE, "GET")], "POST", "query", False),
    ([(METHOD, "POST"), (TYPE, "GET"), (CONTENT, "application/json")], "POST", "query", False),
    # GET said in words: the query, with headers too
    ([(METHOD, "GET")], "GET", "query", False),
    ([(METHOD, "GET"), ("header:X-Key", "1")], "GET", "query", False),
    ([(METHOD, "GET"), (TYPE, "GET")], "GET", "query", False),
    # the type alone
    ([(TYPE, "POST")], "POST", "body", False),
    ([(TYPE, "POST"), (CONTENT, "application/json")], "POST", "body", True),
    ([(TYPE, "GET")], "GET", "query", False),
    ([(TYPE, "GET"), ("header:X-Key", "1")], "GET", "query", False),
    # names and words in any case, and with blanks around them
    ([("header:HTTPMETHOD", "put")], "PUT", "query", False),
    ([("Header:httpmethod", " Patch "), ("HEADER:HttpMethodType", "post")], "PATCH", "body", False),
    # JSON in any case, and with parameters
    ([("header:content-type", "Application/JSON")], "POST", "body", True),
    ([("header:CONTENT-TYPE", "application/json; charset=utf-8")], "POST", "body", True),
    ([(CONTENT, " application/json ;charset=UTF-8")], "POST", "body", True),
    ([(CONTENT, "application/json5")], "POST", "body", False),
    ([(CONTENT, "application/vnd.api+json")], "POST", "body", False),
    ([(CONTENT, "text/plain; note=application/json")], "POST", "body", False),
    ([("header:Accept", "application/json")], "POST", "body", False),
]


@pytest.mark.parametrize(("rows", "method", "place", "is_json"), TABLE)
def test_the_table(rows: list[tuple[str, str]], method: str, place: str, is_json: bool) -> None:
    mappings = [static(*row) for row in rows]
    for order in (mappings, mappings[::-1]):
        shape = shape_of([field("a", "firstName"), *order])
        assert (shape.method, shape.place, shape.is_json) == (method, place, is_json)
        assert {header.name.lower() for header in shape.headers}.isdisjoint({"httpmethod", "httpmethodtype"})


@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_table_at_the_receiver(receiver: Receiver) -> None:
    store = a_store(first_name="Zoë & Co")
    for number, (rows, *_) in enumerate(TABLE):
        headers = [static(*row) for row in rows]
        mappings = [field("n a", "firstName"), *headers, static("list_id", "400"), field("id", "orderId")]
        a_profile(store, receiver.url(f"/{number}?own=a%20b&n"), mappings)
    order = a_sale(store)
    sweep_all()
    carry()
    query = f"n+a=Zo%C3%AB+%26+Co&list_id=400&id={order.pk}"
    body = {"n a": "Zoë & Co", "list_id": "400", "id": order.pk}
    for number, (rows, method, place, is_json) in enumerate(TABLE):
        (seen,) = receiver.to(f"/{number}")
        assert seen.method == method, rows
        said = seen.body.decode()
        if place == "query":
            assert (seen.target, said) == (f"/{number}?own=a%20b&n&{query}", ""), rows
        else:
            assert seen.target == f"/{number}?own=a%20b&n", rows
            assert said == query or (is_json and list(json.loads(said).items()) == list(body.items())), rows
        ordinary = {name: value for name, value in rows if "method" not in name.lower()}
        for name, value in ordinary.items():
            assert seen.header(name.partition(":")[2].strip()) == value.strip(), rows
        if place == "body" and not any("content-type" in name.lower() for name in ordinary):
            assert seen.header("Content-Type") == FORM
        assert not [name for name, _ in seen.headers if name.lower().startswith("httpmethod")], rows
        assert (seen.header("webhook-id"), seen.header("User-Agent")) != (None, None)


# --- the address -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/p", "https://h/p?a=1"),
        ("https://h", "https://h?a=1"),
        ("https://h/p?", "https://h/p?a=1"),
        ("https://h/p?x=1&x=2", "https://h/p?x=1&x=2&a=1"),
        ("https://h/p?x=1&", "https://h/p?x=1&a=1"),
        ("https://h/p?a=0", "https://h/p?a=0&a=1"),
        ("https://h/p?x=a%20b+c%2B", "https://h/p?x=a%20b+c%2B&a=1"),
        ("https://h/p?x=what?", "https://h/p?x=what?&a=1"),
        ("https://h/p#top", "https://h/p?a=1"),
        ("https://h/p?x=1#top?y=2", "https://h/p?x=1&a=1"),
        ("https://h/p#top?x=1", "https://h/p?a=1"),
    ],
)
def test_a_query_of_its_own_is_kept_and_ours_appended(url: str, expected: str) -> None:
    assert with_query(url, "a=1") == expected


@pytest.mark.parametrize("url", ["https://h/p", "https://h/p?x=1", "https://h"])
def test_without_fields_the_address_stays_as_it_is(url: str) -> None:
    assert with_query(url, "") == url


# --- the serializers ---------------------------------------------------------------------------------

_AS_THEY_ARE = set(string.ascii_letters + string.digits + "*-._")


def by_the_url_standard(text: str) -> str:
    """The serializer of application/x-www-form-urlencoded, written down once more from the standard."""
    written = []
    for byte in text.encode():
        letter = chr(byte)
        written.append("+" if letter == " " else letter if letter in _AS_THEY_ARE else f"%{byte:02X}")
    return "".join(written)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "  a  b ",
            "~",
            "*",
            "~user*",
            "-._",
            "a+b",
            "100%",
            "%20",
            "&=%?#/;:@!$'()[],\"<>\\^`{|}",
        ),
        *(
            "Müller & Söhne",
            "😀👩‍👩‍👧",
            "שלום \u202eعربي",
            "line\nbreak\r\n\ttab",
            "\x00\x1f\x7f",
            "日本",
            "ａ１²",
        ),
        *("e\u0301 é", "null", "None", "'; DROP TABLE x; --", "\ufeff", "\u2028"),
    ],
)
def test_forms_are_written_as_the_url_standard_says(text: str) -> None:
    assert as_form(text) == by_the_url_standard(text)


@given(st.text())
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_text_is_written_as_the_url_standard_says(text: str) -> None:
    assert as_form(text) == by_the_url_standard(text)
    assert parse_qsl(f"a={as_form(text)}", keep_blank_values=True) == [("a", text)]


@pytest.mark.parametrize(
    ("value", "form", "as_it_is_in_json"),
    [
        (1042, "1042", "1042"),
        (0, "0", "0"),
        (-5, "-5", "-5"),
        ("59.90", "59.90", '"59.90"'),
        ("", "", '""'),
        (None, "", "null"),
        ([], "", "[]"),
        (
            [{"sku": "C-1", "n": 2}],
            "%5B%7B%22sku%22%3A%22C-1%22%2C%22n%22%3A2%7D%5D",
            '[{"sku":"C-1","n":2}]',
        ),
        ('"</script>\\', "%22%3C%2Fscript%3E%5C", '"\\"</script>\\\\"'),
    ],
)
def test_values_of_every_type(value: Any, form: str, as_it_is_in_json: str) -> None:
    assert (as_form(value), as_json(value)) == (form, as_it_is_in_json)


NAMED = st.lists(st.tuples(st.text(min_size=1), st.text(), st.booleans()), max_size=6)


@given(NAMED, st.booleans())
@hypothesis_settings(max_examples=150, deadline=None)
def test_what_was_frozen_is_filled_in_again_whatever_the_texts(
    named: list[tuple[str, str, bool]], is_json: bool
) -> None:
    """Names, values and secrets of any letters: what arrives is what was mapped."""
    rows = [(f"n{name}", value, secret) for name, value, secret in named]
    mappings = [kept(number, *row) for number, row in enumerate(rows, start=1)]
    renderer = compiled(
        [*mappings, *([static(CONTENT, "application/json")] if is_json else [])], omit_empty=False
    )
    content = thawed(renderer.content(None, {}, {}))  # type: ignore[arg-type]
    secrets = {number: value for number, (_, value, secret) in enumerate(rows, start=1) if secret}
    text = filled(content, secrets)
    said = [(name, value) for name, value, _ in rows]
    if is_json:
        assert json.loads(text) == dict(said)
    else:
        assert [(by_the_url_standard(n), by_the_url_standard(v)) for n, v in said] == pairs(text)
    assert {secret_id for _, secret_id in content.holes} <= set(secrets)


def kept(number: int, name: str, value: str, secret: bool) -> FieldMapping:
    """A mapping as it is stored."""
    row = static(name, "" if secret else value, secret=secret)
    row.pk = number
    return row


def pairs(form: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in form.split("&") if form)]


# --- names that repeat, and fields that are empty ----------------------------------------------------

REPEATED = [static("tag", "a"), static("x", "1"), static("tag", "b"), static("tag", "a&b")]


def rendered(rows: list[FieldMapping], *, omit_empty: bool = False) -> str:
    text, _ = compiled(rows, omit_empty=omit_empty).text(None, {}, {})  # type: ignore[arg-type]
    return text


def test_in_a_query_and_in_a_form_names_may_repeat() -> None:
    assert rendered(REPEATED) == "tag=a&x=1&tag=b&tag=a%26b"
    assert rendered([*REPEATED, static("header:X", "1")]) == "tag=a&x=1&tag=b&tag=a%26b"


def test_in_json_the_last_of_a_name_wins() -> None:
    assert json.loads(rendered([*REPEATED, static(CONTENT, "application/json")])) == {"tag": "a&b", "x": "1"}


def test_names_are_as_free_as_values() -> None:
    rows = [static("a b&c=d%", "1"), static("שם😀", "2"), static('quo"te\\', "3"), static("a[0][b]", "4")]
    names = "a+b%26c%3Dd%25=1&%D7%A9%D7%9D%F0%9F%98%80=2&quo%22te%5C=3&a%5B0%5D%5Bb%5D=4"
    assert rendered(rows) == names
    said = json.loads(rendered([*rows, static(CONTENT, "application/json")]))
    assert said == {"a b&c=d%": "1", "שם😀": "2", 'quo"te\\': "3", "a[0][b]": "4"}


def test_without_fields_nothing_is_said() -> None:
    assert rendered([]) == ""
    assert rendered([static(CONTENT, "application/json")]) == "{}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_json", [False, True])
def test_empty_fields_are_sent_as_empty_texts_or_left_out(receiver: Receiver, is_json: bool) -> None:
    store = a_store(first_name="", last_name="Null", address="0")
    for path, omits in (("/all", False), ("/some", True)):
        a_profile(store, receiver.url(path), with_gaps(is_json), omit_empty=omits)
    a_sale(store)
    sweep_all()
    carry()

    def said(path: str) -> dict[str, Any]:
        (seen,) = receiver.to(path)
        return json.loads(seen.body) if is_json else dict(seen.query)

    test: Any = 0 if is_json else "0"
    told = {"last": "Null", "street": "0", "test": test, "token": "s3cret"}
    assert said("/some") == told
    assert said("/all") == {**told, "first": "", "rma": "", "none": ""}


def with_gaps(is_json: bool) -> list[FieldMapping]:
    return [
        field("first", "firstName"),
        field("last", "lastName"),
        field("street", "address1"),
        field("test", "isTest"),
        field("rma", "rmaNumber"),
        static("none", ""),
        static("token", "s3cret", secret=True),
        *([static(CONTENT, "application/json")] if is_json else []),
    ]


@pytest.mark.django_db(transaction=True)
def test_in_json_ids_are_numbers_and_money_is_text(receiver: Receiver) -> None:
    store: Store = a_store()
    names = (
        "orderId",
        "customerId",
        "campaignId",
        "totalPrice",
        "orderDate",
        "clientOrderId",
        "items",
        "eventId",
    )
    a_profile(
        store,
        receiver.url("/x"),
        [*(field(name, name) for name in names), static(CONTENT, "application/json")],
    )
    order = a_sale(store)
    sweep_all()
    carry()
    said = json.loads(receiver.requests[0].body)
    assert (said["orderId"], said["customerId"]) == (order.pk, store.customer.pk)
    assert (said["campaignId"], said["totalPrice"]) == (store.campaign.pk, "19.95")
    assert said["clientOrderId"] == order.client_order_id and said["eventId"] == only_delivery().event_id
    assert len(said["orderDate"]) == 19 and said["orderDate"][10] == " "
    assert isinstance(said["items"], list) and said["items"][0]["sku"] == "C-1"


def test_shapes_are_values() -> None:
    assert shape_of([]) == Shape("GET", "query", False, ())
