"""The queue is the delivery table: put in, claim under a lease, keep or give back, hold and release."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, Count, F, Min, Q, QuerySet, Value, When
from django.db.models.functions import TruncHour
from django.utils import timezone

from delivery import counts, courtesy, sets, spread, waking
from delivery.counts import Counted
from delivery.courtesy import Share
from delivery.ids import new_id
from delivery.models import Delivery, Endpoint, Event, Lease

BATCH = 1000
KEPT_FOR_UNPROVEN = 16  # one in so many places of a claim
FAR_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)
_PUT_COLUMNS = (
    *("id", "event_id", "channel", "target_id", "target_name", "target_version", "reason", "endpoint_id"),
    *("content", "is_test", "state", "attempts_made", "due_at", "asked_by"),
    *("last_error", "last_detail", "created_at"),
)
_LEASE_SLACK = timedelta(seconds=1)  # clocks differ
_RECORDED_AT = Event._meta.get_field("recorded_at")
_UNFINISHED = Q(state__in=[Delivery.State.PENDING, Delivery.State.WAITING])


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be queued; due at once."""

    id: str
    event_id: int | None
    channel: str
    target_id: int
    target_name: str
    target_version: int
    reason: str
    endpoint_id: int
    content: str
    is_test: bool = False


def put(deliveries: Sequence[NewDelivery], *, now: datetime) -> None:
    """Queues deliveries in the caller's transaction; a set statement."""
    rows = [
        (
            one.id,
            one.event_id,
            one.channel,
            one.target_id,
            one.target_name,
            one.target_version,
            one.reason,
            one.endpoint_id,
            one.content,
            one.is_test,
            "pending",
            0,
            now,
            *("", "", ""),
            now,
        )
        for one in deliveries
    ]
    sets.append("delivery_delivery", _PUT_COLUMNS, rows)
    make_ready({one.endpoint_id for one in deliveries}, now)
    counts.add([Counted(one.channel, counts.QUEUED) for one in deliveries if not one.is_test], now=now)
    waking.tell()


