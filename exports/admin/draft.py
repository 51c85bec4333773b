"""The live preview: what the form as it is typed would send for a real order. Sends and writes nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.forms import inlineformset_factory, modelform_factory
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from delivery.screens import MOST_SHOWN, as_id, pretty
from exports import drafts, examples, services, validation
from exports.admin.accepted import judged
from exports.admin.doors import require
from exports.drafts import Draft
from exports.examples import MADE_UP, Example
from exports.fields import STATIC, groups
from exports.forms import MappingForm, MappingFormSet, ProfileForm, is_removed, rows_of
from exports.models import ExportProfile, FieldMapping
from orders.models import Order

SETTINGS = (
    *("name", "type", "url", "delay_minutes", "cadence", "timeout_seconds", "omit_empty"),
    *("success_rule", "success_path", "success_value"),
)
MOST_OF_A_VALUE = 300  # characters, in a list
SettingsForm = modelform_factory(ExportProfile, form=ProfileForm, fields=SETTINGS)
Mappings = inlineformset_factory(
    ExportProfile, FieldMapping, form=MappingForm, formset=MappingFormSet, extra=0, can_delete=True
)
View = Callable[..., HttpResponseBase]


def doors(wrap: Callable[[View], Any]) -> list[URLPattern]:
    """The addresses that the page's script asks, each wrapped as the admin wraps its views."""
    views = {
        "preview": require_POST(preview),
        "mapping": require_POST(mapping),
        "fields": require_GET(fields),
    }
    return [
        path(f"<int:profile_id>/{name}/", wrap(view), name=f"exports_exportprofile_{name}")
        for name, view in views.items()
    ]


def sight_of_draft(request: HttpRequest, profile: ExportProfile) -> dict[str, Any]:
    """What is live, for the page as it opens: the same with which the draft is compared."""
    wanted = examples.wanted_by(profile)
    offered = examples.offered(profile, wanted) if may_see_orders(request) else []
    order, problem = _order(request, request.GET, profile)
    if order is None and offered:
        order = offered[0].order
    example = examples.example(order, wanted, request.GET.get("as", "")) if order else MADE_UP
    mappings = list(profile.mappings.all())
    rows = [{"mapping": one, "value": drafts.value_shown(one, example)} for one in mappings]
    live = _live(profile, mappings, example)
    shown = {
        "offered": offered,
        "problem": problem,
        "number": request.GET.get("number", "")[:64],
        "rows": rows,
    }
    return {**shown, **_shown(profile, mappings, example, live, live)}


def chosen_example(request: HttpRequest, given: Mapping[str, Any], profile: ExportProfile) -> Example:
    """The order that was chosen, as what was chosen; the newest that fits if none was."""
    wanted = examples.wanted_by(profile)
    order, _ = _order(request, given, profile)
    if order is None and may_see_orders(request):
        order = next((one.order for one in examples.offered(profile, wanted)), None)
    return examples.example(order, wanted, given.get("as", "")) if order else MADE_UP


def preview(request: HttpRequest, profile_id: int) -> HttpResponse:
    """The draft beside what is live; 422, with what is wrong in words, while a row or the URL cannot be."""
    require(request, "exports.change_exportprofile")
    profile = _profile(profile_id)
    stored = list(profile.mappings.all())
    form = SettingsForm(request.POST, instance=_profile(profile_id))
    formset: Any = Mappings(request.POST, instance=form.instance, prefix="mappings")
    formset.is_valid()
    example = chosen_example(request, request.POST, profile)
    filled = [one for one in formset.forms if one.instance.pk or one.has_changed()]
    there = [one for one in filled if not is_removed(one)]
    context: dict[str, Any] = {"rows": [_row(one, example) for one in there]}
    context["faults"] = [*_faults_of(form, ("url",)), *_faults_of_rows(there)]
    if context["faults"] or not formset.management_form.is_valid():
        answer = TemplateResponse(request, f"{_TEMPLATES}/draft_faults.html", context, status=422)
        answer["HX-Retarget"] = "#draft-faults"
        return answer
    _, context["problem"] = _order(request, request.POST, profile)
    mappings = services.mappings_after(profile, *rows_of(formset))
    live = _live(profile, stored, example)
    new = drafts.draft(form.instance, mappings, example)
    context |= _shown(form.instance, mappings, example, new, live)
    context["refusals"] = [*_faults_of(form, SETTINGS), *(str(text) for text in formset.non_form_errors())]
    return TemplateResponse(request, f"{_TEMPLATES}/draft_answer.html", context)


