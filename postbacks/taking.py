"""The subscriber: turns events into deliveries as soon as they are committed; safe to run twice, and at once.

What makes it safe is the table `Postback`: a row per (config, event), and only who inserts it queues the
delivery. A batch is one transaction: killed anywhere, what it had not committed is taken by the next run. The
minute's tick runs it too, so that a lost wake-up loses nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from customers.models import Customer
from delivery import catalogue, events, queue, sets
from delivery import log as event_log
from delivery.erasing.deliveries import GOODBYE
from delivery.ids import new_id
from delivery.log import Position
from delivery.queue import NewDelivery
from orders.models import Order
from postbacks import freezing, watching
from postbacks.models import Postback, PostbackConfig, Reach, Watch
from postbacks.resources import Subject, around
from postbacks.resources.embedding import model_id
from postbacks.resources.reading import Around, Change
from postbacks.validation import names_in

logger = logging.getLogger(__name__)
BATCH = 1000
LOOK_BACK = timedelta(days=1)  # after a restore
_COLUMNS = ("type", "location_id", "customer_id", "order_id", '"by"', "occurred_at", "recorded_at")
_OF_TEST_CARDS = ("order", "transaction", "subscription", "accountvault")
_WANTED = {"CREATE": "on_create", "UPDATE": "on_update", "DELETE": "on_delete"}


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as configs are matched with it; its data is read only of those that match."""

    id: int
    type: str
    location_id: int
    customer_id: int | None
    order_id: int | None
    by: str
    occurred_at: datetime
    recorded_at: datetime

    @property
    def operation(self) -> str:
        return catalogue.POSTBACKS[self.type][0]

    @property
    def resource(self) -> str:
        return catalogue.POSTBACKS[self.type][1]


@dataclass(frozen=True, slots=True)
class Take:
    """What a config is about to take, with the delivery's id as it would be."""

    config: PostbackConfig
    event: LoggedEvent
    subject: Subject
    delivery_id: str


def run() -> int:
    """Takes all that was committed and not looked at yet; how many deliveries were queued."""
    if not Reach.objects.exists():  # there has never been a config
        return 0
    events.mend_after_restore()
    reach = Reach.objects.get()
    start, queued = (reach.tx, reach.event_id), 0
    end = event_log.horizon()
    for rows in event_log.rows(start, end, types=catalogue.POSTBACKS, columns=_COLUMNS, size=BATCH):
        position = (rows[-1][0], rows[-1][1])
        queued += _batch([_event(row) for row in rows], start, position)
        start = position
    return queued


def look_anew() -> None:
    """After a restore: from a day before now; what was taken is known."""
    tx, event_id = event_log.position_before(timezone.now() - LOOK_BACK, event_log.horizon())
    Reach.objects.update(tx=tx, event_id=event_id)


def _batch(logged: Sequence[LoggedEvent], start: Position, position: Position) -> int:
    now = timezone.now()
    with transaction.atomic():
        takes = _takes(logged)
        won = _written(takes, now)
        made = _deliveries([one for one in takes if one.delivery_id in won])
        if made:
            queue.put(made, now=now)
        # Unless somebody has moved it meanwhile.
        reach = Reach.objects.filter(tx=start[0], event_id=start[1])
        reach.update(tx=position[0], event_id=position[1])
    return len(made)


def _takes(logged: Sequence[LoggedEvent]) -> list[Take]:
    """What matches, in the order of config and event, so that two who take never wait in a circle."""
    matches = _matches(logged)
    subjects = _subjects({event.id: event for _, event in matches})
    takes = [
        Take(watch.config, event, subjects[event.id], new_id())
        for watch, event in matches
        if event.id in subjects and _is_of_gateway(watch, subjects[event.id])
    ]
    return sorted(takes, key=lambda one: (one.config.pk, one.event.id))


def _matches(logged: Sequence[LoggedEvent]) -> list[tuple[Watch, LoggedEvent]]:
    """Which config asked for which event when it was recorded."""
    asking = watching.locked(
        {event.location_id for event in logged},
        {event.resource for event in logged},
        min(event.recorded_at for event in logged),
    )
    found = [
        (watch, event)
        for event in logged
        for watch in asking.get((event.location_id, event.resource), ())
        if _asks_for(watch, event)
    ]
    return _without_erased(_without_test_cards(found))


def _asks_for(watch: Watch, event: LoggedEvent) -> bool:
    is_then = watch.since <= event.recorded_at and (watch.until is None or event.recorded_at < watch.until)
    return is_then and bool(getattr(watch, _WANTED[event.operation]))


def _without_test_cards(
    found: list[tuple[Watch, LoggedEvent]],
) -> list[tuple[Watch, LoggedEvent]]:
    """Test card orders, and what is paid in them, leave by no way out."""
    order_ids = {event.order_id for _, event in found if event.order_id and event.resource in _OF_TEST_CARDS}
    if not order_ids:
        return found
    tests = set(Order.objects.filter(pk__in=order_ids, is_test=True).values_list("pk", flat=True))
    return [(watch, event) for watch, event in found if event.order_id not in tests]


