"""The promise: the example of the postback documentation, step by step, arrives as it says.

A config for the contacts of a location is made, a contact is created, and the receiver gets one POST whose
body is a form of `type`, `resource`, `number_of_attempts` and `data`; `data` has the example's keys in the
example's order.
"""

import pytest

from customers import services as customers
from customers.models import Customer, Location
from delivery import worker
from delivery.models import Delivery
from postbacks import services
from tests.postbacks.listeners import due_now
from tests.processes import Processes, wait_until
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

# The documentation's own data block, of a contact who has a last name and nothing else.
EXAMPLE = (
    '{"id":"11e66c8a943ff4b2bf1b2102","location_id":"23948sdnfia1129i9asf92","account_number":null,'
    '"contact_api_id":null,"company_name":null,"first_name":null,"last_name":"Lue","email":null,'
    '"address":null,"city":null,"state":null,"zip":null,"home_phone":null,"cell_phone":null,'
    '"office_phone":null,"office_ext_phone":null,"email_trx_receipt":false,"created_ts":1472325312,'
    '"modified_ts":1472325312,"date_of_birth":null,"header_message":null,"header_message_type_id":0,'
    '"contact_c1":null,"contact_c2":null,"contact_c3":null,"contact_balance":null}'
)
ATTEMPT_INTERVAL = 300


def test_step_by_step(processes: Processes, receiver: Receiver) -> None:
    """With the worker that is always awake: nobody has to ask for it."""
    receiver.answers("/receiver", 500, 200)
    location = Location.objects.create(name="Main store")
    services.create(  # step 1
        location=location,
        by="api:client",
        resource="contact",
        url=receiver.url("/receiver"),
        attempt_interval=ATTEMPT_INTERVAL,
        number_of_attempts=2,
        expands="",
    )
    cluster = processes.start("qcluster")
    contact = customers.create(location, by="api:client", last_name="Lue")  # step 2
    receiver.wait_for(1)  # step 3
    assert receiver.requests[0].form == [
        ("type", "CREATE"),
        ("resource", "contact"),
        ("number_of_attempts", "1"),
        ("data", filled_in(contact)),
    ]

    wait_until(lambda: Delivery.objects.get().state == "waiting", what="the outcome")  # step 4
    waits = Delivery.objects.get().due_at
    assert waits is not None
    attempt = Delivery.objects.get().attempts.get()
    assert (
        0 <= (waits - attempt.started_at).total_seconds() - ATTEMPT_INTERVAL < attempt.duration_ms / 1000 + 1
    )
    due_now()
    customers.add_note(contact, "Called.", by="admin:jane")  # any commit wakes the worker
    receiver.wait_for(2)
    first, second = (request.body for request in receiver.requests)
    assert second == first.replace(b"number_of_attempts=1", b"number_of_attempts=2")
    wait_until(lambda: Delivery.objects.get().state == "delivered", what="the outcome")
    cluster.interrupt()
    cluster.wait()
    worker.drain()
    assert len(receiver.requests) == 2  # and never again


def filled_in(contact: Customer) -> str:
    """The example with the ids and times of ours."""
    data = EXAMPLE
    for theirs, ours in (
        ("11e66c8a943ff4b2bf1b2102", contact.public_id),
        ("23948sdnfia1129i9asf92", contact.location.public_id),
        ("1472325312", str(int(contact.created_at.timestamp()))),
    ):
        data = data.replace(theirs, ours)
    return data