def claim(limit: int, *, proven_only: bool = False) -> list[Delivery]:
    """Up to `limit` due deliveries, ours until the lease ends; safe beside other workers.

    They are spread over all endpoints that are ready, in as many statements for ten thousand endpoints and a
    million waiting as for one (`spread`). With `proven_only`, of endpoints whose last answer was yes.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoints = _ready(now, limit, proven_only=proven_only)
        if not endpoints:
            return []
        out = _out(endpoints, now)
        shares = _shares(endpoints, out, limit, now)
        token = new_id()
        picked = _pick(endpoints, shares, token, now)
        _note_look(endpoints, out, shares, Counter(to for _, to in picked), now)
    return _claimed([pk for pk, _ in picked], token, endpoints)


def _ready(now: datetime, limit: int, *, proven_only: bool) -> list[Endpoint]:
    """Locked. Who has just said yes comes first; a part is kept for the others, who may be dead or new."""
    if proven_only:
        return _up(now, limit, spread.PROVEN)
    kept = limit // KEPT_FOR_UNPROVEN
    if not kept:
        return _up(now, limit)
    proven = _up(now, limit - kept, spread.PROVEN)
    return proven + _up(now, kept if proven else limit, spread.UNPROVEN)


def _up(now: datetime, limit: int, which: str = "") -> list[Endpoint]:
    """What has come up, the longest waiting first."""
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    return sets.read(Endpoint, sets.ask(spread.READY.format(which=which, lock=lock), [now, limit]))


def _out(endpoints: Sequence[Endpoint], now: datetime) -> dict[int, tuple[int, datetime]]:
    """How many are out to each, and when the first of their leases ends."""
    found = sets.run(spread.OUT, {"id": "bigint"}, [(endpoint.id,) for endpoint in endpoints], [now])
    return {pk: (number, sets.moment(first_end)) for pk, number, first_end in found}


def _shares(
    endpoints: Sequence[Endpoint], out: Mapping[int, tuple[int, datetime]], limit: int, now: datetime
) -> dict[int, Share]:
    """By endpoint, together at most `limit`; there are no more endpoints than that."""
    proven = sum(endpoint.is_proven for endpoint in endpoints)
    unproven = (len(endpoints) - proven) * courtesy.UNPROVEN_AT_ONCE
    fair = max((limit - unproven) // max(proven, 1), 1)
    end = lease_end(now)
    shares = {}
    for endpoint in endpoints:
        number, first_end = out.get(endpoint.id, (0, end))
        shares[endpoint.id] = courtesy.share(
            endpoint, out=number, fair=fair, now=now, lease_end=min(first_end, end)
        )
    return shares


def _pick(
    endpoints: Sequence[Endpoint], shares: Mapping[int, Share], token: str, now: datetime
) -> list[tuple[str, int]]:
    """Leases what falls to each; the deliveries, and where each goes."""
    rows = [  # awake since later than now, if the clock was set back: what is not due would look like due
        (endpoint.id, shares[endpoint.id].most, min(endpoint.awake_since or courtesy.LONG_AGO, now), now)
        for endpoint in endpoints
        if shares[endpoint.id].most
    ]
    if not rows:
        return []
    most = max(row[1] for row in rows)
    return sets.run(spread.pick(most), spread.PICK_COLUMNS, rows, [token, lease_end(now)])


def _claimed(ids: Sequence[str], token: str, endpoints: Sequence[Endpoint]) -> list[Delivery]:
    """The deliveries that are ours now; read when nobody waits for their endpoints any more."""
    if not ids:
        return []
    found = sets.run(spread.PICKED, {"id": "text"}, [(pk,) for pk in ids])
    by_id = {endpoint.id: endpoint for endpoint in endpoints}
    claimed = sets.read(Delivery, found, event_recorded_at=_RECORDED_AT)
    for delivery in claimed:
        delivery._state.fields_cache["endpoint"] = by_id[delivery.endpoint_id]
        delivery.token = token
    return claimed


def _note_look(
    endpoints: Sequence[Endpoint],
    out: Mapping[int, tuple[int, datetime]],
    shares: Mapping[int, Share],
    taken: Mapping[int, int],
    now: datetime,
) -> None:
    """Each goes to the end of the line, or out of it until there may be something to do for it."""
    ours_end = lease_end(now)
    rows = []
    for endpoint in endpoints:
        share, number = shares[endpoint.id], taken.get(endpoint.id, 0)
        # Who got all of its share may have more: at the end of the line, without a look for it.
        again = (share.look_again_at or now) if number >= share.most else None
        _, first_end = out.get(endpoint.id, (0, ours_end if number else None))
        rows.append((endpoint.id, now, again, first_end, courtesy.spent(endpoint, number, now)))
    sets.run(spread.LOOKED_AT, spread.LOOKED_AT_COLUMNS, rows)


def next_ready_at() -> datetime | None:
    """When there may next be something to send."""
    ready = Endpoint.objects.filter(ready_at__isnull=False)
    first: datetime | None = ready.aggregate(first=Min("ready_at"))["first"]
    return first


def is_anything_ready(*, proven_only: bool = False) -> bool:
    """Whether a claim that found nothing should be made again: somebody else held what there is."""
    ready = Endpoint.objects.filter(ready_at__lte=timezone.now())
    if proven_only:
        ready = ready.filter(last_success_at__isnull=False, failures_in_a_row=0)
    return ready.exists()


def mend() -> None:
    """Finds what is due at endpoints that nobody made ready: so that no mistake can lose a delivery."""
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(spread.MEND.format(lock=lock), [sets.column_value(FAR_AHEAD)])


def make_ready(endpoint_ids: Collection[int], now: datetime) -> None:
    """Something was queued for them, in the caller's transaction."""
    lock_endpoints(endpoint_ids)
    when = Case(When(asleep_until__gt=now, then=F("asleep_until")), default=Value(now))
    later = Q(ready_at=None) | Q(ready_at__gt=now)
    Endpoint.objects.filter(later, pk__in=endpoint_ids, is_held=False).update(ready_at=when)


def lease_end(now: datetime) -> datetime:
    """When what is claimed now may be taken by others, if its worker does not say otherwise."""
    return now + timedelta(seconds=settings.POSTRIDER_LEASE_SECONDS)


def renew(deliveries: Collection[Delivery]) -> None:
    """Keeps what is in hand."""
    _still_ours(deliveries).update(ends_at=lease_end(timezone.now()))


