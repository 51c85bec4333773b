"""`/v2/postbackconfigs`: every field, limit and rule of the reference."""

import socket
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Change
from customers.models import Location
from delivery import worker
from delivery.models import Delivery
from postbacks import taking
from postbacks.models import PostbackConfig
from tests.api.clients import Integrator
from tests.postbacks.listeners import a_config, a_contact, a_gateway, due_now
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1/receiver"
# The documentation's own answer.
KEYS = [
    *("id", "location_id", "resource", "on_create", "on_update", "on_delete", "url", "is_active", "format"),
    *("number_of_attempts", "attempt_interval", "expands", "created_ts", "modified_ts", "_links"),
]


def _example(here: Location, **fields: Any) -> dict[str, Any]:
    """The documentation's own request."""
    return {
        "postbackconfig": {
            "attempt_interval": 300,
            "basic_auth_username": None,
            "basic_auth_password": None,
            "expands": "",
            "format": "api-default",
            "is_active": "1",
            "location_id": here.public_id,
            "number_of_attempts": 1,
            "on_create": "1",
            "on_delete": "1",
            "on_update": "1",
            "resource": "contact",
            "url": URL,
            **fields,
        }
    }


def _post(api: Integrator, here: Location, **fields: Any) -> Any:
    return api.post("postbackconfigs", _example(here, **fields))


def test_the_example_of_the_documentation(api: Integrator, here: Location) -> None:
    answer = _post(api, here)
    assert answer.status == 201, answer.body
    assert list(answer.body) == ["postbackconfig"]
    config = answer.body["postbackconfig"]
    assert list(config) == KEYS
    sent = _example(here)["postbackconfig"]
    assert {name: config[name] for name in KEYS if name in sent} == {
        name: value for name, value in sent.items() if not name.startswith("basic_auth")
    }
    assert config["created_ts"] == config["modified_ts"] == int(config["created_ts"])
    href = f"http://testserver/v2/postbackconfigs/{config['id']}"
    assert config["_links"] == {"self": {"href": href}}
    assert api.get(f"postbackconfigs/{config['id']}").body == answer.body
    change = Change.objects.get(subject_type="postbacks.postbackconfig")
    assert (change.by, change.action) == ("api:shop", "created")


def test_what_is_left_out_is_as_usual(api: Integrator, here: Location) -> None:
    body = {"location_id": here.public_id, "resource": "contact", "url": URL, "on_create": 1}
    config = api.post("postbackconfigs", {"postbackconfig": body}).body["postbackconfig"]
    assert (config["number_of_attempts"], config["attempt_interval"], config["format"]) == (
        1,
        300,
        "api-default",
    )
    assert [config[name] for name in ("on_create", "on_update", "on_delete", "is_active")] == [
        1,
        "0",
        "0",
        "1",
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [("1", "1"), ("0", "0"), (1, 1), (0, 0), (True, True), (False, False), ("true", "1"), ("false", "0")],
)
def test_booleans_are_answered_in_the_form_in_which_they_were_sent(
    api: Integrator, here: Location, sent: Any, said: Any
) -> None:
    config = _post(api, here, on_update=sent).body["postbackconfig"]
    assert config["on_update"] == said and type(config["on_update"]) is type(said)
    assert config["on_create"] == "1"
    changed = api.put(f"postbackconfigs/{config['id']}", {"postbackconfig": {"is_active": True}})
    config = changed.body["postbackconfig"]
    assert (config["is_active"], config["on_update"]) == (True, said)


@pytest.mark.parametrize("before", ["1", 1, True])
@pytest.mark.parametrize("after", ["1", 1, True])
def test_the_form_of_a_boolean_is_that_of_the_last_call(
    api: Integrator, here: Location, before: Any, after: Any
) -> None:
    path = f"postbackconfigs/{_post(api, here, on_create=before).body['postbackconfig']['id']}"
    said = api.put(path, {"postbackconfig": {"on_create": after}}).body["postbackconfig"]["on_create"]
    assert (said, type(said)) == (after, type(after))


