"""Whatever goes out is signed: the published library accepts it, with the secret of its endpoint."""

import time

import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from delivery import services, signing
from delivery.models import Attempt, Delivery, SigningSecret
from exports.models import ExportProfile
from tests.exports.partners import (
    JSON,
    a_profile,
    a_sale,
    a_store,
    carry,
    everything_stored,
    field,
    only_delivery,
    static,
    sweep_all,
)
from tests.receiver import Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


def secrets_of(profile: ExportProfile) -> list[str]:
    return [row.secret for row in SigningSecret.objects.filter(endpoint=profile.endpoint)]


def is_accepted(secret: str, request: Request) -> bool:
    """What a receiver says that has the published library."""
    try:
        Webhook(secret).verify(request.body, dict(request.headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def test_bodies_and_queries_of_every_profile(receiver: Receiver) -> None:
    store = a_store(first_name="Zoë")
    rows = [field("name", "firstName"), field("order", "clientOrderId")]
    ways = {"/query": [], "/form": [static("header:X-A", "1")], "/json": [static(*JSON)]}
    profiles = {path: a_profile(store, receiver.url(path), [*rows, *more]) for path, more in ways.items()}
    a_sale(store)
    sweep_all()
    carry()
    assert sorted(request.path for request in receiver.requests) == sorted(ways)
    for request in receiver.requests:
        accepting = [path for path, one in profiles.items() if is_accepted(secrets_of(one)[0], request)]
        assert accepting == [request.path]
        assert (request.header("User-Agent") or "").startswith("Postrider/")
    assert {delivery.state for delivery in Delivery.objects.all()} == {"delivered"}


def test_each_attempt_is_signed_afresh_and_both_secrets_are_good_meanwhile(receiver: Receiver) -> None:
    receiver.answers("*", 500, 500, 200)
    store = a_store()
    profile = a_profile(store, receiver.url("/hook"), [field("name", "firstName"), static(*JSON)])
    a_sale(store)
    sweep_all()
    carry()
    signing.rotate(profile.endpoint_id, by="admin:jane")
    for hours in (1, 30):  # while both are good, and when only the new one is
        with time_machine.travel(time.time() + hours * 3600, tick=True):
            services.send_again(only_delivery(), by="test")
            carry()
    first, second, third = receiver.requests
    new, old = secrets_of(profile)
    with time_machine.travel(float(second.header("webhook-timestamp") or 0)):
        assert [is_accepted(secret, second) for secret in (new, old)] == [True, True]
        assert [is_accepted(secret, first) for secret in (new, old)] == [False, False]  # an hour old
    with time_machine.travel(float(third.header("webhook-timestamp") or 0)):
        assert [is_accepted(secret, third) for secret in (new, old)] == [True, False]
    assert len({(one.header("webhook-id"), one.body) for one in receiver.requests}) == 1
    assert len({one.header("webhook-timestamp") for one in receiver.requests}) == 3
    shown = [attempt.request_headers for attempt in Attempt.objects.order_by("number")]
    for request, headers in zip(receiver.requests, shown, strict=True):
        assert (request.header("webhook-signature") or "none") in headers
    assert not [secret for secret in (new, old) if secret.removeprefix("whsec_") in everything_stored()]
