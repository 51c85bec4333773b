"""Fields of a postback config that other records have not: booleans in the form in which they were sent."""

from dataclasses import dataclass
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import Gateway
from rest.fields import Described, Flag, Reference

TEXT, NUMBER, BOOLEAN = "", "number", "boolean"


@dataclass(frozen=True, slots=True)
class Sent:
    """A boolean, and how it was written."""

    value: bool
    form: str


@extend_schema_field({"enum": [True, False, 1, 0, "1", "0", "true", "false"]})
class SentFlag(Flag):
    """Yes or no, with the form in which it was sent."""

    def to_internal_value(self, data: Any) -> Any:
        form = BOOLEAN if isinstance(data, bool) else NUMBER if isinstance(data, int) else TEXT
        return Sent(super().to_internal_value(data), form)


def in_form(value: bool, form: str) -> bool | int | str:
    """The boolean as it was sent; "1" and "0" where nobody said otherwise."""
    if form == BOOLEAN:
        return value
    return int(value) if form == NUMBER else str(int(value))


class GatewayReference(Reference):
    """The public id of a gateway of the caller's locations; gives its row. Null for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_internal_value(self, data: Any) -> Gateway | None:
        if data == "":
            return None
        keys = self.context["caller"].location_keys
        public_id = super().to_internal_value(data)
        gateway = Gateway.objects.filter(location_id__in=keys, public_id=public_id).first()
        if gateway is None:
            self.not_valid()
        return gateway


class Whole(Described, serializers.Field):
    """A whole number from `least` to `most`, also as a text; null for the usual one."""

    default_error_messages: ClassVar[dict[str, str]] = {
        "invalid": "{name} must be a whole number from {least} to {most}."
    }

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(allow_null=True, required=False, **options)
        self.least, self.most = least, most

    def to_internal_value(self, data: Any) -> int:
        is_text = isinstance(data, str) and data.isascii() and data.isdigit() and len(data) < 10
        is_number = is_text or (isinstance(data, int) and not isinstance(data, bool))
        if not is_number or not self.least <= int(data) <= self.most:
            self.fail("invalid", name=self.label, least=self.least, most=self.most)
        return int(data)

    def to_representation(self, value: int) -> int:
        return value

    def described(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}