def give_back(deliveries: Collection[Delivery]) -> None:
    """What was claimed and not begun is there for whoever comes."""
    now = timezone.now()
    with transaction.atomic():
        make_ready({delivery.endpoint_id for delivery in deliveries}, now)
        _still_ours(deliveries).delete()


def take_back(ids: Collection[str], now: datetime) -> set[str]:
    """Which of these nobody has in hand; a lease that has ended is no one's any more, and is taken away.

    The caller has locked the endpoints.
    """
    leases = Lease.objects.filter(pk__in=ids)
    leases.filter(ends_at__lt=now - _LEASE_SLACK).delete()
    return set(ids).difference(leases.values_list("pk", flat=True))


def _still_ours(deliveries: Collection[Delivery]) -> QuerySet[Lease]:
    """Whatever was taken over by others meanwhile is leased under another token by now."""
    tokens = {delivery.token for delivery in deliveries}
    return Lease.objects.filter(pk__in=[delivery.pk for delivery in deliveries], token__in=tokens)


def lock_endpoints(endpoint_ids: Collection[int]) -> dict[int, Endpoint]:
    """Who changes what is queued for endpoints holds their rows."""
    lock = " FOR NO KEY UPDATE OF e" if connection.vendor == "postgresql" else ""
    found = sets.run(spread.LOCKED + lock, {"id": "bigint"}, [(pk,) for pk in endpoint_ids])
    return {endpoint.id: endpoint for endpoint in sets.read(Endpoint, found)}


def hold(endpoint: Endpoint) -> int:
    """Nothing of the endpoint is due until it is released; nothing is lost. How many wait."""
    with transaction.atomic():
        lock_endpoints([endpoint.id])
        Endpoint.objects.filter(pk=endpoint.pk).update(is_held=True, ready_at=None)
        return Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, lease=None).update(due_at=None)


def cancel(endpoint: Endpoint) -> int:
    """What waits for the endpoint is given up; what is out is not, and may be cancelled once it is back.

    How many. For an endpoint that is held: else what comes back would be due again.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_endpoints([endpoint.id])
        waiting = Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, lease=None)
        counted = _by_hour_made(waiting.filter(is_test=False), endpoint.channel)
        cancelled = waiting.update(
            state=Delivery.State.CANCELLED, due_at=None, finished_at=now, kept_on=now.date()
        )
        counts.add(counted, now=now)
    return cancelled


def _by_hour_made(cancelled: QuerySet[Delivery], channel: str) -> list[Counted]:
    """As an end is counted: under the hour of its beginning."""
    hours = cancelled.order_by().values_list(TruncHour("created_at", tzinfo=UTC)).annotate(Count("pk"))
    return [Counted(channel, counts.CANCELLED, number, at=hour) for hour, number in hours]


def hurry(endpoint: Endpoint, *, is_elsewhere: bool) -> int:
    """What is sent has changed, or where: what waits for another try is due now. How many.

    Another address (`is_elsewhere`) starts with a clean record; the same one, if it sleeps, with a probe.
    """
    now = timezone.now()
    with transaction.atomic():
        waking.after_commit()
        if is_elsewhere:
            return _start_afresh(endpoint)
        lock_endpoints([endpoint.id])
        Endpoint.objects.filter(pk=endpoint.pk, asleep_until__gt=now).update(asleep_until=now)
        make_ready([endpoint.id], now)
        return bring_forward([endpoint.id], now)


def release(endpoint: Endpoint) -> int:
    """What waited is due now. How many."""
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(is_held=False)
        _start_afresh(endpoint)
        held = Delivery.objects.filter(_UNFINISHED, endpoint=endpoint, due_at=None, lease=None)
        count = held.update(due_at=timezone.now())
        waking.after_commit()
    return count


def _start_afresh(endpoint: Endpoint) -> int:
    now = timezone.now()
    lock_endpoints([endpoint.id])
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failures_in_a_row=0, last_error="", asleep_since=None, asleep_until=None, naps=0, window=None
    )
    make_ready([endpoint.id], now)
    return bring_forward([endpoint.id], now)


def bring_forward(endpoint_ids: Collection[int], now: datetime) -> int:
    """What waits for another try need not wait any longer."""
    waiting = Delivery.objects.filter(endpoint__in=endpoint_ids, kept_on=None, is_late=True, due_at__gt=now)
    return waiting.filter(lease=None).update(due_at=now)
