"""Whatever is typed as a secret is seen at the receiver, and nowhere else: no page, log, table, dump."""

import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from copy import copy
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from config import logs
from delivery import services as deliveries
from delivery import worker
from delivery.models import Attempt, Delivery, Endpoint, SigningSecret
from delivery.secrets import MASK
from exports import services, sweep
from exports.models import ExportProfile, FieldMapping, Route
from orders.models import Order
from tests.exports.partners import Store, a_sale, a_store
from tests.journeys import planted
from tests.journeys.planted import ECHOES, PLACES, SECRETS, SHOWN, Net
from tests.processes import Processes
from tests.receiver import Hang, Receiver, Request, Reset

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ("no", "redirect", "header", "yes")
# Beside the level that the product sets for all; of urllib3 it says itself that it is never asked that much.
TALKATIVE = (
    "django",
    "django.request",
    "django.db.backends",
    "django.security",
    "django-q",
    "delivery",
    "exports",
)
PASSWORD = "login-planted-123"
TOKEN = "metrics-planted-token-1234"
FIELD_KEY = base64.urlsafe_b64encode(b"field-key-planted-of-32-bytes-ok").decode()
SIGNING = f"whsec_{base64.b64encode(b'signing-planted-of-thirty-two-by').decode()}"
WRONG = ("planted\nbroken header", "planted 4111 1111 1111 1111", "planted" * 20_000)


@pytest.fixture
def net(settings: Any, tmp_path: Any) -> Iterator[Net]:
    """Hears all that is logged while it is open, at the level that tells most."""
    settings.POSTRIDER_FIELD_KEYS = [FIELD_KEY]
    settings.SECRET_KEY = f"secret-key-planted-{'x' * 50}"
    settings.POSTRIDER_METRICS_TOKEN = TOKEN
    settings.MEDIA_ROOT = str(tmp_path)
    root, log = logging.getLogger(), StringIO()
    before = (root.level, root.handlers[:])
    dictConfig(logs.configuration(form="line", level="DEBUG"))
    root.handlers[:] = [_to(log)]
    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG)
    connection.force_debug_cursor = True  # so that every statement is logged with its parameters
    net = Net()
    yield net
    connection.force_debug_cursor = False
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def _to(log: StringIO) -> logging.Handler:
    handler = logging.StreamHandler(log)
    handler.setFormatter(logs.Json())
    return handler


def logged() -> str:
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    text: str = handler.stream.getvalue()
    return text


@pytest.fixture
def staff(net: Net) -> Client:
    """May do everything but see secrets."""
    user = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(codename="view_secrets"))
    client = Client(raise_request_exception=False)
    page = client.post(reverse("admin:login"), {"username": "ann", "password": f"{PASSWORD}-wrong"})
    net.cast("login that failed", page.content.decode())
    assert client.post(reverse("admin:login"), {"username": "ann", "password": PASSWORD}).status_code == 302
    return client


# --- the journey -------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["pycurl", "requests"])
def test_seen_at_the_receiver_and_nowhere_else(
    transport: str,
    net: Net,
    staff: Client,
    receiver: Receiver,
    tls_receiver: Receiver,
    processes: Processes,
    settings: Any,
) -> None:
    settings.POSTRIDER_TRANSPORT = transport
    receiver.decides(
        lambda request: planted.answer(request) if request.path.startswith("/echo") else _FAILS[request.path]
    )
    store = a_store()
    type_all(net, staff, receiver)
    partners(store, receiver, echoes=len(ECHOES) if transport == "pycurl" else 1)
    failing_partners(store, receiver, tls_receiver)
    order = a_sale(store)
    run(net, "sweep_exports", "--dry-run")
    run(net, "sweep_exports", "--dry-run", "--json")
    sweep.run(sweep.postbacks())
    run(net, "deliver", "--dry-run")
    child = processes.run(
        "deliver",
        "--json",
        POSTRIDER_LOG_LEVEL="DEBUG",
        POSTRIDER_FIELD_KEYS=FIELD_KEY,
        POSTRIDER_TRANSPORT=transport,
    )
    net.cast("deliver, another process", child.stdout + child.stderr)
    assert not Delivery.objects.filter(attempts_made=0).exists()
    again(settings)
    for arguments in (("explain", order.client_order_id), ("dump_profiles",), ("rotate_secrets",)):
        run(net, *arguments)
        run(net, *arguments, "--json")
    look_at_everything(net, staff)
    net.cast("log", logged())
    net.cast_database()

    for place in PLACES:
        arrived = receiver.to(f"/echo/{place}/yes-0")
        assert arrived and all(came(place, request) for request in arrived), place
    assert net.caught() == []
    # The control: what is no secret is seen where it belongs, so the net was where secrets could have been.
    found = " ".join(net.finds(SHOWN))
    for where in (
        "tables",
        "dump of exports.FieldMapping",
        "dump_profiles",
        "exportprofile/",
        "sweep_exports",
    ):
        assert where in found, where
    assert len(net.finds(MASK)) > 20 and "SELECT" in net.seen["log"] and "webhook-id" in net.seen["tables"]


