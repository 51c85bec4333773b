"""What the delivery page shows, read from the rows: plain values, which the template escapes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from delivery import catalogue, channels, curl
from delivery.admin.timing import parts_of
from delivery.clock import clock
from delivery.models import Attempt, Delivery, Proof
from delivery.rows import reason_of
from delivery.screens import MOST_SHOWN, as_id, pairs, pretty
from delivery.secrets import MASK
from delivery.transports import ERRORS

MOST_ATTEMPTS = 50


def sight_of(delivery: Delivery, *, before: str = "") -> dict[str, Any]:
    """The page's values: a bounded number of attempts, newest first, those before the number `before`."""
    attempts, has_older = _attempts(delivery, before)
    newest = delivery.attempts.order_by("-number", "-id").first() if before else next(iter(attempts), None)
    event = delivery.event
    order = event.order if event else None
    channel = channels.channel(delivery.channel)
    return {
        "delivery": delivery,
        "headline": channel.describe(delivery, order.client_order_id if order else ""),
        "reason": reason_of(delivery),
        "status": status_of(delivery),
        "asleep_until": _asleep_until(delivery),
        "target_page": channel.page(delivery),
        "anew_page": "" if delivery.is_erased else channel.anew_page(delivery),
        "siblings": channel.siblings(delivery),
        "order": order,
        "customer": event.customer if event else None,
        "happened": catalogue.sentence(event.type, event.data) if event else "",
        "sent": None if delivery.is_erased else _sent(newest, channel.said(delivery)),
        "proof": Proof.objects.filter(pk=delivery.pk).first() if delivery.is_erased else None,
        "attempts": [_seen(attempt) for attempt in attempts],
        "older_before": attempts[-1].number if has_older else None,
    }


def sight_of_proof(proof: Proof) -> dict[str, Any]:
    """The same of a delivery that was pruned."""
    delivery, event = proof.as_delivery(), proof.event
    order = event.order if event else None
    channel = channels.channel(proof.channel)
    return {
        "delivery": delivery,
        "proof": proof,
        "headline": channel.describe(delivery, order.client_order_id if order else ""),
        "reason": reason_of(delivery),
        "target_page": channel.page(delivery),
        "siblings": channel.siblings(delivery),
        "order": order,
        "customer": event.customer if event else None,
        "happened": catalogue.sentence(event.type, event.data) if event else "",
    }


def sight_with_secrets(delivery: Delivery) -> dict[str, Any]:
    """The request as it would go out now, with its secret values; or why there is none."""
    if delivery.is_erased:
        return {"delivery": delivery, "why_not": "What was sent was erased with its customer."}
    prepared = channels.channel(delivery.channel).prepare([delivery])[delivery.pk]
    if isinstance(prepared, channels.Unsendable):
        return {"delivery": delivery, "why_not": prepared.detail}
    sent = {
        "method": prepared.method,
        "url": prepared.url[:MOST_SHOWN],
        "headers": prepared.headers,
        "body": _text(prepared.body.decode(errors="replace")),
    }
    return {"delivery": delivery, "sent": sent}


def status_of(delivery: Delivery) -> str:
    """What becomes of it next, in words."""
    asked = f", asked for by {delivery.asked_by}" if delivery.asked_by else ""
    if delivery.is_being_sent:
        return f"It is being sent right now{asked}."
    if delivery.due_at is None and not delivery.is_finished:
        return "Held while its target is switched off. It goes out once that is switched on again."
    if delivery.due_at is not None:
        now = timezone.now()
        when = "now" if delivery.due_at <= now else f"at {clock(delivery.due_at, now)}"
        return f"The next attempt is due {when}{asked}{_and_then(delivery)}."
    finished = f" on {date_format(delivery.finished_at, 'DATETIME_FORMAT')}" if delivery.finished_at else ""
    tries = f"{delivery.attempts_made} attempt{'s' * (delivery.attempts_made != 1)}"
    return f"{delivery.get_state_display()}{finished}, after {tries}."


def _and_then(delivery: Delivery) -> str:
    """When it is tried after that, if the next attempt fails as well."""
    if delivery.is_finished:
        return ""
    wait = channels.channel(delivery.channel).retry_after(delivery, delivery.attempts_made + 1)
    if wait is None:
        return "; if that fails too, it is given up"
    return f"; if that fails too, the next is about {about(wait)} later"


_ROUND_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)


def about(wait: timedelta) -> str:
    """A length of time as one says it, whatever chance has added to it."""
    seconds = wait.total_seconds()
    if seconds < 55:
        return f"{max(round(seconds), 1)} seconds"
    minutes = min(_ROUND_MINUTES, key=lambda one: abs(one * 60 - seconds))
    if minutes < 60:
        return f"{minutes} minute{'s' * (minutes != 1)}"
    return "an hour" if minutes == 60 else f"{minutes // 60} hours"


def _asleep_until(delivery: Delivery) -> str:
    """If it waits for an endpoint that sleeps: when that is probed next."""
    until, now = delivery.endpoint.asleep_until, timezone.now()
    if until is None or delivery.due_at is None or delivery.endpoint.is_held:
        return ""
    return "now" if until <= now else f"at {clock(until, now)}"


def _attempts(delivery: Delivery, before: str) -> tuple[Sequence[Attempt], bool]:
    rows = delivery.attempts.order_by("-number", "-id")
    if (number := as_id(before)) is not None:
        rows = rows.filter(number__lt=number)
    found = list(rows[: MOST_ATTEMPTS + 1])
    return found[:MOST_ATTEMPTS], len(found) > MOST_ATTEMPTS


def _sent(newest: Attempt | None, said: channels.Said) -> dict[str, Any]:
    """The request: as the newest attempt made it; before the first, as it will be made."""
    headers = pairs(newest.request_headers) if newest else list(said.headers)
    method, url = (newest.method, newest.url) if newest else (said.method, said.url)
    command = curl.command(method, url, headers, said.body) if len(said.body) <= MOST_SHOWN else ""
    return {
        "method": method,
        "url": url[:MOST_SHOWN],
        "headers": headers,
        "body": _text(said.body),
        "curl": command,
        "is_masked": MASK in command,
    }


def _seen(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "status": attempt.status,
        "outcome": _outcome(attempt),
        "is_success": not attempt.error,
        "meaning": ERRORS.get(attempt.error, ""),
        "asked_by": attempt.asked_by,
        "method": attempt.method,
        "url": attempt.url[:MOST_SHOWN],
        "request_headers": pairs(attempt.request_headers),
        "answer_headers": pairs(attempt.answer_headers),
        "answer": _text(attempt.answer),
        "answer_id": f"answer-{attempt.pk}",
        "is_answer_cut": attempt.is_answer_cut,
        "remote_address": attempt.remote_address,
        "duration_ms": attempt.duration_ms,
        "parts": parts_of(attempt.phases, attempt.duration_ms),
    }


def _outcome(attempt: Attempt) -> str:
    if attempt.error:
        return attempt.detail or ERRORS.get(attempt.error, attempt.error)
    return attempt.detail or f"{attempt.status or ''} accepted".strip()


def _text(text: str) -> dict[str, Any]:
    """A text as it is and, if it is JSON, also laid out; both cut to what a page can bear."""
    raw, laid_out = text[:MOST_SHOWN], pretty(text)
    return {"raw": raw, "pretty": laid_out if laid_out != raw else "", "is_cut": len(text) > MOST_SHOWN}
