"""/healthz, /readyz and /metrics: what they say, to whom, and what they cost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Schedule
from django_q.scheduler import scheduler
from prometheus_client.parser import text_string_to_metric_families

from delivery import counts
from delivery.counts import Counted
from delivery.models import Endpoint
from tests.processes import ROOT, Processes

PATHS = ("/healthz", "/readyz", "/metrics")
TOKEN = "a-token-of-more-than-20-characters"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def tick(db: None) -> Schedule:
    """As a cluster that is alive leaves it."""
    Schedule.objects.filter(name="postrider-tick").delete()
    return Schedule.objects.create(name="postrider-tick", func="x", repeats=-1, next_run=timezone.now())


def an_endpoint(**columns: Any) -> Endpoint:
    return Endpoint.objects.create(channel="export", name="Partner", **columns)


def scraped(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What /metrics says, read by the library that reads such texts."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def one(samples: dict[Any, float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


# --- alive -------------------------------------------------------------------------------------------


def test_alive_without_a_look_at_the_database(client: Client) -> None:
    """Without the mark that opens it to tests, a look at the database would be an error."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"ok", "text/plain")
    assert client.head("/healthz").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_they_are_only_read(path: str, client: Client) -> None:
    assert client.post(path).status_code == 405
    assert client.delete(path).status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_nobody_keeps_what_they_say(path: str, client: Client, tick: Schedule) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]


# --- how they are reached ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fd00::1]:8000", "postrider-web-7f9c", "bad host/"])
def test_a_probe_calls_the_machine_by_any_name_and_without_encryption(
    path: str, host: str, client: Client, tick: Schedule, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["crm.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/admin/login/", "/healthz/", "/healthz/x", "/metrics2", "//healthz", "/"])
def test_nothing_else_is_open_to_any_host(path: str, client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["crm.example.com"]
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/admin/login/", "/healthz/x", "/metricsx"])
def test_nothing_else_goes_without_encryption(path: str, client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path).status_code == 301


# --- ready -------------------------------------------------------------------------------------------


def faults(client: Client) -> dict[str, str]:
    """By check, what is wrong and what to do, in one text."""
    answer = client.get("/readyz")
    said = answer.json()
    assert answer.status_code == (503 if said["faults"] else 200)
    assert said["is_ready"] is (not said["faults"])
    return {fault["check"]: f"{fault['fault']} {fault['do']}" for fault in said["faults"]}


def test_ready(client: Client, tick: Schedule) -> None:
    an_endpoint(ready_at=timezone.now() - MINUTE)
    assert faults(client) == {}


def test_no_worker_for_minutes(client: Client, tick: Schedule) -> None:
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=80))
    assert faults(client) == {}  # it may be about to look
    Schedule.objects.update(next_run=timezone.now() - 7 * MINUTE)
    (said,) = faults(client).values()
    assert "No worker has been alive for 7 minutes" in said and "manage.py qcluster" in said
    Schedule.objects.update(next_run=timezone.now() - timedelta(days=2))
    assert "48 hours" in faults(client)["workers"]


@pytest.mark.django_db(transaction=True)  # the cluster's code closes the connection
def test_a_cluster_that_looks_at_the_schedule_is_alive(client: Client, tick: Schedule) -> None:
    """What every cluster does twice a minute, by its own code."""
    Schedule.objects.update(schedule_type="C", cron="* * * * *", next_run=timezone.now() - 7 * MINUTE)
    assert set(faults(client)) == {"workers"}
    scheduler()
    assert faults(client) == {}


def test_no_tick_at_all(client: Client, tick: Schedule) -> None:
    Schedule.objects.update(repeats=0)
    assert "“postrider-tick” is missing" in faults(client)["workers"]
    Schedule.objects.all().delete()
    assert "manage.py migrate config zero" in faults(client)["workers"]


