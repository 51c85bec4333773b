"""Every state a profile ever had can be seen and brought back, with the rules that any save keeps."""

import pytest
from django.core.exceptions import ValidationError

from audit import changes
from customers.models import Location
from exports import services, versions
from exports.models import STATIC, ExportProfile, FieldMapping
from orders.models import Campaign, Product

BY = "admin:jane"
URL = "http://127.0.0.1:9/partials.php"


@pytest.fixture
def location(db: None) -> Location:
    return Location.objects.create(name="Main store")


@pytest.fixture
def profile(location: Location) -> ExportProfile:
    profile = services.create_profile(location=location, name="Sales", url=URL, by=BY)
    rows = [
        FieldMapping(export_name="first", field="firstName"),
        FieldMapping(export_name="token", field=STATIC, static_value="hush-1", is_secret=True),
    ]
    services.set_mappings(profile, rows, by=BY)
    services.add_route(profile, customer_type="partial", by=BY)
    return profile


def state(profile: ExportProfile) -> tuple[object, ...]:
    stored = ExportProfile.objects.get(pk=profile.pk)
    mappings = stored.mappings.values_list("id", "export_name", "field", "static_value", "is_secret")
    routes = stored.routes.order_by("customer_type").values_list("customer_type", "campaign", "product")
    return (stored.name, stored.url, stored.timeout_seconds, stored.omit_empty, list(mappings), list(routes))


def test_newest_first_each_with_what_it_changed(profile: ExportProfile) -> None:
    services.edit_profile(profile, by=BY, timeout_seconds=9)
    page = versions.versions(profile)
    assert [(one.number, one.change.action) for one in page.versions] == [
        (3, "changed timeout"),
        (2, "changed routes"),
        (2, "changed field mappings"),
        (1, "created"),
    ]
    assert [(one.what, one.old, one.new) for one in page.versions[0].differences] == [("timeout", "20", "9")]
    assert [one.is_current for one in page.versions] == [True, False, False, False]


def test_pages_are_bounded(profile: ExportProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PER_PAGE", 2)
    first = versions.versions(profile)
    second = versions.versions(profile, before=first.older_before)
    assert [one.change.action for one in second.versions] == ["created"]
    assert second.older_before is None and not second.versions[0].is_current


def test_all_of_it_comes_back(profile: ExportProfile, location: Location) -> None:
    campaign = Campaign.objects.create(location=location, name="Lander")
    product = Product.objects.create(location=location, name="Cream")
    services.add_route(profile, customer_type="new_sale", campaign=campaign, product=product, by=BY)
    then, version = state(profile), versions.versions(profile).versions[0].change
    services.save(profile, by=BY, mappings=[FieldMapping(export_name="all", field="lastName")], routes=[])
    services.edit_profile(profile, by=BY, name="Renamed", omit_empty=True, url="http://127.0.0.1:9/b")
    services.set_mappings(profile, [], by=BY)
    services.switch_off(profile, by=BY)
    Campaign.objects.filter(pk=campaign.pk).update(name="Lander 2")  # found by its id all the same
    versions.restore(profile, version, by="admin:bob")
    now = state(profile)
    assert (now[:4], now[5]) == (then[:4], then[5])
    assert [row[1:] for row in now[4]] == [row[1:] for row in then[4]]  # type: ignore[attr-defined]
    profile.refresh_from_db()
    assert profile.version == 6 and not profile.is_active
    newest = changes.of(profile)[0]
    assert newest.by == "admin:bob" and newest.action.endswith("(back to version 2)")


def test_the_way_back_is_told_before_it_is_gone(profile: ExportProfile) -> None:
    version = versions.versions(profile).versions[0].change
    services.edit_profile(profile, by=BY, timeout_seconds=9)
    services.switch_off(profile, by=BY)
    told = versions.way_back(profile, version)
    assert [(one.what, one.old, one.new) for one in told] == [("timeout", "9", "20")]
    versions.restore(profile, version, by=BY)
    assert versions.way_back(profile, version) == []
    assert versions.restore(profile, version, by=BY) == []


def test_a_mapping_takes_the_secret_that_it_has_now(profile: ExportProfile) -> None:
    version = versions.versions(profile).versions[0].change
    token = profile.mappings.get(export_name="token")
    changed = [
        FieldMapping(pk=token.pk, export_name="key", field=STATIC, static_value="hush-2", is_secret=True)
    ]
    services.save(profile, by=BY, mappings=changed)
    versions.restore(profile, version, by=BY)
    token.refresh_from_db()
    assert (token.export_name, token.secret_value) == ("token", "hush-2")


def test_a_secret_that_is_gone_has_to_be_typed_again(profile: ExportProfile) -> None:
    version = versions.versions(profile).versions[0].change
    services.set_mappings(profile, [FieldMapping(export_name="first", field="firstName")], by=BY)
    before = state(profile)
    with pytest.raises(ValidationError, match="secret value of token"):
        versions.restore(profile, version, by=BY)
    assert state(profile) == before
    services.switch_off(profile, by=BY)
    versions.restore(profile, version, by=BY)
    assert profile.mappings.get(export_name="token").secret_value == ""


def test_a_campaign_that_is_gone_is_named(profile: ExportProfile, location: Location) -> None:
    campaign = Campaign.objects.create(location=location, name="Lander")
    route = services.add_route(profile, customer_type="new_sale", campaign=campaign, by=BY)
    version = versions.versions(profile).versions[0].change
    services.remove_route(route, by=BY)
    campaign.delete()
    with pytest.raises(ValidationError, match="campaign “Lander” of that version is no longer there"):
        versions.restore(profile, version, by=BY)


def test_an_address_that_is_no_longer_allowed_does_not_come_back(
    profile: ExportProfile, settings: pytest.FixtureRequest
) -> None:
    version = versions.versions(profile).versions[0].change
    services.edit_profile(profile, by=BY, url="https://example.com/")
    settings.POSTRIDER_ALLOWED_NETWORKS = []  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match=r"127\.0\.0\.1"):
        versions.restore(profile, version, by=BY)


def test_a_name_that_another_has_by_now_does_not_come_back(
    profile: ExportProfile, location: Location
) -> None:
    version = versions.versions(profile).versions[0].change
    services.edit_profile(profile, by=BY, name="Renamed")
    services.create_profile(location=location, name="Sales", url=URL, by=BY)
    with pytest.raises(ValidationError, match="already"):
        versions.restore(profile, version, by=BY)


def test_a_version_of_another_profile_is_none_of_this_one(profile: ExportProfile) -> None:
    clone = services.clone_profile(profile, name="Copy", by=BY)
    assert versions.find(profile, changes.of(clone)[0].pk) is None
