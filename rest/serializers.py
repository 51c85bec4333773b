"""What a record may hold when it is sent: every field known, every fault named."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

LINKS = "_links"
MOST_NAMED = 20  # fields that nobody knows, in one answer


class Input(serializers.Serializer):
    """A record that a client sends. Fields that it does not know are faults.

    `system_fields` are what answers carry besides: clients that send back what they read may do so, and
    these are passed over. Not so those of `fixed_fields` in a change, if they say something else than the
    record does: who sends them means to change them.
    """

    system_fields: ClassVar[frozenset[str]] = frozenset()
    fixed_fields: ClassVar[frozenset[str]] = frozenset({"id"})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            field.label = name.replace("_", " ").title()
            blank = f"{field.label} cannot be blank."
            field.error_messages |= {"required": blank, "null": blank, "blank": blank}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": ["Send a record: names and values."]})
        unknown = [str(name) for name in data if name not in self.fields and not self._is_system(str(name))]
        unknown = unknown[:MOST_NAMED]
        errors: dict[str, Any] = {
            name[:100]: [f"{name[:100]} is not a field of this record."] for name in unknown
        }
        if self.instance is not None:
            errors |= {
                name: [f"{name} cannot be changed"]
                for name in data
                if name in self.fixed_fields and name not in self.fields
            }
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            assert isinstance(error.detail, dict)
            raise serializers.ValidationError({**errors, **error.detail}) from None
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def _is_system(self, name: str) -> bool:
        return name == LINKS or name in self.system_fields
