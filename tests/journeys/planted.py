"""Secrets of every kind that can be typed, where they are typed, and the net that finds them again.

Each holds the letters "planted", which stay when it is escaped for a URL, for JSON or for a page; only base64
changes them, so the net knows that too. It is content with "plante": a secret may have been cut off.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from django.apps import apps
from django.core import serializers

from exports.models import FieldMapping
from tests.exports.partners import JSON, everything_stored, static
from tests.exports.partners import field as mapped
from tests.receiver import Answer, Request, redirect

ODD = " /&=+\"'<ü>\\~😀%41"
QUERY = f"q1-planted{ODD}"
FORM = f"f2-planted{ODD}"
IN_JSON = f"j3-planted{ODD}\n."
HEADER = "h4-planted /&=+\"'<é>\\~%41"
BEARER = "Bearer t5-planted.abc/+_-=="
PASSWORD = "p6-planted/pass word"
BASIC = f"Basic {base64.b64encode(f'shop:{PASSWORD}'.encode()).decode()}"
SHOWN = "shown-to-everybody /&"  # planted just so, and no secret: the net must find it

_IN_BASE64 = [
    base64.b64encode(b" " * before + b"plante")[-(-before * 8 // 6) : (before + 6) * 8 // 6].decode()
    for before in range(3)
]
_NET = re.compile(f"(?i:plante)|{'|'.join(_IN_BASE64)}")

# By place: the rows of a profile that sends it there.
PLACES: dict[str, list[FieldMapping]] = {
    "query": [static("token", QUERY, secret=True)],
    "form": [static("header:httpMethod", "POST"), static("token", FORM, secret=True)],
    "json": [static(*JSON), static("token", IN_JSON, secret=True)],
    "header": [static("header:X-Key", HEADER, secret=True)],
    "bearer": [static("header:Authorization", BEARER, secret=True)],
    "basic": [static("header:Authorization", BASIC, secret=True)],
}
SECRETS = {"query": QUERY, "form": FORM, "json": IN_JSON, "header": HEADER, "bearer": BEARER, "basic": BASIC}


def rows(place: str) -> list[FieldMapping]:
    """The secret, what is no secret, and a field of the order."""
    return [*PLACES[place], static("shown", SHOWN), mapped("order", "clientOrderId")]


# --- what a receiver may answer ----------------------------------------------------------------------


def _heard(request: Request) -> dict[str, str]:
    """All that was said, as a program has it: decoded."""
    heard = dict(parse_qsl(urlsplit(request.target).query)) | dict(request.headers)
    body = request.body.decode()
    heard |= json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
    scheme, _, token = heard.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        heard |= {"login": base64.b64decode(token).decode(), "raw": token}
    return {name: str(value) for name, value in heard.items()}


def _as_it_came(request: Request) -> str:
    return f"{request.target}\n{request.headers}\n{request.body.decode()}"


def _of_php(request: Request) -> str:
    return json.dumps(_heard(request)).replace("/", r"\/")


def _of_go(request: Request) -> str:
    text = json.dumps(_heard(request), ensure_ascii=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _values(request: Request) -> str:
    return "\n".join(_heard(request).values())


def _parts(request: Request) -> str:
    """Without the scheme before it; the password alone."""
    heard = _heard(request)
    token = heard.get("Authorization", "").partition(" ")[2]
    password = heard.get("login", "").partition(":")[2]
    rest = [value for name, value in heard.items() if name not in ("Authorization", "login")]
    return " ".join([token, password, *rest])


def _cut(request: Request) -> str:
    """So long that it is cut off, in the middle of the longest of the values that are ours."""
    longest = max(_heard(request).values(), key=lambda value: "planted" in value)
    return "x" * (64 * 1024 - len("q1-plante")) + longest


ECHOES: dict[str, Callable[[Request], str]] = {
    "as it came": _as_it_came,
    "decoded": _values,
    "in a URL": lambda request: quote(_values(request), safe=""),
    "in a form": lambda request: quote_plus(_values(request)),
    "in JSON": lambda request: json.dumps(_heard(request)),
    "in JSON, letters as they are": lambda request: json.dumps(_heard(request), ensure_ascii=False),
    "on a page": lambda request: html.escape(_values(request)),
    "in a URL in a URL": lambda request: quote(quote_plus(_values(request)), safe=""),
    "in JSON of PHP": _of_php,
    "in JSON of Go": _of_go,
    "in JSON in JSON": lambda request: json.dumps(json.dumps(_heard(request))),
    "in base64": lambda request: base64.b64encode(_values(request).encode()).decode(),
    "in parts": _parts,
    "cut off": _cut,
}


def answer(request: Request) -> Answer:
    """As the last part of the path says: an echo by its number, in body, header or address."""
    what = unquote_plus(request.path.rpartition("/")[2])
    kind, _, number = what.partition("-")
    echo = list(ECHOES.values())[int(number)]
    said = echo(request)
    if kind == "redirect":
        return redirect(f"https://elsewhere.example/?back={quote(said[:3000], safe='/:?&=+%')}")
    if kind == "header":
        values = [line for line in said.splitlines() if line.isascii() and line.isprintable()]
        return Answer(500, b"", tuple((f"X-Echo-{place}", line) for place, line in enumerate(values[:20])))
    return Answer(200 if kind == "yes" else 500, said.encode())


# --- the net -----------------------------------------------------------------------------------------


@dataclass
class Net:
    """Everything that anybody may see, by where it was seen."""

    seen: dict[str, str] = field(default_factory=dict)

    def cast(self, where: str, text: str) -> None:
        self.seen[where] = self.seen.get(where, "") + text

    def cast_database(self) -> None:
        """Every table as it is stored, as Django dumps it, and what django-q2 packs into its own columns."""
        self.cast("tables", everything_stored())
        for model in apps.get_models():
            if model._meta.managed:
                dump = serializers.serialize("json", model._base_manager.all())
                self.cast(f"dump of {model._meta.label}", dump)
        for row in apps.get_model("django_q", "OrmQ").objects.all():
            self.cast("tasks that wait", repr(row.task))
        for row in apps.get_model("django_q", "Task").objects.values():
            self.cast("tasks that ran", repr(row))

    def caught(self) -> list[str]:
        """Where something planted was seen, with what stands around it."""
        return [f"{where}: …{around}…" for where, text in self.seen.items() for around in _around(text)]

    def finds(self, text: str) -> list[str]:
        """Where a text was seen that is no secret."""
        return [where for where, seen in self.seen.items() if text in seen]


def _around(text: str) -> Iterator[str]:
    for found in list(_NET.finditer(text))[:3]:
        yield text[max(found.start() - 60, 0) : found.end() + 30]
