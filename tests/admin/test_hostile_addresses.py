"""Addresses that nobody links to are refused, or find nothing; none of them is a 500."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from delivery.screens import GuardedList
from tests.admin.store import Store

LISTS = list(admin.site._registry)
NUL = (
    "state__exact",
    "type__exact",
    "type",
    "channel",
    "status__exact",
    "subject_type",
    "name__exact",
    "skip__exact",
    "groups__id__exact",
)
# Of the list itself: what it searches, which page, in which order, for whom.
OF_THE_LIST = (
    {"q": "\x00"},
    {"q": "\x00jane\x00"},
    {"q": "(" * 500},
    {"q": "'\"%_\\ \ud7ff\U0010ffff"},
    {"p": "\x00"},
    {"p": "-1"},
    {"p": "9" * 30},
    {"o": "\x00"},
    {"o": "1.-2.99999"},
    {"all": "\x00"},
    {"e": "\x00"},
    {"_popup": "\x00"},
    {"_to_field": "\x00"},
    {"_facets": "True"},
    {"\x00": "1"},
    {"no_such_field": "1"},
    {"pk__exact": "9" * 30},
    {"pk__in": f"1,{'9' * 30}"},
    {"id__in": f"1, -{'9' * 30} "},
)
TEXTS = ("CharField", "TextField", "EmailField")
MOMENTS = ("DateTimeField", "DateField")


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_is_not_asked_for_what_the_database_refuses(
    model: type[Model], store: Store, admin_client: Client
) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert isinstance(admin.site._registry[model], GuardedList)
    for asked in hostile(model):
        assert admin_client.get(url, asked).status_code in (200, 302, 400), asked
    for asked in refused(model):
        assert admin_client.get(url, asked).status_code == 400, asked


def hostile(model: type[Model]) -> Iterator[dict[str, str]]:
    """What may find nothing, or lead back to the whole list."""
    yield from ({name: "\x00"} for name in NUL)
    yield from OF_THE_LIST
    for field in model._meta.fields:
        if field.get_internal_type() in TEXTS:
            yield {f"{field.name}__exact": "\x00"}
            yield {f"{field.name}__in": "a,\x00"}
            yield {f"{field.name}__isnull": "\x00"}
            yield {f"{field.name}__no_such_lookup": "1"}
        if field.get_internal_type() in MOMENTS:
            for at in ("\x00", "yesterday", "0001-01-01", "99999-01-01"):
                yield {f"{field.name}__gte": at}
        if field.get_internal_type() == "GenericIPAddressField":
            for address in ("\x00", "nowhere", "1", ""):
                yield from ({f"{field.name}{lookup}": address} for lookup in ("", "__in", "__gt", "__isnull"))


def refused(model: type[Model]) -> Iterator[dict[str, str]]:
    """What reads every row, or is no expression at all."""
    yield {f"{model._meta.pk.name}__range": "123"}
    for field in model._meta.fields:
        if field.get_internal_type() in TEXTS:
            yield {f"{field.name}__regex": "("}
            yield {f"{field.name}__icontains": "a"}
        if field.get_internal_type() in MOMENTS:
            yield {f"{field.name}__year": "99999999"}


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_what_no_row_has_as_its_key_was_ticked_in_no_list(
    model: type[Model], store: Store, admin_client: Client
) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for key in ("\x00", "x\x00", ""):
        for action in ("delete_selected", "no_such_action", "\x00"):
            ticked = {"action": action, "_selected_action": key, "index": "0"}
            assert admin_client.post(url, ticked).status_code in (200, 302, 400, 403), (key, action)


def test_no_delivery_has_a_nul_in_its_id(store: Store, admin_client: Client) -> None:
    page = reverse("admin:delivery_delivery_changelist")
    for name in ("change", "delete", "history", "send-again"):
        assert admin_client.get(f"{page}%00/{name}/").status_code in (302, 403, 404), name
    assert admin_client.post(f"{page}%00/revealed/").status_code == 404
    test = reverse("admin:exports_exportprofile_tested", args=[store.profile.pk, "x"])
    assert admin_client.get(test.replace("/x/", "/%00/")).status_code == 404
