"""`sweep_exports` and `explain` at the command line: what they print, what they keep, how they exit."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from customers.models import Location
from delivery.models import Attempt, Delivery
from delivery.secrets import MASK
from exports import services
from exports.models import Export, ExportProfile
from orders import lifecycle
from orders.models import Campaign, Order
from tests.exports.partners import (
    BY,
    JSON,
    Store,
    a_partial,
    a_profile,
    a_sale,
    a_store,
    carry,
    everything_stored,
    field,
    static,
    sweep_all,
)
from tests.processes import Processes
from tests.receiver import Receiver, redirect

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1:9/"  # nobody listens there
# What a terminal would obey: clear the screen, a title, colours (7 and 8 bits), backspaces, a new line.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x08\r\nid  fake\u202e\u2028"


@pytest.fixture
def store() -> Store:
    return a_store()


def run(*arguments: object) -> tuple[int, str]:
    """The command's exit status and output."""
    out = io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    return 0, out.getvalue()


def as_json(*arguments: object) -> dict[str, Any]:
    status, out = run(*arguments, "--json")
    assert status == 0
    assert out.count("\n") == 1
    said: dict[str, Any] = json.loads(out)
    return said


# --- sweep_exports -----------------------------------------------------------------------------------


def test_a_run_says_what_it_did(store: Store) -> None:
    profile = a_profile(store, URL, (), "new_sale", "partial", name="Call centre")
    other = a_profile(store, URL, (), "decline", name="Declines")
    a_sale(store)
    a_partial(store)
    said = as_json("sweep_exports", "--now")
    skipped = {"completed": 1}
    assert said["profiles"] == [
        {
            "id": profile.pk,
            "profile": "Call centre",
            "matched": 3,
            "queued": 2,
            "known": 0,
            "skipped": skipped,
            "error": "",
        },
        {"id": other.pk, "profile": "Declines", **dict.fromkeys(("matched", "queued", "known"), 0)}
        | {"skipped": {}, "error": ""},
    ]
    assert (said["dry_run"], said["requests"]) == (False, [])
    assert [one["queued"] for one in as_json("sweep_exports", "--now")["profiles"]] == [0, 0]
    assert Delivery.objects.count() == 2


def test_the_table_is_for_people(store: Store) -> None:
    profile = a_profile(store, URL, (), "new_sale", "partial", name="Call centre")
    a_sale(store)
    status, out = run("sweep_exports", "--now")
    head, line = out.splitlines()
    assert (status, head.split()) == (0, ["id", "profile", "matched", "queued", "known", "skipped"])
    assert line.split("  ")[0].strip() == "" and line.split()[:3] == [str(profile.pk), "Call", "centre"]
    assert line.split()[3:6] == ["2", "1", "0"]
    assert line.endswith("1 completed before the run, so not a partial any more")


def test_without_now_it_waits_for_the_clock(store: Store) -> None:
    profile = a_profile(store, URL, name="Call centre")
    a_sale(store)
    assert run("sweep_exports") == (0, "No profile is due. With --now the clock is not waited for.\n")
    ExportProfile.objects.update(next_run_at=timezone.now() - timedelta(seconds=1))
    assert as_json("sweep_exports")["profiles"][0]["queued"] == 1
    profile.refresh_from_db()
    assert profile.next_run_at is not None and profile.next_run_at > timezone.now()


def test_now_keeps_the_delay(store: Store) -> None:
    a_profile(store, URL, delay_minutes=5)
    a_sale(store)
    assert as_json("sweep_exports", "--now")["profiles"][0]["matched"] == 0
    assert not Delivery.objects.exists()


def test_only_one_profile(store: Store) -> None:
    one, other = a_profile(store, URL, name="One"), a_profile(store, URL, name="Other")
    a_sale(store)
    said = as_json("sweep_exports", "--now", "--profile", one.pk)
    assert [row["id"] for row in said["profiles"]] == [one.pk]
    assert list(Delivery.objects.values_list("target_id", flat=True)) == [one.pk] != [other.pk]


@pytest.mark.parametrize("number", ["0", "-1", "987654", "99999999999999999999999999"])
def test_a_profile_that_is_not_there(store: Store, number: str) -> None:
    a_profile(store, URL)
    for command in (("sweep_exports",), ("explain", a_sale(store).client_order_id)):
        assert run(*command, f"--profile={number}") == (2, f"There is no export profile {number}.")
    assert not Delivery.objects.exists()


def test_a_profile_that_cannot_run(store: Store) -> None:
    off = a_profile(store, URL, name="Off")
    services.switch_off(off, by=BY)
    files = a_profile(store, "", type="csv", name="Files")
    for profile in (off, files):
        said = f"“{profile.name}” is not an active Postback profile."
        assert run("sweep_exports", "--profile", profile.pk) == (2, said)
    assert run("sweep_exports", "--now") == (0, "There is no active Postback profile.\n")


