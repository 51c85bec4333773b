"""`/v2/contacts`: every field, limit and rule of the reference."""

from typing import Any

import pytest

from customers import services
from customers.models import Customer, Location
from delivery.models import Event
from tests.api.clients import Integrator

KEYS = [
    *("id", "location_id", "account_number", "contact_api_id", "company_name", "first_name", "last_name"),
    *("email", "address", "city", "state", "zip", "home_phone", "cell_phone", "office_phone"),
    *("office_ext_phone", "email_trx_receipt", "created_ts", "modified_ts", "date_of_birth"),
    *("header_message", "header_message_type_id", "contact_c1", "contact_c2", "contact_c3"),
    "contact_balance",
]


def _post(api: Integrator, here: Location, **fields: Any) -> Any:
    return api.post("contacts", {"contact": {"location_id": here.public_id, "last_name": "Jones", **fields}})


def test_the_example_of_the_reference(api: Integrator, here: Location) -> None:
    answer = _post(api, here)
    assert answer.status == 201
    assert next(iter(answer.body)) == "contact"
    contact = answer.body["contact"]
    assert list(contact)[: len(KEYS)] == KEYS
    assert contact["last_name"] == "Jones" and contact["first_name"] is None
    assert contact["email_trx_receipt"] is False and contact["header_message_type_id"] == 0
    assert contact["modified_ts"] is None and contact["contact_balance"] is None
    assert contact["_links"]["self"]["href"] == f"http://testserver/v2/contacts/{contact['id']}"
    assert api.get(f"contacts/{contact['id']}").body == answer.body
    assert Event.objects.get().by == "api:shop"


LIMITS = [
    *(("last_name", 1, 64), ("first_name", 0, 64), ("company_name", 0, 64), ("account_number", 0, 32)),
    *(("contact_api_id", 0, 36), ("address", 0, 255), ("city", 0, 100), ("state", 2, 2)),
    *(("office_ext_phone", 0, 10), ("header_message", 0, 250)),
    *(("contact_c1", 0, 128), ("contact_c2", 0, 128), ("contact_c3", 0, 128)),
]


@pytest.mark.parametrize(("name", "least", "most"), LIMITS)
def test_lengths(name: str, least: int, most: int, api: Integrator, here: Location) -> None:
    for length in {max(least, 1), most}:
        answer = _post(api, here, **{name: "é" * length})
        assert answer.status == 201 and answer.body["contact"][name] == "é" * length
    assert list(_post(api, here, **{name: "é" * (most + 1)}).errors) == [name]
    if least > 1:
        assert list(_post(api, here, **{name: "é"}).errors) == [name]


GOOD: list[tuple[str, Any, Any]] = [
    *(("email", "a@b.c", "a@b.c"), ("email", None, None), ("email", "", None)),
    *(("zip", "A1 2-3", "A1 2-3"), ("zip", 90210, "90210"), ("home_phone", "5551234567", "5551234567")),
    *(("cell_phone", 5551234567, "5551234567"), ("office_phone", None, None)),
    *(("email_trx_receipt", "1", True), ("email_trx_receipt", 1, True), ("email_trx_receipt", False, False)),
    *(("date_of_birth", "1999-12-31", "1999-12-31"), ("date_of_birth", "", None)),
    *(("header_message_type", 4, 4), ("header_message_type", "2", 2), ("header_message_type_id", 3, 3)),
    *(("contact_balance", "245.65", "245.65"), ("contact_balance", 245.65, "245.65")),
    *(("contact_balance", -3, "-3.00"), ("contact_balance", None, None), ("contact_c1", 17, "17")),
]


@pytest.mark.parametrize(("name", "sent", "answered"), GOOD)
def test_values_that_are_taken(name: str, sent: Any, answered: Any, api: Integrator, here: Location) -> None:
    answer = _post(api, here, **{name: sent})
    assert answer.status == 201, answer.body
    assert answer.body["contact"][name] == answered


