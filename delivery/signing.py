"""Signatures as Standard Webhooks has them: the secrets of an endpoint, and the headers of every request."""

import base64
import binascii
import hmac
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import changes as audit
from delivery import queue, sets
from delivery.channels import Unsendable
from delivery.models import Delivery, Endpoint, SigningSecret
from delivery.secrets import SecretUnreadable, decrypt
from delivery.transports import Request

PREFIX = "whsec_"
KEY_BYTES = 32
FEWEST_KEY_BYTES = 24  # as the standard has it
# Beside the one in use: each adds a signature to every request.
MOST_OLD = 3
_SET_HERE = {"webhook-id", "webhook-timestamp", "webhook-signature", "user-agent"}

_VALID = """
SELECT s.endpoint_id, s.secret FROM {rows} JOIN delivery_signingsecret s ON s.endpoint_id = r.id
WHERE s.expires_at IS NULL OR s.expires_at > %s ORDER BY s.id DESC
"""

Headers = tuple[tuple[str, str], ...]
Keys = tuple[bytes, ...]


class NotInUse(ValueError):
    """The secret that was to be replaced is not the one in use any more: somebody was quicker."""


# --- the secrets of an endpoint ----------------------------------------------------------------------


def provide(endpoint_ids: Collection[int]) -> None:
    """A secret for each of these endpoints that has none in use; three statements, safe beside others."""
    with transaction.atomic():
        queue.lock_endpoints(endpoint_ids)
        of_these = SigningSecret.objects.filter(endpoint_id__in=endpoint_ids, expires_at=None)
        have = set(of_these.values_list("endpoint_id", flat=True))
        now = timezone.now()
        SigningSecret.objects.bulk_create(
            SigningSecret(endpoint_id=endpoint_id, secret=new_secret(), created_at=now)
            for endpoint_id in sorted(set(endpoint_ids) - have)
        )


def rotate(
    endpoint_id: int, *, by: str, replaces: int | None = None, overlap: timedelta | None = None
) -> None:
    """A new secret is in use. The old one goes on signing beside it for `overlap`, by default what
    POSTRIDER_SECRET_OVERLAP_HOURS says; of all old ones the newest MOST_OLD do.

    With `replaces` it must be that secret which is in use, else NotInUse is raised and nothing done.
    """
    now = timezone.now()
    if overlap is None:
        overlap = timedelta(hours=settings.POSTRIDER_SECRET_OVERLAP_HOURS)
    with transaction.atomic():
        queue.lock_endpoints([endpoint_id])
        all_of_it = SigningSecret.objects.filter(endpoint_id=endpoint_id)
        in_use = all_of_it.filter(expires_at=None)
        if replaces is not None and not in_use.filter(pk=replaces).exists():
            raise NotInUse("The secret was rotated already.")
        in_use.update(expires_at=now + overlap)
        old = all_of_it.filter(expires_at__gt=now).order_by("-pk").values_list("pk", flat=True)
        all_of_it.exclude(pk__in=list(old[:MOST_OLD])).delete()
        SigningSecret.objects.create(endpoint_id=endpoint_id, secret=new_secret(), created_at=now)
        old_one = f"goes on signing for {overlap}" if overlap else "signs nothing any more"
        said = f"rotated the signing secret; the old one {old_one}"
        audit.record(Endpoint.objects.get(pk=endpoint_id), said, by=by)


def revoke(endpoint_id: int, secret_id: int, *, by: str) -> None:
    """An old secret signs nothing any more. Nothing happens to the one in use: that is for `rotate`."""
    old = SigningSecret.objects.filter(endpoint_id=endpoint_id, expires_at__isnull=False)
    with transaction.atomic():
        if old.filter(pk=secret_id).delete()[0]:
            endpoint = Endpoint.objects.get(pk=endpoint_id)
            audit.record(endpoint, "stopped signing with an old signing secret", by=by)


