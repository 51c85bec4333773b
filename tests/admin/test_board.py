"""ADMIN | EXPORTS: who may do what, what is refused and in which words, and that it stays quick."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers.models import Location
from delivery.admin.endpoints import health_in_a_word
from delivery.models import Endpoint
from exports import customer_types, services
from exports.admin.board.asking import HEALTH
from exports.models import ExportProfile, Route
from exports.sweep import pause
from orders.models import Campaign, Product
from tests.admin.store import BY, HOSTILE, SCRIPT, Store, a_profile, a_store, an_order

BOARD = "/admin/exports/"
ENDPOINT_WORDS = {"unused": "–"}
ClientWhoMay = Callable[..., Client]


def at(name: str, *args: object) -> str:
    return reverse(f"admin:exports_board_{name}", args=args)


def shown(client: Client, **asked: Any) -> str:
    page = client.get(BOARD, asked)
    assert page.status_code == 200
    return str(page.content.decode())


def in_dialog(client: Client, method: str, url: str, data: Any = None, **behind: Any) -> HttpResponse:
    """As htmx sends it, from the board with this in its address."""
    headers = {"HX-Request": "true", "HX-Target": "dialog"}
    headers["HX-Current-URL"] = f"http://testserver{BOARD}?{urlencode(behind)}"
    answer: HttpResponse = getattr(client, method)(url, data or {}, headers=headers)
    return answer


def profiles_in(html: str) -> list[str]:
    """The names in the left list, in its order."""
    return [part.split("</bdi>")[0] for part in html.split('<bdi class="name">')[1:]]


def routes_in(html: str) -> list[int]:
    return [int(part.split("<")[0].split("·")[0]) for part in html.split('<span class="small">Route ')[1:]]


# --- who may do what ---------------------------------------------------------------------------------------

SEE = ("exports.view_exportprofile", "exports.view_route")
DOORS = {
    "profiles_new": "exports.add_exportprofile",
    "profiles_clone": "exports.add_exportprofile",
    "profiles_on": "exports.change_exportprofile",
    "profiles_off": "exports.change_exportprofile",
    "routes_new": "exports.add_route",
    "routes_edit": "exports.change_route",
    "routes_remove": "exports.delete_route",
}


def _address(store: Store, door: str) -> str:
    if door.endswith("_new"):
        return at(door)
    return at(door, store.profile.pk if door.startswith("profiles") else store.profile.routes.get().pk)


def test_who_may_only_look_has_nothing_to_press(store: Store, client_who_may: ClientWhoMay) -> None:
    html = shown(client_who_may(*SEE))
    assert store.profile.name in html and "Profile Routing" in html
    for word in ('class="plus"', 'role="switch"', ">clone<", ">remove<", ">edit<"):
        assert word not in html
    assert ">view<" in html


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_door_asks_for_its_permission(
    store: Store, client_who_may: ClientWhoMay, door: str, method: str
) -> None:
    others = sorted({*SEE, *DOORS.values()} - {DOORS[door]})
    assert getattr(client_who_may(*others), method)(_address(store, door)).status_code in (403, 405)
    may = client_who_may(*SEE, DOORS[door])
    if (door, method) != ("profiles_off", "get"):
        assert getattr(may, method)(_address(store, door)).status_code in (200, 302, 422)


def test_each_half_is_for_who_may_see_it(store: Store, client_who_may: ClientWhoMay) -> None:
    left = shown(client_who_may("exports.view_exportprofile"))
    assert "Export Profiles" in left and "Profile Routing" not in left
    right = shown(client_who_may("exports.view_route"))
    assert "Profile Routing" in right and "Export Profiles</h2>" not in right
    assert client_who_may("orders.view_order").get(BOARD).status_code == 403
    for half, name in (("profiles-list", "exports.view_route"), ("routes", "exports.view_exportprofile")):
        asked = {"HX-Request": "true", "HX-Target": half}
        assert client_who_may(name).get(BOARD, headers=asked).status_code == 403
    assert Client().get(BOARD).status_code == 302


def test_a_switch_that_only_looks_at_get_changes_nothing(store: Store, admin_client: Client) -> None:
    admin_client.get(at("profiles_on", store.profile.pk))
    admin_client.get(at("routes_remove", store.profile.routes.get().pk))
    assert admin_client.get(at("profiles_off", store.profile.pk)).status_code == 405
    store.profile.refresh_from_db()
    assert store.profile.is_active and store.profile.routes.count() == 1


def test_without_the_token_of_the_form_nothing_is_done(store: Store) -> None:
    User.objects.create_superuser("jane")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="jane"))
    for door in DOORS:
        assert strict.post(_address(store, door)).status_code == 403


# --- create, switch, clone ---------------------------------------------------------------------------------


def test_a_new_profile_stands_first_and_says_what_it_lacks(store: Store, admin_client: Client) -> None:
    answer = in_dialog(
        admin_client, "post", at("profiles_new"), {"name": "Zebra", "type": "postback"}, q="call"
    )
    html = answer.content.decode()
    assert profiles_in(html) == ["Zebra", store.profile.name]
    assert 'id="profiles-list" hx-swap-oob="true"' in html and "routes-list" not in html.split("<tbody")[0]
    assert "no URL yet" in html and "no route yet" in html and 'class="new"' in html
    assert "Zebra" in answer.headers["HX-Trigger"]
    made = ExportProfile.objects.get(name="Zebra")
    assert (made.is_active, made.type, made.url) == (True, "postback", "")
    assert profiles_in(shown(admin_client)) == [store.profile.name, "Zebra"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "   "}, "This field is required"),
        ({"name": "Call centre partials"}, "There is a profile “Call centre partials” already"),
        ({"name": "x" * 151}, "at most 150 characters"),
        ({"name": "a\x00b"}, "Null characters"),
        ({"name": "a\nb"}, "line break"),
        ({"type": "ftp"}, "not one of the available choices"),
        ({"type": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_created_is_said_at_its_field(
    store: Store, admin_client: Client, sent: dict[str, str], words: str
) -> None:
    answer = in_dialog(admin_client, "post", at("profiles_new"), {"name": "New", "type": "postback"} | sent)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert words in html and 'aria-invalid="true"' in html and "_error" in html
    assert ExportProfile.objects.count() == 1


def test_with_several_locations_it_asks_for_the_one(store: Store, admin_client: Client) -> None:
    assert "Location" not in in_dialog(admin_client, "get", at("profiles_new")).content.decode()
    other = Location.objects.create(name=f"Other {SCRIPT}")
    html = in_dialog(admin_client, "get", at("profiles_new")).content.decode()
    assert "Choose a location" in html and SCRIPT not in html
    sent = {"name": store.profile.name, "type": "postback"}
    assert in_dialog(admin_client, "post", at("profiles_new"), sent).status_code == 422
    sent["location"] = str(other.pk)
    assert in_dialog(admin_client, "post", at("profiles_new"), sent).status_code == 200
    assert ExportProfile.objects.filter(name=store.profile.name, location=other).exists()


def test_off_at_once_and_on_with_a_question(store: Store, admin_client: Client) -> None:
    off = in_dialog(admin_client, "post", at("profiles_off", store.profile.pk))
    assert 'aria-checked="false"' in off.content.decode()
    store.profile.refresh_from_db()
    assert not store.profile.is_active
    asked = in_dialog(admin_client, "get", at("profiles_on", store.profile.pk)).content.decode()
    assert "Nothing that its routes ask for happened" in asked
    assert in_dialog(admin_client, "post", at("profiles_on", store.profile.pk)).status_code == 422
    on = in_dialog(admin_client, "post", at("profiles_on", store.profile.pk), {"pause": "skip"})
    assert 'aria-checked="true"' in on.content.decode()
    assert store.profile.routes.get().effective_from > timezone.now() - timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_the_question_names_how_many_events_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    store, client = a_store(), Client()
    client.force_login(User.objects.create_superuser("jane"))
    services.switch_off(store.profile, by=BY)

    def asked() -> str:
        an_order(store.location, store.customer, store.product)
        html = in_dialog(client, "get", at("profiles_on", store.profile.pk)).content.decode()
        assert "Start from now" in html
        return html

    assert "Send 1 event of the pause" in asked()
    assert "Send 2 events of the pause" in asked()
    monkeypatch.setattr(pause, "MOST_LOOKED_AT", 1)  # a note, which no route asks for
    assert "Send the events of the pause" in asked()
    monkeypatch.setattr(pause, "MOST_LOOKED_AT", 3)  # and a new order, with its partial
    assert "Send at least 1 event of the pause" in asked()
    monkeypatch.setattr(pause, "MOST", 1)
    assert "Send 1+ event of the pause" in asked()


def test_what_may_not_be_switched_on_says_why(store: Store, admin_client: Client) -> None:
    services.switch_off(store.profile, by=BY)
    store.profile.mappings.create(position=9, export_name="born", field="dateOfBirth")
    answer = in_dialog(admin_client, "post", at("profiles_on", store.profile.pk), {"pause": "send"})
    assert answer.status_code == 422 and "PCI documentation" in answer.content.decode()
    store.profile.refresh_from_db()
    assert not store.profile.is_active


def test_a_clone_takes_the_routes_with_it(store: Store, admin_client: Client) -> None:
    page = in_dialog(admin_client, "get", at("profiles_clone", store.profile.pk)).content.decode()
    assert "Call centre partials (copy)" in page
    taken = in_dialog(
        admin_client, "post", at("profiles_clone", store.profile.pk), {"name": store.profile.name}
    )
    assert taken.status_code == 422 and "already" in taken.content.decode()
    html = in_dialog(
        admin_client, "post", at("profiles_clone", store.profile.pk), {"name": "B"}
    ).content.decode()
    assert profiles_in(html) == ["B", store.profile.name]
    assert len(routes_in(html)) == 2


# --- routes ------------------------------------------------------------------------------------------------


def _route(store: Store, **said: Any) -> dict[str, Any]:
    return {"profile": store.profile.pk, "customer_type": "new_sale", "campaign": "", "product": ""} | said


def test_the_dialog_offers_the_23_customer_types_with_what_they_mean(
    store: Store, admin_client: Client
) -> None:
    html = in_dialog(admin_client, "get", at("routes_new")).content.decode()
    for kind in customer_types.ALL:
        assert f">{kind.label} – {kind.meaning}</option>" in html
    assert len(customer_types.ALL) == 23
    assert SCRIPT not in html and "All campaigns" in html and "All products" in html


def test_a_new_route_is_listed_first_and_the_profile_counts_it(store: Store, admin_client: Client) -> None:
    sent = _route(store, campaign=store.campaign.pk, product=store.product.pk)
    html = in_dialog(admin_client, "post", at("routes_new"), sent).content.decode()
    route = Route.objects.get(customer_type="new_sale")
    assert (route.campaign, route.product) == (store.campaign, store.product)
    assert routes_in(html)[0] == route.pk
    assert 'id="profiles-list" hx-swap-oob="true"' in html and SCRIPT not in html


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"customer_type": ""}, "This field is required"),
        ({"customer_type": "sales"}, "not one of the available choices"),
        ({"profile": ""}, "This field is required"),
        ({"profile": "999999"}, "not one of the available choices"),
        ({"profile": "9" * 30}, "not one of the available choices"),
        ({"profile": "'; DROP"}, "not one of the available choices"),
        ({"profile": "", "profile_text": "Call"}, "“Call” is none of them. Choose one from the list"),
        ({"campaign_text": "Land"}, "“Land” is none of them. Choose one from the list"),
        ({"product_text": f"{SCRIPT}\x00"}, "is none of them"),
        ({"customer_type": "partial"}, "has this route already: it is route"),
    ],
)
def test_what_is_no_route_is_said(
    store: Store, admin_client: Client, said: dict[str, str], words: str
) -> None:
    answer = in_dialog(admin_client, "post", at("routes_new"), _route(store, **said))
    assert answer.status_code == 422
    assert words in answer.content.decode() and SCRIPT not in answer.content.decode()
    assert Route.objects.count() == 1


def test_the_very_name_is_as_good_as_a_choice(store: Store, admin_client: Client) -> None:
    sent = _route(store, profile="", profile_text=store.profile.name, product_text="Cream")
    assert in_dialog(admin_client, "post", at("routes_new"), sent).status_code == 200
    assert Route.objects.get(customer_type="new_sale").product == store.product
    Product.objects.create(location=store.location, name="Cream")
    sent = _route(store, product_text="Cream", customer_type="decline")
    assert in_dialog(admin_client, "post", at("routes_new"), sent).status_code == 422


def test_campaigns_and_products_are_those_of_the_profiles_location(
    store: Store, admin_client: Client
) -> None:
    other = Location.objects.create(name="Other")
    theirs = Campaign.objects.create(location=other, name="Theirs")
    for of in ("campaign", "product"):
        found = admin_client.get(at("choices", of)).json()["found"]
        assert found == []  # the profile comes first
    of_ours = at("choices", "campaign") + f"?profile={store.profile.pk}"
    assert [row["id"] for row in admin_client.get(of_ours).json()["found"]] == [store.campaign.pk]
    sent = _route(store, campaign=theirs.pk)
    assert in_dialog(admin_client, "post", at("routes_new"), sent).status_code == 422
    html = in_dialog(admin_client, "get", f"{at('routes_new')}?profile={store.profile.pk}").content.decode()
    assert "Theirs" not in html and "Lander" in html
    assert not Route.objects.filter(campaign=theirs).exists()


def test_what_the_list_shows_alone_is_chosen_already(store: Store, admin_client: Client) -> None:
    html = in_dialog(admin_client, "get", at("routes_new"), profile=store.profile.pk).content.decode()
    assert f'<option value="{store.profile.pk}" selected>' in html


def test_edit_and_remove(store: Store, admin_client: Client) -> None:
    route = store.profile.routes.get()
    other = services.add_route(store.profile, customer_type="decline", by=BY)
    same = in_dialog(admin_client, "post", at("routes_edit", other.pk), {"customer_type": "partial"})
    assert same.status_code == 422 and f"it is route {route.pk}" in same.content.decode()
    sent = {"customer_type": "partial", "product": store.product.pk}
    assert in_dialog(admin_client, "post", at("routes_edit", other.pk), sent).status_code == 200
    other.refresh_from_db()
    assert (other.customer_type, other.product) == ("partial", store.product)
    asked = in_dialog(admin_client, "get", at("routes_remove", other.pk)).content.decode()
    assert "no longer exports" in asked and "only route" not in asked
    assert routes_in(in_dialog(admin_client, "post", at("routes_remove", other.pk)).content.decode()) == [
        route.pk
    ]
    assert "only route" in in_dialog(admin_client, "get", at("routes_remove", route.pk)).content.decode()
    assert in_dialog(admin_client, "post", at("routes_remove", other.pk)).status_code == 404
    assert in_dialog(admin_client, "post", at("routes_edit", other.pk), sent).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_the_same_route_at_once_one_is_told() -> None:
    store = a_store()
    User.objects.create_superuser("jane")

    def add(_: int) -> int:
        client = Client()
        client.force_login(User.objects.get(username="jane"))
        try:
            return in_dialog(client, "post", at("routes_new"), _route(store)).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, range(2))) == [200, 422]
    assert store.profile.routes.filter(customer_type="new_sale").count() == 1


# --- without a script --------------------------------------------------------------------------------------


def test_without_a_script_every_dialog_is_a_page(store: Store, admin_client: Client) -> None:
    for door in DOORS:
        if door != "profiles_off":
            html = admin_client.get(_address(store, door)).content.decode()
            assert "<!DOCTYPE html>" in html and 'method="post"' in html and "Cancel</a>" in html
    sent = {"name": "Plain", "type": "postback"}
    html = admin_client.post(at("profiles_new"), sent, follow=True).content.decode()
    assert profiles_in(html)[0] == "Plain" and "“Plain” is created" in html
    assert profiles_in(shown(admin_client))[0] == store.profile.name
    wrong = admin_client.post(at("profiles_new"), sent)
    assert wrong.status_code == 422 and "<!DOCTYPE html>" in wrong.content.decode()
    admin_client.post(at("profiles_off", store.profile.pk), follow=True)
    store.profile.refresh_from_db()
    assert not store.profile.is_active


# --- filters and pages -------------------------------------------------------------------------------------


def test_the_left_filters(store: Store, admin_client: Client) -> None:
    sales = a_profile(store.location, "Sales 100%", "new_sale")
    sales.url = "https://fulfilment.example/in"
    sales.save()
    services.switch_off(sales, by=BY)
    for asked, names in (
        ({"q": "CALL"}, [store.profile.name]),
        ({"q": "100%"}, [sales.name]),
        ({"q": "fulfilment.ex"}, [sales.name]),
        ({"q": f"#{sales.pk}"}, [sales.name]),
        ({"q": f"{SCRIPT}\x00"}, []),
        ({"switch": "off"}, [sales.name]),
        ({"switch": "on", "q": "a"}, [store.profile.name]),
        ({"health": "held"}, [sales.name]),
        ({"health": "no such", "switch": "x", "page": "-3"}, [store.profile.name, sales.name]),
        ({"page": "9" * 18}, [store.profile.name, sales.name]),
    ):
        html = shown(admin_client, **asked)
        assert profiles_in(html) == names
        assert SCRIPT not in html
    assert "No profile is like that" in shown(admin_client, q="nothing")


@pytest.mark.parametrize("word", HEALTH)
def test_health_is_filtered_as_it_is_said(store: Store, word: str) -> None:
    now = timezone.now()
    states: list[dict[str, Any]] = [
        {},
        {"last_success_at": now},
        {"failures_in_a_row": 2, "last_success_at": now},
        {"asleep_until": now, "failures_in_a_row": 9},
        {"window": 4, "last_success_at": now},
        {"window": 4, "failures_in_a_row": 1},
        {"is_held": True, "asleep_until": now},
    ]
    for number, state in enumerate(states):
        profile = a_profile(store.location, f"P{number}")
        Endpoint.objects.filter(pk=profile.endpoint_id).update(**state)
    found = set(ExportProfile.objects.filter(HEALTH[word]))
    said = {
        profile
        for profile in ExportProfile.objects.select_related("endpoint")
        if health_in_a_word(profile.endpoint).split(" ")[0] == ENDPOINT_WORDS.get(word, word)
    }
    assert found == said != set()


def test_the_right_filters(store: Store, admin_client: Client) -> None:
    first = store.profile.routes.get()
    sales = a_profile(store.location, "Sales", "new_sale", "decline")
    sale, decline = sales.routes.all()
    services.change_route(decline, customer_type="decline", campaign=store.campaign, by=BY)
    for asked, numbers in (
        ({}, [first.pk, sale.pk, decline.pk]),
        ({"rq": "lander"}, [decline.pk]),
        ({"rq": "sales"}, [sale.pk, decline.pk]),
        ({"kind": "new_sale"}, [sale.pk]),
        ({"profile": str(sales.pk)}, [sale.pk, decline.pk]),
        ({"profile": str(sales.pk), "kind": "partial"}, []),
        ({"profile": "999"}, []),
        ({"profile": "x", "kind": "y", "rpage": "z"}, [first.pk, sale.pk, decline.pk]),
    ):
        assert routes_in(shown(admin_client, **asked)) == numbers
    assert "Only the routes of <bdi>Sales</bdi>" in shown(admin_client, profile=str(sales.pk))


def test_each_half_turns_its_pages_alone_and_the_address_says_both(
    store: Store, admin_client: Client
) -> None:
    for number in range(30):
        a_profile(store.location, f"P{number:02}", "new_sale")
    html = shown(admin_client, q="P", page="2")
    assert profiles_in(html) == [f"P{number:02}" for number in range(24, 30)]
    assert len(routes_in(html)) == 25
    assert "page=2" in html and "rpage=2" in html
    asked = {"HX-Request": "true", "HX-Target": "routes-list"}
    part = admin_client.get(BOARD, {"q": "P", "page": "2", "rpage": "2", "kind": ""}, headers=asked)
    assert len(routes_in(part.content.decode())) == 6 and "<html" not in part.content.decode()
    assert part.headers["HX-Replace-Url"] == f"{BOARD}?q=P&page=2&rpage=2"


def test_the_boxes_offer_a_few_and_say_that_there_are_more(store: Store, admin_client: Client) -> None:
    Product.objects.bulk_create(
        Product(location=store.location, name=f"Soap {number:03} {SCRIPT}", sku=f"S-{number}")
        for number in range(300)
    )
    answer = admin_client.get(at("choices", "product"), {"q": "soap 29"}).json()
    assert len(answer["found"]) == 10 and not answer["is_more"]
    assert admin_client.get(at("choices", "product"), {"q": "S"}).json()["is_more"]
    assert admin_client.get(at("choices", "product"), {"q": "S-299\x00"}).json()["found"][0]["id"]
    assert admin_client.get(at("choices", "nothing")).status_code == 404
    html = in_dialog(admin_client, "get", at("routes_new")).content.decode()
    assert 'role="combobox"' in html and "Soap" not in html


def test_who_may_not_route_is_offered_nothing(store: Store, client_who_may: ClientWhoMay) -> None:
    for of, names in (("product", SEE), ("campaign", SEE), ("profile", SEE[:1])):
        assert client_who_may(*names).get(at("choices", of)).status_code == 403
    assert client_who_may(SEE[1]).get(at("choices", "profile")).status_code == 200


# --- quick, and safe ---------------------------------------------------------------------------------------


def _grow(store: Store) -> None:
    """500 profiles and 5,000 routes."""
    now = timezone.now()
    endpoints = Endpoint.objects.bulk_create(
        Endpoint(channel="export", name=f"Many {number}") for number in range(500)
    )
    profiles = ExportProfile.objects.bulk_create(
        ExportProfile(location=store.location, name=f"Many {n:03}", endpoint=endpoint, created_at=now)
        for n, endpoint in enumerate(endpoints)
    )
    Route.objects.bulk_create(
        Route(profile=profile, customer_type=kind.key, effective_from=now)
        for profile in profiles
        for kind in customer_types.ALL[:10]
    )


def test_500_profiles_and_5000_routes_ask_no_more_of_the_database(store: Store, admin_client: Client) -> None:
    def asked() -> list[int]:
        counts = []
        for query in ({}, {"q": "a", "switch": "on", "rq": "a"}, {"profile": store.profile.pk}):
            with CaptureQueriesContext(connection) as queries:
                shown(admin_client, **query)
            counts.append(len(queries))
        for url in (at("routes_new"), at("choices", "profile")):
            with CaptureQueriesContext(connection) as queries:
                in_dialog(admin_client, "get", url)
            counts.append(len(queries))
        return counts

    asked()
    few = asked()
    _grow(store)
    many = asked()
    assert max(many) <= 40
    assert [after - before for before, after in zip(few, many, strict=True)][:3] == [0, 0, 0]
    html = shown(admin_client)
    assert "501 profiles" in html and "5,001 routes" in html and len(profiles_in(html)) == 25


def test_hostile_names_are_only_text(store: Store, admin_client: Client) -> None:
    name = f'"><img src=x onerror=alert(1)>{HOSTILE}'[:150]
    profile = a_profile(store.location, name, "new_sale")
    services.add_route(profile, customer_type="partial", campaign=store.campaign, by=BY)
    pages = [
        shown(admin_client),
        shown(admin_client, q=SCRIPT, rq=SCRIPT, profile=str(profile.pk)),
        *(
            in_dialog(admin_client, "get", url).content.decode()
            for url in (
                at("profiles_clone", profile.pk),
                at("profiles_on", profile.pk),
                at("routes_new"),
                at("routes_edit", profile.routes.first().pk),
                at("routes_remove", profile.routes.first().pk),
            )
        ),
    ]
    for html in pages:
        assert SCRIPT not in html and "<img src=x" not in html
        assert ' style="' not in html and "onclick=" not in html
    said = in_dialog(admin_client, "post", at("profiles_off", profile.pk)).headers["HX-Trigger"]
    assert said.isascii()


def test_the_way_back_leads_to_the_board(store: Store, admin_client: Client) -> None:
    route = store.profile.routes.get()
    for page in (
        reverse("admin:exports_exportprofile_change", args=[store.profile.pk]),
        reverse("admin:exports_route_change", args=[route.pk]),
        reverse("admin:exports_route_delete", args=[route.pk]),
    ):
        assert f'<a href="{BOARD}">' in admin_client.get(page).content.decode()
    sent = {"customer_type": "decline", "campaign": "", "product": ""}
    answer = admin_client.post(reverse("admin:exports_route_change", args=[route.pk]), sent)
    assert answer.headers["Location"] == BOARD
    answer = admin_client.post(reverse("admin:exports_route_delete", args=[route.pk]), {"post": "yes"})
    assert answer.headers["Location"] == BOARD


def test_empty_halves_say_what_to_do_next(db: None, admin_client: Client) -> None:
    html = shown(admin_client)
    assert "No export profiles yet." in html and "Click the green + above to create the first one" in html
    assert "No routes yet, so nothing is exported." in html
