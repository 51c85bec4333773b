"""A person whose data came in by every door is erased, and found nowhere: no table, file, page or answer.

Counts, sums and proofs are what they were.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as configuration
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import erasing
from customers.history import numbers
from customers.models import Customer
from delivery import counts, worker
from delivery import services as deliveries
from delivery.models import Attempt, Delivery, Event, Proof
from demo.models import ReceivedRequest
from exports import again, trials
from exports.examples import example
from exports.models import Export, ExportProfile
from orders import lifecycle
from orders.models import Order, StoredPaymentMethod, Transaction
from postbacks import taking
from postbacks.models import Postback
from tests.api.clients import Integrator, an_integrator
from tests.exports.partners import Store, a_profile, a_store, everything_stored, field, static, sweep_all
from tests.postbacks.listeners import a_config, a_gateway, due_now, said
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

MARK = "quibblesworth"
PHONE = "5550198237"
NET = re.compile(rf"{MARK}|{PHONE}|zaphodina", re.IGNORECASE)
EMAIL = f"Zaphodina@{MARK}.example"
KEY = {"Idempotency-Key": f"contact-{EMAIL}"}
PERSON = {
    **{"first_name": "Zaphodina", "last_name": MARK.title(), "company_name": f"{MARK} & Co", "email": EMAIL},
    **{"address": f"1 {MARK} Road", "city": f"{MARK}ville", "state": "TX", "zip": "78701"},
    **{"cell_phone": PHONE, "office_ext_phone": "77", "contact_c1": f"c1 {MARK}", "header_message": MARK},
    **{"date_of_birth": "1911-11-29", "contact_balance": "77.12", "account_number": f"A {MARK}"},
}
FIELDS = ("emailAddress", "firstName", "lastName", "phoneNumber", "address1", "ipAddress", "clientOrderId")
CSV = (
    "order_id,created_at,sold_at,sku,product,quantity,price,first_name,last_name,email,phone,address1,ship_address1,"
    "agent_note,custom1,user_agent,card_type,card_last4,payment_amount"
)
# Where the person is found before: whatever the erasers say that they empty, and files' names aside.
EVERYWHERE = {
    *("customers_customer", "orders_order", "orders_orderitem", "orders_transaction", "orders_subscription"),
    *("orders_fulfillment", "orders_storedpaymentmethod", "delivery_event", "delivery_delivery"),
    *("delivery_attempt", "rest_rememberedanswer", "django_admin_log", "exports_exportprofile"),
    "demo_receivedrequest",
}


def found() -> set[str]:
    """The tables where anything of the person is found; months of a table count as the table."""
    tables = {line.partition(":")[0] for line in everything_stored().splitlines() if NET.search(line)}
    for task in apps.get_model("django_q", "Task").objects.values():
        tables |= {"django_q_task"} if NET.search(repr(task)) else set()
    return {re.sub(r"_(rest|hot|first|\d{4}_\d\d)$", "", name) for name in tables}


def files() -> list[str]:
    """Files of the data folder that hold anything of the person; the database is looked at as tables."""
    folder = Path(configuration.DATA_DIR)
    inside = [path for path in folder.rglob("*") if path.is_file() and ".sqlite3" not in path.name]
    return [str(path) for path in inside if NET.search(path.read_bytes().decode(errors="replace"))]


def echo(request: Request) -> Answer:
    """Partners who do not take it, and repeat all that they were told."""
    if not request.path.startswith("/echo"):
        return Answer()
    told = f"{request.target} {request.body.decode()}"
    return Answer(422, told.encode(), (("X-Told", f"no {MARK}"),))


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def integrator(store: Store) -> Integrator:
    return an_integrator(store.location, name="shop")


@pytest.fixture
def person(
    store: Store, integrator: Integrator, receiver: Receiver, tmp_path: Path, admin_client: Client
) -> Customer:
    """Taken in by every door, told to every partner."""
    receiver.decides(echo)
    partners(store, receiver)
    customer = by_api(store, integrator)
    by_admin(customer, admin_client)
    order = by_file(tmp_path)
    assert {one.customer_id for one in Order.objects.all()} == {customer.pk}
    later(order, customer)
    for _ in range(2):
        taking.run()
        sweep_all()
        worker.drain()
    kept_besides(store, order, customer)
    return customer


def partners(store: Store, receiver: Receiver) -> None:
    rows = [field(name, name) for name in FIELDS]
    json = static("header:Content-Type", "application/json")
    for types in (("new_sale", "partial", "full_refunds", "all_refunds"),):
        a_profile(store, receiver.url("/get?list=1"), rows, *types, name="By GET")
        a_profile(store, receiver.url("/post"), [*rows, json], *types, name="By POST")
        a_profile(store, receiver.url("/echo/get"), rows, *types, name="Echo by GET")
        a_profile(store, receiver.url("/echo/post"), [*rows, json], *types, name="Echo by POST")
    gateway = a_gateway(store.location)
    for resource, expands in {"contact": "changelogs", "order": "contact", "transaction": "contact"}.items():
        more = {"gateway": gateway} if resource == "transaction" else {}
        a_config(store.location, receiver.url(f"/told/{resource}"), resource, expands=expands, **more)
    a_config(store.location, receiver.url("/echo/told"), "contact", number_of_attempts=5)


def by_api(store: Store, integrator: Integrator) -> Customer:
    body = {**PERSON, "location_id": store.location.public_id, "contact_api_id": "crm-88172"}
    made = integrator.post("contacts", {"contact": body}, **KEY)
    assert made.status == 201, made.body
    order = {
        "location_id": store.location.public_id,
        "contact": {"email": EMAIL, "last_name": MARK},
        **{"email": EMAIL, "first_name": "Zaphodina", "phone": PHONE, "ip_address": "203.0.113.77"},
        **{"ship_address1": f"2 {MARK} Road", "user_agent": MARK, "http_referer": f"https://x/?e={EMAIL}"},
        **{"attribution": {"affId": MARK}, "custom_fields": {MARK: MARK}, "coupon_code": f"{MARK}10"},
        "items": [{"sku": "CL", "price": "20.00", "name": f"Club of {MARK}"}],
        "status": "COMPLETE",
        "payments": [{"card_type": "VISA", "card_last4": "8642", "card_bin": "486291", "amount": "20.00"}],
    }
    for key in (KEY["Idempotency-Key"] + "-order", "another"):
        answer = integrator.post(
            "orders", {"order": {**order, "agent_note": key}}, **{"Idempotency-Key": key}
        )
        assert answer.status == 201, answer.body
    partial = {**order, "status": "PARTIAL"}
    del partial["payments"]
    assert integrator.post("orders", {"order": partial}).status == 201
    return Customer.objects.get(public_id=made.body["contact"]["id"])


def by_admin(customer: Customer, client: Client) -> None:
    url = reverse("admin:customers_customer_change", args=[customer.pk])
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in values.items() if value is not None and value is not False}
    sent |= {"custom_fields": f'{{"pet": "{MARK}"}}', "city": f"New {MARK}"}
    assert client.post(url, sent).status_code == 302
    client.post(reverse("admin:customers_customer_note", args=[customer.pk]), {"text": f"Rang {MARK} up."})
    assert LogEntry.objects.filter(object_repr__icontains=MARK).exists()


def by_file(folder: Path) -> Order:
    at = f"{timezone.now() - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}+00:00"
    who = ("Zaphodina", MARK, EMAIL, PHONE, f"1 {MARK}", f"2 {MARK}", MARK, MARK, MARK)
    line = ",".join(["W-1", at, at, "C-1", "Cream", "1", "30", *who, "VISA", "8642", "30"])
    path = folder / "orders.csv"
    path.write_text(f"{CSV}\n{line}\n")
    call_command("import_orders", str(path), "--preset", "postrider", verbosity=0)
    return Order.objects.get(external_order_id="W-1")


def later(order: Order, customer: Customer) -> None:
    """What staff type about orders."""
    lifecycle.ship(order, by="admin:jane", tracking_number=f"1Z-{MARK}")
    lifecycle.charge_back(order, by="admin:jane", amount="1.00", reason_code="4837", note=f"{MARK} says no")
    lifecycle.refund(order, by="admin:jane", amount="2.00", reason=f"{MARK} sent it back")
    for one in Order.objects.filter(subscriptions__isnull=False):
        subscription = one.subscriptions.get()
        lifecycle.cancel_subscription(subscription, by="admin:jane", reason=f"{MARK} has enough")
    partial = Order.objects.filter(status="PARTIAL").get()
    lifecycle.cancel_order(partial, by="admin:jane", reason=f"{MARK} changed her mind")
    StoredPaymentMethod.objects.create(
        customer=customer,
        location=customer.location,
        token=MARK,
        card_last4="8642",
        card_bin="486291",
        created_at=timezone.now(),
    )


def kept_besides(store: Store, order: Order, customer: Customer) -> None:
    """A test, the built-in receiver, errors that quote, a delivery that is pruned before its attempts."""
    trials.send_test(
        ExportProfile.objects.get(name="Echo by GET"), example(order, {"new_sale"}), by="admin:jane"
    )
    worker.drain()
    assert Delivery.objects.filter(is_test=True, attempts_made=1).exists()
    for delivery in Delivery.objects.all():
        ReceivedRequest.objects.create(name="x", method="POST", body=MARK, webhook_id=delivery.pk)
    ExportProfile.objects.filter(name="By POST").update(last_run_error=f"ValueError: {EMAIL.upper()}")
    apps.get_model("django_q", "Task").objects.create(
        **{"id": "a" * 32, "name": "tick", "func": "x", "result": f"Key (email)=({EMAIL})", "success": False},
        **{"started": timezone.now(), "stopped": timezone.now()},
    )
    from delivery.pruning import proofs

    pruned = Delivery.objects.filter(state="delivered", event__customer=customer, is_test=False)[0]
    proofs.write([pruned.pk], "delivery_delivery")
    Delivery.objects.filter(pk=pruned.pk).delete()
    Attempt.objects.bulk_create([_attempt_of(pruned.pk)])


def _attempt_of(pk: str) -> Attempt:
    return Attempt(
        delivery_id=pk,
        number=1,
        started_at=timezone.now(),
        duration_ms=1,
        method="GET",
        url=f"https://partner.example/?e={EMAIL}",
        request_headers="[]",
    )


def books() -> dict[str, Any]:
    """Every count and sum that there is, but for what was cancelled and what was queued to say goodbye."""
    money = Order.objects.order_by("pk").values_list(
        "pk", "status", "total", "paid", "refunded", "ordered_at"
    )
    return {
        "orders": list(money),
        "payments": list(Transaction.objects.order_by("pk").values_list("pk", "type", "amount", "response")),
        "taken": list(Export.objects.order_by("pk").values_list("pk", "subject_id", "delivery_id", "skip")),
        "attempts": list(Attempt.objects.order_by("pk").values_list("delivery", "number", "status", "error")),
        "totals": {key: number for key, (number, _) in counts.totals().items() if key[1] not in _MOVED},
        "hours": {
            hour: {key: number for key, (number, _) in what.items() if key[1] not in _MOVED}
            for hour, what in counts.by_hour(since=datetime(2000, 1, 1, tzinfo=UTC)).items()
        },
        "made": list(
            Delivery.objects.order_by("pk").values_list("pk", "created_at", "attempts_made", "channel")
        ),
        "posted": Postback.objects.count(),
        "events": list(Event.objects.order_by("pk").values_list("pk", "type", "occurred_at", "order")),
    }


_MOVED = ("cancelled", "queued")


def hashes() -> dict[str, str]:
    rows = Delivery.objects.filter(is_test=False).values_list("pk", "content")
    return {pk: hashlib.sha256(content.encode()).hexdigest() for pk, content in rows}


def erase_on_the_page(customer: Customer, client: Client) -> None:
    url = reverse("admin:customers_customer_erase", args=[customer.pk])
    page = client.get(url).content.decode()
    assert "There is no way back" in page and "deliveries" in page
    wrong = client.post(url, {"number": "0"})
    assert wrong.status_code == 422 and found() >= EVERYWHERE - {"delivery_attempt"}
    assert client.post(url, {"number": str(customer.pk)}).status_code == 302


def test_found_everywhere_and_then_nowhere(
    person: Customer, receiver: Receiver, admin_client: Client, store: Store, integrator: Integrator
) -> None:
    assert found() >= EVERYWHERE | {"django_q_task"}
    before, said_before, known = books(), hashes(), numbers(person)
    waiting = set(Delivery.objects.filter(state="waiting").values_list("pk", flat=True))
    assert waiting

    erase_on_the_page(person, admin_client)
    erasing.task()

    person.refresh_from_db()
    assert person.erased_at is not None and person.deleted_at is not None
    assert found() == set() and files() == []
    after = books()
    assert len(after["events"]) == len(before["events"]) + 1  # that it was deleted
    after["events"].pop()
    assert after == before
    assert set(Delivery.objects.filter(state="cancelled").values_list("pk", flat=True)) == waiting
    proven = dict(Proof.objects.filter(pk__in=said_before).values_list("pk", "content_sha256"))
    assert proven == said_before
    assert (numbers(person).exported, numbers(person).orders) == (known.exported, known.orders)

    goodbye(receiver)
    assert found() == set()
    nothing_comes_back(person, store, receiver, admin_client, integrator)


def goodbye(receiver: Receiver) -> None:
    """Partners are told that the contact is gone: by its ids, and by nothing else."""
    before = len(receiver.requests)
    taking.run()
    sweep_all()
    worker.drain()
    told = [said(request) for request in receiver.requests[before:]]
    assert {(one.type, one.resource) for one in told} == {("DELETE", "contact")} and len(told) == 2
    for one in told:
        empty = (None, 0, False, [])
        ids = {name: value for name, value in one.data.items() if value not in empty and name != "changelogs"}
        assert ids.keys() == {"id", "location_id", "contact_api_id", "created_ts", "modified_ts"}
        assert ids["contact_api_id"] == "crm-88172"


def nothing_comes_back(
    person: Customer, store: Store, receiver: Receiver, client: Client, integrator: Integrator
) -> None:
    """Neither by what waits, nor by repeats, nor by what staff ask for. The same e-mail is somebody new."""
    delivery = Delivery.objects.filter(event__customer=person, content="", channel="export")[0]
    with pytest.raises(deliveries.NotNow, match="erased"):
        deliveries.send_again(delivery, by="admin:jane")
    with pytest.raises(again.Refused, match="its customer was erased"):
        again.anew(delivery)
    call_command("redeliver", "--all", "--yes", "--json")
    due_now()
    sent = len(receiver.requests)
    worker.drain()
    assert all(one.path == "/echo/told" for one in receiver.requests[sent:])  # who did not take the goodbye
    assert integrator.get(f"contacts/{person.public_id}").status == 409
    for order in Order.objects.filter(customer=person):
        changed = integrator.put(f"orders/{order.client_order_id}", {"order": {"email": EMAIL}})
        assert changed.status == 422, changed.body
    pages(person, client)
    assert found() == set()
    body = {"contact": {**PERSON, "location_id": store.location.public_id, "contact_api_id": "crm-88172"}}
    assert integrator.post("contacts", body, **KEY).status == 409  # the same call once more
    new = integrator.post("contacts", body)
    assert new.status == 201 and new.body["contact"]["id"] != person.public_id


def pages(person: Customer, client: Client) -> None:
    urls = [reverse("admin:customers_customer_change", args=[person.pk])]
    urls += [reverse("admin:orders_order_change", args=[one.pk]) for one in Order.objects.all()]
    urls += [reverse("admin:delivery_delivery_change", args=[one.pk]) for one in Delivery.objects.all()]
    urls += [reverse("admin:delivery_event_change", args=[one.pk]) for one in Event.objects.all()]
    lists = ("customers_customer", "orders_order", "delivery_delivery", "delivery_event", "audit_change")
    urls += [reverse(f"admin:{name}_changelist") for name in lists]
    urls += [reverse("admin:dashboard"), reverse("admin:index")]
    for url in urls:
        page = client.get(url)
        assert page.status_code == 200 and not NET.search(page.content.decode()), url
    assert "erased on" in client.get(reverse("admin:customers_customer_changelist")).content.decode()
    for term in (EMAIL, PHONE, "crm-88172"):
        result = client.get(reverse("admin:search"), {"q": term})
        assert result.status_code == 200 and f"/customer/{person.pk}/" not in result.content.decode()
