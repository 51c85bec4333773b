"""Erasing is many transactions: killed it goes on, what is out is waited for, ten thousand cost little."""

import json
import tracemalloc
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import schedules
from customers import erasing
from customers.models import Customer
from delivery import counts, queue, settling, worker
from delivery import services as deliveries
from delivery.models import Attempt, Delivery, Endpoint, Event, Lease, Proof
from exports import sweep
from exports.models import Export
from orders.models import Order
from tests.journeys import crashes, shop
from tests.processes import Processes, wait_until
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = {"POSTRIDER_LEASE_SECONDS": "2"}


def customer() -> Customer:
    return Customer.objects.get()


def full() -> int:
    return Delivery.objects.exclude(content="").count()


def finished_in(state: str) -> int:
    return sum(number for (_, what), (number, _) in counts.totals().items() if what == state)


# --- killed ------------------------------------------------------------------------------------------


def test_killed_in_the_middle_it_goes_on(processes: Processes, receiver: Receiver) -> None:
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 4000)
    process = processes.start("erase_customer", str(customer().pk), "--yes")
    wait_until(lambda: full() < 4000, what="the first slice")
    crashes.kill(process)
    assert 0 < full() < 4000, "The kill did not come in the middle of the work."
    assert customer().is_erased and customer().erased_at is None
    assert customer().email == ""
    emptied = Delivery.objects.filter(content="")
    assert not emptied.exclude(state="cancelled").exists()
    assert set(emptied.values_list("pk", flat=True)) <= set(Proof.objects.values_list("pk", flat=True))

    schedules.tick()  # which nobody had to ask for
    wait_until(lambda: erasing.carry_on() and customer().erased_at is not None, what="the end")
    assert full() == 0 and Proof.objects.count() == 4000
    assert finished_in("cancelled") == 4000 and not receiver.requests
    assert not Event.objects.exclude(data={}).exclude(data__erased=True).exists()


def test_two_at_once_count_once(processes: Processes, receiver: Receiver) -> None:
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 1500)
    both = [processes.start("erase_customer", str(customer().pk), "--yes") for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0], both[0].output + both[1].output
    assert (full(), finished_in("cancelled"), Proof.objects.count()) == (0, 1500, 1500)
    assert Event.objects.filter(type="contact.deleted").count() == 1


# --- while something is out ---------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Answer(200, b"ada@example.com"), Answer(500, b"ada@example.com")])
def test_what_is_out_is_waited_for_and_not_written_down(
    answer: Answer, processes: Processes, receiver: Receiver
) -> None:
    receiver.answers("/", Answer(answer.status, answer.body, (("X-Told", "ada@example.com"),), delay=2))
    shop.many_deliveries(shop.a_shop(), receiver.url("/?a=1"), 1)
    carrier = processes.start("deliver", "--json")
    receiver.wait_for(1)
    erasing.request(customer(), by="admin:jane")
    looked = erasing.walk(customer(), is_patient=False)
    assert (looked.is_done, looked.left) == (False, 1) and full() == 1
    assert Lease.objects.get().is_erased
    carrier.wait()  # nobody looks meanwhile

    delivery, attempt = Delivery.objects.get(), Attempt.objects.get()
    assert delivery.state == ("delivered" if answer.status == 200 else "cancelled")
    assert (delivery.due_at, delivery.attempts_made) == (None, 1)
    assert (attempt.status, attempt.answer, attempt.answer_headers, attempt.detail) == (
        answer.status,
        "",
        "",
        "",
    )
    assert attempt.url == receiver.url("/") and attempt.request_headers == ""
    assert erasing.walk(customer()).is_done and full() == 0
    assert len(receiver.requests) == 1 and finished_in(delivery.state) == 1


def test_what_a_dead_worker_had_in_hand_is_not_sent_again(receiver: Receiver) -> None:
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 1)
    [claimed] = queue.claim(1)
    erasing.request(customer(), by="admin:jane")
    assert not erasing.walk(customer(), is_patient=False).is_done
    Lease.objects.update(ends_at=timezone.now())
    queue.mend()
    Endpoint.objects.update(ready_at=timezone.now())
    worker.drain()
    assert not receiver.requests and claimed.pk == Delivery.objects.get().pk
    Lease.objects.update(ends_at=timezone.now() - settling.timedelta(minutes=1))
    assert erasing.walk(customer(), is_patient=False).is_done
    assert Delivery.objects.get().state == "cancelled" and not receiver.requests


