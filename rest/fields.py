"""Fields as integrators send and read them: lenient about the form of a value, strict about its limits."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_YES, _NO = ("1", "true", 1), ("0", "false", 0)


class Described:
    """A field that says its schema itself; null, where it may be, is added to it."""

    def described(self) -> dict[str, Any]:
        raise NotImplementedError


@extend_schema_field({"type": ["string", "null"]})
class Said(serializers.Field):
    """A text in an answer: null where there is none."""

    def to_representation(self, value: Any) -> str | None:
        return str(value) if value else None


@extend_schema_field({"type": ["integer", "null"], "description": "Unix time in seconds."})
class Moment(serializers.ReadOnlyField):
    """A time in an answer: seconds since 1970."""

    def to_representation(self, value: datetime | None) -> int | None:
        return None if value is None else int(value.timestamp())


@extend_schema_field({"type": ["string", "null"], "pattern": r"^-?[0-9]+\.[0-9]{2}$"})
class Money(serializers.ReadOnlyField):
    """Money in an answer: a text with two decimals."""

    def to_representation(self, value: Decimal | None) -> str | None:
        return None if value is None else f"{value:.2f}"


class Text(Described, serializers.CharField):
    """A text of `least` to `most` characters; numbers are taken too. Null and "" clear one that is optional.

    `pattern` is a regular expression for the whole of it, and `shape` says in words what it asks for.
    """

    default_error_messages: ClassVar[dict[str, str]] = {
        "length": "{name} must have {least} to {most} characters.",
        "exact": "{name} must have {most} characters.",
        "shape": "{name} must be {shape}.",
    }

    def __init__(self, least: int, most: int, *, pattern: str = "", shape: str = "", **options: Any) -> None:
        is_optional = not options.get("required", True)
        super().__init__(allow_blank=is_optional, allow_null=is_optional, **options)
        self.least, self.most, self.pattern, self.shape = least, most, pattern, shape

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        is_done, value = super().validate_empty_values(data)
        return is_done, "" if is_done and value is None else value

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not text:
            return text
        if not self.least <= len(text) <= self.most:
            key = "exact" if self.least == self.most else "length"
            self.fail(key, name=self.label, least=self.least, most=self.most)
        if self.pattern and not re.fullmatch(self.pattern, text):
            self.fail("shape", name=self.label, shape=self.shape)
        return text

    def described(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "maxLength": self.most}
        if self.least:
            schema["minLength"] = self.least
        if self.pattern:
            schema["pattern"] = f"^{self.pattern}$"
        return schema


@extend_schema_field({"enum": [True, False, 1, 0, "1", "0"]})
class Flag(serializers.Field):
    """Yes or no, in any of the forms that clients send."""

    default_error_messages: ClassVar[dict[str, str]] = {"invalid": "{name} must be 1 or 0."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, int | str) or data not in _YES + _NO:
            self.fail("invalid", name=self.label)
        return data in _YES

    def to_representation(self, value: bool) -> bool:
        return value


class Amount(Described, serializers.DecimalField):
    """Money that is sent: a text or a number with at most two decimals; null or "" for none."""

    default_error_messages: ClassVar[dict[str, str]] = {
        "length": "{name} must have at most {most} characters."
    }

    def __init__(self, *, most: int = 13, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, allow_null=True, **options)
        self.most = most

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        is_done, value = super().validate_empty_values(None if data == "" else data)
        return is_done, value

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str | int | float) or isinstance(data, bool):
            self.fail("invalid")
        if len(str(data)) > self.most:
            self.fail("length", name=self.label, most=self.most)
        value: Decimal = super().to_internal_value(data)
        return value

    def described(self) -> dict[str, Any]:
        return {"type": ["string", "number"], "maxLength": self.most}


class Choice(serializers.ChoiceField):
    """One of a few words."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int):
            self.fail("invalid_choice", input=type(data).__name__)
        return super().to_internal_value(data)


class Reference(Described, serializers.Field):
    """The id of another record. Who takes it looks whether the caller may see one with this id."""

    default_error_messages: ClassVar[dict[str, str]] = {"not_valid": "{name} provided is not valid"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not data or len(data) > 36 or not data.isprintable():
            self.not_valid()
        return data

    def to_representation(self, value: Any) -> Any:
        return value

    def not_valid(self) -> NoReturn:
        raise serializers.ValidationError(self.error_messages["not_valid"].format(name=self.field_name))

    def described(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 36}


class Day(Described, serializers.DateField):
    """A date that is sent, yyyy-mm-dd; null or "" for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, input_formats=["%Y-%m-%d"], **options)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        is_done, value = super().validate_empty_values(None if data == "" else data)
        return is_done, value

    def described(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


@extend_schema_field({"type": "object", "additionalProperties": True})
class Free(serializers.Field):
    """Names and values of the client's own: texts, numbers, yes or no."""

    MOST_NAMES: ClassVar[int] = 100
    MOST_CHARACTERS: ClassVar[int] = 1000
    default_error_messages: ClassVar[dict[str, str]] = {
        "invalid": "{name} must be a record of at most {most} names, each with a text, number, true or false."
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if (
            not isinstance(data, dict)
            or len(data) > self.MOST_NAMES
            or not all(map(self._is_fit, data.items()))
        ):
            self.fail("invalid", name=self.label, most=self.MOST_NAMES)
        return dict(data)

    def to_representation(self, value: Any) -> Any:
        return value

    def _is_fit(self, pair: tuple[str, Any]) -> bool:
        name, value = pair
        # No other reader of JSON would get it right, and databases write 1e300 with all its digits.
        if isinstance(value, int | float) and not abs(value) < 2**53:
            return False
        is_plain = value is None or isinstance(value, str | int | float)
        return is_plain and len(name) <= self.MOST_CHARACTERS and len(str(value)) <= self.MOST_CHARACTERS
