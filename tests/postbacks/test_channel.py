"""A postback at each attempt: what is said, how often, how far apart, with which login, in which words."""

import base64
from datetime import timedelta

import pytest
from django.db import connection
from standardwebhooks import Webhook

from customers import services as customers
from customers.history import history
from customers.models import Location
from delivery import services as deliveries
from delivery import worker
from delivery.channels import channel
from delivery.models import Attempt, Count, Delivery, SigningSecret
from postbacks import services, taking
from postbacks.models import PostbackConfig
from tests.exports.partners import everything_stored
from tests.postbacks.listeners import (
    BY,
    a_config,
    a_contact,
    a_gateway,
    a_location,
    all_said,
    carry,
    due_now,
)
from tests.receiver import Answer, Receiver, redirect

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "hunter2 & <geheim>"
LOGIN = base64.b64encode(f"shop:{PASSWORD}".encode()).decode()


@pytest.fixture
def here() -> Location:
    return a_location()


def only() -> Delivery:
    return Delivery.objects.get()


def tried_until_nothing_is_due(most: int = 10) -> None:
    for _ in range(most):
        due_now()
        worker.drain()


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_number_of_attempts_is_kept_to_the_letter(
    here: Location, receiver: Receiver, attempts: int
) -> None:
    receiver.answers("/hook", 500)
    a_config(here, receiver.url("/hook"), number_of_attempts=attempts)
    a_contact(here)
    carry()
    tried_until_nothing_is_due()
    assert [one.number for one in all_said(receiver)] == list(range(1, attempts + 1))
    assert (only().state, only().attempts_made) == ("failed", attempts)
    assert len({request.header("webhook-id") for request in receiver.requests}) == 1
    assert len({tuple(one.data.items()) for one in all_said(receiver)}) == 1


@pytest.mark.parametrize("interval", [300, 86_400])
def test_the_interval_counts_from_the_end_of_an_attempt(
    here: Location, receiver: Receiver, interval: int
) -> None:
    """Whatever `Retry-After` says, and however many failed before."""
    receiver.answers("/hook", Answer(503, headers=(("Retry-After", "1"),)))
    a_config(here, receiver.url("/hook"), number_of_attempts=3, attempt_interval=interval)
    a_contact(here)
    carry()
    for number in (1, 2):
        attempt = Attempt.objects.get(number=number)
        ended = attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
        assert only().due_at == ended + timedelta(seconds=interval)
        due_now()
        worker.drain()
    assert only().state == "failed"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_acknowledges_and_it_is_never_sent_again(
    here: Location, receiver: Receiver, status: int
) -> None:
    receiver.answers("/hook", 500, Answer(status, body=b"" if status == 204 else b"no!"))
    a_config(here, receiver.url("/hook"), number_of_attempts=5)
    a_contact(here)
    carry()
    tried_until_nothing_is_due()
    assert [one.number for one in all_said(receiver)] == [1, 2]
    assert (only().state, only().due_at) == ("delivered", None)


@pytest.mark.parametrize("answer", [redirect("/elsewhere"), Answer(400), Answer(404), Answer(500)])
def test_anything_else_does_not(here: Location, receiver: Receiver, answer: Answer) -> None:
    receiver.answers("/hook", answer)
    a_config(here, receiver.url("/hook"), number_of_attempts=2)
    a_contact(here)
    carry()
    assert (only().state, len(receiver.requests)) == ("waiting", 1)


def test_410_ends_it_at_once_and_is_seen_at_the_endpoint(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 410)
    config = a_config(here, receiver.url("/hook"), number_of_attempts=5)
    a_contact(here)
    carry()
    assert (only().state, only().last_error) == ("failed", "gone")
    config.endpoint.refresh_from_db()
    assert config.endpoint.last_error == "gone"


def test_a_dead_receiver_is_not_spared_attempts_of_others(here: Location, receiver: Receiver) -> None:
    """A fixed number of attempts keeps its times: its endpoint does not sleep."""
    receiver.answers("/hook", 500)
    config = a_config(here, receiver.url("/hook"))
    for _ in range(25):
        a_contact(here)
    carry()
    config.endpoint.refresh_from_db()
    assert (config.endpoint.asleep_until, len(receiver.requests)) == (None, 25)


