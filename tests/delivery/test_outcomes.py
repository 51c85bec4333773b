"""From an answer to an outcome: what counts as accepted, what goes on record, when the next try is."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from delivery import outcomes, retries
from delivery.models import Attempt, Delivery
from delivery.secrets import MASK
from delivery.settling import AttemptRow, Settlement
from delivery.transports import Answer, Request
from tests.delivery.bare_server import bare_server
from tests.exports.partners import a_profile, a_sale, a_store, carry, sweep_all
from tests.receiver import Answer as Reply
from tests.receiver import Receiver

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def judged(answer: Answer, *secrets: str, wait: timedelta | None = MINUTE, **delivery: Any) -> Settlement:
    request = Request("GET", "http://h/", (), b"", 5, "http://h/?a=1", (("X-A", "1"),), secrets)
    return outcomes.settlement(Delivery(id="d" * 24, **delivery), request, answer, NOON, lambda: wait)


def attempt_of(settled: Settlement) -> Attempt:
    assert settled.attempt is not None
    return settled.attempt


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 226, 299])
def test_any_2xx_is_success(status: int) -> None:
    settled = judged(Answer(status, body=b"ERROR: duplicate"))
    assert (settled.state, settled.due_at, settled.error, settled.detail) == ("delivered", None, "", "")
    assert (attempt_of(settled).error, attempt_of(settled).status) == ("", status)


@pytest.mark.parametrize(
    ("status", "error", "detail"),
    [
        (None, "status", "0"),
        (101, "status", "101"),
        (103, "status", "103"),
        (304, "status", "304"),
        (400, "status", "400 Bad Request"),
        (410, "gone", "410 Gone"),
        (418, "status", "418"),
        (429, "status", "429 Too Many Requests"),
        (500, "status", "500 Internal Server Error"),
        (599, "status", "599"),
        (302, "redirect", "302: the receiver says it is now at another address. Not followed."),
    ],
)
def test_anything_else_is_tried_again(status: int | None, error: str, detail: str) -> None:
    settled = judged(Answer(status))
    assert (settled.state, settled.due_at) == ("waiting", NOON + MINUTE)
    assert (settled.error, settled.detail) == (error, detail)
    assert (attempt_of(settled).error, attempt_of(settled).detail) == (error, detail)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_names_the_new_address(status: int) -> None:
    settled = judged(Answer(status, (("lOCATION", "https://new.example/x"),)))
    said = f"{status}: the receiver says it is now at https://new.example/x. Not followed."
    assert (settled.error, settled.detail) == ("redirect", said)


def test_what_failed_on_the_way_is_told_before_the_status() -> None:
    settled = judged(Answer(200, error="timeout", detail="No complete answer in time."))
    assert (settled.state, settled.error, settled.detail) == (
        "waiting",
        "timeout",
        "No complete answer in time.",
    )
    assert attempt_of(settled).status == 200


def test_without_another_try_it_has_failed() -> None:
    settled = judged(Answer(500), wait=None)
    assert (settled.state, settled.due_at, settled.error) == ("failed", None, "status")


@pytest.mark.parametrize("state", ["delivered", "failed", "cancelled"])
def test_sending_again_never_makes_it_worse(state: str) -> None:
    settled = judged(Answer(500), state=state, last_error="old", last_detail="as it was", attempts_made=3)
    assert (settled.state, settled.due_at, settled.error, settled.detail) == (state, None, "old", "as it was")
    assert (attempt_of(settled).number, attempt_of(settled).error) == (4, "status")
    assert judged(Answer(200), state=state).state == "delivered"


def test_what_goes_on_record() -> None:
    answer = Answer(422, (("X-Why", "list_id"),), "nein \x00 \ufffd".encode() + b"\xff", is_cut=True)
    answer.remote_address, answer.duration_ms, answer.phases = "8.8.8.8", 120, {"answered_ms": 110}
    row = attempt_of(judged(answer, asked_by="admin:jane", attempts_made=6))
    assert (row.number, row.started_at, row.duration_ms, row.asked_by) == (7, NOON, 120, "admin:jane")
    assert (row.method, row.url, row.request_headers) == ("GET", "http://h/?a=1", '[["X-A","1"]]')
    assert (row.status, row.answer_headers, row.is_answer_cut) == (422, '[["X-Why","list_id"]]', True)
    assert row.answer == "nein \ufffd \ufffd\ufffd"
    assert (row.remote_address, json.loads(row.phases)) == ("8.8.8.8", {"answered_ms": 110})


# --- secrets that an answer repeats ------------------------------------------------------------------

SECRET = 'pä$$ w&rd/+"<x>~*'


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        f"token={SECRET}!",
        "p%C3%A4%24%24%20w%26rd%2F%2B%22%3Cx%3E%7E%2A",
        "p%C3%A4%24%24+w%26rd%2F%2B%22%3Cx%3E%7E*",
        "p%c3%a4%24%24+w%26rd%2f%2b%22%3cx%3e~%2a",
        'pä$$ w&rd/+\\"<x>~*',
        'p\\u00e4$$ w&rd/+\\"<x>~*',
        "pä$$ w&amp;rd/+&quot;&lt;x&gt;~*",
    ],
)
def test_a_secret_that_the_answer_repeats_is_blotted(echo: str) -> None:
    answer = Answer(301, (("X-Echo", echo), ("Location", f"https://h/?t={echo}"), (echo, "1")), echo.encode())
    settled = judged(answer, SECRET, "")
    row = attempt_of(settled)
    assert MASK in row.answer and MASK in settled.detail
    stored = f"{row.answer} {settled.detail} {row.detail} {orjson.loads(row.answer_headers)}"
    assert "rd/+" not in stored and "w%26" not in stored.replace("rd%2F", "") and "w&" not in stored


def test_of_secrets_that_begin_alike_the_longest_is_blotted_whole() -> None:
    row = attempt_of(judged(Answer(500, body=b"tok-1234567 tok"), "tok", "tok-1234567"))
    assert row.answer == f"{MASK} {MASK}"


def test_without_secrets_the_answer_stays_as_it_is() -> None:
    assert attempt_of(judged(Answer(500, body=b"abc"), "")).answer == "abc"


# --- when the next try is ----------------------------------------------------------------------------


def test_until_success_waits_longer_and_longer_up_to_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "JITTER", 0)
    minutes = [retries.until_success(attempts).total_seconds() / 60 for attempts in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retries.until_success(1_000_000) == timedelta(hours=1)


def test_those_that_failed_together_do_not_come_back_together() -> None:
    waits = {retries.until_success(1).total_seconds() for _ in range(50)}
    assert len(waits) > 40 and min(waits) >= 60 and max(waits) <= 72
    late = {retries.until_success(20).total_seconds() for _ in range(50)}
    assert len(late) > 40 and min(late) >= 2880 and max(late) <= 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 1),
        ("99999999999999999999", 3600),
        ("Fri, 27 Nov 2026 12:05:00 GMT", 300),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 1),
        ("Fri, 27 Nov 2036 11:00:00 GMT", 3600),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\u0661", None),
        ("Fri, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
def test_how_long_a_receiver_asks_to_wait(header: str, seconds: int | None) -> None:
    wait = retries.asked_for(header, datetime(2026, 11, 27, 12, tzinfo=UTC))
    assert (wait.total_seconds() if wait else None) == seconds


# --- on record, whatever the receiver says -----------------------------------------------------------

HOSTILE = [
    b"HTTP/1.1 302 Found\r\nLocation: http://x/\x00\x1b[2J\xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 No\r\nX-\x80: \x00\x01\r\nContent-Length: 7\r\n\r\n\x00\xff\xfe\xed\xa0\x80\x00",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nContent-Length: 4\r\n\r\n\x00<\x00\xd8",
    b"HTTP/1.1 301 Moved\r\nLocation: " + b"x" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("told", HOSTILE, ids=["nul in an address", "no text", "half letters", "long"])
def test_whatever_a_receiver_says_goes_on_record_and_harms_nobody_else(
    told: bytes, receiver: Receiver
) -> None:
    store = a_store()
    with bare_server([told]) as server:
        a_profile(store, server.url("/hostile"), name="Hostile")
        a_profile(store, receiver.url("/good"), name="Good")
        a_sale(store)
        sweep_all()
        carry()
    assert len(receiver.to("/good")) == 1
    states = dict(Delivery.objects.values_list("target_name", "state"))
    assert states["Good"] == "delivered" and states["Hostile"] in ("waiting", "delivered")
    row = Attempt.objects.get(delivery__target_name="Hostile")
    assert (
        row.status in (200, 301, 302, 500)
        and len(row.detail) <= 300
        and "\x00" not in row.detail + row.answer
    )
    assert Delivery.objects.filter(lease=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_large_answer_is_kept_only_as_far_as_the_limit(receiver: Receiver) -> None:
    receiver.answers("*", Reply(500, "ä".encode() * 100_000))
    a_profile(store := a_store(), receiver.url())
    a_sale(store)
    sweep_all()
    carry()
    row = Attempt.objects.get()
    assert row.is_answer_cut and len(row.answer.encode()) <= 64 * 1024 + 2


def test_what_goes_on_record_has_all_columns_of_an_attempt() -> None:
    columns = [field.column for field in Attempt._meta.concrete_fields if not field.primary_key]
    assert sorted(AttemptRow._fields) == sorted(columns)