BAD: list[tuple[str, Any, str]] = [
    ("location_id", None, "Location Id cannot be blank."),
    ("location_id", "0" * 24, "location_id provided is not valid"),
    ("resource", "elephant", "not a valid choice"),
    ("resource", None, "Resource cannot be blank."),
    ("resource", ["contact"], "list"),
    ("on_create", "yes", "On Create must be 1 or 0."),
    ("on_create", 2, "On Create must be 1 or 0."),
    ("on_create", None, "On Create cannot be blank."),
    ("url", "", "Url cannot be blank."),
    ("url", None, "Url cannot be blank."),
    ("url", "ftp://example.com/", "https:// or http://"),
    ("url", "https://example.com/" + "x" * 500, "1 to 512"),
    ("url", "https://user:secret@example.com/", "basic_auth_username and basic_auth_password carry them"),
    ("url", "http://10.0.0.1/", "10.0.0.1 is not a public address"),
    ("url", "http://169.254.169.254/", "cloud metadata address"),
    ("url", "http://[::1]/", "is not a public address"),
    ("url", "https://exa mple.com/", "space"),
    ("format", "xml", "not a valid choice"),
    ("number_of_attempts", 0, "from 1 to 5"),
    ("number_of_attempts", 6, "from 1 to 5"),
    ("number_of_attempts", "many", "from 1 to 5"),
    ("number_of_attempts", 1.5, "from 1 to 5"),
    ("number_of_attempts", True, "from 1 to 5"),
    ("attempt_interval", 299, "from 300 to 86400"),
    ("attempt_interval", 86_401, "from 300 to 86400"),
    ("attempt_interval", 2**60, "from 300 to 86400"),
    ("expands", "contact,secrets", "cannot be embedded in a contact"),
    ("expands", "location," * 100, "512"),
    ("basic_auth_username", "a:b", "colon"),
    ("basic_auth_username", "x" * 513, "512"),
    ("basic_auth_password", "x\r\ny", "line break"),
    ("product_transaction_id", "0" * 24, "product_transaction_id provided is not valid"),
    ("nonsense", 1, "nonsense is not a field of this record."),
]


@pytest.mark.parametrize(("name", "value", "why"), BAD)
def test_a_fault_is_named_by_its_field(
    api: Integrator, here: Location, name: str, value: Any, why: str
) -> None:
    login = {"basic_auth_username": "shop"} if name == "basic_auth_password" else {}
    answer = _post(api, here, **login, **{name: value})
    assert answer.status == 422, answer.body
    assert list(answer.errors) == [name]
    assert why in answer.errors[name][0]
    assert not PostbackConfig.objects.exists()


@pytest.mark.parametrize("resource", ["transaction", "transactionbatch"])
def test_payments_need_a_gateway(api: Integrator, here: Location, elsewhere: Location, resource: str) -> None:
    answer = _post(api, here, resource=resource)
    assert answer.errors == {"product_transaction_id": ["Product Transaction Id cannot be blank."]}
    for gateway in (a_gateway(elsewhere).public_id, "nonsense", 7):
        answer = _post(api, here, resource=resource, product_transaction_id=gateway)
        assert answer.errors == {"product_transaction_id": ["product_transaction_id provided is not valid"]}
    gateway = a_gateway(here)
    config = _post(api, here, resource=resource, product_transaction_id=gateway.public_id).body
    assert config["postbackconfig"]["product_transaction_id"] == gateway.public_id


@pytest.mark.parametrize("resource", ["contact", "accountvault", "order", "subscription"])
def test_the_other_resources_need_none(api: Integrator, here: Location, resource: str) -> None:
    assert _post(api, here, resource=resource).body["postbackconfig"]["resource"] == resource


def test_a_login_is_told_only_to_who_asks_for_it(api: Integrator, here: Location) -> None:
    answer = _post(api, here, basic_auth_username="shop", basic_auth_password=" hunter2 ")
    config = answer.body["postbackconfig"]
    assert "hunter2" not in str(answer.body) and "basic_auth_username" not in config
    assert "hunter2" not in str(api.get("postbackconfigs").body)
    asked = api.get(f"postbackconfigs/{config['id']}?expand=basic_auth_username,basic_auth_password").body
    assert asked["postbackconfig"]["basic_auth_username"] == "shop"
    assert asked["postbackconfig"]["basic_auth_password"] == " hunter2 "
    assert "hunter2" not in str(list(Change.objects.values()))

    changes: dict[str, Any] = {"basic_auth_username": None, "basic_auth_password": None}
    api.put(f"postbackconfigs/{config['id']}", {"postbackconfig": changes})
    asked = api.get(f"postbackconfigs/{config['id']}?expand=basic_auth_username").body
    assert asked["postbackconfig"]["basic_auth_username"] is None


