"""The whole cycle with two workers: against a task per delivery, in django-q2 and in Celery with Redis; and
against django-outbound-webhooks, which keeps the same promises (outbox, record, guard, signature).

django-q2 runs a real cluster of two workers on the ORM broker; its task loads the row, posts with `requests`,
saves, and inserts an attempt. Celery runs two processes on Redis, with the task of django-webhook. Of
django-outbound-webhooks two relays run. Of the
references only the carrying is timed: their tasks wait already when their workers start, and the clock starts
with the first that arrive.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import receivers, scratch
from benchmarks.hands import Hand, all_at_once, hand, several
from benchmarks.receivers import Receiver
from benchmarks.scratch import Verdicts, scaled

ROUNDS = 3
OURS, TASKS = 20_000, 500
FIRST = 50  # tasks after which the clock starts: every worker has imported what it needs
MOST_SECONDS = 60.0
# django-q2's own command: ours of that name starts more beside it.
_Q2 = (
    "import django; django.setup(); from django.core.management import call_command; "
    "from django_q.management.commands.qcluster import Command; call_command(Command())"
)
_RELAY = (
    "import django; django.setup(); import benchmarks.sold; "
    "from django.core.management import call_command; call_command('deliver_events')"
)
COMMANDS = {
    "django_q2": ["-c", _Q2],
    "celery": ["-m", "celery", "-A", "benchmarks.references", "worker", "--concurrency", "2", "-l", "ERROR"],
    "outbound_webhooks": ["-c", _RELAY],
}
PROCESSES = {"outbound_webhooks": 2}  # the others start their two themselves


def main(kind: str = "postgres") -> None:
    verdicts = Verdicts()
    with ExitStack() as stack:
        receiver = stack.enter_context(receivers.answering())
        print(receivers.capacity())
        env = scratch.scratch_database(kind)
        redis = stack.enter_context(redis_server())
        others = {**env, "DJANGO_SETTINGS_MODULE": "benchmarks.settings", "BENCH_REDIS": redis or "memory://"}
        others["PYTHONWARNINGS"] = "ignore"
        references = stack.enter_context(hand("benchmarks.references", others))
        references.ask("migrate")
        workers = stack.enter_context(several("benchmarks.workers", 2, env))
        urls = receivers.urls(receiver.port, 64)
        first, last = workers[0].ask("endpoints", urls=urls)
        names = [name for name in COMMANDS if redis or name != "celery"]
        ratios: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for number in range(ROUNDS):
            ours = carried(workers, first, last)
            print(f"round {number + 1}: two workers {ours:,.0f}/s", flush=True)
            for name in names:
                rate = carried_by(name, references, others, receiver)
                ratios[name].append(ours / rate)
                print(f"  {name}: {rate:,.1f}/s", flush=True)
    verdicts.at_least(f"two_workers_against_django_q2_{kind}", median(ratios["django_q2"]), 50)
    if not redis:
        print("There is no redis-server here: Celery was not measured.")
    verdicts.at_least(f"two_workers_against_celery_{kind}", median(ratios["celery"] or [0]), 50)
    of_its_kind = median(ratios["outbound_webhooks"])
    verdicts.at_least(f"two_workers_against_outbound_webhooks_{kind}", of_its_kind, 50)
    verdicts.close()


def carried(workers: list[Hand], first: int, last: int) -> float:
    """Deliveries per second of all workers together."""
    workers[0].ask("deliveries", count=scaled(OURS), first=first, last=last)
    with scratch.timed() as watch:
        done = all_at_once(workers, "drain", seconds=MOST_SECONDS)
    delivered, failed = (sum(one[what] for one in done) for what in ("delivered", "failed"))
    if failed:
        print(f"  {failed} attempts failed at a healthy receiver")
    if delivered < scaled(OURS):
        workers[0].ask("empty")
    return float(delivered / watch.seconds)


def carried_by(name: str, references: Hand, env: Mapping[str, str], receiver: Receiver) -> float:
    """Deliveries per second of a task queue."""
    count = max(scaled(TASKS), 2 * FIRST)
    references.ask(name, url=f"http://127.0.0.1:{receiver.port}/hook", count=count)
    before = receiver.requests
    with ExitStack() as stack:
        for _ in range(PROCESSES.get(name, 1)):
            stack.enter_context(running(COMMANDS[name], env))
        start = _when(receiver, before + FIRST)
        number = receiver.requests - before
        end = _when(receiver, before + count)
        return (receiver.requests - before - number) / (end - start)


def _when(receiver: Receiver, requests: int) -> float:
    end = time.monotonic() + MOST_SECONDS
    while receiver.requests < requests and time.monotonic() < end:
        time.sleep(0.005)
    return time.monotonic()


@contextmanager
def running(command: list[str], env: Mapping[str, str]) -> Iterator[None]:
    """A command of Python's, ended with all its children."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it may have left behind
        process.wait()


@contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a Redis of our own on a socket, in memory only; None if there is no binary."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        path = f"{folder}/redis.sock"
        command = [binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if os.path.exists(path):
                    break
                time.sleep(0.05)
            yield f"redis+socket://{path}"
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
