"""The built-in receiver plays the partners, but what it shows is stored here: it is emptied too."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from delivery.erasing import Eraser, Person, Slice, emptied
from delivery.erasing.deliveries import delivery_ids
from demo.models import ReceivedRequest


class ReceiverEraser(Eraser):
    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "demo.ReceivedRequest": {"query": "", "headers": {}, "body": ""}
    }

    def slices(self, person: Person) -> Iterator[Slice]:
        if not ReceivedRequest.objects.exists():
            return
        for ids in delivery_ids(person):
            rows = ReceivedRequest.objects.filter(webhook_id__in=ids)
            yield Slice(emptied(rows, self.columns["demo.ReceivedRequest"]))
