"""Finds secrets in what receivers say, however they write them, and puts the mask in their place.

A receiver may repeat a request as it is, from a URL, in JSON (also in that of PHP and Go), on a page, in
base64; escaped more than once; without the scheme before a token; cut off in the middle. So all escapes are
undone in text and secret alike, and what is found then is blotted where it stands in the text.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html.entities import html5
from string import ascii_lowercase, ascii_uppercase

from delivery.secrets import MASK

_DEPTH = 5  # escapes within escapes; what one leaves behind may need another round
_FEWEST_OF_BASE64 = 8  # characters: fewer are in many a text by chance
_SCHEMES = ("basic", "bearer", "token", "apikey", "digest")
# Of every letter first whether it may begin an escape: most do not, and that is seen at once.
_ESCAPE = re.compile(
    r"[%\\&\s\x00-\x1f+](?:"
    r"(?<=%)[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*"
    r"|(?<=\\)\\*(?:[uU][0-9A-Fa-f]{4}(?:\\+[uU][0-9A-Fa-f]{4})*|[nrtbfNRTBF]?)"
    r"|(?<=&)(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
    r"|(?<=[\s\x00-\x1f+])[\s\x00-\x1f+]+"
    r"|(?<=[^\S ])|(?<=[\x00-\x1f+]))"
)
# What is left of an escape, or of a letter, that was cut off.
_BROKEN = re.compile(r"[\x80-\xff\ud800-\udfff\ufffd]{0,3}(?:%[0-9a-f]?|u[0-9a-f]{0,3}|&#?[0-9a-z]{0,8})?")
_LONGEST_BROKEN = 16
_AS_LATIN1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}
_PLUS = re.compile(r"\++")
_IN_URLS = str.maketrans("+/", "-_")
_IN_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)


class Blotter:
    """Knows some secrets, and finds them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        words = {word for secret in secrets for word in _words(secret) if word}
        self._as_they_are = _longest_first(words)
        plain = {_plain(word).strip() for word in words} | {form for word in words for form in _base64s(word)}
        self._plain = _longest_first(filter(None, plain))

    def blotted(self, text: str, *, is_cut: bool = False) -> str:
        """The text with the mask for each secret; if it was cut off, also for one that its end begins."""
        if not self._as_they_are:
            return text
        for word in self._as_they_are:
            text = text.replace(word, MASK)
        plain = _plain(text)
        spans = _found(plain, self._plain)
        if is_cut and (begun := self._begun(plain)) is not None:
            spans.append((begun, len(plain)))
        return _masked(text, spans, is_cut=is_cut) if spans else text

    def _begun(self, text: str) -> int | None:
        """Where the beginning of a secret begins that the text ends with."""
        ends = range(len(text), max(len(text) - _LONGEST_BROKEN, 0), -1)
        starts = [
            start
            for end in ends
            if _BROKEN.fullmatch(text, end)
            for word in self._plain
            if (start := _overlap(text, end, word)) is not None
        ]
        return min(starts, default=None)


@lru_cache(maxsize=2000)
def blotter(secrets: tuple[str, ...]) -> Blotter:
    """The one for these secrets."""
    return Blotter(secrets)


def _overlap(text: str, end: int, word: str) -> int | None:
    """Where the longest beginning of the word starts that ends at `end`."""
    start = text.find(word[0], max(end - len(word) + 1, 0), end)
    while start >= 0:
        if word.startswith(text[start:end]):
            return start
        start = text.find(word[0], start + 1, end)
    return None


def _longest_first(words: Iterable[str]) -> list[str]:
    """One may begin with another."""
    return sorted(words, key=len, reverse=True)


def _found(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where any of the words stand. Most stand nowhere, and that is seen much quicker than by a pattern."""
    there = [word for word in words if word in text]
    if not there:
        return []
    return [found.span() for found in re.finditer("|".join(map(re.escape, there)), text)]


# --- what a secret may look like ---------------------------------------------------------------------


def _words(secret: str) -> Iterator[str]:
    """A secret, and what of it makes sense by itself: the token of a header, the password behind `Basic`."""
    for word in _parts(secret.strip()):
        yield word
        if not word.isascii():  # read in the other of the two usual encodings
            yield word.encode(errors="replace").decode("latin-1")
            yield word.encode("latin-1", errors="replace").decode(errors="replace")


def _parts(secret: str) -> Iterator[str]:
    yield secret
    scheme, _, token = secret.partition(" ")
    if scheme.lower() not in _SCHEMES:
        return
    yield token.strip()
    if scheme.lower() == "basic":
        user_and_password = _opened(token.strip())
        yield from (user_and_password, user_and_password.partition(":")[2])


def _opened(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _base64s(word: str) -> Iterator[str]:
    """What of its base64 does not depend on what stands around it, for each way in which it can lie."""
    raw = word.encode(errors="replace")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        inner = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6].translate(_IN_SMALL)
        if len(inner) >= _FEWEST_OF_BASE64:
            yield _PLUS.sub(" ", inner).strip()
            yield inner.translate(_IN_URLS)


# --- without escapes ---------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """The text without escapes, in small letters."""
    for _ in range(_DEPTH):
        before = text
        text = _ESCAPE.sub(_meaning_of, text)
        if text == before:
            break
    return text.translate(_IN_SMALL)


def _masked(text: str, spans: Sequence[tuple[int, int]], *, is_cut: bool) -> str:
    """The text with the mask at these places of its plain form."""
    starts, ends = _places(text)
    parts, at = [], 0
    for start, end in spans:
        if starts[start] >= at:
            parts += [text[at : starts[start]], MASK]
        at = len(text) if is_cut and end == len(ends) else ends[end - 1]
    return "".join([*parts, text[at:]])


def _places(text: str) -> tuple[list[int], list[int]]:
    """For each letter of the plain form, where it starts and ends in the text as it is."""
    starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
    for _ in range(_DEPTH):
        new_starts: list[int] = []
        new_ends: list[int] = []
        at = 0
        for found in _ESCAPE.finditer(text):
            start, end = found.span()
            length = len(_meaning_of(found))
            new_starts += starts[at:start] + [starts[start]] * length
            new_ends += ends[at:start] + [ends[end - 1]] * length
            at = end
        starts, ends = new_starts + starts[at:], new_ends + ends[at:]
        before = text
        text = _ESCAPE.sub(_meaning_of, text)
        if text == before:
            break
    return starts, ends


def _meaning_of(found: re.Match[str]) -> str:
    return _meaning(found.group())


def _meaning(escape: str) -> str:
    """What one escape, or a run of them, stands for."""
    if escape[0] == "%":
        return _decoded(bytes.fromhex(escape.replace("%", "")))
    if escape[0] == "&":
        return _referred(escape[1:])
    if escape[0] != "\\":
        return " "
    digits = "".join(re.findall("[uU](....)", escape))
    if digits:
        return bytes.fromhex(digits).decode("utf-16-be", errors="surrogatepass")
    return "" if escape[-1] == "\\" else " "


def _decoded(raw: bytes) -> str:
    """UTF-8; what is not (because it was cut off, say) as Latin-1."""
    return raw.decode(errors="surrogateescape").translate(_AS_LATIN1)


def _referred(name: str) -> str:
    """What `&name;` stands for on a page."""
    if name[0] != "#":
        return html5.get(name, f"&{name}")
    number = int(name[2:-1], 16) if name[1] in "xX" else int(name[1:-1])
    return chr(number) if number < 0x110000 else "\ufffd"
