"""The event log: only with its change, never changed, never of the future, and it wakes who listens."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from customers.models import Location
from delivery import catalogue, events, waking
from delivery.events import Happening
from delivery.models import Event


@pytest.fixture
def here(db: None) -> Location:
    return Location.objects.create(name="Main store")


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded() -> None:
    here = Location.objects.create(name="Main store")
    with pytest.raises(RuntimeError, match="transaction"):
        events.record(Happening("order.sale", here.pk), by="api")
    with pytest.raises(RuntimeError, match="transaction"):
        events.record_many([], by="api")
    assert not Event.objects.exists()
    with transaction.atomic():
        events.record(Happening("order.sale", here.pk), by="api")
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_falls_with_its_change() -> None:
    here = Location.objects.create(name="Main store")
    with pytest.raises(IntegrityError), transaction.atomic():
        events.record(Happening("order.sale", here.pk), by="api")
        Location.objects.create(name="Main store")
    assert not Event.objects.exists() and not OrmQ.objects.exists()


def test_what_is_recorded(here: Location) -> None:
    moment = timezone.now() - timedelta(hours=1)
    data: dict[str, Any] = {
        "reason": "😀 مرحبا \\N\t\n",
        "amount": "10.00",
        "products": [1, None],
        "deep": {"a": 1.5},
    }
    with transaction.atomic():
        events.record_many(
            [
                Happening("order.sale", here.pk, data=data, occurred_at=moment),
                Happening("order.partial", here.pk),
            ],
            by="admin:jane",
        )
    sale, partial = Event.objects.order_by("pk")
    assert (sale.type, sale.data, sale.by, sale.occurred_at) == ("order.sale", data, "admin:jane", moment)
    assert (sale.location, sale.customer, sale.order) == (here, None, None)
    assert partial.data == {} and partial.occurred_at == partial.recorded_at == sale.recorded_at


def test_the_future_is_refused_and_a_fast_clock_is_forgiven(here: Location) -> None:
    now = timezone.now()
    with transaction.atomic():
        with pytest.raises(ValueError, match="in the future"):
            events.record(Happening("order.sale", here.pk, occurred_at=now + timedelta(minutes=6)), by="api")
        events.record(Happening("order.sale", here.pk, occurred_at=now + timedelta(minutes=4)), by="api")
    event = Event.objects.get()
    assert now <= event.occurred_at == event.recorded_at <= now + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("hours", "quiet", "muted"),
    [(0, False, ""), (23.9, False, ""), (24.1, False, "old"), (0, True, "quiet"), (99, True, "quiet")],
)
def test_who_may_act_on_it(here: Location, hours: float, quiet: bool, muted: str) -> None:
    happening = Happening("order.sale", here.pk, occurred_at=timezone.now() - timedelta(hours=hours))
    with transaction.atomic():
        events.record_many([happening], by="import:file", quiet=quiet)
    assert Event.objects.get().muted == muted


def test_how_old_is_too_old_is_a_setting(here: Location, settings: Any) -> None:
    settings.POSTRIDER_HISTORY_HOURS = 1
    with transaction.atomic():
        events.record(
            Happening("order.sale", here.pk, occurred_at=timezone.now() - timedelta(hours=2)), by="api"
        )
    assert Event.objects.get().muted == "old"


def test_history_is_not_rewritten(here: Location) -> None:
    with transaction.atomic():
        events.record(Happening("order.sale", here.pk), by="api")
    event = Event.objects.get()
    event.type = "order.refunded"
    for attempt in (
        event.save,
        event.delete,
        Event.objects.all().delete,
        lambda: Event.objects.update(type="order.refunded"),
        lambda: Event.objects.filter(pk=event.pk).update(type="order.refunded"),
        lambda: Event.objects.create(type="order.sale", location=here),
    ):
        with pytest.raises(TypeError, match="Events are"):
            attempt()
    assert Event.objects.get().type == "order.sale"


@pytest.mark.django_db(transaction=True)
def test_each_transaction_wakes_the_subscribers_once() -> None:
    here = Location.objects.create(name="Main store")
    with transaction.atomic():
        for _ in range(3):
            events.record(Happening("order.sale", here.pk), by="api")
        events.record_many([Happening("order.sale", here.pk)] * 5, by="api")
        assert not OrmQ.objects.exists()  # not before the change can be seen
    assert OrmQ.objects.count() == 1
    with transaction.atomic():
        events.record(Happening("order.sale", here.pk), by="api")
    assert OrmQ.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_tasks_do_not_pile_up_before_the_tick() -> None:
    """Each of those that wait will look at all the tables."""
    here = Location.objects.create(name="Main store")
    for _ in range(waking.ENOUGH + 5):
        with transaction.atomic():
            events.record(Happening("order.sale", here.pk), by="api")
    assert OrmQ.objects.count() == waking.ENOUGH


@pytest.mark.django_db(transaction=True)
def test_what_is_muted_wakes_nobody() -> None:
    here = Location.objects.create(name="Main store")
    old = Happening("order.sale", here.pk, occurred_at=timezone.now() - timedelta(days=2))
    with transaction.atomic():
        events.record_many([old] * 3, by="import:file")
        events.record_many([Happening("order.sale", here.pk)], by="import:file", quiet=True)
    assert not OrmQ.objects.exists()
    with transaction.atomic():
        events.record_many([old, Happening("order.sale", here.pk)], by="import:file")
    assert OrmQ.objects.count() == 1


def test_the_log_knows_which_transaction_wrote_it(here: Location) -> None:
    with transaction.atomic():
        events.record_many([Happening("order.sale", here.pk)] * 2, by="api")
    ids = set(Event.objects.values_list("tx_id", flat=True))
    if connection.vendor == "sqlite":
        assert ids == {0}
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert ids == {cursor.fetchone()[0]}


def test_every_type_says_itself_from_its_example() -> None:
    for entry in catalogue.ALL:
        said = catalogue.sentence(entry.key, dict(entry.example))
        assert said and "{" not in said and not said.endswith(":")
    assert len(catalogue.BY_KEY) == len(catalogue.ALL)


def test_a_sentence_reads_no_template_of_strangers() -> None:
    assert catalogue.sentence("order.declined", {"reason": "{0} {reason.__class__} %s"}) == (
        "Declined: {0} {reason.__class__} %s"
    )
    assert catalogue.sentence("order.declined", {}) == "Declined"
    assert catalogue.sentence("nobody.knows", {}) == "nobody.knows"
