"""What differs between two snapshots, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.changes import Snapshot

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was; "" where it was not there, or is no longer."""

    what: str
    old: str
    new: str


def differences(
    old: Snapshot | None, new: Snapshot | None, labels: Mapping[str, str] | None = None
) -> list[Difference]:
    """All of them, with the keys called and ordered as `labels` has them; others last, by name.

    The order of the keys themselves says nothing: a database may keep a JSON object in an order of its own.
    """
    return list(_differences(old or {}, new or {}, labels or {}))


def _differences(old: Snapshot, new: Snapshot, labels: Mapping[str, str]) -> Iterator[Difference]:
    keys = {*old, *new} - {"version"}  # which counts the others
    for key in [*(name for name in labels if name in keys), *sorted(keys - labels.keys())]:
        what = labels.get(key, key.replace("_", " "))
        before, after = old.get(key), new.get(key)
        if isinstance(before, list) or isinstance(after, list):
            yield from _of_rows(what, before or [], after or [])
        elif _in_words(before) != _in_words(after):
            yield Difference(what, _in_words(before), _in_words(after))


def _of_rows(what: str, old: Rows, new: Rows) -> Iterator[Difference]:
    """Rows are the same if their ids are, or else what they say; then that, and their order, may differ."""
    before, after = ({row["id"]: str(row["text"]) for row in rows} for rows in (old, new))
    same = _pairs(before, after)
    for pk, text in before.items():
        if after.get(same.get(pk)) != text:
            yield Difference(what, text, after.get(same.get(pk), ""))
    for row in new:
        if row["id"] not in same.values():
            yield Difference(what, "", str(row["text"]))
        elif row.get("note"):
            yield Difference(what, str(row["text"]), f"{row['text']} ({row['note']})")
    stayed = [same[pk] for pk in before if pk in same]
    are_now = [pk for pk in after if pk in same.values()]
    if stayed != are_now:
        orders = ("; ".join(after[pk] for pk in order) for order in (stayed, are_now))
        yield Difference(f"order: {what}", *orders)


def _pairs(before: Mapping[Any, str], after: Mapping[Any, str]) -> dict[Any, Any]:
    """Which new row each old one is, as far as it still is one."""
    pairs = {pk: pk for pk in before if pk in after}
    came = {text: pk for pk, text in after.items() if pk not in pairs}
    for pk, text in before.items():
        if pk not in pairs and text in came:
            pairs[pk] = came.pop(text)
    return pairs


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
