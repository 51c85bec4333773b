"""The delivery page: what was sent, every try of it, and sending it again."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.admin.sight import about
from delivery.admin.timing import parts_of
from delivery.models import Delivery, Endpoint, Event
from delivery.secrets import MASK
from tests.admin.store import SCRIPT, SECRET, Store, an_attempt, set_to


def _page(delivery: Delivery, query: str = "") -> str:
    return reverse("admin:delivery_delivery_change", args=[delivery.pk]) + query


def _again(delivery: Delivery) -> str:
    return reverse("admin:delivery_delivery_send_again", args=[delivery.pk])


def test_request_and_attempts_are_shown(store: Store, admin_client: Client) -> None:
    an_attempt(store.delivery, 2, status=200, error="", detail="", answer='{"ok":true}', asked_by="admin:bob")
    html = admin_client.get(_page(store.delivery)).content.decode()
    assert "webhook-id" in html and store.delivery.pk in html
    assert "404 Not Found" in html and "200 accepted" in html
    assert "asked for by <bdi>admin:bob</bdi>" in html
    assert "connect 12 ms" in html and "wait for the answer 98 ms" in html and "120 ms in all" in html
    assert "order.partial" in html and "version 1" in html


def test_before_the_first_attempt_it_shows_what_will_be_sent(store: Store, admin_client: Client) -> None:
    store.delivery.attempts.all().delete()
    set_to(store.delivery, state="pending", attempts_made=0)
    html = admin_client.get(_page(store.delivery)).content.decode()
    assert "What will be sent" in html and "list_id=400" in html
    assert f"token={MASK}" in html and SECRET not in html


def test_what_a_partner_answers_is_never_markup(store: Store, admin_client: Client) -> None:
    an_attempt(
        store.delivery, 2, detail=SCRIPT, remote_address=SCRIPT[:50], phases="[1]", request_headers="{"
    )
    response = admin_client.get(_page(store.delivery))
    assert response.status_code == 200
    assert SCRIPT not in response.content.decode()


def test_a_long_answer_and_many_attempts_are_shown_in_parts(store: Store, admin_client: Client) -> None:
    an_attempt(store.delivery, 2, answer="x" * 500_000)
    for number in range(3, 61):
        an_attempt(store.delivery, number, answer="")
    newest = admin_client.get(_page(store.delivery)).content.decode()
    assert newest.count('class="attempt"') == 50 and "?before=11" in newest
    oldest = admin_client.get(_page(store.delivery, "?before=11")).content.decode()
    assert oldest.count('class="attempt"') == 10 and len(oldest) < 300_000
    assert "Only the beginning is shown" in oldest


def test_nonsense_in_the_address_is_no_error(store: Store, admin_client: Client) -> None:
    for query in ("?before=x", "?before=99999999999999999999", "?before=-1"):
        assert admin_client.get(_page(store.delivery, query)).status_code == 200


def test_send_again_needs_its_permission(store: Store, client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("delivery.view_delivery")
    assert "Send again" not in looker.get(_page(store.delivery)).content.decode()
    assert looker.post(_again(store.delivery)).status_code == 403
    store.delivery.refresh_from_db()
    assert store.delivery.asked_by == ""


def test_send_again_asks_for_another_attempt(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may("delivery.view_delivery", "delivery.send_again_delivery")
    set_to(store.delivery, state="delivered", due_at=None)
    assert "Send again" in client.get(_page(store.delivery)).content.decode()
    assert client.post(_again(store.delivery)).status_code == 302
    store.delivery.refresh_from_db()
    assert store.delivery.due_at is not None and store.delivery.asked_by.startswith("admin:staff")
    assert store.delivery.state == "delivered"


def test_send_again_asks_first_and_a_look_at_the_question_sends_nothing(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    set_to(store.delivery, state="delivered", due_at=None)
    client = client_who_may("delivery.view_delivery", "delivery.send_again_delivery")
    page = client.get(_again(store.delivery)).content.decode()
    dialog = client.get(_again(store.delivery), headers={"HX-Request": "true"}).content.decode()
    assert "<html" in page and "<html" not in dialog
    for html in (page, dialog):
        assert "same id, same content" in html and "It was delivered already" in html
    assert client_who_may("delivery.view_delivery").get(_again(store.delivery)).status_code == 403
    store.delivery.refresh_from_db()
    assert store.delivery.due_at is None and store.delivery.asked_by == ""


def test_why_it_cannot_be_sent_again_is_said(store: Store, admin_client: Client) -> None:
    store.profile.endpoint.is_held = True
    store.profile.endpoint.save()
    html = admin_client.post(_again(store.delivery), follow=True).content.decode()
    assert "is switched off" in html


def test_without_permission_there_is_nothing_to_see(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    assert client_who_may("orders.view_order").get(_page(store.delivery)).status_code == 403


def test_the_list_is_searched_and_filtered(store: Store, admin_client: Client) -> None:
    url = reverse("admin:delivery_delivery_changelist")
    for term in (
        store.delivery.pk.upper(),
        store.order.client_order_id.lower(),
        "ANN@example.com",
        "404 Not",
    ):
        assert store.delivery.pk in admin_client.get(url, {"q": term}).content.decode(), term
    endpoint = store.profile.endpoint_id
    for query, is_there in (
        ("state__exact=waiting", True),
        ("state__exact=failed", False),
        ("made=hour", True),
        ("state__in=pending,waiting", True),
        (f"endpoint={endpoint}", True),
        (f"endpoint={endpoint + 1}", False),
        ("endpoint=nonsense", False),
        ("is_test__exact=1", False),
    ):
        assert (store.delivery.pk in admin_client.get(f"{url}?{query}").content.decode()) is is_there, query


def test_each_state_is_said_in_words(store: Store, admin_client: Client) -> None:
    now = timezone.now()
    for columns, words in (
        ({"state": "pending", "due_at": now}, "The next attempt is due now; if that fails too"),
        ({"state": "pending", "due_at": now, "lease": True}, "It is being sent right now."),
        ({"state": "waiting", "due_at": None, "lease": False}, "Held while its target is switched off."),
        ({"state": "delivered", "finished_at": now, "attempts_made": 1}, "after 1 attempt."),
    ):
        set_to(store.delivery, **columns)
        assert words in admin_client.get(_page(store.delivery)).content.decode()


def test_the_list_is_filtered_by_time_words_and_names(store: Store, admin_client: Client) -> None:
    url = reverse("admin:delivery_delivery_changelist")
    made = store.delivery.created_at
    before, after = (f"{made + timedelta(minutes=by):%Y-%m-%dT%H:%M}" for by in (-2, 2))
    for query, is_there in (
        (f"since={before}&until={after}", True),
        (f"since={after}", False),
        (f"until={before}", False),
        ("since=nonsense", False),
        ("until=9999-99-99", False),
        ("since=0001-01-01", False),
        ("error=404+NOT", True),
        ("error=status", True),
        ("error=dns", False),
        ("to=CALL", True),
        ("to=nobody", False),
        ("is_test__exact=0", True),
        ("is_test__exact=1", False),
        (f"error=404&endpoint={store.profile.endpoint_id}&state__exact=waiting&q=404", True),
    ):
        html = admin_client.get(f"{url}?{query}").content.decode()
        assert (store.delivery.pk in html) is is_there, query
    assert admin_client.get(f"{url}?error=%00").status_code == 302  # back to the list
    html = admin_client.get(url, {"to": f'"><{SCRIPT}', "error": SCRIPT, "since": SCRIPT}).content.decode()
    assert SCRIPT not in html


def test_a_row_says_what_when_why_and_when_next(store: Store, admin_client: Client) -> None:
    set_to(store.delivery, due_at=timezone.now() + timedelta(days=3))
    html = admin_client.get(reverse("admin:delivery_delivery_changelist")).content.decode()
    for text in (
        "Call centre partials",
        "Partial",
        store.order.client_order_id,
        "1 attempt, next",
        "404 Not",
    ):
        assert text in html, text
    set_to(store.delivery, due_at=None)
    html = admin_client.get(reverse("admin:delivery_delivery_changelist")).content.decode()
    assert "next when it is switched on" in html


def test_the_curl_command_says_what_was_sent_with_secrets_masked(store: Store, admin_client: Client) -> None:
    html = unescape(admin_client.get(_page(store.delivery)).content.decode())
    command = html.split('aria-label="curl command">')[1].split("</pre>")[0]
    assert command.startswith("curl ") and f"webhook-id: {store.delivery.pk}" in command
    assert SECRET not in html
    store.delivery.attempts.all().delete()
    html = admin_client.get(_page(store.delivery)).content.decode()
    assert "Secrets are masked" in html and SECRET not in html


def test_who_sleeps_and_what_comes_next_is_said(store: Store, admin_client: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    set_to(store.delivery, due_at=later)
    html = admin_client.get(_page(store.delivery)).content.decode()
    assert "if that fails too, the next is about 2 minutes later" in html and "asleep" not in html
    Endpoint.objects.filter(pk=store.profile.endpoint_id).update(asleep_until=later)
    assert "endpoint is asleep</a>: one probe at" in admin_client.get(_page(store.delivery)).content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "5 seconds"),
        (60, "1 minute"),
        (72, "1 minute"),
        (1152, "15 minutes"),
        (2880, "an hour"),
        (7200, "2 hours"),
    ],
)
def test_a_wait_is_said_as_people_say_it(seconds: int, words: str) -> None:
    assert about(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("phases", "widths"),
    [
        ('{"connected_ms": 20, "answered_ms": 80}', {"connect": 20.0, "wait": 60.0, "read": 20.0}),
        ('{"answered_ms": 900}', {"wait": 100.0}),
        ('{"answered_ms": "80", "connected_ms": true, "looked_up_ms": -1}', {}),
        ("[1]", {}),
        ("{", {}),
        ("", {}),
    ],
)
def test_the_bar_of_an_attempt_is_never_longer_than_it_took(phases: str, widths: dict[str, float]) -> None:
    assert {part.kind: part.width for part in parts_of(phases, 100)} == widths


def test_an_event_says_what_became_of_it(store: Store, admin_client: Client) -> None:
    event = store.delivery.event
    assert event is not None
    html = admin_client.get(reverse("admin:delivery_event_change", args=[event.pk])).content.decode()
    assert "Order is incomplete" in html and "Call centre partials" in html and store.delivery.pk in html
    note = Event.objects.get(type="note.added")
    html = admin_client.get(reverse("admin:delivery_event_change", args=[note.pk])).content.decode()
    assert "Nothing was made of it" in html and SCRIPT not in html
