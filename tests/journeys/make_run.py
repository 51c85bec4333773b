"""What `make run` starts, as a real process in a folder and a database of its own."""

import os
import re
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from tests.processes import Process, Processes, database_url, wait_until

PASSWORD = "correct horse battery"


@dataclass
class Run:
    """A data folder, with the database that belongs to it, on which `up` can be started."""

    processes: Processes
    data: Path
    port: int

    def up(self, **env: str) -> Process:
        return self.processes.start("up", **env)

    def ready(self, **env: str) -> Process:
        process = self.up(**env)
        process.wait_for("Postrider is ready at", 90)
        return process

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same data, with the environment that `up` gives its children."""
        done = self.processes.run(
            *arguments,
            POSTRIDER_DEMO="1",
            POSTRIDER_ALLOWED_NETWORKS="127.0.0.0/8",
            POSTRIDER_SWEEP_MINUTES="1",
        )
        assert done.returncode == 0, done.stderr
        return done

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def left_over(self) -> list[str]:
        """Command lines of the processes that run on this data folder still, whoever their parent is."""
        mark = f"POSTRIDER_DATA={self.data}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # ended while we looked
                continue
        return found

    def assert_nothing_is_left(self) -> None:
        wait_until(lambda: not self.left_over(), 10, what="the end of all its processes")


@contextmanager
def a_run(folder: Path) -> Iterator[Run]:
    """A run on an empty folder and an empty database, of the kind that the tests use; gone afterwards."""
    port = free_port()
    with _empty_database() as url:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("POSTRIDER_", "MAKE"))
        }
        env.pop("DATABASE_URL", None)
        env |= {
            "POSTRIDER_DATA": str(folder / "data"),
            "POSTRIDER_ADMIN_PASSWORD": PASSWORD,
            "PORT": str(port),
        }
        if url:
            env["DATABASE_URL"] = url
        run = Run(Processes(env, folder), folder / "data", port)
        try:
            yield run
        finally:
            for process in run.processes.started:
                process.popen.send_signal(signal.SIGTERM)
            for process in run.processes.started:
                process.wait(40)
            run.processes.stop_all()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def logged_in(run: Run, password: str = PASSWORD) -> OpenerDirector:
    """A browser without a screen, logged in as the first admin. Fails if the login does."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    login = run.address("/admin/login/?next=/admin/")
    form = browser.open(login, timeout=20).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token
    data = {"username": "admin", "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
    with browser.open(login, urlencode(data).encode(), timeout=20) as page:
        assert page.url == run.address("/admin/"), "the login was refused"
    return browser


def status(browser: OpenerDirector, url: str) -> int:
    try:
        with browser.open(url, timeout=20) as page:
            return int(page.status)
    except HTTPError as error:
        return int(error.code)


@contextmanager
def _empty_database() -> Iterator[str]:
    """The address of a new database beside that of the tests; "" for SQLite, where the folder has it."""
    url = database_url()
    if not url.startswith("postgres"):
        yield ""
        return
    import psycopg
    from django.conf import settings

    name = f"run_{uuid.uuid4().hex}"
    server = settings.DATABASES["default"]
    base, _, query = url.partition("?")
    where = {"host": server["HOST"] or server["OPTIONS"].get("host"), "port": server["PORT"] or None}
    asked = {"user": server["USER"] or None, "password": server["PASSWORD"] or None, **where}
    with psycopg.connect(
        dbname="postgres", autocommit=True, **{k: v for k, v in asked.items() if v}
    ) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{base.rpartition('/')[0]}/{name}?{query}"
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
