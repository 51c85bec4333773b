"""The login of a config, read only when somebody needs it, and with care: no key may open it any more."""

from delivery.secrets import SecretUnreadable
from postbacks.models import PostbackConfig

NAMES = ("basic_auth_username", "basic_auth_password")


def is_at_hand(config: PostbackConfig, name: str) -> bool:
    """Whether that part of it is in memory: read, or typed anew."""
    return name not in config.get_deferred_fields()


def read(config: PostbackConfig, name: str) -> str | None:
    """That part of it; None if it cannot be read."""
    try:
        return str(getattr(config, name))
    except SecretUnreadable:
        return None


def in_words(config: PostbackConfig) -> str:
    """Whether there is one: "none", "set", or that it cannot be read."""
    username = read(config, "basic_auth_username")
    if username is None:
        return "cannot be read: type it anew, or add the old key to POSTRIDER_FIELD_KEYS"
    return "set" if username else "none"
