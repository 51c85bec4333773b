"""The database goes and comes back: workers that stay awake endure it, and go on."""

import pytest
from django.db import connection

from delivery.models import Delivery
from exports import sweep
from tests.journeys import crashes, shop
from tests.processes import Processes, wait_until
from tests.receiver import Answer, Receiver

LISTENS = "state = 'idle' AND query LIKE 'SELECT MIN(%'"  # the last that it asks before it waits
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def cut_off_all_others() -> int:
    """What a server that restarts does to those who are connected; how many they were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def test_while_a_worker_listens(processes: Processes, receiver: Receiver) -> None:
    store = shop.a_shop()
    profile = shop.a_profile(store, "Partner", receiver.url("/"), "partial")
    worker = processes.start("deliver", "--stay")
    for number in range(1, 4):
        wait_until(lambda: crashes.other_connections(LISTENS), what="it to listen")
        assert cut_off_all_others() == 1
        shop.a_partial(store)
        sweep.run([profile])
        receiver.wait_for(number)
    assert worker.popen.poll() is None, worker.output
    worker.popen.terminate()
    assert worker.wait() == 0


def test_while_requests_are_out(processes: Processes, receiver: Receiver) -> None:
    """What comes back meanwhile is written when the database is there again; nothing is sent twice."""
    receiver.answers("*", Answer(delay=1))
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 8)
    worker = processes.start("deliver")
    receiver.wait_for(8)
    assert cut_off_all_others() == 1
    assert worker.wait() == 0
    assert Delivery.objects.filter(state="delivered", attempts_made=1).count() == 8
    assert len(receiver.requests) == 8


def test_the_server_gives_up_on_who_is_silent_in_a_transaction() -> None:
    """Its locks would keep the others waiting for hours (tests/torture/machines.py)."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)