def _without_erased(
    found: list[tuple[Watch, LoggedEvent]],
) -> list[tuple[Watch, LoggedEvent]]:
    """Of a customer who was erased only that is told: by its ids, which is all that the event holds.

    The configs are locked by now, so who erases waits for us, and then finds what we made.
    """
    about = {event.customer_id for _, event in found if event.customer_id}
    erased = Customer.objects.filter(pk__in=about, erase_requested_at__isnull=False)
    since = {pk: at for pk, at in erased.values_list("pk", "erase_requested_at") if at is not None}
    return [
        (watch, event)
        for watch, event in found
        if event.customer_id not in since
        or (event.type == "contact.deleted" and event.recorded_at >= since[event.customer_id])
    ]


def _is_of_gateway(watch: Watch, subject: Subject) -> bool:
    is_asked = watch.gateway_id is not None and watch.resource in ("transaction", "transactionbatch")
    return not is_asked or subject.values.get("gateway_id") == watch.gateway_id


def _subjects(wanted: dict[int, LoggedEvent]) -> dict[int, Subject]:
    """By event, the resource as the event carries it. One recorded before events did so has none."""
    stored = sets.run(
        "SELECT e.id, e.data FROM {rows} JOIN delivery_event e ON e.id = r.id",
        {"id": "bigint"},
        [(pk,) for pk in wanted],
    )
    subjects = {}
    for pk, data in stored:
        subject = _subject(wanted[pk], orjson.loads(data) if isinstance(data, str | bytes) else data)
        if subject is not None:
            subjects[pk] = subject
    return subjects


def _subject(event: LoggedEvent, data: dict[str, Any]) -> Subject | None:
    if event.resource == "contact":  # whose events have always carried it, under its public id
        values = {**data, "public_id": data.get("id", "")}
        del values["id"]
    elif "resource" in data:
        values = data["resource"]
    else:
        logger.warning("Event %s does not say how the %s was; nothing is posted.", event.id, event.resource)
        return None
    change = Change(event.id, event.operation, event.by, event.occurred_at, data.get("old", {}))
    return Subject(
        event.resource, values, event.location_id, event.customer_id, event.order_id, change=change
    )


_WRITE_COLUMNS = {
    "config_id": "bigint",
    "event_id": "bigint",
    "type": "text",
    "resource_id": "text",
    "delivery_id": "text",
    "taken_at": "timestamptz",
}
_WRITE = f"""
INSERT INTO postbacks_postback ({", ".join(_WRITE_COLUMNS)})
SELECT {", ".join(f"r.{name}" for name in _WRITE_COLUMNS)} FROM {{rows}} WHERE true
ON CONFLICT (config_id, event_id) DO NOTHING
RETURNING delivery_id
"""  # noqa: S608 (names are our own)


def _written(takes: Sequence[Take], now: datetime) -> set[str]:
    """The deliveries that are ours to queue: whoever inserts the row first has taken the event."""
    rows = [
        (one.config.pk, one.event.id, one.event.operation, model_id(one.subject)[:36], one.delivery_id, now)
        for one in takes
    ]
    return {pk for (pk,) in sets.run(_WRITE, _WRITE_COLUMNS, rows)} if rows else set()


def _deliveries(takes: Sequence[Take]) -> list[NewDelivery]:
    """What several configs say of one event alike is written once.

    One that cannot be written stops no other: the log tells of it, and its row names no delivery.
    """
    known = around([one.subject for one in takes]) if takes else Around()
    said: dict[tuple[int, tuple[str, ...]], str] = {}
    made, broken = [], []
    for one in takes:
        about = (one.event.id, tuple(names_in(one.config.expands)))
        try:
            if about not in said:
                said[about] = freezing.data_text(one.config, one.subject, known)
        except Exception:
            logger.exception("Event %s could not be written for %s.", one.event.id, one.config.public_id)
            broken.append(one)
            continue
        made.append(_delivery(one, said[about]))
    if broken:
        theirs = Postback.objects.filter(
            config__in={one.config.pk for one in broken}, event__in={one.event.id for one in broken}
        )
        theirs.filter(delivery_id__in=[one.delivery_id for one in broken]).update(delivery_id="")
    return made


def _delivery(take: Take, data: str) -> NewDelivery:
    config, event = take.config, take.event
    return NewDelivery(
        id=take.delivery_id,
        event_id=event.id,
        channel="postback",
        target_id=config.pk,
        target_name=str(config)[:200],
        target_version=1,
        reason=f"{event.operation} {event.resource}{GOODBYE if take.subject.values.get('erased') else ''}",
        endpoint_id=config.endpoint_id,
        content=freezing.frozen(config, event.operation, event.resource, data),
    )


def _event(row: tuple[Any, ...]) -> LoggedEvent:
    _, event_id, kind, location_id, customer_id, order_id, by, occurred_at, recorded_at = row
    if connection.vendor == "sqlite":
        occurred_at, recorded_at = sets.moment(occurred_at), sets.moment(recorded_at)
    return LoggedEvent(event_id, kind, location_id, customer_id, order_id, by, occurred_at, recorded_at)
