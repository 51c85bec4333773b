"""Locations → a location → Settings → Postback Config → Add Postback, as the documentation tells it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from audit.models import Change
from customers.models import Location
from delivery import worker
from delivery.models import Delivery
from postbacks import services, taking
from postbacks.models import PostbackConfig
from tests.postbacks.listeners import BY, a_config, a_contact, a_gateway, a_location, all_said, carry
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:postbacks_postbackconfig_changelist"
PASSWORD = "hunter2 <b>geheim</b>"


@pytest.fixture
def here() -> Location:
    return a_location()


def url_of(config: PostbackConfig, name: str = "change") -> str:
    return reverse(f"admin:postbacks_postbackconfig_{name}", args=[config.pk])


def typed(location: Location, url: str, **fields: Any) -> dict[str, Any]:
    return {
        "location": location.pk,
        "resource": "contact",
        "on_create": "on",
        "on_update": "on",
        "url": url,
        "is_active": "on",
        "number_of_attempts": 3,
        "attempt_interval": 600,
        **fields,
    }


def a_person(*permissions: str) -> Client:
    user = User.objects.create_user("wary", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_the_path_of_the_documentation(admin_client: Client, here: Location, receiver: Receiver) -> None:
    a_location("Other store")
    found = admin_client.get(reverse("admin:customers_location_changelist"), {"q": "main"})
    assert "Main store" in found.text and "Other store" not in found.text
    page = admin_client.get(reverse("admin:customers_location_change", args=[here.pk])).text
    listing = f"{reverse(LIST)}?location__id__exact={here.pk}"
    assert f'href="{listing}"' in page
    page = admin_client.get(listing).text
    add = f"{reverse('admin:postbacks_postbackconfig_add')}?location={here.pk}"
    assert f'href="{add}">Add Postback<' in page
    assert f'<option value="{here.pk}" selected>' in admin_client.get(add).text

    answer = admin_client.post(add, typed(here, receiver.url("/hook")), follow=True)
    assert answer.status_code == 200
    config = PostbackConfig.objects.get()
    assert (config.location, config.number_of_attempts, config.attempt_interval) == (here, 3, 600)
    assert (config.on_create, config.on_update, config.on_delete) == (True, True, False)
    a_contact(here)
    carry()
    assert [one.type for one in all_said(receiver)] == ["CREATE"]
    page = admin_client.get(url_of(config)).text
    delivery = Delivery.objects.get()
    assert reverse("admin:delivery_delivery_change", args=[delivery.pk]) in page
    assert reverse("admin:delivery_delivery_send_again", args=[delivery.pk]) in page
    assert [change.by for change in Change.objects.all()] == ["admin:admin"]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"url": "ftp://example.com/"}, "The URL must begin with https:// or http://."),
        (
            {"url": "https://user:secret@example.com/"},
            "basic_auth_username and basic_auth_password carry them",
        ),
        ({"url": "http://10.0.0.1/"}, "10.0.0.1 is not a public address."),
        ({"url": "http://169.254.169.254/latest"}, "cloud metadata address"),
        ({"number_of_attempts": 6}, "Give a whole number from 1 to 5."),
        ({"attempt_interval": 10}, "Give a whole number from 300 to 86400."),
        ({"expands": "everything"}, "cannot be embedded in a contact"),
        ({"resource": "transaction"}, "Product Transaction Id cannot be blank."),
        ({"basic_auth_password": "x"}, "A password needs a user name"),
    ],
)
def test_faults_stand_at_their_fields(
    admin_client: Client, here: Location, fields: dict[str, Any], what: str
) -> None:
    answer = admin_client.post(
        reverse("admin:postbacks_postbackconfig_add"), typed(here, "https://example.com/hook") | fields
    )
    assert what in answer.text.replace("&lt;", "<")
    assert not PostbackConfig.objects.exists()


def test_a_login_is_typed_once_and_never_shown(
    admin_client: Client, here: Location, receiver: Receiver
) -> None:
    login = {"basic_auth_username": "shop-user-17", "basic_auth_password": PASSWORD}
    url = receiver.url("/hook")
    admin_client.post(reverse("admin:postbacks_postbackconfig_add"), typed(here, url, **login))
    config = PostbackConfig.objects.get()
    assert (config.basic_auth_username, config.basic_auth_password) == tuple(login.values())
    page = admin_client.get(url_of(config)).text
    assert "shop-user-17" not in page and "hunter2" not in page and "******** (empty: stays)" in page

    admin_client.post(url_of(config), typed(here, url, number_of_attempts=2))
    config.refresh_from_db()
    assert (config.basic_auth_username, config.number_of_attempts) == ("shop-user-17", 2)
    admin_client.post(url_of(config), typed(here, url, has_no_login="on"))
    config.refresh_from_db()
    assert (config.basic_auth_username, config.basic_auth_password) == ("", "")
    assert PASSWORD not in str(list(Change.objects.values()))


def test_send_test_goes_to_the_real_url_and_is_on_record(
    admin_client: Client, here: Location, receiver: Receiver
) -> None:
    config = a_config(here, receiver.url("/hook"))
    answer = admin_client.post(url_of(config, "test"), follow=True)
    assert "The test goes out now." in answer.text
    worker.drain()
    delivery = Delivery.objects.get()
    assert (delivery.is_test, delivery.state, len(receiver.requests)) == (True, "delivered", 1)
    assert (
        "A test posted back to"
        in admin_client.get(reverse("admin:delivery_delivery_change", args=[delivery.pk])).text
    )


def test_send_again_from_the_log(admin_client: Client, here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 200)
    config = a_config(here, receiver.url("/hook"))
    a_contact(here)
    carry()
    assert "500 Internal Server Error" in admin_client.get(url_of(config)).text
    delivery = Delivery.objects.get()
    admin_client.post(reverse("admin:delivery_delivery_send_again", args=[delivery.pk]))
    worker.drain()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_deleting_asks_first_and_keeps_the_log(
    admin_client: Client, here: Location, receiver: Receiver
) -> None:
    config = a_config(here, receiver.url("/hook"))
    a_contact(here)
    carry()
    assert "Delete it" in admin_client.get(url_of(config, "delete")).text
    admin_client.post(url_of(config, "delete"))
    config.refresh_from_db()
    assert config.deleted_at is not None
    page = admin_client.get(url_of(config)).text
    assert "This postback was deleted" in page and "What was sent" in page
    assert str(config.url) not in admin_client.get(reverse(LIST)).text
    assert str(config.url) in admin_client.get(reverse(LIST), {"state": "deleted"}).text
    assert admin_client.post(url_of(config, "delete")).status_code == 403


@pytest.mark.parametrize("name", ["change", "delete", "test"])
def test_who_may_only_look_changes_nothing(here: Location, name: str) -> None:
    config = a_config(here, "http://127.0.0.1:9/hook")
    wary = a_person("view_postbackconfig")
    assert wary.get(url_of(config)).status_code == 200
    assert url_of(config, "test") not in wary.get(url_of(config)).text
    assert wary.post(url_of(config, name), typed(here, "http://127.0.0.1:9/new")).status_code == 403
    assert wary.get(reverse("admin:postbacks_postbackconfig_add")).status_code == 403
    config.refresh_from_db()
    assert (config.url, config.deleted_at) == ("http://127.0.0.1:9/hook", None)
    assert not Delivery.objects.exists()


def test_who_may_not_look_sees_nothing(here: Location) -> None:
    config = a_config(here, "http://127.0.0.1:9/hook")
    stranger = a_person("view_location")
    assert stranger.get(url_of(config)).status_code == 403
    assert stranger.get(reverse(LIST)).status_code == 403
    page = stranger.get(reverse("admin:customers_location_change", args=[here.pk])).text
    assert "Postback Config" not in page


def test_buttons_are_no_links(admin_client: Client, here: Location) -> None:
    config = a_config(here, "http://127.0.0.1:9/hook")
    assert admin_client.get(url_of(config, "test")).status_code == 405


def test_pages_stay_quick(admin_client: Client, here: Location, django_assert_max_num_queries: Any) -> None:
    config = a_config(here, "http://127.0.0.1:9/hook", resource="transaction", gateway=a_gateway(here))
    config = a_config(here, "http://127.0.0.1:9/hook")
    for number in range(70):
        a_contact(here, last_name=f"Jones {number}")
    taking.run()
    for url in (url_of(config), reverse(LIST), f"{reverse(LIST)}?location__id__exact={here.pk}"):
        with django_assert_max_num_queries(40):
            assert admin_client.get(url).status_code == 200
    page = admin_client.get(url_of(config)).text
    assert page.count("What was sent at") == 50 and "Earlier ones" in page


def test_hostile_texts_are_escaped(admin_client: Client, here: Location) -> None:
    Location.objects.update(name="<script>alert(1)</script>")
    config = a_config(here, "http://127.0.0.1:9/%3Cscript%3Ealert(2)")
    services.edit(config, by=BY, url="http://127.0.0.1:9/<script>alert(3)</script>")
    for url in (url_of(config), url_of(config, "delete"), f"{reverse(LIST)}?location__id__exact={here.pk}"):
        assert "<script>alert" not in admin_client.get(url).text
