"""Where the secret keys come from: the environment, or a file made once in the data folder."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def from_environment_or_file(name: str, env: environ.Env, folder: Path, *, production: bool) -> str:
    """The variable `name`; on a desk, a value made once and kept in `folder`. Raises in production."""
    value = env.str(name, default="")
    if value:
        if production and len(value) < 50:
            raise ImproperlyConfigured(f"{name} must have at least 50 characters in production.")
        return str(value)
    if production:
        raise ImproperlyConfigured(f"Set {name}: in production keys are given, not made.")
    return _kept(folder / "keys" / name.lower(), lambda: secrets.token_urlsafe(64))


def field_keys(env: environ.Env, folder: Path, *, production: bool) -> list[str]:
    """Fernet keys for secrets at rest, newest first: the first encrypts, all of them decrypt."""
    keys: list[str] = env.list("POSTRIDER_FIELD_KEYS", default=[])
    if production and not keys:
        raise ImproperlyConfigured(
            "Set POSTRIDER_FIELD_KEYS to one or more Fernet keys, newest first, separated by commas. "
            'Make one with: python -c "from cryptography.fernet import Fernet; '
            'print(Fernet.generate_key().decode())"'
        )
    keys = keys or [_kept(folder / "keys" / "field_key", lambda: Fernet.generate_key().decode())]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                "POSTRIDER_FIELD_KEYS holds a value that is not a Fernet key."
            ) from error
    return keys


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The file's text; made once, atomically, so that processes starting together agree on it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with contextlib.suppress(FileExistsError):  # another process was first: then its key stands
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()