def new_secret() -> str:
    """As receivers get it: `whsec_` and the base64 of random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


# --- the headers of every request --------------------------------------------------------------------


def signed(
    prepared: Mapping[str, Request | Unsendable], deliveries: Sequence[Delivery], now: datetime
) -> dict[str, Request | Unsendable]:
    """What channels prepared for these deliveries, each request given the headers that are ours alone.

    Sign when it goes: receivers refuse what is five minutes old. One query in all; an endpoint without a
    secret gets one first. Where a secret cannot be read nothing is sent, to that endpoint only.
    """
    found = [(one.id, one.endpoint_id, prepared.get(one.id)) for one in deliveries]
    going = [(pk, to, request) for pk, to, request in found if isinstance(request, Request)]
    keys = _keys_of_all({to for _, to, _ in going}, now)
    agent, at = ("User-Agent", f"Postrider/{settings.VERSION}"), int(now.timestamp())
    done = dict(prepared)
    for pk, to, request in going:
        its_keys = keys[to]
        if isinstance(its_keys, SecretUnreadable):
            done[pk] = Unsendable("config", str(its_keys))
        else:
            _set(request, (agent, *headers(pk, request.body, its_keys, at)))
    return done


def announced(delivery_id: str) -> Headers:
    """The same headers for people, before an attempt: what each makes anew is not known yet."""
    when = "made when it is sent"
    return (
        ("User-Agent", f"Postrider/{settings.VERSION}"),
        ("webhook-id", delivery_id),
        ("webhook-timestamp", when),
        ("webhook-signature", when),
    )


def headers(delivery_id: str, body: bytes, keys: Iterable[bytes], at: int) -> Headers:
    """The three headers of Standard Webhooks: a signature with each of the keys, of id, time and body.

    `at`: seconds since 1970.
    """
    said = f"{delivery_id}.{at}.".encode() + body
    signatures = [binascii.b2a_base64(_mac(key, said), newline=False) for key in keys]
    return (
        ("webhook-id", delivery_id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", "v1," + b" v1,".join(signatures).decode()),
    )


def _mac(key: bytes, said: bytes) -> bytes:
    begun = _begun(key).copy()
    begun.update(said)
    return begun.digest()


@lru_cache(maxsize=5000)
def _begun(key: bytes) -> hmac.HMAC:
    """Begun once for each key: to copy it is quicker."""
    return hmac.new(key, digestmod="sha256")


def keys_of(endpoint_ids: Collection[int], now: datetime) -> dict[int, Keys | SecretUnreadable]:
    """By endpoint, the keys that its requests are signed with now, newest first; one query.

    Endpoints without any are missing. One secret that cannot be read is enough for the error to stand
    there: a receiver that knows only this one would refuse what comes.
    """
    # As they are stored: reading one as the column does would raise for all of them when it does for one.
    stored: dict[int, list[str]] = defaultdict(list)
    for endpoint_id, text in sets.run(_VALID, {"id": "bigint"}, [(pk,) for pk in endpoint_ids], [now]):
        stored[endpoint_id].append(text)
    return {endpoint_id: _opened(texts) for endpoint_id, texts in stored.items()}


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises SecretUnreadable if they are none that could be ours."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX))
    except ValueError:
        key = b""
    if len(key) < FEWEST_KEY_BYTES:  # anybody could sign with that
        raise SecretUnreadable("A signing secret of this endpoint is damaged. Rotate it.")
    return key


def _keys_of_all(endpoint_ids: Collection[int], now: datetime) -> dict[int, Keys | SecretUnreadable]:
    keys = keys_of(endpoint_ids, now)
    missing = set(endpoint_ids) - keys.keys()
    if missing:
        provide(missing)
        keys |= keys_of(missing, now)
    return keys


def _opened(texts: Iterable[str]) -> Keys | SecretUnreadable:
    field_keys = tuple(settings.POSTRIDER_FIELD_KEYS)
    try:
        return tuple(_stored_key(text, field_keys) for text in texts)
    except SecretUnreadable as error:
        return error


@lru_cache(maxsize=20_000)
def _stored_key(text: str, field_keys: tuple[str, ...]) -> bytes:
    """The key behind what is stored. Kept, because opening it takes longer than signing several requests."""
    return key_of(decrypt(text))


def _set(request: Request, own: Headers) -> None:
    """Gives the request these headers, instead of any of the same names."""
    is_shown_whole = request.shown_headers is request.headers
    request.headers = (*_others(request.headers), *own)
    request.shown_headers = request.headers if is_shown_whole else (*_others(request.shown_headers), *own)


def _others(given: Headers) -> list[tuple[str, str]]:
    return [pair for pair in given if pair[0].lower() not in _SET_HERE]