def test_one_profile_that_cannot_be_rendered_stops_no_other(store: Store) -> None:
    broken, whole = a_store("Nowhere"), a_profile(store, URL, name="Whole")
    a_profile(broken, URL, name="Broken")
    a_sale(broken)
    a_sale(store)
    Location.objects.filter(name="Nowhere").update(time_zone="No/Where")
    status, out = run("sweep_exports", "--now", "--json")
    said = {row["profile"]: row for row in json.loads(out)["profiles"]}
    assert status == 1
    assert "No/Where" in said["Broken"]["error"] and said["Whole"]["error"] == ""
    assert list(Delivery.objects.values_list("target_id", flat=True)) == [whole.pk]
    status, out = run("sweep_exports", "--now")
    assert status == 1 and "ERROR ZoneInfoNotFoundError" in out


# --- dry runs ----------------------------------------------------------------------------------------


def test_a_dry_run_shows_the_requests_and_leaves_nothing(store: Store) -> None:
    rows = [field("name", "firstName"), static("n", "1")]
    a_profile(store, f"{URL}?own=1", rows, "partial", name="Partials")
    a_profile(store, f"{URL}sales", [*rows, static(*JSON)], name="Sales", delay_minutes=0)
    a_profile(store, f"{URL}later", rows, name="Later", delay_minutes=5)
    a_sale(store)
    a_partial(store)
    before = everything_stored()
    for _ in range(2):
        said = as_json("sweep_exports", "--dry-run")
        assert everything_stored() == before
    assert said["dry_run"] is True
    assert {row["profile"]: row["queued"] for row in said["profiles"]} == {
        "Partials": 1,
        "Sales": 1,
        "Later": 0,
    }
    shown = {request["profile"]: request for request in said["requests"]}
    assert shown["Partials"]["url"] == f"{URL}?own=1&name=Ada&n=1"
    assert (shown["Partials"]["method"], shown["Partials"]["body"]) == ("GET", "")
    assert (shown["Sales"]["method"], shown["Sales"]["url"]) == ("POST", f"{URL}sales")
    assert json.loads(shown["Sales"]["body"]) == {"name": "Ada", "n": "1"}
    assert shown["Sales"]["customer_type"] == "New Sale"
    assert ["Content-Type", "application/json"] in shown["Sales"]["headers"]
    as_json("sweep_exports", "--now")
    assert Delivery.objects.count() == 2  # nothing was thought to be taken already


def test_a_dry_run_of_what_cannot_be_rendered_leaves_nothing_either(store: Store) -> None:
    a_profile(store, URL)
    a_sale(store)
    Location.objects.update(time_zone="No/Where")
    before = everything_stored()
    status, out = run("sweep_exports", "--dry-run", "--json")
    assert (status, json.loads(out)["requests"]) == (1, [])
    assert everything_stored() == before


def test_a_dry_run_masks_secrets(store: Store) -> None:
    rows = [
        field("name", "firstName"),
        static("token", "hunter2", secret=True),
        static("header:X-Key", "hunter3", secret=True),
        static("header:httpMethod", "GET"),
    ]
    a_profile(store, URL, rows, name="Query")
    a_profile(store, URL, [*rows[:3], static(*JSON)], name="JSON")
    a_sale(store)
    for arguments in (("--dry-run",), ("--dry-run", "--json")):
        status, out = run("sweep_exports", *arguments)
        assert (status, "hunter" in out) == (0, False)
        assert f"token={MASK}" in out and MASK in out.partition("X-Key")[2][:20]


def test_a_dry_run_for_people(store: Store) -> None:
    a_profile(store, URL, [field("name", "firstName"), static("header:X-Key", "1")], name="Sales")
    a_sale(store)
    status, out = run("sweep_exports", "--dry-run")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, f"POST {URL}  [Sales: New Sale]")
    assert lines[1] == "  X-Key: 1" and "  name=Ada" in lines
    assert lines[-1] == "Dry run: nothing was kept, nothing is sent."


def test_the_statements_of_a_dry_run_do_not_grow_with_the_requests(
    store: Store, django_assert_max_num_queries: Any
) -> None:
    a_profile(store, URL)
    for _ in range(12):
        a_sale(store)
    with django_assert_max_num_queries(40):
        assert len(as_json("sweep_exports", "--dry-run")["requests"]) == 12


# --- texts of strangers ------------------------------------------------------------------------------


def assert_calm(out: str) -> None:
    """A terminal has nothing to obey in it but the ends of our own lines."""
    for line in out.removesuffix("\n").split("\n"):
        assert line.isprintable(), repr(line)


