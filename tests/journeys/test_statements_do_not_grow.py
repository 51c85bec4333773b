"""A sweep, a claim and a settlement take as many statements for many as for a few."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery import queue, settling
from delivery.courtesy import Tried
from delivery.models import Attempt, Delivery, Endpoint
from delivery.settling import AttemptRow, Settlement
from exports import services, sweep
from exports.sweep import walk
from tests.journeys import shop
from tests.journeys.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def store() -> Shop:
    return shop.a_shop()


def test_sweep(store: Shop) -> None:
    """Also with all the tables that orders refer to, and when most of what matches is known."""
    types = ("partial", "abandoned_cart", "new_sale", "all_refunds")
    profiles = [shop.a_profile(store, f"Partner {number}", URL, *types) for number in range(3)]
    shop.many_refunds(store, orders=2, of_each=1)
    sweep.run(profiles)
    counts = []
    for orders in (2, 10, 200):
        shop.many_refunds(store, orders=orders, of_each=1)
        with CaptureQueriesContext(connection) as statements:
            reports = sweep.run(profiles)
        assert [report.queued for report in reports] == [2 * orders] * 3
        counts.append(len(statements))
    assert counts == [counts[0]] * 3
    assert counts[0] <= 34


def test_sweep_of_more_profiles(store: Shop) -> None:
    """Nor does a further profile or route cost a statement."""
    profiles = [shop.a_profile(store, f"Partner {number}", URL, "new_sale") for number in range(12)]
    for profile in profiles[3:]:
        services.add_route(profile, customer_type="partial", campaign=store.campaign, by=shop.BY)
        services.add_route(profile, customer_type="all_refunds", product=store.product, by=shop.BY)
    sweep.run(profiles)
    counts = []
    for some in (profiles[3:5], profiles):
        shop.many_refunds(store, orders=5, of_each=1)
        with CaptureQueriesContext(connection) as statements:
            sweep.run(some)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_many_profiles_make_small_batches(store: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one transaction holds is bounded by what is taken, not by the number of events."""
    profiles = [shop.a_profile(store, f"Partner {number}", URL, "partial") for number in range(3)]
    cases = shop.many_partials(store, 10)
    monkeypatch.setattr(walk, "MOST_TAKES", 9)
    with CaptureQueriesContext(connection) as statements:
        sweep.run(profiles)
    taken = [one["sql"] for one in statements if "INSERT INTO exports_export" in one["sql"]]
    assert len(taken) == 4  # of three events each
    for profile in profiles:
        assert shop.taken_by(profile) == [case.order.pk for case in cases]


def test_claim_and_settle(store: Shop) -> None:
    shop.many_deliveries(store, URL, 210)
    claims, settlements = [], []
    for count in (20, 190):
        with CaptureQueriesContext(connection) as statements:
            claimed = queue.claim(count)
        claims.append(len(statements))
        assert len(claimed) == count
        outcomes = [outcome(delivery) for delivery in claimed]
        with CaptureQueriesContext(connection) as statements:
            assert len(settling.settle(outcomes)) == count
        settlements.append(len(statements))
    assert claims[0] == claims[1] <= 8
    assert settlements[1] <= settlements[0] <= 8
    delivered = Delivery.objects.filter(state="delivered", attempts_made=1)
    assert delivered.count() == Attempt.objects.count() == 210
    assert Endpoint.objects.get().last_success_at is not None


def outcome(delivery: Delivery) -> Settlement:
    attempt = AttemptRow(
        delivery_id=delivery.pk,
        number=1,
        started_at=timezone.now(),
        duration_ms=1,
        method="POST",
        url=URL,
        request_headers="[]",
        status=200,
    )
    return Settlement(delivery, "delivered", None, attempt=attempt, tried=Tried())