def mapping(request: HttpRequest, profile_id: int) -> JsonResponse:
    """Whether what the dialog holds can be a mapping; with its names as they are spelt, or what is wrong."""
    require(request, "exports.change_exportprofile")
    profile = _profile(profile_id)
    known = profile.mappings.filter(pk=as_id(request.POST.get("id", "")) or 0).first()
    form = MappingForm(request.POST, instance=known or FieldMapping(profile=profile))
    if not form.is_valid():
        return JsonResponse(
            {"errors": {name: [str(one) for one in all_] for name, all_ in form.errors.items()}}
        )
    return JsonResponse({"export_name": form.instance.export_name, "field": form.instance.field})


def fields(request: HttpRequest, profile_id: int) -> JsonResponse:
    """Every field under its heading, with what it says of the chosen order."""
    require(request, "exports.view_exportprofile", "exports.change_exportprofile")
    example = chosen_example(request, request.GET, _profile(profile_id))
    rows = [
        {
            "name": field.name,
            "label": field.label,
            "group": group,
            "value": str(example.value(field))[:MOST_OF_A_VALUE],
            "sensitive": field.is_sensitive,
        }
        for group, fields_of_it in groups()
        for field in fields_of_it
    ]
    return JsonResponse({"static": STATIC, "fields": rows})


def may_see_orders(request: HttpRequest) -> bool:
    """Who may not see orders tries profiles on made-up values."""
    return any(request.user.has_perm(f"orders.{verb}_order") for verb in ("view", "change"))


_TEMPLATES = "admin/exports/exportprofile"


def _profile(profile_id: int) -> ExportProfile:
    return get_object_or_404(ExportProfile.objects.select_related("endpoint", "location"), pk=profile_id)


def _order(
    request: HttpRequest, given: Mapping[str, Any], profile: ExportProfile
) -> tuple[Order | None, str]:
    """The order that was asked for, by number or by choice; and what to say if there is none."""
    if not may_see_orders(request):
        return None, ""
    number, problem = given.get("number", "").strip()[:64], ""
    if number:
        if found := examples.find(profile, number):
            return found, ""
        problem = f"There is no order “{number}” in {profile.location}. The chosen one is shown."
    pk = as_id(given.get("order", ""))
    return Order.objects.filter(pk=pk or 0, location_id=profile.location_id).first(), problem


def _live(profile: ExportProfile, mappings: Sequence[FieldMapping], example: Example) -> Draft | None:
    """What is saved, if it can be rendered at all."""
    try:
        return drafts.draft(profile, mappings, example)
    except LookupError:
        return None


def _shown(
    profile: ExportProfile,
    mappings: Sequence[FieldMapping],
    example: Example,
    new: Draft | None,
    live: Draft | None,
) -> dict[str, Any]:
    lines = drafts.compared(new, live) if new else []
    return {
        "profile": profile,
        "example": example,
        "draft": new,
        "lines": lines,
        "differs": any(line.is_in for line in lines),
        "body": {"raw": new.said.body[:MOST_SHOWN], "pretty": pretty(new.said.body)} if new else {},
        "template": drafts.template(profile, mappings)[:MOST_SHOWN],
        "warnings": validation.warnings(profile, mappings),
        "judged": judged(profile),
    }


def _row(form: Any, example: Example) -> dict[str, Any]:
    """The value beside a row, or what is wrong with the row."""
    faults = [str(text) for texts in form.errors.values() for text in texts]
    value = "" if faults else drafts.value_shown(form.instance, example)
    return {"id": form.add_prefix("value"), "value": value[:MOST_OF_A_VALUE], "faults": faults}


def _faults_of(form: Any, names: Sequence[str]) -> list[str]:
    """What is wrong with the settings, each by its name."""
    labels = {name: form.fields[name].label for name in names}
    return [f"{labels[name]}: {text}" for name in names for text in form.errors.get(name, ())]


def _faults_of_rows(rows: Sequence[Any]) -> list[str]:
    said = []
    for form in rows:
        name = str(form.data.get(form.add_prefix("export_name"), ""))[:60] or "without a name"
        said += [f"Mapping “{name}”: {text}" for texts in form.errors.values() for text in texts]
    return said
