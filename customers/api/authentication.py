"""Who calls: by headers, by query parameters, by HTTP Basic, or by an access token."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.request import Request

from customers import access
from customers.models import ApiKey
from rest.callers import Caller
from rest.throttles import failed_login


class ApiAuthentication(authentication.BaseAuthentication):
    """Gives a `Caller` and the key it came with; nothing for a request without credentials."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        """Any credentials of the request that are whole and right will do, whatever else is wrong in it.

        What is wrong counts as a failed login all the same, so nobody tries keys beside a right one for free.
        """
        http: HttpRequest = request._request
        given = presented(http)
        if not given and not _says_who(http):
            return None
        for place, one in enumerate(given):
            if (key := one.key()) is not None:
                if place:
                    failed_login(http)
                return caller(key), key
        raise failed_login(http)

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="Postrider API", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class ByKey:
    """A user's id with one of its keys. `developer_id` None: this form of login needs none."""

    user_id: str
    secret: str = field(repr=False)
    developer_id: str | None

    def key(self) -> ApiKey | None:
        return access.key_of(self.user_id, self.secret, self.developer_id)


@dataclass(frozen=True, slots=True)
class ByToken:
    """What POST /v2/token gave."""

    token: str = field(repr=False)
    developer_id: str | None

    def key(self) -> ApiKey | None:
        return access.key_of_token(self.token, self.developer_id)


def presented(request: HttpRequest) -> list[ByKey | ByToken]:
    """The credentials of a request that are whole, each form once: tokens first, then keys, then HTTP Basic.

    With `user-id` and `user-api-key` the `developer-id` has to be there and right; with a token or HTTP
    Basic, which have no place for it, it has to be right only if it is there.
    """
    developer_id = _said(request, "developer-id")
    places: tuple[Mapping[str, str], ...] = (request.headers, request.GET)
    tokens = [ByToken(token, developer_id) for place in places if (token := place.get("access-token"))]
    keys = [
        ByKey(user_id, secret, place.get("developer-id") or developer_id or "")
        for place in places
        if (user_id := place.get("user-id")) and (secret := place.get("user-api-key"))
    ]
    user_id, secret = _said(request, "user-id"), _said(request, "user-api-key")
    scattered = [ByKey(user_id, secret, developer_id or "")] if user_id and secret and not keys else []
    basic = _basic(request.headers.get("Authorization", ""))
    said: list[ByKey | ByToken] = [
        *tokens,
        *keys,
        *scattered,
        *([ByKey(*basic, developer_id)] if basic else []),
    ]
    return list(dict.fromkeys(said))


def caller(key: ApiKey) -> Caller:
    """The user of a key, with what it may see."""
    user = key.user
    found = list(user.locations.order_by("pk").values_list("public_id", "pk", "time_zone"))
    locations = {public_id: pk for public_id, pk, _ in found}
    zones = {public_id: zone for public_id, _, zone in found}
    return Caller(user.public_id, f"api:{user.name}", locations, zones)


def _says_who(request: HttpRequest) -> bool:
    """Whether anything of a login is there, be it only a half."""
    return any(_said(request, name) for name in ("access-token", "user-id", "user-api-key"))


def _said(request: HttpRequest, name: str) -> str | None:
    return request.headers.get(name) or request.GET.get(name) or None


def _basic(header: str) -> tuple[str, str] | None:
    """User and password; two empty texts for what cannot be read, None for another scheme."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user_id, secret) if colon else ("", "")
