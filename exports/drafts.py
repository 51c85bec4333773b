"""What a profile would send, before anything is saved: by the renderer of the sweep, beside what is live."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import orjson

from delivery import signing
from delivery.channels import Said
from delivery.models import Delivery
from delivery.screens import MOST_SHOWN, pretty
from delivery.secrets import MASK
from exports import channel
from exports.examples import Example
from exports.fields import STATIC, find
from exports.models import ExportProfile, FieldMapping
from exports.render import Shape, as_form, compiled, header_name, is_header, shape_of, thawed, with_query

SAME, DRAFT, LIVE = "", "draft", "live"
MOST_LINES = 1000
NO_URL = "(no Postback URL yet)"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the request, laid out: in both, only in the draft, or only in what is live."""

    text: str
    is_in: str = SAME


@dataclass(frozen=True, slots=True)
class Draft:
    """The request as it would go out, secrets masked; without the headers that the engine adds."""

    said: Said
    shape: Shape
    own_headers: tuple[str, ...]  # the names of what every request carries beside

    @property
    def lines(self) -> list[str]:
        """Laid out for reading: the address, a line for each parameter and header, the body."""
        address, mark, query = self.said.url.partition("?")
        lines = [f"{self.said.method} {address or NO_URL}"]
        if mark:
            lines += [f"{'&' if number else '?'}{part}" for number, part in enumerate(query.split("&"))]
        lines += [f"{name}: {value}" for name, value in self.said.headers]
        return [*lines, *_body_lines(self.said.body, self.shape)][:MOST_LINES]


def draft(profile: ExportProfile, mappings: Sequence[FieldMapping], example: Example) -> Draft:
    """Of these mappings, which need not be saved. Raises LookupError for a field that does not exist."""
    for number, mapping in enumerate(mappings, start=1):
        if mapping.pk is None:  # a secret is found by its mapping's id
            mapping.pk = -number
    renderer = compiled(mappings, omit_empty=profile.omit_empty)
    return of_content(profile, example.content(renderer))


def of_content(profile: ExportProfile, content: str) -> Draft:
    """Of what is, or would be, frozen, sent to where the profile points now."""
    said = channel.drafted(Delivery(id="", target_id=profile.pk, content=content), profile)
    ours = signing.announced("")
    headers = said.headers[: -len(ours)]
    names = tuple(name for name, _ in ours)
    return Draft(Said(said.method, said.url, headers, said.body), thawed(content).shape, names)


def compared(new: Draft, live: Draft | None) -> list[Line]:
    """The draft's lines, with those that it takes away from what is live where they stood."""
    if live is None:
        return [Line(text, DRAFT) for text in new.lines]
    before, after = live.lines, new.lines
    lines: list[Line] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [Line(text) for text in after[j1:j2]]
            continue
        lines += [Line(text, LIVE) for text in before[i1:i2]]
        lines += [Line(text, DRAFT) for text in after[j1:j2]]
    return lines


def template(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> str:
    """The form of the output, with each field's name in brackets where its value will stand."""
    shape = shape_of(mappings)
    named = [(one.export_name, _token(one)) for one in mappings if not is_header(one)]
    if shape.is_json:
        return orjson.dumps(dict(named), option=orjson.OPT_INDENT_2).decode()
    fields = "&".join(f"{as_form(name)}={token}" for name, token in named)
    return with_query(profile.url, fields) if shape.place == "query" else fields


def value_shown(mapping: FieldMapping, example: Example) -> str:
    """What the mapping says of the example, as its row shows it; of a word for how to send, what it does."""
    if is_header(mapping) and (does := _does(mapping)):
        return does
    if mapping.is_secret:
        return MASK
    if mapping.field == STATIC:
        return mapping.static_value[:MOST_SHOWN]
    field = find(mapping.field)
    if field is None:
        return ""
    value = example.value(field)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text[:MOST_SHOWN]


def _body_lines(body: str, shape: Shape) -> list[str]:
    if not body:
        return []
    if shape.is_json:
        return ["", *pretty(body).split("\n")]
    return ["", *(f"{'&' if number else ''}{part}" for number, part in enumerate(body.split("&")))]


def _token(mapping: FieldMapping) -> str:
    if mapping.field != STATIC:
        return f"[{mapping.field}]"
    return MASK if mapping.is_secret else mapping.static_value


def _does(mapping: FieldMapping) -> str:
    word, name = mapping.static_value.strip().upper(), header_name(mapping).lower()
    if name == "httpmethod":
        return f"sends it as {word}; not sent itself"
    if name == "httpmethodtype":
        where = "in the body" if word == "POST" else "in the URL"
        return f"puts the fields {where}; not sent itself"
    return ""
