"""What a success rule makes of the newest answer that came from a profile's endpoint."""

from dataclasses import dataclass
from datetime import datetime

from delivery import success
from delivery.models import Attempt, Delivery
from delivery.success import SuccessRule
from exports.models import ExportProfile

MOST_LOOKED_AT = 10  # deliveries


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, and why the rule would not accept it; "" if it would."""

    delivery_id: str
    at: datetime
    status: int
    why: str


def judged(profile: ExportProfile) -> Judged | None:
    """By the rule as it stands in `profile`, saved or not; None if there is no recent answer."""
    newest = (
        Delivery.objects.filter(endpoint=profile.endpoint_id).order_by("-pk").values_list("pk", flat=True)
    )
    attempts = Attempt.objects.filter(delivery__in=list(newest[:MOST_LOOKED_AT]), status__isnull=False)
    last = attempts.order_by("-started_at").first()
    if last is None or last.status is None:
        return None
    return Judged(last.delivery_id, last.started_at, last.status, _why_not(profile, last.status, last.answer))


def _why_not(profile: ExportProfile, status: int, answer: str) -> str:
    if not 200 <= status < 300:
        return f"its status is {status}, not 2xx."
    if not profile.success_rule:
        return ""
    rule = SuccessRule(profile.success_rule, profile.success_value, profile.success_path)
    return success.fault(rule) or success.missed(rule, answer)
