"""Profiles are written by one door, with all that follows from a change."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from customers.models import Location
from delivery import queue
from delivery.ids import new_id
from delivery.models import Delivery
from delivery.queue import NewDelivery
from exports import services
from exports.models import ExportProfile, FieldMapping, Route
from orders.models import Campaign, Product

pytestmark = pytest.mark.django_db
BY = "test"
URL = "http://127.0.0.1:9/partials.php"
DAY = timedelta(days=1)


@pytest.fixture
def location() -> Location:
    return Location.objects.create(name="Main store")


@pytest.fixture
def profile(location: Location) -> ExportProfile:
    return services.create_profile(location=location, name="Call centre", url=URL, by=BY)


def row(
    export_name: str, field: str = "firstName", static_value: str = "", *, secret: bool = False
) -> FieldMapping:
    if static_value or secret:
        field = "Static"
    return FieldMapping(export_name=export_name, field=field, static_value=static_value, is_secret=secret)


def as_stored(profile: ExportProfile) -> ExportProfile:
    return ExportProfile.objects.select_related("endpoint").get(pk=profile.pk)


def waiting(profile: ExportProfile) -> Delivery:
    queue.put(
        [
            NewDelivery(
                id=new_id(),
                event_id=None,
                channel="export",
                target_id=profile.pk,
                target_name=profile.name,
                target_version=1,
                reason="",
                endpoint_id=profile.endpoint_id,
                content="{}",
            )
        ],
        now=timezone.now(),
    )
    return Delivery.objects.get(target_id=profile.pk)


def minutes_from_now(when: datetime | None) -> int:
    assert when is not None
    return round((when - timezone.now()).total_seconds() / 60)


def test_a_new_profile_has_an_endpoint_and_a_time_to_run(location: Location) -> None:
    profile = services.create_profile(location=location, name="Sales", url=URL, delay_minutes=5, by=BY)
    stored = as_stored(profile)
    assert (stored.version, stored.is_active, stored.endpoint.channel) == (1, True, "export")
    assert (stored.endpoint.name, stored.endpoint.is_held) == ("Sales", False)
    assert minutes_from_now(stored.next_run_at) == 20


def test_a_new_profile_that_is_off_holds_and_does_not_run(location: Location) -> None:
    stored = as_stored(
        services.create_profile(location=location, name="Sales", url=URL, is_active=False, by=BY)
    )
    assert (stored.endpoint.is_held, stored.next_run_at) == (True, None)


def test_an_edit_makes_a_version_and_a_repeat_of_it_does_not(profile: ExportProfile) -> None:
    services.edit_profile(profile, by=BY, name="Callers", timeout_seconds=30)
    services.edit_profile(profile, by=BY, name="Callers")
    stored = as_stored(profile)
    assert (stored.version, stored.endpoint.name) == (2, "Callers")


def test_another_address_keeps_the_endpoint_and_starts_its_health_afresh(profile: ExportProfile) -> None:
    before = profile.endpoint
    before.failures_in_a_row, before.last_error = 7, "timeout"
    before.save()
    services.edit_profile(profile, by=BY, timeout_seconds=9)
    assert as_stored(profile).endpoint.failures_in_a_row == 7
    services.edit_profile(profile, by=BY, url="http://127.0.0.1:9/new.php")
    after = as_stored(profile).endpoint
    assert (after.pk, after.failures_in_a_row, after.last_error) == (before.pk, 0, "")


def test_a_changed_delay_changes_the_next_run(profile: ExportProfile) -> None:
    last_run = timezone.now() - timedelta(minutes=10)
    ExportProfile.objects.filter(pk=profile.pk).update(last_run_at=last_run)
    services.edit_profile(profile, by=BY, delay_minutes=30)
    assert as_stored(profile).next_run_at == last_run + timedelta(minutes=45)
    services.edit_profile(profile, by=BY, name="Other")
    assert as_stored(profile).next_run_at == last_run + timedelta(minutes=45)


def test_an_edit_leaves_the_position_of_a_run_alone(profile: ExportProfile) -> None:
    profile.refresh_from_db()
    ExportProfile.objects.filter(pk=profile.pk).update(swept_tx=5, swept_id=50, last_run_at=timezone.now())
    profile.name = "Renamed"
    services.save(profile, by=BY)
    stored = as_stored(profile)
    assert (stored.name, stored.swept_tx, stored.swept_id) == ("Renamed", 5, 50)
    assert stored.last_run_at is not None


def test_an_unknown_setting_is_a_mistake_of_the_caller(location: Location) -> None:
    with pytest.raises(TypeError):
        services.create_profile(location=location, name="A", url=URL, colour="red", by=BY)


def test_mappings_are_replaced_in_order_and_make_a_version_if_they_changed(profile: ExportProfile) -> None:
    assert services.set_mappings(
        profile, [row("a"), row("b", "LASTNAME"), row("list", static_value="4")], by=BY
    )
    names = list(profile.mappings.values_list("export_name", "field", "position"))
    assert names == [("a", "firstName", 1), ("b", "lastName", 2), ("list", "Static", 3)]
    assert not services.set_mappings(
        profile, [row("a"), row("b", "lastName"), row("list", static_value="4")], by=BY
    )
    assert as_stored(profile).version == 2
    assert services.set_mappings(profile, [row("b", "lastName"), row("a")], by=BY)
    assert list(profile.mappings.values_list("export_name", flat=True)) == ["b", "a"]
    assert as_stored(profile).version == 3


def test_a_mapping_that_stays_keeps_its_id_and_its_secret(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("a"), row("token", static_value="hush", secret=True)], by=BY)
    token = profile.mappings.get(export_name="token")
    assert (token.static_value, token.secret_value) == ("", "hush")
    services.set_mappings(profile, [row("token", secret=True), row("new")], by=BY)
    kept = profile.mappings.get(export_name="token")
    assert (kept.pk, kept.secret_value, kept.position) == (token.pk, "hush", 1)
    services.set_mappings(profile, [row("token", static_value="anew", secret=True)], by=BY)
    assert profile.mappings.get().secret_value == "anew"


def test_a_secret_is_not_shown_by_unticking_its_box(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("token", static_value="hush", secret=True)], by=BY)
    services.set_mappings(profile, [row("token", "Static")], by=BY)
    stored = profile.mappings.get()
    assert (stored.static_value, stored.secret_value) == ("", "")


def test_names_are_stored_as_they_are_spelt(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("HEADER: X-Key ", "static"), row("a", "CLIENTORDERID")], by=BY)
    assert list(profile.mappings.values_list("export_name", "field")) == [
        ("header:X-Key", "Static"),
        ("a", "clientOrderId"),
    ]


def test_a_wrong_mapping_leaves_everything_as_it_was(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("a")], by=BY)
    with pytest.raises(ValidationError) as refused:
        services.set_mappings(profile, [row("b"), row("c", "firstNam"), row("")], by=BY)
    assert refused.value.messages == [
        "Mapping 2 (“c”): There is no field “firstNam”. Did you mean firstName?",
        "Mapping 3 (“”): The mapping needs an export name.",
    ]
    assert profile.mappings.get().export_name == "a"
    assert as_stored(profile).version == 2


def test_what_a_form_changed_is_laid_over_what_is_stored(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("a"), row("b"), row("c")], by=BY)
    a, b, c = profile.mappings.all()
    c.position, added = 1, row("d")
    a.position = 5
    rows = services.mappings_after(profile, [a, c, added], [b])
    assert [one.export_name for one in rows] == ["c", "a", "d"]
    assert services.save(profile, by=BY, mappings=rows) == ["mappings"]
    assert list(profile.mappings.values_list("pk", "position"))[:2] == [(c.pk, 1), (a.pk, 2)]


def test_a_form_for_a_new_profile_brings_its_rows_along(location: Location) -> None:
    profile = ExportProfile(location=location, name="New", url=URL)
    mappings = services.mappings_after(profile, [row("a"), row("b")], [])
    routes = services.routes_after(profile, [Route(customer_type="partial")], [])
    assert services.save(profile, by=BY, mappings=mappings, routes=routes) == [
        "created",
        "mappings",
        "routes",
    ]
    stored = as_stored(profile)
    assert (stored.version, stored.mappings.count(), stored.routes.count()) == (1, 2, 1)


def test_everything_of_a_form_is_one_version(profile: ExportProfile) -> None:
    profile.name = "Form"
    changes = services.save(
        profile,
        by=BY,
        mappings=[row("a")],
        routes=[Route(customer_type="partial"), Route(customer_type="decline")],
    )
    assert changes == ["name", "mappings", "routes"]
    assert (as_stored(profile).version, profile.routes.count()) == (2, 2)


def test_a_route_reaches_back_a_day_and_the_log_is_walked_again(profile: ExportProfile) -> None:
    ExportProfile.objects.filter(pk=profile.pk).update(swept_tx=5, swept_id=50)
    route = services.add_route(profile, customer_type="partial", by=BY)
    stored = as_stored(profile)
    assert minutes_from_now(route.effective_from + DAY) == 0
    assert (stored.swept_tx, stored.swept_id, stored.version) == (None, None, 1)


def test_the_same_route_twice_is_refused(profile: ExportProfile) -> None:
    services.add_route(profile, customer_type="partial", by=BY)
    with pytest.raises(ValidationError, match="has this route already"):
        services.add_route(profile, customer_type="partial", by=BY)
    assert profile.routes.count() == 1


def test_a_campaign_of_another_location_is_refused(profile: ExportProfile) -> None:
    elsewhere = Location.objects.create(name="Elsewhere")
    campaign = Campaign.objects.create(location=elsewhere, name="Theirs")
    with pytest.raises(ValidationError, match="belongs to another location"):
        services.add_route(profile, customer_type="partial", campaign=campaign, by=BY)


@pytest.mark.parametrize(
    ("before", "after", "reaches_back"),
    [
        (("partial", True, True), ("partial", False, True), True),  # all campaigns
        (("partial", True, True), ("partial", True, False), True),  # all products
        (("partial", False, False), ("decline", False, False), True),  # another type
        (("partial", False, False), ("partial", True, True), False),  # narrower
        (("partial", True, False), ("partial", True, True), False),
        (("partial", False, True), ("partial", True, False), True),  # narrower here, wider there
    ],
)
def test_a_widened_route_reaches_back_anew(
    profile: ExportProfile, before: Any, after: Any, reaches_back: bool
) -> None:
    campaign = Campaign.objects.create(location=profile.location, name="Lander")
    product = Product.objects.create(location=profile.location, name="Cream")

    def asks(kind: str, has_campaign: bool, has_product: bool) -> dict[str, Any]:
        chosen = {"campaign": campaign if has_campaign else None, "product": product if has_product else None}
        return {"customer_type": kind, **chosen}

    route = services.add_route(profile, by=BY, **asks(*before))
    long_ago = timezone.now() - 10 * DAY
    Route.objects.update(effective_from=long_ago)
    ExportProfile.objects.update(swept_tx=5, swept_id=50)
    services.change_route(Route.objects.get(pk=route.pk), by=BY, **asks(*after))
    stored = Route.objects.get()
    assert stored.pk == route.pk
    assert (stored.effective_from != long_ago) is reaches_back
    assert (as_stored(profile).swept_tx is None) is reaches_back


def test_another_campaign_is_wider_though_it_is_one(profile: ExportProfile) -> None:
    one, two = (Campaign.objects.create(location=profile.location, name=name) for name in ("One", "Two"))
    route = services.add_route(profile, customer_type="partial", campaign=one, by=BY)
    Route.objects.update(effective_from=timezone.now() - 10 * DAY)
    services.change_route(Route.objects.get(pk=route.pk), customer_type="partial", campaign=two, by=BY)
    assert minutes_from_now(Route.objects.get().effective_from + DAY) == 0


def test_a_removed_route_leaves_the_others_as_they_were(profile: ExportProfile) -> None:
    services.add_route(profile, customer_type="partial", by=BY)
    kept = services.add_route(profile, customer_type="decline", by=BY)
    since = Route.objects.get(pk=kept.pk).effective_from
    services.remove_route(Route.objects.get(customer_type="partial"), by=BY)
    assert list(Route.objects.values_list("pk", "effective_from")) == [(kept.pk, since)]


def test_switched_off_it_holds_what_waits_and_on_again_it_goes(profile: ExportProfile) -> None:
    delivery = waiting(profile)
    services.switch_off(profile, by=BY)
    stored = as_stored(profile)
    delivery.refresh_from_db()
    assert (profile.is_active, stored.is_active, stored.next_run_at) == (False, False, None)
    assert (stored.endpoint.is_held, delivery.due_at, stored.version) == (True, None, 1)
    services.switch_on(profile, by=BY, catch_up=True)
    stored = as_stored(profile)
    delivery.refresh_from_db()
    assert (stored.is_active, stored.endpoint.is_held) == (True, False)
    assert delivery.due_at is not None
    assert minutes_from_now(stored.next_run_at) == 15


def test_switching_on_catches_up_or_starts_from_now(profile: ExportProfile) -> None:
    services.add_route(profile, customer_type="partial", by=BY)
    long_ago = timezone.now() - 10 * DAY
    Route.objects.update(effective_from=long_ago)
    services.switch_off(profile, by=BY)
    services.switch_on(profile, by=BY, catch_up=True)
    assert Route.objects.get().effective_from == long_ago
    services.switch_off(profile, by=BY)
    services.switch_on(profile, by=BY, catch_up=False)
    assert minutes_from_now(Route.objects.get().effective_from) == 0


def test_a_form_that_switches_on_is_asked_which(profile: ExportProfile) -> None:
    services.edit_profile(profile, by=BY, is_active=False)
    assert as_stored(profile).endpoint.is_held
    with pytest.raises(ValidationError, match="events of the pause") as refused:
        services.edit_profile(profile, by=BY, is_active=True)
    assert "is_active" in refused.value.error_dict
    assert not as_stored(profile).is_active


def test_switching_off_is_never_refused(profile: ExportProfile) -> None:
    ExportProfile.objects.filter(pk=profile.pk).update(url="nonsense")
    services.switch_off(profile, by=BY)
    assert not as_stored(profile).is_active
    with pytest.raises(ValidationError, match="must begin with https"):
        services.switch_on(profile, by=BY, catch_up=True)


def test_a_clone_has_all_mappings_and_routes_and_is_off(profile: ExportProfile) -> None:
    services.set_mappings(profile, [row("a"), row("token", static_value="hush", secret=True)], by=BY)
    services.add_route(profile, customer_type="partial", by=BY)
    Route.objects.update(effective_from=timezone.now() - 10 * DAY)
    clone = as_stored(services.clone_profile(profile, name="Copy", by=BY))
    assert (clone.is_active, clone.url, clone.endpoint.is_held) == (False, URL, True)
    assert clone.endpoint_id != profile.endpoint_id
    assert [(one.export_name, one.secret_value) for one in clone.mappings.all()] == [
        ("a", ""),
        ("token", "hush"),
    ]
    assert minutes_from_now(clone.routes.get().effective_from + DAY) == 0
    assert (profile.mappings.count(), profile.routes.count()) == (2, 1)


@pytest.fixture
def officer() -> User:
    user = User.objects.create_user("officer")
    user.user_permissions.add(Permission.objects.get(codename="approve_pci"))
    return user


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.usefixtures("files")
def test_sensitive_fields_need_an_approved_document(profile: ExportProfile, officer: User) -> None:
    born = [row("born", "dateOfBirth")]
    with pytest.raises(ValidationError, match="needs approved PCI documentation"):
        services.set_mappings(profile, born, by=BY)
    with pytest.raises(ValidationError, match="Attach the PCI"):
        services.approve_pci(profile, user=officer, document="pci/papers.pdf")
    services.edit_profile(profile, by=BY, pci_document=ContentFile(b"papers", "papers.pdf"))
    with pytest.raises(PermissionDenied):
        services.approve_pci(profile, user=User.objects.create_user("anybody"), document="pci/papers.pdf")
    with pytest.raises(ValidationError):
        services.set_mappings(profile, born, by=BY)
    services.approve_pci(profile, user=officer, document="pci/papers.pdf")
    assert services.set_mappings(profile, born, by=BY)
    with pytest.raises(ValidationError):  # another document has to be approved anew
        services.edit_profile(profile, by=BY, pci_document=ContentFile(b"others", "others.pdf"))
    assert as_stored(profile).is_pci_approved


def test_a_profile_that_is_off_may_have_sensitive_fields_but_not_be_switched_on(
    profile: ExportProfile,
) -> None:
    services.switch_off(profile, by=BY)
    assert services.set_mappings(profile, [row("born", "dateOfBirth")], by=BY)
    with pytest.raises(ValidationError, match="dateOfBirth"):
        services.switch_on(profile, by=BY, catch_up=True)


def test_an_active_profile_never_goes_without_its_secret(profile: ExportProfile) -> None:
    with pytest.raises(ValidationError, match="Type in the secret value of token first"):
        services.set_mappings(profile, [row("token", secret=True)], by=BY)


def test_names_are_unique_within_a_location(profile: ExportProfile) -> None:
    with pytest.raises(ValidationError, match="There is a profile “Call centre” already"):
        services.create_profile(location=profile.location, name="Call centre", url=URL, by=BY)
    elsewhere = Location.objects.create(name="Elsewhere")
    assert services.create_profile(location=elsewhere, name="Call centre", url=URL, by=BY).pk


def test_a_profile_stays_in_its_location(profile: ExportProfile) -> None:
    with pytest.raises(ValidationError, match="stays in its location"):
        services.edit_profile(profile, by=BY, location=Location.objects.create(name="Elsewhere"))


def test_an_address_that_is_forbidden_now_does_not_stop_other_edits(
    profile: ExportProfile, settings: Any
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = []
    services.edit_profile(profile, by=BY, name="Other")
    with pytest.raises(ValidationError, match="not a public address"):
        services.edit_profile(profile, by=BY, url="http://127.0.0.1:9/other")
    assert as_stored(profile).url == URL


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_who_add_routes_at_once_do_not_undo_each_other(location: Location) -> None:
    profile = services.create_profile(location=location, name="Sales", url=URL, by=BY)
    keys = ["partial", "new_sale", "decline", "cancel", "pause", "upsell"]

    def add(key: str) -> None:
        try:
            services.add_route(ExportProfile.objects.get(pk=profile.pk), customer_type=key, by=BY)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(add, keys))
    assert set(profile.routes.values_list("customer_type", flat=True)) == set(keys)
