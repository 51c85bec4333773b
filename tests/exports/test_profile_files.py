"""Profiles as a file: what is written is read again, and what forms refuse files refuse too."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import Location
from exports import services
from exports.models import ExportProfile, FieldMapping, Route
from orders.models import Campaign, Product

pytestmark = pytest.mark.django_db
BY = "test"
URL = "http://127.0.0.1:9/partials.php"

# The seed's own example.
SEED = {
    "name": "Call centre partials",
    "type": "postback",
    "url": URL,
    "delay": 5,
    "cadence": "sweep",
    "active": True,
    "mappings": [
        {"export_name": "first_name", "field": "firstName", "static_value": ""},
        {"export_name": "order_date", "field": "orderDate", "static_value": ""},
        {"export_name": "list_id", "field": "Static", "static_value": "400"},
        {"export_name": "email_address", "field": "emailAddress", "static_value": ""},
        {"export_name": "campaign_number", "field": "campaignId", "static_value": ""},
    ],
    "routes": [{"customer_type": "Partial", "campaign": None, "product": None}],
}
Load = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a document by the command: its exit status and what it says with --json."""

    def run(*profiles: dict[str, Any], **options: Any) -> tuple[int, dict[str, Any]]:
        file = tmp_path / "profiles.json"
        file.write_text(json.dumps({"profiles": profiles}))
        out = StringIO()
        try:
            call_command("load_profiles", str(file), json=True, stdout=out, **options)
        except SystemExit as end:
            return int(end.code or 0), json.loads(out.getvalue())
        return 0, json.loads(out.getvalue())

    return run


def dumped(**options: Any) -> str:
    out = StringIO()
    call_command("dump_profiles", stdout=out, **options)
    return out.getvalue()


def errors_of(answer: dict[str, Any]) -> list[str]:
    return [f"{one['profile']}: {one['error']}" for one in answer["errors"]]


def seed(**changes: Any) -> dict[str, Any]:
    return {**SEED, **changes}


def test_the_seeds_example_is_loaded_into_a_fresh_database(load: Load) -> None:
    status, answer = load(SEED)
    assert status == 0
    assert answer["profiles"] == [
        {
            "name": "Call centre partials",
            "location": "Main store",
            "outcome": "created",
            "changes": [],
            "notes": [],
        }
    ]
    profile = ExportProfile.objects.get()
    assert (profile.delay_minutes, profile.is_active, profile.endpoint.is_held) == (5, True, False)
    assert list(profile.mappings.values_list("export_name", flat=True)) == [
        *("first_name", "order_date", "list_id", "email_address", "campaign_number"),
    ]
    assert profile.routes.get().customer_type == "partial"


def test_loading_twice_changes_nothing(load: Load) -> None:
    load(SEED)
    before = (
        list(ExportProfile.objects.values()),
        list(FieldMapping.objects.values()),
        list(Route.objects.values()),
    )
    status, answer = load(SEED)
    assert (status, answer["profiles"][0]["outcome"]) == (0, "unchanged")
    assert before == (
        *(list(ExportProfile.objects.values()), list(FieldMapping.objects.values())),
        list(Route.objects.values()),
    )


def test_it_says_what_changed_and_keeps_what_the_file_does_not_name(load: Load) -> None:
    load(SEED)
    kept = FieldMapping.objects.get(export_name="list_id").pk
    mappings = [{"export_name": "list_id", "field": "Static", "static_value": "401"}]
    _, answer = load({"name": SEED["name"], "url": f"{URL}?a=1", "mappings": mappings})
    assert answer["profiles"][0]["outcome"] == "changed"
    assert answer["profiles"][0]["changes"] == ["url", "mappings"]
    profile = ExportProfile.objects.get()
    assert (profile.delay_minutes, profile.version, profile.routes.count()) == (5, 2, 1)
    assert profile.mappings.get().pk == kept


