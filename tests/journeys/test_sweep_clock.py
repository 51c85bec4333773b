"""When a profile runs, which events are old enough by then, and how far a route reaches back."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from config import schedules
from delivery.models import Delivery, Event
from exports import services, sweep
from exports.models import Export, ExportProfile, Route
from orders import lifecycle
from orders.models import Campaign, Order
from tests.journeys import shop
from tests.journeys.shop import BY, Shop
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9/hook"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
T = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def store() -> Shop:
    return shop.a_shop()


# --- the clock ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("delay", "minutes"), [(0, 15), (5, 20), (60, 75)])
def test_interval_is_15_minutes_and_the_delay(store: Shop, delay: int, minutes: int) -> None:
    profile = scheduled(shop.a_profile(store, "Sales", URL, "new_sale", delay_minutes=delay), T)
    assert runs_at(T - MINUTE) == []
    assert runs_at(T) == [profile]
    assert next_run(profile) == T + minutes * MINUTE
    assert runs_at(T + (minutes - 1) * MINUTE) == []
    assert runs_at(T + minutes * MINUTE) == [profile]
    assert next_run(profile) == T + 2 * minutes * MINUTE


def test_next_run_follows_the_scheduled_time_and_missed_ones_are_not_made_up_for(store: Shop) -> None:
    profile = scheduled(shop.a_profile(store, "Sales", URL, "new_sale"), T)
    assert runs_at(T + timedelta(minutes=3, seconds=40)) == [profile]
    assert next_run(profile) == T + 15 * MINUTE
    late = T + 3 * HOUR + 5 * MINUTE
    assert runs_at(late) == [profile]
    assert next_run(profile) == T + 3 * HOUR + 15 * MINUTE
    assert runs_at(late + MINUTE) == []


def test_new_profile_first_runs_an_interval_after_it_was_made(store: Shop) -> None:
    before = timezone.now()
    profile = shop.a_profile(store, "Sales", URL, "new_sale", delay_minutes=5)
    assert before + 20 * MINUTE <= next_run(profile) <= timezone.now() + 20 * MINUTE


def test_15_is_a_setting(store: Shop, settings) -> None:
    settings.POSTRIDER_SWEEP_MINUTES = 2
    profile = scheduled(shop.a_profile(store, "Sales", URL, "new_sale", delay_minutes=1), T)
    runs_at(T)
    assert next_run(profile) == T + 3 * MINUTE


def test_now_ignores_the_clock_and_not_the_age(store: Shop) -> None:
    profile = shop.a_profile(store, "Sales", URL, "new_sale", delay_minutes=5)
    young, old = ago(4 * MINUTE), ago(6 * MINUTE)
    shop.a_sale(store, at=young)
    by_age = sold(store, at=old)
    planned = next_run(profile)
    assert command("sweep_exports")["profiles"] == []
    [report] = command("sweep_exports", "--now")["profiles"]
    assert report["queued"] == 1
    assert shop.taken_by(profile) == [by_age]
    assert next_run(profile) == planned


# --- age ----------------------------------------------------------------------------------------------


def test_event_is_taken_by_the_first_run_at_which_it_is_old_enough(store: Shop) -> None:
    """Whatever stands before it in the log; and none is forgotten."""
    profile = shop.a_profile(store, "Sales", URL, "new_sale", delay_minutes=30)
    now = timezone.now()
    ages = (10, 40, 5, 30, 50, 29)  # minutes, in the order of the log
    events = {age: sold(store, at=now - age * MINUTE) for age in ages}
    taken = [taken_at(profile, now + minutes * MINUTE) for minutes in (0, 1, 19, 20, 24, 25, 90)]
    assert taken == [
        sorted([events[40], events[30], events[50]]),
        [events[29]],
        [],
        [events[10]],
        [],
        [events[5]],
        [],
    ]


def test_each_profile_waits_for_itself(store: Shop) -> None:
    profiles = [
        shop.a_profile(store, f"After {delay}", URL, "new_sale", delay_minutes=delay) for delay in (0, 5, 20)
    ]
    event = sold(store, at=ago(10 * MINUTE))
    sweep.run(profiles)
    assert [shop.taken_by(profile) for profile in profiles] == [[event], [event], []]
    sweep.run(profiles, now=timezone.now() + 11 * MINUTE)
    assert [shop.taken_by(profile) for profile in profiles] == [[event]] * 3


# --- at once ------------------------------------------------------------------------------------------


def test_immediate_profile_is_told_after_the_commit(store: Shop, receiver: Receiver) -> None:
    """Without the clock: the commit leaves one task, and that task sends."""
    immediate = shop.a_profile(store, "At once", receiver.url("/now"), "new_sale", cadence="immediate")
    clocked = shop.a_profile(store, "By the clock", receiver.url("/later"), "new_sale")
    OrmQ.objects.all().delete()
    with transaction.atomic():
        event = sold(store)
        shop.a_partial(store)
        assert not OrmQ.objects.exists()
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["config.schedules.after_commit"]

    schedules.after_commit()
    assert (shop.taken_by(immediate), shop.taken_by(clocked)) == ([event], [])
    assert [request.path for request in receiver.requests] == ["/now"]


def test_nothing_is_told_of_what_was_rolled_back(store: Shop) -> None:
    OrmQ.objects.all().delete()
    with transaction.atomic():
        sold(store)
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


def test_immediate_profile_waits_its_delay_out_then_goes_with_the_next_tick(store: Shop) -> None:
    profile = shop.a_profile(store, "Soon", URL, "new_sale", cadence="immediate", delay_minutes=5)
    event = sold(store)
    sweep.run_immediate()
    assert shop.taken_by(profile) == []
    sweep.run_due(timezone.now() + 4 * MINUTE)
    assert shop.taken_by(profile) == []
    sweep.run_due(timezone.now() + 6 * MINUTE)
    assert shop.taken_by(profile) == [event]


def test_next_run_of_an_immediate_profile_does_not_run_away(store: Shop) -> None:
    """It is looked at every minute: an interval more each time would end beyond the calendar."""
    profile = shop.a_profile(store, "Soon", URL, "new_sale", cadence="immediate", delay_minutes=60)
    scheduled(profile, T)
    for minutes in range(5):
        assert runs_at(T + minutes * MINUTE) == [profile]
        assert next_run(profile) == T + 75 * MINUTE


def test_a_commit_does_not_look_at_what_still_waits_its_delay_out(store: Shop) -> None:
    """What was recorded now cannot be old enough, and the log of a long delay is long."""
    shop.a_profile(store, "Later", URL, "new_sale", cadence="immediate", delay_minutes=5)
    now = shop.a_profile(store, "Now", URL, "new_sale", cadence="immediate")
    assert [report.profile for report in sweep.run_immediate()] == [now]


# --- how far back -------------------------------------------------------------------------------------


def test_route_reaches_back_one_day_and_no_further(store: Shop) -> None:
    too_old, recent = at(ago(25 * HOUR), store), at(ago(23 * HOUR), store)
    profile = shop.a_profile(store, "Sales", URL, "new_sale")
    assert taken_at(profile, timezone.now()) == [recent]
    assert too_old in shop.events_of("order.sale")


def test_new_route_on_an_old_profile_reaches_back_and_repeats_nothing(store: Shop) -> None:
    with time_machine.travel(ago(3 * DAY)):
        profile = shop.a_profile(store, "Sales", URL, "partial")
        waiting = shop.a_partial(store)
        assert taken_at(profile, timezone.now()) == [waiting.pk]
    too_old, recent = at(ago(25 * HOUR), store), at(ago(2 * HOUR), store)
    assert taken_at(profile, timezone.now()) == []  # the sales were partials that are none any more
    services.add_route(profile, customer_type="new_sale", by=BY)
    assert taken_at(profile, timezone.now()) == [recent]
    assert too_old not in shop.taken_by(profile, "new_sale")
    assert shop.taken_by(profile, "partial") == [waiting.pk]
    assert Delivery.objects.count() == 2


def test_widened_route_reaches_back(store: Shop) -> None:
    with time_machine.travel(ago(3 * DAY)):
        other = Campaign.objects.create(location=store.location, name="Another")
        profile = shop.a_profile(store, "Sales", URL)
        route = services.add_route(profile, customer_type="new_sale", campaign=other, by=BY)
    too_old, recent = at(ago(25 * HOUR), store), at(ago(2 * HOUR), store)
    assert taken_at(profile, timezone.now()) == []
    services.change_route(Route.objects.get(pk=route.pk), customer_type="new_sale", campaign=None, by=BY)
    assert taken_at(profile, timezone.now()) == [recent]
    assert too_old not in shop.taken_by(profile)


# --- off and on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("catch_up", [True, False])
def test_profile_that_was_switched_off_for_a_while(store: Shop, receiver: Receiver, catch_up: bool) -> None:
    """What it had taken before goes out in any case; the events of the pause only if that is wanted."""
    profile = shop.a_profile(store, "Sales", receiver.url("/"), "new_sale")
    before = sold(store)
    sweep.run([profile])
    services.switch_off(profile, by=BY)
    pause = [sold(store), sold(store)]
    assert runs_at(timezone.now() + DAY) == []
    schedules.tick()
    assert receiver.requests == []

    services.switch_on(profile, by=BY, catch_up=catch_up)
    after = sold(store)
    expected = [before, *pause, after] if catch_up else [before, after]
    sweep.run([profile])
    assert shop.taken_by(profile) == expected
    schedules.tick()
    assert len(receiver.requests) == len(expected) == Delivery.objects.filter(state="delivered").count()


# --- who is meant -------------------------------------------------------------------------------------


def test_old_and_quiet_events_go_nowhere(store: Shop) -> None:
    profile = shop.a_profile(store, "Sales", URL, "new_sale", "partial", cadence="immediate")
    shop.a_sale(store, at=ago(DAY + MINUTE))
    with lifecycle.batch(by="import:file", quiet=True) as work:
        details = {"location": store.location, "customer": store.customer, "lines": shop.a_cart(store)}
        lifecycle.create_partial_in(work, **details)
        lifecycle.complete_sale.on(work, lifecycle.create_partial_in(work, **details))
    assert set(Event.objects.filter(order__isnull=False).values_list("muted", flat=True)) == {"old", "quiet"}
    sweep.run_immediate()
    sweep.run_due(timezone.now() + DAY)
    assert not Export.objects.filter(profile=profile).exists()


def test_orders_of_another_location_go_nowhere(store: Shop) -> None:
    elsewhere = shop.a_shop("Second store")
    here, there = (shop.a_profile(one, "Sales", URL, "new_sale") for one in (store, elsewhere))
    event = sold(store)
    sweep.run([here, there])
    assert (shop.taken_by(here), shop.taken_by(there)) == ([event], [])


def test_partial_that_was_completed_before_the_run_is_not_sent(store: Shop) -> None:
    profile = shop.a_profile(store, "Call centre", URL, "partial", "lead", "abandoned_cart")
    completed, declined, left = (shop.a_partial(store) for _ in range(3))
    lifecycle.complete_sale(completed, by=BY)
    lifecycle.decline(declined, by=BY)
    sweep.run([profile])
    assert shop.taken_by(profile, "partial") == shop.taken_by(profile, "abandoned_cart") == [left.pk]
    assert skips(completed) == {(kind, "completed") for kind in ("partial", "lead", "abandoned_cart")}
    assert {reason for _, reason in skips(declined)} == {"ended"}


def test_lead_that_is_given_a_product_becomes_an_abandoned_cart(store: Shop) -> None:
    profile = shop.a_profile(store, "Call centre", URL, "lead", "abandoned_cart")
    order = shop.a_partial(store, has_cart=False)
    sweep.run([profile])
    assert (shop.taken_by(profile, "lead"), shop.taken_by(profile, "abandoned_cart")) == ([order.pk], [])
    assert skips(order) == {("abandoned_cart", "no_product")}
    lifecycle.update_cart(order, by=BY, lines=shop.a_cart(store))
    sweep.run([profile])
    assert shop.taken_by(profile, "lead") == shop.taken_by(profile, "abandoned_cart") == [order.pk]
    assert Delivery.objects.count() == 2


def test_partial_goes_once_however_the_cart_changes(store: Shop) -> None:
    profiles = [shop.a_profile(store, name, URL, "partial", "abandoned_cart") for name in ("One", "Two")]
    order = shop.a_partial(store)
    for pieces in (2, 3, 4):
        sweep.run(profiles)
        lifecycle.update_cart(order, by=BY, lines=shop.a_cart(store, pieces))
    sweep.run(profiles)
    for profile in profiles:
        assert shop.taken_by(profile, "partial") == shop.taken_by(profile, "abandoned_cart") == [order.pk]
    assert Delivery.objects.count() == 4


# ------------------------------------------------------------------------------------------------------


def scheduled(profile: ExportProfile, time: datetime) -> ExportProfile:
    ExportProfile.objects.filter(pk=profile.pk).update(next_run_at=time)
    return profile


def next_run(profile: ExportProfile) -> datetime:
    profile.refresh_from_db()
    assert profile.next_run_at is not None
    return profile.next_run_at


def runs_at(now: datetime) -> list[ExportProfile]:
    return [report.profile for report in sweep.run_due(now)]


def ago(time: timedelta) -> datetime:
    return timezone.now() - time


def sold(store: Shop, at: datetime | None = None) -> int:
    """A sale; its event."""
    return sale_event(shop.a_sale(store, at=at))


def at(time: datetime, store: Shop) -> int:
    """A sale that was made and recorded then; its event."""
    with time_machine.travel(time):
        return sold(store)


def sale_event(order: Order) -> int:
    return Event.objects.get(order=order, type="order.sale").pk


def taken_at(profile: ExportProfile, now: datetime) -> list[int]:
    """What a run at that time takes."""
    before = set(shop.taken_by(profile))
    [report] = sweep.run([profile], now=now)
    assert not report.error
    return [subject for subject in shop.taken_by(profile) if subject not in before]


def skips(order: Order) -> set[tuple[str, str]]:
    return set(Export.objects.filter(order=order).exclude(skip="").values_list("customer_type", "skip"))


def command(*arguments: str) -> dict:
    output = StringIO()
    call_command(*arguments, "--json", stdout=output)
    return json.loads(output.getvalue())
