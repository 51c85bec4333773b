"""The trickle of events in the sample store: each made by the lifecycle function that a user would press."""

import itertools
import logging
import time

from django.db import OperationalError, connection
from django.db.models import Q

from demo.store import BY
from demo.trickle.scene import PREFIX, Scene
from demo.trickle.steps import STEPS, Step, start_order
from orders.lifecycle import MoveRefused
from orders.models import Order

MOST_ORDERS = 3000
FIRST_ONES = 12  # come quickly in a new store, so that there is something to see

log = logging.getLogger("demo")

__all__ = ["BY", "MOST_ORDERS", "PREFIX", "Scene", "happen", "run"]


def run(scene: Scene, *, every: float, count: int | None = None) -> None:
    """Makes something happen about every `every` seconds, `count` times or until it is stopped.

    Rests while the store has MOST_ORDERS orders of its making, so that it never fills the disk.
    """
    for number in itertools.count(1) if count is None else range(1, count + 1):
        made = _orders_made(scene)
        while made >= MOST_ORDERS:
            log.info("The store has %s orders of the demo: nothing more happens by itself.", made)
            time.sleep(600)
            made = _orders_made(scene)
        happen(scene)
        if number != count:
            time.sleep(min(every, 1) if made < FIRST_ONES else every * scene.chance.uniform(0.5, 1.5))


def happen(scene: Scene) -> str:
    """One event, and a line that says what; "" if it was refused, or the database did not answer."""
    step = scene.chance.choices(STEPS, [one.weight for one in STEPS])[0]
    try:
        said = step.make(scene) or start_order(scene)
    except MoveRefused as error:  # somebody was faster: the order has moved on
        said = _not_done(step, error)
    except OperationalError as error:
        connection.close()
        said = _not_done(step, error)
    else:
        log.info("%s", said)
    return said


def _not_done(step: Step, error: Exception) -> str:
    log.warning("Not done: %s. %s", step.name, error)
    return ""


def _orders_made(scene: Scene) -> int:
    of_demo = Q(external_order_id__startswith=PREFIX) | Q(
        original_order__external_order_id__startswith=PREFIX
    )
    return Order.objects.filter(of_demo, location=scene.location).count()
