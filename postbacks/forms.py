"""The form of a postback config: it translates; the rules are those of `postbacks.validation`."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from delivery.screens import as_id
from delivery.secrets import MASK
from orders.models import Gateway
from postbacks import logins, validation
from postbacks.models import PostbackConfig

_STAYS = f"{MASK} (empty: stays)"


class PostbackConfigForm(forms.ModelForm):  # type: ignore[type-arg]
    """Add Postback. The login is typed once and never shown again; left empty it stays as it is.

    `address_fault` is what the name service said, asked before the transaction.
    """

    address_fault = ""

    basic_auth_username = forms.CharField(
        label="User name",
        required=False,
        max_length=validation.LONGEST_TEXT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="For HTTP basic authentication, if the receiver asks for it.",
    )
    basic_auth_password = forms.CharField(
        label="Password",
        required=False,
        max_length=validation.LONGEST_TEXT,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    has_no_login = forms.BooleanField(
        label="Take user name and password away",
        required=False,
        help_text="Then it is posted without authentication.",
    )

    class Meta:
        model = PostbackConfig
        fields = (
            *("location", "resource", "on_create", "on_update", "on_delete", "url", "is_active"),
            *("number_of_attempts", "attempt_interval", "expands", "gateway"),
        )
        widgets = {
            "url": forms.TextInput(attrs={"class": "vURLField", "placeholder": "https://"}),
            "expands": forms.TextInput(attrs={"class": "vTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in logins.NAMES:
            self.initial[name] = ""
            if name in self.fields and logins.read(self.instance, name) != "":
                self.fields[name].widget.attrs["placeholder"] = _STAYS
        if "gateway" in self.fields:
            self.fields["gateway"].queryset = self._gateways()  # type: ignore[attr-defined]

    def _gateways(self) -> Any:
        """Those of the location, as far as it is known yet."""
        known = self.instance.location_id or self.data.get("location") or self.initial.get("location")
        location_id = as_id(str(known or ""))
        found = Gateway.objects.order_by("title")
        return found if location_id is None else found.filter(location_id=location_id)

    def _post_clean(self) -> None:
        """The login is put together before the rules look at it."""
        super()._post_clean()  # type: ignore[misc]
        for name in logins.NAMES:
            typed = self.cleaned_data.get(name, "")
            if typed or self.cleaned_data.get("has_no_login"):
                setattr(self.instance, name, typed)
        try:
            validation.check(self.instance)
        except ValidationError as error:
            self._tell(error)
        if self.address_fault and "url" not in self.errors:
            self.add_error("url", self.address_fault)

    def settings_changed(self) -> list[str]:
        """The columns that are another than when the form was made; of the login what was typed."""
        columns = [name for name in self.changed_data if name in PostbackConfigForm.Meta.fields]
        return [*columns, *(name for name in logins.NAMES if logins.is_at_hand(self.instance, name))]

    def _tell(self, error: ValidationError) -> None:
        """To the fields that have no error yet."""
        for name, texts in error.message_dict.items():
            place = "gateway" if name == "product_transaction_id" else name
            if place not in self.errors:
                for text in texts:
                    self.add_error(place if place in self.fields else None, text)
