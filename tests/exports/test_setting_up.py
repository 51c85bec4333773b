"""A profile is made before it has a URL: nothing goes out meanwhile, and nothing of it is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from delivery.models import Delivery
from exports import services, sweep
from exports.admin.notes import notes_on
from exports.explain import explain
from exports.models import ExportProfile, Route
from tests.exports.partners import BY, Store, a_profile, a_sale, a_store

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://postingmydata.com/partials.php"


@pytest.fixture
def store() -> Store:
    return a_store()


def without_url(store: Store, name: str = "New one") -> ExportProfile:
    profile = services.create_profile(location=store.location, name=name, by=BY)
    services.add_route(profile, customer_type="new_sale", by=BY)
    return profile


def test_what_happens_before_it_has_a_url_goes_out_when_it_has_one(store: Store) -> None:
    profile = without_url(store)
    order = a_sale(store)
    assert profile.is_active and profile not in sweep.postbacks()
    assert explain(order, profile)[0].reason == "the profile has no Postback URL yet"
    assert any("no Postback URL yet" in str(note) for note in notes_on(profile))
    sweep.run_due(timezone.now() + timedelta(hours=1))
    assert not Delivery.objects.exists()
    services.edit_profile(profile, by=BY, url=URL)
    sweep.run_due(timezone.now() + timedelta(hours=1))
    assert Delivery.objects.get().target_id == profile.pk


def test_with_its_first_url_it_has_an_interval_for_the_rest(store: Store) -> None:
    profile = without_url(store)
    ExportProfile.objects.filter(pk=profile.pk).update(next_run_at=timezone.now() - timedelta(days=1))
    services.edit_profile(profile, by=BY, url=URL)
    left = ExportProfile.objects.get(pk=profile.pk).next_run_at - timezone.now()
    assert timedelta(minutes=14) < left <= sweep.interval(profile)
    services.edit_profile(profile, by=BY, url=f"{URL}?a=1")
    assert ExportProfile.objects.get(pk=profile.pk).next_run_at - timezone.now() < left


def test_a_url_is_not_taken_away_again(store: Store) -> None:
    profile = a_profile(store, URL)
    with pytest.raises(ValidationError, match="A Postback needs a URL"):
        services.edit_profile(profile, by=BY, url="")
    assert ExportProfile.objects.get(pk=profile.pk).url == URL


def test_it_can_be_routed_cloned_switched_and_moved_as_a_file_before_that(store: Store, tmp_path) -> None:
    profile = without_url(store)
    services.switch_off(profile, by=BY)
    services.switch_on(profile, by=BY, catch_up=True)
    assert services.clone_profile(profile, name="The copy", by=BY).routes.count() == 1
    file = tmp_path / "profiles.json"
    with file.open("w") as out:
        call_command("dump_profiles", stdout=out)
    ExportProfile.objects.filter(name="The copy").delete()
    call_command("load_profiles", str(file))
    assert orjson.loads(file.read_bytes())["profiles"][0]["url"] == ""
    assert ExportProfile.objects.get(name="The copy").url == ""


def test_of_those_who_take_a_name_at_once_all_but_one_are_told() -> None:
    store = a_store()

    def make(number: int) -> str:
        try:
            services.create_profile(location=store.location, name="Twins", by=f"{BY}{number}")
        except ValidationError as error:
            return str(error.message_dict["name"][0])
        finally:
            connection.close()
        return "made"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(make, range(4)))
    assert said == [*["There is a profile “Twins” already."] * 3, "made"]


def test_a_route_that_somebody_removed_is_not_changed(store: Store) -> None:
    route = without_url(store).routes.get()
    Route.objects.filter(pk=route.pk).delete()
    with pytest.raises(ValidationError, match="removed meanwhile"):
        services.change_route(route, customer_type="partial", by=BY)
    assert not Route.objects.exists()
