"""The OpenAPI description, made from the resources themselves."""

from collections.abc import Mapping
from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.serializers import Serializer

from rest import pages
from rest.filters import CUSTOM, PRESETS, Span

JSON = "application/json"
_WORDS = {"list": "List", "retrieve": "Read", "create": "Create", "update": "Change", "destroy": "Delete"}
ERRORS = {
    "400": "The body is not JSON, or cannot be read.",
    "401": "The credentials are missing, or not valid.",
    "404": "There is no such record.",
    "409": "The record was deleted.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "422": "Something is not valid; each field is named.",
    "429": "Too many requests in this minute; Retry-After says when to go on.",
}
ERROR_COMPONENT = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        }
    },
    "additionalProperties": False,
}
LINKS_COMPONENT = {
    "type": "object",
    "required": ["self"],
    "properties": {
        "self": {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}},
    },
}


class ResourceSchema(AutoSchema):
    """Describes the operations of a `Resource`; REST framework's way of asking for them."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        self.registry, self.path, self.method = registry, path, method.upper()
        action = self.view.action
        described = getattr(self.view, f"describe_{action}", None)
        operation = {
            "operationId": f"{action}_{self.view.singular}",
            "summary": f"{_WORDS.get(action, action.title())} {self._noun(action)}",
            "tags": [self.view.plural],
            "security": self.security(),
            "parameters": [*self._path_parameters(path), *self._parameters(action)],
            "responses": self._responses(action),
        }
        if self.view.about and action == "list":
            operation["description"] = self.view.about
        if body := self._body(action):
            operation["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
        return {**operation, **(described(self) if described else {})}

    def component(self, kind: type[Serializer], direction: Literal["request", "response"]) -> dict[str, Any]:
        """A reference to the schema of what a serializer takes ("request") or gives ("response")."""
        return dict(self.resolve_serializer(kind, direction).ref)

    def errors(self, *codes: str) -> dict[str, Any]:
        self._register("Errors", ERROR_COMPONENT)
        content = {JSON: {"schema": {"$ref": "#/components/schemas/Errors"}}}
        retry = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
        return {
            code: {
                "description": ERRORS[code],
                "content": content,
                **({"headers": retry} if code == "429" else {}),
            }
            for code in codes
        }

    def record(self) -> dict[str, Any]:
        """One record as it is answered."""
        self._register("Links", LINKS_COMPONENT)
        links = {
            "type": "object",
            "required": ["_links"],
            "properties": {"_links": {"$ref": "#/components/schemas/Links"}},
        }
        return {"allOf": [self.component(self.view.answer, "response"), links]}

    def enveloped(self, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": [name],
            "properties": {name: record},
            "additionalProperties": False,
        }

    def security(self) -> list[dict[str, list[str]]]:
        """The ways to say who calls."""
        return [{"developerId": [], "userId": [], "userApiKey": []}, {"basic": []}, {"accessToken": []}]

    def _noun(self, action: str) -> str:
        name, plural = self.view.singular, self.view.plural
        return plural if action == "list" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"

    def _body(self, action: str) -> dict[str, Any] | None:
        kind = {"create": self.view.creates, "update": self.view.changes}.get(action)
        if kind is None:
            return None
        return self.enveloped(self.view.singular, self.component(kind, "request"))

    def _responses(self, action: str) -> dict[str, Any]:
        common = ["401", "422", "429"]
        if action == "destroy":
            good: dict[str, Any] = {"204": {"description": "Deleted."}}
        else:
            code = "201" if action == "create" else "200"
            is_list = action == "list"
            answer = self._list_answer() if is_list else self.enveloped(self.view.singular, self.record())
            good = {code: {"description": "Done.", "content": {JSON: {"schema": answer}}}}
        if self.method in ("POST", "PUT"):
            common += ["400", "413", "415"]
        if action not in ("list", "create"):
            common += ["404", "409"]
        return {**good, **self.errors(*sorted(common))}

    def _list_answer(self) -> dict[str, Any]:
        records = {"type": "array", "items": self.record()}
        pagination = {
            "type": "object",
            "required": ["links", "perPage"],
            "properties": {
                "links": {
                    "type": "object",
                    "required": ["self"],
                    "additionalProperties": {
                        "type": "object",
                        "required": ["href"],
                        "properties": {"href": {"type": "string"}},
                    },
                },
                **{
                    name: {"type": "integer"}
                    for name in ("totalCount", "pageCount", "currentPage", "perPage")
                },
            },
        }
        attributes = {"type": "object", "additionalProperties": {"type": "string", "enum": ["asc", "desc"]}}
        sort = {"type": "object", "required": ["attributes"], "properties": {"attributes": attributes}}
        meta = {
            "type": "object",
            "required": ["pagination", "sort"],
            "properties": {"pagination": pagination, "sort": sort},
        }
        self._register("Meta", meta)
        return {
            "type": "object",
            "required": [self.view.plural, "meta"],
            "properties": {self.view.plural: records, "meta": {"$ref": "#/components/schemas/Meta"}},
            "additionalProperties": False,
        }

    def _path_parameters(self, path: str) -> list[dict[str, Any]]:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9A-Za-z-]+$"}
        return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]

    def _parameters(self, action: str) -> list[dict[str, Any]]:
        found = [_parameter("location_id", {"type": "string"}, "Only records of this location.")]
        if self.view.expansions and action != "destroy":
            can = ", ".join(self.view.expansions)
            found.append(
                _parameter("expand", {"type": "string"}, f"What to embed, separated by commas: {can}.")
            )
        if action in ("create", "act"):
            about = "The same key with the same body gives the same answer, and creates nothing again."
            key = {"type": "string", "maxLength": 255, "pattern": "^[!-~]*$"}
            found.append({**_parameter("Idempotency-Key", key, about), "in": "header"})
        return found + (_of_list(self.view) if action == "list" else [])

    def _register(self, name: str, schema: dict[str, Any]) -> None:
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=f"rest.schema.{name}"
        )
        self.registry.register_on_missing(component)


class _OwnFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Fields of ours say themselves what they take; drf-spectacular finds this class by itself."""

    target_class = "rest.fields.Described"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(self.target.described())


