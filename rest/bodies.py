"""Bodies: strict JSON in, JSON out."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import orjson
from rest_framework import exceptions, negotiation, parsers, renderers, status

from rest.errors import TooLarge

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 32


class JSONParser(parsers.BaseParser):
    """JSON as the standard has it: no key twice, no NaN, no halves of characters, not too deep or large."""

    media_type = "application/json"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        text = _read(stream, (parser_context or {}).get("request"))
        try:
            orjson.loads(text)  # stricter than Python's own reader
            parsed = json.loads(text, object_pairs_hook=_without_repeats)
        except ValueError as error:
            raise exceptions.ParseError(f"The body is not JSON: {error}.") from None
        except RecursionError:
            raise exceptions.ParseError(_TOO_DEEP) from None
        if _depth(parsed) > MOST_DEPTH:
            raise exceptions.ParseError(_TOO_DEEP)
        return parsed


class JSONRenderer(renderers.BaseRenderer):
    """JSON, whatever the client says it accepts."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if data is None or (response is not None and response.status_code == status.HTTP_204_NO_CONTENT):
            return b""
        return orjson.dumps(data)


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """There is one form of answer: whoever asks for another gets it too, as most servers do."""

    def select_parser(self, request: Any, parsers: list[Any]) -> Any:
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(
        self, request: Any, renderers: list[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


_TOO_DEEP = f"The body is nested deeper than {MOST_DEPTH} levels."


def _read(stream: BinaryIO, request: Any) -> bytes:
    """The whole body. What is too large is not even read."""
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    too_large = TooLarge(f"The body is larger than {MOST_BYTES // 1024} KiB.")
    if declared and int(declared) > MOST_BYTES:
        raise too_large
    text = stream.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise too_large
    return text


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(repeated[:60])} is there twice")
    return found


def _depth(value: Any) -> int:
    """How deep a value is nested, without a call per level."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        inner = [one for one in level if isinstance(one, dict | list)]
        level = [child for one in inner for child in (one.values() if isinstance(one, dict) else one)]
    return deepest