def test_workers_that_do_not_keep_up(client: Client, tick: Schedule) -> None:
    an_endpoint(ready_at=timezone.now() - 11 * MINUTE)
    assert "due for 11 minutes" in faults(client)["queue"]
    Endpoint.objects.update(is_held=True)
    assert faults(client) == {}
    Endpoint.objects.update(is_held=False, ready_at=timezone.now() + MINUTE)
    assert faults(client) == {}


def test_several_faults_are_told_at_once(client: Client, tick: Schedule) -> None:
    Schedule.objects.update(next_run=timezone.now() - 7 * MINUTE)
    an_endpoint(ready_at=timezone.now() - 11 * MINUTE)
    assert set(faults(client)) == {"workers", "queue"}


def test_tables_of_another_version(client: Client, tick: Schedule) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="delivery").order_by("-name")[0]
    newest.delete()
    assert faults(client) == {
        "migrations": f"The tables are of another version: not migrated to delivery.{newest.name}. "
        "Run `manage.py migrate`."
    }


def test_ready_costs_little(client: Client, tick: Schedule) -> None:
    with CaptureQueriesContext(connection) as statements:
        client.get("/readyz")
    assert len(statements) <= 4


ASK = """
import json
from django.test import Client
client = Client(raise_request_exception=False)
for path in ("/healthz", "/readyz", "/metrics", "/admin/"):
    answer = client.get(path, headers={"Cookie": "sessionid=" + 32 * "a"})
    print(json.dumps([path, answer.status_code, answer.content.decode()]))
"""


def test_without_a_database(processes: Processes) -> None:
    """In a process of its own, whose database is not there: said in words, nothing of the address."""
    address = "postgres://somebody:hunter2@127.0.0.1:9/elsewhere"
    done = processes.run(
        "shell", "--no-imports", "-c", ASK, DATABASE_URL=address, POSTRIDER_ALLOWED_HOSTS="testserver"
    )
    lines = dict(re.findall(r'^\["([^"]+)", (.*)\]$', done.stdout, re.MULTILINE))
    assert lines["/healthz"] == '200, "ok"', done.stderr
    assert lines["/readyz"].startswith("503, ") and "The database does not answer." in lines["/readyz"]
    assert lines["/metrics"].startswith("503, ") and "The database does not answer" in lines["/metrics"]
    assert lines["/admin/"].startswith("500, ")
    for word in ("Traceback", "hunter2", "somebody", "elsewhere", "psycopg", "SECRET"):
        assert word not in done.stdout, word
    assert "hunter2" not in done.stderr


# --- metrics: for whom -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "is_production", "given", "status"),
    [
        ("", False, "", 200),
        ("", True, "", 401),
        ("", True, "Bearer ", 401),
        ("", True, "Bearer", 401),
        (TOKEN, False, "", 401),
        (TOKEN, True, "", 401),
        (TOKEN, True, f"Bearer {TOKEN}", 200),
        (TOKEN, True, f"bearer{TOKEN}", 401),
        (TOKEN, True, f"Bearer {TOKEN}x", 401),
        (TOKEN, True, f"Bearer {TOKEN[:-1]}", 401),
        (TOKEN, True, f"Basic {TOKEN}", 401),
        (TOKEN, True, "Bearer \udcff\x00é", 401),
    ],
)
def test_who_may_see_metrics(
    token: str, is_production: bool, given: str, status: int, client: Client, settings: Any, tick: Schedule
) -> None:
    settings.POSTRIDER_METRICS_TOKEN, settings.PRODUCTION = token, is_production
    answer = client.get("/metrics", HTTP_AUTHORIZATION=given)
    assert answer.status_code == status
    if status == 401:
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert "POSTRIDER_METRICS_TOKEN" in answer.content.decode() and TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    ("columns", "status"),
    [({"is_staff": True}, 200), ({"is_staff": False}, 401), ({"is_staff": True, "is_active": False}, 401)],
)
def test_staff_may_see_metrics(columns: dict[str, bool], status: int, settings: Any, tick: Schedule) -> None:
    settings.POSTRIDER_METRICS_TOKEN, settings.PRODUCTION = TOKEN, True
    client = Client()
    client.force_login(User.objects.create_user("jane"))
    User.objects.update(**columns)
    assert client.get("/metrics").status_code == status


