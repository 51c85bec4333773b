"""The audit log, and a profile's versions with the way back, as staff see them."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import changes
from audit.models import Change
from delivery import limits
from exports import services
from exports.models import ExportProfile
from orders.models import Campaign
from tests.admin.store import BY, HOSTILE, SCRIPT, SECRET, Store

LOOKS = ("exports.view_exportprofile",)
CHANGES = ("exports.change_exportprofile", "exports.change_fieldmapping", "exports.change_route")


def page(profile: ExportProfile, name: str, *args: int) -> str:
    return reverse(f"admin:exports_exportprofile_{name}", args=[profile.pk, *args])


def listed(client: Client, **query: str) -> str:
    answer = client.get(reverse("admin:audit_change_changelist"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_log_is_found_by_who_what_and_number(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may("audit.view_change")
    services.edit_profile(store.profile, by="api:shop-3", timeout_seconds=9)
    limits.set_limits(store.profile.endpoint_id, concurrency=2, rate_per_second=None, by="admin:bob")
    assert "changed timeout" in listed(client) and "changed the limits" in listed(client)
    assert "changed timeout" in listed(client, q="api:shop-3")
    assert "changed timeout" not in listed(client, q="bob")
    assert "changed timeout" in listed(client, q="call CENTRE")
    by_number = listed(client, q=str(store.profile.pk))
    assert "changed timeout" in by_number
    assert "changed timeout" not in listed(client, q="nobody' %")
    only = listed(client, subject_type="delivery.endpoint")
    assert "changed the limits" in only and "changed timeout" not in only
    assert "Export profile" in only and "Endpoint" in only  # to choose from


def test_a_change_shows_old_and_new_and_all_of_it(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    services.edit_profile(
        store.profile, by=BY, url=f"https://example.com/{SCRIPT}".replace(" ", ""), cadence="immediate"
    )
    change = changes.of(store.profile)[0]
    address = reverse("admin:audit_change_change", args=[change.pk])
    client = client_who_may("audit.view_change", "exports.view_exportprofile")
    html = client.get(address).content.decode()
    assert "https://postingmydata.com/partials.php" in html and "https://example.com/" in html
    assert "Postback URL" in html and "version 2" in html and "admin:jane" in html
    assert SCRIPT not in html and SECRET not in html
    assert page(store.profile, "change") in html


def test_nobody_can_change_the_log(store: Store, admin_client: Client) -> None:
    change = Change.objects.all()[0]
    for name in ("change", "delete"):
        address = reverse(f"admin:audit_change_{name}", args=[change.pk])
        assert admin_client.post(address, {"post": "yes", "by": "x"}).status_code == 403
    assert admin_client.post(reverse("admin:audit_change_add")).status_code == 403
    assert Change.objects.filter(pk=change.pk, by=change.by).exists()


def test_a_deleted_subject_has_no_page_to_lead_to(store: Store, admin_client: Client) -> None:
    profile = services.create_profile(location=store.location, name="Gone", url="https://example.com", by=BY)
    address = page(profile, "change")
    services.delete_unused(profile, by=BY)
    change = Change.objects.filter(action="deleted").get()
    html = admin_client.get(reverse("admin:audit_change_change", args=[change.pk])).content.decode()
    assert "Gone" in html and address not in html


def test_versions_with_what_each_changed(store: Store, client_who_may: Callable[..., Client]) -> None:
    services.edit_profile(store.profile, by=BY, timeout_seconds=9)
    html = client_who_may(*LOOKS).get(page(store.profile, "versions")).content.decode()
    assert "Version 2: changed timeout" in html and "as it is now" in html
    assert "Undo to this version" not in html  # who only looks
    assert SCRIPT not in html and SECRET not in html
    assert (
        "Undo to this version"
        in client_who_may(*CHANGES).get(page(store.profile, "versions")).content.decode()
    )


def test_undo_asks_shows_and_does(store: Store, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may(*CHANGES)
    services.edit_profile(store.profile, by=BY, timeout_seconds=9)
    then = changes.of(store.profile)[1]
    undo = page(store.profile, "undo", then.pk)
    asked = client.get(undo).content.decode()
    assert "timeout" in asked and "Undo to version 1" in asked
    assert ExportProfile.objects.get(pk=store.profile.pk).timeout_seconds == 9
    done = client.post(undo, follow=True).content.decode()
    assert "again as it was in version 1" in done
    stored = ExportProfile.objects.get(pk=store.profile.pk)
    assert (stored.timeout_seconds, stored.version) == (20, 3)
    assert stored.mappings.get(export_name="token").secret_value == SECRET
    assert changes.of(store.profile)[0].by == "admin:staff0"
    assert "nothing was changed" in client.post(undo, follow=True).content.decode()


def test_what_may_not_be_saved_now_is_said(store: Store, admin_client: Client) -> None:
    campaign = Campaign.objects.create(location=store.location, name="Summer")
    route = services.add_route(store.profile, customer_type="decline", campaign=campaign, by=BY)
    then = changes.of(store.profile)[0]
    services.remove_route(route, by=BY)
    campaign.delete()
    said = admin_client.post(page(store.profile, "undo", then.pk), follow=True).content.decode()
    assert "Nothing was changed. The campaign “Summer” of that version is no longer there." in said


@pytest.mark.parametrize("may", [(), LOOKS, CHANGES[:1], CHANGES[1:]])
def test_who_may_not_change_undoes_nothing(
    store: Store, client_who_may: Callable[..., Client], may: tuple[str, ...]
) -> None:
    services.edit_profile(store.profile, by=BY, timeout_seconds=9)
    client, undo = client_who_may(*may), page(store.profile, "undo", changes.of(store.profile)[1].pk)
    assert client.get(undo).status_code == client.post(undo).status_code == 403
    assert client.get(page(store.profile, "versions")).status_code == (
        200 if set(may) & {*LOOKS, CHANGES[0]} else 403
    )
    assert ExportProfile.objects.get(pk=store.profile.pk).timeout_seconds == 9


def test_versions_of_what_is_not_there(store: Store, admin_client: Client) -> None:
    other = services.clone_profile(store.profile, name=f"Copy {HOSTILE}"[:150], by=BY)
    foreign = changes.of(other)[0].pk
    for address in (page(store.profile, "undo", foreign), page(store.profile, "undo", 10**18)):
        assert admin_client.get(address).status_code == 404
        assert admin_client.post(address).status_code == 404
    assert admin_client.get(page(store.profile, "versions"), {"before": "x' --"}).status_code == 200
    assert admin_client.get(reverse("admin:exports_exportprofile_versions", args=[10**18])).status_code == 404


def test_the_log_reads_no_snapshots_for_its_list(store: Store, admin_client: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        listed(admin_client)
    assert not [query for query in queries if 'audit_change"."old"' in query["sql"].split(" FROM ")[0]]


def test_its_pages_are_called_as_the_menu_calls_them(store: Store, admin_client: Client) -> None:
    change = changes.of(store.profile)[0]
    for name in ("changelist", "change", "history"):
        address = reverse(f"admin:audit_change_{name}", args=[] if name == "changelist" else [change.pk])
        html = admin_client.get(address).content.decode()
        crumbs = html.split('class="breadcrumbs"')[1].split("</div>")[0]
        assert "Audit log" in crumbs and "Changes" not in crumbs, name
