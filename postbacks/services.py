"""The only writer of postback configs, and the test that staff may send.

Every change goes through `add`, `edit` and `delete`, so that API and forms have the same effects. What may
not be saved raises ValidationError (see `postbacks.validation`) and leaves nothing behind.
"""

from copy import copy
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import changes as audit
from customers.models import Location
from delivery import log as event_log
from delivery import queue, signing
from delivery import services as deliveries
from delivery.ids import new_id
from delivery.models import Delivery, Endpoint
from delivery.queue import NewDelivery
from postbacks import freezing, logins, samples, validation, watching
from postbacks.models import PostbackConfig, Reach

SETTINGS = (
    *("resource", "on_create", "on_update", "on_delete", "url", "number_of_attempts", "attempt_interval"),
    *("expands", "basic_auth_username", "basic_auth_password", "gateway_id", "is_active", "boolean_forms"),
)


_NOT_AUDITED = {*logins.NAMES, "gateway_id", "boolean_forms"}


class ConfigDeleted(ValueError):
    """The config was deleted: nothing is done to it any more."""

    def __init__(self) -> None:
        super().__init__("This postback config was deleted.")


def create(
    *, location: Location, by: str, is_address_checked: bool = False, **settings: Any
) -> PostbackConfig:
    """A new config with its endpoint; it is told of what happens from now on. `settings` are its columns."""
    return add(PostbackConfig(location=location, **settings), by=by, is_address_checked=is_address_checked)


def add(config: PostbackConfig, *, by: str, is_address_checked: bool = False) -> PostbackConfig:
    """The same with a row that was put together elsewhere. See `edit` for `is_address_checked`."""
    validation.check(config)
    if not is_address_checked:
        validation.check_address(config)
    with transaction.atomic():
        _insert(config)
        audit.record(config, "created", by=by, new=_snapshot(config))
    return config


def edit(
    config: PostbackConfig, *, by: str, is_address_checked: bool = False, **settings: Any
) -> PostbackConfig:
    """Sets these columns, and no other, of the config as it is stored; of two at once each keeps its own.

    Of `boolean_forms` only the given names change. Switched off it holds what waits and is told of nothing
    more; switched on again it is told of what happens from then on. Another URL is tried at once by what
    waits for another attempt. With `is_address_checked` the caller has asked `validation.check_address`
    outside its own transaction. Raises ConfigDeleted. `config` is brought up to date, and given back.
    """
    if not is_address_checked and settings.get("url", config.url) != config.url:
        _check_address(settings["url"])
    with transaction.atomic():
        stored = _locked(config)
        before = _snapshot(stored)
        wanted = copy(stored)
        for name, value in settings.items():
            setattr(wanted, name, value)
        forms = {**stored.boolean_forms, **settings.get("boolean_forms", {})}
        wanted.boolean_forms = {name: form for name, form in forms.items() if form}
        validation.check(wanted)
        changes = [name for name in SETTINGS if _differs(wanted, stored, name)]
        if changes:
            is_new_login = not set(logins.NAMES).isdisjoint(changes)
            _update(wanted, changes)
            now = _snapshot(wanted, is_new_login=is_new_login)
            audit.record(wanted, _in_words(wanted, changes), by=by, old=before, new=now)
    config.refresh_from_db(from_queryset=_lean())
    return config


def delete(config: PostbackConfig, *, by: str) -> None:
    """Nothing is posted by it any more and what waits is cancelled. Its log and its history stay.

    Raises ConfigDeleted if it was deleted before.
    """
    with transaction.atomic():
        stored, now = _locked(config), timezone.now()
        PostbackConfig.objects.filter(pk=config.pk).update(deleted_at=now, is_active=False)
        watching.end(stored, now)
        queue.hold(stored.endpoint)
        queue.cancel(stored.endpoint)
        audit.record(stored, "deleted", by=by, old=_snapshot(stored))
    config.refresh_from_db()


