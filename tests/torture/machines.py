"""`python -m tests.torture.machines`: three hosts on one PostgreSQL; one is killed, one loses its line to it.

Each host runs `qcluster`. The line is down for longer than the host's leases, while what it had sent is
answered: others take over, and what it comes back with must not be written. It is cut in the middle of a
transaction, too: what that has locked must be free again soon. Then the ledger.
"""

import os
import pwd
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.databases import HOW_TO_GET_ONE, Cluster, new_cluster
from tests.processes import NotInTime, Process, Processes, wait_until
from tests.torture.hosts import Namespaces, OneMachine, network_of
from tests.torture.partners import SLOW_KINDS
from tests.torture.scene import NO_DATABASE, end, prepare

if TYPE_CHECKING:
    from tests.torture.ledger import Books

HOSTS = ("one", "two", "three")
PASSWORD = "secret-of-this-run"
HOLD = """
import time
from django.conf import settings
from django.db import transaction
from delivery import queue
from delivery.models import Endpoint
ids = list(Endpoint.objects.values_list("pk", flat=True))
print("ready", flush=True)
while not (settings.DATA_DIR / "hold").exists():
    time.sleep(0.01)
with transaction.atomic():
    queue.lock_endpoints(ids)
    print("holds", flush=True)
    time.sleep(600)
"""
LEASE_SECONDS, CUT_SECONDS, PATIENCE_SECONDS = 4, 12, 6
DRAIN_SECONDS, STOP_SECONDS = 120, 60
MUCH = 20  # deliveries out at once


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what we started ends with us
    cluster = new_cluster(is_durable=False)
    if cluster is None:
        print(f"There is no PostgreSQL here: {HOW_TO_GET_ONE}.")
        return NO_DATABASE
    folder = Path(tempfile.mkdtemp(prefix="postrider-machines-"))
    with ExitStack() as stack:
        network = network_of(*HOSTS)
        stack.callback(network.close)
        _start(cluster, network)
        stack.callback(cluster.stop)
        address = f"{network.receiver_address} 8080 8443" if network.is_separate else ""
        env = {
            "POSTRIDER_ALLOWED_NETWORKS": network.allowed,
            "POSTRIDER_LEASE_SECONDS": str(LEASE_SECONDS),
            "POSTRIDER_DATABASE_PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        }
        prepare(folder, cluster.url, SLOW_KINDS, address, **env)
        is_good = _torture(Scene(folder, network, _url(cluster, network)))
    return end(folder, is_good=is_good)


def _start(cluster: Cluster, network: Namespaces | OneMachine) -> None:
    """Where the network is its own, the server is in the middle of it and wants a password."""
    if isinstance(network, OneMachine):
        cluster.start()
        return
    assert cluster.user is not None
    cluster.configure(f"listen_addresses = '{network.database_address}'")
    with (cluster.folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all samenet scram-sha-256\n")
    user = pwd.getpwnam(cluster.user)
    cluster.start(inside=network.inside_hub(user.pw_uid, user.pw_gid))


def _url(cluster: Cluster, network: Namespaces | OneMachine) -> str:
    """As the hosts write it."""
    if isinstance(network, OneMachine):
        return cluster.url
    return f"postgres://postgres:{PASSWORD}@{network.database_address}/postgres"


@dataclass
class Scene:
    """The hosts, and what befalls them."""

    folder: Path
    network: Namespaces | OneMachine
    url: str
    running: dict[str, Process] = field(default_factory=dict)
    once_delivered: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(1)
        self.processes = Processes({**os.environ, "DATABASE_URL": self.url}, self.folder)

    def start(self, host: str) -> None:
        command = [sys.executable, "manage.py", "qcluster"]
        url = f"{self.url}{'&' if '?' in self.url else '?'}application_name={host}"
        inside = self.network.inside(host)
        self.running[host] = self.processes.start_command(*inside, *command, DATABASE_URL=url)

    def start_holder(self, host: str) -> Process:
        """Who locks in a transaction that does not end, once there is a file `hold`."""
        command = [*self.network.inside(host), sys.executable, "manage.py", "shell", "-c", HOLD]
        holder = self.processes.start_command(*command)
        holder.wait_for("ready")
        return holder

    def wait_until_at_work(self, *hosts: str) -> None:
        """The cluster and the process that stays awake are connected."""
        from tests.journeys import crashes

        for host in hosts:
            is_theirs = f"application_name = '{host}'"
            wait_until(lambda it=is_theirs: crashes.other_connections(it) >= 2, 60, what=f"host {host}")

    def start_receiver(self) -> None:
        command = [sys.executable, "-m", "tests.torture.receiver", str(self.folder), "1"]
        hub = self.network.inside("hub")
        self.running["receiver"] = self.processes.start_command(*hub, *command)

    def live(self, seconds: float) -> None:
        """Carts are left, and deliveries carried, for so long."""
        from tests.torture import store

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            store.leave_carts(self.rng.randint(1, 15))
            self.once_delivered |= store.delivered()
            time.sleep(0.2)

    def live_until_out(self, number: int) -> int:
        """Until so many deliveries are out at once; how many."""
        from tests.torture import store

        for _ in range(200):
            if (out := store.in_flight()) >= number:
                return out
            self.live(0.1)
        raise NotInTime(f"There were never {number} out.")


def _torture(scene: Scene) -> bool:
    from tests.torture import report, store

    print(f"{store.server()}, {len(HOSTS)} hosts: {scene.network.description}", flush=True)
    try:
        _open(scene)
        killed = _kill_one(scene)
        cut_off = _cut_two_off(scene)
        scene.wait_until_at_work(*HOSTS)
        scene.live(3)
        _drain(scene)
        books = store.books(scene.folder, SLOW_KINDS, scene.once_delivered)
        report.show(books, killed + cut_off)
        _compare(scene, books, killed + cut_off)
        return report.is_balanced(books, scene.complaints)
    finally:
        scene.processes.stop_all()


def _open(scene: Scene) -> None:
    """Partners who are known to take much at once, and all hosts at work."""
    from django.db import connection
    from django.utils import timezone

    from delivery.models import Endpoint

    with connection.cursor() as cursor:
        cursor.execute(f"ALTER USER postgres PASSWORD '{PASSWORD}'")
    Endpoint.objects.update(concurrency=1000, last_success_at=timezone.now())
    scene.start_receiver()
    for host in HOSTS:
        scene.start(host)
    scene.wait_until_at_work(*HOSTS)
    scene.live(4)


def _kill_one(scene: Scene) -> int:
    """How many deliveries were out at that moment."""
    from tests.torture.storm import kill_all

    out = scene.live_until_out(1)
    kill_all(scene.running.pop("one"))
    scene.live(2)
    return out


def _cut_two_off(scene: Scene) -> int:
    """How many were out; meanwhile others take over what the host had."""
    from delivery.models import Lease
    from tests.torture import report, store

    holder = scene.start_holder("two")
    scene.live_until_out(MUCH)
    (scene.folder / "hold").touch()
    holder.wait_for("holds")
    scene.network.cut("two", holder)
    scene.network.cut("two", scene.running["two"])
    held = dict(Lease.objects.values_list("pk", "token"))
    before = len(store.delivered())
    scene.live(CUT_SECONDS)
    leases = dict(Lease.objects.filter(pk__in=held).values_list("pk", "token"))
    stuck = [pk for pk, token in held.items() if leases.get(pk) == token]
    carried = len(store.delivered()) - before
    report.say(cut_off=f"{len(held)} out at the cut; {carried:,} carried by others before the line was back")
    if stuck:
        scene.complaints.append(f"not taken over while one was cut off: {len(stuck)}")
    scene.network.mend("two", scene.running["two"])
    scene.start("one")
    return len(held)


def _drain(scene: Scene) -> None:
    from tests.torture import store

    wait_until(lambda: store.left(SLOW_KINDS) == (0, 0), DRAIN_SECONDS, what="all to be carried")
    for host in HOSTS:
        process = scene.running.pop(host)
        os.kill(process.popen.pid, signal.SIGTERM)
        try:
            code = process.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            scene.complaints.append(f"{host} did not stop: {process.output[-2000:]}")
            continue
        if code:
            scene.complaints.append(f"{host} ended with {code}: {process.output[-2000:]}")


def _compare(scene: Scene, books: "Books", out: int) -> None:
    from tests.torture import ledger, report

    doubles = ledger.duplicates(books.notes)
    if doubles > out:
        scene.complaints.append(f"{doubles} duplicates of {out} that were out")
    hosts = {note.by for note in books.notes}
    if scene.network.is_separate:
        by = {host: sum(note.by == host for note in books.notes) for host in sorted(hosts)}
        report.say(requests_by_host=", ".join(f"{host} {number:,}" for host, number in by.items()))
        if len(hosts) != len(HOSTS):
            scene.complaints.append(f"{len(hosts)} hosts sent something, not {len(HOSTS)}")


if __name__ == "__main__":
    sys.exit(main())
