"""`/v2/postbackconfigs`: postbacks set up by REST (reference §2.3)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.references import LocationReference
from delivery.catalogue import POSTBACKS
from delivery.secrets import SecretUnreadable
from postbacks import logins, logs, services, validation
from postbacks.api.fields import GatewayReference, Sent, SentFlag, Whole, in_form
from postbacks.models import PostbackConfig
from postbacks.resources.embedding import MODEL_NAMES
from postbacks.validation import (
    LONGEST_INTERVAL,
    LONGEST_TEXT,
    LONGEST_URL,
    MOST_ATTEMPTS,
    SHORTEST_INTERVAL,
)
from rest.errors import Gone, NotValid, invalid
from rest.fields import Choice, Moment, Said, Text
from rest.filters import Span, choice, flag, text
from rest.resources import Expansion, Resource
from rest.serializers import Input

FORMAT = "api-default"
FLAGS = ("on_create", "on_update", "on_delete", "is_active")


class ConfigAnswer(serializers.Serializer):
    """In the order of keys of the documentation's own example. The login is only told to who asks for it."""

    id = serializers.CharField(source="public_id")
    location_id = serializers.CharField(source="location.public_id")
    resource = serializers.ChoiceField(PostbackConfig.Resource.values)
    on_create = SentFlag()
    on_update = SentFlag()
    on_delete = SentFlag()
    url = serializers.CharField()
    is_active = SentFlag()
    format = serializers.ChoiceField([FORMAT], default=FORMAT)
    number_of_attempts = serializers.IntegerField()
    attempt_interval = serializers.IntegerField()
    expands = serializers.CharField(allow_blank=True)
    product_transaction_id = Said(source="gateway.public_id", default=None)
    created_ts = Moment(source="created_at")
    modified_ts = Moment(source="modified_at")

    def to_representation(self, config: PostbackConfig) -> dict[str, Any]:
        said: dict[str, Any] = super().to_representation(config)
        for name in FLAGS:
            said[name] = in_form(said[name], config.boolean_forms.get(name, ""))
        if said["product_transaction_id"] is None:  # as in the example
            del said["product_transaction_id"]
        return {**said, "format": FORMAT}


