"""Many deliveries sent again from the list: confirmed with their number, walked by the cluster, stopped."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from config.schedules import tick
from delivery import replays
from delivery.ids import new_id
from delivery.models import Delivery, Endpoint, Replay
from tests.admin.store import SCRIPT, Store
from tests.delivery import aged

LIST = "admin:delivery_delivery_changelist"


@pytest.fixture
def ids(store: Store) -> list[str]:
    Replay.objects.all().delete()
    Delivery.objects.all().delete()
    return aged.deliveries(store.profile.endpoint, 60, days=1, state="failed")


def choose(client: Client, ids: list[str], query: str = "", **more: Any) -> Any:
    data = {"action": "send_many_again", "_selected_action": ids, **more}
    return client.post(reverse(LIST) + query, data)


def asked_for() -> set[str]:
    return set(Delivery.objects.exclude(asked_by="").values_list("pk", flat=True))


def test_it_is_asked_first(ids: list[str], admin_client: Client) -> None:
    html = choose(admin_client, ids[:3], "?state__exact=failed").content.decode()
    assert "Send 3 deliveries again?" in html and "?state__exact=failed" in html
    assert all(f'value="{pk}"' in html for pk in ids[:3])
    assert not Replay.objects.exists() and asked_for() == set()


def test_those_that_were_chosen(
    ids: list[str], admin_client: Client, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = choose(admin_client, ids[:3], confirmed=new_id())
    replay = Replay.objects.get()
    assert response.url == reverse("admin:delivery_replay_change", args=[replay.pk])
    assert "replays.carry_on" in str([one.task for one in OrmQ.objects.all()])
    assert asked_for() == set()
    replays.carry_on()
    assert asked_for() == set(ids[:3])
    assert set(Delivery.objects.filter(pk__in=ids[:3]).values_list("asked_by", flat=True)) == {"admin:admin"}
    for page in (response.url, reverse("admin:delivery_replay_changelist")):
        html = admin_client.get(page).content.decode()
        assert "3 of 3" in html and "chosen in the list" in html and "admin:admin" in html


def test_a_yes_sent_twice_starts_one(ids: list[str], admin_client: Client) -> None:
    question = choose(admin_client, ids[:3]).content.decode()
    yes = question.partition('name="confirmed" value="')[2][:24]
    first, second = (choose(admin_client, ids[:3], confirmed=yes) for _ in range(2))
    assert Replay.objects.count() == 1 and first.url == second.url
    for odd in ("1", "x" * 24, "f" * 24, yes[:-1]):  # no id of a question: it is asked
        assert "Send 3 deliveries again?" in choose(admin_client, ids[:3], confirmed=odd).content.decode()
    assert Replay.objects.count() == 1


@pytest.mark.parametrize("key", ["\x00", "x\x00"])
def test_what_is_no_key_was_not_ticked(store: Store, admin_client: Client, key: str) -> None:
    assert choose(admin_client, [key]).status_code == 400
    data = {"action": "stop", "_selected_action": ["x", key]}
    assert admin_client.post(reverse("admin:delivery_replay_changelist"), data).status_code == 400


def test_all_that_the_list_shows(ids: list[str], store: Store, admin_client: Client) -> None:
    others = aged.deliveries(store.profile.endpoint, 3, days=1)
    query = "?state__exact=failed"
    html = choose(admin_client, ids[:50], query, select_across="1").content.decode()
    assert "Send 60 deliveries again?" in html
    choose(admin_client, ids[:50], query, select_across="1", confirmed=new_id())
    replays.carry_on()
    assert asked_for() == set(ids) and not asked_for() & set(others)


def test_too_many_are_asked_for_by_their_filters(
    ids: list[str], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.admin.again.MOST_CHOSEN", 59)
    response = choose(admin_client, ids[:50], select_across="1", confirmed=new_id())
    html = admin_client.get(response.url).content.decode()
    assert "Filter the list first" in html and not Replay.objects.exists()
    response = choose(admin_client, ids[:50], "?made=week", select_across="1", confirmed=new_id())
    html = admin_client.get(response.url).content.decode()
    assert "More than 59 at once" in html and not Replay.objects.exists()


def test_it_needs_its_permission(ids: list[str], client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("delivery.view_delivery", "delivery.view_replay")
    assert "send_many_again" not in looker.get(reverse(LIST)).content.decode()
    choose(looker, ids[:3], confirmed=new_id())
    assert not Replay.objects.exists()
    doer = client_who_may("delivery.view_delivery", "delivery.send_again_delivery", "delivery.add_replay")
    choose(doer, ids[:3], confirmed=new_id())
    assert Replay.objects.get().total == 3


def test_it_can_be_stopped(
    ids: list[str], admin_client: Client, client_who_may: Callable[..., Client]
) -> None:
    choose(admin_client, ids, confirmed=new_id())
    replay = Replay.objects.get()
    page, data = (
        reverse("admin:delivery_replay_changelist"),
        {"action": "stop", "_selected_action": [replay.pk]},
    )
    client_who_may("delivery.view_replay").post(page, data)
    assert Replay.objects.get().finished_at is None
    admin_client.post(page, data)
    assert Replay.objects.get().finished_at is not None
    replays.carry_on()
    assert asked_for() == set()


def test_what_a_command_asked_for_is_told_in_words(store: Store, admin_client: Client) -> None:
    endpoint = store.profile.endpoint_id
    Replay.objects.all().delete()
    replays.start(
        replays.Filter(endpoint_id=endpoint, since="2026-05-04T00:00:00+00:00", error="dns", with_tests=True),
        by=f"command:{SCRIPT}",
    )
    html = admin_client.get(reverse("admin:delivery_replay_changelist")).content.decode()
    assert "waiting for another try and failed" in html and f">endpoint {endpoint}</a>" in html
    assert "with error dns, made since 2026-05-04T00:00:00+00:00, tests too" in html
    assert SCRIPT not in html
    page = reverse("admin:delivery_replay_change", args=[Replay.objects.get().pk])
    html = admin_client.get(page).content.decode()
    assert f">{store.profile.name}</a>" in html and "--resume" in html and SCRIPT not in html


def test_the_list_does_not_read_what_was_chosen(
    store: Store, admin_client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    Replay.objects.all().delete()
    for number in range(20):
        which = replays.Filter(ids=(f"id-{number}",)) if number % 2 else replays.Filter()
        replays.start(which, by="x", is_in_background=bool(number % 2))
    with django_assert_max_num_queries(12) as queries:
        html = admin_client.get(reverse("admin:delivery_replay_changelist")).content.decode()
    assert html.count("chosen in the list") == 10 and html.count("waiting for another try and failed") == 10
    assert "id-" not in str([one["sql"] for one in queries.captured_queries])


def test_nobody_can_write_one(store: Store, admin_client: Client) -> None:
    replay = replays.start(replays.Filter(), by="x")
    assert admin_client.get(reverse("admin:delivery_replay_add")).status_code == 403
    page = reverse("admin:delivery_replay_change", args=[replay.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"per_second": 10**6}).status_code == 403
    assert timezone.now() > replay.created_at


# --- all that a filter finds -------------------------------------------------------------------------

ALL = "admin:delivery_delivery_send_all_again"


def test_all_that_the_filters_say_with_their_number_and_whom_it_concerns(
    ids: list[str], store: Store, admin_client: Client
) -> None:
    aged.deliveries(store.profile.endpoint, 3, days=1)
    url = f"{reverse(ALL)}?state__exact=failed&endpoint={store.profile.endpoint_id}&made=week"
    html = admin_client.get(url).content.decode()
    assert "Send 60 deliveries again?" in html and store.profile.name in html and "same content" in html
    assert not Replay.objects.exists()
    response = admin_client.post(url, {"confirmed": new_id(), "pace": "5"})
    replay = Replay.objects.get()
    assert response.url == reverse("admin:delivery_replay_change", args=[replay.pk])
    assert (replay.total, replay.per_second, replay.is_in_background) == (60, 5, True)
    which = replays.filter_of(replay)
    assert which.states == ("failed",) and which.endpoint_id == store.profile.endpoint_id and which.since
    replays.carry_on()
    assert asked_for() == set(ids)


def test_what_was_delivered_is_sent_once_more_only_if_that_is_asked_for(
    ids: list[str], store: Store, admin_client: Client
) -> None:
    aged.deliveries(store.profile.endpoint, 3, days=1)
    html = admin_client.get(f"{reverse(ALL)}?made=week").content.decode()
    assert "Send 60 deliveries again?" in html and "Those that were delivered" in html
    html = admin_client.get(f"{reverse(ALL)}?state__exact=delivered").content.decode()
    assert "Send 3 deliveries again?" in html and "3 of them were delivered and are sent once more" in html


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "Filter the list first"),
        ("q=ann", "what was searched for"),
        ("state__exact=failed&error=not+there", "words in the error"),
        ("state__exact=failed&to=part", "name (choose one endpoint)"),
        ("state__exact=failed&is_test__exact=1", "tests"),
        ("state__exact=pending", "What was never tried goes out by itself"),
        ("since=yesterday", "One of the times cannot be read"),
        ("state__exact=cancelled", "Nothing of this list can be sent again"),
    ],
)
def test_what_cannot_be_sent_so_is_said(ids: list[str], admin_client: Client, query: str, why: str) -> None:
    html = admin_client.get(f"{reverse(ALL)}?{query}").content.decode()
    assert why in html and "confirmed" not in html
    if "Nothing" not in why:
        admin_client.post(f"{reverse(ALL)}?{query}", {"confirmed": new_id()})
        assert not Replay.objects.exists()


def test_a_look_at_the_question_starts_nothing_and_neither_does_who_may_not(
    ids: list[str], client_who_may: Callable[..., Client]
) -> None:
    url = f"{reverse(ALL)}?state__exact=failed"
    one_at_a_time = client_who_may("delivery.view_delivery", "delivery.send_again_delivery")
    assert "Send all that match" not in one_at_a_time.get(f"{reverse(LIST)}?made=week").content.decode()
    for send in (one_at_a_time.get, one_at_a_time.post):
        assert send(url, {"confirmed": new_id()}).status_code == 403
    assert not Replay.objects.exists()


# --- how far it is -----------------------------------------------------------------------------------


def test_how_far_it_is_renews_itself_until_the_end(ids: list[str], admin_client: Client) -> None:
    choose(admin_client, ids, confirmed=new_id(), pace="1")
    replay = Replay.objects.get()
    part = reverse("admin:delivery_replay_progress", args=[replay.pk])
    html = admin_client.get(part).content.decode()
    assert "0 of 60 asked for" in html and "about 1 minute left" in html and "hx-trigger" in html
    assert "<html" not in html and ">Stop</button>" in html
    replays.step(replay, 20)
    html = admin_client.get(part).content.decode()
    assert "20 of 60 asked for" in html and 'value="33"' in html
    while replays.step(replay, 50):
        pass
    html = admin_client.get(part).content.decode()
    assert "60 of 60 asked for" in html and "Done" in html and "hx-trigger" not in html and "Stop" not in html


def test_it_says_who_stopped_it(ids: list[str], admin_client: Client) -> None:
    choose(admin_client, ids, confirmed=new_id(), pace="1")
    replay = Replay.objects.get()
    replays.step(replay, 10)
    stop = reverse("admin:delivery_replay_stop", args=[replay.pk])
    assert (
        "Stopped. What was asked for already goes out"
        in admin_client.post(stop, follow=True).content.decode()
    )
    html = admin_client.get(reverse("admin:delivery_replay_change", args=[replay.pk])).content.decode()
    assert "Stopped by admin:admin" in html and "10 of 60 asked for" in html
    assert "It had ended already." in admin_client.post(stop, follow=True).content.decode()
    assert not replays.step(replay, 10) and len(asked_for()) == 10


@pytest.mark.django_db(transaction=True)
def test_the_minutes_tick_goes_on_with_it(ids: list[str], admin_client: Client) -> None:
    """Nothing else does, once the first task has asked for its minute's worth."""
    later = timezone.now() + timedelta(hours=1)
    Endpoint.objects.update(asleep_since=timezone.now(), asleep_until=later)  # nothing leaves the test
    choose(admin_client, ids, confirmed=new_id(), pace="100")
    tick()
    assert asked_for() == set(ids)
    assert Replay.objects.get().asked == 60
