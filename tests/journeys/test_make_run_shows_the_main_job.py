"""`make run` shows the main job: an order happens, a partner is told, the customer's history shows it."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.request import OpenerDirector

import pytest

from tests.journeys.make_run import Run, a_run, logged_in

# What a user would do, said in Python: one order left incomplete, one sold and partly refunded.
DO = """
import json
from decimal import Decimal
from customers import services
from customers.models import Location
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Product

here = Location.objects.get()
line = Line(Product.objects.get(is_recurring=True), Decimal("49.90"))
ana = services.create(here, by="test", first_name="Ana", email="ana@example.com")
rui = services.create(here, by="test", first_name="Rui", email="rui@example.com")
left = lifecycle.create_partial(by="test", location=here, customer=ana, lines=[line])
sold = lifecycle.create_partial(by="test", location=here, customer=rui, lines=[line])
lifecycle.complete_sale(sold, by="test", payments=[Payment(card_type="VISA", card_last4="1111")])
lifecycle.refund(sold, by="test", amount="10.00", reason="Late")
print(json.dumps([[order.client_order_id, order.customer_id] for order in (left, sold)]))
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with a_run(tmp_path) as fresh:
        yield fresh


def test_make_run_shows_the_main_job(run):
    process = run.ready()
    assert "made of 319 real orders" in process.output
    assert "127.0.0.0/8 is allowed" in process.output
    assert "run every minute here" in process.output
    (left, ana), (sold, rui) = json.loads(run.manage("shell", "-c", DO).stdout.splitlines()[-1])

    run.manage("sweep_exports", "--now")  # instead of waiting for the minute
    run.manage("deliver")

    browser = logged_in(run)
    partial = _arrival(run, browser, "call-centre", left)
    assert all(text in partial for text in (">GET<", "Ana", "ana@example.com", "400", "(Partial)"))
    sale = _arrival(run, browser, "fulfilment", sold)
    assert all(text in sale for text in (">POST<", "application/json", "49.90", "Coffee club", "(New Sale)"))
    refund = _arrival(run, browser, "accountant", sold)
    assert all(
        text in refund
        for text in (">POST<", "x-www-form-urlencoded", "Late", "10.00", "39.90", "(All refunds)")
    )
    for page, sentence in (
        (_customer(run, browser, ana), f"Order {left} exported to 'Call centre partials' (Partial)"),
        (_customer(run, browser, rui), f"Order {sold} exported to 'Sales to fulfilment' (New Sale)"),
        (_customer(run, browser, rui), f"Order {sold} exported to 'Refunds to the accountant' (All refunds)"),
    ):
        assert sentence in page
    assert sold not in _page(run, browser, "/receiver/?name=call-centre"), "it was no partial any more"
    link = re.search(r'href="(/admin/delivery/delivery/[^"]+)"', partial)
    assert link
    assert f"http://127.0.0.1:{run.port}/receiver/call-centre/?first_name=Ana" in _page(run, browser, link[1])
    process.interrupt()
    assert process.wait(40) == 0
    assert "ERROR" not in process.output, process.output
    run.assert_nothing_is_left()


def _arrival(run: Run, browser: OpenerDirector, name: str, order: str) -> str:
    """The one request of this order that this receiver got, as the page shows it."""
    page = _page(run, browser, f"/receiver/?name={name}")
    found = [one for one in re.findall(r"<article.*?</article>", page, re.DOTALL) if f"order {order}" in one]
    assert len(found) == 1, f"{len(found)} requests for order {order} at {name}"
    return found[0]


def _customer(run: Run, browser: OpenerDirector, pk: int) -> str:
    return _page(run, browser, f"/admin/customers/customer/{pk}/change/")


def _page(run: Run, browser: OpenerDirector, path: str) -> str:
    with browser.open(run.address(path), timeout=20) as page:
        return unescape(page.read().decode())
