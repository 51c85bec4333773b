"""No page asks more of the database when there is more to show."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers import services
from delivery.models import Delivery
from delivery.screens import BoundedPaginator
from exports import services as profiles
from exports import sweep
from orders import lifecycle
from tests.admin.store import BY, Store, a_profile, an_attempt, an_order

MOST = 40


def _grow(store: Store, by: int) -> None:
    """More of everything that the pages show, of the same customer and order too."""
    a_profile(store.location, f"Sales {by}", "new_sale", "all_refunds", "partial")
    for number in range(by):
        person = {"first_name": f"Ann {number}", "email": f"{by}.{number}@example.com"}
        customer = services.create(store.location, by=BY, **person)
        order = an_order(store.location, customer, store.product, campaign=store.campaign)
        lifecycle.complete_sale(order, by=BY)
        an_order(store.location, store.customer, store.product)
        services.add_note(store.customer, f"Note {number}", by=BY)
        lifecycle.update_cart(store.order, by=BY)
        an_attempt(store.delivery, number=by * 100 + number)
        profiles.edit_profile(store.profile, timeout_seconds=by + number, by=BY)
    sweep.run(list(sweep.postbacks()))


def _pages(store: Store) -> list[str]:
    lists = ("customers_customer", "orders_order", "delivery_event", "delivery_delivery", "delivery_endpoint")
    lists += ("delivery_replay", "audit_change")
    lists += ("exports_exportprofile", "exports_route", "exports_export", "orders_product", "orders_campaign")
    return [
        *(reverse(f"admin:{name}_changelist") for name in lists),
        reverse("admin:customers_customer_change", args=[store.customer.pk]),
        reverse("admin:orders_order_change", args=[store.order.pk]),
        reverse("admin:delivery_delivery_change", args=[store.delivery.pk]),
        reverse("admin:exports_exportprofile_change", args=[store.profile.pk]),
        reverse("admin:exports_exportprofile_versions", args=[store.profile.pk]),
        reverse("admin:exports_why", args=[store.order.pk]),
    ]


def _queries(client: Client, page: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def test_queries_do_not_grow(store: Store, admin_client: Client) -> None:
    pages = _pages(store)
    _grow(store, 4)
    for page in pages:  # what Django remembers of content types, it has then
        admin_client.get(page)
    few = {page: _queries(admin_client, page) for page in pages}
    _grow(store, 25)
    many = {page: _queries(admin_client, page) for page in pages}
    assert many == few
    assert max(many.values()) <= MOST


def test_a_list_counts_no_further_than_it_shows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.screens.MOST_LISTED", 3)
    for _ in range(4):
        an_order(store.location, store.customer, store.product)
    pages = BoundedPaginator(type(store.order).objects.order_by("-id"), 2)
    assert pages.count == 3 and pages.is_cut


def test_a_profile_list_counts_what_waits_no_further_than_it_shows(
    store: Store, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exports.admin.counted.MOST_WAITING", 2)
    for _ in range(3):
        Delivery.objects.create(
            channel="export",
            target_id=store.profile.pk,
            target_name="x",
            endpoint=store.profile.endpoint,
            content="{}",
            created_at=timezone.now(),
            due_at=timezone.now() + timedelta(hours=1),
        )
    html = admin_client.get(reverse("admin:exports_exportprofile_changelist")).content.decode()
    assert ">2+</a>" in html
