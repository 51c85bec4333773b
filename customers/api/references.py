"""Records that a body refers to by their ids; another location's is as if it did not exist."""

from typing import Any, ClassVar

from customers.models import Location
from rest.fields import Reference


class LocationReference(Reference):
    """The id of a location that the caller may see; gives its row."""

    default_error_messages: ClassVar[dict[str, str]] = {"fixed": "location_id cannot be changed"}

    def to_internal_value(self, data: Any) -> Location:
        key = self.context["caller"].locations.get(super().to_internal_value(data))
        if key is None:
            self.not_valid()
        location = Location.objects.get(pk=key)
        changed = self.root.instance
        if changed is not None and changed.location_id != location.pk:
            self.fail("fixed")
        return location