def test_a_sweep_that_had_read_the_person_sends_nothing(receiver: Receiver) -> None:
    """Between its reading and its writing the customer is erased, all of it."""
    store = shop.a_shop()
    profile = shop.a_profile(store, "Call centre", receiver.url("/"), "partial")
    shop.a_partial(store)
    from exports.sweep import walk

    read = walk.takes_of

    def and_then_erased(*args: Any) -> Any:
        takes = read(*args)
        erasing.request(customer(), by="admin:jane")
        assert erasing.walk(customer()).is_done
        return takes

    walk.takes_of = and_then_erased
    try:
        [report] = sweep.run([profile])
    finally:
        walk.takes_of = read
    assert not report.error and not Delivery.objects.exists()
    assert list(Export.objects.values_list("skip", "delivery_id", "is_final")) == [("erased", "", True)]


@pytest.mark.postgres
def test_it_is_not_done_while_an_older_writer_is_open(processes: Processes) -> None:
    """Who began before may still write what it had read: that is looked at once more."""
    from django.db import connections

    shop.a_partial(shop.a_shop())
    other = connections.create_connection("default")
    other.settings_dict = connection.settings_dict
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE orders_order SET updated_at = updated_at RETURNING id")
            order_id = cursor.fetchone()[0]
            cursor.execute("COMMIT; BEGIN; SELECT pg_current_xact_id()")
            erasing.request(customer(), by="admin:jane")
            assert not erasing.walk(customer(), is_patient=False).is_done
            cursor.execute("UPDATE orders_order SET email = 'ada@example.com' WHERE id = %s", [order_id])
            cursor.execute("COMMIT")
        assert erasing.walk(customer()).is_done
    finally:
        other.close()
    assert Order.objects.get().email == ""


# --- many ---------------------------------------------------------------------------------------------


def test_ten_thousand_cost_sets_and_little_memory(receiver: Receiver) -> None:
    profile = shop.many_deliveries(shop.a_shop(), receiver.url("/"), 100)
    pattern = Delivery.objects.values().first()
    assert pattern is not None
    events = list(Event.objects.filter(type="order.partial").values_list("pk", flat=True))
    content = "x" * 2000
    rows = [
        Delivery(**{**pattern, "id": f"{number:024x}", "event_id": events[number % 100], "content": content})
        for number in range(10_000)
    ]
    Delivery.objects.bulk_create(rows, batch_size=1000)
    del rows
    Delivery.objects.filter(pk__lte=f"{4999:024x}").update(
        state="delivered", due_at=None, finished_at=timezone.now(), kept_on=timezone.now().date()
    )
    assert profile.pk
    row = erasing.request(customer(), by="admin:jane")
    tracemalloc.start()
    with CaptureQueriesContext(connection) as statements:
        ended = erasing.walk(row)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ended.is_done and full() == 0 and ended.emptied["DeliveryEraser"] == 10_100
    assert len(statements) < 1500  # a dozen for each 500, three times over
    assert peak < 40_000_000
    with pytest.raises(deliveries.NotNow, match="erased"):
        deliveries.send_again(Delivery.objects.order_by("pk")[0], by="admin:jane")


def test_the_command_says_what_it_would_do(capsys: pytest.CaptureFixture[str], receiver: Receiver) -> None:
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 3)
    call_command("erase_customer", customer().public_id, "--dry-run")
    said = capsys.readouterr().out
    assert "deliveries: 3" in said and "Nothing was changed" in said and not customer().is_erased
    with pytest.raises(CommandError, match="--yes"):
        call_command("erase_customer", str(customer().pk))
    for unknown in ("0", "x", "9" * 30, "\x00"):
        with pytest.raises(CommandError, match="no customer"):
            call_command("erase_customer", str(customer().pk), unknown, "--yes")
    assert not customer().is_erased
    call_command("erase_customer", str(customer().pk), "--yes", "--json")
    [told] = json.loads(capsys.readouterr().out)["customers"]
    assert told["is_erased"] and told["planned"]["deliveries"] == 3 and told["emptied"] > 6
    call_command("erase_customer", str(customer().pk), "--yes")
    assert "before" in capsys.readouterr().out
