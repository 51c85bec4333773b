"""What the torture does with our tables: the shop and its partners, time that passes, and the books."""

import json
from collections.abc import Sequence
from pathlib import Path

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from customers.models import Customer, Location
from delivery import counts
from delivery.models import Attempt, Count, Delivery, Endpoint, Event, Lease
from exports import services
from exports.models import ExportProfile
from orders.models import Campaign, Product
from tests.journeys import shop
from tests.journeys.shop import BY, Shop
from tests.torture.ledger import WAITING, Books, Note, Row, Try
from tests.torture.partners import Kind

TIMEOUT_SECONDS = 4  # longer than a lease: what hangs has to be renewed


def open_shop(kinds: Sequence[Kind], address: str) -> None:
    """A shop, and a partner of each kind who is told of every cart that is left, at once."""
    store = shop.a_shop()
    host, plain, secure = address.split()
    for kind in kinds:
        url = f"https://{host}:{secure}" if kind.is_tls else f"http://{host}:{plain}"
        settings = {"timeout_seconds": TIMEOUT_SECONDS, "cadence": "immediate", **dict(kind.settings)}
        shop.a_profile(store, kind.name, f"{url}/{kind.name}", "partial", **settings)


def leave_carts(count: int) -> list[int]:
    """The numbers of the orders, committed."""
    store = Shop(
        Location.objects.get(), Campaign.objects.get(), Product.objects.get(), Customer.objects.get()
    )
    return [case.order.pk for case in shop.many_partials(store, count)]


def switch(partner: str, *, on: bool) -> None:
    """As staff would; what happened meanwhile is sent too."""
    profile = ExportProfile.objects.get(name=partner)
    if on:
        services.switch_on(profile, by=BY, catch_up=True)
    else:
        services.switch_off(profile, by=BY)


def in_flight() -> int:
    return Lease.objects.count()


def delivered() -> set[str]:
    return set(Delivery.objects.filter(state="delivered").values_list("pk", flat=True))


def left(kinds: Sequence[Kind]) -> tuple[int, int]:
    """How many deliveries are still to be made of events, and how many to be carried to who will say yes."""
    wanted = Event.objects.filter(type="order.partial").count() * len(kinds)
    lost = [kind.name for kind in kinds if kind.is_lost]
    waiting = Delivery.objects.filter(state__in=WAITING).exclude(target_name__in=lost)
    return wanted - Delivery.objects.count(), waiting.count()


def books(folder: Path, kinds: Sequence[Kind], once_delivered: set[str]) -> Books:
    orders = Event.objects.filter(type="order.partial").values_list("order_id", flat=True)
    overlooked = Endpoint.objects.filter(is_held=False, ready_at=None, deliveries__due_at__isnull=False)
    now = timezone.now()  # a lease that ended belongs to nobody
    columns = (
        "pk",
        "event__order_id",
        "target_name",
        "state",
        "attempts_made",
        "lease__token",
        "lease__ends_at",
        "due_at",
    )
    return Books(
        events=set(orders),
        acknowledged={int(line) for line in _lines(folder / "acknowledged")},
        partners={kind.name: kind.is_lost for kind in kinds},
        rows=[
            Row(*rest, lease=token if ends_at and ends_at > now else "", is_due=due_at is not None)
            for *rest, token, ends_at, due_at in Delivery.objects.values_list(*columns).iterator()
        ],
        tries=[Try(*row) for row in Attempt.objects.values_list("delivery_id", "number", "error").iterator()],
        notes=[Note(**note) for note in notes(folder) if "sent" not in note],
        once_delivered=once_delivered,
        counted=_counted(),
        overlooked=sorted(set(overlooked.values_list("name", flat=True))),
    )


def _counted() -> dict[str, int]:
    rows = Count.objects.values_list("what").annotate(total=Sum("number")).order_by()
    by_word = dict(rows)
    attempts = sum(number for what, number in by_word.items() if what.startswith(counts.ATTEMPT))
    return {
        "queued": by_word.get(counts.QUEUED, 0),
        "delivered": by_word.get(counts.DELIVERED, 0),
        "attempts": attempts,
    }


def notes(folder: Path) -> list[dict[str, object]]:
    """What the receiver noted; a line that a kill cut off is none."""
    found = []
    for line in _lines(folder / "requests"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _lines(path: Path) -> Sequence[str]:
    return path.read_text().splitlines() if path.exists() else []


def server() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 'SQLite ' || sqlite_version()")
        else:
            cursor.execute("SELECT 'PostgreSQL ' || current_setting('server_version')")
        return str(cursor.fetchone()[0]).split(" (")[0]
