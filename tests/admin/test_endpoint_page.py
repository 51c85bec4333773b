"""The endpoint page: health in words, what waits, and the two numbers that staff may set."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.admin.endpoints import health_in_a_word, health_of
from delivery.models import Delivery, Endpoint
from tests.admin.store import SCRIPT, Store

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def page(store: Store) -> str:
    return reverse("admin:delivery_endpoint_change", args=[store.profile.endpoint_id])


def put(store: Store, **columns: Any) -> Endpoint:
    Endpoint.objects.filter(pk=store.profile.endpoint_id).update(**columns)
    return Endpoint.objects.get(pk=store.profile.endpoint_id)


@pytest.mark.parametrize(
    ("columns", "words", "word"),
    [
        ({}, "Nothing sent yet", "–"),
        ({"last_success_at": NOON}, "Good", "good"),
        ({"is_held": True, "asleep_until": NOON}, "Held: nothing is sent while it is switched off", "held"),
        (
            {"failures_in_a_row": 1, "last_error": "dns"},
            "Failing: 1 failure in a row (dns)",
            "failing (1)",
        ),
        (
            {"failures_in_a_row": 2, "last_error": "status", "window": 1},
            "Failing: 2 failures in a row (status); at most 1 at once for now",
            "failing (2)",
        ),
        (
            {
                "failures_in_a_row": 3,
                "last_error": "timeout",
                "asleep_since": NOON - timedelta(minutes=50),
                "asleep_until": NOON + timedelta(minutes=5),
            },
            "Asleep since 11:10: 3 failures in a row (timeout); next probe 12:05",
            "asleep",
        ),
        (
            {"asleep_since": NOON - 24 * HOUR, "asleep_until": NOON},
            "Asleep since 03 May 12:00: nothing could be sent; next probe now",
            "asleep",
        ),
        (
            {"last_success_at": NOON, "awake_since": NOON - HOUR, "window": 4},
            "Awake again since 11:00: at most 4 at once for now, and more with each success",
            "waking",
        ),
    ],
)
def test_health_is_said_in_words(columns: dict[str, Any], words: str, word: str) -> None:
    with time_machine.travel(NOON, tick=False):
        assert health_of(Endpoint(**columns)) == words
    assert health_in_a_word(Endpoint(**columns)) == word


def test_the_page_says_how_it_is_and_what_waits(store: Store, admin_client: Client) -> None:
    put(store, failures_in_a_row=1, last_error=SCRIPT[:20])
    html = admin_client.get(page(store)).content.decode()
    assert "Failing: 1 failure in a row" in html and "<script>alert" not in html
    waiting = f"?endpoint={store.profile.endpoint_id}&amp;state__in=pending,waiting"
    assert f'{waiting}">1</a>' in html
    Delivery.objects.update(state="delivered")
    assert waiting not in admin_client.get(page(store)).content.decode()


def test_what_waits_is_counted_no_further_than_a_list_shows(
    store: Store, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.admin.endpoints.MOST_WAITING", 2)
    for number, text in ((1, ">2</a>"), (2, ">2+</a>"), (3, ">2+</a>")):
        Delivery.objects.create(
            channel="export",
            target_id=store.profile.pk,
            target_name="x",
            endpoint=store.profile.endpoint,
            content="{}",
            created_at=timezone.now(),
        )
        assert text in admin_client.get(page(store)).content.decode(), number


def test_the_profile_page_leads_here(store: Store, admin_client: Client) -> None:
    profile = reverse("admin:exports_exportprofile_change", args=[store.profile.pk])
    assert f'href="{page(store)}"' in admin_client.get(profile).content.decode()


# --- the limits --------------------------------------------------------------------------------------


def test_staff_set_how_much_it_bears(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may("delivery.view_endpoint", "delivery.change_endpoint")
    html = client.get(page(store)).content.decode()
    inputs = [part.split('"')[0] for part in html.split('name="')[1:] if not part.startswith("_")]
    assert [name for name in inputs if name in _COLUMNS] == ["concurrency", "rate_per_second"]
    response = client.post(page(store), {"concurrency": 3, "rate_per_second": "0.5"})
    assert response.status_code == 302
    endpoint = put(store)
    assert (endpoint.concurrency, endpoint.rate_per_second) == (3, 0.5)
    client.post(page(store), {"concurrency": 3, "rate_per_second": ""})
    assert put(store).rate_per_second is None


_COLUMNS = {field.name for field in Endpoint._meta.concrete_fields}


def test_a_worker_that_writes_meanwhile_is_not_overwritten(store: Store, admin_client: Client) -> None:
    """Nothing that came with the form, or was read before, is written beside the two."""
    written = {
        "failures_in_a_row": 7,
        "last_error": "timeout",
        "is_held": True,
        "naps": 3,
        "window": 5,
        "asleep_until": NOON,
    }
    put(store, **written)
    forged = {**written, "failures_in_a_row": 0, "name": "x", "channel": "x", "is_held": "", "naps": 0}
    admin_client.post(page(store), {"concurrency": 9, "rate_per_second": 2, **forged})
    endpoint = put(store)
    assert {name: getattr(endpoint, name) for name in written} == written
    assert (endpoint.name, endpoint.channel, endpoint.concurrency) == (store.profile.name, "export", 9)


@pytest.mark.parametrize(
    ("concurrency", "rate"),
    [
        *((text, "") for text in ("0", "-1", "1001", "x", "", "1\x00", "99999999999999999999")),
        *(("1", text) for text in ("0", "-1", "nan", "inf", "1e9", "x")),
    ],
)
def test_a_limit_that_is_none_is_refused(
    store: Store, admin_client: Client, concurrency: str, rate: str
) -> None:
    response = admin_client.post(page(store), {"concurrency": concurrency, "rate_per_second": rate})
    assert response.status_code == 200 and "errorlist" in response.content.decode()
    assert (put(store).concurrency, put(store).rate_per_second) == (16, None)


def test_what_the_old_limit_kept_waiting_may_go(store: Store, admin_client: Client) -> None:
    put(store, rate_per_second=0.001, rate_spent_until=NOON, ready_at=timezone.now() + HOUR)
    admin_client.post(page(store), {"concurrency": 16, "rate_per_second": 5})
    endpoint = put(store)
    assert endpoint.rate_spent_until is None
    assert endpoint.ready_at is not None and endpoint.ready_at <= timezone.now()


def test_who_may_only_look_sets_nothing(store: Store, client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("delivery.view_endpoint")
    html = looker.get(page(store)).content.decode()
    assert 'name="concurrency"' not in html and "At once" in html
    assert looker.post(page(store), {"concurrency": 1, "rate_per_second": ""}).status_code == 403
    assert put(store).concurrency == 16
    assert client_who_may("orders.view_order").get(page(store)).status_code == 403


def test_nobody_adds_or_deletes_one(store: Store, admin_client: Client) -> None:
    for action in ("delete", "add"):
        args = [store.profile.endpoint_id] if action == "delete" else []
        assert admin_client.post(reverse(f"admin:delivery_endpoint_{action}", args=args)).status_code == 403


# --- tried now ---------------------------------------------------------------------------------------


def wake(store: Store) -> str:
    return reverse("admin:delivery_endpoint_wake", args=[store.profile.endpoint_id])


def test_one_that_sleeps_is_tried_now_after_a_question(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    later = timezone.now() + HOUR
    put(store, asleep_since=NOON, asleep_until=later, failures_in_a_row=9, last_failure_at=NOON)
    Delivery.objects.update(due_at=later, is_late=True)
    client = client_who_may("delivery.view_endpoint", "delivery.change_endpoint")
    assert wake(store) in client.get(page(store)).content.decode()
    for headers in ({}, {"HX-Request": "true"}):
        assert "It is asleep: it gets one probe" in client.get(wake(store), headers=headers).content.decode()
    assert put(store).asleep_until == later
    assert client.post(wake(store)).status_code == 302
    endpoint = put(store)
    assert endpoint.asleep_until is not None and endpoint.asleep_until <= timezone.now()
    assert endpoint.ready_at is not None and endpoint.ready_at <= timezone.now()
    assert not Delivery.objects.filter(due_at__gt=timezone.now()).exists()


def test_one_that_is_held_is_not_tried(store: Store, admin_client: Client) -> None:
    put(store, is_held=True, ready_at=None)
    html = admin_client.post(wake(store), follow=True).content.decode()
    assert "is switched off" in html and put(store).ready_at is None


def test_trying_needs_the_permission_to_change_it(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    looker = client_who_may("delivery.view_endpoint")
    assert wake(store) not in looker.get(page(store)).content.decode()
    assert looker.get(wake(store)).status_code == looker.post(wake(store)).status_code == 403


def test_the_list_is_filtered_by_health_and_counts_what_waits(store: Store, admin_client: Client) -> None:
    put(store, failures_in_a_row=3, last_success_at=NOON)
    url = reverse("admin:delivery_endpoint_changelist")
    for health, is_there in (("failing", True), ("good", False), ("asleep", False), ("held", False)):
        html = admin_client.get(url, {"health": health}).content.decode()
        assert (page(store) in html) is is_there, health
    assert "state__in=pending,waiting" in admin_client.get(url).content.decode()


def test_recent_deliveries_are_for_who_may_see_them(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    assert store.delivery.pk not in client_who_may("delivery.view_endpoint").get(page(store)).content.decode()
    client = client_who_may("delivery.view_endpoint", "delivery.view_delivery")
    assert store.delivery.pk in client.get(page(store)).content.decode()
