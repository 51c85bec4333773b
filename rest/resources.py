"""A resource of the API: a class says what it is, and gets its addresses, envelope, lists and errors.

To add one, write a subclass of `Resource` in the app's `api` module, give its `rows`, its `answer` and, if it
can be written, its `creates`, `changes` and the functions `create`, `update`, `destroy`; then list it in
`config/api.py`. `customers/api/contacts.py` is an example with everything.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import URLPattern, path, reverse
from rest_framework import exceptions, serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from rest import filters, pages, remembering, walks
from rest.callers import Caller, caller_of
from rest.errors import Gone, NotValid, invalid
from rest.filters import Filter, Span
from rest.schema import ResourceSchema
from rest.serializers import LINKS, Input
from rest.walks import Walk

# By which a client may say who it is, instead of by headers.
CREDENTIALS = frozenset({"developer-id", "user-id", "user-api-key", "access-token"})
LOCATION = "location_id"

# What is embedded under one name of `expand`: the rows of an answer to a value for each, read in sets.
Expansion = Callable[[Sequence[Any]], Mapping[Any, Any]]
Answers: TypeAlias = list[dict[str, Any]]
Names: TypeAlias = list[str]
Keys: TypeAlias = list[int]
Parts: TypeAlias = tuple[QuerySet[Any], str]


class Resource(ViewSetMixin, GenericAPIView):
    """One kind of record. Rows of locations that the caller may not see do not exist for it."""

    singular: ClassVar[str]  # in the envelope of one
    plural: ClassVar[str]  # in the envelope of a list, and in the address
    about: ClassVar[str] = ""  # for the documentation
    answer: ClassVar[type[serializers.Serializer]]
    creates: ClassVar[type[Input] | None] = None
    changes: ClassVar[type[Input] | None] = None
    filters: ClassVar[Mapping[str, Filter | Span]] = {}
    sorts: ClassVar[Mapping[str, str]] = {}  # besides `id`
    expansions: ClassVar[Mapping[str, Expansion]] = {}
    id_column: ClassVar[str] = "public_id"
    location_column: ClassVar[str] = LOCATION  # by which a row belongs to a location
    refusals: ClassVar[tuple[type[Exception], ...]] = ()  # of the domain: their messages are for people

    schema = ResourceSchema()
    http_method_names: ClassVar[Sequence[str]] = ("get", "head", "post", "put", "delete")

    # --- what a subclass says ---------------------------------------------------------------------------

    def rows(self) -> QuerySet[Any]:
        """Every row there is, with what its answer needs; locations are seen to here, not there."""
        raise NotImplementedError

    def listed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the rows that lists show."""
        return rows

    def parts(self) -> Parts | None:
        """Where an index gives the rows that the caller may see in the order of their ids: the keys of what,
        and the column that names them. None: they lie together, or all are few."""
        if len(self.location_keys) < 2 or self.location_column != LOCATION:
            return None
        kind: Any = self.rows().model._meta.get_field(LOCATION.removesuffix("_id")).related_model
        return kind.objects.filter(pk__in=self.location_keys), LOCATION

    def is_gone(self, row: Any) -> bool:
        """Whether the row is only left to say that it was deleted."""
        return False

    def make(self, values: dict[str, Any]) -> Any:
        """Creates a record by one call of the domain; the row."""
        raise NotImplementedError

    def change(self, row: Any, values: dict[str, Any]) -> Any:
        """Changes the given fields by one call of the domain; the row as it is then."""
        raise NotImplementedError

    def remove(self, row: Any) -> None:
        """Deletes a record by one call of the domain."""
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and request.method != "GET":
            raise exceptions.ParseError("Send the body in one piece, with a Content-Length.")
        packed = request.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")
        if packed and request.method in ("POST", "PUT"):
            raise exceptions.UnsupportedMediaType("", "Send the body as it is, without a Content-Encoding.")
        self._expanded()  # refused before anything is written, not when it is answered

    # --- what comes in, what goes out -------------------------------------------------------------------

    def list(self, request: Request) -> Response:
        params = self._params(filters.names(self.filters) | pages.NAMES)
        sorts = {pages.BY_ID: "pk", **self.sorts}
        wanted = pages.wanted(params, sorts)
        condition = filters.condition(self.filters, params, self.caller.zone(params.get(LOCATION)))
        page = pages.cut(
            self.listed(self.seen()).filter(condition),
            wanted,
            sorts=sorts,
            key_of=self._key_of,
            href=self._list_href,
            id_of=lambda row: str(getattr(row, self.id_column)),
            walk=self._walk(condition) if wanted.after is not None else None,
        )
        return Response({self.plural: self.shown(page.rows), "meta": page.meta})

    def retrieve(self, request: Request, id: str) -> Response:
        return self.enveloped(self.found(id))

    def create(self, request: Request) -> Response:
        return remembering.once(request, self._create)

    def update(self, request: Request, id: str) -> Response:
        row = self.found(id)
        assert self.changes is not None
        values = self.taken(self.changes, row)
        return self.allowed(lambda: self.enveloped(self.change(row, values)))

    def destroy(self, request: Request, id: str) -> Response:
        row = self.found(id)
        self.allowed(lambda: self.remove(row))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _create(self) -> Response:
        assert self.creates is not None
        values = self.taken(self.creates)
        return self.allowed(lambda: self.enveloped(self.make(values), status.HTTP_201_CREATED))

    # --- for these, and for actions of a subclass -------------------------------------------------------

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    def get_serializer_context(self) -> dict[str, Any]:
        return {"caller": self.caller}

    @property
    def location_keys(self) -> Keys:
        """Of the locations that the caller may see; only the one that `?location_id=` names, if it does."""
        wanted = self.request.query_params.get(LOCATION)
        if not wanted:
            return self.caller.location_keys
        return [key for public_id, key in self.caller.locations.items() if public_id == wanted]

    def seen(self) -> QuerySet[Any]:
        """The rows that the caller may see; of one location, if `?location_id=` names one."""
        keys = self.location_keys
        if len(keys) == 1:  # an index that begins with the location also gives the order
            return self.rows().filter(**{self.location_column: keys[0]})
        return self.rows().filter(**{f"{self.location_column}__in": keys})

    def found(self, id: str) -> Any:
        """The row with this id. Raises NotFound, and Gone if it was deleted."""
        row = self.seen().filter(**{self.id_column: id}).first() if id.isprintable() else None
        if row is None:
            raise exceptions.NotFound(f"There is no {self.singular} with this id.")
        if self.is_gone(row):
            raise Gone(f"This {self.singular} was deleted.")
        return row

    def taken(self, kind: type[Input], row: Any = None) -> dict[str, Any]:
        """The record of the body, checked. Raises NotValid with every fault."""
        body = self.request.data
        if not isinstance(body, Mapping) or self.singular not in body:
            raise invalid(self.singular, f'Send the record as {{"{self.singular}": {{…}}}}.')
        if unknown := [str(key)[:100] for key in body if key != self.singular]:
            raise NotValid({key: [f"{key} is not known beside {self.singular}."] for key in unknown})
        record = body[self.singular]
        if not isinstance(record, dict):
            raise invalid(self.singular, "Send a record: names and values.")
        location = self.request.query_params.get(LOCATION)
        if row is None and location:
            record = {LOCATION: location, **record}
        if row is not None:
            record = self._changed(row, record)
        read = kind(row, data=record, partial=row is not None, context=self.get_serializer_context())
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def _changed(self, row: Any, record: dict[str, Any]) -> dict[str, Any]:
        """Without what is as it was answered: it may have come in by a door that is less strict than this."""
        now = self.answer(context=self.get_serializer_context()).to_representation(row)
        return {
            name: value for name, value in record.items() if name not in now or not _is_same(now[name], value)
        }

    def allowed(self, act: Callable[[], Any]) -> Any:
        """What the act gives, all of it or nothing; what the domain refuses, it refuses in words.

        The answer is made in it, too: if it cannot be, nothing was done.
        """
        try:
            with transaction.atomic():
                return act()
        except self.refusals as refusal:
            raise invalid(self.singular, str(refusal)) from None

    def enveloped(self, row: Any, code: int = status.HTTP_200_OK) -> Response:
        return Response({self.singular: self.shown([row])[0]}, status=code)

    def shown(self, rows: Sequence[Any]) -> Answers:
        """Rows as answers, with what is to be embedded and where each is found."""
        names = self._expanded()
        embedded = {name: self.expansions[name](rows) for name in names}
        read = self.answer(context=self.get_serializer_context())
        answers = []
        for row in rows:
            more = {name: found.get(row.pk) for name, found in embedded.items()}
            answers.append({**read.to_representation(row), **more, **self.links(row)})
        return answers

    def _walk(self, condition: Q) -> Walk | None:
        parts = self.parts() if walks.is_possible() else None
        return None if parts is None else Walk(self.listed(self.rows()).filter(condition), *parts)

    def _key_of(self, id: str) -> Any:
        """The key of the row with this id; None if there is none that the caller may see."""
        rows = self.seen().filter(**{self.id_column: id}) if id.isprintable() else self.rows().none()
        return rows.values_list("pk", flat=True).first()

    def links(self, row: Any) -> dict[str, Any]:
        """Where the record is found."""
        address = reverse(f"v2:{self.singular}", args=[getattr(row, self.id_column)])
        return {LINKS: {"self": {"href": self.request.build_absolute_uri(address)}}}

    def _expanded(self) -> Names:
        given = self.request.query_params.get("expand", "")
        names = list(dict.fromkeys(name for name in given.replace(" ", "").split(",") if name))
        if unknown := [name for name in names if name not in self.expansions]:
            can = ", ".join(self.expansions) or "nothing"
            raise invalid("expand", f"{', '.join(unknown)[:100]} cannot be expanded here; these can: {can}.")
        return names

    def _params(self, known: set[str]) -> dict[str, str]:
        """The query parameters of a list: one that is passed over would make it a list of something else."""
        given = self.request.query_params
        known = known | CREDENTIALS | {LOCATION, "expand"}
        if unknown := [name[:100] for name in given if name not in known]:
            raise NotValid({name: [f"{name} is not a filter of this list."] for name in unknown})
        return {name: given[name] for name in given}

    def _list_href(self, query: str) -> str:
        """The list's own address, with other parameters; never with credentials."""
        kept = self.request.query_params.copy()
        for name in (*CREDENTIALS, *pages.NAMES - {"page_size", "sort"}):
            kept.pop(name, None)
        return str(
            self.request.build_absolute_uri(
                f"{self.request.path}?{'&'.join(filter(None, [kept.urlencode(), query]))}"
            )
        )


LIST, ONE = {"get": "list", "post": "create"}, {"get": "retrieve", "put": "update", "delete": "destroy"}
_GIVEN_BY = {"create": "make", "update": "change", "destroy": "remove"}


def addresses(resource: type[Resource]) -> list[URLPattern]:
    """The addresses of a resource: those whose functions it has."""

    def mapped(actions: Mapping[str, str]) -> dict[str, str]:
        return {method: action for method, action in actions.items() if _has(resource, action)}

    return [
        path(resource.plural, resource.as_view(mapped(LIST)), name=resource.plural),
        path(f"{resource.plural}/<str:id>", resource.as_view(mapped(ONE)), name=resource.singular),
    ]


def _is_same(answered: Any, sent: Any) -> bool:
    """Whether a value is what was answered; true is not 1, though Python thinks so."""
    return bool(answered == sent) and isinstance(answered, bool) == isinstance(sent, bool)


def _has(resource: type[Resource], action: str) -> bool:
    given_by = _GIVEN_BY.get(action)
    return given_by is None or getattr(resource, given_by) is not getattr(Resource, given_by)