def test_a_change_is_partial(api: Integrator, here: Location) -> None:
    config = _post(api, here, number_of_attempts="3", basic_auth_username="shop").body["postbackconfig"]
    path = f"postbackconfigs/{config['id']}"
    answer = api.put(path, {"postbackconfig": {"url": f"{URL}/new", "on_delete": 0}})
    assert answer.status == 200, answer.body
    changed = answer.body["postbackconfig"]
    assert (changed["url"], changed["on_delete"], changed["number_of_attempts"]) == (f"{URL}/new", 0, 3)
    assert changed["modified_ts"] >= changed["created_ts"] == config["created_ts"]
    assert PostbackConfig.objects.get().basic_auth_username == "shop"
    assert api.put(path, {"postbackconfig": changed}).status == 200  # what was read may be sent back
    assert api.put(path, {"postbackconfig": {"number_of_attempts": None}}).status == 200
    assert api.get(path).body["postbackconfig"]["number_of_attempts"] == 1


def test_a_config_stays_in_its_location(api: Integrator, here: Location, elsewhere: Location) -> None:
    path = f"postbackconfigs/{_post(api, here).body['postbackconfig']['id']}"
    for location in (elsewhere.public_id, "nonsense"):
        answer = api.put(path, {"postbackconfig": {"location_id": location}})
        assert answer.status == 422 and list(answer.errors) == ["location_id"]
    assert api.put(path, {"postbackconfig": {"location_id": here.public_id}}).status == 200


def test_a_deleted_config_is_gone(api: Integrator, here: Location) -> None:
    path = f"postbackconfigs/{_post(api, here).body['postbackconfig']['id']}"
    assert (api.delete(path).status, api.delete(path).status) == (204, 409)
    assert api.get(path).status == api.put(path, {"postbackconfig": {"on_create": 1}}).status == 409
    assert api.get("postbackconfigs").body["postbackconfigs"] == []


def test_others_do_not_see_it(api: Integrator, stranger: Integrator, here: Location) -> None:
    path = f"postbackconfigs/{_post(api, here).body['postbackconfig']['id']}"
    nothing = stranger.get("postbackconfigs/" + "0" * 24)
    for answer in (
        stranger.get(path),
        stranger.put(path, {"postbackconfig": {"url": URL}}),
        stranger.delete(path),
    ):
        assert (answer.status, answer.body) == (nothing.status, nothing.body)
    assert stranger.get("postbackconfigs").body["postbackconfigs"] == []
    assert _post(stranger, here).errors == {"location_id": ["location_id provided is not valid"]}
    assert PostbackConfig.objects.get().deleted_at is None


def test_lists_filter_and_sort(api: Integrator, here: Location) -> None:
    _post(api, here)
    _post(api, here, resource="order", is_active="0")
    found = api.get("postbackconfigs?resource=order").body["postbackconfigs"]
    assert [one["resource"] for one in found] == ["order"]
    assert len(api.get("postbackconfigs?is_active=1").body["postbackconfigs"]) == 1
    found = api.get("postbackconfigs?sort=-created_ts&created_ts=today").body["postbackconfigs"]
    assert [one["resource"] for one in found] == ["order", "contact"]
    assert list(api.get("postbackconfigs?nonsense=1").errors) == ["nonsense"]


