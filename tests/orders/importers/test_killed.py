"""An import that is killed in the middle, several times over, ends as if nothing had happened."""

import csv
import random
import time
from pathlib import Path

from customers.models import Customer
from delivery.models import Event
from orders.models import Order
from tests.processes import Process, Processes, wait_until

from .intake import OLIST, picture

COPIES = 70
IDS = ("order_id", "customer_id", "customer_unique_id")


def multiplied(folder: Path) -> Path:
    """Enough orders for several batches: the slice again and again under other ids."""
    folder.mkdir()
    for source in OLIST.glob("*.csv"):
        with source.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        names = [name for name in IDS if name in lines[0]]
        with (folder / source.name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            for copy in range(COPIES if names else 1):
                writer.writerows(line | {name: f"{copy}-{line[name]}" for name in names} for line in lines)
    return folder


def test_killed_and_repeated_is_the_same_as_undisturbed(processes: Processes, tmp_path: Path) -> None:
    folder = str(multiplied(tmp_path / "files"))
    dice = random.Random(20240301)
    kills = 0
    for _ in range(3):
        running = processes.start("import_orders", folder, "--preset", "olist")
        _wait_for_a_batch(running, Order.objects.count())
        time.sleep(dice.random() * 0.3)
        kills += running.popen.poll() is None
        running.kill()
    assert kills >= 2, "the machine is too fast for this test: give it more orders"
    assert processes.run("import_orders", folder, "--preset", "olist").returncode == 0
    disturbed = picture()
    assert len(disturbed) == 23 * COPIES
    for copy in range(1, COPIES):
        for key, one in disturbed.items():
            if key.startswith("0-"):
                assert _without_person(disturbed[f"{copy}-{key[2:]}"]) == _without_person(one)
    assert Customer.objects.count() == 22 * COPIES
    assert Event.objects.filter(type="contact.created").count() == 22 * COPIES
    assert not Customer.objects.filter(orders__isnull=True).exists()


def _wait_for_a_batch(running: Process, before: int) -> None:
    wait_until(lambda: Order.objects.count() > before or running.popen.poll() is not None, 30, what="a batch")


def _without_person(one: tuple[tuple[object, ...], ...]) -> tuple[object, ...]:
    """What all copies of an order have in common: everything but who bought it, and with which card."""
    order, money, items, rows, parcels, events = one
    return order[:2], money, items, [row[:4] for row in rows], parcels, events
