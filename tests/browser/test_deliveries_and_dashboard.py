"""From the dashboard's numbers to what was sent, copied, sent again, one and many, to the end."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from delivery import counts
from delivery.counts import Counted
from delivery.models import Endpoint, Replay
from exports import sweep
from exports.models import ExportProfile
from orders import lifecycle
from tests.admin.store import BY, Store, a_profile, a_store, an_order
from tests.browser.axe import violations
from tests.browser.conftest import Seen
from tests.delivery import aged
from tests.processes import Processes
from tests.receiver import Answer, Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = (
    "/admin/",
    "/admin/delivery/delivery/",
    "/admin/delivery/delivery/{delivery}/change/",
    "/admin/delivery/delivery/{delivery}/send-again/",
    "/admin/delivery/delivery/send-all-again/?state__exact=waiting",
    "/admin/delivery/replay/",
    "/admin/delivery/replay/{replay}/change/",
    "/admin/delivery/endpoint/",
    "/admin/delivery/endpoint/{endpoint}/change/",
    "/admin/delivery/event/",
    "/admin/delivery/event/{event}/change/",
)


def troubled_store() -> Store:
    """Something of each: what arrived, waits and failed, over some hours; an endpoint asleep."""
    store = a_store()
    now = timezone.now()
    endpoint = store.profile.endpoint
    for hours, state in ((1, "delivered"), (3, "failed"), (7, "waiting")):
        made = now - timedelta(hours=hours)
        error = {} if state == "delivered" else {"last_error": "dns", "last_detail": "No <b>address</b>."}
        late = {"is_late": True} if state == "waiting" else {}
        aged.deliveries(
            endpoint, 4, days=hours / 24, state=state, target_id=store.profile.pk, **error, **late
        )
        ended = [counts.finished("export", state, made)] * 4 if state != "waiting" else []
        counts.add([Counted("export", counts.QUEUED, 4, at=made), *ended], now=now)
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failures_in_a_row=9,
        last_error="dns",
        last_failure_at=now,
        asleep_since=now - timedelta(hours=1),
        asleep_until=now + timedelta(minutes=20),
    )
    return store


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everybody(
    live_server: LiveServer, page: Page, seen: Seen, log_in: Callable[[User], None], scheme: str
) -> None:
    """Nothing for the accessibility checker, no sideways scrolling, nothing refused by the policy."""
    store = troubled_store()
    log_in(User.objects.create_superuser("jane"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390 if scheme == "dark" else 1280, "height": 900})
    for address in PAGES:
        path = address.format(
            delivery=store.delivery.pk,
            replay=Replay.objects.latest("pk").pk,
            endpoint=store.profile.endpoint_id,
            event=store.delivery.event_id,
        )
        page.goto(f"{live_server.url}{path}")
        for fold in page.locator("main details:not([open]) > summary").all():
            if fold.is_visible():
                fold.click()
        assert violations(page) == [], path
        width = page.viewport_size["width"] if page.viewport_size else 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert not seen.complaints


def test_from_the_numbers_to_what_was_sent_and_sent_again(
    live_server: LiveServer,
    page: Page,
    seen: Seen,
    log_in: Callable[[User], None],
    receiver: Receiver,
    processes: Processes,
    tmp_path: Path,
) -> None:
    store = a_store()
    partner = a_profile(store.location, "Sales partner", "new_sale")
    ExportProfile.objects.filter(pk=partner.pk).update(url=receiver.url("/hook"))
    receiver.answers("/hook", Answer(503, delay=0.05))  # so that there are times to draw
    for _ in range(3):
        lifecycle.complete_sale(an_order(store.location, store.customer, store.product), by=BY)
    sweep.run([partner])
    deliver = {"POSTRIDER_ALLOWED_NETWORKS": "127.0.0.0/8"}
    processes.run("deliver", **deliver)
    log_in(User.objects.create_superuser("jane"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    # From the number to the list, and to one of them.
    page.goto(f"{live_server.url}/admin/")
    expect(page.locator("#n-waiting strong")).to_have_text("4")
    expect(page.locator("#dashboard")).to_contain_text("503 Service Unavailable")
    page.locator("#n-waiting").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(4)
    page.locator("#result_list tbody a").first.click()
    expect(page.locator(".headline")).to_contain_text("failed to export to export profile 'Sales partner'")
    expect(page.locator(".timing rect").first).to_be_attached()

    # The copied command sends the same.
    page.get_by_text("As a curl command").click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    before, sent = len(receiver.requests), receiver.requests[0]
    text = page.evaluate("navigator.clipboard.readText()")
    subprocess.run(["sh"], input=text.encode(), cwd=tmp_path, check=True, capture_output=True, timeout=20)
    copied = receiver.requests[before]
    assert (copied.method, copied.path) == (sent.method, sent.path)
    assert [name for name, _ in copied.query] == [name for name, _ in sent.query]

    # One again, after the question.
    receiver.answers("/hook", 200)
    page.get_by_role("link", name="Send again…").click()
    page.get_by_role("dialog").get_by_role("button", name="No, leave it").click()
    page.get_by_role("link", name="Send again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.locator(".messagelist")).to_contain_text("It goes out again now")
    processes.run("deliver", **deliver)
    page.reload()
    expect(page.locator(".what-became .badge")).to_have_text("Delivered")
    expect(page.locator("details.attempt").first).to_contain_text("asked for by admin:jane")

    # Many, with the worker of the product.
    count = len(receiver.requests)
    page.goto(f"{live_server.url}/admin/delivery/delivery/?endpoint={partner.endpoint_id}")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Send again…")
    page.get_by_role("button", name="Go", exact=False).first.click()
    expect(page.locator(".headline")).to_contain_text("Send 3 deliveries again?")
    page.get_by_role("button", name="Send 3 again").click()
    expect(page.locator("#progress")).to_contain_text("Under way")
    processes.start("qcluster", **deliver)
    expect(page.locator("#progress .badge")).to_have_text("Done", timeout=60_000)
    expect(page.locator("#progress")).to_contain_text("3 of 3 asked for")
    page.wait_for_function("() => !document.querySelector('#progress[hx-get]')")
    receiver.wait_for(count + 3)
    assert not seen.complaints


def test_the_dashboard_renews_itself_and_keeps_the_focus(
    live_server: LiveServer, page: Page, seen: Seen, log_in: Callable[[User], None]
) -> None:
    troubled_store()
    log_in(User.objects.create_superuser("jane"))
    page.clock.install()
    page.goto(f"{live_server.url}/admin/")
    page.get_by_text("The same as a table").click()
    page.locator("#n-failed").focus()
    before = page.locator(".renewed").text_content() or ""
    counts.add([Counted("export", counts.QUEUED, 5)], now=timezone.now())
    with page.expect_response("**/admin/dashboard/"):
        page.clock.run_for(21_000)
    expect(page.locator("#n-waiting strong")).not_to_have_text("4")
    expect(page.locator("#n-failed")).to_be_focused()
    expect(page.locator("#as-table")).to_have_attribute("open", "")
    assert before.startswith("As of")
    assert not seen.complaints
