"""What a torture begins and ends with: settings, tables, the shop and its partners, a folder with logs."""

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.torture.partners import KINDS, Kind

NO_DATABASE = 3  # exit status
LEASE_SECONDS = 3


def prepare(
    folder: Path, database: str, kinds: Sequence[Kind] = KINDS, address: str = "", **env: str
) -> None:
    """`address`: of the receiver, with two ports; by default some on this machine."""
    for name in [name for name in os.environ if name.startswith("POSTRIDER_")]:
        del os.environ[name]
    address = address or f"127.0.0.1 {_free_ports()}"
    (folder / "address").write_text(address)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database,
        "POSTRIDER_DATA": str(folder),
        "POSTRIDER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "POSTRIDER_LEASE_SECONDS": str(LEASE_SECONDS),
        "POSTRIDER_WORKERS": "1",
        "POSTRIDER_LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        **env,
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from tests.torture import store

    store.open_shop(kinds, address)


def _free_ports() -> str:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return f"{first.getsockname()[1]} {second.getsockname()[1]}"


def end(folder: Path, *, is_good: bool) -> int:
    """The exit status; the logs of what went wrong stay."""
    if is_good:
        shutil.rmtree(folder)
        return 0
    print(f"  logs: {folder}")
    return 1
