"""The numbers of `/metrics` are those of what really happened."""

import pytest
from django.core.management import call_command

from delivery import counts
from exports import sweep
from tests.journeys import shop

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9/hook"


def test_each_run_of_the_sweep_with_what_it_queued() -> None:
    store = shop.a_shop()
    profiles = [shop.a_profile(store, f"Partner {number}", URL, "partial") for number in range(2)]
    shop.many_partials(store, 3)
    call_command("sweep_exports", "--dry-run", "--json")
    assert numbers("sweep", "sweep.queued") == (0, 0)
    sweep.run(profiles)
    assert numbers("sweep", "sweep.queued") == (1, 6)
    sweep.run(profiles)
    assert numbers("sweep", "sweep.queued") == (2, 6)
    assert counts.totals()["export", "sweep"][1] > 0


def numbers(*whats: str) -> tuple[int, ...]:
    totals = counts.totals()
    return tuple(totals.get(("export", what), (0, 0.0))[0] for what in whats)
