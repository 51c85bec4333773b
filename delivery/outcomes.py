"""From an answer to an outcome: was it accepted, what goes on record, what happens next. Pure functions."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import orjson

from delivery import retries, success
from delivery.blotting import Blotter, blotter
from delivery.courtesy import Tried
from delivery.models import Delivery
from delivery.settling import AttemptRow, Settlement
from delivery.success import SuccessRule
from delivery.transports import MOST_OF_A_HEADER, Answer, Request

_KNOWS_NONE = blotter(())
MOVED = (301, 302, 303, 307, 308)
GONE = 410
# Somebody is there and does not want what was sent; anything else looks as if nobody were.
_REFUSALS = range(400, 500)
_NOT_REFUSALS = (408, 425, 429)


def judged(answer: Answer, rule: SuccessRule | None = None, known: Blotter = _KNOWS_NONE) -> tuple[str, str]:
    """("", "") if it was accepted: 2xx, and what the rule wants. Else the word for why not, and a text."""
    if answer.error:
        return answer.error, answer.detail
    status = answer.status or 0
    if 200 <= status < 300:
        why = _missed(rule, answer, known) if rule else ""
        return ("success_rule", f"{status}. {why}") if why else ("", "")
    if status in MOVED:
        to = next((value for name, value in answer.headers if name.lower() == "location"), "")
        return (
            "redirect",
            f"{status}: the receiver says it is now at {to or 'another address'}. Not followed.",
        )
    return "gone" if status == GONE else "status", f"{status} {_REASONS.get(status, '')}".strip()


def _missed(rule: SuccessRule, answer: Answer, known: Blotter) -> str:
    """Judged as it came, quoted without secrets: a quotation is cut, which would leave half of one."""
    if not success.missed(rule, _text(answer)):
        return ""
    shown = known.blotted(_text(answer), is_cut=answer.is_cut)
    return success.missed(rule, shown) or "The answer is not what the rule asks for."


def settlement(
    delivery: Delivery,
    request: Request,
    answer: Answer,
    started_at: datetime,
    wait: Callable[[], timedelta | None],
) -> Settlement:
    """The outcome of one attempt. `wait`, asked if it failed: from its end until the next; None: give up.

    What was finished stays as it was if "Send again" fails.
    """
    known = blotter(request.secrets)
    error, detail = judged(answer, request.success, known)
    detail = known.blotted(_storable(detail))[:300]
    attempt = _attempt(delivery, request, answer, started_at, known, (error, detail))
    tried = _tried(answer, error, started_at)
    if not error:
        return Settlement(delivery, "delivered", None, attempt=attempt, tried=tried)
    if delivery.is_finished:
        last = (delivery.last_error, delivery.last_detail)
        return Settlement(delivery, delivery.state, None, *last, attempt, tried)
    time_between = wait()
    if time_between is None:
        return Settlement(delivery, "failed", None, error, detail, attempt, tried)
    ended_at = started_at + timedelta(milliseconds=answer.duration_ms)
    return Settlement(delivery, "waiting", ended_at + time_between, error, detail, attempt, tried)


def asked_to_wait(answer: Answer, now: datetime) -> timedelta | None:
    """What a `Retry-After` says, of a receiver that has too much to do or is not there for a while."""
    if answer.status not in (429, 503):
        return None
    header = next((value for name, value in answer.headers if name.lower() == "retry-after"), "")
    return retries.asked_for(header, now)


def _tried(answer: Answer, error: str, started_at: datetime) -> Tried:
    if not error:
        return Tried("", started_at)
    refuses = answer.status in _REFUSALS and answer.status not in _NOT_REFUSALS
    is_down = error != "success_rule" and not refuses
    return Tried(error, started_at, is_down, wait=asked_to_wait(answer, started_at))


def _attempt(
    delivery: Delivery,
    request: Request,
    answer: Answer,
    started_at: datetime,
    known: Blotter,
    judgement: tuple[str, str],
) -> AttemptRow:
    headers: Iterable[Iterable[str]] = answer.headers
    if request.secrets:
        headers = [
            [known.blotted(name), known.blotted(value, is_cut=len(value) >= MOST_OF_A_HEADER)]
            for name, value in answer.headers
        ]
    return AttemptRow(
        delivery.id,
        delivery.attempts_made + 1,
        started_at,
        answer.duration_ms,
        request.method[:10],
        request.shown_url,
        orjson.dumps(request.shown_headers).decode(),
        answer.status,
        *judgement,
        _storable(orjson.dumps(headers).decode()),
        known.blotted(_storable(_text(answer)), is_cut=answer.is_cut),
        answer.is_cut,
        answer.remote_address[:50],
        orjson.dumps(answer.phases).decode(),
        delivery.asked_by,
    )


def _text(answer: Answer) -> str:
    return answer.body.decode(errors="replace")


def _storable(text: str) -> str:
    """Text as PostgreSQL can keep it: it has no place for the NUL character."""
    return text.replace("\x00", "\ufffd")


_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
