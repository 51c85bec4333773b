"""A drain ends when nothing is due any more, and not when it has just had no time to look."""

import json
import time

import pytest

from delivery.models import Delivery
from tests.journeys import crashes, shop
from tests.processes import Processes
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_that_is_out_lands_while_an_outcome_is_written(processes: Processes, receiver: Receiver) -> None:
    """The database is slow for a moment; then nothing is out, and what has not been claimed is due still."""
    receiver.answers("*", Answer(delay=0.1))
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 100)
    process = processes.start("deliver", "--json", POSTRIDER_SEND_THREADS="8")
    receiver.wait_for(1)
    with crashes.nobody_writes("delivery_attempt"):
        receiver.wait_for(64)  # all that it had claimed
        time.sleep(0.3)
    assert process.wait() == 0
    assert json.loads(process.output) == {"delivered": 100, "failed": 0, "lost": 0, "due": 0}
    assert Delivery.objects.filter(state="delivered").count() == 100
