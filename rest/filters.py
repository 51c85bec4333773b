"""What a list is asked for by query parameters: `field=value`, and spans of time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from rest.errors import NotValid, invalid

CUSTOM = "custom"
_LAST = datetime.max.replace(microsecond=0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filter:
    """One column that a list can be filtered by. `read` makes a value of the text; ValueError: it cannot.

    `besides` holds of every row that has any value: said with it, an index over these rows serves.
    """

    column: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    besides: Q | None = None


def text(column: str) -> Filter:
    """Equal to a text."""
    return Filter(column, _text, {"type": "string", "maxLength": 255})


def text_in_any_case(column: str, *, of: str) -> Filter:
    """Equal to a text but for capitals; the column holds in small letters what another holds as it is."""
    schema = {"type": "string", "maxLength": 255}
    return Filter(f"{column}__in", _in_small_letters, schema, besides=~Q(**{of: ""}))


def choice(column: str, *words: str) -> Filter:
    """One of a few words, in any case."""
    known = {word.lower(): word for word in words}

    def read(value: str) -> str:
        if value.lower() not in known:
            raise ValueError(f"must be one of {', '.join(words)}")
        return known[value.lower()]

    return Filter(column, read, {"type": "string", "enum": list(words)})


def flag(column: str) -> Filter:
    """Yes or no."""
    return Filter(column, _flag, {"type": "string", "enum": ["1", "0", "true", "false"]})


def number(column: str) -> Filter:
    """Equal to a whole number."""
    return Filter(column, _number, {"type": "integer", "minimum": 0, "maximum": 2**31 - 1})


@dataclass(frozen=True, slots=True)
class Span:
    """A time that a list can be filtered by: `created_ts=today`, or custom with `_from` and `_to`."""

    column: str


def condition(filters: Mapping[str, Filter | Span], params: Mapping[str, str], zone: ZoneInfo) -> Q:
    """All that is asked for, together. Raises NotValid with every fault."""
    found, errors = Q(), {}
    for name, wanted in filters.items():
        try:
            if isinstance(wanted, Span):
                found &= _within(name, wanted, params, zone)
            elif name in params:
                found &= Q(**{wanted.column: wanted.read(params[name])})
                found &= (params[name] and wanted.besides) or Q()
        except ValueError as fault:
            errors[name] = [f"{name} {fault}."]
        except NotValid as fault:
            errors |= fault.errors
    if errors:
        raise NotValid(errors)
    return found


def names(filters: Mapping[str, Filter | Span]) -> set[str]:
    """Every query parameter that belongs to these filters."""
    spans = [name for name, wanted in filters.items() if isinstance(wanted, Span)]
    return {*filters, *(f"{name}_{end}" for name in spans for end in ("from", "to"))}


def _within(name: str, span: Span, params: Mapping[str, str], zone: ZoneInfo) -> Q:
    given = params.get(name, "")
    if given and given != CUSTOM:
        if beside := [end for end in (f"{name}_from", f"{name}_to") if params.get(end)]:
            raise invalid(beside[0], f"{beside[0]} goes together with {name}={CUSTOM} only.")
        start, end = _preset(given, zone)
        return Q(**{f"{span.column}__gte": start, f"{span.column}__lt": end})
    found = Q()
    if given_from := params.get(f"{name}_from"):
        found &= Q(**{f"{span.column}__gte": _moment(f"{name}_from", given_from, zone)})
    if given_to := params.get(f"{name}_to"):
        found &= _until(span, _moment(f"{name}_to", given_to, zone))
    if given == CUSTOM and not found:
        raise invalid(name, f"With {name}=custom give {name}_from, {name}_to or both.")
    return found


def _until(span: Span, moment: datetime) -> Q:
    """Up to a moment; of one in whole seconds, as times are answered, that second is part."""
    if moment.microsecond or moment == _LAST:
        return Q(**{f"{span.column}__lte": moment})
    return Q(**{f"{span.column}__lt": moment + timedelta(seconds=1)})


def _preset(word: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when, and until before when; a number is that very second."""
    if word.isascii() and word.isdigit() and len(word) < 12:
        start = datetime.fromtimestamp(int(word), UTC)
        return start, start + timedelta(seconds=1)
    today = timezone.now().astimezone(zone).date()
    if word not in PRESETS:
        raise ValueError(f"must be {CUSTOM} or one of {', '.join(PRESETS)}")
    first, last = PRESETS[word](today)
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _before(first: date) -> date:
    return first - timedelta(days=1)


# Whole days of the location's clock: the first and the last.
PRESETS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda day: (day, day),
    "yesterday": lambda day: (_before(day), _before(day)),
    "this_week": lambda day: (_monday(day), day),
    "last_week": lambda day: (_monday(_monday(day) - timedelta(days=7)), _before(_monday(day))),
    "last_7_days": lambda day: (day - timedelta(days=6), day),
    "last_30_days": lambda day: (day - timedelta(days=29), day),
    "this_month": lambda day: (day.replace(day=1), day),
    "last_month": lambda day: (_before(day.replace(day=1)).replace(day=1), _before(day.replace(day=1))),
    "this_year": lambda day: (day.replace(month=1, day=1), day),
    "last_year": lambda day: (date(day.year - 1, 1, 1), date(day.year - 1, 12, 31)),
}


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime:
    """`2026-11-27 14:20:00` on the location's clock, a day, or Unix seconds."""
    try:
        if text.isascii() and text.isdigit() and len(text) < 12:
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, f"{name} must be written as yyyy-mm-dd hh:mm:ss.") from None


def _text(value: str) -> str:
    if "\x00" in value or len(value) > 255:
        raise ValueError("must be a text of at most 255 characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has characters that are not text") from None
    return value


def _in_small_letters(value: str) -> list[str]:
    """As databases write it: some leave the capitals beyond ASCII as they are."""
    text = _text(value)
    return list({text.lower(), text.encode().lower().decode()})


def _flag(value: str) -> bool:
    if value not in ("1", "0", "true", "false"):
        raise ValueError("must be 1 or 0")
    return value in ("1", "true")


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value[:11]) < 2**31):
        raise ValueError("must be a whole number")
    return int(value[:11])
