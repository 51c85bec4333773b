"""The rules of a postback config, written once for API and forms; keys are the API's names of its fields."""

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError

from delivery import guard, texts, urls
from postbacks import logins
from postbacks.models import PostbackConfig
from postbacks.resources import EMBEDDABLE

LONGEST_URL = LONGEST_TEXT = 512
MOST_ATTEMPTS = 5
SHORTEST_INTERVAL, LONGEST_INTERVAL = 300, 86_400

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OF_A_GATEWAY = (PostbackConfig.Resource.TRANSACTION, PostbackConfig.Resource.TRANSACTIONBATCH)

Rule = Callable[[PostbackConfig], str]


def check(config: PostbackConfig) -> None:
    """All its settings, without a look at the network; see `check_address`."""
    faults = {name: fault for name, rule in _RULES.items() if (fault := rule(config))}
    if faults:
        raise ValidationError({name: [fault] for name, fault in faults.items()})


def check_address(config: PostbackConfig) -> None:
    """Whether the URL leads to where Postrider may connect, as far as is known now.

    Asks the name service, so call it outside of transactions. A name that has no address yet is fine.
    """
    try:
        guard.check_url(config.url)
    except guard.Forbidden as error:
        raise ValidationError({"url": [str(error)]}) from None


def url_fault(config: PostbackConfig) -> str:
    """What is wrong with the words of its URL; "" if nothing is."""
    if not config.url:
        return "Url cannot be blank."
    instead = "basic_auth_username and basic_auth_password carry them"
    return urls.url_fault(config.url, instead_of_login=instead, longest=LONGEST_URL)


def names_in(expands: str) -> list[str]:
    """What a list of expands names, in its order, each once."""
    return list(dict.fromkeys(name for part in expands.split(",") if (name := part.strip())))


def _resource_fault(config: PostbackConfig) -> str:
    if config.resource in PostbackConfig.Resource.values:
        return ""
    if not config.resource:
        return "Resource cannot be blank."
    return f"“{str(config.resource)[:40]}” is no resource. Use {_listed(PostbackConfig.Resource.values)}."


def _gateway_fault(config: PostbackConfig) -> str:
    if config.gateway is None:
        is_needed = config.resource in _OF_A_GATEWAY
        return "Product Transaction Id cannot be blank." if is_needed else ""
    is_here = config.gateway.location_id == config.location_id
    return "" if is_here else "product_transaction_id provided is not valid"


def _expands_fault(config: PostbackConfig) -> str:
    if fault := texts.fault_of("list of expands", config.expands, LONGEST_TEXT):
        return fault
    possible = EMBEDDABLE.get(config.resource, ())
    unknown = [name for name in names_in(config.expands) if name not in possible]
    if unknown and possible:
        return f"“{unknown[0][:40]}” cannot be embedded in a {config.resource}. Use {_listed(possible)}."
    return ""


def _login_fault(column: str, what: str) -> Rule:
    def rule(config: PostbackConfig) -> str:
        if not logins.is_at_hand(config, column):  # it was checked when it was typed
            return ""
        value = getattr(config, column)
        if fault := texts.fault_of(what, value, LONGEST_TEXT):
            return fault
        if _CONTROL.search(value):
            return f"The {what} has a line break or a control character in it."
        if column == "basic_auth_username" and ":" in value:
            return "A user name of basic authentication cannot have a colon in it."
        return ""

    return rule


def _password_fault(config: PostbackConfig) -> str:
    if fault := _login_fault("basic_auth_password", "password")(config):
        return fault
    is_typed = logins.is_at_hand(config, "basic_auth_password") and config.basic_auth_password
    is_alone = is_typed and not logins.read(config, "basic_auth_username")
    return "A password needs a user name: without one no authentication is sent." if is_alone else ""


def _between(column: str, least: int, most: int) -> Rule:
    def rule(config: PostbackConfig) -> str:
        value = getattr(config, column)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return "" if is_number and least <= value <= most else f"Give a whole number from {least} to {most}."

    return rule


def _listed(words: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


_RULES: dict[str, Rule] = {
    "resource": _resource_fault,
    "url": url_fault,
    "number_of_attempts": _between("number_of_attempts", 1, MOST_ATTEMPTS),
    "attempt_interval": _between("attempt_interval", SHORTEST_INTERVAL, LONGEST_INTERVAL),
    "expands": _expands_fault,
    "basic_auth_username": _login_fault("basic_auth_username", "user name"),
    "basic_auth_password": _password_fault,
    "product_transaction_id": _gateway_fault,
}
