"""Addresses that nobody links to are refused, or find nothing; none of them is a 500."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from delivery.screens import QuickAdmin
from tests.admin.store import Store

LISTS = [model for model, pages in admin.site._registry.items() if isinstance(pages, QuickAdmin)]
NUL = (
    "state__exact",
    "type__exact",
    "type",
    "channel",
    "status__exact",
    "subject_type",
    "name__exact",
    "skip__exact",
)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_is_not_asked_for_what_the_database_refuses(
    model: type[Model], store: Store, admin_client: Client
) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for name in NUL:
        assert admin_client.get(url, {name: "\x00"}).status_code in (200, 302, 400), name
    texts = [field.name for field in model._meta.fields if field.get_internal_type() == "CharField"]
    for name in texts:
        assert admin_client.get(url, {f"{name}__regex": "("}).status_code == 400, name
    moments = [field.name for field in model._meta.fields if field.get_internal_type() == "DateTimeField"]
    for name in moments:
        assert admin_client.get(url, {f"{name}__year": 99999999}).status_code == 400, name


def test_no_delivery_has_a_nul_in_its_id(store: Store, admin_client: Client) -> None:
    page = reverse("admin:delivery_delivery_changelist")
    for name in ("change", "delete", "history", "send-again"):
        assert admin_client.get(f"{page}%00/{name}/").status_code in (302, 403, 404), name
    assert admin_client.post(f"{page}%00/revealed/").status_code == 404
    test = reverse("admin:exports_exportprofile_tested", args=[store.profile.pk, "x"])
    assert admin_client.get(test.replace("/x/", "/%00/")).status_code == 404
