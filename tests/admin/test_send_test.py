"""Send test: to the real URL, once; on record, in no count, in no history; seen in place."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from customers.history import history
from delivery import counts, worker
from delivery.models import Count, Delivery, Endpoint
from exports import services
from exports.models import Export, ExportProfile
from tests.admin.profile_form import address
from tests.admin.store import SECRET, Store, set_to
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _loopback(settings: LazySettings) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def profile(store: Store, receiver: Receiver) -> ExportProfile:
    """The store's, with the receiver as its partner; nothing else waits."""
    Delivery.objects.filter(pk=store.delivery.pk).update(due_at=None, state="delivered")
    Endpoint.objects.update(ready_at=None)
    ExportProfile.objects.filter(pk=store.profile.pk).update(url=receiver.url("/partner"))
    return ExportProfile.objects.get(pk=store.profile.pk)


def _send(client: Client, profile: ExportProfile, **given: object) -> Delivery:
    response = client.post(address("test", profile), given, headers={"HX-Request": "true"})
    assert response.status_code == 200, response.content.decode()
    assert "Queued" in response.content.decode()
    return Delivery.objects.filter(is_test=True).latest("pk")


def _outcome(client: Client, profile: ExportProfile, test: Delivery, **given: object) -> str:
    text: str = client.get(address("tested", profile, test.pk), given).content.decode()
    return text


def test_it_goes_out_once_with_the_order_that_was_chosen(
    store: Store, profile: ExportProfile, receiver: Receiver, admin_client: Client
) -> None:
    receiver.answers("/partner", Answer(200, b"<b>taken</b>"))
    test = _send(admin_client, profile, order=store.order.pk)
    worker.drain()
    (request,) = receiver.requests
    assert dict(request.query)["order"] == store.order.client_order_id
    assert dict(request.query)["token"] == SECRET
    assert request.header("webhook-id") == test.pk and request.header("webhook-signature")
    seen = _outcome(admin_client, profile, test)
    assert "Delivered" in seen and "200" in seen and "&lt;b&gt;taken&lt;/b&gt;" in seen
    assert "hx-get" not in seen and SECRET not in seen


def test_it_is_on_record_and_in_no_count_no_history_and_nothing_that_was_taken(
    store: Store, profile: ExportProfile, receiver: Receiver, admin_client: Client
) -> None:
    Count.objects.all().delete()
    taken, entries = Export.objects.count(), history(store.customer).entries
    test = _send(admin_client, profile)
    worker.drain()
    test.refresh_from_db()
    assert (test.state, test.event, test.attempts.count(), test.is_test) == ("delivered", None, 1, True)
    assert test.attempts.get().asked_by == "admin:admin"
    assert counts.totals() == {}
    assert Export.objects.count() == taken
    assert history(store.customer).entries == entries
    page = admin_client.get(f"/admin/delivery/delivery/{test.pk}/change/").content.decode()
    assert "A test exported to" in page


@pytest.mark.parametrize("status", [404, 429, 503])
def test_one_that_fails_is_not_tried_again(
    profile: ExportProfile, receiver: Receiver, admin_client: Client, status: int
) -> None:
    receiver.answers("/partner", Answer(status, b"no", (("Retry-After", "1"),)))
    test = _send(admin_client, profile)
    worker.drain()
    test.refresh_from_db()
    assert (test.state, test.due_at, test.attempts_made) == ("failed", None, 1)
    assert str(status) in _outcome(admin_client, profile, test)
    assert len(receiver.requests) == 1


def test_it_goes_while_the_profile_is_switched_off_and_nothing_else_does(
    store: Store, profile: ExportProfile, receiver: Receiver, admin_client: Client
) -> None:
    set_to(store.delivery, state="waiting", due_at=timezone.now(), kept_on=None)
    services.switch_off(profile, by="admin:jane")
    tests = [_send(admin_client, profile) for _ in range(2)]
    worker.drain()
    assert [Delivery.objects.get(pk=test.pk).state for test in tests] == ["delivered", "delivered"]
    assert {request.header("webhook-id") for request in receiver.requests} == {test.pk for test in tests}
    store.delivery.refresh_from_db()
    assert (store.delivery.state, store.delivery.due_at) == ("waiting", None)
    assert Endpoint.objects.get(pk=profile.endpoint_id).is_held


