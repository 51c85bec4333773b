"""API users in the admin: a key is issued and seen once, revoked, and its last use is shown."""

import re
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from audit import changes
from audit.differences import differences
from customers.models import ApiKey, ApiUser, Location
from tests.api.clients import Integrator

KEY = re.compile(r"<code>([0-9a-f]{64})</code>")


def test_a_key_is_shown_once_and_works(admin_client: Client, here: Location) -> None:
    fields = {"name": "shop", "locations": [here.pk], "is_active": "on"}
    page = admin_client.post(reverse("admin:customers_apiuser_add"), fields).content.decode()
    (key,) = KEY.findall(page)
    user = ApiUser.objects.get()
    assert Integrator(user, key).get("contacts").status == 200
    shown = admin_client.get(reverse("admin:customers_apiuser_change", args=[user.pk])).content.decode()
    assert key not in shown and key[:6] in shown and user.developer_id in shown and "never" not in shown
    assert not ApiKey.objects.filter(digest=key).exists()


def test_keys_change_over(admin_client: Client, api: Integrator) -> None:
    old = ApiKey.objects.get()
    issue = reverse("admin:customers_apiuser_keys_issue", args=[api.user.pk])
    (key,) = KEY.findall(admin_client.post(issue).content.decode())
    assert api.get("contacts").status == 200
    revoke = reverse("admin:customers_apiuser_keys_revoke", args=[api.user.pk])
    assert admin_client.post(revoke, {"key": old.pk}).status_code == 302
    assert api.get("contacts").status == 401
    assert Integrator(api.user, key).get("contacts").status == 200


def test_whose_data_a_user_reads_is_on_record(admin_client: Client, api: Integrator) -> None:
    other = Location.objects.create(name="Other shop")
    before = [location.name for location in api.user.locations.all()]
    fields = {"name": api.user.name, "locations": [other.pk]}
    page = reverse("admin:customers_apiuser_change", args=[api.user.pk])
    assert admin_client.post(page, fields).status_code == 302
    change = changes.of(api.user)[0]
    found = [(one.what, one.old, one.new) for one in differences(change.old, change.new)]
    assert ("is active", "yes", "no") in found and ("locations", "", "Other shop") in found
    assert all(("locations", name, "") in found for name in before)
    assert (change.action, change.by) == ("changed", "admin:admin")


def test_only_who_may_change_users_may_do_so(client_who_may: Callable[..., Client], api: Integrator) -> None:
    addresses = [
        reverse(f"admin:customers_apiuser_keys_{what}", args=[api.user.pk]) for what in ("issue", "revoke")
    ]
    looking = client_who_may("customers.view_apiuser")
    for address in addresses:
        assert looking.post(address, {"key": ApiKey.objects.get().pk}).status_code == 403
        assert looking.get(address).status_code == 405
    page = looking.get(reverse("admin:customers_apiuser_change", args=[api.user.pk])).content.decode()
    assert "Revoke" not in page and "Issue a key" not in page
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_of_another_user_is_not_revoked(
    admin_client: Client, api: Integrator, stranger: Integrator
) -> None:
    key = ApiKey.objects.get(user=stranger.user)
    revoke = reverse("admin:customers_apiuser_keys_revoke", args=[api.user.pk])
    assert admin_client.post(revoke, {"key": key.pk}).status_code == 404
    assert stranger.get("contacts").status == 200