def type_all(net: Net, staff: Client, receiver: Receiver) -> None:
    """In the form: with something else wrong, as what cannot be stored, and rightly."""
    add = reverse("admin:exports_exportprofile_add")
    for place, value in SECRETS.items():
        sent = form(place, receiver.url(f"/echo/{place}/yes-0"))
        page = staff.post(add, {**sent, "name": ""})
        net.cast("form with a fault", page.content.decode())
        assert "errorlist" in page.content.decode()
        for wrong in WRONG if place == "header" else ():
            faulty = {name: wrong if entry == value else entry for name, entry in sent.items()}
            net.cast("form with a secret that cannot be", staff.post(add, faulty).content.decode())
        saved = staff.post(add, sent)
        assert saved.status_code == 302, saved.content.decode()
        net.cast("cookies", str(saved.cookies))
        net.cast("page after saving", staff.get(saved["Location"]).content.decode())
    stored = FieldMapping.objects.filter(is_secret=True).values_list("secret_value", flat=True)
    assert set(stored) == set(SECRETS.values())


def form(place: str, url: str) -> dict[str, Any]:
    rows = planted.rows(place)
    sent: dict[str, Any] = {
        **{"name": f"Typed {place}", "type": "postback", "url": url, "delay_minutes": 0, "cadence": "sweep"},
        **{"timeout_seconds": 20, "is_active": "on", "concurrency": 16, "success_rule": ""},
        **{"mappings-TOTAL_FORMS": len(rows), "mappings-INITIAL_FORMS": 0},
        **{"routes-TOTAL_FORMS": 1, "routes-INITIAL_FORMS": 0, "routes-0-customer_type": "new_sale"},
    }
    for number, row in enumerate(rows):
        entered = {"export_name": row.export_name, "field": row.field, "static_value": row.static_value}
        entered |= {"is_secret": "on"} if row.is_secret else {}
        sent |= {f"mappings-{number}-{name}": value for name, value in entered.items()}
    return sent


def partners(store: Store, receiver: Receiver, *, echoes: int) -> None:
    """One for each place and echo, with each kind of answer in turn; one has a signing secret of ours."""
    for turn, place in enumerate(PLACES):
        for number in range(echoes):
            kind = KINDS[(turn + number) % len(KINDS)]
            url = receiver.url(f"/echo/{place}/{kind}-{number}")
            a_partner(store, place, url, name=f"{place} {kind} {number}")
    endpoint = Endpoint.objects.order_by("pk")[0]
    SigningSecret.objects.create(endpoint=endpoint, secret=SIGNING, created_at=timezone.now())


def a_partner(store: Store, place: str, url: str, **columns: Any) -> None:
    profile = ExportProfile(location=store.location, url=url, **columns)
    routes = [Route(customer_type="new_sale")]
    services.save(profile, by="test", mappings=[copy(row) for row in planted.rows(place)], routes=routes)


_FAILS = {"/hang": Hang(), "/reset": Reset()}


