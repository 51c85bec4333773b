"""How many events of its pause a profile would send is counted as the sweep would take them, and bounded."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports import services, sweep
from exports.models import Export
from exports.sweep import pause
from tests.exports.partners import BY, Store, a_partial, a_profile, a_sale, a_store

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://postingmydata.com/partials.php"


@pytest.fixture
def store() -> Store:
    return a_store()


def test_it_is_what_the_sweep_then_takes(store: Store) -> None:
    profile = a_profile(store, URL, (), "new_sale", "partial", delay_minutes=30)
    a_sale(store)
    sweep.run([profile], now=timezone.now() + timedelta(hours=1))
    services.switch_off(profile, by=BY)
    a_sale(store)
    a_sale(store, is_test=True)
    a_partial(store, store.cream)
    a_partial(store, store.cream, campaign=None)
    counted = sweep.in_pause_of(profile)
    assert (counted.number, counted.is_more, str(counted)) == (3, False, "3")
    assert Export.objects.count() == 2  # of the first run: the sale, and the partial it was before
    services.switch_on(profile, by=BY, catch_up=True)
    report = sweep.run([profile], now=timezone.now() + timedelta(hours=1))[0]
    assert report.queued == 3


def test_without_a_route_it_is_nothing(store: Store) -> None:
    profile = services.create_profile(location=store.location, name="No route", url=URL, by=BY)
    a_sale(store)
    assert sweep.in_pause_of(profile) == pause.Pause(0, False)


def test_it_counts_no_further_than_it_must(store: Store, monkeypatch) -> None:
    profile = a_profile(store, URL)
    for _ in range(3):
        a_sale(store)
    monkeypatch.setattr(pause, "MOST", 2)
    assert str(sweep.in_pause_of(profile)) == "2+"
    monkeypatch.setattr(pause, "MOST", 1000)
    monkeypatch.setattr(pause, "MOST_LOOKED_AT", 2)
    counted = sweep.in_pause_of(profile)
    assert counted.is_more and counted.number < 3


def test_the_statements_do_not_grow(store: Store) -> None:
    profile = a_profile(store, URL)
    seen = []
    for _ in range(2):
        for _ in range(5):
            a_sale(store)
        with CaptureQueriesContext(connection) as queries:
            sweep.in_pause_of(profile)
        seen.append(len(queries))
    assert seen[0] == seen[1]
