"""Every page of the admin opens, for every table, whatever texts people typed."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from customers.models import Location
from exports.models import Export
from tests.admin.store import SCRIPT, SECRET, Store

OURS = ("customers", "orders", "delivery", "exports", "audit")
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]


def _url(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_all_tables_that_people_ask_for_are_there() -> None:
    names = {model._meta.model_name for model in MODELS}
    assert names >= {
        *("location", "customer", "campaign", "product", "gateway", "order", "event", "delivery", "endpoint"),
        *("exportprofile", "route", "export", "settlementbatch", "storedpaymentmethod", "change"),
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_list_and_row(model: type[Model], store: Store, admin_client: Client) -> None:
    listed = admin_client.get(_url(model, "changelist"))
    row = model._default_manager.first()
    assert row is not None
    shown = admin_client.get(_url(model, "change", row.pk))
    searched = admin_client.get(_url(model, "changelist"), {"q": "no such thing"})
    for page in (listed, shown, searched):
        assert page.status_code == 200
        html = page.content.decode()
        assert SCRIPT not in html
        assert SECRET not in html


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_add(model: type[Model], store: Store, admin_client: Client) -> None:
    is_typed_by_people = model._meta.model_name in (
        *("location", "customer", "campaign", "product", "gateway", "exportprofile", "route", "apiuser"),
    )
    assert admin_client.get(_url(model, "add")).status_code == (200 if is_typed_by_people else 403)


@pytest.mark.parametrize(
    "name", ["customers_customer", "orders_campaign", "orders_product", "orders_gateway"]
)
def test_with_one_location_nobody_has_to_name_it(name: str, store: Store, admin_client: Client) -> None:
    address = reverse(f"admin:{name}_add")
    chosen = f'<option value="{store.location.pk}" selected>'
    assert chosen in admin_client.get(address).content.decode()
    Location.objects.create(name="Another")
    assert chosen not in admin_client.get(address).content.decode()


def test_index_names_the_exports(store: Store, admin_client: Client) -> None:
    html = admin_client.get(reverse("admin:index")).content.decode()
    assert "Exports" in html and "Export profiles" in html and "Profile routes" in html


def test_the_menu_marks_one_page_only(store: Store, admin_client: Client) -> None:
    for name in ("exports_board", "exports_export_changelist", "delivery_delivery_changelist", "index"):
        url = reverse(f"admin:{name}")
        html = admin_client.get(url).content.decode()
        assert html.count('aria-current="page"') == 1 and f'<a href="{url}" aria-current="page">' in html
    profile = reverse("admin:exports_exportprofile_change", args=[store.profile.pk])
    assert (
        f'<a href="{reverse("admin:exports_board")}" aria-current="page">'
        in admin_client.get(profile).content.decode()
    )


def test_every_link_of_the_customer_and_order_pages_opens(store: Store, admin_client: Client) -> None:
    pages = [
        reverse("admin:customers_customer_change", args=[store.customer.pk]),
        reverse("admin:orders_order_change", args=[store.order.pk]),
        reverse("admin:delivery_delivery_change", args=[store.delivery.pk]),
    ]
    for page in pages:
        for link in _links(admin_client.get(page).content.decode()):
            assert admin_client.get(link).status_code == 200, link


def test_why_and_why_not(store: Store, admin_client: Client) -> None:
    html = admin_client.get(reverse("admin:exports_why", args=[store.order.pk])).content.decode()
    assert "Call centre partials" in html
    assert reverse("admin:delivery_delivery_change", args=[store.delivery.pk]) in html
    assert Export.objects.count() == 1  # looking takes nothing


def test_no_page_asks_another_host_or_brings_its_own_script(store: Store, admin_client: Client) -> None:
    for page in (
        reverse("admin:customers_customer_change", args=[store.customer.pk]),
        reverse("admin:orders_order_change", args=[store.order.pk]),
        reverse("admin:delivery_delivery_change", args=[store.delivery.pk]),
        reverse("admin:exports_exportprofile_change", args=[store.profile.pk]),
        reverse("admin:exports_why", args=[store.order.pk]),
        reverse("admin:delivery_delivery_changelist"),
    ):
        html = admin_client.get(page).content.decode()
        assert ' style="' not in html and "<style" not in html
        assert 'src="http' not in html and 'href="http' not in html
        assert "onclick=" not in html


def _links(html: str) -> list[str]:
    """Links into the tables of ours, without those that log out or go to lists of other apps."""
    found = {part.split('"')[0].replace("&amp;", "&") for part in html.split('href="')[1:]}
    return sorted(link for link in found if link.startswith(tuple(f"/admin/{app}/" for app in OURS)))
