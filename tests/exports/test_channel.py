"""Export postbacks at each attempt: what is frozen stays, where it goes is looked up, secrets stay secret."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from delivery import signing
from delivery.models import Attempt, Delivery, Endpoint
from delivery.secrets import MASK
from exports import channel, services
from exports.models import ExportProfile, FieldMapping
from tests.exports.partners import (
    BY,
    JSON,
    Store,
    a_profile,
    a_sale,
    a_store,
    carry,
    everything_stored,
    field,
    only_attempt,
    only_delivery,
    static,
    sweep_all,
)
from tests.receiver import Answer, Receiver, Request, redirect

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "t0k€n/&+ <geheim>"
KEY = f"Basic {base64.b64encode(b'shop:hunter2').decode()}"


@pytest.fixture
def store() -> Store:
    return a_store()


def due_now() -> None:
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())


# --- secrets -----------------------------------------------------------------------------------------


def echo(request: Request) -> Answer:
    """Sends back all that came, as a page of errors does, in headers too."""
    said = request.target + request.body.decode() + str(request.headers)
    headers = tuple(
        (f"X-Echo-{name}", value) for name, value in request.headers if name in ("Authorization", "X-Key")
    )
    return Answer(500, said.encode(), (*headers, ("X-Target", request.target)))


def moved(request: Request) -> Answer:
    return redirect(f"https://elsewhere.example{request.target}")


@pytest.mark.parametrize("answer", [echo, moved])
@pytest.mark.parametrize("way", ["query", "form", "json"])
def test_a_secret_reaches_the_receiver_and_nothing_else(
    store: Store, receiver: Receiver, way: str, answer: Callable[[Request], Answer]
) -> None:
    """Not the delivery, not the attempt, not the answer that repeats it: it is nowhere in the database."""
    receiver.decides(answer)
    rows = [
        field("first_name", "firstName"),
        static("token", TOKEN, secret=True),
        static("header:Authorization", KEY, secret=True),
        *{"query": [static("header:httpMethod", "PUT")], "form": [], "json": [static(*JSON)]}[way],
    ]
    a_profile(store, receiver.url("/hook"), rows)
    a_sale(store)
    sweep_all()
    carry()
    (seen,) = receiver.requests
    said = {
        "query": lambda: dict(seen.query),
        "form": lambda: dict(seen.form),
        "json": lambda: json.loads(seen.body),
    }
    assert said[way]()["token"] == TOKEN
    assert seen.header("Authorization") == KEY
    stored = everything_stored()
    for leak in (TOKEN, "0k%E2%82%AC", "0k\\u20ac", "geheim", KEY, KEY.removeprefix("Basic ")):
        assert leak not in stored, leak
    assert MASK in stored


def test_what_a_person_sees_is_masked(store: Store, receiver: Receiver) -> None:
    rows = [field("a", "firstName"), static("token", TOKEN, secret=True), static("z", "1")]
    a_profile(store, receiver.url("/q"), rows, name="Query")
    a_sale(store)
    sweep_all()
    said = channel.said(only_delivery())
    assert (said.method, said.url, said.body) == ("GET", receiver.url(f"/q?a=Ada&token={MASK}&z=1"), "")
    carry()
    assert only_attempt().url == said.url
    sent = dict(json.loads(only_attempt().request_headers))
    made_anew = ("webhook-timestamp", "webhook-signature")
    assert sent == dict(said.headers) | {name: sent[name] for name in made_anew}
    assert ("webhook-id", only_delivery().pk) in said.headers


@pytest.mark.parametrize(
    "name", [MASK, "********&token=x", "%s", "{}", "{0}", "{token}", "[[1]]", "\\g<0>", '"holes":[[0,1]]']
)
def test_a_customer_whose_name_looks_like_a_placeholder_is_called_so(receiver: Receiver, name: str) -> None:
    store = a_store(first_name=name)
    rows = [field("a", "firstName"), static("token", TOKEN, secret=True), field("b", "firstName")]
    a_profile(store, receiver.url("/q"), rows, name="Query")
    a_profile(store, receiver.url("/j"), [*(field(r.export_name, r.field) for r in rows[::2]), static(*JSON)])
    a_sale(store)
    sweep_all()
    carry()
    assert receiver.to("/q")[0].query == [("a", name), ("token", TOKEN), ("b", name)]
    assert json.loads(receiver.to("/j")[0].body) == {"a": name, "b": name}
    assert "geheim" not in everything_stored()


def test_a_secret_that_was_changed_is_the_new_one_at_the_next_attempt(
    store: Store, receiver: Receiver
) -> None:
    receiver.answers("*", 500, 200)
    profile = a_profile(store, receiver.url("/hook"), [static("token", "old", secret=True)])
    a_sale(store)
    sweep_all()
    carry()
    services.set_mappings(profile, [static("token", "new", secret=True)], by=BY)
    due_now()
    carry()
    assert [request.query for request in receiver.requests] == [[("token", "old")], [("token", "new")]]
    assert only_delivery().state == "delivered"


def test_without_its_secret_nothing_is_sent_and_nothing_lost(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url("/hook"), [static("token", TOKEN, secret=True)])
    a_sale(store)
    sweep_all()
    services.set_mappings(profile, [static("other", "1")], by=BY)
    carry()
    assert receiver.requests == []
    delivery = only_delivery()
    assert (delivery.state, delivery.last_error, delivery.attempts_made) == ("waiting", "config", 0)
    assert delivery.last_detail == "A secret value of this profile was removed; nothing is sent without it."
    assert delivery.due_at is not None and delivery.due_at > timezone.now()
    assert not Attempt.objects.exists()


def test_an_empty_secret_is_a_missing_one(store: Store, receiver: Receiver) -> None:
    profile = a_profile(
        store, receiver.url("/hook"), [static("header:X-Key", TOKEN.replace("€", ""), secret=True)]
    )
    a_sale(store)
    sweep_all()
    FieldMapping.objects.filter(profile=profile).update(secret_value="")
    carry()
    assert (receiver.requests, only_delivery().last_error) == ([], "config")


def test_a_key_that_is_gone_holds_only_what_needs_it(
    store: Store, receiver: Receiver, settings: Settings
) -> None:
    a_profile(store, receiver.url("/secret"), [static("token", TOKEN, secret=True)], name="Secret")
    a_profile(store, receiver.url("/plain"), [static("token", "1")], name="Plain")
    a_sale(store)
    sweep_all()
    settings.POSTRIDER_FIELD_KEYS = ["MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="]
    signing.rotate(Endpoint.objects.get(name="Plain").pk, overlap=timedelta(0), by="admin:jane")
    carry()
    assert [request.path for request in receiver.requests] == ["/plain"]
    held = Delivery.objects.get(target_name="Secret")
    assert (held.state, held.last_error) == ("waiting", "config")
    assert "POSTRIDER_FIELD_KEYS" in held.last_detail


# --- frozen and looked up ----------------------------------------------------------------------------


def test_a_corrected_address_gets_the_same_bytes_under_the_same_id(store: Store, receiver: Receiver) -> None:
    receiver.answers("/old", 404)
    rows = [field("a", "firstName"), static("list_id", "400"), static("header:X-Key", "1")]
    profile = a_profile(store, receiver.url("/old?k=1"), rows)
    a_sale(store)
    sweep_all()
    carry()
    services.edit_profile(profile, url=receiver.url("/new?k=2"), by=BY)
    services.set_mappings(profile, [static("list_id", "500"), static("header:X-Key", "2")], by=BY)
    due_now()
    carry()
    old, new = receiver.requests
    assert (old.target, new.target) == ("/old?k=1", "/new?k=2")
    assert (old.method, old.body, old.header("X-Key")) == (new.method, new.body, new.header("X-Key"))
    assert old.header("webhook-id") == new.header("webhook-id") == only_delivery().pk
    assert old.body == b"a=Ada&list_id=400"
    assert [row.number for row in Attempt.objects.all()] == [1, 2]


def test_what_is_said_is_the_order_at_the_run_not_at_the_attempt(store: Store, receiver: Receiver) -> None:
    from customers import services as customers

    receiver.answers("*", 500, 200)
    a_profile(store, receiver.url("/x"), [field("total", "totalPrice"), field("name", "firstName")])
    a_sale(store)
    sweep_all()
    carry()
    customers.update(store.customer, by=BY, first_name="Grace")
    due_now()
    carry()
    first, second = receiver.requests
    assert first.target == second.target == "/x?total=19.95&name=Ada"


def test_a_profile_that_is_switched_off_holds_what_waits(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url("/x"))
    a_sale(store)
    sweep_all()
    services.switch_off(profile, by=BY)
    carry()
    assert (receiver.requests, only_delivery().state, only_delivery().due_at) == ([], "pending", None)
    services.switch_on(profile, by=BY, catch_up=True)
    carry()
    assert (len(receiver.requests), only_delivery().state) == (1, "delivered")


def test_a_profile_without_address_sends_nothing(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url("/x"))
    a_sale(store)
    sweep_all()
    ExportProfile.objects.filter(pk=profile.pk).update(url="")
    carry()
    assert (only_delivery().last_error, only_delivery().last_detail) == (
        "config",
        "The profile has no Postback URL.",
    )


def test_preparing_many_takes_two_statements(store: Store, receiver: Receiver) -> None:
    for number in range(3):
        a_profile(
            store, receiver.url(f"/{number}"), [static("token", "s", secret=True), static("a", str(number))]
        )
    for _ in range(4):
        a_sale(store)
    sweep_all()
    deliveries = list(Delivery.objects.all())
    with CaptureQueriesContext(connection) as queries:
        requests = channel.prepare(deliveries)
    assert (len(requests), len(queries)) == (12, 2)


# --- what must not get in, and what happens if it did ------------------------------------------------

SPLITS = [
    "1\r\nX-Evil: 1",
    "1\nX-Evil: 1",
    "1\rX-Evil: 1",
    "1\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
    "1\r\n X-Evil",
    "\x00",
]


@pytest.mark.parametrize("value", SPLITS)
@pytest.mark.parametrize("secret", [False, True])
def test_a_header_cannot_be_split(store: Store, receiver: Receiver, value: str, secret: bool) -> None:
    profile = a_profile(store, receiver.url("/hook"), [static("header:X-Key", "1", secret=secret)])
    with pytest.raises(ValidationError, match="cannot have a line break or a control character"):
        services.set_mappings(profile, [static("header:X-Key", value, secret=secret)], by=BY)
    if "\x00" in value and connection.vendor == "postgresql":
        return  # the database itself refuses it
    column = "secret_value" if secret else "static_value"
    FieldMapping.objects.filter(profile=profile).update(**{column: f"{value}end"})
    a_sale(store)
    sweep_all()
    carry()
    assert receiver.requests == []
    assert only_delivery().last_error == "config"
    assert only_delivery().last_detail == (
        "A header has a character in it that headers cannot have; nothing is sent."
    )
    if secret:
        assert "X-Evil" not in everything_stored()


@pytest.mark.parametrize(
    "name", ["header:X-Key\r\nX-Evil: 1", "header:X Key", "header:X-Key:", "header:Ключ", "header:"]
)
def test_a_name_of_a_header_cannot_be_split(store: Store, receiver: Receiver, name: str) -> None:
    profile = a_profile(store, receiver.url("/hook"), [static("header:X-Key", "1")])
    with pytest.raises(ValidationError):
        services.set_mappings(profile, [static(name, "1")], by=BY)
    FieldMapping.objects.filter(profile=profile).update(export_name=name)
    a_sale(store)
    sweep_all()
    carry()
    assert (receiver.requests, only_delivery().last_error) == ([], "config")


def test_a_method_that_was_forced_in_is_not_sent(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url("/hook"), [static("header:httpMethod", "PUT")])
    with pytest.raises(ValidationError, match="Use GET, POST, PUT, PATCH or DELETE"):
        services.set_mappings(profile, [static("header:httpMethod", "BREW /pot HTTP/1.1\r\n")], by=BY)
    FieldMapping.objects.filter(profile=profile).update(static_value="GET /evil HTTP/1.1\r\nX: 1\r\n\r\nGET")
    a_sale(store)
    sweep_all()
    carry()
    assert (receiver.requests, only_delivery().last_error) == ([], "config")


def test_a_megabyte_is_refused_in_words_and_sent_if_it_is_there(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url("/hook"), [static("a", "1"), static("header:X-Key", "1")])
    large = "ä" * 500_000 + "b" * 500_000
    with pytest.raises(ValidationError, match=r"has 1,000,000 characters; at most 100,000 are allowed\."):
        services.set_mappings(profile, [static("a", large)], by=BY)
    FieldMapping.objects.filter(profile=profile, export_name="a").update(static_value=large)
    a_sale(store)
    sweep_all()
    carry()
    assert receiver.requests[0].form == [("a", large)]
    assert only_delivery().state == "delivered"


def test_the_longest_static_value_goes_out_whole(store: Store, receiver: Receiver) -> None:
    longest = "😀" * 100_000
    a_profile(store, receiver.url("/hook"), [static("a", longest), static(*JSON)])
    a_sale(store)
    sweep_all()
    carry()
    assert json.loads(receiver.requests[0].body) == {"a": longest}
