"""Why / why not on the page: grouped, filtered, and as quick with hundreds of profiles as with one."""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from delivery.models import Endpoint
from exports import customer_types
from exports.explain import explain
from exports.models import ExportProfile, Route
from orders import lifecycle
from orders.models import Order
from tests.admin.store import BY, SCRIPT, Store, a_profile, an_order

PROFILES, ROUTES = 500, 10  # routes of each


def _why(order: Order) -> str:
    return reverse("admin:exports_why", args=[order.pk])


def many_profiles(store: Store) -> None:
    """Profiles of which one in ten has a route for a new sale; the others ask for something else."""
    now = timezone.now()
    endpoints = Endpoint.objects.bulk_create(
        [Endpoint(channel="export", name=f"Partner {number}") for number in range(PROFILES)]
    )
    profiles = ExportProfile.objects.bulk_create(
        [
            ExportProfile(
                location=store.location,
                name=f"Partner {number:03}",
                url="https://postingmydata.com/",
                endpoint=endpoint,
                created_at=now,
            )
            for number, endpoint in enumerate(endpoints)
        ]
    )
    rest = [kind.key for kind in customer_types.ALL if kind.key not in ("new_sale", "subscription_started")]
    Route.objects.bulk_create(
        Route(
            profile=profile,
            customer_type="new_sale" if number % 10 == 0 and at == 0 else rest[at],
            campaign=store.campaign if at % 2 else None,
            product=store.product if at % 3 == 0 else None,
            effective_from=now - timedelta(days=1),
        )
        for number, profile in enumerate(profiles)
        for at in range(ROUTES)
    )


def test_hundreds_of_profiles_cost_no_more_queries_than_one(store: Store, admin_client: Client) -> None:
    order = an_order(store.location, store.customer, store.product, campaign=store.campaign)
    lifecycle.complete_sale(order, by=BY)
    admin_client.get(_why(order))
    with CaptureQueriesContext(connection) as few:
        explain(order)
    many_profiles(store)
    with CaptureQueriesContext(connection) as many:
        verdicts = explain(order)
    assert len(many) <= len(few) + 2  # campaigns and products, which the few do not name
    assert len(verdicts) > PROFILES
    for page in (_why(order), reverse("admin:orders_order_change", args=[order.pk])):
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(page).status_code == 200
        assert len(queries) <= 40, page


def test_what_does_not_fit_is_found_by_its_name(store: Store, admin_client: Client) -> None:
    order = an_order(store.location, store.customer, store.product, campaign=store.campaign)
    lifecycle.complete_sale(order, by=BY)
    many_profiles(store)
    html = admin_client.get(_why(order)).content.decode()
    assert "The first 200 of" in html and "Partner 499" not in html
    assert '<details class="verdicts" open>' in html and '<details class="verdicts">' in html  # not: folded
    found = admin_client.get(_why(order), {"profile": "partner 499"}).content.decode()
    assert "Partner 499" in found and "Partner 498" not in found
    nothing = admin_client.get(_why(order), {"profile": f"{SCRIPT}\x00"}).content.decode()
    assert "No export profile has" in nothing and SCRIPT not in nothing


def test_exported_waiting_and_not_stand_apart(store: Store, admin_client: Client) -> None:
    a_profile(store.location, "Waits", "abandoned_cart")
    a_profile(store.location, "Wants sales", "new_sale")
    html = admin_client.get(_why(store.order)).content.decode()
    exported, waiting, not_exported = (
        html.index(f"{text}</span>") for text in ("Exported", "Waiting", "Not exported")
    )
    assert exported < html.index("Call centre partials") < waiting < html.index("Waits</bdi>") < not_exported
    assert not_exported < html.index("no route for Partial or Abandoned Cart")
    assert reverse("admin:delivery_delivery_change", args=[store.delivery.pk]) in html


def test_the_panel_of_the_order_is_the_same_without_the_page(store: Store, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:orders_order_change", args=[store.order.pk])).content.decode()
    assert f'hx-get="{_why(store.order)}"' in page
    panel = admin_client.get(_why(store.order), headers={"HX-Request": "true"}).content.decode()
    assert "Call centre partials" in panel and "<html" not in panel


def test_it_needs_orders_and_profiles_to_be_seen(store: Store, client_who_may: Callable[..., Client]) -> None:
    both = client_who_may("orders.view_order", "exports.view_exportprofile")
    assert both.get(_why(store.order)).status_code == 200
    orders_only = client_who_may("orders.view_order")
    assert orders_only.get(_why(store.order)).status_code == 403
    assert client_who_may("exports.view_exportprofile").get(_why(store.order)).status_code == 403
    page = orders_only.get(reverse("admin:orders_order_change", args=[store.order.pk])).content.decode()
    assert _why(store.order) not in page
