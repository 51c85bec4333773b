"""Creates that are sent again: with the same `Idempotency-Key` they give the same answer, and nothing new."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from rest.callers import caller_of
from rest.errors import Gone, invalid
from rest.models import RememberedAnswer

HEADER = "Idempotency-Key"
LOOKED_AT = 5000
KEPT_FOR = timedelta(hours=24)  # at least; the nightly pruning takes what is older


def once(request: Request, create: Callable[[], Response]) -> Response:
    """The answer of `create`, or that of the call which carried this key before.

    The key is written first, in the transaction of what is created: of two calls at once the second waits
    for the first. What was refused is not remembered, so that it can be corrected and sent again.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return create()
    if len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise invalid(HEADER, f"{HEADER} must have at most 255 characters, all of them printable ASCII.")
    # A key may name whom it is about ("order-of-ada@example.com"): its digest does as well.
    key = hashlib.sha256(key.encode()).hexdigest()
    caller, fingerprint = caller_of(request).user_id, _fingerprint(request)
    with transaction.atomic():
        mine = _claimed(caller, key, fingerprint)
        if mine is None:
            return _remembered(caller, key, fingerprint)
        response = create()
        mine.status, mine.body = response.status_code, orjson.dumps(response.data).decode()
        mine.save(update_fields=["status", "body"])
        return response


def prune() -> int:
    """Forgets what is older than KEPT_FOR; how many there were."""
    found, _ = RememberedAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return found


def forget(text: str) -> Iterator[int]:
    """Empties the answers that have this text, some thousand rows at a time; how many. What they created is
    not created once more: a repeat is told that it is gone."""
    last = 0
    while ids := list(
        RememberedAnswer.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:LOOKED_AT]
    ):
        rows = RememberedAnswer.objects.filter(pk__gt=last, pk__lte=ids[-1], body__contains=text)
        yield rows.update(body="")
        last = ids[-1]


def _claimed(caller: str, key: str, fingerprint: str) -> RememberedAnswer | None:
    """A new row for this key; None if there is one."""
    row = RememberedAnswer(caller=caller, key=key, fingerprint=fingerprint, created_at=timezone.now())
    RememberedAnswer.objects.bulk_create([row], ignore_conflicts=True)
    return RememberedAnswer.objects.filter(caller=caller, key=key, status=0).first()


def _remembered(caller: str, key: str, fingerprint: str) -> Response:
    before = RememberedAnswer.objects.filter(caller=caller, key=key).first()
    if before is None:  # a day old, and pruned since it was found
        raise Gone(f"What this {HEADER} gave was forgotten this moment. Send it again.")
    if before.fingerprint != fingerprint:
        raise invalid(HEADER, f"This {HEADER} was used for another request.")
    if not before.body:
        raise Gone("What this request created was erased.")
    return Response(orjson.loads(before.body), status=before.status, headers={"Idempotent-Replayed": "true"})


def _fingerprint(request: Request) -> str:
    """Of what is asked for, whatever the order of its names or the spaces between.

    The location may stand in the address instead of the body.
    """
    location = request.query_params.get("location_id", "")
    said: list[Any] = [request.method, request.path, location, request.data]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