BAD: list[tuple[str, Any]] = [
    *(("last_name", ""), ("last_name", None), ("last_name", "  "), ("last_name", []), ("last_name", True)),
    *(("email", "a@b"[:2]), ("email", "no at sign"), ("email", "a b@c.de"), ("zip", "123"), ("zip", "12_34")),
    *(("home_phone", "555-123-4567"), ("cell_phone", "555"), ("office_phone", "٥٥٥١٢٣٤٥٦٧")),
    *(("email_trx_receipt", "yes"), ("email_trx_receipt", 2), ("email_trx_receipt", None)),
    *(("date_of_birth", "31.12.1999"), ("date_of_birth", "1999-02-30"), ("date_of_birth", 5)),
    *(("header_message_type", 5), ("header_message_type", -1), ("header_message_type", "red")),
    *(("contact_balance", "1.234"), ("contact_balance", "NaN"), ("contact_balance", "12345678901.00")),
    *(("contact_balance", True), ("contact_balance", {}), ("update_if_exists", "maybe")),
    *(("no_such_field", 1), ("last_name\x00", "x"), ("first_name", "a\x00b"), ("custom_fields", {})),
    *(("location_id", "23948sdnfia1129i9asf92"), ("location_id", None), ("location_id", 7)),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_values_that_are_refused_by_name(name: str, value: Any, api: Integrator, here: Location) -> None:
    answer = _post(api, here, **{name: value})
    assert answer.status == 422 and list(answer.errors) == [name]
    assert not Customer.objects.exists() and not Event.objects.exists()


def test_every_fault_is_named_at_once(api: Integrator, here: Location) -> None:
    answer = api.post("contacts", {"contact": {"zip": "1", "color": "blue", "location_id": "nowhere"}})
    assert answer.status == 422
    assert answer.errors == {
        "color": ["color is not a field of this record."],
        "last_name": ["Last Name cannot be blank."],
        "location_id": ["location_id provided is not valid"],
        "zip": ["Zip must have 4 to 12 characters."],
    }


def test_a_change_is_partial(api: Integrator, here: Location) -> None:
    contact = _post(api, here, first_name="Ada", email="ada@example.com").body["contact"]
    answer = api.put(f"contacts/{contact['id']}", {"contact": {"email": "lovelace@example.com"}})
    assert answer.status == 200
    assert answer.body["contact"]["first_name"] == "Ada"
    assert answer.body["contact"]["email"] == "lovelace@example.com"
    assert answer.body["contact"]["modified_ts"] >= contact["created_ts"]
    cleared = api.put(f"contacts/{contact['id']}", {"contact": {"email": None}})
    assert cleared.body["contact"]["email"] is None


def test_what_was_read_can_be_sent_back(api: Integrator, here: Location) -> None:
    contact = _post(api, here, first_name="Ada").body["contact"]
    answer = api.put(f"contacts/{contact['id']}", {"contact": {**contact, "city": "London"}})
    assert answer.status == 200 and answer.body["contact"]["city"] == "London"


def test_what_came_in_by_a_looser_door_can_be_sent_back(api: Integrator, here: Location) -> None:
    loose = {"last_name": "", "cell_phone": "+55 (11) 5550-0100", "state": "São Paulo", "zip": "?"}
    customer = services.create(here, by="import:file", **loose)
    path = f"contacts/{customer.public_id}"
    contact = api.get(path).body["contact"]
    answer = api.put(path, {"contact": {**contact, "city": "London"}})
    assert answer.status == 200 and answer.body["contact"]["cell_phone"] == loose["cell_phone"]
    assert answer.body["contact"]["city"] == "London"
    assert list(api.put(path, {"contact": {"cell_phone": "+55 (11) 5550-0101"}}).errors) == ["cell_phone"]


def test_a_contact_stays_at_its_location(api: Integrator, here: Location, elsewhere: Location) -> None:
    api.user.locations.add(elsewhere)
    contact = _post(api, here).body["contact"]
    answer = api.put(f"contacts/{contact['id']}", {"contact": {"location_id": elsewhere.public_id}})
    assert answer.status == 422 and answer.errors == {"location_id": ["location_id cannot be changed"]}


def test_a_deleted_contact_answers_409_to_everything(api: Integrator, here: Location) -> None:
    path = f"contacts/{_post(api, here).body['contact']['id']}"
    deleted = api.delete(path)
    assert deleted.status == 204 and deleted.body is None
    assert api.get(path).status == 409
    assert api.put(path, {"contact": {"city": "Rome"}}).status == 409
    assert api.delete(path).status == 409
    assert api.get("contacts").body["contacts"] == []


def test_an_id_of_the_clients_own_is_taken_once(api: Integrator, here: Location) -> None:
    assert _post(api, here, contact_api_id="crm-1").status == 201
    answer = _post(api, here, contact_api_id="crm-1")
    assert answer.status == 422 and list(answer.errors) == ["contact_api_id"]


def test_update_if_exists(api: Integrator, here: Location) -> None:
    first = _post(api, here, contact_api_id="crm-1", first_name="Ada").body["contact"]
    again = _post(api, here, contact_api_id="crm-1", last_name="Byron", update_if_exists=1)
    assert again.status == 201
    assert again.body["contact"]["id"] == first["id"]
    assert again.body["contact"]["last_name"] == "Byron" and again.body["contact"]["first_name"] == "Ada"
    assert _post(api, here, contact_api_id="crm-2", update_if_exists="1").body["contact"]["id"] != first["id"]
    without = _post(api, here, update_if_exists=1)
    assert without.status == 422 and list(without.errors) == ["contact_api_id"]


def test_what_is_embedded(api: Integrator, here: Location) -> None:
    contact = _post(api, here).body["contact"]
    customer = Customer.objects.get(public_id=contact["id"])
    services.add_note(customer, "Called back", by="admin:jane")
    one = api.get(f"contacts/{contact['id']}?expand=location,notes,created_user,user").body["contact"]
    assert one["location"] == {"id": here.public_id, "name": "Main store", "timezone": "Europe/Berlin"}
    assert one["created_user"] == one["user"] == {"username": "api:shop"}
    assert [note["note"] for note in one["notes"]] == ["Called back"]
    listed = api.get("contacts?expand=notes").body["contacts"][0]
    assert listed["notes"] == one["notes"]
    assert list(api.get("contacts?expand=secrets").errors) == ["expand"]
