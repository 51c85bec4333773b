"""A profile that is broken, whatever broke it, says so and stops; the others go on."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from customers.models import Location
from delivery import queue, settling, signing, worker
from delivery.models import Delivery, Lease
from delivery.settling import Settlement
from delivery.worker import Tally
from exports import services, sweep
from exports.models import ExportProfile, FieldMapping
from tests.journeys import shop
from tests.journeys.shop import Shop
from tests.passing import all_is_due
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> Shop:
    return shop.a_shop()


@pytest.fixture
def good(store: Shop, receiver: Receiver) -> ExportProfile:
    return shop.a_profile(store, "Good", receiver.url("/good"), "partial")


def test_field_that_is_no_more(store: Shop, good: ExportProfile, receiver: Receiver) -> None:
    """As after an update that took a field away. Mended, the profile goes on where it stopped."""
    bad = shop.a_profile(store, "Bad", receiver.url("/bad"), "partial")
    FieldMapping.objects.filter(profile=bad, export_name="name").update(field="noSuchField")
    orders = [shop.a_partial(store).pk, shop.a_partial(store).pk]
    errors = run(bad, good)
    assert errors == {bad.pk: "LookupError: There is no field “noSuchField”.", good.pk: ""}
    assert (shop.taken_by(bad), shop.taken_by(good)) == ([], orders)
    bad.refresh_from_db()
    assert bad.last_run_error == errors[bad.pk]

    FieldMapping.objects.filter(profile=bad, export_name="name").update(field="firstName")
    assert not any(run(bad, good).values())
    assert (shop.taken_by(bad), shop.taken_by(good)) == (orders, orders)
    bad.refresh_from_db()
    assert bad.last_run_error == ""


def test_location_whose_time_zone_is_no_more(store: Shop, good: ExportProfile, receiver: Receiver) -> None:
    """Rendering fails in the middle of a batch that is shared with others: nothing of it is kept twice."""
    elsewhere = shop.a_shop("Second store")
    bad = [shop.a_profile(elsewhere, f"Bad {one}", receiver.url("/bad"), "partial") for one in (1, 2)]
    Location.objects.filter(pk=elsewhere.location.pk).update(time_zone="Europe/Atlantis")
    orders = []
    for _ in range(3):
        orders.append(shop.a_partial(store).pk)
        shop.a_partial(elsewhere)
    errors = run(*bad, good)
    assert all("Atlantis" in errors[one.pk] for one in bad) and not errors[good.pk]
    assert shop.taken_by(good) == orders
    assert Delivery.objects.count() == 3

    Location.objects.filter(pk=elsewhere.location.pk).update(time_zone="UTC")
    assert not any(run(*bad, good).values())
    assert [len(shop.taken_by(one)) for one in (*bad, good)] == [3, 3, 3]


def test_secret_that_no_key_opens(store: Shop, good: ExportProfile, receiver: Receiver, settings) -> None:
    """It is taken, and waits with the reason on record until the key is back; nothing else waits for it."""
    bad = shop.a_profile(store, "Bad", receiver.url("/bad"), "partial")
    secret = FieldMapping(export_name="token", field="Static", is_secret=True, secret_value="hunter2")
    services.set_mappings(bad, [secret], by=shop.BY)
    shop.a_partial(store)
    keys = settings.POSTRIDER_FIELD_KEYS
    settings.POSTRIDER_FIELD_KEYS = [Fernet.generate_key().decode()]
    signing.rotate(good.endpoint_id, overlap=timedelta(0), by="admin:jane")
    assert not any(run(bad, good).values())
    assert worker.drain() == Tally(delivered=1, failed=1)
    assert [request.path for request in receiver.requests] == ["/good"]
    waiting = Delivery.objects.get(target_id=bad.pk)
    assert (waiting.state, waiting.last_error, waiting.attempts_made) == ("waiting", "config", 0)
    assert "POSTRIDER_FIELD_KEYS" in waiting.last_detail

    settings.POSTRIDER_FIELD_KEYS = keys
    all_is_due()
    assert worker.drain() == Tally(delivered=1)
    assert receiver.to("/bad")[0].query == [("token", "hunter2")]


@pytest.mark.parametrize("is_first", [True, False])
def test_delivery_that_cannot_be_read(
    store: Shop, good: ExportProfile, receiver: Receiver, is_first: bool
) -> None:
    """One row is damaged: it waits with that on record, all others of the batch go out."""
    shop.many_partials(store, 9)
    run(good)
    damaged = Delivery.objects.order_by("id")[4].pk
    since = timezone.now() + timedelta(seconds=-10 if is_first else 0)
    Delivery.objects.filter(pk=damaged).update(content="{", due_at=since)
    assert worker.drain() == Tally(delivered=8, failed=1)
    found = Delivery.objects.get(pk=damaged)
    assert (found.state, found.last_error) == ("waiting", "internal")
    assert found.due_at is not None
    assert len(receiver.requests) == 8


@pytest.mark.parametrize("is_on_again_before", [True, False])
def test_switched_on_while_a_worker_finds_it_switched_off(
    good: ExportProfile, store: Shop, is_on_again_before: bool
) -> None:
    """The worker has read that the profile is off, and writes so when it is on again, or just before."""
    shop.a_partial(store)
    run(good)
    [delivery] = queue.claim(1)
    services.switch_off(good, by=shop.BY)
    found_off = Settlement(delivery, "waiting", timezone.now() + timedelta(minutes=1))
    if is_on_again_before:
        services.switch_on(good, by=shop.BY, catch_up=True)
    assert settling.settle([found_off]) == {delivery.pk}
    if not is_on_again_before:
        assert Delivery.objects.get().due_at is None
        services.switch_on(good, by=shop.BY, catch_up=True)
    delivery = Delivery.objects.get()
    assert not Lease.objects.exists()
    assert delivery.due_at is not None


def run(*profiles: ExportProfile) -> dict[int, str]:
    """A run; its errors by profile."""
    return {report.profile.pk: report.error for report in sweep.run(profiles)}
