"""What export profiles may quote of a person: the error of their last run."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import ClassVar

from django.db.models import Q

from delivery.erasing import Eraser
from exports.models import ExportProfile

QUOTED = "The last run failed. What it said was erased with a customer; the next run says it anew."


class LastErrorEraser(Eraser):
    columns: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "exports.ExportProfile": {"last_run_error": QUOTED}  # if it quotes a word of the person
    }

    def forget(self, words: Sequence[str]) -> None:
        if words:
            quoting = reduce(or_, (Q(last_run_error__icontains=word) for word in words))
            ExportProfile.objects.exclude(last_run_error="").filter(quoting).update(last_run_error=QUOTED)
