"""The search box: straight to what is meant, by every name people know it by; else what there is, by kind."""

from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers import services
from customers.models import Location
from delivery.models import Proof
from tests.admin.store import BY, SCRIPT, Store, a_profile, an_order

SEARCH = reverse("admin:search")
EVERYTHING = (
    *("customers.view_customer", "orders.view_order"),
    *("delivery.view_delivery", "exports.view_exportprofile"),
)


def _goes_to(client: Client, term: str) -> str:
    """Where the search leads at once; "" if it shows a page of results."""
    response = client.get(SEARCH, {"q": term})
    assert response.status_code in (200, 302)
    return response.headers.get("Location", "")


def _shows(client: Client, term: str) -> str:
    response = client.get(SEARCH, {"q": term})
    assert response.status_code == 200
    return response.content.decode()


def _customer(customer_id: int) -> str:
    return reverse("admin:customers_customer_change", args=[customer_id])


def _order(order_id: int) -> str:
    return reverse("admin:orders_order_change", args=[order_id])


def test_a_customer_is_found_by_all_they_are_known_by(store: Store, admin_client: Client) -> None:
    for term in (
        "ann@example.com",
        " ANN@Example.COM ",
        "crm-17",
        store.customer.public_id,
        store.customer.public_id.upper(),
        "+1 555-123-4567",
        "1 (555) 123 4567",
        "555.123.4567",
        "001 555 123 45 67",
    ):
        assert _goes_to(admin_client, term) == _customer(store.customer.pk), term


def test_an_address_beyond_ascii_is_found_as_it_was_typed(store: Store, admin_client: Client) -> None:
    customer = services.create(store.location, by=BY, email="Jürgen.MÜLLER@example.com")
    assert _goes_to(admin_client, "Jürgen.MÜLLER@example.com") == _customer(customer.pk)


def test_a_number_with_the_zero_in_brackets_is_found(store: Store, admin_client: Client) -> None:
    customer = services.create(store.location, by=BY, cell_phone="+44 20 7946 0958")
    for term in ("+44 (0)20 7946 0958", "0044 20 7946 0958", "442079460958"):
        assert _goes_to(admin_client, term) == _customer(customer.pk), term


def test_an_order_is_found_by_its_numbers(store: Store, admin_client: Client) -> None:
    other = an_order(store.location, store.customer, store.product, external_order_id="shop-77")
    number = store.order.client_order_id
    assert _goes_to(admin_client, number) == _order(store.order.pk)
    assert _goes_to(admin_client, f"  {number.lower()}\n") == _order(store.order.pk)
    assert _goes_to(admin_client, "shop-77") == _order(other.pk)


def test_a_numeric_id_names_what_has_it(store: Store, admin_client: Client) -> None:
    for _ in range(30):
        customer = services.create(store.location, by=BY, first_name="Bob")
    assert _goes_to(admin_client, str(customer.pk)) == _customer(customer.pk)
    shared = an_order(store.location, customer, store.product)
    while shared.pk != customer.pk:  # the ids of one go on until they meet those of the other
        if shared.pk < customer.pk:
            shared = an_order(store.location, customer, store.product)
        else:
            customer = services.create(store.location, by=BY, first_name="Bob")
    html = _shows(admin_client, str(customer.pk))  # both are called so: nobody is led to the wrong one
    assert _customer(customer.pk) in html and _order(customer.pk) in html


def test_a_delivery_is_found_by_its_id_also_when_only_its_proof_is_left(
    store: Store, admin_client: Client
) -> None:
    delivery_id = store.delivery.pk
    page = reverse("admin:delivery_delivery_change", args=[delivery_id])
    assert _goes_to(admin_client, delivery_id) == page
    kept = {field.attname for field in Proof._meta.concrete_fields} - {"content_sha256"}
    Proof.objects.create(**{name: getattr(store.delivery, name) for name in kept})
    store.delivery.delete()
    assert _goes_to(admin_client, delivery_id) == page


def test_an_export_profile_is_found_by_its_name(store: Store, admin_client: Client) -> None:
    page = reverse("admin:exports_exportprofile_change", args=[store.profile.pk])
    assert _goes_to(admin_client, "call centre PARTIALS") == page
    assert page in _shows(admin_client, "partials")


def test_several_are_shown_by_kind_with_the_way_to_more(store: Store, admin_client: Client) -> None:
    twins = [services.create(store.location, by=BY, email="twin@example.com") for _ in range(25)]
    html = _shows(admin_client, "twin@example.com")
    assert html.count("twin@example.com</bdi>") >= 20
    assert _customer(twins[-1].pk) in html and _customer(twins[0].pk) not in html
    more = f"{reverse('admin:customers_customer_changelist')}?q=twin%40example.com"
    assert more in html
    assert "25 customers" in admin_client.get(more).content.decode()


def test_in_another_location_is_found_too(store: Store, admin_client: Client) -> None:
    other = services.create(Location.objects.create(name="Other"), by=BY, email="ann@example.com")
    html = _shows(admin_client, "ann@example.com")
    assert _customer(other.pk) in html and _customer(store.customer.pk) in html


def test_nothing_says_what_can_be_searched_and_where_names_are(store: Store, admin_client: Client) -> None:
    html = _shows(admin_client, f"löve {SCRIPT}")
    assert "What can be found" in html and SCRIPT not in html
    assert f"{reverse('admin:customers_customer_changelist')}?q=l%C3%B6ve" in html
    assert "What can be found" in _shows(admin_client, "")


def test_hostile_terms_find_nothing(store: Store, admin_client: Client) -> None:
    for term in (
        "\x00",
        "%",
        "' OR 1=1 --",
        "9" * 300,
        "99999999999999999999",
        "²³",
        "\ud800",
        "٣٤٥٦٧٨",
        "_" * 24,
    ):
        _shows(admin_client, term.encode("utf-8", "replace").decode())


def test_only_what_one_may_see_is_found(store: Store, client_who_may: Callable[..., Client]) -> None:
    terms = {
        "ann@example.com": "customers.view_customer",
        store.order.client_order_id: "orders.view_order",
        store.delivery.pk: "delivery.view_delivery",
        "Call centre partials": "exports.view_exportprofile",
    }
    for term, permission in terms.items():
        others = [name for name in EVERYTHING if name != permission]
        assert _goes_to(client_who_may(permission), term), term
        assert "No number, e-mail, phone or id is" in _shows(client_who_may(*others), term), term
    assert "Ask an administrator" in _shows(client_who_may(), "ann@example.com")
    assert _goes_to(client_who_may("orders.change_order"), store.order.client_order_id)  # who changes sees
    assert "/login/" in _goes_to(Client(), "ann@example.com")


def test_a_search_is_a_few_statements_whatever_there_is(store: Store, admin_client: Client) -> None:
    for number in range(30):
        services.create(store.location, by=BY, email="many@example.com")
        a_profile(store.location, f"many@example.com {number}")
    admin_client.get(SEARCH, {"q": "x"})
    with CaptureQueriesContext(connection) as queries:
        assert admin_client.get(SEARCH, {"q": "many@example.com"}).status_code == 200
    assert len(queries) <= 25
    assert "LIKE" not in " ".join(
        query["sql"] for query in queries if "exports_exportprofile" not in query["sql"]
    )
