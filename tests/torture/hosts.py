"""Machines of our own: network namespaces with addresses and lines that can be cut; else plain processes.

Each host has a line to the database and another one to the outside, so that it can lose the first alone.
Where namespaces cannot be made, a host is a group of processes, and cut off by being put to sleep.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.processes import Process

_DATABASE, _OUTSIDE = "10.203.77", "10.204.77"


@dataclass
class Namespaces:
    """A hub, where database and receiver are, and hosts around it."""

    hosts: Sequence[str]
    is_separate: bool = True
    database_address: str = f"{_DATABASE}.1"
    receiver_address: str = f"{_OUTSIDE}.1"
    allowed: str = f"{_OUTSIDE}.0/24"
    description: str = "a network namespace for each host"
    _prefix: str = field(default_factory=lambda: f"postrider-{os.getpid()}-")
    _made: list[str] = field(default_factory=list)

    def open(self) -> None:
        self._make("hub")
        for bridge, network in (("db", _DATABASE), ("out", _OUTSIDE)):
            self._ip("hub", "link", "add", bridge, "type", "bridge")
            self._ip("hub", "address", "add", f"{network}.1/24", "dev", bridge)
            self._ip("hub", "link", "set", bridge, "up")
        for number, host in enumerate(self.hosts, 10):
            self._make(host)
            for bridge, network in (("db", _DATABASE), ("out", _OUTSIDE)):
                line = f"{bridge}{number}"
                other = ("peer", "name", bridge, "netns", self._prefix + host)
                self._ip("hub", "link", "add", line, "type", "veth", *other)
                self._ip("hub", "link", "set", line, "master", bridge)
                self._ip("hub", "link", "set", line, "up")
                self._ip(host, "address", "add", f"{network}.{number}/24", "dev", bridge)
                self._ip(host, "link", "set", bridge, "up")

    def close(self) -> None:
        for name in self._made:
            _run("ip", "netns", "delete", name)

    def inside(self, host: str) -> list[str]:
        """What goes before a command that shall run there."""
        return ["ip", "netns", "exec", self._prefix + host]

    def inside_hub(self, uid: int, gid: int) -> list[str]:
        """The same for the hub, as another user."""
        network = f"--net=/run/netns/{self._prefix}hub"
        return ["nsenter", network, "--setuid", str(uid), "--setgid", str(gid)]

    def cut(self, host: str, _: Process) -> None:
        """It cannot reach the database any more; the outside it can."""
        self._set_line(host, "down")

    def mend(self, host: str, _: Process) -> None:
        self._set_line(host, "up")

    def _set_line(self, host: str, state: str) -> None:
        self._ip("hub", "link", "set", f"db{10 + list(self.hosts).index(host)}", state)

    def _make(self, name: str) -> None:
        _run("ip", "netns", "add", self._prefix + name)
        self._made.append(self._prefix + name)
        self._ip(name, "link", "set", "lo", "up")

    def _ip(self, name: str, *arguments: str) -> None:
        _run("ip", "-n", self._prefix + name, *arguments)


@dataclass
class OneMachine:
    """The hosts are groups of processes beside each other."""

    hosts: Sequence[str]
    is_separate: bool = False
    database_address: str = ""  # the socket
    receiver_address: str = "127.0.0.1"
    allowed: str = "127.0.0.0/8"
    description: str = "processes on one machine, as no network namespace can be made here"

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def inside(self, _: str) -> list[str]:
        return []

    def cut(self, _: str, process: Process) -> None:
        os.killpg(process.popen.pid, signal.SIGSTOP)

    def mend(self, _: str, process: Process) -> None:
        os.killpg(process.popen.pid, signal.SIGCONT)


def network_of(*hosts: str) -> Namespaces | OneMachine:
    """The best that can be made here, opened."""
    if not has_namespaces():
        return OneMachine(hosts)
    namespaces = Namespaces(hosts)
    try:
        namespaces.open()
    except BaseException:
        namespaces.close()
        raise
    return namespaces


def has_namespaces() -> bool:
    """Whether this machine lets us make them."""
    if os.environ.get("POSTRIDER_TEST_ONE_MACHINE") == "1" or os.geteuid() != 0:
        return False
    if not shutil.which("ip") or not shutil.which("nsenter"):
        return False
    probe = f"postrider-{os.getpid()}-probe"
    try:
        _run("ip", "netns", "add", probe)
        _run("ip", "netns", "delete", probe)
    except (subprocess.CalledProcessError, OSError):
        return False
    return True


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
