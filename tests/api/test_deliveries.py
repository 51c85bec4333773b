"""`/v2/deliveries` and `/v2/orders/{id}/explain`: what went out, why, and once more."""

import pytest

from customers.models import Location
from delivery.models import Delivery
from exports import sweep
from tests.admin.store import SECRET, a_profile, an_attempt, set_to
from tests.api.clients import Integrator
from tests.api.test_orders import post


@pytest.fixture
def order_id(api: Integrator, here: Location) -> str:
    """Of an order that a profile has taken."""
    profile = a_profile(here)
    order: str = post(api, here).body["order"]["id"]
    sweep.run([profile])
    return order


def test_deliveries_are_listed_filtered_and_read(api: Integrator, order_id: str) -> None:
    (delivery,) = api.get(f"deliveries?order_id={order_id}&state=pending&event_type=order.partial").body[
        "deliveries"
    ]
    assert delivery["target_name"] == "Call centre partials" and delivery["order_id"] == order_id
    assert api.get(f"deliveries/{delivery['id']}").body == {"delivery": delivery}
    assert api.get("deliveries?state=delivered").body["deliveries"] == []


def test_attempts_are_embedded_without_secrets(api: Integrator, order_id: str) -> None:
    delivery = Delivery.objects.get()
    for number in (1, 2):
        an_attempt(delivery, number)
    one = api.get(f"deliveries/{delivery.pk}?expand=attempts").body["delivery"]
    assert [attempt["number"] for attempt in one["attempts"]] == [2, 1]
    assert SECRET not in str(one)


def test_a_delivery_is_sent_again(api: Integrator, order_id: str) -> None:
    delivery = Delivery.objects.get()
    set_to(delivery, state="failed", due_at=None, attempts_made=1)
    answer = api.post(f"deliveries/{delivery.pk}/resend", None)
    assert answer.status == 200 and answer.body["delivery"]["due_ts"] is not None
    delivery.refresh_from_db()
    assert delivery.asked_by == "api:shop"
    set_to(delivery, lease=True)
    busy = api.post(f"deliveries/{delivery.pk}/resend", None)
    assert busy.status == 422 and list(busy.errors) == ["delivery"]


def test_why(api: Integrator, order_id: str) -> None:
    answer = api.get(f"orders/{order_id}/explain")
    assert answer.status == 200
    (verdict,) = answer.body["explain"]["verdicts"]
    assert (verdict["profile"], verdict["outcome"]) == ("Call centre partials", "exported")
    assert verdict["customer_type"] == "Partial" and verdict["delivery_id"]