def failing_partners(store: Store, receiver: Receiver, tls_receiver: Receiver) -> None:
    for place in ("query", "json", "basic"):
        a_partner(store, place, receiver.url("/hang"), name=f"{place} hangs", timeout_seconds=1)
        a_partner(store, place, receiver.url("/reset"), name=f"{place} resets")
        a_partner(store, place, tls_receiver.url("/"), name=f"{place} TLS")
        a_partner(store, place, "http://127.0.0.1:9/", name=f"{place} refused")
        rule = {"success_rule": "contains", "success_value": "all right"}
        url = receiver.url(f"/echo/{place}/yes-{list(ECHOES).index('decoded')}")
        a_partner(store, place, url, name=f"{place} says yes and means no", **rule)


def again(settings: Any) -> None:
    """Once more, in this process: to addresses that are forbidden now, with no key for it, well."""
    networks = settings.POSTRIDER_ALLOWED_NETWORKS
    settings.POSTRIDER_ALLOWED_NETWORKS = []
    assert "forbidden_address" in errors_of_another_attempt()
    settings.POSTRIDER_ALLOWED_NETWORKS = networks
    settings.POSTRIDER_FIELD_KEYS = [base64.urlsafe_b64encode(bytes(32)).decode()]
    assert "config" in errors_of_another_attempt()
    settings.POSTRIDER_FIELD_KEYS = [FIELD_KEY]
    assert "status" in errors_of_another_attempt()
    tried = set(Attempt.objects.values_list("error", flat=True))
    assert tried >= {
        "",
        "status",
        "redirect",
        "timeout",
        "reset",
        "tls",
        "refused",
        "forbidden_address",
        "success_rule",
    }


def errors_of_another_attempt() -> set[str]:
    for delivery in Delivery.objects.filter(target_name__endswith=" 0"):
        deliveries.send_again(delivery, by="admin:ann")
    worker.drain()
    return set(Delivery.objects.values_list("last_error", flat=True))


def run(net: Net, *arguments: str) -> None:
    """A command, with all that it says."""
    output, errors = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=output, stderr=errors)
    except (SystemExit, CommandError) as end:
        errors.write(str(end))
    assert output.getvalue()
    net.cast(f"manage.py {arguments[0]}", output.getvalue() + errors.getvalue())


def look_at_everything(net: Net, staff: Client) -> None:
    for path in pages():
        page = staff.get(path)
        assert page.status_code in (200, 302, 403), path
        net.cast(path, f"{page.headers} {page.content.decode()}")
    for client, headers in ((Client(), {}), (Client(), {"Authorization": f"Bearer {TOKEN}x"}), (staff, {})):
        for path in ("/metrics", "/readyz", "/healthz", "/nothing", "/admin/"):
            net.cast(path, client.get(path, headers=headers).content.decode())
    assert Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def pages() -> Iterator[str]:
    """Every list, some rows of every table with all that belongs to them, and every delivery."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        most, parts = (
            (None, ["change"]) if model is Delivery else (2, ["change", "history", "delete", "signatures"])
        )
        for pk in model._default_manager.order_by("pk").values_list("pk", flat=True)[:most]:
            for part in parts:
                with contextlib.suppress(NoReverseMatch):
                    yield reverse(f"{name}_{part}", args=[pk])
    for pk in ExportProfile.objects.values_list("pk", flat=True)[: len(PLACES)]:
        yield reverse("admin:exports_exportprofile_change", args=[pk])
    yield reverse("admin:exports_why", args=[Order.objects.values_list("pk", flat=True)[0]])


def came(place: str, request: Request) -> bool:
    """Whether the secret was in its place, to the letter."""
    where: dict[str, Callable[[], Any]] = {
        "query": lambda: dict(request.query)["token"],
        "form": lambda: dict(request.form)["token"],
        "json": lambda: json.loads(request.body)["token"],
        "header": lambda: request.header("X-Key"),
        "bearer": lambda: request.header("Authorization"),
        "basic": lambda: request.header("Authorization"),
    }
    return bool(where[place]() == SECRETS[place])


# --- the net itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", SECRETS)
@pytest.mark.parametrize("way", ECHOES)
def test_the_net_catches_a_secret_however_it_is_written(place: str, way: str) -> None:
    value = SECRETS[place]
    headers = (("Authorization" if place in ("bearer", "basic") else "X-Key", value),)
    request = Request("GET", "/", headers, b"", 0, 0)
    net = Net()
    net.cast("somewhere", ECHOES[way](request))
    assert net.caught()[0].startswith("somewhere: ")