def test_basic_auth_goes_out_and_is_seen_nowhere(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", Answer(500, body=f"no: {PASSWORD} {LOGIN}".encode()))
    a_config(here, receiver.url("/hook"), basic_auth_username="shop", basic_auth_password=PASSWORD)
    a_contact(here)
    carry()
    assert receiver.requests[0].header("Authorization") == f"Basic {LOGIN}"
    stored = everything_stored()
    assert PASSWORD not in stored and LOGIN not in stored
    assert "hunter2" not in channel("postback").said(only()).body
    assert ("Authorization", "Basic ********") in channel("postback").said(only()).headers


def test_without_a_user_name_there_is_no_authorization(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    a_contact(here)
    carry()
    assert receiver.requests[0].header("Authorization") is None


def test_every_attempt_is_signed_anew(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 200)
    config = a_config(here, receiver.url("/hook"), number_of_attempts=2)
    a_contact(here)
    carry()
    due_now()
    worker.drain()
    secret = SigningSecret.objects.get(endpoint=config.endpoint).secret
    for request in receiver.requests:
        Webhook(secret).verify(
            request.body, {name.lower(): value for name, value in request.headers}, json_parse=False
        )


def test_another_url_is_where_what_waits_goes(here: Location, receiver: Receiver) -> None:
    receiver.answers("/old", 500)
    config = a_config(here, receiver.url("/old"), number_of_attempts=2)
    a_contact(here)
    carry()
    endpoint = config.endpoint_id
    services.edit(config, by=BY, url=receiver.url("/new"))
    worker.drain()
    assert [request.path for request in receiver.requests] == ["/old", "/new"]
    config.refresh_from_db()
    assert config.endpoint_id == endpoint
    assert only().state == "delivered"


def test_send_again_adds_an_attempt_and_uses_none_up(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500)
    a_config(here, receiver.url("/hook"), number_of_attempts=2)
    a_contact(here)
    carry()
    for _ in range(3):
        deliveries.send_again(only(), by="admin:jane")
        worker.drain()
        assert only().state == "waiting"
    due_now()
    worker.drain()
    assert (only().state, only().attempts_made, only().attempts_asked) == ("failed", 5, 3)
    assert [one.number for one in all_said(receiver)] == [1, 2, 3, 4, 5]
    deliveries.send_again(only(), by="admin:jane")
    worker.drain()
    assert (only().state, only().due_at) == ("failed", None)


def test_send_again_never_takes_back_a_yes(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 200, 500)
    a_config(here, receiver.url("/hook"), number_of_attempts=5)
    a_contact(here)
    carry()
    deliveries.send_again(only(), by="admin:jane")
    worker.drain()
    assert (only().state, only().due_at, len(receiver.requests)) == ("delivered", None, 2)


def test_a_secret_that_cannot_be_read_uses_up_no_attempt(
    here: Location, receiver: Receiver, settings
) -> None:
    a_config(here, receiver.url("/locked"), basic_auth_username="shop", basic_auth_password="x")
    a_config(here, receiver.url("/open"))
    a_contact(here)
    taking.run()
    old = PostbackConfig.objects.order_by("pk").values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE postbacks_postbackconfig SET basic_auth_password = 'gAAAAA' WHERE id = %s", [old]
        )
    worker.drain()
    assert [request.path for request in receiver.requests] == ["/open"]
    waiting = Delivery.objects.get(target_id=old)
    assert (waiting.state, waiting.attempts_made, waiting.last_error) == ("waiting", 0, "config")


def test_a_test_is_marked_on_record_in_no_count_and_tried_once(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500)
    config = a_config(here, receiver.url("/hook"), number_of_attempts=5)
    contact = a_contact(here, last_name="Newest")
    taking.run()
    Delivery.objects.all().delete()
    before = list(Count.objects.order_by("pk").values_list("what", "number"))
    services.send_test(config, by="admin:jane")
    worker.drain()
    (told,) = all_said(receiver)
    assert (told.type, told.data["last_name"]) == ("CREATE", "Newest")
    assert receiver.requests[0].header("X-Postrider-Test") == "true"
    assert (only().is_test, only().state) == (True, "failed")
    assert list(Count.objects.order_by("pk").values_list("what", "number")) == before
    assert history(contact).entries[0].lines == ()


@pytest.mark.parametrize("resource", PostbackConfig.Resource.values)
def test_a_test_says_something_of_every_resource(here: Location, receiver: Receiver, resource: str) -> None:
    config = a_config(here, receiver.url("/hook"), resource=resource, gateway=a_gateway(here))
    services.send_test(config, by=BY)
    worker.drain()
    (told,) = all_said(receiver)
    assert told.data["id"]


def test_a_switched_off_one_may_be_tested_and_a_deleted_one_not(here: Location, receiver: Receiver) -> None:
    config = a_config(here, receiver.url("/hook"), is_active=False)
    services.send_test(config, by=BY)
    worker.drain()
    assert (len(receiver.requests), only().state) == (1, "delivered")
    services.delete(config, by=BY)
    with pytest.raises(services.ConfigDeleted):
        services.send_test(config, by=BY)


def test_the_history_says_what_became_of_it(here: Location, receiver: Receiver) -> None:
    receiver.answers("/hook", 500, 500, 200)
    config = a_config(here, receiver.url("/hook"), number_of_attempts=2)
    contact = a_contact(here)
    assert lines(contact) == []
    taking.run()
    name = f"postback config '{config}'"
    assert lines(contact) == [f"CREATE contact is waiting to be posted back to {name}"]
    worker.drain()
    failed = f"CREATE contact failed to be posted back to {name} due to error 500 Internal Server Error"
    assert lines(contact)[0].startswith(f"{failed}: attempt 1, next ")
    due_now()
    worker.drain()
    assert lines(contact) == [f"{failed}: given up after 2 attempts"]
    deliveries.send_again(only(), by=BY)
    assert lines(contact) == [f"{failed}: given up after 2 attempts; it is being sent again"]
    worker.drain()
    assert lines(contact) == [f"CREATE contact posted back to {name}"]


def lines(contact: object) -> list[str]:
    (entry,) = history(contact).entries  # type: ignore[arg-type]
    return [line.text for line in entry.lines]


def test_umlauts_and_hostile_texts_arrive_as_they_are(here: Location, receiver: Receiver) -> None:
    a_config(here, receiver.url("/hook"))
    name = "Zoë & Söhne <script>&data=x%00 😀 שלום"
    a_contact(here, last_name=name)
    carry()
    assert all_said(receiver)[0].data["last_name"] == name


def test_what_was_sent_differs_between_attempts_in_the_number_alone(
    here: Location, receiver: Receiver
) -> None:
    receiver.answers("/hook", 500)
    a_config(here, receiver.url("/hook"), number_of_attempts=2)
    contact = a_contact(here)
    carry()
    customers.update(contact, by=BY, last_name="Later")
    due_now()
    worker.drain()
    first, second = (request.body for request in receiver.requests)
    assert second == first.replace(b"number_of_attempts=1", b"number_of_attempts=2")
