"""The forms of profiles, mappings and routes: they translate; the rules are those of `exports.validation`."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.models import BaseInlineFormSet

from customers.models import Location
from delivery.screens import as_id
from delivery.secrets import MASK
from exports import services, validation
from exports.models import STATIC, ExportProfile, FieldMapping, Route

FIELD_NAMES = "field-names"  # the id of the page's list of fields, which every mapping's field completes from
MOST_OF_A_DOCUMENT = 10 * 1024 * 1024


def _types_offered(*also: str) -> list[tuple[str, str]]:
    """The export types that can be chosen, and those that something has already."""
    offered = {ExportProfile.Type.POSTBACK.value, *also}
    return [choice for choice in ExportProfile.Type.choices if choice[0] in offered]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """General Settings. `address_fault` is what the name service said, asked before the transaction.

    `overtaken` says who has saved the profile since the form was opened; told once, it may be saved over.
    """

    address_fault = ""
    overtaken = ""

    class Meta:
        model = ExportProfile
        fields = "__all__"  # noqa: DJ007 (the admin names the fields)
        widgets = {"pci_document": forms.FileInput, "url": forms.TextInput(attrs={"class": "vURLField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "type" in self.fields:  # files are not written yet; a loaded profile keeps the type it has
            self.fields["type"] = forms.ChoiceField(
                label="Export type", choices=_types_offered(self.instance.type)
            )

    def clean_pci_document(self) -> Any:
        document = self.cleaned_data["pci_document"]
        if isinstance(document, UploadedFile) and (document.size or 0) > MOST_OF_A_DOCUMENT:
            raise ValidationError("The document is larger than 10 MB. Attach a smaller one.")
        return document

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.overtaken:
            self.add_error(None, self.overtaken)
        _add(self, lambda: validation.check_profile(self.instance))
        if self.address_fault and "url" not in self.errors:
            self.add_error("url", self.address_fault)


class MappingForm(forms.ModelForm):  # type: ignore[type-arg]
    """One mapping. A secret is typed once and never shown again; left empty it stays as it is."""

    class Meta:
        model = FieldMapping
        fields = ("position", "export_name", "field", "static_value", "is_secret")
        widgets = {
            "position": forms.NumberInput(attrs={"min": 1, "class": "position"}),
            "export_name": forms.TextInput(attrs={"class": "export-name"}),
            "field": forms.TextInput(
                attrs={"list": FIELD_NAMES, "autocomplete": "off", "class": "field-name"}
            ),
            "static_value": forms.TextInput(attrs={"class": "static-value"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        if not self.instance.pk:
            self.initial["position"] = None  # at the end
        is_typed_secret = self.is_bound and bool(self.data.get(self.add_prefix("is_secret")))
        if self.instance.is_secret or is_typed_secret:
            hint = f"{MASK} (empty: stays)" if self.instance.secret_value else ""
            widget = forms.PasswordInput(
                attrs={"class": "static-value", "placeholder": hint, "autocomplete": "new-password"}
            )
            self.fields["static_value"].widget = widget

    def clean(self) -> dict[str, Any]:
        """A secret that is to be one no longer is not shown, so without a new value it would be lost."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        is_shown_now = self.initial.get("is_secret") and not said.get("is_secret")
        if is_shown_now and said.get("field") == STATIC and not said.get("static_value"):
            self.add_error("static_value", "Type the value anew (a secret is never shown), or tick secret.")
        return said

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        validation.tidy(self.instance)
        _add(self, lambda: validation.check_mapping(self.instance))


class _KnownRow(forms.Field):
    """The hidden id of a stored row, looked up among those that the formset has read already."""

    widget = forms.HiddenInput

    def __init__(self, find: Callable[[int], Any], pk: int | None) -> None:
        super().__init__(required=False, initial=pk)
        self.find = find

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        number = as_id(str(value))
        row = self.find(number) if number is not None else None
        if row is None:
            raise ValidationError("Somebody has removed this mapping meanwhile. Load the page again.")
        return row

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False  # no row becomes another one


class MappingFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """All mappings of a profile: each is right by itself and beside the others. However many, one look."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["id"] = _KnownRow(cast(Any, self)._existing_object, form.instance.pk)

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        changed, removed = rows_of(self)
        rows = services.mappings_after(self.instance, changed, removed)
        try:
            validation.check_mappings(rows)
            validation.check_together(self.instance, rows)
        except ValidationError as error:  # whose keys are settings of the profile, not of a row
            raise ValidationError(error.messages) from None


class RouteFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """All routes of a profile."""

    def clean(self) -> None:
        super().clean()
        if not any(self.errors):
            validation.check_routes(self.instance, services.routes_after(self.instance, *rows_of(self)))


class RouteForm(forms.ModelForm):  # type: ignore[type-arg]
    """One route by itself, with its profile, as the dialog of Profile Routing asks for it."""

    class Meta:
        model = Route
        fields = ("profile", "customer_type", "campaign", "product")

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        profile = self.cleaned_data.get("profile") or getattr(self.instance, "profile", None)
        if profile is not None and not self.errors:
            _add(self, lambda: validation.check_routes(profile, [self.instance]))


class NewProfileForm(forms.Form):
    """What a profile begins with, as the green + asks for it. With one location nobody has to name it."""

    name = forms.CharField(label="Profile name", max_length=150)
    type = forms.ChoiceField(label="Export type", choices=_types_offered())
    location = forms.ModelChoiceField(Location.objects.order_by("name"), empty_label="Choose a location")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if Location.objects.count() == 1:
            del self.fields["location"]


class CloneForm(forms.Form):
    """The name of the copy."""

    name = forms.CharField(label="Name of the copy", max_length=150)


def rows_of(formset: BaseInlineFormSet) -> tuple[list[Any], list[Any]]:  # type: ignore[type-arg]
    """What a formset of valid rows leaves: (new and changed rows, removed rows), none of them saved."""
    removed = [form for form in formset.forms if is_removed(form)]
    changed = [form.instance for form in formset.forms if form.has_changed() and form not in removed]
    return changed, [form.instance for form in removed if form.instance.pk]


def is_removed(form: Any) -> bool:
    """Whether a row of a formset is to go; what is wrong with it does not matter then."""
    return bool(getattr(form, "cleaned_data", {}).get("DELETE"))


def _add(form: "forms.ModelForm[Any]", check: Callable[[], None]) -> None:
    """Runs a check of `exports.validation`; what it says goes to the fields that have no error yet."""
    try:
        check()
    except ValidationError as error:
        tell(form, error)


def tell(form: forms.BaseForm, error: ValidationError) -> None:
    """Says in the form what was refused: at the fields at fault that have no error yet, else above them."""
    told = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for name, texts in told.items():
        if name not in form.errors:
            for text in texts:
                form.add_error(name if name in form.fields else None, text)
