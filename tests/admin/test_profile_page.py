"""The profile page: what staff type is checked by the rules that all doors share, and secrets stay secret."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.models import Delivery, Endpoint
from exports import services
from exports.models import ExportProfile, FieldMapping, Route
from tests.admin.store import SCRIPT, SECRET, Store, a_profile, a_store, an_order, set_to

URL = "https://postingmydata.com/partials.php"


@pytest.fixture(autouse=True)
def _files(tmp_path: object, settings: LazySettings) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def _page(profile: ExportProfile) -> str:
    return reverse("admin:exports_exportprofile_change", args=[profile.pk])


def _door(name: str, profile: ExportProfile) -> str:
    return reverse(f"admin:exports_exportprofile_{name}", args=[profile.pk])


def _settings(**changed: Any) -> dict[str, Any]:
    given = {"name": "Call centre partials", "type": "postback", "url": URL, "delay_minutes": 0}
    return {**given, "cadence": "sweep", "timeout_seconds": 20, **changed}


def _rows(prefix: str, rows: list[dict[str, Any]], stored: int = 0) -> dict[str, Any]:
    sent: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": stored}
    for number, row in enumerate(rows):
        sent.update({f"{prefix}-{number}-{name}": value for name, value in row.items()})
    return sent


def _stored(profile: ExportProfile, **by_name: dict[str, Any]) -> dict[str, Any]:
    """The whole form as the page shows it, but for changes of mappings by export name."""
    mappings = []
    for row in profile.mappings.all():
        shown = {"id": row.pk, "position": row.position, "export_name": row.export_name, "field": row.field}
        shown["static_value"] = row.static_value
        if row.is_secret:
            shown["is_secret"] = "on"
        changes = by_name.get(row.export_name, {})
        mappings.append({name: value for name, value in {**shown, **changes}.items() if value is not None})
    routes = [{"id": row.pk, "customer_type": row.customer_type} for row in profile.routes.all()]
    return {**_rows("mappings", mappings, len(mappings)), **_rows("routes", routes, len(routes))}


def _mapping(export_name: str, field: str, static_value: str = "", **more: Any) -> dict[str, Any]:
    return {"export_name": export_name, "field": field, "static_value": static_value, **more}


def _errors(response: Any) -> str:
    assert response.status_code == 200
    html: str = response.content.decode()
    assert "errorlist" in html or "errornote" in html
    return html


def test_a_profile_is_made_with_its_mappings_and_routes(store: Store, admin_client: Client) -> None:
    sent = _settings(name="Sales", is_active="on")
    rows = [_mapping("order", "clientorderid"), _mapping("header:X-Key", "Static", "k", is_secret="on")]
    routes = [{"customer_type": "new_sale", "campaign": store.campaign.pk}]
    sent |= _rows("mappings", rows) | _rows("routes", routes)
    response = admin_client.post(reverse("admin:exports_exportprofile_add"), sent)
    assert response.status_code == 302, response.content.decode()
    profile = ExportProfile.objects.get(name="Sales")
    assert profile.location == store.location and profile.is_active
    assert [row.field for row in profile.mappings.all()] == ["clientOrderId", "Static"]
    assert profile.mappings.get(is_secret=True).secret_value == "k"
    assert profile.routes.get().effective_from < timezone.now() - timedelta(hours=23)


def test_who_is_overtaken_is_told_and_may_save_over_it(store: Store, admin_client: Client) -> None:
    page = _page(store.profile)
    assert 'name="seen_version" value="1"' in admin_client.get(page).content.decode()
    form = {**_settings(delay_minutes=7), **_stored(store.profile), "seen_version": 1}
    services.edit_profile(store.profile, by="admin:anna", timeout_seconds=33)
    html = admin_client.post(page, form).content.decode()
    assert "anna has saved version 2" in html and 'name="seen_version" value="2"' in html
    store.profile.refresh_from_db()
    assert (store.profile.delay_minutes, store.profile.timeout_seconds) == (0, 33)
    admin_client.post(page, {**form, "seen_version": 2})
    store.profile.refresh_from_db()
    assert (store.profile.delay_minutes, store.profile.timeout_seconds) == (7, 20)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told(admin_user: User, transactional_db: None) -> None:
    store = a_store()
    form = {**_settings(), **_stored(store.profile), "seen_version": 1}
    clients = [Client(), Client(), Client()]
    for client in clients:
        client.force_login(admin_user)

    def save(client: Client, delay: int) -> int:
        try:
            return client.post(_page(store.profile), {**form, "delay_minutes": delay}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(save, clients, (7, 8, 9)))
    store.profile.refresh_from_db()
    assert sorted(answers) == [200, 200, 302] and store.profile.version == 2
    assert store.profile.delay_minutes == (7, 8, 9)[answers.index(302)]


def test_an_empty_secret_stays_and_a_typed_one_replaces_it(store: Store, admin_client: Client) -> None:
    sent = _settings() | _stored(store.profile)
    assert admin_client.post(_page(store.profile), sent).status_code == 302
    token = store.profile.mappings.get(export_name="token")
    assert token.secret_value == SECRET
    changed = _settings() | _stored(store.profile, token={"static_value": "new-secret"})
    assert admin_client.post(_page(store.profile), changed).status_code == 302
    token.refresh_from_db()
    assert (token.secret_value, token.static_value) == ("new-secret", "")
    assert "new-secret" not in admin_client.get(_page(store.profile)).content.decode()


def test_a_secret_is_not_shown_again_when_something_else_is_wrong(store: Store, admin_client: Client) -> None:
    sent = _settings(url="ftp://x") | _stored(store.profile, token={"static_value": "typed-secret"})
    assert "typed-secret" not in _errors(admin_client.post(_page(store.profile), sent))
    new = _rows("mappings", [_mapping("key", "Static", "typed-secret", is_secret="on")]) | _rows("routes", [])
    html = _errors(admin_client.post(reverse("admin:exports_exportprofile_add"), _settings(name="") | new))
    assert "typed-secret" not in html


def test_unticking_secret_shows_nothing_and_loses_nothing(store: Store, admin_client: Client) -> None:
    sent = _settings() | _stored(store.profile, token={"is_secret": None})
    html = _errors(admin_client.post(_page(store.profile), sent))
    assert "Type the value anew" in html and SECRET not in html
    assert store.profile.mappings.get(export_name="token").secret_value == SECRET
    typed = _settings() | _stored(store.profile, token={"is_secret": None, "static_value": "no secret"})
    assert admin_client.post(_page(store.profile), typed).status_code == 302
    token = store.profile.mappings.get(export_name="token")
    assert (token.is_secret, token.secret_value, token.static_value) == (False, "", "no secret")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "javascript:alert(1)"}, "must begin with https://"),
        ({"url": "http://127.0.0.1:99999/"}, "cannot be read"),
        ({"url": "http://169.254.169.254/latest"}, "169.254.169.254"),
        ({"url": ""}, "A Postback needs a URL"),
        ({"name": ""}, "required"),
        ({"name": "Taken"}, "already"),
        ({"delay_minutes": 99999999}, "43200"),
        ({"timeout_seconds": 0}, "from 1 to 120"),
        ({"cadence": "hourly"}, "not one of the available choices"),
        ({"type": "ftp"}, "not one of the available choices"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    store: Store, admin_client: Client, changed: dict[str, Any], words: str
) -> None:
    a_profile(store.location, "Taken")
    sent = _settings(**changed) | _stored(store.profile)
    assert words in _errors(admin_client.post(_page(store.profile), sent))
    store.profile.refresh_from_db()
    assert (store.profile.url, store.profile.version) == (URL, 1)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (_mapping("a", "frstName"), "Did you mean firstName?"),
        (_mapping("header:X", "firstName"), "A header must be static"),
        (_mapping("header:Host", "Static", "x"), "belongs to the connection"),
        (_mapping("header:X", "Static", "a\r\nEvil: 1"), "line break"),
        (_mapping("header:httpMethod", "Static", "FETCH"), "GET, POST, PUT, PATCH or DELETE"),
        (_mapping("card", "Static", "4111 1111 1111 1111"), "number of a card"),
        (_mapping("list_id", "Static", "x" * 1_000_000), "at most 100,000"),
        (_mapping("", "firstName"), "required"),
        (_mapping("dob", "dateOfBirth"), "PCI documentation"),
    ],
)
def test_mappings_that_cannot_be_are_refused(
    store: Store, admin_client: Client, row: dict[str, Any], words: str
) -> None:
    rows = _rows("mappings", [row]) | _rows("routes", [])
    sent = _settings(name="New", is_active="on") | rows
    html = _errors(admin_client.post(reverse("admin:exports_exportprofile_add"), sent))
    assert words in html
    assert not ExportProfile.objects.filter(name="New").exists()
    assert not Endpoint.objects.filter(name="New").exists()


def test_hostile_names_are_only_text(store: Store, admin_client: Client) -> None:
    rows = _rows("mappings", [_mapping(SCRIPT, "Static", SCRIPT)]) | _rows("routes", [])
    page = admin_client.post(
        reverse("admin:exports_exportprofile_add"), _settings(name=SCRIPT, _continue="1") | rows, follow=True
    )
    assert page.status_code == 200 and SCRIPT not in page.content.decode()
    assert ExportProfile.objects.filter(name=SCRIPT).exists()


def test_a_profile_may_have_hundreds_of_mappings(store: Store, admin_client: Client) -> None:
    rows = _rows("mappings", [_mapping(f"name{number}", "firstName") for number in range(300)])
    sent = _settings(name="Long") | rows | _rows("routes", [])
    assert admin_client.post(reverse("admin:exports_exportprofile_add"), sent).status_code == 302
    assert ExportProfile.objects.get(name="Long").mappings.count() == 300


def test_the_same_route_twice_is_refused(store: Store, admin_client: Client) -> None:
    routes = [{"customer_type": "partial"}, {"customer_type": "partial"}]
    sent = _settings(name="New") | _rows("mappings", []) | _rows("routes", routes)
    assert "already" in _errors(admin_client.post(reverse("admin:exports_exportprofile_add"), sent))
    assert not ExportProfile.objects.filter(name="New").exists()


def test_rows_are_sorted_and_removed(store: Store, admin_client: Client) -> None:
    changes = {"list_id": {"position": 1}, "first_name": {"DELETE": "on"}, "order": {"position": 9}}
    sent = _settings() | _stored(store.profile, **changes)
    assert admin_client.post(_page(store.profile), sent).status_code == 302
    names = [row.export_name for row in store.profile.mappings.all()]
    assert names == ["list_id", "token", "order"]
    store.profile.refresh_from_db()
    assert store.profile.version == 2


def test_red_notes_say_what_keeps_it_from_working(store: Store, admin_client: Client) -> None:
    Route.objects.filter(profile=store.profile).delete()
    FieldMapping.objects.create(profile=store.profile, export_name="dob", field="dateOfBirth", position=8)
    endpoint = {"failures_in_a_row": 3, "last_error": "forbidden_address"}
    Endpoint.objects.filter(pk=store.profile.endpoint_id).update(**endpoint)
    ExportProfile.objects.filter(pk=store.profile.pk).update(is_active=False, last_run_error="boom")
    html = admin_client.get(_page(store.profile)).content.decode()
    for words in (
        "This profile is switched off",
        "has no route",
        "needs approved PCI documentation",
        "The last run failed: boom",
        "Sending failed 3 times in a row. The last error: The address is not allowed. "
        "The recent deliveries show what came back.",
    ):
        assert words in html


@pytest.mark.django_db(transaction=True)
def test_switching_on_says_how_much_happened_in_the_pause(admin_user: User) -> None:
    store, client = a_store(), Client()
    client.force_login(admin_user)
    services.switch_off(store.profile, by="admin:jane")
    assert "Nothing that its routes ask for" in client.get(_page(store.profile)).content.decode()
    for _ in range(2):
        an_order(store.location, store.customer, store.product)
    board = reverse("admin:exports_board_profiles_on", args=[store.profile.pk])
    for page in (_page(store.profile), board):
        html = client.get(page).content.decode()
        assert "2 events that its routes ask for happened while it was switched off." in html
        assert "Send 2 events of the pause" in html and "1 waiting delivery goes out" in html


def test_who_may_only_look_sees_all_settings(store: Store, client_who_may: Callable[..., Client]) -> None:
    services.edit_profile(store.profile, by="admin:jane", timeout_seconds=33, omit_empty=True)
    html = client_who_may("exports.view_exportprofile").get(_page(store.profile)).content.decode()
    assert "33 seconds" in html and "left out" in html


def test_switched_off_and_on(store: Store, admin_client: Client) -> None:
    admin_client.post(_door("switch_off", store.profile))
    store.profile.refresh_from_db()
    assert not store.profile.is_active
    html = admin_client.post(_door("switch_on", store.profile), follow=True).content.decode()
    assert "Choose whether what happened in the pause is sent." in html
    admin_client.post(_door("switch_on", store.profile), {"pause": "skip"})
    store.profile.refresh_from_db()
    assert store.profile.is_active
    assert store.profile.routes.get().effective_from > timezone.now() - timedelta(minutes=1)


def test_cloned_with_its_rows_and_switched_off(store: Store, admin_client: Client) -> None:
    html = admin_client.post(_door("clone", store.profile), {"name": "Copy"}, follow=True).content.decode()
    clone = ExportProfile.objects.get(name="Copy")
    assert "This is the copy of" in html and SECRET not in html
    assert not clone.is_active and clone.mappings.count() == 4 and clone.routes.count() == 1
    taken = admin_client.post(_door("clone", store.profile), {"name": "Copy"}, follow=True).content.decode()
    assert "already" in taken and ExportProfile.objects.count() == 2


def test_pci_documentation_is_attached_approved_and_given_out(
    store: Store, admin_client: Client, client_who_may: Callable[..., Client]
) -> None:
    document = SimpleUploadedFile("pci.html", b"<script>alert(1)</script>")
    sent = _settings(pci_document=document) | _stored(store.profile)
    assert admin_client.post(_page(store.profile), sent).status_code == 302
    editor = client_who_may("exports.change_exportprofile")
    assert editor.post(_door("approve_pci", store.profile)).status_code == 403
    store.profile.refresh_from_db()
    read = {"document": store.profile.pci_document.name}
    assert (
        f'name="document" value="{read["document"]}"'
        in admin_client.get(_page(store.profile)).content.decode()
    )
    admin_client.post(_door("approve_pci", store.profile), read)
    store.profile.refresh_from_db()
    assert store.profile.is_pci_approved
    given = editor.get(_door("pci_document", store.profile))
    assert given["Content-Disposition"].startswith("attachment")
    assert b"".join(given.streaming_content) == b"<script>alert(1)</script>"  # type: ignore[arg-type]
    assert (
        client_who_may("exports.view_exportprofile").get(_door("pci_document", store.profile)).status_code
        == 403
    )


def test_what_waits_is_a_link_for_who_may_see_deliveries(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    links = f"endpoint={store.profile.endpoint_id}&amp;state__in=pending,waiting"
    looker = client_who_may("exports.view_exportprofile")
    assert links not in looker.get(_page(store.profile)).content.decode()
    looker = client_who_may("exports.view_exportprofile", "delivery.view_delivery")
    assert links in looker.get(_page(store.profile)).content.decode()


def test_no_document_is_approved_that_came_after_the_one_that_was_read(
    store: Store, admin_client: Client
) -> None:
    for _ in range(2):
        document = SimpleUploadedFile("pci.pdf", b"%PDF")
        admin_client.post(_page(store.profile), _settings(pci_document=document) | _stored(store.profile))
        read = store.profile.pci_document.name
        store.profile.refresh_from_db()
    answer = admin_client.post(_door("approve_pci", store.profile), {"document": read}, follow=True)
    assert "Another document has been attached meanwhile" in answer.content.decode()
    store.profile.refresh_from_db()
    assert not store.profile.is_pci_approved


def test_what_has_exported_is_not_deleted(store: Store, admin_client: Client) -> None:
    delete = reverse("admin:exports_exportprofile_delete", args=[store.profile.pk])
    for response in (
        admin_client.get(delete, follow=True),
        admin_client.post(delete, {"post": "yes"}, follow=True),
    ):
        assert "Switch it off instead" in response.content.decode()
    assert ExportProfile.objects.filter(pk=store.profile.pk).exists()


def test_what_was_used_since_it_was_asked_is_not_said_to_be_deleted(
    store: Store, admin_client: Client
) -> None:
    profile = a_profile(store.location, "Never used")

    def used_meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "django_admin_log" in sql:  # all questions are asked by then
            Delivery.objects.filter(pk=store.delivery.pk).update(endpoint=profile.endpoint_id)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(used_meanwhile):
        answer = admin_client.post(_door("delete", profile), {"post": "yes"}, follow=True)
    html = answer.content.decode()
    assert "cannot be deleted" in html and "was deleted successfully" not in html
    assert ExportProfile.objects.filter(pk=profile.pk).exists()
    assert not LogEntry.objects.exists()  # nothing claims it


def test_what_has_never_exported_is_deleted(store: Store, admin_client: Client) -> None:
    unused = a_profile(store.location, "Unused")
    delete = reverse("admin:exports_exportprofile_delete", args=[unused.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not ExportProfile.objects.filter(pk=unused.pk).exists()
    assert not Endpoint.objects.filter(pk=unused.endpoint_id).exists()


@pytest.mark.parametrize("door", ["switch_off", "switch_on", "clone", "approve_pci"])
def test_doors_need_permission_and_are_no_links(
    store: Store, client_who_may: Callable[..., Client], door: str
) -> None:
    looker = client_who_may("exports.view_exportprofile")
    assert looker.post(_door(door, store.profile), {"name": "x", "pause": "send"}).status_code == 403
    assert looker.get(_door(door, store.profile)).status_code == 405
    assert ExportProfile.objects.count() == 1


def test_who_may_only_look_sees_no_secret_and_no_buttons(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    html = client_who_may("exports.view_exportprofile").get(_page(store.profile)).content.decode()
    assert "Switch off" not in html and 'value="Update"' not in html and SECRET not in html
    assert 'id="send-test"' not in html and "<input" not in html.split('id="content-main"')[1]


def test_who_may_not_change_mappings_changes_settings_only(
    store: Store, client_who_may: Callable[..., Client]
) -> None:
    editor = client_who_may("exports.change_exportprofile", "exports.view_fieldmapping")
    html = editor.get(_page(store.profile)).content.decode()
    assert 'value="Update"' in html and "[firstName]" in html
    assert 'id="add-mapping"' not in html and "mappings-TOTAL_FORMS" not in html
    stolen = _stored(store.profile, list_id={"static_value": "999"}, token={"DELETE": "on"})
    assert editor.post(_page(store.profile), _settings(delay_minutes=7) | stolen).status_code == 302
    store.profile.refresh_from_db()
    assert store.profile.delay_minutes == 7 and store.profile.mappings.count() == 4
    assert store.profile.mappings.get(export_name="list_id").static_value == "400"


def test_only_what_was_never_used_offers_to_be_deleted(store: Store, admin_client: Client) -> None:
    delete = reverse("admin:exports_exportprofile_delete", args=[store.profile.pk])
    assert delete not in admin_client.get(_page(store.profile)).content.decode()
    unused = a_profile(store.location, "Unused")
    delete = reverse("admin:exports_exportprofile_delete", args=[unused.pk])
    assert delete in admin_client.get(_page(unused)).content.decode()


def test_why_an_order_did_not_go(store: Store, admin_client: Client) -> None:
    html = admin_client.get(_page(store.profile), {"why": store.order.client_order_id}).content.decode()
    assert "matched by route 1" in html
    html = admin_client.get(_page(store.profile), {"why": f"{SCRIPT}\x00"}).content.decode()
    assert "There is no order" in html and SCRIPT not in html
    sales = a_profile(store.location, "Sales", "new_sale")
    html = admin_client.get(_page(sales), {"why": store.order.client_order_id}).content.decode()
    assert "no route for" in html


def test_recent_deliveries_are_there_with_their_status(store: Store, admin_client: Client) -> None:
    html = admin_client.get(_page(store.profile)).content.decode().split('id="recent"')[1]
    assert store.order.client_order_id in html and "<td>404" in html
    assert reverse("admin:delivery_delivery_change", args=[store.delivery.pk]) in html


def test_a_profile_without_a_url_says_what_to_do(store: Store, admin_client: Client) -> None:
    ExportProfile.objects.filter(pk=store.profile.pk).update(url="")
    html = admin_client.get(_page(store.profile)).content.decode()
    assert "no Postback URL yet" in html and "GET (no Postback URL yet)" in html


def test_an_endpoint_that_sleeps_is_told_with_its_next_probe(store: Store, admin_client: Client) -> None:
    Endpoint.objects.filter(pk=store.profile.endpoint_id).update(
        failures_in_a_row=6, last_error="timeout", asleep_until=timezone.now() + timedelta(days=2)
    )
    assert "It sleeps, nothing is lost; the next probe goes out at" in (
        admin_client.get(_page(store.profile)).content.decode()
    )


def test_a_route_of_its_own_page(store: Store, admin_client: Client) -> None:
    add = reverse("admin:exports_route_add")
    sent = {"profile": store.profile.pk, "customer_type": "new_sale", "campaign": "", "product": ""}
    assert admin_client.post(add, sent).status_code == 302
    assert "already" in _errors(admin_client.post(add, sent))
    route = Route.objects.get(customer_type="new_sale")
    change = reverse("admin:exports_route_change", args=[route.pk])
    narrower = {"customer_type": "new_sale", "campaign": store.campaign.pk, "product": ""}
    assert admin_client.post(change, narrower).status_code == 302
    assert Route.objects.get(customer_type="new_sale").campaign == store.campaign
    admin_client.post(reverse("admin:exports_route_delete", args=[route.pk]), {"post": "yes"})
    assert not Route.objects.filter(customer_type="new_sale").exists()


def test_waiting_is_counted_in_the_list(store: Store, admin_client: Client) -> None:
    set_to(store.delivery, state="waiting")
    html = admin_client.get(reverse("admin:exports_exportprofile_changelist")).content.decode()
    assert f"endpoint={store.profile.endpoint_id}&amp;state__in=pending,waiting" in html
