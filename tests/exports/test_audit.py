"""Every change of a profile, its mappings and its routes is in the audit log, and no secret is."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile

from audit import changes
from audit.differences import differences
from audit.models import Change
from customers.models import Location
from delivery import limits, signing
from exports import services
from exports.models import STATIC, ExportProfile, FieldMapping
from orders.models import Campaign

BY = "admin:jane"
URL = "http://127.0.0.1:9/partials.php"


@pytest.fixture
def location(db: None) -> Location:
    return Location.objects.create(name="Main store")


@pytest.fixture
def profile(location: Location) -> ExportProfile:
    return services.create_profile(location=location, name="Sales", url=URL, by=BY)


def a_secret(value: str) -> FieldMapping:
    return FieldMapping(export_name="token", field=STATIC, static_value=value, is_secret=True)


def newest(profile: ExportProfile) -> Change:
    return changes.of(profile)[0]


def told(profile: ExportProfile) -> list[tuple[str, str, str]]:
    change = newest(profile)
    found = differences(change.old, change.new, changes.labels(change.subject_type))
    return [(one.what, one.old, one.new) for one in found]


def test_it_begins_with_its_making(profile: ExportProfile) -> None:
    change = newest(profile)
    assert (change.action, change.by, change.version, change.old) == ("created", BY, 1, None)
    assert change.new is not None and change.new["url"] == URL


def test_settings(profile: ExportProfile) -> None:
    services.edit_profile(profile, by="api:shop-3", url="http://127.0.0.1:9/new.php", timeout_seconds=9)
    change = newest(profile)
    assert (change.by, change.version) == ("api:shop-3", 2)
    assert change.action == "changed Postback URL, timeout"
    assert told(profile) == [("Postback URL", URL, "http://127.0.0.1:9/new.php"), ("timeout", "20", "9")]


def test_what_changes_nothing_is_not_in_it(profile: ExportProfile) -> None:
    services.edit_profile(profile, by=BY, name="Sales")
    services.switch_off(profile, by=BY)
    services.switch_off(profile, by=BY)
    assert [change.action for change in changes.of(profile)] == ["switched off", "created"]


def test_what_was_refused_is_not_in_it(profile: ExportProfile) -> None:
    with pytest.raises(ValidationError):
        services.edit_profile(profile, by=BY, timeout_seconds=0)
    assert changes.of(profile).count() == 1


def test_on_and_off(profile: ExportProfile) -> None:
    services.switch_off(profile, by=BY)
    assert (newest(profile).action, told(profile)) == ("switched off", [("active", "yes", "no")])
    services.switch_on(profile, by=BY, catch_up=True)
    assert (newest(profile).action, told(profile)) == ("switched on", [("active", "no", "yes")])


def test_mappings_and_their_order(profile: ExportProfile) -> None:
    first = FieldMapping(export_name="first", field="firstName")
    services.set_mappings(
        profile, [first, FieldMapping(export_name="list", field=STATIC, static_value="4")], by=BY
    )
    assert told(profile) == [
        ("field mapping", "", "first ← firstName"),
        ("field mapping", "", "list ← Static: 4"),
    ]
    services.set_mappings(profile, list(profile.mappings.order_by("-position")), by=BY)
    assert newest(profile).action == "changed field mappings"
    before, after = "first ← firstName; list ← Static: 4", "list ← Static: 4; first ← firstName"
    assert told(profile) == [("order: field mapping", before, after)]


def test_routes_by_name(profile: ExportProfile, location: Location) -> None:
    campaign = Campaign.objects.create(location=location, name="Lander")
    route = services.add_route(profile, customer_type="new_sale", campaign=campaign, by=BY)
    assert told(profile) == [("profile route", "", "New Sale, Lander, all products")]
    services.change_route(route, customer_type="partial", by=BY)
    assert told(profile)[0][1:] == ("New Sale, Lander, all products", "Partial, all campaigns, all products")
    services.remove_route(route, by=BY)
    assert told(profile)[0][1:] == ("Partial, all campaigns, all products", "")


def test_that_a_secret_changed_is_said_and_nothing_of_it_is_kept(profile: ExportProfile) -> None:
    services.set_mappings(profile, [a_secret("hush-hush-1")], by=BY)
    assert told(profile) == [("field mapping", "", "token ← Static: ********")]
    services.set_mappings(profile, [a_secret("hush-hush-2")], by=BY)
    said = "token ← Static: ********"
    assert told(profile) == [("field mapping", said, f"{said} (secret changed)")]
    services.set_mappings(profile, [a_secret("")], by=BY)  # not typed: stays
    services.switch_off(profile, by=BY)
    assert "hush" not in str(list(Change.objects.values()))
    assert newest(profile).new == {**newest(profile).new, "mappings": newest(profile).old["mappings"]}  # type: ignore[index,dict-item]


def test_pci_approval(profile: ExportProfile) -> None:
    officer = User.objects.create_user("officer")
    officer.user_permissions.add(Permission.objects.get(codename="approve_pci"))
    profile.pci_document.save("papers.pdf", ContentFile(b"%PDF"), save=False)
    services.save(profile, by=BY)
    assert [one[0] for one in told(profile)] == ["PCI documentation"]
    services.approve_pci(profile, user=User.objects.get(pk=officer.pk), document=profile.pci_document.name)
    change = newest(profile)
    assert (change.action, change.by) == ("approved the PCI documentation", "admin:officer")
    assert told(profile)[0] == ("pci approved by", "", "officer")


def test_a_copy_says_of_what(profile: ExportProfile) -> None:
    clone = services.clone_profile(profile, name="Sales 2", by=BY)
    assert newest(clone).action == "created (a copy of “Sales”)"


def test_deletion_stays_on_record(profile: ExportProfile) -> None:
    pk = profile.pk
    assert services.delete_unused(profile, by=BY)
    change = Change.objects.filter(subject_id=pk, subject_type="exports.exportprofile")[0]
    assert (change.action, change.subject_name, change.new) == ("deleted", "Sales", None)
    assert change.old is not None and change.old["url"] == URL


def test_limits_of_an_endpoint(profile: ExportProfile) -> None:
    limits.set_limits(profile.endpoint_id, concurrency=4, rate_per_second=0.5, by=BY)
    limits.set_limits(profile.endpoint_id, concurrency=4, rate_per_second=0.5, by=BY)
    change = changes.of(profile.endpoint)[0]
    assert (change.action, change.by) == ("changed the limits", BY)
    assert change.old == {"concurrency": 16, "rate_per_second": None}
    assert change.new == {"concurrency": 4, "rate_per_second": 0.5}
    assert changes.of(profile.endpoint).count() == 2  # with what it was when the log began


def test_signing_secrets(profile: ExportProfile) -> None:
    signing.rotate(profile.endpoint_id, by=BY)
    change = changes.of(profile.endpoint)[0]
    assert change.action.startswith("rotated the signing secret") and (change.old, change.new) == (None, None)
    old = profile.endpoint.signing_secrets.exclude(expires_at=None).get()
    signing.revoke(profile.endpoint_id, old.pk, by=BY)
    signing.revoke(profile.endpoint_id, old.pk, by=BY)  # gone already: nothing happens
    assert changes.of(profile.endpoint)[0].action == "stopped signing with an old signing secret"
    assert changes.of(profile.endpoint).count() == 2
    assert signing.PREFIX not in str(list(Change.objects.values()))
