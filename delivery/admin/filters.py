"""Filters of the lists that stay quick however long the lists are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from delivery import catalogue
from delivery.ids import first_id_at
from delivery.models import Delivery, Endpoint
from delivery.screens import MOST_FOUND, as_id
from delivery.transports import ERRORS

MOST_OFFERED = 12
MOST_LISTED_ENDPOINTS = 200
MOST_SEARCHED = 300
_UNFINISHED = {"pending", "waiting"}


class FieldsFilter(admin.ListFilter):
    """A filter of some fields that are typed; all that is in them is text until `queryset` reads it."""

    template = "admin/delivery/fields_filter.html"
    names: tuple[str, ...] = ()
    button = "Filter"
    help = ""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.names:
            if name in params:
                self.used_parameters[name] = str(params.pop(name)[-1]).replace("\x00", "").strip()[:200]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [*self.names]

    def said(self, name: str) -> str:
        return str(self.used_parameters.get(name, ""))

    def fields(self) -> list[dict[str, Any]]:
        """What the template draws: name, label, type, value."""
        raise NotImplementedError

    def links(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Choices to click beside the fields."""
        yield from ()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """One "choice", because Django hands a filter's template nothing else: all that is to be drawn."""
        others = [(name, one) for name, some in changelist.filter_params.items() for one in _listed(some)]
        yield {
            "fields": self.fields(),
            "links": list(self.links(changelist)),
            "others": [(name, one) for name, one in others if name not in self.names],
            "searched": changelist.query,
            "is_used": any(self.used_parameters.values()),
            "without": changelist.get_query_string(remove=list(self.names)),
        }


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


