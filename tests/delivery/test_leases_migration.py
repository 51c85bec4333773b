"""Leases became rows: what workers had in hand before the migration they have in hand after it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from delivery import queue
from delivery.models import Delivery, Lease
from tests.delivery import aged

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_out_stays_out_there_and_back() -> None:
    now = timezone.now()
    endpoint = aged.an_endpoint(ready_at=now, last_success_at=now)
    out, waiting = aged.deliveries(endpoint, 2, days=1, state="waiting")
    until = now + timedelta(minutes=1)
    aged.leased([out], until=until)
    try:
        call_command("migrate", "delivery", "0004", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM delivery_delivery WHERE lease = 'x'")
            assert cursor.fetchall() == [(out,)]
            cursor.execute("SELECT count(*) FROM delivery_delivery WHERE lease = ''")
            assert cursor.fetchone() == (1,)
    finally:
        call_command("migrate", verbosity=0)
    lease = Lease.objects.get()
    assert (lease.pk, lease.endpoint_id, lease.token, lease.ends_at) == (out, endpoint.pk, "x", until)
    due = dict(Delivery.objects.values_list("pk", "due_at"))
    assert all(at is not None and at <= timezone.now() for at in due.values())
    assert [one.pk for one in queue.claim(5)] == [waiting]
