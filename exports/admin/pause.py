"""What is said where it is asked before a profile is switched on: on the board, and on its own page."""

from typing import Any

from exports import sweep
from exports.admin.counted import counted
from exports.models import ExportProfile


def pause_of(profile: ExportProfile) -> dict[str, Any]:
    """For `admin/exports/pause.html`: what happened in the pause, and how much goes out in any case."""
    return {"pause": sweep.in_pause_of(profile), "counts": counted([profile.pk])[profile.pk]}