class Made(FieldsFilter):
    """By time made: ids of deliveries sort by it, so this needs no index of its own."""

    title = "time made"
    names = ("made", "since", "until")
    help = "UTC. Up to, but not including, the second."
    hours = {"hour": 1, "day": 24, "week": 24 * 7, "month": 24 * 31}
    presets = (
        ("hour", "the last hour"),
        ("day", "the last 24 hours"),
        ("week", "the last 7 days"),
        ("month", "the last 31 days"),
    )

    def fields(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "label": label, "type": "datetime-local", "value": _local(self.said(name))}
            for name, label in (("since", "From"), ("until", "To"))
        ]

    def links(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for key, label in (("", "any time"), *self.presets):
            given = {"made": key} if key else {}
            is_chosen = self.said("made") == key and not (self.said("since") or self.said("until"))
            query = changelist.get_query_string(given, [*self.names])
            yield {"selected": is_chosen, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since, until = self.bounds()
        if since is not None:
            queryset = queryset.filter(pk__gte=first_id_at(since))
        if until is not None:
            queryset = queryset.filter(pk__lt=first_id_at(until))
        is_wrong = any(self.said(name) and as_moment(self.said(name)) is None for name in ("since", "until"))
        return queryset.none() if is_wrong else queryset

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        return bounds_of(self.used_parameters)


def bounds_of(said: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Between which moments, as an address says it: `made` (hour, day, …), or `since` and `until`."""
    since, until = as_moment(said.get("since", "")), as_moment(said.get("until", ""))
    if hours := Made.hours.get(said.get("made", "")):
        since = timezone.now() - timedelta(hours=hours)
    return since, until


def as_moment(text: str) -> datetime | None:
    """What a person or a link says: 2026-05-04 or 2026-05-04T14:00, in the current time zone."""
    try:
        moment = datetime.fromisoformat(text)
        aware = timezone.make_aware(moment) if moment.tzinfo is None else moment
    except (ValueError, OverflowError):
        return None
    return aware if 1971 <= aware.year <= 9000 else None


def _local(text: str) -> str:
    moment = as_moment(text)
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}" if moment else ""


class InState(admin.ChoicesFieldListFilter):
    """By state. One has an index; two that are not finished lie in the working set: no need to look on."""

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), f"{self.field_path}__in"]  # which profiles link to

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().queryset(request, queryset)  # type: ignore[assignment]
        given: dict[str, Any] = dict(self.used_parameters)
        chosen = set(given.get(f"{self.field_path}__exact", ()))
        chosen.update(*given.get(f"{self.field_path}__in", ()))
        return found.filter(kept_on=None) if chosen and chosen <= _UNFINISHED else found

    def choices(self, changelist: Any) -> Iterator[Any]:
        """With the pair that lists are linked to most: what has not arrived yet."""
        given: dict[str, Any] = dict(self.used_parameters)
        chosen = {*given.get(f"{self.field_path}__in", [[]])[0]}
        first, *rest = super().choices(changelist)
        yield {**first, "selected": first["selected"] and not chosen}
        yield {
            "selected": chosen == _UNFINISHED,
            "query_string": changelist.get_query_string(
                {f"{self.field_path}__in": "pending,waiting"}, [f"{self.field_path}__exact"]
            ),
            "display": "Not arrived yet",
        }
        yield from rest


class ToChannel(admin.SimpleListFilter):
    """By channel, as the settings list them: no look at the deliveries to know which there are."""

    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in settings.POSTRIDER_CHANNELS]

    def has_output(self) -> bool:
        return len(settings.POSTRIDER_CHANNELS) > 1 or bool(self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By way of its endpoints, if they are few: they have an index, and a rare channel is found by it."""
        if not self.value():
            return queryset
        pks = Endpoint.objects.filter(channel=self.value()).values_list("pk", flat=True)
        few = list(pks[: MOST_LISTED_ENDPOINTS + 1])
        if len(few) > MOST_LISTED_ENDPOINTS:
            return queryset.filter(channel=self.value())
        return queryset.filter(endpoint__in=few)


class ToEndpoint(FieldsFilter):
    """By endpoint: one, or all whose name has some letters; offers those that fit, a handful of them."""

    title = "endpoint"
    names = ("endpoint", "to")

    def fields(self) -> list[dict[str, Any]]:
        return [{"name": "to", "label": "Part of its name", "type": "search", "value": self.said("to")}]

    def links(self, changelist: Any) -> Iterator[dict[str, Any]]:
        without = changelist.get_query_string(remove=[*self.names])
        is_any = not (self.said("endpoint") or self.said("to"))
        yield {"selected": is_any, "query_string": without, "display": "any"}
        for pk, name in self._offered().items():
            query = changelist.get_query_string({"endpoint": pk}, ["to"])
            yield {"selected": pk == self._chosen(), "query_string": query, "display": name}

    def _offered(self) -> dict[int, str]:
        named = Endpoint.objects.filter(name__icontains=self.said("to")).order_by("name")
        offered = dict(named.values_list("pk", "name")[:MOST_OFFERED])
        chosen = self._chosen()
        if chosen is not None and chosen not in offered:  # which a profile's page links to
            offered.update(Endpoint.objects.filter(pk=chosen).values_list("pk", "name"))
        return offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.said("endpoint"):
            chosen = self._chosen()
            return queryset.none() if chosen is None else queryset.filter(endpoint_id=chosen)
        if self.said("to"):
            named = Endpoint.objects.filter(name__icontains=self.said("to")).order_by("name")
            return queryset.filter(endpoint__in=list(named.values_list("pk", flat=True)[:MOST_FOUND]))
        return queryset

    def _chosen(self) -> int | None:
        return as_id(self.said("endpoint"))


class WithError(FieldsFilter):
    """By words of the last error, or a word of transports.ERRORS, among the newest that have one."""

    title = "text in the error"
    names = ("error",)
    help = f"Looks into the newest {MOST_SEARCHED:,} that wait and {MOST_SEARCHED:,} that failed."

    def fields(self) -> list[dict[str, Any]]:
        return [{"name": "error", "label": "Words", "type": "search", "value": self.said("error")}]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.said("error"):
            return queryset
        return with_error(queryset, self.said("error"), MOST_FOUND)


def with_error(deliveries: QuerySet[Any], text: str, most: int) -> QuerySet[Any]:
    """Of the newest of these that wait for another try, and that failed: whose error has these words."""
    wanted, found = text.casefold(), []
    for state in (Q(state=Delivery.State.WAITING, kept_on=None), Q(state=Delivery.State.FAILED)):
        newest = deliveries.filter(state).order_by("-pk")
        for pk, day, word, detail in newest.values_list("pk", "kept_on", "last_error", "last_detail")[
            :MOST_SEARCHED
        ]:
            if word == wanted if wanted in ERRORS else wanted in detail.casefold():
                found.append((pk, day))
    return only(deliveries, sorted(found, key=itemgetter(0), reverse=True)[:most])


def only(deliveries: QuerySet[Any], found: list[tuple[str, Any]]) -> QuerySet[Any]:
    """These. With their days, so that no other month is looked at."""
    days = {day for _, day in found if day is not None}
    in_months = Q(kept_on__in=days) | Q(kept_on=None)
    return deliveries.filter(in_months, pk__in=[pk for pk, _ in found])


class IsTest(admin.SimpleListFilter):
    """Tests that staff sent, or what happened in earnest; tests have an index."""

    title = "test"
    parameter_name = "is_test__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("0", "no tests"), ("1", "only tests")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_test=self.value() == "1") if self.value() in ("0", "1") else queryset


class EventType(admin.SimpleListFilter):
    """By event type, as the catalogue lists them: no look at the log to know which there are."""

    title = "event type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(entry.key, entry.key) for entry in catalogue.ALL]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset
