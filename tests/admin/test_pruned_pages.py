"""Pages that tell of deliveries which are no longer kept: true, and without a link that leads nowhere."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.history import history
from delivery import pruning
from delivery.models import Attempt, Delivery, Proof
from exports import sweep
from exports.explain import explain
from exports.models import Export
from orders import lifecycle
from tests.admin.store import BY, SCRIPT, Store, set_to


@pytest.fixture
def pruned(store: Store) -> Store:
    """The store, with its delivery finished long ago and pruned."""
    finish(store.delivery)
    prune()
    assert not Delivery.objects.exists() and Proof.objects.count() == 1
    return store


def finish(delivery: Delivery, **columns: Any) -> None:
    at = timezone.now() - timedelta(days=200)
    finished = {"state": "delivered", "last_error": "", "last_detail": "", "due_at": None, "attempts_made": 1}
    # Age is told by the id, too: one that was finished long ago was made long ago.
    old = Delivery.objects.get(pk=delivery.pk)
    Delivery.objects.filter(pk=old.pk).delete()
    old.pk = f"000000000001{old.pk[12:]}"
    Export.objects.filter(delivery_id=delivery.pk).update(delivery_id=old.pk)
    delivery.pk = old.pk
    old.save(force_insert=True)
    set_to(old, finished_at=at, kept_on=at.date(), **{**finished, **columns})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def prune() -> None:
    pruning.prune(days=90)


def link(pk: str) -> str:
    return reverse("admin:delivery_delivery_change", args=[pk])


def test_the_history_still_says_what_became_of_it(pruned: Store, admin_client: Client) -> None:
    [line] = [line for entry in history(pruned.customer).entries for line in entry.lines]
    number = pruned.order.client_order_id
    assert line.text == f"Order {number} exported to 'Call centre partials' (Partial)"
    assert (line.delivery_id, line.state, line.is_pruned) == (pruned.delivery.pk, "delivered", True)
    for page in (
        reverse("admin:customers_customer_change", args=[pruned.customer.pk]),
        reverse("admin:orders_order_change", args=[pruned.order.pk]),
    ):
        html = admin_client.get(page).content.decode()
        assert line.text.replace("'", "&#x27;") in html and "what was sent is no longer kept" in html
        assert link(pruned.delivery.pk) not in html


def test_one_that_had_failed_is_not_said_to_have_arrived(store: Store) -> None:
    finish(store.delivery, state="failed", last_error="status", attempts_made=3)
    prune()
    [line] = [line for entry in history(store.customer).entries for line in entry.lines]
    assert line.text.endswith(
        f"export profile 'Call centre partials' ({store.profile.pk}): given up after attempt 3"
    )
    assert "due to" not in line.text and line.state == "failed"


def test_what_is_and_what_was_stand_in_the_order_in_which_they_were_made(pruned: Store) -> None:
    lifecycle.update_cart(pruned.order, by=BY)
    event_id = Proof.objects.get().event_id
    Delivery.objects.create(
        event_id=event_id,
        channel="export",
        target_id=pruned.profile.pk,
        target_name="Newer",
        endpoint=pruned.profile.endpoint,
        content="{}",
        created_at=timezone.now(),
    )
    entry = next(entry for entry in history(pruned.customer).entries if entry.event_id == event_id)
    assert [line.is_pruned for line in entry.lines] == [True, False]


def test_one_that_is_there_and_has_a_proof_already_is_one_line(store: Store) -> None:
    finish(store.delivery)
    from delivery.pruning import proofs

    proofs.write([store.delivery.pk], "delivery_delivery")
    [line] = [line for entry in history(store.customer).entries for line in entry.lines]
    assert not line.is_pruned


def test_why_not_says_what_became_of_it(pruned: Store, admin_client: Client) -> None:
    [verdict] = [one for one in explain(pruned.order) if one.outcome == "exported"]
    assert "delivered 20" in verdict.reason and "no longer kept" in verdict.reason
    assert verdict.delivery_id == ""
    html = admin_client.get(reverse("admin:exports_why", args=[pruned.order.pk])).content.decode()
    assert "no longer kept" in html and "admin/delivery/delivery/" not in html.split("content-main")[1]


def test_why_not_outlives_the_proof_too(pruned: Store, admin_client: Client) -> None:
    Proof.objects.all().delete()
    [verdict] = [one for one in explain(pruned.order) if one.outcome == "exported"]
    assert "exported 20" in verdict.reason and verdict.delivery_id == ""


def test_it_is_not_exported_once_more(pruned: Store) -> None:
    for _ in range(2):
        sweep.run([pruned.profile])
    assert not Delivery.objects.exists()


def test_the_page_shows_what_is_on_record(pruned: Store, admin_client: Client) -> None:
    taken = admin_client.get(reverse("admin:exports_export_changelist")).content.decode()
    assert link(pruned.delivery.pk) in taken  # which leads somewhere:
    response = admin_client.get(link(pruned.delivery.pk))
    html = response.content.decode()
    proof = Proof.objects.get()
    assert response.status_code == 200 and proof.content_sha256 in html and proof.pk in html
    assert len(proof.content_sha256) == len(hashlib.sha256().hexdigest())
    assert "no longer kept" in html and "Send again" not in html and SCRIPT not in html


def test_who_may_not_see_deliveries_sees_no_proof(
    pruned: Store, client_who_may: Callable[..., Client]
) -> None:
    assert client_who_may("orders.view_order").get(link(pruned.delivery.pk)).status_code == 403


def test_one_that_never_was_is_not_there(pruned: Store, admin_client: Client) -> None:
    for pk in ("0" * 24, "x", "0" * 500):
        assert admin_client.get(link(pk)).status_code == 302


def test_it_cannot_be_sent_again(pruned: Store, admin_client: Client) -> None:
    again = reverse("admin:delivery_delivery_send_again", args=[pruned.delivery.pk])
    assert admin_client.post(again).status_code == 404


def test_a_delivery_whose_attempts_are_gone(store: Store, admin_client: Client) -> None:
    Attempt.objects.all().delete()
    html = admin_client.get(link(store.delivery.pk)).content.decode()
    assert "no longer kept" in html and "No attempt yet" not in html and "What was sent" in html


def test_rare_channels_and_endpoints_of_many(
    store: Store, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse("admin:delivery_delivery_changelist")
    for most in (200, 0):
        monkeypatch.setattr("delivery.admin.filters.MOST_LISTED_ENDPOINTS", most)
        assert store.delivery.pk in admin_client.get(url, {"channel": "export"}).content.decode()
        assert store.delivery.pk not in admin_client.get(url, {"channel": "nonsense"}).content.decode()


def test_search_by_words(store: Store, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = reverse("admin:delivery_delivery_changelist")
    found = {"CALL CENTRE": True, "404 not f": True, "not there": False, "%": False, "\x00": True}
    for term, is_found in found.items():
        assert (store.delivery.pk in admin_client.get(url, {"q": term}).content.decode()) is is_found, term
    monkeypatch.setattr("delivery.admin.filters.MOST_SEARCHED", 0)
    assert store.delivery.pk not in admin_client.get(url, {"q": "404 not f"}).content.decode()
