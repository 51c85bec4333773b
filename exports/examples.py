"""Real orders to try a profile on: which ones, as what, and what a field says of each. Writes nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from delivery.models import Event
from exports import customer_types, readings
from exports.customer_types import CustomerType
from exports.explain import as_logged
from exports.fields import FIELDS, Field, Reading, Value
from exports.fields.reading import EventFacts
from exports.models import Export, ExportProfile
from exports.render import Renderer, as_form, as_json
from exports.sweep import matching
from orders.models import Order

MOST_OFFERED = 20
MOST_LOOKED_AT = 20_000  # the newest orders of all locations: further back nobody looks for an example
MOST_EVENTS = 200
_NEVER = (Export.Skip.NOT_A_LEAD, Export.Skip.NO_PRODUCT)


@dataclass(frozen=True, slots=True)
class Offered:
    """A recent order that may be chosen, and the customer type as which it would be shown ("" for none)."""

    order: Order
    customer_type: str
    at: datetime
    is_routed: bool


@dataclass(frozen=True, slots=True)
class Example:
    """What a profile is tried on: an order, going out as a customer type; made-up values if there is none."""

    order: Order | None = None
    kind: CustomerType | None = None
    kinds: tuple[CustomerType, ...] = ()  # all that has happened to it and could go out
    is_routed: bool = False  # a route of the profile asks for `kind`
    reading: Reading | None = None

    def value(self, field: Field) -> Value:
        """What the field says of it."""
        return field.example if self.reading is None else field.read(self.reading)

    def content(self, renderer: Renderer) -> str:
        """What would be frozen, as the sweep freezes it."""
        if self.reading is not None:
            return renderer.content(self.reading, {}, {})
        forms = {name: as_form(field.example) for name, field in FIELDS.items()}
        jsons = {name: as_json(field.example) for name, field in FIELDS.items()}
        return renderer.content(cast(Reading, None), forms, jsons)  # all is written already: nothing is read


MADE_UP = Example()


def wanted_by(profile: ExportProfile) -> set[str]:
    """The customer types that the profile's routes ask for."""
    return set(profile.routes.values_list("customer_type", flat=True))


def offered(profile: ExportProfile, wanted: Collection[str]) -> list[Offered]:
    """The location's newest orders; those to which something happened that the profile takes come first."""
    newest = Order.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return []
    recent = Order.objects.filter(location_id=profile.location_id, pk__gt=newest - MOST_LOOKED_AT)
    orders = list(recent.order_by("-pk")[:MOST_OFFERED])
    happened: dict[int | None, list[Event]] = defaultdict(list)
    for event in _events([order.pk for order in orders]):
        happened[event.order_id].append(event)
    found = [_offered(order, happened[order.pk], wanted) for order in orders]
    return sorted(found, key=lambda one: not one.is_routed)


def example(order: Order, wanted: Collection[str], chosen: str = "") -> Example:
    """The order as the chosen customer type (a key); else as the newest that a route asks for, or as any."""
    case = readings.load([order.pk])[order.pk]
    events: dict[CustomerType, Event] = {}
    for event in _events([order.pk]):
        for one in matching.kinds_of(as_logged(event)):
            if matching.skip_reason(one, case)[0] not in _NEVER:
                events.setdefault(one, event)
    kind = next((one for one in events if one.key == chosen), None) or _best(events, wanted)
    facts = _facts(events[kind]) if kind else EventFacts()
    reading = readings.reading_of(case, facts, kind.label if kind else "", readings.offers_of([case]))
    is_routed = kind is not None and kind.key in wanted
    return Example(case.order, kind, tuple(events), is_routed, reading)


def find(profile: ExportProfile, text: str) -> Order | None:
    """The order of the profile's location that has this number, or this number in the store's own system."""
    text = text.replace("\x00", "").strip()[:64]
    if not text:
        return None
    here = Order.objects.filter(location_id=profile.location_id)
    return here.filter(client_order_id=text.upper()).first() or here.filter(external_order_id=text).first()


def _events(order_ids: Collection[int]) -> list[Event]:
    """What happened to these orders that could go out, newest first."""
    types = list(customer_types.BY_EVENT_TYPE)
    found = Event.objects.filter(order__in=order_ids, type__in=types)
    return list(found.order_by("-pk")[:MOST_EVENTS])


def _offered(order: Order, events: Iterable[Event], wanted: Collection[str]) -> Offered:
    kinds: dict[CustomerType, Event] = {}
    for event in events:
        for kind in matching.kinds_of(as_logged(event)):
            kinds.setdefault(kind, event)
    best = _best(kinds, wanted)
    if best is None:
        return Offered(order, "", order.created_at, is_routed=False)
    return Offered(order, best.label, kinds[best].occurred_at, is_routed=best.key in wanted)


def _best(kinds: Iterable[CustomerType], wanted: Collection[str]) -> CustomerType | None:
    """Of customer types, the newest first."""
    kinds = list(kinds)
    return next((kind for kind in kinds if kind.key in wanted), next(iter(kinds), None))


def _facts(event: Event) -> EventFacts:
    return EventFacts(id=event.pk, type=event.type, occurred_at=event.occurred_at, data=event.data)
