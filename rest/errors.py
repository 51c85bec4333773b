"""Everything that can go wrong, as the API says it: `{"errors": {"field": ["message"]}}`."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

logger = logging.getLogger(__name__)

# What an error is named after that is not about one field.
REQUEST = "request"


class NotValid(exceptions.APIException):
    """422: by field, what is wrong with it, in sentences."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__()
        self.errors = dict(errors)


class Gone(exceptions.APIException):
    """409: the record was deleted."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This record was deleted."


class TooLarge(exceptions.APIException):
    """413: more than anybody needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


def invalid(field: str, message: str) -> NotValid:
    """One field, one message."""
    return NotValid({field: [message]})


def answer(errors: Mapping[str, list[str]], code: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response({"errors": errors}, status=code, headers=dict(headers or {}))


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's hook: whatever was raised becomes an answer; what nobody expected is logged."""
    if isinstance(error, NotValid):
        return answer(error.errors, error.status_code)
    if isinstance(error, exceptions.ValidationError):
        return answer(flat(error.detail), status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such record.")
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return answer({REQUEST: [str(error.detail)]}, error.status_code, _headers(error))
    request = context.get("request")
    logger.error("%s failed", getattr(request, "path", "A request of the API"), exc_info=error)
    sentence = "Something went wrong here, and is on record. Nothing was changed. Try again later."
    return answer({REQUEST: [sentence]}, status.HTTP_500_INTERNAL_SERVER_ERROR)


def flat(detail: Any) -> dict[str, list[str]]:
    """Messages by field; those of records within records by dotted names: `items.0.price`."""
    found: dict[str, list[str]] = {}
    for name, message in _messages(detail, ""):
        found.setdefault(name or REQUEST, []).append(message)
    return found


def _messages(detail: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            inner = name if key == "non_field_errors" else f"{name}.{key}" if name else str(key)
            yield from _messages(value, inner)
    elif isinstance(detail, list | tuple):
        for index, value in enumerate(detail):
            is_message = isinstance(value, str)
            yield from _messages(value, name if is_message else f"{name}.{index}")
    else:
        yield name, str(detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))
    return headers
