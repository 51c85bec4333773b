"""Requests that arrived at the built-in receiver: kept (bounded), and read as a person wants to see them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.http import HttpRequest

from delivery.models import Delivery
from demo.models import ReceivedRequest

KEPT = 1000
BODY_LIMIT = 64 * 1024
_TEXT_LIMIT = 8 * 1024
_HEADERS = 60


class TooLarge(ValueError):
    """A body of more than BODY_LIMIT bytes."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the page shows it. `fields` are of query and body; `raw` is a body that has none."""

    request: ReceivedRequest
    fields: list[tuple[str, str]]
    raw: str
    delivery: Delivery | None


def keep(name: str, request: HttpRequest) -> ReceivedRequest:
    """Stores the request and forgets all but the newest KEPT. Raises TooLarge, and then stores nothing."""
    row = ReceivedRequest.objects.create(
        name=name,
        method=_text(request.method or "")[:10],
        query=_text(request.META.get("QUERY_STRING", "")),
        headers={_text(key)[:100]: _text(value) for key, value in list(request.headers.items())[:_HEADERS]},
        body=_storable(_body(request).decode(errors="replace")),
        webhook_id=_text(request.headers.get("webhook-id", ""))[:64],
    )
    ReceivedRequest.objects.filter(pk__lte=row.pk - KEPT).delete()
    return row


def newest(*, name: str = "", after: int = 0, most: int = 50) -> list[Arrival]:
    """The newest arrivals, newest first, each with the delivery of ours that it was, in two statements."""
    rows = ReceivedRequest.objects.filter(pk__gt=after)
    if name:
        rows = rows.filter(name=name)
    return _read(list(rows.order_by("-pk")[:most]))


def _read(rows: Sequence[ReceivedRequest]) -> list[Arrival]:
    sent = _deliveries(row.webhook_id for row in rows if row.webhook_id)
    return [_arrival(row, sent.get(row.webhook_id)) for row in rows]


def _arrival(row: ReceivedRequest, delivery: Delivery | None) -> Arrival:
    in_query = parse_qsl(row.query, keep_blank_values=True)
    in_body = _fields_of_body(row)
    return Arrival(row, in_query + in_body, "" if in_body else row.body, delivery)


def _deliveries(ids: Iterable[str]) -> dict[str, Delivery]:
    rows = Delivery.objects.filter(pk__in=set(ids)).select_related("event__order")
    return {row.pk: row for row in rows}


def _fields_of_body(row: ReceivedRequest) -> list[tuple[str, str]]:
    """Names and values of a form or of a JSON object; none if it is neither."""
    content_type = row.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type == "application/x-www-form-urlencoded":
        return parse_qsl(row.body, keep_blank_values=True)
    if content_type != "application/json":
        return []
    try:
        value = json.loads(row.body)
        return (
            [(_storable(name), _shown(one)) for name, one in value.items()] if isinstance(value, dict) else []
        )
    except (ValueError, RecursionError):  # no JSON, or nested beyond sense
        return []


def _shown(value: object) -> str:
    """Texts as they are, lists with a line for each entry, all else as JSON."""
    if isinstance(value, str):
        return _storable(value)
    lines = value if isinstance(value, list) else [value]
    return _storable("\n".join(json.dumps(one, ensure_ascii=False) for one in lines))


def _body(request: HttpRequest) -> bytes:
    """The body, read no further than is needed to know that it is too large."""
    body = request.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise TooLarge
    return body


def _text(value: str) -> str:
    return _storable(value)[:_TEXT_LIMIT]


def _storable(value: str) -> str:
    """What both databases can store: no NUL, and no half of a surrogate pair."""
    return value.replace("\x00", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()
