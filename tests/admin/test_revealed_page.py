"""A delivery with its secrets: for who may see them, at the press of a button, and on record."""

from collections.abc import Callable

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from delivery.models import Delivery
from delivery.secrets import MASK
from tests.admin.store import SCRIPT, SECRET, Store, set_to

MAY = ("delivery.view_delivery", "delivery.view_secrets")


def page(delivery: Delivery, name: str) -> str:
    return reverse(f"admin:delivery_delivery_{name}", args=[delivery.pk])


def test_masked_until_asked_for(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may(*MAY)
    before = client.get(page(store.delivery, "change")).content.decode()
    assert "Show with secret values" in before and SECRET not in before
    shown = client.post(page(store.delivery, "revealed")).content.decode()
    assert f"token={SECRET}" in shown and MASK not in shown
    assert "list_id=400" in shown and "<strong>GET</strong>" in shown
    assert SECRET not in client.get(page(store.delivery, "change")).content.decode()


def test_looking_is_on_record(store: Store, client_who_may: Callable[..., Client]) -> None:
    client_who_may(*MAY).post(page(store.delivery, "revealed"))
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.get_username()) == (store.delivery.pk, "staff0")
    assert "secret values" in entry.get_change_message() and SECRET not in entry.change_message


def test_who_may_not_sees_nothing(store: Store, client_who_may: Callable[..., Client]) -> None:
    for may in (("delivery.view_delivery",), ("delivery.view_secrets",), ()):
        client = client_who_may(*may)
        answer = client.post(page(store.delivery, "revealed"))
        assert answer.status_code == 403 and SECRET not in answer.content.decode()
    looker = client_who_may(
        "delivery.view_delivery", "delivery.send_again_delivery", "exports.view_exportprofile"
    )
    assert "Show with secret values" not in looker.get(page(store.delivery, "change")).content.decode()
    assert Client().post(page(store.delivery, "revealed")).status_code == 302
    assert not LogEntry.objects.exists()


def test_it_is_no_link_that_somebody_could_send(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may(*MAY)
    assert client.get(page(store.delivery, "revealed")).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(page(store.delivery, "revealed")).status_code == 403
    assert not LogEntry.objects.exists()


def test_what_others_wrote_is_never_markup(store: Store, admin_client: Client) -> None:
    store.profile.url = f"https://example.com/{SCRIPT}"
    store.profile.save()
    answer = admin_client.post(page(store.delivery, "revealed"))
    assert answer.status_code == 200 and SCRIPT not in answer.content.decode()


def test_what_cannot_be_sent_is_said(store: Store, admin_client: Client) -> None:
    set_to(store.delivery, state="waiting")
    store.profile.mappings.filter(is_secret=True).delete()
    html = admin_client.post(page(store.delivery, "revealed")).content.decode()
    assert "Nothing can be sent now" in html and "was removed" in html


def test_what_is_not_there(store: Store, admin_client: Client) -> None:
    url = reverse("admin:delivery_delivery_revealed", args=["f" * 30])
    assert admin_client.post(url).status_code == 404