def test_nothing_that_strangers_wrote_reaches_the_terminal_raw(receiver: Receiver) -> None:
    receiver.answers("*", redirect("http://x/\x1b[2J\x9b31m"))
    store = a_store(first_name=HOSTILE)
    profile = a_profile(store, receiver.url(), [field("n", "firstName"), static(*JSON)], name="Sales")
    wants = Campaign.objects.create(location=store.location, name=f"Lander {HOSTILE}")
    services.add_route(profile, customer_type="decline", campaign=wants, by=BY)
    order = a_sale(store)
    declined = lifecycle.decline(a_partial(store, store.cream), by=BY)
    ExportProfile.objects.update(name=f"Sales {HOSTILE}")  # no form lets it in
    status, out = run("sweep_exports", "--dry-run")
    assert status == 0 and "\\x1b[2J" in out
    assert_calm(out)
    sweep_all()
    carry()
    assert "\x1b" in Attempt.objects.get().detail
    for arguments in (("explain", order.pk), ("explain", declined.pk), ("sweep_exports", "--now")):
        status, out = run(*arguments)
        assert status == 0 and "Sales \\x1b[2J" in out
        assert_calm(out)
        assert out.count("\n") <= 3
        assert_calm(run(*arguments, "--json")[1])
    status, said = run("explain", HOSTILE)
    assert status == 2 and said.isprintable()


def test_names_in_any_letters_are_shown_as_they_are(store: Store) -> None:
    name = "Zoë שלום 😀👩‍👩‍👧 日本"
    a_profile(store, URL, name=name)
    a_sale(store)
    assert name in run("sweep_exports", "--now")[1]


# --- explain -----------------------------------------------------------------------------------------


def test_explain_finds_the_order_by_any_of_its_numbers(store: Store) -> None:
    a_profile(store, URL, name="Sales")
    order = a_sale(store, external_order_id="SHOP-77")
    number = order.client_order_id
    for name in (number, number.lower(), order.pk, "SHOP-77"):
        status, out = run("explain", name)
        assert (status, out.splitlines()[0]) == (0, f"Order {number} (Complete)")
        assert out.splitlines()[1].startswith("  wait Sales (New Sale): waiting: runs ")


def test_explain_as_json(store: Store) -> None:
    sales, declines = (
        a_profile(store, URL, name="Sales"),
        a_profile(store, URL, (), "decline", name="Declines"),
    )
    order = a_sale(store)
    sweep_all()
    said = as_json("explain", order.client_order_id)
    assert (said["order"], said["order_id"], said["status"]) == (order.client_order_id, order.pk, "COMPLETE")
    first, second = said["verdicts"]
    assert (first["profile_id"], first["profile"], first["customer_type"]) == (sales.pk, "Sales", "New Sale")
    assert (first["outcome"], first["delivery_id"]) == ("exported", Delivery.objects.get().pk)
    assert first["happened_at"].startswith(f"{timezone.now():%Y-%m-%d}")
    assert (second["profile_id"], second["outcome"], second["delivery_id"]) == (declines.pk, "not", "")
    assert second["happened_at"] is None and second["reason"].startswith("no route for New Sale")
    only = as_json("explain", order.pk, "--profile", declines.pk)
    assert [one["profile"] for one in only["verdicts"]] == ["Declines"]


def test_explain_where_there_is_no_profile(store: Store) -> None:
    status, out = run("explain", a_sale(store).pk)
    assert (status, out.splitlines()[1]) == (0, "  There is no export profile in its location.")


@pytest.mark.parametrize("name", ["", "NOSUCH", "999999", "-1", "9" * 40, "C0FFEE1234'--", "½", "x" * 500])
def test_explain_of_an_order_that_is_not_there(store: Store, name: str) -> None:
    a_sale(store)
    assert run("explain", "--", name) == (2, f"There is no order “{name[:60]}”.")


def test_explain_of_a_number_that_could_be_several(store: Store) -> None:
    other = a_store("Second store")
    orders = [a_sale(one, external_order_id="SHOP-77") for one in (store, other)]
    status, said = run("explain", "SHOP-77")
    assert status == 2 and said.startswith("“SHOP-77” could be several orders: ")
    assert all(order.client_order_id in said for order in orders)
    by_number = a_sale(store, external_order_id=orders[0].client_order_id)
    assert run("explain", orders[0].client_order_id)[1].startswith(f"Order {orders[0].client_order_id} ")
    assert Order.objects.filter(pk=by_number.pk).exists()


# --- as real processes -------------------------------------------------------------------------------


def test_exit_codes_of_real_processes(store: Store, processes: Processes) -> None:
    profile = a_profile(store, URL, name="Zoë שלום 😀")
    order = a_sale(store)
    swept = processes.run("sweep_exports", "--now", LC_ALL="C")
    assert (swept.returncode, swept.stderr) == (0, "")
    assert "Zoë שלום 😀" in swept.stdout
    assert Export.objects.filter(profile=profile, order=order).count() == 1
    unknown = processes.run("explain", "NOSUCH")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.strip().endswith("There is no order “NOSUCH”.")