def test_a_route_that_stays_keeps_its_reach(load: Load) -> None:
    load(SEED)
    since = Route.objects.get().effective_from
    _, answer = load(seed(routes=[{"customer_type": "decline"}, {"customer_type": "PARTIAL"}]))
    assert answer["profiles"][0]["changes"] == ["routes"]
    assert Route.objects.get(customer_type="partial").effective_from == since
    load(seed(routes=[]))
    assert Route.objects.count() == 0


def test_a_dry_run_says_the_same_and_keeps_nothing(load: Load) -> None:
    status, answer = load(SEED, dry_run=True)
    assert (status, answer["dry_run"], answer["profiles"][0]["outcome"]) == (0, True, "created")
    assert (ExportProfile.objects.count(), Location.objects.count()) == (0, 0)


def test_all_or_nothing(load: Load) -> None:
    status, answer = load(
        SEED,
        seed(name="Wrong", url="ftp://example.com", type="smtp"),
        seed(name="Also wrong", routes=[{"customer_type": "Sales"}]),
    )
    assert (status, answer["profiles"], ExportProfile.objects.count()) == (1, [], 0)
    first, second, third = errors_of(answer)
    assert first == "Wrong: type: “smtp” is not allowed. Use postback, ftp or csv."
    assert second == "Wrong: url: The URL must begin with https:// or http://."
    assert third.startswith(
        "Also wrong: “Sales” is not a customer type. There are: Partial, Lead, Abandoned Cart, "
    )
    assert third.count(", ") == 22


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "name: The profile needs a name."),
        ({"delay": 99999}, "delay: Give a whole number of minutes from 0 to 43200."),
        ({"url": "http://10.0.0.1/"}, "url: 10.0.0.1 is not a public address."),
        ({"cadence": "hourly"}, "cadence: “hourly” is not allowed."),
        ({"settings": {"timeout_seconds": 0}}, "timeout_seconds: Give a whole number of seconds"),
        (
            {"mappings": [{"export_name": "a", "field": "nonsense"}]},
            "Mapping 1 (“a”): There is no field “nonsense”.",
        ),
        ({"mappings": [{"export_name": "header:Host", "field": "Static"}]}, "belongs to the connection"),
        ({"mappings": [{"export_name": "b", "field": "dateOfBirth"}]}, "pci_document: Sensitive data"),
        (
            {"routes": [{"customer_type": "Partial", "campaign": "None such"}]},
            "There is no campaign “None such” in",
        ),
        (
            {"routes": [{"customer_type": "Partial", "product": "None such"}]},
            "There is no product “None such” in",
        ),
        ({"routes": [{"customer_type": "Partial"}] * 2}, "Route 2: The profile has this route already."),
        ({"location": "None such"}, "There is no location called “None such”."),
    ],
)
def test_what_forms_refuse_is_refused(load: Load, changes: dict[str, Any], sentence: str) -> None:
    status, answer = load(seed(**changes))
    assert (status, ExportProfile.objects.count()) == (1, 0)
    assert sentence in "\n".join(errors_of(answer))


def test_a_name_that_stands_twice_in_the_file_is_refused(load: Load) -> None:
    status, answer = load(SEED, SEED)
    assert status == 1
    assert "The file has several profiles of this name." in errors_of(answer)[0]


