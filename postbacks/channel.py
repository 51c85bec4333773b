"""Postbacks as deliveries: how one becomes a request at each attempt, how often, and how people read it."""

import base64
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.urls import reverse

from delivery import sets, signing
from delivery.channels import Said, Sibling, Unsendable
from delivery.models import Delivery
from delivery.secrets import MASK, SecretUnreadable
from delivery.transports import Request
from postbacks.freezing import Content, thawed
from postbacks.models import PostbackConfig
from postbacks.wording import describe

__all__ = [
    "IS_UNTIL_SUCCESS",
    "anew_page",
    "describe",
    "endpoints_of",
    "page",
    "prepare",
    "retry_after",
    "said",
    "siblings",
]

IS_UNTIL_SUCCESS = False
TIMEOUT_SECONDS = 20
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_TEST = ("X-Postrider-Test", "true")

Headers = tuple[tuple[str, str], ...]


def prepare(deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """By delivery id, the request of each: what was frozen, posted to where the config points now."""
    try:
        configs = sets.in_bulk(PostbackConfig, {delivery.target_id for delivery in deliveries})
    except SecretUnreadable as error:
        if len({delivery.target_id for delivery in deliveries}) == 1:
            return {delivery.id: Unsendable("config", str(error)) for delivery in deliveries}
        return _prepared_apart(deliveries)
    return {delivery.id: _request(delivery, configs.get(delivery.target_id)) for delivery in deliveries}


def _prepared_apart(deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """Config by config: the others do not wait for the one whose secret cannot be read."""
    requests: dict[str, Request | Unsendable] = {}
    for target_id in {delivery.target_id for delivery in deliveries}:
        requests |= prepare([delivery for delivery in deliveries if delivery.target_id == target_id])
    return requests


def retry_after(delivery: Delivery, attempts_made: int) -> timedelta | None:
    """As the config said when the event happened, to the letter; what people ask for uses up nothing of it.

    A test is tried once.
    """
    if delivery.is_test:
        return None
    asked = delivery.attempts_asked + bool(delivery.asked_by)
    return thawed(delivery.content).next_after(attempts_made - asked)


def endpoints_of(location_ids: Collection[int]) -> list[int]:
    found = PostbackConfig.objects.filter(location__in=location_ids)
    return list(found.order_by().values_list("endpoint_id", flat=True))


def said(delivery: Delivery) -> Said:
    """What it said at its last attempt, or will at its first, and where it would go now; the login masked."""
    config = PostbackConfig.objects.get(pk=delivery.target_id)
    headers = (*_headers(delivery, _shown_login(config)), *signing.announced(delivery.id))
    body = thawed(delivery.content).body(max(delivery.attempts_made, 1))
    return Said("POST", config.url, headers, body.decode())


def page(delivery: Delivery) -> str:
    """The config's own page."""
    return reverse("admin:postbacks_postbackconfig_change", args=[delivery.target_id])


def siblings(delivery: Delivery) -> Sequence[Sibling]:
    """None: what happened is posted as it was, once."""
    return ()


def anew_page(delivery: Delivery) -> str:
    """None, for the same reason."""
    return ""


def _request(delivery: Delivery, config: PostbackConfig | None) -> Request | Unsendable:
    if config is None:
        return Unsendable("config", "The postback config is gone.")
    if not config.is_active and not delivery.is_test:
        return Unsendable("", "The postback config is switched off.")
    content: Content = thawed(delivery.content)
    login = _login(config)
    return Request(
        method="POST",
        url=config.url,
        headers=_headers(delivery, login),
        body=content.body(delivery.attempts_made + 1),
        timeout_seconds=TIMEOUT_SECONDS,
        shown_url=config.url,
        shown_headers=_headers(delivery, _shown_login(config)),
        secrets=_secrets(config, login),
    )


def _headers(delivery: Delivery, login: str) -> Headers:
    test: Headers = (_TEST,) if delivery.is_test else ()
    return (_FORM, *((("Authorization", login),) if login else ()), *test)


def _login(config: PostbackConfig) -> str:
    if not config.basic_auth_username:
        return ""
    pair = f"{config.basic_auth_username}:{config.basic_auth_password}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _shown_login(config: PostbackConfig) -> str:
    return f"Basic {MASK}" if config.basic_auth_username else ""


def _secrets(config: PostbackConfig, login: str) -> tuple[str, ...]:
    found = (config.basic_auth_password, login.removeprefix("Basic "))
    return tuple(one for one in found if one)
