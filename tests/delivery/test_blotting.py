"""Blotting: no way of writing down a secret that receivers have comes through, and nothing else is harmed."""

import base64
import html
import json
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import quote, quote_plus

import orjson
import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delivery import outcomes
from delivery.blotting import Blotter
from delivery.models import Delivery
from delivery.secrets import MASK
from delivery.success import SuccessRule
from delivery.transports import Answer, Request

IN_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)
SECRET = "pä$$ w&rd/+\"<x>~*\\ 'q' 😀\n%41"


def blotted(text: str, *secrets: str, is_cut: bool = False) -> str:
    return Blotter(secrets).blotted(text, is_cut=is_cut)


def has_letters_at_its_edges(text: str) -> bool:
    """Of controls, spaces and backslashes at the edges something may stay, which says nothing."""
    edges = (text[0], text[-1])
    return len(text) > 8 and all(letter.isprintable() and letter not in " +\\" for letter in edges)


def entities(text: str) -> str:
    return "".join(
        letter if letter.isalnum() and letter.isascii() else f"&#{ord(letter)};" for letter in text
    )


def hex_entities(text: str) -> str:
    return "".join(
        letter if letter.isalnum() and letter.isascii() else f"&#x{ord(letter):X};" for letter in text
    )


def of_go(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return escaped.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def within_json(text: str) -> str:
    return json.dumps(text)[1:-1]


WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": lambda text: text.translate(IN_CAPITALS),
    "in a path": lambda text: quote(text, safe=""),
    "in a path, slashes kept": quote,
    "in a query": quote_plus,
    "in a form of a browser": lambda text: quote_plus(text, safe="*"),
    "in a query in a query": lambda text: quote(quote_plus(text), safe=""),
    "tilde escaped": lambda text: quote(text, safe="").replace("~", "%7E"),
    "escapes in small letters": lambda text: quote(text, safe="").lower(),
    "in JSON": within_json,
    "in JSON, letters as they are": lambda text: orjson.dumps(text).decode()[1:-1],
    "in JSON of PHP": lambda text: within_json(text).replace("/", r"\/"),
    "in JSON of Go": of_go,
    "in JSON in JSON": lambda text: within_json(within_json(text)),
    "on a page": html.escape,
    "on a page of PHP": lambda text: html.escape(text).replace("&#x27;", "&#039;"),
    "on a page of XML": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "on a page, by numbers": entities,
    "on a page, by hex numbers": hex_entities,
    "on a page in a page": lambda text: html.escape(html.escape(text)),
    "a URL on a page": lambda text: html.escape(quote(text)),
    "as Latin-1": lambda text: text.encode().decode("latin-1"),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 of URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in base64 behind something": lambda text: base64.b64encode(b"u:" + text.encode() + b".").decode(),
    "in base64 behind something else": lambda text: base64.b64encode(b"us:" + text.encode() + b"!!").decode(),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_however_it_is_written(way: str) -> None:
    written = WRITTEN[way](SECRET)
    seen = blotted(f"Error near “{written}”.", SECRET)
    assert MASK in seen
    assert "rd" not in seen and "w%26" not in seen.lower()
    rest = seen.replace(MASK, "").removeprefix("Error near “").removesuffix("”.")
    assert len(rest) <= 12, rest  # of base64 what belongs to the neighbours


@pytest.mark.parametrize("way", WRITTEN)
@settings(max_examples=60, deadline=None)
@given(secret=st.text(st.characters(codec="utf-8"), min_size=9, max_size=30).filter(has_letters_at_its_edges))
@example(secret="00000 \\ 0")  # an escape that leaves two spaces, which are one then
@example(secret="kbu\\n\t\tbnn\\bz")
def test_any_secret_however_it_is_written(way: str, secret: str) -> None:
    """What is between the marks is gone, whatever the secret is made of."""
    seen = blotted(f"<<{WRITTEN[way](secret)}>>", secret)
    assert MASK in seen and len(seen.replace(MASK, "")) <= 4 + 12


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_what_has_no_secret_in_it_stays_as_it_is(text: str) -> None:
    assert blotted(text, "token-12345", "p/q&r s") == text
    assert blotted(text) == text


@pytest.mark.parametrize(
    ("secret", "echo"),
    [
        ("Bearer tok-1234567", "invalid token tok-1234567"),
        ("bearer  tok-1234567 ", "invalid token 'tok-1234567'"),
        ("Token tok-1234567", '{"token":"tok-1234567"}'),
        ("Basic " + base64.b64encode(b"ann:pass/word").decode(), "ann:pass/word is wrong"),
        ("Basic " + base64.b64encode(b"ann:pass/word").decode(), 'wrong password "pass\\/word" for ann'),
        ("Basic " + base64.b64encode(b"ann:pass/word").decode(), base64.b64encode(b"ann:pass/word").decode()),
        ("  tok-1234567  ", "tok-1234567"),
    ],
)
def test_what_makes_sense_of_it_by_itself(secret: str, echo: str) -> None:
    seen = blotted(echo, secret)
    assert MASK in seen
    for word in ("tok-1", "1234567", "pass", 'word"', "YW5u"):
        assert word not in seen.replace("password", "")


def test_what_only_looks_like_a_scheme() -> None:
    for secret in ("Basic", "Basic ", "Basic !!", "Basic \udc80", "Bearer", "Basic /w=="):
        assert blotted(f"x {secret} y", secret).startswith("x ")


def test_the_longest_of_those_that_begin_alike() -> None:
    assert blotted("tok-1234567 tok", "tok", "tok-1234567") == f"{MASK} {MASK}"


def test_without_secrets_there_is_nothing_to_find() -> None:
    assert blotted("abc", "", "  ") == "abc"
    assert blotted("abc", "", is_cut=True) == "abc"


# --- what was cut off --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [way for way in WRITTEN if "base64" not in way and "capitals" not in way])
def test_cut_anywhere_in_the_secret(way: str) -> None:
    written = WRITTEN[way](SECRET)
    for length in range(1, len(written) + 1):
        seen = blotted(f"Error: {written[:length]}", SECRET, is_cut=True)
        assert seen == f"Error: {MASK}", (length, seen)


def test_cut_in_the_middle_of_a_letter() -> None:
    text = "Error: token-1ä".encode()[:-1].decode(errors="replace")
    assert blotted(text, "token-1ä2", is_cut=True) == f"Error: {MASK}"


def test_only_an_end_that_was_cut_is_taken_for_a_beginning() -> None:
    assert blotted("It was a to", "token-123") == "It was a to"
    assert blotted("Nothing of it", "zzz", is_cut=True) == "Nothing of it"


def test_a_hostile_answer_takes_no_time() -> None:
    """Linear in the answer: backslashes and escapes that never end are no way to stop a worker."""
    secret = 'a/b "c" & d' * 20
    for text in (
        "\\" * 65536,
        "%25" * 21845,
        "&amp;" * 13107,
        "a/b " * 16384,
        " " * 65536,
        "&amp;" * 999 + "#000" * 999,
    ):
        blotted(text, secret, "/ " * 50, is_cut=True)


@pytest.mark.parametrize("kind", ["contains", "regex", "json"])
def test_what_a_success_rule_quotes_of_an_answer_is_no_half_secret(kind: str) -> None:
    body = "x" * 52 + "token-1234567"
    answer = Answer(200, body=orjson.dumps({"said": body}) if kind == "json" else body.encode())
    rule = SuccessRule(kind, "all right", "said")
    request = Request("GET", "http://h/", (), b"", 5, "http://h/", (), ("token-1234567",), rule)
    settled = outcomes.settlement(Delivery(id="d" * 24), request, answer, timezone.now(), lambda: None)
    assert settled.error == "success_rule" and "token" not in settled.detail
