"""Many deliveries sent again from the list: confirmed with their number, walked by the cluster, stopped."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from delivery import replays
from delivery.models import Delivery, Replay
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
        response = choose(admin_client, ids[:3], confirmed="1")
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


def test_all_that_the_list_shows(ids: list[str], store: Store, admin_client: Client) -> None:
    others = aged.deliveries(store.profile.endpoint, 3, days=1)
    query = "?state__exact=failed"
    html = choose(admin_client, ids[:50], query, select_across="1").content.decode()
    assert "Send 60 deliveries again?" in html
    choose(admin_client, ids[:50], query, select_across="1", confirmed="1")
    replays.carry_on()
    assert asked_for() == set(ids) and not asked_for() & set(others)


def test_too_many_are_asked_for_by_their_filters(
    ids: list[str], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.admin.again.MOST_CHOSEN", 59)
    response = choose(admin_client, ids[:50], select_across="1", confirmed="1")
    html = admin_client.get(response.url).content.decode()
    assert "Filter the list first" in html and not Replay.objects.exists()
    response = choose(admin_client, ids[:50], "?made=week", select_across="1", confirmed="1")
    html = admin_client.get(response.url).content.decode()
    assert "More than 59 at once" in html and not Replay.objects.exists()


def test_it_needs_its_permission(ids: list[str], client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("delivery.view_delivery", "delivery.view_replay")
    assert "send_many_again" not in looker.get(reverse(LIST)).content.decode()
    choose(looker, ids[:3], confirmed="1")
    assert not Replay.objects.exists()
    doer = client_who_may("delivery.view_delivery", "delivery.send_again_delivery", "delivery.add_replay")
    choose(doer, ids[:3], confirmed="1")
    assert Replay.objects.get().total == 3


def test_it_can_be_stopped(
    ids: list[str], admin_client: Client, client_who_may: Callable[..., Client]
) -> None:
    choose(admin_client, ids, confirmed="1")
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
