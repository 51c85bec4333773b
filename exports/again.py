"""Export again: what a profile has taken, said anew with the profile as it is now (decision 18).

A new delivery of the next generation, with an id of its own. The earlier ones, and the row that says that
the subject was taken (`Export`), stay as they are: nothing that a sweep decides changes by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from delivery import queue
from delivery.ids import new_id
from delivery.models import Delivery
from delivery.queue import NewDelivery
from exports import customer_types, readings, validation
from exports.customer_types import CustomerType
from exports.explain import as_logged
from exports.fields.reading import EventFacts
from exports.models import Export, ExportedAgain, ExportProfile, FieldMapping, Route
from exports.render import compiled
from exports.sweep import matching
from orders.cases import Case


class Refused(ValueError):
    """Why it cannot be exported again; the message says so for people."""


@dataclass(frozen=True, slots=True)
class Anew:
    """What would be exported, and as which number."""

    profile: ExportProfile
    kind: CustomerType
    number: int
    content: str

    @property
    def reason(self) -> str:
        """The customer type as history and lists say it: "New Sale, export no. 2"."""
        return f"{self.kind.label}, export no. {self.number}"


@dataclass(frozen=True, slots=True)
class Numbered:
    """One export of a subject: the first, or one that staff asked for later (`by`)."""

    number: int
    delivery_id: str
    by: str = ""


def all_of(delivery: Delivery) -> list[Numbered]:
    """All exports of what this delivery exports, the first one first; none if it exports no order."""
    taken = _taken(delivery)
    if taken is None:
        return []
    later = [Numbered(one.generation, one.delivery_id, one.by) for one in taken.again.order_by("generation")]
    return [Numbered(1, taken.delivery_id), *later]


def anew(delivery: Delivery) -> Anew:
    """What an export again would say now. Writes nothing; raises Refused with the first reason against it."""
    taken = _taken(delivery)
    if taken is None:
        raise Refused("Only what a profile has exported of an order can be exported again.")
    return _anew(taken, ExportProfile.objects.get(pk=taken.profile_id))


def export_again(delivery: Delivery, *, by: str, asked_as: str) -> str:
    """Queues it, due at once; the new delivery's id. One yes, however often it is sent, exports once.

    `asked_as` is the id of the question (`new_id`) that was answered with yes. Raises Refused.
    """
    now = timezone.now()
    with transaction.atomic():
        found = _taken(delivery)
        if found is None:
            raise Refused("Only what a profile has exported of an order can be exported again.")
        taken = Export.objects.select_for_update().get(pk=found.pk)
        if known := taken.again.filter(asked_as=asked_as).first():
            return known.delivery_id
        profile = ExportProfile.objects.select_for_update(no_key=True).get(pk=taken.profile_id)
        made, new = _anew(taken, profile), new_id()
        ExportedAgain.objects.create(
            export=taken, generation=made.number, delivery_id=new, asked_as=asked_as, by=by[:150], made_at=now
        )
        queue.put([_delivery(made, taken, new)], now=now)
    return new


def _taken(delivery: Delivery) -> Export | None:
    """The row that says that a profile has taken what this delivery exports; found by its order."""
    order_id = delivery.event.order_id if delivery.event is not None else None
    if delivery.channel != "export" or delivery.is_test or order_id is None:
        return None
    of_order = Export.objects.filter(order=order_id, profile=delivery.target_id)
    return (
        of_order.filter(delivery_id=delivery.pk).first()
        or of_order.filter(again__delivery_id=delivery.pk).first()
    )


def _anew(taken: Export, profile: ExportProfile) -> Anew:
    kind = customer_types.BY_KEY.get(taken.customer_type)
    if kind is None:
        raise Refused("Its customer type is not known any more.")
    mappings = list(profile.mappings.all())
    _check_profile(profile, mappings)
    case = readings.load([taken.order_id])[taken.order_id]
    _check_order(taken, profile, kind, case)
    event = taken.event
    facts = EventFacts(id=event.pk, type=event.type, occurred_at=event.occurred_at, data=event.data)
    reading = readings.reading_of(case, facts, kind.label, readings.offers_of([case]))
    content = compiled(mappings, omit_empty=profile.omit_empty).content(reading, {}, {})
    last = taken.again.order_by("-generation").values_list("generation", flat=True).first() or 1
    return Anew(profile, kind, last + 1, content)


def _check_profile(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> None:
    """As a run asks: what is switched off, or may not be sent, is not."""
    if not profile.is_active:
        raise Refused(f"“{profile.name}” is switched off. Switch it on first.")
    if profile.type != ExportProfile.Type.POSTBACK:
        kind = profile.get_type_display()
        raise Refused(f"“{profile.name}” writes {kind} files, which cannot be exported again one by one.")
    if not profile.url:
        raise Refused(f"“{profile.name}” has no Postback URL yet.")
    try:
        validation.check_profile(profile)
        validation.check_mappings(mappings)
        validation.check_together(validation.as_active(profile), mappings)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None


def _check_order(taken: Export, profile: ExportProfile, kind: CustomerType, case: Case) -> None:
    """Test orders never go; what is no partial any more is none; and a route must still ask for it."""
    skip, _ = matching.skip_reason(kind, case)
    if skip:
        raise Refused(f"It is not exported again: {Export.Skip(skip).label}.")
    event, refusals = as_logged(taken.event), []
    routes = Route.objects.filter(profile=profile, customer_type=kind.key)
    for route in routes.select_related("campaign", "product"):
        # Not its look-back: by that it was taken, which is long ago by now.
        at = max(event.occurred_at, route.effective_from)
        refusal = matching.route_refusal(route, at, case, event)
        if not refusal:
            return
        refusals.append(refusal)
    why = "; ".join(dict.fromkeys(refusals)) or f"no route for {kind.label} any more"
    raise Refused(f"No route of “{profile.name}” asks for it now: {why}.")


def _delivery(made: Anew, taken: Export, delivery_id: str) -> NewDelivery:
    return NewDelivery(
        id=delivery_id,
        event_id=taken.event_id,
        channel="export",
        target_id=made.profile.pk,
        target_name=made.profile.name,
        target_version=made.profile.version,
        reason=made.reason,
        endpoint_id=made.profile.endpoint_id,
        content=made.content,
    )
