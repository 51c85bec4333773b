"""The OpenAPI description is true: a tester that believes it finds no answer that it does not describe."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config import api as wiring
from config.wsgi import application
from customers.models import Location
from rest.resources import CREDENTIALS
from tests.admin.store import a_profile
from tests.api.clients import Integrator
from tests.api.test_orders import sold

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DESCRIPTION = orjson.loads(wiring.description())
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
SCHEMA.app = application
OPERATIONS = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in SCHEMA.get_all_operations()}
EXAMPLES = 8
QUIET = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def known(api: Integrator, here: Location) -> dict[str, str]:
    """Ids that lead somewhere, by the first part of the address."""
    a_profile(here)
    order = sold(api, here)
    ids = {"contacts": order["contact_id"], "orders": order["id"], "locations": here.public_id}
    for name in ("transactions", "deliveries"):
        listed = api.get(name).body[name]
        ids[name] = listed[0]["id"] if listed else "0" * 24
    return ids


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_every_answer_is_described(
    mode: GenerationMode, name: str, api: Integrator, here: Location, known: dict[str, str]
) -> None:
    operation = OPERATIONS[name]

    @QUIET
    @seed(1)
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def check(case: schemathesis.Case, is_known: bool) -> None:
        _take_off_credentials(case)
        if is_known:
            _lead_somewhere(case, here, known)
        with one_connection():
            case.call_and_validate(headers=api.headers, checks=CHECKS)

    check()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_without_credentials_nothing_is_answered_but_401(name: str, db: None) -> None:
    operation = OPERATIONS[name]
    path = operation.path.replace("{id}", "0" * 24)
    response = Client().generic(operation.method.upper(), path, b"{}", "application/json")
    is_login = name == "POST /v2/token"
    assert response.status_code == (422 if is_login else 401)
    case = operation.Case(path_parameters={"id": "0" * 24} if "{id}" in operation.path else {})
    with one_connection():
        case.validate_response(case.call(headers={}), checks=CHECKS)


def test_every_address_is_described() -> None:
    described = {(path, method.upper()) for path, item in DESCRIPTION["paths"].items() for method in item}
    there = {
        ("/v2/" + str(one.pattern).replace("<str:id>", "{id}"), method.upper())
        for one in wiring.urlpatterns
        for method in getattr(one.callback, "actions", None) or {}
        if method != "head"
    }
    assert described == there and DESCRIPTION["openapi"].startswith("3.1")


def test_the_description_and_its_page_are_open_to_all(client: Client) -> None:
    answer = client.get("/v2/schema")
    assert answer.status_code == 200 and orjson.loads(answer.content)["openapi"] == "3.1.0"
    page = client.get("/v2/docs").content.decode()
    assert "swagger-ui-bundle.js" in page and 'src="http' not in page and "<style" not in page
    for link in _links(page):
        assert link.startswith("/")


@contextmanager
def one_connection() -> Iterator[None]:
    """The application closes connections between requests; the transaction of a test is to stay open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def _take_off_credentials(case: schemathesis.Case) -> None:
    """Those that were made up would only be refused."""
    made_up = {*CREDENTIALS, "authorization"}
    for name in [name for name in case.headers if name.lower() in made_up]:
        del case.headers[name]
    case.query = {name: value for name, value in (case.query or {}).items() if name not in made_up}


def _lead_somewhere(case: schemathesis.Case, here: Location, known: dict[str, str]) -> None:
    """The ids of records that there are, where the generated ones would only be refused."""
    case.query = {name: value for name, value in (case.query or {}).items() if name != "location_id"}
    first = case.operation.path.split("/")[2]
    if case.path_parameters and first in known:
        case.path_parameters["id"] = known[first]
    record: Any = case.body
    for _ in range(2):
        if isinstance(record, dict):
            if "location_id" in record:
                record["location_id"] = here.public_id
            record = next(iter(record.values()), None)


def _links(page: str) -> Iterator[str]:
    for mark in ('src="', 'href="', 'data-schema="'):
        yield from (part.split('"')[0] for part in page.split(mark)[1:])
