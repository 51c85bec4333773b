"""API users: their keys and tokens are issued and revoked here, and credentials are judged."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import changes
from customers.models import AccessToken, ApiKey, ApiUser, Location
from delivery import texts
from delivery.ids import new_id

TOKEN_LIFE = timedelta(minutes=15)  # from its last use, at least
# A use is written down when the last one on record is older than this: reading costs no write per call.
NOTED_EVERY = timedelta(minutes=1)
_GRANTED = TOKEN_LIFE + NOTED_EVERY  # so that a use that is not written down has its whole life, too


class AccessRefused(ValueError):
    """An API user that cannot be made; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a key was issued as: to be shown once, and stored nowhere."""

    user: ApiUser
    key: str


def create_user(locations: Iterable[Location], *, name: str = "", by: str) -> Credentials:
    """A new API user with its first key; without a name it gets one. Raises AccessRefused."""
    public_id = new_id()
    name = name or f"api-{public_id[-6:]}"
    fault = texts.fault_in(ApiUser, {"name": name})
    if fault or ApiUser.objects.filter(name=name).exists():
        raise AccessRefused(fault or f"There is an API user “{name}” already.")
    with transaction.atomic():
        user = ApiUser.objects.create(public_id=public_id, name=name)
        user.locations.set(locations)
        return issue_key(user, by=by)


def snapshot(user: ApiUser) -> dict[str, Any]:
    """The user as it is stored, for the audit log."""
    stored = ApiUser.objects.get(pk=user.pk)
    locations = stored.locations.order_by("pk").values_list("pk", "name")
    return {
        "name": stored.name,
        "is_active": stored.is_active,
        "locations": [{"id": pk, "text": name} for pk, name in locations],
    }


def issue_key(user: ApiUser, *, by: str) -> Credentials:
    """Another key; those that there are go on working."""
    secret = secrets.token_hex(32)
    key = ApiKey(
        user=user, digest=_digest(secret), start=secret[:6], created_at=timezone.now(), created_by=by[:150]
    )
    with transaction.atomic():
        key.save()
        changes.record(user, f"Issued the key {key}", by=by)
    return Credentials(user, secret)


def revoke_key(key: ApiKey, *, by: str) -> None:
    """From now on it is not accepted, nor is any token that it was exchanged for."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            changes.record(key.user, f"Revoked the key {key}", by=by)


def key_of(user_id: str, secret: str, developer_id: str | None) -> ApiKey | None:
    """The key that these credentials name, if they are right. `developer_id` None: none was asked for."""
    if not _is_id(user_id):
        return None
    given = _digest(secret)
    found = None
    for key in ApiKey.objects.filter(_VALID, user__public_id=user_id).select_related("user"):
        if compare_digest(key.digest, given):
            found = key
    if found is None or not _is_developer(found.user, developer_id):
        return None
    _note_use(found)
    return found


def key_of_token(token: str, developer_id: str | None) -> ApiKey | None:
    """The key that an access token stands for; its life begins anew."""
    now = timezone.now()
    tokens = AccessToken.objects.filter(digest=_digest(token), expires_at__gt=now)
    found = tokens.filter(key__in=ApiKey.objects.filter(_VALID)).select_related("key__user").first()
    if found is None or not _is_developer(found.key.user, developer_id):
        return None
    if found.expires_at < now + TOKEN_LIFE:
        AccessToken.objects.filter(pk=found.pk).update(expires_at=now + _GRANTED)
    _note_use(found.key)
    return found.key


def grant_token(key: ApiKey) -> tuple[AccessToken, str]:
    """Exchanges a key for a token that is valid for TOKEN_LIFE after its last use, and up to a minute more;
    its row and its text."""
    text, now = secrets.token_hex(32), timezone.now()
    row = AccessToken.objects.create(key=key, digest=_digest(text), created_at=now, expires_at=now + _GRANTED)
    return row, text


def revoke_token(user: ApiUser, token: str) -> bool:
    """Ends a token of this user; whether there was one."""
    tokens = AccessToken.objects.filter(digest=_digest(token), key__user=user, expires_at__gt=timezone.now())
    return bool(tokens.delete()[0])


def prune() -> int:
    """Takes away tokens that have ended; how many there were."""
    return AccessToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]


_VALID = Q(revoked_at=None, user__is_active=True)


def _digest(secret: str) -> str:
    """Fast on purpose: the secret is 256 bits of chance, which no guessing finds at any speed."""
    return hashlib.sha256(b"postrider-api:" + secret.encode(errors="replace")).hexdigest()


def _is_id(text: str) -> bool:
    return len(text) == 24 and text.isascii() and text.isalnum()


def _is_developer(user: ApiUser, developer_id: str | None) -> bool:
    if developer_id is None:
        return True
    return compare_digest(user.developer_id.encode(), developer_id.encode(errors="replace"))


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
