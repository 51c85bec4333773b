"""The live preview: what it shows is what the sweep then says, byte for byte. It writes nothing."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery.models import Delivery
from delivery.secrets import MASK
from exports import channel, sweep
from exports.models import Export, ExportProfile
from tests.admin.profile_form import address, mapping, typed
from tests.admin.store import HOSTILE, SECRET, Store, a_profile, an_attempt, an_order

MOST = 40
HARD = "a b&c=d?e#f%g+h\"'<x>é€😀\\/\t"


def _shown(page: str, name: str) -> str:
    """The text of the element with that id, as a browser reads it."""
    found = re.search(rf'<(code|pre)[^>]*id="{name}"[^>]*>(.*?)</\1>', page, re.DOTALL)
    return html.unescape(found[2]) if found else ""


def _preview(client: Client, profile: ExportProfile, sent: dict[str, Any], status: int = 200) -> str:
    response = client.post(address("preview", profile), sent)
    assert response.status_code == status, response.content.decode()
    text: str = response.content.decode()
    return text


SHAPES: dict[str, list[dict[str, Any]]] = {
    "GET": [],
    "POST form": [mapping("header:X-Any", "Static", "1")],
    "POST JSON": [mapping("header:Content-Type", "Static", "application/json; charset=utf-8")],
    "PUT in the URL": [mapping("header:httpMethod", "Static", "PUT")],
    "PATCH JSON": [
        mapping("header:httpMethod", "Static", "patch"),
        mapping("header:httpMethodType", "Static", "POST"),
        mapping("header:content-type", "Static", "application/JSON"),
    ],
    "POST, fields in the URL": [
        mapping("header:httpMethod", "Static", "POST"),
        mapping("header:httpMethodType", "Static", "GET"),
    ],
    "DELETE with a secret header": [
        mapping("header:httpMethod", "Static", "DELETE"),
        mapping("header:X-Key", "Static", "hush-hush", is_secret="on"),
    ],
}


@pytest.mark.parametrize("omit_empty", [False, True], ids=["empty sent", "empty left out"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_preview_is_what_the_sweep_then_says(
    store: Store, admin_client: Client, shape: str, omit_empty: bool
) -> None:
    rows = [
        *SHAPES[shape],
        mapping(HARD.strip(), "Static", HARD),
        mapping("first_name", "firstName"),
        mapping("order", "clientOrderId"),
        mapping("total", "orderTotal"),
        mapping("event", "eventId"),
        mapping("type", "customerType"),
        mapping("items", "items"),
        mapping("coupon", "couponCode"),
        mapping("again", "firstName"),
        mapping("again", "lastName"),
        mapping("token", "Static", "hush", is_secret="on"),
    ]
    order = an_order(store.location, store.customer, store.product, campaign=store.campaign)
    url = "https://postingmydata.com/partials.php?key=1"
    sent = typed(store.profile, rows, url=url) | ({"omit_empty": "on"} if omit_empty else {})
    page = _preview(admin_client, store.profile, {**sent, "order": order.pk})
    assert "hush" not in page and MASK in page

    assert admin_client.post(address("change", store.profile), sent).status_code == 302
    sweep.run([ExportProfile.objects.get(pk=store.profile.pk)])
    delivery = Delivery.objects.get(event__order=order)
    said = channel.said(delivery)
    assert said.method == re.search(r"<strong>([A-Z]+)</strong> <code id=\"exact-url\"", page)[1]  # type: ignore[index]
    assert _shown(page, "exact-url") == said.url
    assert _shown(page, "exact-body") == said.body
    for name, value in said.headers[:-4]:
        assert html.escape(f"{name}: {value}") in page
    live = _preview(admin_client, store.profile, {**typed(_again(store.profile)), "order": order.pk})
    assert "as saved" in live and _shown(live, "exact-url") == said.url


def _again(profile: ExportProfile) -> ExportProfile:
    return ExportProfile.objects.get(pk=profile.pk)


def test_a_look_writes_nothing(store: Store, admin_client: Client) -> None:
    before = (Delivery.objects.count(), Export.objects.count(), list(store.profile.mappings.values()))
    rows = [mapping("n", "firstName")]
    _preview(admin_client, store.profile, typed(store.profile, rows, url="https://elsewhere.example/"))
    assert before == (Delivery.objects.count(), Export.objects.count(), list(store.profile.mappings.values()))
    assert _again(store.profile).url == store.profile.url and _again(store.profile).version == 1


def test_what_differs_is_marked(store: Store, admin_client: Client) -> None:
    rows = [mapping("first_name", "firstName"), mapping("list_id", "Static", "401")]
    page = _preview(admin_client, store.profile, typed(store.profile, rows))
    assert re.search(r'<li class="draft">.*?list_id=401', page)
    assert re.search(r'<li class="live">.*?list_id=400', page)
    assert "differs from what is live" in page


def test_what_is_wrong_is_said_and_the_last_good_preview_stays(store: Store, admin_client: Client) -> None:
    rows = [mapping("a", "frstName"), mapping("header:Host", "Static", "x"), mapping("b", "lastName")]
    sent = typed(store.profile, rows)
    response = admin_client.post(address("preview", store.profile), sent)
    page = response.content.decode()
    assert response.status_code == 422 and response["HX-Retarget"] == "#draft-faults"
    assert "Mapping “a”: There is no field “frstName”. Did you mean firstName?" in page
    assert "Mapping “header:Host”: The header Host belongs to the connection" in page
    assert "Löve" in page  # the rows that are right still show their values
    page = _preview(admin_client, store.profile, typed(store.profile, url="ftp://x"), 422)
    assert "must begin with https://" in page
    assert admin_client.post(address("preview", store.profile), {}).status_code == 422


def test_what_only_update_would_refuse_is_said_beside_the_preview(store: Store, admin_client: Client) -> None:
    rows = [mapping("dob", "dateOfBirth"), mapping("first_name", "firstName")]
    page = _preview(admin_client, store.profile, typed(store.profile, rows, name="", timeout_seconds=0))
    for words in ("needs approved PCI documentation", "from 1 to 120", "This field is required"):
        assert words in page
    assert "?dob=&first_name=" in _shown(page, "exact-url")


def test_removed_rows_are_gone_whatever_is_wrong_with_them(store: Store, admin_client: Client) -> None:
    rows = [mapping("a", "frstName", DELETE="on"), mapping("dob", "dateOfBirth")]
    page = _preview(admin_client, store.profile, typed(store.profile, rows))
    assert _shown(page, "exact-url") == f"{store.profile.url}?dob="


def test_secrets_are_in_no_answer(store: Store, admin_client: Client) -> None:
    for page in (
        _preview(admin_client, store.profile, typed(store.profile)),
        admin_client.get(address("change", store.profile)).content.decode(),
        admin_client.get(address("fields", store.profile)).content.decode(),
    ):
        assert SECRET not in page
    sent = typed(store.profile, [mapping("k", "Static", "typed-secret", is_secret="on")])
    assert "typed-secret" not in _preview(admin_client, store.profile, sent)


def test_hostile_texts_are_only_text(store: Store, admin_client: Client) -> None:
    script = "<script>alert('x')</script>"
    rows = [mapping(script, "Static", script), mapping("first", "firstName")]
    page = _preview(admin_client, store.profile, typed(store.profile, rows, name=script))
    assert script not in page and html.escape(script) in page
    wrong = _preview(admin_client, store.profile, typed(store.profile, [mapping(script, script)]), 422)
    assert script not in wrong
    assert script not in admin_client.get(address("change", store.profile)).content.decode()
    assert HOSTILE not in page


def test_an_order_is_found_by_its_number_in_its_own_location_only(store: Store, admin_client: Client) -> None:
    order = an_order(store.location, store.customer, store.product, external_order_id="shop-7")
    an_order(store.location, store.customer, store.product)
    for number in (order.client_order_id.lower(), "shop-7", f"  {order.client_order_id} "):
        sent = {**typed(store.profile), "number": number}
        assert f"order={order.client_order_id}" in _shown(
            _preview(admin_client, store.profile, sent), "exact-url"
        )
    for number in ("NOPE", "\x00", "%", "9" * 200):
        page = _preview(admin_client, store.profile, {**typed(store.profile), "number": number})
        assert "exact-url" in page and (number == "\x00" or "There is no order" in page)


def test_an_order_is_shown_as_what_the_routes_ask_for(store: Store, admin_client: Client) -> None:
    page = admin_client.get(address("change", store.profile)).content.decode()
    assert re.search(r'<option value="partial" selected>Partial</option>', page)
    assert 'value="lead"' not in page  # it has a product
    cart = _preview(
        admin_client, store.profile, {**typed(store.profile), "as": "abandoned_cart", "order": store.order.pk}
    )
    assert "No route of this profile asks for Abandoned Cart" in cart


def test_who_may_not_see_orders_tries_it_on_made_up_values(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    editor = client_who_may("exports.view_exportprofile", "exports.change_exportprofile")
    page = _preview(editor, store.profile, {**typed(store.profile), "order": store.order.pk})
    assert "On made-up values" in page and "first_name=Ada&" in _shown(page, "exact-url")
    for text in (page, editor.get(address("change", store.profile)).content.decode()):
        assert store.order.client_order_id not in text.split('id="recent"')[0] and "Löve" not in text
    listed = editor.get(address("fields", store.profile)).content.decode()
    assert "Lovelace" in listed and "Löve" not in listed


def test_doors_need_permission_and_the_right_method(
    store: Store, client_who_may: Callable[..., Client], admin_client: Client
) -> None:
    looker, stranger = client_who_may("exports.view_exportprofile"), client_who_may()
    for door in ("preview", "mapping"):
        assert looker.post(address(door, store.profile), typed(store.profile)).status_code == 403
        assert admin_client.get(address(door, store.profile)).status_code == 405
    assert looker.get(address("fields", store.profile)).status_code == 200
    assert stranger.get(address("fields", store.profile)).status_code == 403
    assert Client().post(address("preview", store.profile)).status_code == 302
    assert Client(enforce_csrf_checks=True).post(address("preview", store.profile)).status_code == 403


def test_the_dialog_says_what_a_mapping_cannot_be(store: Store, admin_client: Client) -> None:
    def answer(**row: Any) -> dict[str, Any]:
        said: dict[str, Any] = admin_client.post(address("mapping", store.profile), row).json()
        return said

    assert answer(**mapping(" first ", "FIRSTNAME")) == {"export_name": "first", "field": "firstName"}
    assert answer(**mapping("header: X", "static", "v")) == {"export_name": "header:X", "field": "Static"}
    assert "Did you mean firstName?" in answer(**mapping("a", "frstName"))["errors"]["field"][0]
    assert "needs an export name" in str(answer(**mapping("", "firstName"))) or "required" in str(
        answer(**mapping("", "firstName"))
    )
    assert "number of a card" in str(answer(**mapping("c", "Static", "4111111111111111")))
    token = store.profile.mappings.get(export_name="token")
    kept = answer(**mapping("token", "Static", id=token.pk, is_secret="on"))
    assert kept == {"export_name": "token", "field": "Static"}
    assert "Type the value anew" in str(answer(**mapping("token", "Static", id=token.pk)))


def test_every_field_is_listed_with_what_the_order_has(store: Store, admin_client: Client) -> None:
    said = admin_client.get(address("fields", store.profile), {"order": store.order.pk}).json()
    by_name = {one["name"]: one for one in said["fields"]}
    assert by_name["lastName"]["value"] == "Löve" and by_name["lastName"]["group"] == "Customer"
    assert by_name["clientOrderId"]["value"] == store.order.client_order_id
    assert by_name["dateOfBirth"]["sensitive"] and not by_name["firstName"]["sensitive"]
    assert len(by_name) > 100 and said["static"] == "Static"


def test_the_success_rule_is_judged_on_the_latest_answer(store: Store, admin_client: Client) -> None:
    an_attempt(store.delivery, number=2, status=200, error="", answer="OK: taken", started_at=timezone.now())
    rule = {"success_rule": "contains", "success_value": "ERROR"}
    page = _preview(admin_client, store.profile, typed(store.profile, **rule))
    assert "would not pass:" in page and "does not contain “ERROR”" in page
    page = _preview(admin_client, store.profile, typed(store.profile, **{**rule, "success_value": "OK"}))
    assert "would pass." in page


def test_a_preview_costs_the_same_whatever_there_is(store: Store, admin_client: Client) -> None:
    def queries() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as looking:
            _preview(admin_client, store.profile, {**typed(store.profile), "order": store.order.pk})
        with CaptureQueriesContext(connection) as opening:
            assert admin_client.get(address("change", store.profile)).status_code == 200
        return len(looking), len(opening)

    queries()
    before = queries()
    for number in range(30):
        an_order(store.location, store.customer, store.product, campaign=store.campaign)
        an_attempt(store.delivery, number=number + 10)
        store.profile.mappings.create(position=20 + number, export_name=f"n{number}", field="city")
    a_profile(store.location, "Another", "new_sale")
    after = queries()
    assert after == before
    assert max(after) <= MOST


def test_without_orders_the_page_shows_made_up_values(store: Store, admin_client: Client) -> None:
    elsewhere = type(store.location).objects.create(name="Elsewhere")
    profile = a_profile(elsewhere, "Far away")
    page = admin_client.get(address("change", profile)).content.decode()
    assert "On made-up values" in page and store.order.client_order_id not in page
