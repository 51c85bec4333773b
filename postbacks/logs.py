"""What each config has posted: newest first, with what became of it, also of what was pruned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delivery import sets
from delivery.models import Delivery, Proof
from postbacks.models import Postback

MOST = 100

# Names of the four are not public, but for the first; reference §6 suggests these.
NEW, SENT, RETRYING, FAILED = 1, 2, 3, 4
_STATUS = {"pending": NEW, "delivered": SENT, "waiting": RETRYING, "failed": FAILED, "cancelled": FAILED}


@dataclass(frozen=True, slots=True)
class Line:
    """One postback. `delivery` is what is known of it, not to be saved; None: nothing is any more."""

    postback: Postback
    delivery: Delivery | None
    is_pruned: bool = False

    @property
    def status_id(self) -> int:
        if not self.postback.delivery_id:
            return FAILED
        return _STATUS[self.delivery.state] if self.delivery else SENT

    @property
    def next_run_at(self) -> datetime | None:
        is_to_come = self.delivery is not None and not self.delivery.is_finished
        return self.delivery.due_at if is_to_come and self.delivery else None


_NEWEST = """
SELECT p.id FROM {rows} JOIN postbacks_postback p ON p.config_id = r.id
WHERE p.id IN (SELECT q.id FROM postbacks_postback q WHERE q.config_id = r.id AND q.id < r.before
  ORDER BY q.id DESC LIMIT r.most)
"""


def newest(
    config_ids: Iterable[int], *, most: int = MOST, before: int | None = None
) -> dict[int, list[Line]]:
    """By config its newest lines, at most so many; four statements, however many have been posted."""
    ids = list(config_ids)
    rows = [(pk, before or 2**62) for pk in ids]
    sql = _NEWEST.replace("r.most", str(int(most)))
    found = sets.run(sql, {"id": "bigint", "before": "bigint"}, rows) if rows else []
    lean = Postback.objects.select_related("event").defer("event__data")
    postbacks = lean.in_bulk([pk for (pk,) in found]).values()
    known = _known([one.delivery_id for one in postbacks if one.delivery_id])
    lines: dict[int, list[Line]] = {pk: [] for pk in ids}
    for one in sorted(postbacks, key=lambda postback: -postback.pk):
        delivery, is_pruned = known.get(one.delivery_id, (None, False))
        lines[one.config_id].append(Line(one, delivery, is_pruned))
    return lines


def _known(delivery_ids: Sequence[str]) -> Mapping[str, tuple[Delivery, bool]]:
    if not delivery_ids:
        return {}
    proofs = Proof.objects.in_bulk(delivery_ids)
    found = {pk: (proof.as_delivery(), True) for pk, proof in proofs.items()}
    there = Delivery.objects.filter(pk__in=delivery_ids).select_related("lease").defer("content")
    return found | {delivery.pk: (delivery, False) for delivery in there}
