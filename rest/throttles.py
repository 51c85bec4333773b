"""How fast one may ask: each user, and each address whose logins fail."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework import exceptions, throttling
from rest_framework.request import Request

from rest import allowances
from rest.callers import Caller
from rest.clients import client_address

PORTION = 50
FAILED_LOGINS = 20  # a minute, from one address


class PerUser(throttling.BaseThrottle):
    """POSTRIDER_API_REQUESTS_PER_MINUTE for each API user."""

    _seconds = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Caller):
            return True
        self._seconds = _use_up(request.user.user_id)
        return not self._seconds

    def wait(self) -> float:
        return self._seconds


def count(user_id: str) -> None:
    """One request of a user who is only known from its body. Raises Throttled, as PerUser does."""
    if seconds := _use_up(user_id):
        raise exceptions.Throttled(seconds)


def failed_login(request: HttpRequest) -> exceptions.APIException:
    """What a login that failed is answered: 401, and 429 once too many have failed from the address.

    Credentials that are right are served all the same: a key has 256 bits of chance, so guessing is
    hopeless at any speed, and nobody behind the same address should suffer from somebody else's old key.
    """
    seconds = allowances.take(f"failed:{client_address(request)}", limit=FAILED_LOGINS)
    if seconds:
        return exceptions.Throttled(seconds, "Too many logins have failed from this address.")
    return exceptions.AuthenticationFailed("These credentials are not valid.")


def _use_up(user_id: str) -> int:
    """0, or the seconds until the user may ask again."""
    limit = settings.POSTRIDER_API_REQUESTS_PER_MINUTE
    portion = max(1, min(PORTION, limit // 20))
    return allowances.take(f"user:{user_id}", limit=limit, portion=portion)