def test_it_is_the_probe_of_a_partner_that_sleeps(
    profile: ExportProfile, receiver: Receiver, admin_client: Client
) -> None:
    later = timezone.now() + timedelta(hours=1)
    Endpoint.objects.filter(pk=profile.endpoint_id).update(
        asleep_since=timezone.now(), asleep_until=later, ready_at=later, failures_in_a_row=9
    )
    _send(admin_client, profile)
    worker.drain()
    assert len(receiver.requests) == 1
    assert Endpoint.objects.get(pk=profile.endpoint_id).asleep_until is None


def test_without_a_worker_it_is_queued_and_says_so(profile: ExportProfile, admin_client: Client) -> None:
    test = _send(admin_client, profile)
    assert "hx-get" in _outcome(admin_client, profile, test)
    late = _outcome(admin_client, profile, test, looks=70)
    assert "Nobody has taken it yet" in late and "hx-get" not in late


def test_an_address_that_is_not_allowed_is_an_outcome_and_no_request(
    profile: ExportProfile, receiver: Receiver, admin_client: Client, settings: LazySettings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = []
    test = _send(admin_client, profile)
    worker.drain()
    assert "127.0.0.1" in _outcome(admin_client, profile, test) and not receiver.requests
    test.refresh_from_db()
    assert (test.state, test.last_error) == ("failed", "forbidden_address")


def test_sensitive_data_leaves_in_no_test_without_approved_documentation(
    profile: ExportProfile, admin_client: Client
) -> None:
    services.switch_off(profile, by="admin:jane")
    profile.mappings.create(position=9, export_name="dob", field="dateOfBirth")
    response = admin_client.post(address("test", profile), headers={"HX-Request": "true"})
    assert response.status_code == 422 and "PCI documentation" in response.content.decode()
    assert not Delivery.objects.filter(is_test=True).exists()


def test_a_secret_that_is_missing_stops_it(profile: ExportProfile, admin_client: Client) -> None:
    profile.mappings.filter(export_name="token").update(secret_value="")
    response = admin_client.post(address("test", profile), headers={"HX-Request": "true"})
    assert response.status_code == 422 and "secret value of token" in response.content.decode()


def test_without_scripts_it_leads_to_the_delivery(profile: ExportProfile, admin_client: Client) -> None:
    page = admin_client.post(address("test", profile), follow=True).content.decode()
    assert Delivery.objects.get(is_test=True).pk in page
    ExportProfile.objects.filter(pk=profile.pk).update(url="")
    page = admin_client.post(address("test", profile), follow=True).content.decode()
    assert "No test was sent. Type in the Postback URL" in page


def test_without_scripts_who_may_see_no_deliveries_is_told_on_the_profile(
    profile: ExportProfile, client_who_may: Callable[..., Client]
) -> None:
    client = client_who_may("exports.change_exportprofile")
    sent = client.post(address("test", profile), follow=True)
    assert sent.redirect_chain == [(address("change", profile), 302)] and sent.status_code == 200
    assert "The test goes out now." in sent.content.decode()
    assert Delivery.objects.filter(is_test=True).count() == 1


def test_only_who_may_change_the_profile_sends_and_sees(
    store: Store, profile: ExportProfile, client_who_may: Callable[..., Client], admin_client: Client
) -> None:
    looker = client_who_may("exports.view_exportprofile", "delivery.view_delivery")
    assert looker.post(address("test", profile)).status_code == 403
    assert admin_client.get(address("test", profile)).status_code == 405
    test = _send(admin_client, profile)
    assert looker.get(address("tested", profile, test.pk)).status_code == 403
    assert admin_client.get(address("tested", profile, store.delivery.pk)).status_code == 404  # no test