def test_refusals_as_people_read_them(tmp_path: Path) -> None:
    file = tmp_path / "profiles.json"
    file.write_text(json.dumps({"profiles": [seed(url="nonsense")]}))
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit):
        call_command("load_profiles", str(file), stdout=out, stderr=err)
    assert err.getvalue() == (
        "Call centre partials: url: The URL must begin with https:// or http://.\nNothing was loaded.\n"
    )
    file.write_text(json.dumps({"profiles": [seed(routes=[])]}))
    call_command("load_profiles", str(file), stdout=out)
    assert out.getvalue().splitlines()[0] == "created    Call centre partials"
    assert "has no route" in out.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b'{"profiles": [\n  {"name": }]}', "at line 2, column 12"),
        (b"\xff\xfe{}", "not UTF-8 text: look at byte 0"),
        (b"[]", "the file must be an object { }, not []."),
        (b"{}", "The file has no “profiles”."),
        (b'{"profiles": {}}', "profiles must be a list [ ], not {}."),
        (b'{"profiles": [], "version": 1}', "the file has an unknown key “version”. There are: profiles."),
        (b'{"profiles": [], "profiles": []}', "The key “profiles” stands twice"),
        (b'{"profiles": [{}]}', "profiles[0] has no “name”."),
        (b'{"profiles": [{"name": 1}]}', "profiles[0].name must be a text, not 1."),
        (b'{"profiles": [{"name": "a\\u0000"}]}', "profiles[0].name has characters that are not text."),
        (b'{"profiles": [{"name": "a\\ud800"}]}', "profiles[0].name has characters that are not text."),
        (
            b'{"profiles": [{"name": "a", "delay": true}]}',
            "profiles[0].delay must be a whole number, not true.",
        ),
        (
            b'{"profiles": [{"name": "a", "delay": "5"}]}',
            'profiles[0].delay must be a whole number, not "5".',
        ),
        (b'{"profiles": [{"name": "a", "active": 1}]}', "profiles[0].active must be true or false, not 1."),
        (b'{"profiles": [{"name": "a", "delay": ' + b"9" * 5000 + b"}]}", "The number 99999999999999999999"),
        (
            b'{"profiles": [{"name": "a", "settings": {"x": 1}}]}',
            "profiles[0].settings has an unknown key “x”.",
        ),
        (b'{"profiles": [{"name": "a", "mappings": [7]}]}', "profiles[0].mappings[0] must be an object"),
        (b'{"profiles": [{"name": "a", "mappings": [{"field": "x"}]}]}', "mappings[0] has no “export_name”."),
        (b'{"profiles": [{"name": "a", "routes": [{"customer": "x"}]}]}', "unknown key “customer”"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(tmp_path: Path, data: bytes, sentence: str) -> None:
    file = tmp_path / "profiles.json"
    file.write_bytes(data)
    with pytest.raises(CommandError) as refused:
        call_command("load_profiles", str(file))
    assert refused.value.returncode == 2
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(CommandError, match=r"none\.json cannot be read: No such file") as refused:
        call_command("load_profiles", "none.json")
    assert refused.value.returncode == 2


def test_dumped_loaded_and_dumped_again_it_is_the_same(load: Load) -> None:
    location = Location.objects.create(name="Main store")
    Campaign.objects.create(location=location, name="Lander 😀")
    for sku in ("C-1", "C-2"):
        Product.objects.create(location=location, name="Cream", sku=sku)
    Product.objects.create(location=location, name="Club שלום")
    routes = [
        {"customer_type": "New Sale", "campaign": "Lander 😀", "product": "C-2"},
        {"customer_type": "Full refunds", "campaign": None, "product": "Club שלום"},
    ]
    header = {"export_name": "header:Content-Type", "field": "Static", "static_value": "application/json"}
    settings = {"timeout_seconds": 45, "omit_empty": True}
    load(
        seed(name="Zoë 😀", cadence="immediate", routes=routes, mappings=[header, *SEED["mappings"]]),
        seed(name="A file", type="csv", url="", active=False, settings=settings),
        SEED,
    )
    text = dumped()
    assert text.index('"A file"') < text.index('"Call centre partials"') < text.index('"Zoë 😀"')
    ExportProfile.objects.all().delete()
    assert load(*json.loads(text)["profiles"])[0] == 0
    assert ExportProfile.objects.count() == 3
    assert dumped() == text
    assert dumped(profile=ExportProfile.objects.get(name="A file").pk).count('"name"') == 1


def test_two_products_of_one_name_have_to_be_told_apart(load: Load) -> None:
    location = Location.objects.create(name="Main store")
    for sku in ("C-1", "C-2"):
        Product.objects.create(location=location, name="Cream", sku=sku)
    _, answer = load(seed(routes=[{"customer_type": "Partial", "product": "Cream"}]))
    assert "2 products are called “Cream”: give the SKU instead." in errors_of(answer)[0]


def test_secrets_never_leave_and_stay_where_they_are(load: Load) -> None:
    load(
        seed(
            mappings=[
                {"export_name": "token", "field": "Static", "static_value": "hush-hush", "secret": True}
            ]
        )
    )
    assert FieldMapping.objects.get().secret_value == "hush-hush"
    text = dumped()
    assert "hush" not in text
    entry = json.loads(text)["profiles"][0]
    assert entry["mappings"] == [{"export_name": "token", "field": "Static", "secret": True}]
    _, answer = load(entry)
    assert answer["profiles"][0]["outcome"] == "unchanged"
    assert FieldMapping.objects.get().secret_value == "hush-hush"


def test_a_profile_without_its_secret_is_loaded_switched_off(load: Load) -> None:
    token = {"export_name": "token", "field": "Static", "secret": True}
    status, answer = load(seed(mappings=[token]))
    profile = ExportProfile.objects.get()
    assert (status, profile.is_active, profile.endpoint.is_held) == (0, False, True)
    assert answer["profiles"][0]["notes"][0] == (
        "Loaded switched off: type in the secret value of “token”, then switch it on."
    )
    assert load(seed(mappings=[token]))[1]["profiles"][0]["outcome"] == "unchanged"


def test_a_running_profile_is_not_switched_off_by_a_missing_secret(load: Load) -> None:
    load(SEED)
    token = {"export_name": "token", "field": "Static", "secret": True}
    status, answer = load(seed(mappings=[token]))
    assert status == 1
    assert "Type in the secret value of token first." in errors_of(answer)[0]
    assert ExportProfile.objects.get().is_active


def test_switching_on_by_file_says_what_becomes_of_the_pause(load: Load) -> None:
    load(SEED)
    services.switch_off(ExportProfile.objects.get(), by=BY)
    status, answer = load(SEED)
    assert status == 1
    assert "Say --catch-up to send the events of the pause too, or --from-now." in errors_of(answer)[0]
    status, answer = load(SEED, catch_up=False)
    assert (status, answer["profiles"][0]["changes"]) == (0, ["active"])
    assert ExportProfile.objects.get().is_active
    _, answer = load(seed(active=False))
    assert answer["profiles"][0]["changes"] == ["active"]
    assert ExportProfile.objects.get().endpoint.is_held


def test_with_several_locations_profiles_name_theirs(load: Load) -> None:
    Location.objects.create(name="North")
    Location.objects.create(name="South")
    assert "There are several locations: name one." in errors_of(load(SEED)[1])[0]
    assert load(seed(location="North"), seed(location="South"))[0] == 0
    assert [entry["location"] for entry in json.loads(dumped())["profiles"]] == ["North", "South"]
    _, answer = load(seed(location="North"), location="South")
    assert (answer["profiles"][0]["location"], answer["profiles"][0]["outcome"]) == ("South", "unchanged")


def test_dump_of_an_unknown_profile() -> None:
    with pytest.raises(CommandError, match="There is no export profile 99") as refused:
        call_command("dump_profiles", profile=99)
    assert refused.value.returncode == 2


def test_dump_into_a_file(load: Load, tmp_path: Path) -> None:
    load(SEED)
    call_command("dump_profiles", output=str(tmp_path / "out.json"))
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == dumped()
    said = StringIO()
    call_command("dump_profiles", output=str(tmp_path / "out.json"), json=True, stdout=said)
    assert json.loads(said.getvalue())["written"] == 1
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("dump_profiles", output=str(tmp_path / "no" / "out.json"))


def test_the_number_of_statements_does_not_grow_with_the_routes(
    load: Load, django_assert_max_num_queries: Any
) -> None:
    location = Location.objects.create(name="Main store")
    Campaign.objects.bulk_create(Campaign(location=location, name=f"C{number}") for number in range(200))
    routes = [{"customer_type": "Partial", "campaign": f"C{number}"} for number in range(200)]
    with django_assert_max_num_queries(40):
        assert load(seed(routes=routes))[0] == 0
    with django_assert_max_num_queries(10):
        assert dumped().count('"C') > 200
