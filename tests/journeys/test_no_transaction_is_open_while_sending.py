"""While requests are out, Postrider holds nothing of the database: whoever wants to write can."""

import pytest
from django.db import connection

from delivery.models import Lease
from tests.journeys import crashes, shop
from tests.processes import Processes, wait_until
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_transaction_is_open_while_sending(processes: Processes, receiver: Receiver) -> None:
    receiver.answers("*", Answer(delay=3))
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 8)
    process = processes.start("deliver")
    receiver.wait_for(8)
    assert crashes.other_connections() == (1 if connection.vendor == "postgresql" else 0)
    # A look for more work may be open this very moment; one around the sending would stay.
    wait_until(lambda: not crashes.others_hold_a_transaction(), 1, what="a moment without a transaction")
    assert Lease.objects.filter(delivery__state="pending").count() == 8, (
        "They were not out any more when we looked."
    )
    assert process.wait() == 0
