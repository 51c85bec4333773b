"""The receiver is down for three cycles: nothing is lost, and the history has one entry for each delivery."""

from datetime import timedelta

import pytest

from customers.history import Line, history
from delivery import retries, worker
from delivery.models import Attempt, Delivery, Endpoint
from delivery.worker import Tally
from exports import sweep
from exports.models import ExportProfile
from tests.journeys import crashes, shop
from tests.journeys.shop import Shop
from tests.passing import all_is_due, pass_by
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "JITTER", 0)


def test_all_arrives_when_it_is_up_again(receiver: Receiver) -> None:
    store = shop.a_shop()
    profile = shop.a_profile(store, "Call centre", receiver.url("/"), "partial")
    order = shop.a_partial(store)
    sweep.run([profile])
    receiver.stop()
    for cycle in (1, 2, 3):
        assert worker.drain() == Tally(failed=1)
        assert [line.state for line in lines(store)] == ["waiting"]
        assert all(words_of_a_failure(profile, cycle) in line.text for line in lines(store))
        wait = 2 ** (cycle - 1) * MINUTE
        pass_by(wait - timedelta(seconds=20))
        assert worker.drain() == Tally()
        pass_by(timedelta(seconds=21))
    assert Endpoint.objects.get().failures_in_a_row == 3

    receiver.start()
    assert worker.drain() == Tally(delivered=1)
    expected = f"Order {order.client_order_id} exported to 'Call centre' (Partial)"
    assert [(line.text, line.state) for line in lines(store)] == [(expected, "delivered")]
    for delivery in Delivery.objects.all():
        tries = delivery.attempts.order_by("number").values_list("number", "error")
        assert list(tries) == [(1, "refused"), (2, "refused"), (3, "refused"), (4, "")]
        assert delivery.attempts_made == 4
    assert sorted(crashes.ids(receiver.requests)) == sorted(Delivery.objects.values_list("pk", flat=True))
    assert Endpoint.objects.get().failures_in_a_row == 0


def test_waits_grow_to_an_hour_and_no_further(receiver: Receiver) -> None:
    shop.many_deliveries(shop.a_shop(), receiver.url("/"), 1)
    receiver.stop()
    waits = []
    for _ in range(9):
        assert worker.drain() == Tally(failed=1)
        delivery, last = Delivery.objects.get(), Attempt.objects.latest("number")
        assert delivery.due_at is not None
        waits.append(round((delivery.due_at - last.started_at) / MINUTE, 1))
        all_is_due()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def lines(store: Shop) -> list[Line]:
    """Those of the customer's history, newest first; no entry has more than one."""
    entries = history(store.customer).entries
    assert all(len(entry.lines) <= 1 for entry in entries)
    return [line for entry in entries for line in entry.lines]


def words_of_a_failure(profile: ExportProfile, cycle: int) -> str:
    return (
        f"failed to export to export profile 'Call centre' ({profile.pk}) due to error "
        f"The connection was refused: attempt {cycle}, next "
    )
