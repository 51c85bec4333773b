"""Why / why not: for every profile, in words that staff understand, what it made of an order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from customers.models import Location
from delivery import retries
from delivery.models import Attempt, Delivery
from exports import services, sweep
from exports.explain import EXPORTED, NOT, WAITING, explain
from exports.models import Export, ExportProfile
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Order
from tests.exports.partners import (
    BY,
    Store,
    a_partial,
    a_profile,
    a_sale,
    a_store,
    carry,
    field,
    static,
    sweep_all,
)
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1:9/"  # nobody listens there
NOW = datetime(2026, 5, 4, 19, 5, 30, tzinfo=UTC)  # 14:05 where the store is


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def store(clock: time_machine.Traveller) -> Store:
    return a_store()


def why(order: Order, profile: ExportProfile | None = None) -> tuple[str, str]:
    """The only verdict on it."""
    (verdict,) = explain(order, profile)
    assert verdict.outcome in (EXPORTED, WAITING, NOT)
    return verdict.outcome, verdict.reason


# --- exported ----------------------------------------------------------------------------------------


def test_delivered(store: Store, receiver: Receiver) -> None:
    a_profile(store, receiver.url(), (), "decline", "new_sale")
    order = a_sale(store)
    sweep_all()
    assert why(order) == (EXPORTED, "matched by route 2: queued, not tried yet")
    carry()
    assert why(order) == (EXPORTED, "matched by route 2: delivered")
    (verdict,) = explain(order)
    assert verdict.delivery_id == Delivery.objects.get().pk
    assert (verdict.customer_type, verdict.happened_at) == ("New Sale", NOW)


def test_being_tried(
    store: Store, receiver: Receiver, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "JITTER", 0)
    receiver.answers("*", 404, 503, 200)
    a_profile(store, receiver.url())
    order = a_sale(store)
    sweep_all()
    carry()
    assert why(order) == (EXPORTED, "matched by route 1: queued, tried once, next at 14:06: 404 Not Found")
    clock.shift(timedelta(minutes=1))
    carry()
    assert why(order)[1].endswith("queued, tried 2 times, next at 14:08: 503 Service Unavailable")
    clock.shift(timedelta(hours=1))
    assert why(order)[1].endswith("queued, tried 2 times, next now: 503 Service Unavailable")
    carry()
    assert why(order)[1] == "matched by route 1: delivered"


def test_a_route_that_is_gone_and_a_delivery_that_was_pruned(store: Store, receiver: Receiver) -> None:
    profile = a_profile(store, receiver.url(), (), "new_sale", "decline")
    order = a_sale(store)
    sweep_all()
    carry()
    services.change_route(profile.routes.all()[0], customer_type="new_sale", product=store.club, by=BY)
    assert why(order) == (EXPORTED, "delivered")
    Attempt.objects.all().delete()
    Delivery.objects.all().delete()
    assert why(order) == (EXPORTED, "exported 2026-05-04 14:05")


def test_what_happened_twice_at_one_time_is_two_lines(store: Store) -> None:
    a_profile(store, URL, (), "upsell")
    order = a_sale(store)
    for _ in range(2):
        lifecycle.add_upsell(order, by=BY, lines=[Line(store.cream, Decimal("5.00"))], at=NOW)
    sweep_all()
    verdicts = explain(order)
    assert {one.delivery_id for one in verdicts} == set(Delivery.objects.values_list("pk", flat=True))
    assert len(verdicts) == 2


# --- waiting -----------------------------------------------------------------------------------------


def test_waiting_for_the_run(store: Store) -> None:
    a_profile(store, URL)
    assert why(a_sale(store)) == (WAITING, "waiting: runs at 14:20 (matched by route 1)")


def test_waiting_for_the_first_run_at_which_it_is_old_enough(
    store: Store, clock: time_machine.Traveller
) -> None:
    """A delay of 5 makes runs every 20 minutes; at 14:25 the sale of 14:22 is too young."""
    a_profile(store, URL, delay_minutes=5)
    early = a_sale(store)
    clock.move_to(NOW + timedelta(minutes=17))
    late = a_sale(store)
    assert why(early)[1] == "waiting: runs at 14:25 (matched by route 1)"
    assert why(late)[1] == "waiting: runs at 14:45 (matched by route 1)"
    clock.move_to(NOW + timedelta(minutes=20))
    sweep.run_due()
    assert (why(early)[0], why(late)[1]) == (EXPORTED, "waiting: runs at 14:45 (matched by route 1)")


def test_waiting_until_another_day(store: Store) -> None:
    a_profile(store, URL, delay_minutes=24 * 60)
    assert why(a_sale(store))[1] == "waiting: runs at 2026-05-05 14:20 (matched by route 1)"


def test_waiting_for_nothing_but_the_delay(store: Store, clock: time_machine.Traveller) -> None:
    a_profile(store, URL, cadence="immediate", delay_minutes=10)
    order = a_sale(store)
    assert why(order)[1] == "waiting: goes out at 14:15 (matched by route 1)"
    clock.shift(timedelta(minutes=11))
    assert why(order)[1] == "waiting: goes out now (matched by route 1)"


def test_waiting_in_vain_because_nothing_runs(store: Store, clock: time_machine.Traveller) -> None:
    a_profile(store, URL)
    order = a_sale(store)
    clock.move_to(NOW + timedelta(minutes=16))
    assert why(order)[1] == "waiting: runs now (matched by route 1)"
    clock.move_to(NOW + timedelta(minutes=40))
    said = "waiting: should have run at 14:20; are the workers running? (matched by route 1)"
    assert why(order) == (WAITING, said)


def test_waiting_because_the_last_run_failed(store: Store) -> None:
    profile = a_profile(store, URL)
    order = a_sale(store)
    Location.objects.update(time_zone="Nowhere/Land")
    (report,) = sweep.run([profile])
    assert report.error
    Location.objects.update(time_zone="America/Chicago")
    outcome, reason = why(order)
    assert outcome == WAITING and reason.startswith(
        "waiting: the profile's last run failed, ZoneInfoNotFoundError"
    )
    sweep_all()
    assert why(order)[0] == EXPORTED


def test_a_cart_that_may_still_change_waits(store: Store) -> None:
    a_profile(store, URL, (), "abandoned_cart", "lead", name="Both")
    order = a_partial(store)
    said = {one.customer_type: (one.outcome, one.reason) for one in explain(order)}
    waiting = (WAITING, "waiting: runs at 14:20 (matched by route 2)")
    assert said["Lead"] == waiting and said["Abandoned Cart"][0] == WAITING
    sweep_all()
    said = {one.customer_type: (one.outcome, one.reason) for one in explain(order)}
    assert said["Lead"][0] == EXPORTED
    assert said["Abandoned Cart"] == (NOT, "had no product at the run, so not an abandoned cart")


# --- not, and why ------------------------------------------------------------------------------------


def test_test_card_order(store: Store) -> None:
    a_profile(store, URL, (), "new_sale", name="Matches")
    a_profile(store, URL, (), "decline", name="Does not match")
    order = lifecycle.complete_sale(
        a_partial(store, store.cream), by=BY, payments=[Payment(card_type="TESTCARD")]
    )
    assert {(one.outcome, one.reason) for one in explain(order)} == {(NOT, "test card order")}
    sweep_all()
    assert {(one.outcome, one.reason) for one in explain(order)} == {(NOT, "test card order")}


def test_no_route_for_what_happened(store: Store) -> None:
    a_profile(store, URL, (), "new_sale", "upsell")
    order = lifecycle.decline(a_partial(store, store.cream), by=BY)
    reason = "no route for Decline (the profile's routes are for New Sale, Upsell)"
    assert why(order) == (NOT, reason)


def test_nothing_has_happened_that_could_be_exported(store: Store) -> None:
    a_profile(store, URL)
    order = a_sale(store, store.club)
    subscription = order.subscriptions.get()
    sweep_all()
    lifecycle.rebill(subscription, by=BY)
    made = Order.objects.get(original_order=order)
    reason = "no route for Recurring Order (the profile's routes are for New Sale)"
    assert why(made) == (NOT, reason)


def test_the_route_wants_something_else(store: Store) -> None:
    other = Campaign.objects.create(location=store.location, name="Lander 2")
    campaign = a_profile(store, URL, name="Campaign")
    route = campaign.routes.get()
    services.change_route(route, customer_type="new_sale", campaign=other, by=BY)
    product = a_profile(store, URL, name="Product")
    services.change_route(product.routes.get(), customer_type="new_sale", product=store.club, by=BY)
    order = a_sale(store, store.cream)
    assert why(order, campaign) == (NOT, "route wants campaign “Lander 2”")
    assert why(order, product) == (NOT, "route wants product “Club”")
    services.add_route(product, customer_type="new_sale", campaign=other, by=BY)
    assert why(order, product) == (NOT, "route wants product “Club”; route wants campaign “Lander 2”")


def test_older_than_the_look_back_of_the_route(store: Store, clock: time_machine.Traveller) -> None:
    order = a_sale(store)
    clock.shift(timedelta(days=1, minutes=1))
    a_profile(store, URL)
    assert why(order) == (NOT, "older than the route's look-back, which starts 2026-05-04 14:06")
    sweep_all()
    assert not Delivery.objects.exists()


def test_within_the_look_back_it_is_exported(store: Store, clock: time_machine.Traveller) -> None:
    order = a_sale(store)
    clock.shift(timedelta(hours=23, minutes=59))
    a_profile(store, URL)
    sweep_all()
    assert why(order)[0] == EXPORTED


def test_completed_before_the_run(store: Store) -> None:
    a_profile(store, URL, (), "partial")
    order = a_sale(store)
    reason = "completed before the run, so not a partial any more"
    assert why(order) == (NOT, reason)
    sweep_all()
    assert why(order) == (NOT, reason)


def test_held_declined_or_cancelled_before_the_run(store: Store) -> None:
    a_profile(store, URL, (), "partial")
    orders = [
        lifecycle.decline(a_partial(store, store.cream), by=BY),
        lifecycle.hold_for_qa(a_partial(store, store.cream), by=BY),
        lifecycle.cancel_order(a_partial(store, store.cream), by=BY),
    ]
    sweep_all()
    reason = "held, declined or cancelled before the run, so not a partial any more"
    assert {why(order) for order in orders} == {(NOT, reason)}


def test_too_old_when_recorded(store: Store) -> None:
    a_profile(store, URL, (), "partial")
    order = a_partial(store, at=NOW - timedelta(hours=25))
    sweep_all()
    assert why(order) == (NOT, "too old when recorded")


def test_imported_quietly(store: Store) -> None:
    a_profile(store, URL, (), "partial")
    with lifecycle.batch(by=BY, quiet=True) as work:
        case = lifecycle.create_partial_in(work, location=store.location, customer=store.customer)
    sweep_all()
    assert why(case.order) == (NOT, "imported quietly")


def test_the_profile_is_switched_off(store: Store, clock: time_machine.Traveller) -> None:
    profile = a_profile(store, URL)
    services.switch_off(profile, by=BY)
    order = a_sale(store)
    assert why(order) == (NOT, "the profile is switched off")
    clock.shift(timedelta(minutes=5))
    services.switch_on(profile, by=BY, catch_up=False)
    assert why(order) == (NOT, "older than the route's look-back, which starts 2026-05-04 14:10")


def test_switched_on_again_to_catch_up_it_waits(store: Store) -> None:
    profile = a_profile(store, URL)
    services.switch_off(profile, by=BY)
    order = a_sale(store)
    services.switch_on(profile, by=BY, catch_up=True)
    assert why(order)[0] == WAITING
    sweep_all()
    assert why(order)[0] == EXPORTED


def test_the_profile_has_no_route(store: Store) -> None:
    services.create_profile(location=store.location, name="Fresh", url=URL, by=BY)
    assert why(a_sale(store)) == (NOT, "the profile has no route")


def test_the_profile_writes_files(store: Store) -> None:
    a_profile(store, "", type="ftp", name="Files")
    assert why(a_sale(store)) == (NOT, "the profile writes FTP files")


def test_changed_after_the_profile_had_run(store: Store) -> None:
    """It matches now, but when the profile looked it did not, and it will not look again."""
    other = Campaign.objects.create(location=store.location, name="Lander 2")
    profile = a_profile(store, URL)
    services.change_route(profile.routes.get(), customer_type="new_sale", campaign=other, by=BY)
    order = a_sale(store)
    sweep_all()
    Order.objects.filter(pk=order.pk).update(campaign=other)
    assert why(order) == (NOT, "did not match when the profile ran; the order has changed since")
    sweep_all()
    assert not Export.objects.exists()


# --- all of them -------------------------------------------------------------------------------------


def test_exported_ones_come_first_then_what_waits(store: Store, receiver: Receiver) -> None:
    order = a_sale(store)
    a_profile(store, receiver.url(), name="C exported")
    sweep_all()
    a_profile(store, URL, name="B waits")
    a_profile(store, URL, (), "decline", name="A not")
    assert [one.profile.name for one in explain(order)] == ["C exported", "B waits", "A not"]


def test_the_number_of_statements_does_not_grow_with_the_profiles(
    store: Store, django_assert_max_num_queries: object
) -> None:
    order = a_sale(store)
    for number in range(6):
        rows = [field("a", "firstName"), static("b", "1", secret=True)]
        a_profile(store, URL, rows, "new_sale", "partial", name=f"Profile {number}")
    sweep_all()
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert len(explain(order)) == 12
