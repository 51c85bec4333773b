"""What a data folder needs before anything can run on it; each step says in a few words what it did."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import TextIO

from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from config import roles

ADMIN = "admin"


def hold(folder: Path) -> TextIO:
    """Makes the folder and holds it for as long as the returned file is open.

    Raises CommandError (exit code 2) if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (folder / "up.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        message = (
            f"Postrider is running on {folder} already (process {file.read().strip() or 'unknown'}). "
            "Stop it first, or name another folder in POSTRIDER_DATA."
        )
        raise CommandError(message, returncode=2) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def database() -> str:
    """Brings the tables up to date."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise CommandError(f"The database of DATABASE_URL does not answer: {error}", returncode=2) from error
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if waiting:
        call_command("migrate", verbosity=0, interactive=False)
    else:
        roles.ship()  # the table may be newer than the tables
    call_command("createcachetable", verbosity=0)
    return f"{connection.display_name}, {f'{waiting} migrations applied' if waiting else 'up to date'}"


def static_files() -> str:
    """Collects them under hashed names; what is there already is not copied again."""
    call_command("collectstatic", verbosity=0, interactive=False)
    return "collected"


def first_admin(password: str) -> str:
    """Makes the first login with this password, or one made up and told here, once; "" if there is one."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists() or users.filter(username=ADMIN).exists():
        return ""
    made_up = "" if password else secrets.token_urlsafe(9)
    get_user_model().objects.create_superuser(ADMIN, password=password or made_up)
    if made_up:
        return f"{ADMIN}  password {made_up}  (made now, shown this once)"
    return f"{ADMIN}, with the password of POSTRIDER_ADMIN_PASSWORD"
