"""How fast one may ask, over several processes, without a write for each call."""

from datetime import timedelta
from typing import Any

import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import AccessToken
from rest import allowances
from rest.models import Allowance
from tests.api.clients import Integrator

AT = timezone.now().replace(second=20, microsecond=0)


def test_each_user_has_its_own_minute(api: Integrator, stranger: Integrator, settings: Any) -> None:
    settings.POSTRIDER_API_REQUESTS_PER_MINUTE = 3
    with time_machine.travel(AT, tick=False) as clock:
        assert [api.get("locations").status for _ in range(4)] == [200, 200, 200, 429]
        refused = api.get("locations")
        assert refused.headers["Retry-After"] == "40" and list(refused.errors) == ["request"]
        assert stranger.get("locations").status == 200
        clock.shift(timedelta(seconds=40))
        assert api.get("locations").status == 200


def test_processes_share_one_limit(db: None) -> None:
    with time_machine.travel(AT, tick=False):
        taken = 0
        for _ in range(5):  # each a process that knows nothing of the others
            allowances.forget()
            while not allowances.take("user:x", limit=100, portion=30):
                taken += 1
        assert taken == 100


def test_most_calls_write_nothing(db: None) -> None:
    with time_machine.travel(AT, tick=False), CaptureQueriesContext(connection) as queries:
        for _ in range(100):
            assert allowances.take("user:x", limit=3000, portion=50) == 0
    assert len(queries) == 2


def test_who_has_nothing_left_costs_nothing(db: None) -> None:
    with time_machine.travel(AT, tick=False):
        for _ in range(2):
            allowances.take("failed:192.0.2.1", limit=1)
        with CaptureQueriesContext(connection) as queries:
            assert allowances.take("failed:192.0.2.1", limit=1) == 40
        assert not queries.captured_queries


def test_a_clock_that_is_behind_gives_nothing_back(db: None) -> None:
    with time_machine.travel(AT, tick=False) as clock:
        assert allowances.take("user:x", limit=10, portion=10) == 0
        allowances.forget()
        clock.shift(timedelta(minutes=-1))
        assert allowances.take("user:x", limit=10, portion=10) > 0


def test_old_rows_go(db: None) -> None:
    with time_machine.travel(AT, tick=False) as clock:
        allowances.take("user:x", limit=10)
        assert allowances.prune() == 0
        clock.shift(timedelta(hours=2))
        assert allowances.prune() == 1 and not Allowance.objects.exists()


def test_logins_with_a_body_count_too(api: Integrator, settings: Any) -> None:
    settings.POSTRIDER_API_REQUESTS_PER_MINUTE = 3
    login = {"username": api.user.public_id, "password": api.key}
    nobody = {"developer-id": "", "user-id": "", "user-api-key": ""}
    with time_machine.travel(AT, tick=False):
        answers = [api.post("token", login, **nobody) for _ in range(4)]
    assert [answer.status for answer in answers] == [201, 201, 201, 429]
    assert answers[-1].headers["Retry-After"] == "40" and AccessToken.objects.count() == 3
