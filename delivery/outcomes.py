"""From an answer to an outcome: was it accepted, what goes on record, what happens next. Pure functions."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote, quote_plus

import orjson

from delivery.models import Attempt, Delivery
from delivery.queue import Settlement
from delivery.secrets import MASK
from delivery.transports import Answer, Request

MOVED = (301, 302, 303, 307, 308)


def judged(answer: Answer) -> tuple[str, str]:
    """("", "") if the receiver accepted it (any 2xx), else the word for why not and a short text."""
    if answer.error:
        return answer.error, answer.detail
    status = answer.status or 0
    if 200 <= status < 300:
        return "", ""
    if status in MOVED:
        to = next((value for name, value in answer.headers if name.lower() == "location"), "")
        return (
            "redirect",
            f"{status}: the receiver says it is now at {to or 'another address'}. Not followed.",
        )
    return "status", f"{status} {_REASONS.get(status, '')}".strip()


def settlement(
    delivery: Delivery, request: Request, answer: Answer, started_at: datetime, wait: timedelta | None
) -> Settlement:
    """The outcome of one attempt. `wait`: how long until the next, if this one failed; None: give up.

    What was finished stays as it was if "Send again" fails.
    """
    error, detail = judged(answer)
    secrets = [form for secret in request.secrets for form in _forms(secret)]
    detail = _blotted(_storable(detail), secrets)[:300]
    attempt = _attempt(delivery, request, answer, started_at, secrets)
    attempt.error, attempt.detail = error, detail
    if not error:
        return Settlement(delivery, Delivery.State.DELIVERED, None, attempt=attempt)
    if delivery.is_finished:
        return Settlement(delivery, delivery.state, None, delivery.last_error, delivery.last_detail, attempt)
    if wait is None:
        return Settlement(delivery, Delivery.State.FAILED, None, error, detail, attempt)
    return Settlement(delivery, Delivery.State.WAITING, started_at + wait, error, detail, attempt)


def _attempt(
    delivery: Delivery, request: Request, answer: Answer, started_at: datetime, secrets: list[str]
) -> Attempt:
    headers = [[name, _blotted(value, secrets)] for name, value in answer.headers]
    return Attempt(
        delivery_id=delivery.pk,
        number=delivery.attempts_made + 1,
        started_at=started_at,
        duration_ms=answer.duration_ms,
        method=request.method,
        url=request.shown_url,
        request_headers=orjson.dumps(request.shown_headers).decode(),
        status=answer.status,
        answer_headers=_storable(orjson.dumps(headers).decode()),
        answer=_blotted(_storable(answer.body.decode(errors="replace")), secrets),
        is_answer_cut=answer.is_cut,
        remote_address=answer.remote_address[:50],
        phases=orjson.dumps(answer.phases).decode(),
        asked_by=delivery.asked_by,
    )


def _storable(text: str) -> str:
    """Text as PostgreSQL can keep it: it has no place for the NUL character."""
    return text.replace("\x00", "\ufffd")


def _forms(secret: str) -> Iterable[str]:
    """A secret as an answer may repeat it."""
    return (
        {secret, quote(secret, safe=""), quote_plus(secret), orjson.dumps(secret).decode()[1:-1]}
        if secret
        else ()
    )


def _blotted(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


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
