"""A shop in a process of its own that records a sale or a contact whenever it is asked to; for `latency`."""

import os
import time
from typing import Any

from benchmarks import hands, workers

_of: dict[str, Any] = {}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    hands.serve({"open": open_shop, "sell": sell, "meet": meet})


def open_shop(*, url: str) -> None:
    """Its rows, a partner who is told of sales at once, and a postback config for contacts."""
    from exports.models import ExportProfile
    from postbacks import services as postbacks
    from tests.journeys import shop

    workers.migrate()
    _of["shop"] = shop.a_shop()
    shop.a_profile(_of["shop"], "Partner", url, "new_sale", cadence=ExportProfile.Cadence.IMMEDIATE)
    postbacks.create(location=_of["shop"].location, by=shop.BY, resource="contact", url=url)


def sell() -> float:
    """Completes a sale; `time.monotonic()` of when it was committed."""
    from django.db import transaction

    from orders import lifecycle
    from tests.journeys import shop

    order = shop.a_partial(_of["shop"])
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.monotonic()))  # before whatever wakes the workers
        lifecycle.complete_sale(order, by=shop.BY)
    return committed[0]


def meet() -> float:
    """Creates a contact; `time.monotonic()` of when it was committed."""
    from django.db import transaction

    from customers import services as customers
    from tests.journeys import shop

    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.monotonic()))
        customers.create(_of["shop"].location, by=shop.BY, last_name="Jones")
    return committed[0]


if __name__ == "__main__":
    main()
