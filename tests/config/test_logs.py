"""Logs: a line or an object for each record, with what it is about, and nothing that nobody meant to tell."""

import json
import logging
import os
import subprocess
import sys
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest
from django.test import Client, RequestFactory

from config import logs
from tests.processes import ROOT

FORMS = list(logs.FORMATTERS)
HOSTILE = "a\nERROR fake: b\r\x1b[31m\u202e\x00\u2028"


def written(form: str, message: str, *args: object, **more: Any) -> str:
    """What one record becomes."""
    output = StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logs.FORMATTERS[form]())
    logger = logging.Logger("delivery.worker")
    logger.addHandler(handler)
    logger.warning(message, *args, **more)
    return output.getvalue()


def test_a_line_says_what_it_is_about() -> None:
    about = {"delivery": "5f0c", "endpoint": 7, "attempt": 2, "error": "timeout", "duration_ms": 20000}
    line = written("line", "Tried %s.", "it", extra={**about, "status": None, "request": "whole"})
    assert line.endswith(
        "WARNING delivery.worker: Tried it. delivery=5f0c endpoint=7 attempt=2 error=timeout "
        "duration_ms=20000\n"
    )


def test_json_says_the_same() -> None:
    about = {"delivery": "5f0c", "endpoint": 7, "attempt": 2, "status": 200, "duration_ms": 0}
    record = json.loads(
        written("json", "Tried %s.", "it", extra={**about, "error": None, "request": "whole"})
    )
    assert record.pop("timestamp").endswith("+00:00")
    assert record == {"level": "WARNING", "logger": "delivery.worker", "message": "Tried it.", **about}


@pytest.mark.parametrize("form", FORMS)
def test_what_strangers_wrote_makes_no_line_of_its_own(form: str) -> None:
    text = written(form, "Refused: %s", HOSTILE, extra={"error": HOSTILE})
    assert text.count("\n") == 1
    assert text.isascii() and text.rstrip("\n").isprintable()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_text_at_all_is_written_too(form: str) -> None:
    text = written(form, "Half a letter: %s", "\udc80", extra={"error": object(), "delivery": b"x"})
    assert text.count("\n") == 1 and "Half a letter" in text


@pytest.mark.parametrize("form", FORMS)
def test_the_trace_of_an_error_is_there(form: str) -> None:
    try:
        raise RuntimeError("\x1b[31mwhy")
    except RuntimeError:
        text = written(form, "Stumbled.", exc_info=True)
    if form == "json":
        assert "RuntimeError: \x1b[31mwhy" in json.loads(text)["exc_info"]
        assert text.count("\n") == 1
    else:
        assert text.splitlines()[-1] == "RuntimeError: \\x1b[31mwhy"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "address",
    [
        "/v2/token/s3cret",
        "/v2/token/s3cret/",
        "/v2/contacts?user-api-key=s3cret",
        "/v2/contacts?a=1&access-token=s3cret&b=2",
        "/V2/contacts?User-Api-Key=s3cret",
        "/v2/contacts?user%2Dapi%2Dkey=s3cret",
    ],
)
def test_what_lets_somebody_in_is_blotted(form: str, address: str) -> None:
    text = written(form, "Not Found: %s", address)
    try:
        raise ValueError(f"GET {address} failed")
    except ValueError:
        text += written(form, "Stumbled.", exc_info=True)
    assert "s3cret" not in text and text.count("********") >= 2
    assert "&b=2" in text or "b=2" not in address


def test_django_tells_no_token(caplog: pytest.LogCaptureFixture, db: None) -> None:
    """Of a token that is gone, or of another method than DELETE."""
    for method in ("DELETE", "GET", "PUT"):
        Client().generic(method, "/v2/token/s3cret")
    for record in caplog.records:
        for form in FORMS:
            assert "s3cret" not in logs.FORMATTERS[form]().format(record)
    assert len(caplog.records) >= 3


@pytest.mark.parametrize("form", FORMS)
def test_a_request_is_not_written_whole(form: str) -> None:
    """Django hands it over with every 4xx and 5xx; its address may carry what somebody typed."""
    request = RequestFactory().get("/x", {"password": "hunter2"})
    assert "hunter2" not in written(
        form, "Not Found: %s", request.path, extra={"request": request, "status_code": 404}
    )


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_level_makes_the_client_tell_addresses(level: str) -> None:
    """At DEBUG urllib3 would write the address of each request, with all that is in its query."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    try:
        dictConfig(logs.configuration(form="line", level=level))
        assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.INFO)
        assert logging.getLogger("delivery").isEnabledFor(getattr(logging, level))
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]


def test_django_asks_for_no_host_in_the_log_of_a_probe(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/healthz", headers={"Host": "10.0.0.1"})
    assert not caplog.records


# --- the settings ------------------------------------------------------------------------------------

ASK = "from django.conf import settings as s; print(s.LOGGING['handlers']['console']['formatter'])"


def settings_said(**env: str) -> subprocess.CompletedProcess[str]:
    keys = {"SECRET_KEY": "k" * 60, "POSTRIDER_FIELD_KEYS": "x" * 43 + "=", "POSTRIDER_ALLOWED_HOSTS": "h"}
    return subprocess.run(
        [sys.executable, "-c", ASK],
        check=False,
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **keys, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("env", "form"),
    [
        ({}, "line"),
        ({"POSTRIDER_PRODUCTION": "1"}, "json"),
        ({"POSTRIDER_PRODUCTION": "1", "POSTRIDER_LOG_FORMAT": "line"}, "line"),
        ({"POSTRIDER_LOG_FORMAT": "json"}, "json"),
        ({"POSTRIDER_PRODUCTION": "1", "POSTRIDER_METRICS_TOKEN": "t" * 20}, "json"),
    ],
)
def test_json_in_production_unless_asked_otherwise(env: dict[str, str], form: str) -> None:
    said = settings_said(**env)
    assert said.stdout.strip() == form, said.stderr


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"POSTRIDER_LOG_FORMAT": "xml"}, "POSTRIDER_LOG_FORMAT must be line or json."),
        (
            {"POSTRIDER_PRODUCTION": "1", "POSTRIDER_METRICS_TOKEN": "short-secret"},
            "POSTRIDER_METRICS_TOKEN must have at least 20 characters in production.",
        ),
    ],
)
def test_what_is_unsafe_or_unknown_stops_the_start(env: dict[str, str], sentence: str) -> None:
    said = settings_said(**env)
    assert said.returncode == 1 and sentence in said.stderr
    assert "short-secret" not in said.stderr
