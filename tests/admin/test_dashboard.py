"""The dashboard: numbers that are right and lead to what is behind them, for who may see them, cheaply."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from config import readiness
from delivery import worker
from delivery.causes import causes, signature
from delivery.hours import last_hours
from delivery.models import Count, Delivery, Endpoint, Event
from exports import services, sweep
from exports.models import ExportProfile
from orders import lifecycle
from tests.admin.store import BY, HOSTILE, SCRIPT, Store, a_profile, an_order, set_to
from tests.delivery import aged
from tests.receiver import Receiver

INDEX = "admin:index"


@pytest.fixture
def html(admin_client: Client) -> Callable[..., str]:
    def get(client: Client = admin_client) -> str:
        response = client.get(reverse(INDEX))
        assert response.status_code == 200
        return response.content.decode()

    return get


@pytest.fixture
def sent(
    store: Store, receiver: Receiver, settings: object, transactional_db: None
) -> Iterator[dict[str, int]]:
    """Real sends: three accepted, two refused and waiting, one not tried."""
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]  # type: ignore[attr-defined]
    Delivery.objects.all().delete()
    Count.objects.all().delete()
    profiles = {}
    for path in ("good", "bad"):
        profiles[path] = a_profile(store.location, f"{path} partner", "new_sale")
        ExportProfile.objects.filter(pk=profiles[path].pk).update(url=receiver.url(f"/{path}"))
    receiver.answers("/bad", 503)
    for number in range(3):
        lifecycle.complete_sale(an_order(store.location, store.customer, store.product), by=BY)
        if number < 2:
            sweep.run(list(profiles.values()))
            worker.drain(seconds=10)
    sweep.run([profiles["good"]])
    worker.drain(seconds=10)
    sweep.run([profiles["bad"]])
    yield {name: profile.endpoint_id for name, profile in profiles.items()}


def links(html: str) -> dict[str, str]:
    """By id, where each link leads."""
    found = {}
    for part in html.split("<a ")[1:]:
        tag = part.split(">")[0]
        if ' id="' in f" {tag}":
            href = tag.split('href="')[1].split('"')[0]
            found[tag.split('id="')[1].split('"')[0]] = unescape(href)
    return found


def tile(html: str, name: str) -> str:
    return html.split(f'id="n-{name}"')[1].split("<strong>")[1].split("</strong>", maxsplit=1)[0]


def listed(client: Client, url: str) -> int:
    return int(client.get(url).context["cl"].result_count)


@pytest.mark.django_db(transaction=True)
def test_the_numbers_are_those_of_what_was_sent_and_lead_to_it(
    sent: dict[str, int], html: Callable[..., str], admin_client: Client
) -> None:
    page = html()
    assert (tile(page, "delivered"), tile(page, "waiting"), tile(page, "failed")) == ("3", "3", "0")
    to = links(page)
    assert [listed(admin_client, to[f"n-{name}"]) for name in ("delivered", "waiting", "failed")] == [3, 3, 0]
    hours = last_hours(timezone.now())
    assert sum(hour.delivered for hour in hours) == 3 and sum(hour.waiting for hour in hours) == 3
    for part in page.split('aria-labelledby="chart-name')[1].split("</svg>")[0].split('href="')[1:]:
        url = unescape(part.split('"')[0])
        counted = int(part.split('aria-label="')[1].split(": ")[1].split(" ")[0])
        assert listed(admin_client, url) == counted > 0


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_again_and_tests_change_no_number(
    sent: dict[str, int], html: Callable[..., str], admin_client: Client
) -> None:
    delivered = Delivery.objects.filter(state="delivered")[0]
    admin_client.post(reverse("admin:delivery_delivery_send_again", args=[delivered.pk]))
    worker.drain(seconds=10)
    assert delivered.attempts.count() == 2
    assert tile(html(), "delivered") == "3"


@pytest.mark.django_db(transaction=True)
def test_what_arrives_hours_later_is_counted_where_it_was_made(sent: dict[str, int]) -> None:
    """So that a bar and the list behind it say the same."""
    late = timezone.now() - timedelta(hours=5)
    waiting = Delivery.objects.filter(endpoint=sent["bad"])
    ids = list(waiting.values_list("pk", flat=True))
    waiting.update(endpoint=sent["good"], created_at=late, due_at=timezone.now(), state="pending")
    Delivery.objects.filter(pk__in=ids).update(
        target_id=ExportProfile.objects.get(endpoint=sent["good"]).pk, is_late=False
    )
    Endpoint.objects.filter(pk=sent["good"]).update(ready_at=timezone.now())
    worker.drain(seconds=10)
    by_start = {hour.start: hour.delivered for hour in last_hours(timezone.now())}
    assert by_start[late.replace(minute=0, second=0, microsecond=0)] == len(ids) == 3


# --- causes ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_cause_is_one_card(sent: dict[str, int], html: Callable[..., str], admin_client: Client) -> None:
    page = html()
    assert page.count('class="dot failed"') >= 1
    to = links(page)
    [name] = [name for name in to if name.startswith("cause-") and not name.startswith("cause-to")]
    assert "503 Service Unavailable" in page
    assert listed(admin_client, to[name]) == 2
    example = to[f"example-{name.removeprefix('cause-')}"]
    assert "503 Service Unavailable" in admin_client.get(example).content.decode()


def test_what_differs_only_in_numbers_and_names_is_one_cause() -> None:
    same = (
        "200. The answer does not contain “ok 17” at 12:04",
        "200. The answer does not contain “no” at 9:1",
    )
    assert signature(same[0]) == signature(same[1])
    assert signature("503 Service Unavailable") != signature("500 Internal Server Error")
    assert signature("520") != signature("521")
    assert signature("id 01a21b1b4de8a443b853eeb7 x") == signature("id 01a21b1aaa14af68aba9ad0c  X")


def test_a_large_cause_hides_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.causes.SAMPLE", 5)
    small, large = aged.an_endpoint("Small"), aged.an_endpoint("Large")
    values = {"last_error": "dns", "last_detail": "The host name has no address.", "is_late": True}
    aged.deliveries(small, 1, days=2, state="waiting", **values)
    aged.deliveries(large, 8, days=1, state="waiting", **values)
    Endpoint.objects.filter(pk__in=[small.pk, large.pk]).update(
        failures_in_a_row=3, last_failure_at=timezone.now(), last_error="dns"
    )
    from delivery.troubled import troubled

    found = {one.endpoint.name: one for one in causes(timezone.now(), troubled())}
    assert found["Large"].number >= 5 and found["Large"].is_bounded
    assert found["Small"].number == 1


def test_a_change_shortly_before_is_named(
    store: Store, html: Callable[..., str], client_who_may: Callable[..., Client]
) -> None:
    store.profile.url = "https://other.example.com/hook"
    services.save(store.profile, by="admin:bob", is_address_checked=True)
    set_to(store.delivery, created_at=timezone.now() + timedelta(minutes=1))
    assert "Changed shortly before by <bdi>admin:bob</bdi>" in html()
    looker = client_who_may("delivery.view_delivery")
    assert "Changed shortly before" not in html(looker) and "404 Not Found" in html(looker)
    set_to(store.delivery, created_at=timezone.now() - timedelta(days=1))
    assert "Changed shortly before" not in html()


# --- the other parts ---------------------------------------------------------------------------------


def test_an_endpoint_that_sleeps_is_named_with_what_waits(store: Store, html: Callable[..., str]) -> None:
    now = timezone.now()
    Endpoint.objects.filter(pk=store.profile.endpoint_id).update(
        failures_in_a_row=7,
        last_error="timeout",
        last_failure_at=now,
        asleep_since=now,
        asleep_until=now + timedelta(hours=1),
    )
    page = html()
    assert "7 failures in a row (timeout); next probe" in page and ">1 waiting" in page
    assert tile(page, "asleep") == "1"


def test_sweeps_that_come_and_one_that_failed(store: Store, html: Callable[..., str]) -> None:
    ExportProfile.objects.update(next_run_at=timezone.now() + timedelta(minutes=9, seconds=30))
    page = html()
    assert "in 9\xa0minutes" in page and "failed: <bdi>" not in page
    ExportProfile.objects.update(last_run_error=SCRIPT)
    page = html()
    assert "The last run of" in page and SCRIPT not in page


def test_when_no_worker_is_alive_it_says_so_and_what_to_do(store: Store, html: Callable[..., str]) -> None:
    tick, _ = Schedule.objects.get_or_create(name=readiness.TICK)
    Schedule.objects.filter(pk=tick.pk).update(next_run=timezone.now() + timedelta(minutes=1))
    assert "No worker has been alive" not in html()
    Schedule.objects.filter(pk=tick.pk).update(next_run=timezone.now() - timedelta(minutes=7))
    page = html()
    assert "No worker has been alive for 7 minutes" in page and "manage.py qcluster" in page


def test_texts_of_strangers_are_escaped(store: Store, html: Callable[..., str]) -> None:
    Endpoint.objects.update(name=HOSTILE, failures_in_a_row=1, last_failure_at=timezone.now())
    set_to(store.delivery, last_detail=SCRIPT)
    page = html()
    assert SCRIPT not in page and "&lt;script&gt;" in page
    assert ' style="' not in page and "<script>" not in page


def test_each_part_is_for_who_may_see_it(
    store: Store, html: Callable[..., str], client_who_may: Callable[..., Client]
) -> None:
    parts = {
        "delivery.view_delivery": ("n-delivered", "by-cause"),
        "delivery.view_endpoint": ("in-trouble",),
        "exports.view_exportprofile": ('id="sweeps"',),
        "delivery.view_event": ('id="latest"',),
    }
    for permission, own in parts.items():
        page = html(client_who_may(permission))
        for name, marks in parts.items():
            for mark in marks:
                assert (mark in page) is (name == permission), (permission, mark)
        assert all(mark in page for mark in own)
    assert "There is nothing here for you yet." in html(client_who_may("orders.view_order"))
    part = reverse("admin:dashboard")
    assert "by-cause" not in client_who_may("delivery.view_event").get(part).content.decode()
    assert Client().get(part).status_code == 302


def test_what_renews_itself_is_the_part_alone(store: Store, admin_client: Client) -> None:
    part = admin_client.get(reverse("admin:dashboard")).content.decode()
    assert part.strip().startswith('<div id="dashboard"') and "<html" not in part


def test_a_fresh_installation_says_how_to_begin(db: None, html: Callable[..., str]) -> None:
    page = html()
    assert "Three steps to the first export" in page and 'class="badge delivered">done' not in page
    assert "Nothing was sent in the last 24 hours." in page and "Nothing has happened yet." in page


def test_its_steps_are_ticked_and_then_gone(store: Store, html: Callable[..., str]) -> None:
    assert "Three steps" not in html()
    Count.objects.all().delete()
    assert html().count('class="badge delivered">done') == 3


def test_queries_do_not_grow(store: Store, admin_client: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(reverse(INDEX)).status_code == 200
        return len(queries)

    admin_client.get(reverse(INDEX))
    few = count()
    for number in range(12):
        endpoint = aged.an_endpoint(f"Partner {number}", failures_in_a_row=2, last_failure_at=timezone.now())
        values = {"last_error": "dns", "last_detail": f"{number}00 No", "is_late": True}
        aged.deliveries(endpoint, 3, days=0.1, state="waiting", **values)
        aged.deliveries(endpoint, 3, days=0.1, state="failed", **{**values, "is_late": False})
        an_order(store.location, store.customer, store.product)
        a_profile(store.location, f"More {number}")
    assert Event.objects.count() > 20
    assert count() == few <= 30
