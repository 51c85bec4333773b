"""The form of a route, and the box in which one row of many is chosen."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse

from customers.models import Location
from delivery.screens import as_id
from exports import customer_types
from exports.admin.board.choices import SOURCES, location_of, rows_for
from exports.models import ExportProfile, Route
from exports.validation.routes import key_of

MOST_IN_A_SELECT = 50  # more are looked up by what is typed


@dataclass(frozen=True, slots=True)
class Typed:
    """A text instead of a choice: somebody has typed, and not chosen."""

    text: str


class Box(forms.Widget):
    """A select box; with very many rows a text box that offers what matches."""

    def __init__(self, of: str, empty: str, attrs: dict[str, str] | None = None) -> None:
        super().__init__(attrs)
        self.of, self.empty = of, empty
        self.rows: QuerySet[Any] = rows_for(of, None)
        self.profile_id: int | None = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        typed = str(data.get(f"{name}_text") or "").strip()
        return data.get(name) or (Typed(typed) if typed else "")

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        rows = list(self.rows[: MOST_IN_A_SELECT + 1])
        label = SOURCES[self.of].label
        is_few = len(rows) <= MOST_IN_A_SELECT
        context = {
            "name": name,
            "empty": self.empty,
            "attrs": flatatt(self.build_attrs(self.attrs, attrs)),
            "id": (attrs or {}).get("id"),
            "options": [(row.pk, label(row), str(row.pk) == str(value)) for row in rows] if is_few else None,
            "value": "" if isinstance(value, Typed) or value is None else value,
            "text": value.text if isinstance(value, Typed) else self._text_of(value),
            "source": self._source(),
        }
        return render_to_string("admin/exports/board/box.html", context)

    def _text_of(self, value: Any) -> str:
        number = as_id(str(value or ""))
        row = self.rows.filter(pk=number).first() if number else None
        return SOURCES[self.of].label(row) if row is not None else ""

    def _source(self) -> str:
        address = reverse("admin:exports_board_choices", args=[self.of])
        return f"{address}?profile={self.profile_id}" if self.profile_id else address


class Choice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One row of a table, chosen in a Box; what was only typed counts if it is the very name of one."""

    widget: Box

    def __init__(self, of: str, *, empty: str, required: bool, label: str) -> None:
        super().__init__(
            rows_for(of, None), required=required, label=label, widget=Box(of, empty), blank=not required
        )

    def narrow(self, rows: QuerySet[Any], profile_id: int | None) -> None:
        """To what may be chosen now."""
        self.queryset = self.widget.rows = rows
        self.widget.profile_id = profile_id

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, Typed):
            return super().to_python(value)
        named = list(self.widget.rows.filter(name=value.text.replace("\x00", ""))[:2])
        if len(named) == 1:
            return named[0]
        raise ValidationError(f"“{value.text[:60]}” is none of them. Choose one from the list.")


class RouteDialog(forms.Form):
    """Profile, customer type, campaign and product. A stored route keeps its profile."""

    profile = Choice("profile", empty="Choose a profile", required=True, label="Profile")
    customer_type = forms.ChoiceField(label="Customer type")
    campaign = Choice("campaign", empty="All campaigns", required=False, label="Campaign")
    product = Choice("product", empty="All products", required=False, label="Product")

    def __init__(
        self,
        data: Any = None,
        *,
        route: Route | None = None,
        profile: ExportProfile | None = None,
        asked: QueryDict | None = None,
    ) -> None:
        super().__init__(data, initial=_initial(route, profile, asked))
        self.route = route
        kinds = [(kind.key, f"{kind.label} – {kind.meaning}") for kind in customer_types.ALL]
        self.fields["customer_type"].choices = [("", "Choose a customer type"), *kinds]  # type: ignore[attr-defined]
        if route is not None:
            del self.fields["profile"]
            profile_id: int | None = route.profile_id
        else:
            profile_id = as_id(str((data or {}).get("profile") or "")) or (profile.pk if profile else None)
            self._choose("profile", rows_for("profile", None), None)
        self.needs_profile = route is None and Location.objects.count() > 1
        location = location_of(profile_id)
        for name in ("campaign", "product"):
            self._choose(name, rows_for(name, location), profile_id)

    def clean(self) -> dict[str, Any]:
        """No profile has the same route twice."""
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        profile = self.route.profile if self.route is not None else asked.get("profile")
        if profile is None or self.errors:
            return asked
        wanted = Route(**{name: asked[name] for name in ("customer_type", "campaign", "product")})
        others = profile.routes.exclude(pk=self.route.pk) if self.route is not None else profile.routes.all()
        same = next((one for one in others if key_of(one) == key_of(wanted)), None)
        if same is not None:
            raise ValidationError(f"“{profile}” has this route already: it is route {same.pk}.")
        return asked

    def _choose(self, name: str, rows: QuerySet[Any], profile_id: int | None) -> None:
        field = self.fields[name]
        assert isinstance(field, Choice)
        field.narrow(rows, profile_id)


def _initial(route: Route | None, profile: ExportProfile | None, asked: QueryDict | None) -> dict[str, Any]:
    if route is not None:
        return {name: getattr(route, f"{name}_id", None) for name in ("campaign", "product")} | {
            "customer_type": route.customer_type
        }
    kind = asked.get("customer_type", "") if asked is not None else ""
    return {"profile": profile.pk if profile else None, "customer_type": kind}
