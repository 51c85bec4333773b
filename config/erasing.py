"""What Django, django-q2 and the API keep of a person beside our own rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from customers.models import Customer
from delivery.erasing import Eraser, Person, Slice
from orders.models import StoredPaymentMethod
from rest import remembering

MOST_TASKS = 10_000  # looked through for words of the person, the newest
QUOTED = "It quoted a customer whose data was erased since."


class AnswerEraser(Eraser):
    """Answers that the API keeps for a day, to repeat them."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {"rest.RememberedAnswer": {"body": ""}}

    def slices(self, person: Person) -> Iterator[Slice]:
        for number in remembering.forget(person.public_id):
            yield Slice(number)


class AdminLogEraser(Eraser):
    """Django's own log of the admin keeps what a row was called: a customer's name."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {"admin.LogEntry": {"object_repr": ""}}

    def slices(self, person: Person) -> Iterator[Slice]:
        methods = StoredPaymentMethod.objects.filter(customer_id=person.id).values_list("pk", flat=True)
        yield Slice(_unnamed(_log_of(Customer, [person.id]), f"Customer {person.id}"))
        yield Slice(_unnamed(_log_of(StoredPaymentMethod, list(methods)), "Payment method"))


class TaskEraser(Eraser):
    """A task that failed keeps its traceback, which may quote what it stumbled over."""

    columns: ClassVar[Mapping[str, Mapping[str, Any]]] = {"django_q.Task": {"result": QUOTED}}

    def forget(self, words: Sequence[str]) -> None:
        wanted = [word.casefold() for word in words]
        tasks = apps.get_model("django_q", "Task")._default_manager
        newest = tasks.order_by("-started").values_list("pk", "result")[:MOST_TASKS]
        quoting = [
            pk
            for pk, result in newest.iterator(chunk_size=100)
            if any(word in str(result).casefold() for word in wanted)
        ]
        tasks.filter(pk__in=quoting).update(result=QUOTED)


def _log_of(model: type[Any], ids: Sequence[int]) -> "QuerySet[LogEntry]":
    kind = ContentType.objects.get_for_model(model)
    return LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids])


def _unnamed(entries: "QuerySet[LogEntry]", name: str) -> int:
    return entries.exclude(object_repr=name).update(object_repr=name)
