"""Two changes of one record at once: each keeps the columns that the other did not name."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from customers.models import Customer, Location
from orders.models import Order
from tests.api.clients import Answer, Integrator, an_integrator
from tests.api.test_orders import post
from tests.journeys import crashes
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.mark.parametrize(("what", "model"), [("contact", Customer), ("order", Order)])
def test_each_keeps_its_own(what: str, model: type[Customer | Order]) -> None:
    here = Location.objects.create(name="Main store")
    api = an_integrator(here)
    order = post(api, here).body["order"]
    path = f"{what}s/{order['contact_id'] if what == 'contact' else order['id']}"
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            list(model._default_manager.select_for_update().values_list("pk"))
            answers = [
                pool.submit(_put, api, path, {what: change}) for change in ({"city": "Rome"}, {"state": "NY"})
            ]
            wait_until(lambda: crashes.waiting() == 2, what="both to wait")
        assert [answer.result(30).status for answer in answers] == [200, 200]
    record = api.get(path).body[what]
    assert (record["city"], record["state"]) == ("Rome", "NY")


def _put(api: Integrator, path: str, body: object) -> Answer:
    try:
        return api.put(path, body)
    finally:
        connection.close()
