"""Signatures: the published library accepts them, and nothing else than what was signed."""

import base64
import dataclasses
import hashlib
import hmac
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from delivery import signing
from delivery.admin.signatures import ALL_SAMPLES, EXAMPLE_AT, EXAMPLE_BODY, EXAMPLE_SECRET, example
from delivery.channels import Unsendable
from delivery.ids import new_id
from delivery.models import Delivery, Endpoint, SigningSecret
from delivery.success import SuccessRule
from delivery.transports import Request
from tests.exports.partners import everything_stored
from tests.processes import ROOT

NOON = datetime(2026, 5, 4, 12, 0, 0, 900_000, tzinfo=UTC)
AT = 1_777_896_000  # the same
DAY = timedelta(days=1)
KEYS = st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=4)
IDS = st.text("0123456789abcdef", min_size=24, max_size=24)


def as_secret(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def is_accepted(secret: str, body: bytes | str, headers: Any) -> bool:
    """What the published library says."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


# --- headers, by themselves --------------------------------------------------------------------------


@given(keys=KEYS, delivery_id=IDS, body=st.text().map(str.encode), others=KEYS)
@time_machine.travel(NOON, tick=False)
def test_the_library_accepts_each_of_the_keys_and_no_other(
    keys: list[bytes], delivery_id: str, body: bytes, others: list[bytes]
) -> None:
    headers = signing.headers(delivery_id, body, keys, AT)
    assert [name for name, _ in headers] == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    for key in keys:
        assert is_accepted(as_secret(key), body, headers)
    for key in others:
        assert is_accepted(as_secret(key), body, headers) is (_block(key) in map(_block, keys))


def _block(key: bytes) -> bytes:
    """HMAC pads a key with zeros: those that differ in no more are the same key."""
    return key.ljust(64, b"\0")


@given(keys=KEYS, delivery_id=IDS, body=st.binary())
def test_any_bytes_are_signed_as_the_standard_says(keys: list[bytes], delivery_id: str, body: bytes) -> None:
    """Not through the library, which reads bodies as UTF-8."""
    headers = dict(signing.headers(delivery_id, body, keys, AT))
    said = b".".join([delivery_id.encode(), b"1777896000", body])
    expected = [base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in keys]
    assert headers["webhook-signature"].split(" ") == [f"v1,{text}" for text in expected]
    assert headers["webhook-timestamp"] == "1777896000"


@given(
    body=st.text().map(str.encode),
    changed=st.text().map(str.encode),
    ids=st.tuples(IDS, IDS),
    seconds=st.integers(-200, 200),
)
@time_machine.travel(NOON, tick=False)
def test_what_was_tampered_with_is_refused(
    body: bytes, changed: bytes, ids: tuple[str, str], seconds: int
) -> None:
    key = bytes(range(32))
    headers = dict(signing.headers(ids[0], body, [key], AT))
    when = str(int(headers["webhook-timestamp"]) + seconds)
    assert is_accepted(as_secret(key), changed, headers) is (changed == body)
    assert is_accepted(as_secret(key), body, {**headers, "webhook-id": ids[1]}) is (ids[0] == ids[1])
    assert is_accepted(as_secret(key), body, {**headers, "webhook-timestamp": when}) is (seconds == 0)


@pytest.mark.parametrize(("minutes", "accepted"), [(-6, False), (-4, True), (0, True), (4, True), (6, False)])
@time_machine.travel(NOON, tick=False)
def test_only_what_was_signed_just_now_is_accepted(minutes: int, accepted: bool) -> None:
    headers = signing.headers("a" * 24, b"{}", [b"k" * 32], AT + minutes * 60)
    assert is_accepted(as_secret(b"k" * 32), b"{}", headers) is accepted


def test_the_example_of_the_documentation() -> None:
    """Receivers try their code on it; the signature was made with openssl."""
    made = "\n".join(f"{name:<19} {value}" for name, value in example())
    assert "v1,cIw/QYAZKxoNBRZiY5eX8R4ZPoJhj3CjRg/+KoT0DA4=" in made
    assert made in (ROOT / "docs" / "signatures.md").read_text()
    with time_machine.travel(EXAMPLE_AT, tick=False):
        assert is_accepted(EXAMPLE_SECRET, EXAMPLE_BODY, example()[1:4])


def test_the_code_of_the_documentation_is_that_of_the_page() -> None:
    written = (ROOT / "docs" / "signatures.md").read_text()
    for sample in ALL_SAMPLES:
        assert f"\n{sample.code}```" in written, sample.language
        assert sample.install.split()[2].strip("'") in written


# --- the secrets of an endpoint ----------------------------------------------------------------------


@pytest.fixture
def endpoint(db: None) -> Endpoint:
    return an_endpoint()


def an_endpoint(name: str = "Partner") -> Endpoint:
    made = Endpoint.objects.create(channel="export", name=name)
    signing.provide([made.pk])
    return made


def secrets_of(endpoint: Endpoint) -> list[str]:
    """All that are stored, newest first."""
    return [row.secret for row in SigningSecret.objects.filter(endpoint=endpoint)]


def signs_with(endpoint: Endpoint, now: datetime) -> list[str]:
    keys = signing.keys_of([endpoint.pk], now)[endpoint.pk]
    assert isinstance(keys, tuple)
    return [as_secret(key) for key in keys]


def accepted_of(endpoint: Endpoint, now: datetime) -> list[bool]:
    """For each stored secret, newest first: whether its receiver accepts what is sent now."""
    keys = signing.keys_of([endpoint.pk], now)[endpoint.pk]
    assert isinstance(keys, tuple)
    headers = signing.headers("a" * 24, b"a=1", keys, int(now.timestamp()))
    with time_machine.travel(now, tick=False):
        return [is_accepted(secret, b"a=1", headers) for secret in secrets_of(endpoint)]


def test_a_secret_is_made_as_the_standard_wants_it(endpoint: Endpoint) -> None:
    (secret,) = secrets_of(endpoint)
    assert secret.startswith("whsec_") and 24 <= len(base64.b64decode(secret[6:], validate=True)) <= 64
    assert secret not in everything_stored() and secret[6:] not in everything_stored()


def test_every_endpoint_gets_one_and_only_one(endpoint: Endpoint) -> None:
    others = [Endpoint.objects.create(channel="export", name=str(n)) for n in range(3)]
    pks = [one.pk for one in (endpoint, *others)]
    before = secrets_of(endpoint)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            signing.provide([*pks, *pks])
        assert len([one for one in queries if "SAVEPOINT" not in one["sql"]]) <= 3
    assert secrets_of(endpoint) == before
    made = [secret for one in (endpoint, *others) for secret in secrets_of(one)]
    assert len(made) == len(set(made)) == 4


@time_machine.travel(NOON, tick=False)
def test_while_it_is_rotated_old_and_new_are_accepted(endpoint: Endpoint) -> None:
    (old,) = secrets_of(endpoint)
    signing.rotate(endpoint.pk, by="admin:jane")
    new, kept = secrets_of(endpoint)
    assert kept == old != new
    assert signs_with(endpoint, NOON) == [new, old]
    for later in (timedelta(), DAY - timedelta(seconds=1)):
        assert accepted_of(endpoint, NOON + later) == [True, True]
    for later in (DAY, 30 * DAY):
        assert accepted_of(endpoint, NOON + later) == [True, False]


def test_how_long_both_are_accepted_is_a_setting(endpoint: Endpoint, settings: Settings) -> None:
    settings.POSTRIDER_SECRET_OVERLAP_HOURS = 0.5
    with time_machine.travel(NOON, tick=False):
        signing.rotate(endpoint.pk, by="admin:jane")
    assert accepted_of(endpoint, NOON + timedelta(minutes=29)) == [True, True]
    assert accepted_of(endpoint, NOON + timedelta(minutes=31)) == [True, False]


def test_a_secret_that_leaked_is_replaced_at_once(endpoint: Endpoint) -> None:
    old = secrets_of(endpoint)
    signing.rotate(endpoint.pk, overlap=timedelta(), by="admin:jane")
    assert len(secrets_of(endpoint)) == 1 and secrets_of(endpoint) != old


def test_only_so_many_old_ones_are_kept(endpoint: Endpoint) -> None:
    for _ in range(signing.MOST_OLD + 2):
        signing.rotate(endpoint.pk, by="admin:jane")
    made = secrets_of(endpoint)
    assert len(made) == len(set(made)) == signing.MOST_OLD + 1
    assert SigningSecret.objects.filter(expires_at=None).count() == 1
    with time_machine.travel(datetime.now(UTC) + DAY):  # they go when they sign nothing any more
        signing.rotate(endpoint.pk, by="admin:jane")
    assert secrets_of(endpoint)[1:] == made[:1]


def test_a_second_click_rotates_nothing(endpoint: Endpoint) -> None:
    in_use = SigningSecret.objects.get().pk
    signing.rotate(endpoint.pk, replaces=in_use, by="admin:jane")
    before = secrets_of(endpoint)
    with pytest.raises(signing.NotInUse):
        signing.rotate(endpoint.pk, replaces=in_use, by="admin:jane")
    assert secrets_of(endpoint) == before


def test_an_old_one_can_be_revoked_and_the_one_in_use_cannot(endpoint: Endpoint) -> None:
    another = an_endpoint("Another")
    signing.rotate(endpoint.pk, by="admin:jane")
    new, old = SigningSecret.objects.filter(endpoint=endpoint)
    signing.revoke(endpoint.pk, new.pk, by="admin:jane")
    signing.revoke(another.pk, old.pk, by="admin:jane")
    assert secrets_of(endpoint) == [new.secret, old.secret]
    signing.revoke(endpoint.pk, old.pk, by="admin:jane")
    assert secrets_of(endpoint) == [new.secret]


def test_rotating_touches_no_other_endpoint(endpoint: Endpoint) -> None:
    another = an_endpoint("Another")
    before = secrets_of(another)
    signing.rotate(endpoint.pk, overlap=timedelta(), by="admin:jane")
    assert secrets_of(another) == before


@pytest.mark.django_db(transaction=True)
def test_two_who_provide_and_rotate_at_once_leave_one_in_use() -> None:
    endpoint = Endpoint.objects.create(channel="export", name="Partner")
    ready = threading.Barrier(4)

    def one(what: Any) -> None:
        ready.wait(10)
        try:
            what()
        finally:
            connection.close()

    jobs = [lambda: signing.provide([endpoint.pk])] * 2 + [
        lambda: signing.rotate(endpoint.pk, by="admin:jane")
    ] * 2
    threads = [threading.Thread(target=one, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert SigningSecret.objects.filter(endpoint=endpoint, expires_at=None).count() == 1
    assert SigningSecret.objects.filter(endpoint=endpoint).count() <= 3


@pytest.mark.django_db
def test_endpoints_of_before_get_one_by_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("delivery.migrations.0004_signing_secrets")
    monkeypatch.setattr(migration, "BATCH", 2)
    kept = an_endpoint()
    bare = [Endpoint.objects.create(channel="export", name=str(n)) for n in range(5)]
    state = MigrationExecutor(connection).loader.project_state(("delivery", "0002_engine"))
    before = secrets_of(kept)
    for _ in range(2):
        migration.provide(state.apps, None)
    assert secrets_of(kept) == before
    for one in bare:
        (secret,) = secrets_of(one)
        assert signs_with(one, NOON) == [secret] and len(base64.b64decode(secret[6:])) == 32


# --- a batch -----------------------------------------------------------------------------------------


def a_delivery(endpoint: Endpoint) -> Delivery:
    return Delivery(id=new_id(), endpoint=endpoint, channel="export")


def a_request(*headers: tuple[str, str], body: bytes = b"a=1") -> Request:
    shown = tuple((name, "***") for name, _ in headers)
    rule = SuccessRule(*["x"] * len(dataclasses.fields(SuccessRule)))
    return Request("POST", "https://h/", headers, body, 7, "https://h/?*", shown, ("hush",), rule)


def one_signed(endpoint: Endpoint, request: Request, now: datetime = NOON) -> Request:
    delivery = a_delivery(endpoint)
    done = signing.signed({delivery.pk: request}, [delivery], now)[delivery.pk]
    assert isinstance(done, Request)
    return done


def test_a_batch_is_signed_each_with_the_secret_of_its_endpoint(db: None) -> None:
    endpoints = [an_endpoint(str(n)) for n in range(3)]
    deliveries = [a_delivery(one) for one in endpoints * 2]
    prepared = {one.pk: a_request(body=one.pk.encode()) for one in deliveries}
    with CaptureQueriesContext(connection) as queries:
        done = signing.signed(prepared, deliveries, NOON)
    assert len(queries) == 1
    with time_machine.travel(NOON, tick=False):
        for delivery in deliveries:
            request = done[delivery.pk]
            assert isinstance(request, Request) and ("webhook-id", delivery.pk) in request.headers
            secrets = {one.pk: secrets_of(one)[0] for one in endpoints}
            accepting = [
                pk for pk, secret in secrets.items() if is_accepted(secret, request.body, request.headers)
            ]
            assert accepting == [delivery.endpoint_id]


def test_nothing_but_the_headers_is_touched(endpoint: Endpoint) -> None:
    given = a_request(("X-Key", "1"), ("Content-Type", "a/b"))
    done = one_signed(endpoint, dataclasses.replace(given))
    for field in dataclasses.fields(Request):
        value = getattr(given, field.name)
        assert value != (field.default if field.default is not dataclasses.MISSING else None)
        if field.name in ("headers", "shown_headers"):
            assert getattr(done, field.name)[:2] == value
            value = getattr(done, field.name)
        assert getattr(done, field.name) == value
    names = ["User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature"]
    assert [name for name, _ in done.headers[2:]] == names
    assert done.headers[2:] == done.shown_headers[2:]
    assert done.headers[2][1].startswith("Postrider/")


@pytest.mark.parametrize("write", [str, str.upper, str.title])
def test_no_header_of_others_takes_the_place_of_ours(endpoint: Endpoint, write: Any) -> None:
    ours = ("webhook-id", "webhook-timestamp", "webhook-signature", "user-agent")
    done = one_signed(endpoint, a_request(("X-A", "1"), *((write(name), "forged") for name in ours)))
    for headers in (done.headers, done.shown_headers):
        names = [name.lower() for name, _ in headers]
        assert sorted(names) == sorted(["x-a", *ours])
        assert "forged" not in dict(headers).values()


def test_each_attempt_is_signed_afresh_under_the_same_id(endpoint: Endpoint) -> None:
    delivery, request = a_delivery(endpoint), a_request()
    (secret,) = secrets_of(endpoint)
    seen = []
    for hours in range(3):
        now = NOON + timedelta(hours=hours)
        done = signing.signed({delivery.pk: request}, [delivery], now)[delivery.pk]
        assert isinstance(done, Request)
        with time_machine.travel(now, tick=False):
            assert is_accepted(secret, done.body, done.headers)
        seen.append(
            (done.body, *(dict(done.headers)[f"webhook-{name}"] for name in ("id", "timestamp", "signature")))
        )
    bodies, ids, timestamps, signatures = (len(set(column)) for column in zip(*seen, strict=True))
    assert (bodies, ids, timestamps, signatures) == (1, 1, 3, 3)


def test_a_request_without_a_body_is_signed_too(endpoint: Endpoint) -> None:
    done = one_signed(endpoint, a_request(body=b""))
    with time_machine.travel(NOON, tick=False):
        assert is_accepted(secrets_of(endpoint)[0], b"", done.headers)
        assert not is_accepted(secrets_of(endpoint)[0], b" ", done.headers)


def test_an_endpoint_without_a_secret_gets_one_first(db: None) -> None:
    bare = Endpoint.objects.create(channel="export", name="Bare")
    done = one_signed(bare, a_request())
    with time_machine.travel(NOON, tick=False):
        assert is_accepted(secrets_of(bare)[0], b"a=1", done.headers)


def test_what_cannot_be_sent_stays_so_and_asks_nothing(endpoint: Endpoint) -> None:
    delivery, forgotten = a_delivery(endpoint), a_delivery(endpoint)
    reason = Unsendable("", "The profile is switched off.")
    with CaptureQueriesContext(connection) as queries:
        assert signing.signed({delivery.pk: reason}, [delivery, forgotten], NOON) == {delivery.pk: reason}
    assert len(queries) <= 1


@pytest.mark.parametrize("which", ["in use", "old"])
def test_a_secret_that_cannot_be_read_stops_its_endpoint_only(
    endpoint: Endpoint, settings: Settings, which: str
) -> None:
    another = an_endpoint("Another")
    signing.rotate(endpoint.pk, by="admin:jane")
    lost = Fernet(Fernet.generate_key()).encrypt(b"whsec_x").decode()
    put_as_stored(SigningSecret.objects.filter(endpoint=endpoint)[which == "old"].pk, lost)
    deliveries = [a_delivery(endpoint), a_delivery(another)]
    done = signing.signed({one.pk: a_request() for one in deliveries}, deliveries, NOON)
    held, sent = (done[one.pk] for one in deliveries)
    assert isinstance(held, Unsendable) and (held.error, held.is_its_own) == ("config", False)
    assert "POSTRIDER_FIELD_KEYS" in held.detail and lost not in held.detail
    assert isinstance(sent, Request)
    signing.rotate(
        endpoint.pk, overlap=timedelta(), by="admin:jane"
    )  # the way out, if the key is gone for good
    signing.revoke(endpoint.pk, 0, by="admin:jane")
    assert isinstance(signing.keys_of([endpoint.pk], datetime.now(UTC))[endpoint.pk], tuple) is (
        which == "in use"
    )


@pytest.mark.parametrize("damaged", ["", "whsec_", "whsec_a", "whsec_ä", f"whsec_{'YWJj' * 7}"])
def test_nothing_is_signed_with_what_anybody_could_guess(endpoint: Endpoint, damaged: str) -> None:
    SigningSecret.objects.filter(endpoint=endpoint).update(secret=damaged)
    delivery = a_delivery(endpoint)
    done = signing.signed({delivery.pk: a_request()}, [delivery], NOON)[delivery.pk]
    assert isinstance(done, Unsendable) and "Rotate" in done.detail


def test_what_a_person_is_told_before_anything_was_sent() -> None:
    told = dict(signing.announced("a" * 24))
    assert told["webhook-id"] == "a" * 24 and told["User-Agent"].startswith("Postrider/")
    assert set(told) == {"User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature"}


def put_as_stored(pk: int, text: str) -> None:
    """Past the encryption, as a lost key leaves it."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_signingsecret SET secret = %s WHERE id = %s", [text, pk])