# --- metrics: what -----------------------------------------------------------------------------------


def test_every_series_is_there_before_anything_happened(client: Client, tick: Schedule) -> None:
    """A rate needs the 0 before the 1."""
    samples = scraped(client)
    assert one(samples, "postrider_deliveries_queued_total", channel="export") == 0
    assert one(samples, "postrider_deliveries_finished_total", channel="export", state="failed") == 0
    assert one(samples, "postrider_attempts_total", channel="export", outcome="timeout") == 0
    assert one(samples, "postrider_first_attempt_lag_seconds_count", channel="export") == 0
    assert one(samples, "postrider_oldest_due_seconds") == 0
    assert one(samples, "postrider_sweep_runs_total") == 0


def test_what_was_counted(client: Client, tick: Schedule) -> None:
    now = timezone.now()
    counts.add(
        [
            *(
                Counted("export", "queued", 10),
                Counted("export", "delivered", 6),
                Counted("export", "failed"),
            ),
            *(counts.attempt("export", "", 0.5), counts.attempt("export", "timeout", 20)),
            counts.attempt("export", "a_new_word", 1),
            *(counts.lag("export", seconds) for seconds in (0.05, 0.5, 0.7, 1000, 9999)),
            *(Counted("export", "sweep", 2, 3.5), Counted("export", "sweep.queued", 10)),
            Counted('odd"\n\\', "queued", 1),
        ],
        now=now,
    )
    counts.add([Counted("export", "queued", 5)], now=now - timedelta(days=3))
    samples = scraped(client)
    assert one(samples, "postrider_deliveries_queued_total", channel="export") == 15
    assert one(samples, "postrider_deliveries_queued_total", channel='odd"\n\\') == 1
    assert one(samples, "postrider_deliveries_finished_total", channel="export", state="delivered") == 6
    assert one(samples, "postrider_deliveries_waiting", channel="export") == 8
    assert one(samples, "postrider_attempts_total", channel="export", outcome="ok") == 1
    assert one(samples, "postrider_attempts_seconds_total", channel="export", outcome="timeout") == 20
    assert one(samples, "postrider_attempts_total", channel="export", outcome="a_new_word") == 1
    lag = "postrider_first_attempt_lag_seconds"
    for limit, number in (("0.1", 1), ("1.0", 3), ("900.0", 3), ("1800.0", 4), ("3600.0", 4), ("+Inf", 5)):
        assert one(samples, f"{lag}_bucket", channel="export", le=limit) == number, limit
    assert one(samples, f"{lag}_count", channel="export") == 5
    assert one(samples, f"{lag}_sum", channel="export") == pytest.approx(11000.25)
    assert one(samples, "postrider_sweep_runs_total") == 2
    assert one(samples, "postrider_sweep_seconds_total") == 3.5
    assert one(samples, "postrider_sweep_queued_total") == 10


def test_how_endpoints_and_workers_are(client: Client, tick: Schedule) -> None:
    now = timezone.now()
    Schedule.objects.update(next_run=now - MINUTE)
    an_endpoint(ready_at=now - 2 * MINUTE)
    an_endpoint(failures_in_a_row=3, ready_at=now + MINUTE)
    an_endpoint(failures_in_a_row=9, asleep_until=now + MINUTE)
    an_endpoint(asleep_until=now + MINUTE)
    an_endpoint(asleep_until=now + MINUTE, is_held=True, ready_at=now - 99 * MINUTE)
    samples = scraped(client)
    health = {
        state: one(samples, "postrider_endpoints", health=state)
        for state in ("good", "failing", "asleep", "held")
    }
    assert health == {"good": 1, "failing": 1, "asleep": 2, "held": 1}
    assert 120 <= one(samples, "postrider_oldest_due_seconds") < 180
    assert 60 <= one(samples, "postrider_tick_overdue_seconds") < 120