def send_test(config: PostbackConfig, *, by: str) -> str:
    """Posts the newest resource there is (else an example) to the real URL, once; the delivery's id.

    It is on record as a test, in no count, and goes out also while the config is switched off. Raises
    ConfigDeleted.
    """
    if config.deleted_at is not None:
        raise ConfigDeleted
    test = NewDelivery(
        id=new_id(),
        event_id=None,
        channel="postback",
        target_id=config.pk,
        target_name=str(config)[:200],
        target_version=1,
        reason=f"CREATE {config.resource}",
        endpoint_id=config.endpoint_id,
        content=freezing.frozen(config, "CREATE", config.resource, samples.newest(config)),
        is_test=True,
    )
    deliveries.send_test(test, by=by)
    return test.id


def cancel_what_is_left() -> int:
    """What was out when its config was deleted, or queued beside that, is cancelled too. How many."""
    unfinished = {"state__in": ["pending", "waiting"], "kept_on": None}
    deleted = Endpoint.objects.filter(channel="postback", is_held=True).filter(
        pk__in=PostbackConfig.objects.filter(deleted_at__isnull=False).values("endpoint")
    )
    left = Delivery.objects.filter(endpoint__in=deleted, **unfinished).values("endpoint")
    return sum(queue.cancel(endpoint) for endpoint in deleted.filter(pk__in=left))


def _check_address(url: str) -> None:
    """Of one whose words are in order; of what is wrong with them the rules tell."""
    draft = PostbackConfig(url=url)
    if not validation.url_fault(draft):
        validation.check_address(draft)


def _insert(config: PostbackConfig) -> None:
    now = timezone.now()
    config.endpoint = Endpoint.objects.create(
        channel="postback", name=str(config)[:200], is_held=not config.is_active
    )
    signing.provide([config.endpoint.pk])
    config.created_at = config.modified_at = now
    config.save(force_insert=True)
    watching.begin(config, now)
    tx, event_id = event_log.horizon()  # all before it happened before now
    Reach.objects.get_or_create(pk=1, defaults={"tx": tx, "event_id": event_id})


def _lean() -> QuerySet[PostbackConfig]:
    """Their logins stay closed until somebody asks for one."""
    return PostbackConfig.objects.defer(*logins.NAMES)


def _locked(config: PostbackConfig) -> PostbackConfig:
    lean = _lean().select_related("endpoint", "gateway")
    stored = lean.select_for_update(of=("self",)).get(pk=config.pk)
    if stored.deleted_at is not None:
        raise ConfigDeleted
    return stored


def _update(config: PostbackConfig, changes: list[str]) -> None:
    now = timezone.now()
    config.modified_at = now
    config.save(update_fields=[*(name.removesuffix("_id") for name in changes), "modified_at"])
    watching.follow(config, changes, now)
    if {"url", "resource"} & set(changes):
        Endpoint.objects.filter(pk=config.endpoint_id).update(name=str(config)[:200])
    if "url" in changes:
        queue.hurry(config.endpoint, is_elsewhere=True)
    if "is_active" in changes:
        (queue.release if config.is_active else queue.hold)(config.endpoint)


def _differs(config: PostbackConfig, stored: PostbackConfig, name: str) -> bool:
    if name not in logins.NAMES:
        return bool(getattr(config, name) != getattr(stored, name))
    return logins.is_at_hand(config, name) and logins.read(config, name) != logins.read(stored, name)


def _snapshot(config: PostbackConfig, *, is_new_login: bool = False) -> dict[str, Any]:
    """As the audit log keeps it: all that makes it up, but of its login only whether there is one."""
    login = logins.in_words(config)
    return {
        **{name: getattr(config, name) for name in SETTINGS if name not in _NOT_AUDITED},
        "gateway": config.gateway.title if config.gateway is not None else "",
        "basic_auth": f"{login} anew" if is_new_login and login == "set" else login,
    }


def _in_words(config: PostbackConfig, changes: list[str]) -> str:
    if changes == ["is_active"]:
        return "switched on" if config.is_active else "switched off"
    return "changed"
