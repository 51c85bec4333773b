"""Secrets at rest: encrypted columns, and the only functions that see both sides."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

_ENCRYPTED = "encrypted"
MASK = "********"  # plain ASCII: it stays readable inside a URL


class SecretUnreadable(Exception):
    """A stored secret that none of the configured keys opens."""


def encrypt(text: str) -> str:
    """The text under the newest key; an empty text stays empty."""
    return _keys(tuple(settings.POSTRIDER_FIELD_KEYS)).encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """The text again. Raises SecretUnreadable rather than ever handing out ciphertext as if it were it."""
    try:
        return _keys(tuple(settings.POSTRIDER_FIELD_KEYS)).decrypt(stored.encode()).decode() if stored else ""
    except InvalidToken:
        raise SecretUnreadable(
            "A stored secret was encrypted with a key that is not in POSTRIDER_FIELD_KEYS. Add the old key."
        ) from None


def renewed(stored: str) -> str:
    """The same secret under the newest key; as it is, if it is so already. Raises SecretUnreadable."""
    try:
        _keys((settings.POSTRIDER_FIELD_KEYS[0],)).decrypt(stored.encode())
    except InvalidToken:
        return encrypt(decrypt(stored))
    return stored


@lru_cache(maxsize=4)
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A text column that holds ciphertext; in Python it is the plain text."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return value if value is None else decrypt(value)

    def get_prep_value(self, value: str | None) -> str | None:
        return value if value is None else encrypt(str(value))

    def value_to_string(self, obj: models.Model) -> dict[str, str]:  # type: ignore[override]
        """In a dump (`dumpdata`): ciphertext, in a form that nobody can type into a field of a page."""
        return {_ENCRYPTED: encrypt(self.value_from_object(obj) or "")}

    def to_python(self, value: Any) -> Any:
        return decrypt(str(value.get(_ENCRYPTED))) if isinstance(value, dict) else super().to_python(value)

    def get_lookup(self, lookup_name: str) -> Any:
        # The same text never encrypts twice alike, so a search could only ever find nothing.
        if lookup_name != "isnull":
            raise TypeError("An encrypted column cannot be searched.")
        return super().get_lookup(lookup_name)
