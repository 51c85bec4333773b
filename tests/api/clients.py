"""An integrator's program that talks to the API, with the test client below it."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client

from customers import access
from customers.models import ApiUser, Location


@dataclass
class Integrator:
    """Calls with the credentials of one API user, and reads JSON."""

    user: ApiUser
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "developer-id": self.user.developer_id,
            "user-id": self.user.public_id,
            "user-api-key": self.key,
        }

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        text = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        content_type = headers.pop("content_type", "application/json")
        given = {**self.headers, **headers}
        response = Client(raise_request_exception=False).generic(
            method, f"/v2/{path}", text, content_type, headers=given
        )
        return Answer(response.status_code, _read(response.content), dict(response.headers))

    def get(self, path: str, **headers: str) -> "Answer":
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> "Answer":
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> "Answer":
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str) -> "Answer":
        return self.call("DELETE", path)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def errors(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.body["errors"]
        return found


def an_integrator(*locations: Location, name: str = "") -> Integrator:
    made = access.create_user(locations, name=name, by="test")
    return Integrator(made.user, made.key)


def _read(content: bytes) -> Any:
    return orjson.loads(content) if content else None