class ConfigFields(Input):
    """What both a new config and a change may carry."""

    system_fields = frozenset({"id", "created_ts", "modified_ts", "postback_logs"})

    resource = Choice(PostbackConfig.Resource.values)
    on_create = SentFlag(required=False)
    on_update = SentFlag(required=False)
    on_delete = SentFlag(required=False)
    url = Text(1, LONGEST_URL)
    is_active = SentFlag(required=False)
    format = Choice([FORMAT], required=False, allow_null=True)
    number_of_attempts = Whole(1, MOST_ATTEMPTS)
    attempt_interval = Whole(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    expands = Text(0, LONGEST_TEXT, required=False)
    basic_auth_username = Text(0, LONGEST_TEXT, required=False)
    basic_auth_password = Text(0, LONGEST_TEXT, required=False, trim_whitespace=False)
    product_transaction_id = GatewayReference(required=False, source="gateway")


class PostbackConfigRequest(ConfigFields):
    """A new config. Of the three switches, what is not sent is off."""

    location_id = LocationReference(source="location")


class PostbackConfigChangeRequest(ConfigFields):
    """Any of the fields; those that are not sent stay as they are."""

    location_id = LocationReference(required=False, source="location")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the name service said of a URL, asked before any transaction; of "" nothing was asked."""

    url: str = ""
    refusal: ValidationError | None = None

    def is_about(self, values: Mapping[str, Any]) -> bool:
        """Whether it is what is about to be written. Raises ValidationError if that may not be called."""
        if not self.url or values.get("url") != self.url:
            return False
        if self.refusal is not None:
            raise self.refusal
        return True


class PostbackConfigs(Resource):
    singular = "postbackconfig"
    plural = "postbackconfigs"
    about = (
        "What happens to a resource is posted to a URL as soon as it happens: a form of type, resource, "
        "number_of_attempts and data. Any 2xx acknowledges."
    )
    answer = ConfigAnswer
    creates = PostbackConfigRequest
    changes = PostbackConfigChangeRequest
    filters = {
        "resource": choice("resource", *PostbackConfig.Resource.values),
        "url": text("url"),
        "is_active": flag("is_active"),
        "product_transaction_id": text("gateway__public_id"),
        "created_ts": Span("created_at"),
        "modified_ts": Span("modified_at"),
    }
    sorts = {"created_ts": "created_at", "modified_ts": "modified_at", "resource": "resource", "url": "url"}
    asked = Asked()

    def rows(self) -> QuerySet[PostbackConfig]:
        return PostbackConfig.objects.defer(*logins.NAMES).select_related("location", "gateway")

    def listed(self, rows: QuerySet[PostbackConfig]) -> QuerySet[PostbackConfig]:
        return rows.filter(deleted_at=None)

    def is_gone(self, row: PostbackConfig) -> bool:
        return row.deleted_at is not None

    def create(self, request: Request) -> Response:
        self.asked = _asked(_url_in(request.data))
        return super().create(request)

    def update(self, request: Request, id: str) -> Response:
        url = _url_in(request.data)
        if url != self.found(id).url:
            self.asked = _asked(url)
        return super().update(request, id)

    def make(self, values: dict[str, Any]) -> PostbackConfig:
        off = {name: Sent(False, "") for name in ("on_create", "on_update", "on_delete")}
        settings = _settings({**off, **values})
        settings["boolean_forms"] = {name: form for name, form in settings["boolean_forms"].items() if form}
        with _named():
            is_checked = self.asked.is_about(values)
            return services.create(by=self.caller.by, is_address_checked=is_checked, **settings)

    def change(self, row: PostbackConfig, values: dict[str, Any]) -> PostbackConfig:
        values.pop("location", None)
        settings = _settings(values)
        with _named():
            is_checked = self.asked.is_about(values)
            return services.edit(row, by=self.caller.by, is_address_checked=is_checked, **settings)

    def remove(self, row: PostbackConfig) -> None:
        with _named():
            services.delete(row, by=self.caller.by)


def _url_in(body: Any) -> str:
    """The URL that a body names, as it will be read; "" if there is none."""
    record = body.get(PostbackConfigs.singular) if isinstance(body, Mapping) else None
    url = record.get("url") if isinstance(record, Mapping) else None
    return url.strip() if isinstance(url, str) else ""


def _asked(url: str) -> Asked:
    draft = PostbackConfig(url=url)
    if validation.url_fault(draft):
        return Asked()  # the rules tell of it
    try:
        validation.check_address(draft)
    except ValidationError as error:
        return Asked(url, error)
    return Asked(url)


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """Columns of a config, and in which form each boolean was sent ("": as a text); null says: as usual."""
    flags = {name: value for name, value in values.items() if isinstance(value, Sent)}
    usual = {"number_of_attempts": 1, "attempt_interval": SHORTEST_INTERVAL}
    others = {
        name: usual.get(name) if value is None else value
        for name, value in values.items()
        if name not in flags and name != "format"
    }
    return {
        **others,
        **{name: sent.value for name, sent in flags.items()},
        "boolean_forms": {name: sent.form for name, sent in flags.items()},
    }


@contextmanager
def _named() -> Iterator[None]:
    """Refusals of the domain, by the fields that they are about."""
    try:
        yield
    except services.ConfigDeleted as error:
        raise Gone(str(error)) from None
    except ValidationError as error:
        raise NotValid(error.message_dict) from None


def _logs(configs: Sequence[PostbackConfig]) -> dict[Any, Any]:
    """The newest postbacks of each, newest first."""
    by_key = {config.pk: config for config in configs}
    found = logs.newest(by_key)
    return {pk: [_log(line, by_key[pk]) for line in lines] for pk, lines in found.items()}


def _log(line: logs.Line, config: PostbackConfig) -> dict[str, Any]:
    postback, next_run_at = line.postback, line.next_run_at
    return {
        "id": postback.delivery_id or None,
        "postback_config_id": config.public_id,
        "changelog_id": f"{postback.event_id:024x}",
        "postback_status_id": line.status_id,
        "http_verb": "POST",
        "next_run_ts": int(next_run_at.timestamp()) if next_run_at else None,
        "created_ts": int(postback.taken_at.timestamp()),
        "type": postback.type,
        "model": MODEL_NAMES[POSTBACKS[postback.event.type][1]],
        "model_id": postback.resource_id,
    }


def _login(name: str) -> Expansion:
    def read(configs: Sequence[PostbackConfig]) -> dict[Any, Any]:
        stored = PostbackConfig.objects.filter(pk__in=[config.pk for config in configs])
        try:
            return {pk: value or None for pk, value in stored.values_list("pk", name)}
        except SecretUnreadable as error:
            raise invalid("expand", str(error)) from None

    return read


PostbackConfigs.expansions = {
    "postback_logs": _logs,
    "basic_auth_username": _login("basic_auth_username"),
    "basic_auth_password": _login("basic_auth_password"),
}
