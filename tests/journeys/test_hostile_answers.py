"""Whatever a receiver answers is recorded, within bounds, and holds up nobody else."""

import json
import time
from collections.abc import Callable

import pytest

from delivery import courtesy, worker
from delivery.models import Attempt, Delivery
from delivery.transports import BODY_LIMIT
from delivery.worker import Tally
from exports import sweep
from tests.journeys import shop
from tests.receiver import Answer, Drip, Hang, Huge, Reaction, Receiver, Reset, redirect

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = b"<html><script>alert(1)</script>" + b"x" * 1_000_000

# What the receiver does; the word on record; the status.
FAILURES: dict[str, tuple[Reaction, str, int | None]] = {
    "hang": (Hang(), "timeout", None),
    "drip-headers": (Drip("headers", every=0.2), "timeout", 200),
    "drip-body": (Drip("body", every=0.2), "timeout", 200),
    "reset": (Reset(), "reset", None),
    "redirect": (redirect("/elsewhere"), "redirect", 302),
    "redirect-with-nul": (redirect("http://example.com/\x00moved"), "reset", 302),
    "nul-in-header": (Answer(200, b"ok", (("X-Nul", "a\x00b"),)), "reset", 200),
    "error-page": (Answer(500, PAGE), "status", 500),
    "no-such-status": (Answer(999, b"?"), "status", 999),
}
ACCEPTED: dict[str, Reaction] = {
    "nul": Answer(200, b"a\x00b"),
    "not-utf-8": Answer(200, b"\xff\xfe\xc3( \xed\xa0\x80"),
    "html": Answer(200, PAGE),
    "huge": Huge(20_000_000),
    "bomb": Huge(50_000_000, is_bomb=True),
    "not-gzip": Answer(200, b"plain", (("Content-Encoding", "gzip"),)),
    "many-headers": Answer(200, b"ok", tuple((f"X-{number}", "y" * 3000) for number in range(15))),
    "umlaut-in-header": Answer(200, b"ok", (("X-Umlaut", "\xe4"),)),
    "no-content": Answer(204, b""),
    "friendly": Answer(200, b"ok"),
}


def test_all_at_once(receiver: Receiver) -> None:
    """Each to a partner of its own, all in one drain, which takes no longer than the time limit allows."""
    store = shop.a_shop()
    for path, reaction in {**{path: one[0] for path, one in FAILURES.items()}, **ACCEPTED}.items():
        receiver.answers(f"/{path}", reaction)
        shop.a_profile(store, path, receiver.url(f"/{path}"), "partial", timeout_seconds=2)
    shop.a_partial(store)
    sweep.run(sweep.postbacks())

    started = time.monotonic()
    assert worker.drain() == Tally(delivered=len(ACCEPTED), failed=len(FAILURES))
    assert time.monotonic() - started < 8, "One that is slow held up the others."
    assert receiver.to("/elsewhere") == []
    for path in ACCEPTED:
        assert outcome(path) == ("delivered", "", 200 if path != "no-content" else 204)
    for path, (_, word, status) in FAILURES.items():
        assert outcome(path) == ("waiting", word, status)
    for attempt in Attempt.objects.all():
        assert len(attempt.answer) <= BODY_LIMIT
        assert len(attempt.answer_headers) < 150_000
        assert len(attempt.detail) <= 300
        assert attempt.duration_ms < 5000
        assert "\x00" not in attempt.answer + attempt.detail + attempt.answer_headers
        json.loads(attempt.answer_headers or "[]")


def outcome(path: str) -> tuple[str, str, int | None]:
    delivery = Delivery.objects.get(target_name=path)
    attempt = delivery.attempts.get()
    assert (delivery.due_at is None) == (delivery.state == "delivered")
    return delivery.state, attempt.error, attempt.status


@pytest.mark.parametrize(
    ("reaction", "is_right"),
    [
        (redirect("https://new.example.com/hook"), lambda one: "https://new.example.com/hook" in one.detail),
        (Answer(200, b"a\x00b"), lambda one: one.answer == "a\ufffdb"),
        (Answer(200, PAGE), lambda one: one.answer.startswith("<html><script>") and one.is_answer_cut),
        (Huge(5_000_000, is_bomb=True), lambda one: one.answer == "\ufffd" * BODY_LIMIT),
    ],
    ids=["new address", "NUL", "page", "bomb"],
)
def test_what_is_kept(receiver: Receiver, reaction: Reaction, is_right: Callable[[Attempt], bool]) -> None:
    receiver.answers("/", reaction)
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 1)
    worker.drain()
    assert is_right(Attempt.objects.get())


def test_hanging_partner_holds_up_no_other(receiver: Receiver, settings) -> None:
    """With fewer threads than deliveries that hang, the others still go in the same drain."""
    settings.POSTRIDER_SEND_THREADS = 4
    receiver.answers("/hang", Hang())
    store = shop.a_shop()
    shop.a_profile(store, "Hangs", receiver.url("/hang"), "partial", timeout_seconds=1)
    shop.a_profile(store, "Works", receiver.url("/works"), "partial")
    shop.many_partials(store, 6)
    sweep.run(sweep.postbacks())
    assert worker.drain() == Tally(delivered=6, failed=courtesy.DOWN_AFTER)  # one by one, and then it sleeps
    assert len(receiver.to("/works")) == 6
    hung = Delivery.objects.filter(target_name="Hangs")
    assert sorted(hung.values_list("state", flat=True)) == ["pending", *["waiting"] * courtesy.DOWN_AFTER]