def test_every_metric_is_explained_and_named_as_prometheus_wants_it(client: Client, tick: Schedule) -> None:
    text = client.get("/metrics").content.decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) >= 12
    for family in families:
        assert family.name.startswith("postrider_") and family.documentation.endswith("."), family.name
        assert all(sample.name.endswith("_total") for sample in family.samples if family.type == "counter")
    assert len(text) < 20_000


def test_every_number_of_the_documents_is_there(client: Client, tick: Schedule) -> None:
    told = set(re.findall(r"\bpostrider_[a-z_]+", (ROOT / "docs" / "operations.md").read_text()))
    text = client.get("/metrics").content.decode()
    assert len(told) > 10 and not {name for name in told if f"# HELP {name} " not in text}


@contextmanager
def refusing(*tables: str) -> Iterator[None]:
    """No statement may so much as name one of these tables."""

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        assert not any(re.search(rf"\b{table}\b", sql) for table in tables), sql
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        yield


def test_the_rule_sees(db: None) -> None:
    with refusing("delivery_delivery"), pytest.raises(AssertionError, match="SELECT"):
        Endpoint.objects.filter(deliveries__state="waiting").exists()
    with refusing("delivery_delivery"):
        Endpoint.objects.exists()


def test_no_number_comes_from_the_deliveries(admin_client: Client, tick: Schedule, settings: Any) -> None:
    """However many there are, metrics cost the same: staff pay two statements for being known."""
    settings.POSTRIDER_METRICS_TOKEN = TOKEN
    endpoint = an_endpoint(ready_at=timezone.now() - MINUTE)
    counts.add([Counted("export", "queued", 10)], now=timezone.now())
    for path in ("/metrics", "/readyz"):
        with refusing("delivery_delivery", "delivery_attempt", "delivery_event"):
            assert admin_client.get(path).status_code == 200, path
    with CaptureQueriesContext(connection) as statements:
        assert admin_client.get("/metrics").status_code == 200
    assert len(statements) <= 6
    with CaptureQueriesContext(connection) as statements:
        Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert len(statements) == 3
    assert endpoint.deliveries.count() == 0


# --- what goes wrong ---------------------------------------------------------------------------------


def test_an_error_of_ours_tells_nothing(
    client: Client, tick: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any view would: the page says that it is one, the log says which."""

    def fails(now: datetime) -> bytes:
        raise RuntimeError("secret-of-the-error")

    client.raise_request_exception = False
    monkeypatch.setattr("config.metrics.text", fails)
    answer = client.get("/metrics")
    assert answer.status_code == 500
    for word in ("secret-of-the-error", "Traceback", "RuntimeError", "settings"):
        assert word not in answer.content.decode()


@pytest.mark.parametrize(
    "path", ["/metrics/", "/readyz/x", "/nothing", "/healthz.json", "/%00", "/admin/x%0d%0ay"]
)
def test_what_is_not_there_is_told_in_a_word(path: str, client: Client, db: None) -> None:
    answer = client.get(path, follow=False)
    assert answer.status_code in (404, 302)
    for word in ("Traceback", "urlpatterns", "config.urls", "DEBUG"):
        assert word not in answer.content.decode()


def test_no_request_is_trusted_for_being_a_probe() -> None:
    from config.operations import HostChecked

    request = HttpRequest()
    request.path_info = "/admin/"
    request.META = {"HTTP_HOST": "evil.example"}
    with pytest.raises(Exception, match="Invalid HTTP_HOST"):
        HostChecked(lambda _: None).process_request(request)  # type: ignore[arg-type,return-value]