def finished(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Last step of drf-spectacular: records that are sent have no other fields; how to say who calls."""
    components = result["components"]
    for name, component in components["schemas"].items():
        if name.endswith("Request"):
            component["additionalProperties"] = False
    components["securitySchemes"] = _SCHEMES
    return result


def _header(name: str, about: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": about}


_SCHEMES = {
    "developerId": _header("developer-id", "Also as a query parameter, as the other two."),
    "userId": _header("user-id", ""),
    "userApiKey": _header("user-api-key", ""),
    "basic": {"type": "http", "scheme": "basic", "description": "user-id and user-api-key."},
    "accessToken": _header("access-token", "Of POST /v2/token; also as a query parameter."),
}


def _of_list(view: Any) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1}
    sorts = [sign + name for name in (pages.BY_ID, *view.sorts) for sign in ("", "-")]
    found = [
        _parameter("page", {**number, "maximum": pages.MOST_PAGES}, "From 1; with a count of all."),
        _parameter("page_size", {**number, "maximum": pages.MOST_ON_A_PAGE}, "20 unless said otherwise."),
        _parameter(
            "after",
            {"type": "string"},
            "What follows the record with this id; empty: from the start. Costs the same on any page. "
            "Together with sort=id or sort=-id, instead of page.",
        ),
        _parameter("sort", {"type": "string", "enum": sorts}, "A minus: descending."),
    ]
    for name, wanted in view.filters.items():
        if isinstance(wanted, Span):
            words = {"type": "string", "enum": [*PRESETS, CUSTOM]}
            moment = {"type": "string", "examples": ["2026-11-27 14:20:00"]}
            found.append(_parameter(name, words, "Days of the location's clock; custom: see _from and _to."))
            found += [_parameter(f"{name}_{end}", moment, "yyyy-mm-dd hh:mm:ss") for end in ("from", "to")]
        else:
            found.append(_parameter(name, dict(wanted.schema), "Only records with this value."))
    return found


def _parameter(name: str, schema: Mapping[str, Any], about: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": about}
