"""django-q2's tasks in Redis: tick and kick work; and nothing is lost or held up when Redis is lost."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from delivery.models import Delivery
from exports.models import ExportProfile
from tests.journeys import shop
from tests.processes import Processes, wait_until
from tests.receiver import Receiver

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,  # several machines share a Redis
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server"),
]
ONE_WORKER = {"POSTRIDER_WORKERS": "1"}
CLOCK_SECONDS = 120  # django-q2 looks at its clock twice a minute
A_CART_IS_LEFT = """
from tests.torture.store import leave_carts
for _ in range({}): leave_carts(1)
"""


class Redis:
    """A server on loopback; started again it is at the same address, and empty."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_until(self._answers, what="Redis")

    def _answers(self) -> bool:
        try:
            return bool(client.from_url(self.url).ping())
        except client.ConnectionError:
            return False

    def pushed(self) -> int:
        """How many tasks it was given."""
        return int(client.from_url(self.url).info("commandstats").get("cmdstat_rpush", {}).get("calls", 0))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


def all_is_due() -> None:
    """The tick, as the migration makes it, and whatever runs by the clock."""
    ExportProfile.objects.update(next_run_at=timezone.now())
    Schedule.objects.filter(name="postrider-tick").delete()
    Schedule.objects.create(
        name="postrider-tick",
        func="config.schedules.tick",
        schedule_type="C",
        cron="* * * * *",
        repeats=-1,
        next_run=timezone.now(),
    )


def leave_carts(processes: Processes, redis: Redis, count: int = 1) -> None:
    """In a process that is set up for Redis, as the web is."""
    done = processes.run("shell", "-c", A_CART_IS_LEFT.format(count), REDIS_URL=redis.url, seconds=40)
    assert done.returncode == 0, done.stderr


def test_tick_and_kick(processes: Processes, receiver: Receiver, redis: Redis) -> None:
    """The tick sweeps a profile that waits for its time; the kick looks after a commit."""
    store = shop.a_shop()
    shop.a_profile(store, "Partner", receiver.url("/"), "partial")
    all_is_due()
    in_the_database = OrmQ.objects.count()  # put there by ourselves
    leave_carts(processes, redis)
    assert redis.pushed() == 1
    processes.start("qcluster", REDIS_URL=redis.url, **ONE_WORKER)
    receiver.wait_for(1, CLOCK_SECONDS)
    for kind in ({"group": "after-commit"}, {"func": "config.schedules.tick"}):
        done = Task.objects.filter(success=True, **kind)
        wait_until(done.exists, CLOCK_SECONDS, what=f"a task of {kind}")
    assert redis.pushed() >= 2
    assert OrmQ.objects.count() == in_the_database


def test_redis_is_lost(processes: Processes, receiver: Receiver, redis: Redis) -> None:
    """What is recorded goes out all the same, and when Redis is back its clock goes on."""
    store = shop.a_shop()
    shop.a_profile(store, "At once", receiver.url("/at-once"), "partial", cadence="immediate")
    cluster = processes.start("qcluster", REDIS_URL=redis.url, **ONE_WORKER)
    leave_carts(processes, redis)
    receiver.wait_for(1, 60)
    redis.kill()
    leave_carts(processes, redis, 20)
    receiver.wait_for(21)
    redis.start()
    shop.a_profile(store, "Later", receiver.url("/later"), "partial")
    all_is_due()
    wait_until(lambda: len(receiver.to("/later")) == 21, CLOCK_SECONDS, what="the tick of Redis that is back")
    assert cluster.popen.poll() is None, cluster.output
    # The receiver has a request before its outcome is on record.
    wait_until(lambda: Delivery.objects.filter(state="delivered").count() == 42, 10, what="the outcomes")
    assert Delivery.objects.count() == 42


def test_redis_hangs(processes: Processes, receiver: Receiver, redis: Redis) -> None:
    """Who records something waits for it once, and not each time."""
    store = shop.a_shop()
    shop.a_profile(store, "At once", receiver.url("/"), "partial", cadence="immediate")
    redis.hang()
    leave_carts(processes, redis, 30)
    processes.start("deliver", "--stay", REDIS_URL=redis.url)
    receiver.wait_for(30)