def test_logs_say_what_became_of_each(api: Integrator, here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 200, 500, 500)
    config = _post(api, here, url=receiver.url("/hook"), number_of_attempts=2).body["postbackconfig"]
    contacts = [a_contact(here) for _ in range(3)]
    taking.run()
    path = f"postbackconfigs/{config['id']}?expand=postback_logs"
    logs = api.get(path).body["postbackconfig"]["postback_logs"]
    assert [one["postback_status_id"] for one in logs] == [1, 1, 1]
    worker.drain()
    logs = api.get(path).body["postbackconfig"]["postback_logs"]
    assert sorted(one["postback_status_id"] for one in logs) == [2, 3, 3]
    retried = next(one for one in logs if one["postback_status_id"] == 3)
    assert retried["next_run_ts"] >= retried["created_ts"] + 299
    due_now()
    worker.drain()
    logs = api.get(path).body["postbackconfig"]["postback_logs"]
    assert {one["model_id"] for one in logs} == {contact.public_id for contact in contacts}
    assert {one["postback_status_id"] for one in logs} == {2, 4}
    assert {(one["postback_config_id"], one["http_verb"], one["model"]) for one in logs} == {
        (config["id"], "POST", "Contact")
    }
    assert {one["id"] for one in logs} == set(Delivery.objects.values_list("pk", flat=True))


def test_logs_are_read_in_sets(api: Integrator, here: Location) -> None:
    for _ in range(3):
        a_config(here, URL)
    a_contact(here)
    taking.run()
    api.get("postbackconfigs?expand=postback_logs")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as statements:
            assert api.get("postbackconfigs?expand=postback_logs").status == 200
        counts.append(len(statements))
        for _ in range(5):
            a_config(here, URL)
        a_contact(here)
        taking.run()
    assert counts[0] == counts[1]


def test_a_login_that_no_key_opens_stops_nothing_else(api: Integrator, here: Location) -> None:
    config = _post(api, here, basic_auth_username="shop").body["postbackconfig"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE postbacks_postbackconfig SET basic_auth_username = 'gAAAA'")
    path = f"postbackconfigs/{config['id']}"
    assert api.get(path).status == api.get("postbackconfigs").status == 200
    assert "POSTRIDER_FIELD_KEYS" in api.get(f"{path}?expand=basic_auth_username").errors["expand"][0]
    assert api.put(path, {"postbackconfig": {"number_of_attempts": 2}}).status == 200
    assert api.put(path, {"postbackconfig": {"basic_auth_username": "new"}}).status == 200
    assert PostbackConfig.objects.get().basic_auth_username == "new"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE postbacks_postbackconfig SET basic_auth_username = 'gAAAA'")
    assert api.delete(path).status == 204


def test_what_cannot_be_answered_is_not_done(api: Integrator, here: Location) -> None:
    config = _post(api, here, basic_auth_username="shop").body["postbackconfig"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE postbacks_postbackconfig SET basic_auth_username = 'gAAAA'")
    path, before = f"postbackconfigs/{config['id']}?expand=basic_auth_username", Change.objects.count()
    answer = api.put(path, {"postbackconfig": {"number_of_attempts": 2}})
    assert answer.status == 422 and list(answer.errors) == ["expand"]
    stored = PostbackConfig.objects.defer("basic_auth_username").get()
    assert stored.number_of_attempts == 1 and Change.objects.count() == before
    answer = api.put(path, {"postbackconfig": {"basic_auth_username": "new"}})
    assert (answer.status, answer.body["postbackconfig"]["basic_auth_username"]) == (200, "new")


def test_names_are_asked_for_outside_of_transactions(
    api: Integrator, here: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow name service must not keep rows locked, nor the only writer of SQLite waiting."""
    asked: list[tuple[str, bool]] = []

    def answer(host: str, port: int, **_: Any) -> list[Any]:
        asked.append((host, connection.in_atomic_block))
        address = "127.0.0.1" if host.startswith("here") else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    key = {"Idempotency-Key": "k1"}
    made = api.post("postbackconfigs", _example(here, url="http://here.example/"), **key)
    assert made.status == 201, made.body
    path = f"postbackconfigs/{made.body['postbackconfig']['id']}"
    assert api.put(path, {"postbackconfig": {"url": "http://here2.example/"}}).status == 200
    refused = api.put(path, {"postbackconfig": {"url": "http://private.example/"}})
    assert refused.status == 422 and list(refused.errors) == ["url"]
    assert api.put(path, {"postbackconfig": {"on_create": 1}}).status == 200  # asks for nothing
    hosts = ("here.example", "here2.example", "private.example")
    assert asked == [(host, False) for host in hosts]
    assert PostbackConfig.objects.get().url == "http://here2.example/"
