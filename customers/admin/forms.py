"""What staff type about a customer, checked before it reaches `customers.services`."""

from typing import Any

import orjson
from django import forms
from django.forms.fields import InvalidJSONInput

from customers.models import Customer


class NoteForm(forms.Form):
    """An agent's note."""

    text = forms.CharField(
        label="Add a note",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "What should others know?"}),
    )


_NOT_STORABLE = "This has characters or numbers that cannot be stored."


class NamesAndValues(forms.JSONField):
    """A JSON object that both databases can keep."""

    def to_python(self, value: Any) -> Any:
        try:
            parsed = super().to_python(value)
        except RecursionError:  # brackets in brackets, thousands of them
            raise forms.ValidationError(_NOT_STORABLE) from None
        if parsed is None:
            return {}
        if not isinstance(parsed, dict):
            raise forms.ValidationError('Write names and values, such as {"color": "blue"}.')
        try:
            text = orjson.dumps(parsed)
        except (TypeError, ValueError):  # half of a surrogate pair, a number beyond 64 bits
            raise forms.ValidationError(_NOT_STORABLE) from None
        if b"\\u0000" in text:
            raise forms.ValidationError(_NOT_STORABLE)
        return orjson.loads(text)  # what JSON does not know (NaN) has become null

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, as it was typed, if it cannot be stored: written anew it might not even be text."""
        try:
            self.to_python(data)
        except forms.ValidationError:
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    """The contact fields. The rules of the row itself come from the model."""

    class Meta:
        model = Customer
        fields = "__all__"  # noqa: DJ007 (the admin names the fields)

    custom_fields = NamesAndValues(required=False)

    def clean_external_id(self) -> str:
        external_id: str = self.cleaned_data["external_id"]
        location = self.cleaned_data.get("location") or getattr(self.instance, "location", None)
        others = Customer.objects.filter(location=location, external_id=external_id, deleted_at__isnull=True)
        if external_id and location and others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another customer of this location has this id.")
        return external_id
