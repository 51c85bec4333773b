"""What staff type about a customer, checked before it reaches `customers.services`."""

from typing import Any

import orjson
from django import forms

from customers.models import Customer


class NoteForm(forms.Form):
    """An agent's note."""

    text = forms.CharField(
        label="Add a note",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "What should others know?"}),
    )


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    """The contact fields. The rules of the row itself come from the model."""

    class Meta:
        model = Customer
        fields = "__all__"  # noqa: DJ007 (the admin names the fields)

    def clean_custom_fields(self) -> dict[str, Any]:
        """Names and values that both databases can keep as JSON."""
        value = self.cleaned_data["custom_fields"] or {}
        if not isinstance(value, dict):
            raise forms.ValidationError('Write names and values, such as {"color": "blue"}.')
        try:
            text = orjson.dumps(value).decode()
        except (TypeError, ValueError):
            raise forms.ValidationError("This has characters or numbers that cannot be stored.") from None
        if "\\u0000" in text:
            raise forms.ValidationError("This has characters that are not text.")
        kept: dict[str, Any] = orjson.loads(text)
        return kept

    def clean_external_id(self) -> str:
        external_id: str = self.cleaned_data["external_id"]
        location = self.cleaned_data.get("location") or getattr(self.instance, "location", None)
        others = Customer.objects.filter(location=location, external_id=external_id, deleted_at__isnull=True)
        if external_id and location and others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another customer of this location has this id.")
        return external_id
