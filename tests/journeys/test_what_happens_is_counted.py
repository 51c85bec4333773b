"""The numbers of `/metrics` are those of what really happened."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from delivery import counts, services, worker
from delivery.models import Delivery
from exports import services as profiles
from exports import sweep
from exports.models import ExportProfile
from tests.journeys import shop
from tests.journeys.shop import Shop
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def store() -> Shop:
    return shop.a_shop()


def numbers(*whats: str) -> tuple[int, ...]:
    totals = counts.totals()
    return tuple(totals.get(("export", what), (0, 0.0))[0] for what in whats)


def waiting() -> int:
    """As `/metrics` derives it; always what the table says too."""
    derived = counts.waiting(counts.totals()).get("export", 0)
    assert derived == Delivery.objects.filter(state__in=["pending", "waiting"], is_test=False).count()
    return derived


def due_again() -> None:
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
    for profile in ExportProfile.objects.all():
        profiles.switch_off(profile, by="test")
        profiles.switch_on(profile, by="test", catch_up=True)


def test_each_run_of_the_sweep_with_what_it_queued(store: Shop) -> None:
    partners = [shop.a_profile(store, f"Partner {number}", URL, "partial") for number in range(2)]
    shop.many_partials(store, 3)
    call_command("sweep_exports", "--dry-run", "--json")
    assert numbers("sweep", "sweep.queued", "queued") == (0, 0, 0)
    sweep.run(partners)
    assert numbers("sweep", "sweep.queued", "queued") == (1, 6, 6)
    sweep.run(partners)
    assert numbers("sweep", "sweep.queued", "queued") == (2, 6, 6)
    assert counts.totals()["export", "sweep"][1] > 0
    assert waiting() == 6


def test_each_delivery_and_attempt_once(store: Shop, receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 200)
    shop.many_deliveries(store, receiver.url("/hook"), 3)
    worker.drain()
    assert numbers("attempt.ok", "attempt.status", "delivered") == (2, 1, 2)
    assert waiting() == 1
    due_again()
    worker.drain()
    assert numbers("attempt.ok", "attempt.status", "delivered", "failed", "cancelled") == (3, 1, 3, 0, 0)
    assert waiting() == 0
    lags = [numbers(counts.lag_within(limit))[0] for limit in counts.LAG_LIMITS]
    assert sum(lags) == 3  # the first attempts, not the second
    assert 0 < counts.totals()["export", "attempt.ok"][1] < 60


def test_sending_again_finishes_nothing_twice(store: Shop, receiver: Receiver) -> None:
    shop.many_deliveries(store, receiver.url("/hook"), 1)
    worker.drain()
    for answer in (500, 200):
        receiver.answers("/hook", answer)
        services.send_again(Delivery.objects.get(), by="admin:jane")
        worker.drain()
    assert numbers("queued", "delivered", "attempt.ok", "attempt.status") == (1, 1, 2, 1)
    assert waiting() == 0


def test_what_nobody_answers_is_counted_by_its_error(store: Shop) -> None:
    shop.many_deliveries(store, URL, 2)
    worker.drain()
    assert numbers("attempt.refused", "attempt.ok", "delivered") == (2, 0, 0)
    assert waiting() == 2
