"""A request as a command of the shell that sends the same bytes, for people to copy into a terminal.

What strangers typed stands in it, quoted so that no shell reads it. What a terminal would act on while it is
pasted (control characters, marks that turn the direction of text) is not in it: it is written in octal.
"""

import shlex
import string
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

# What curl adds by itself, and we do not say: a name without a value takes it away.
_OF_CURL = ("User-Agent", "Content-Type", "Expect")
_SAFE = f"{string.ascii_letters}{string.digits}{string.punctuation}"
_MOST_IN_A_WORD = 100_000  # bytes: Linux hands no longer argument to a program
_ALWAYS = ("curl", "--http1.1", "--globoff", "--path-as-is")


def command(method: str, url: str, headers: Sequence[tuple[str, str]], body: str) -> str:
    """For any POSIX shell. Secrets that are masked in what is given are masked in it."""
    words = [
        " ".join(_ALWAYS),
        f"--request {_word(method)}",
        *(f"--header {_header(name, value)}" for name, value in headers if _is_ours(name)),
        *(f"--header {shlex.quote(f'{name}:')}" for name in _unsaid(headers, has_body=bool(body))),
    ]
    before = ""
    sent = body.encode(errors="replace")
    if sent and len(sent) <= _MOST_IN_A_WORD and _is_plain(body.replace("\n", "")):
        words.append(f"--data-raw {shlex.quote(body)}")
    elif sent:
        before = f"printf '%b' '{_in_octal(sent)}' |\n"
        words.append("--data-binary @-")
    words.append(f"--url {_word(_ascii(url))}")
    return before + " \\\n  ".join(words)


def _is_ours(name: str) -> bool:
    """Of the length of the body curl takes care."""
    return name.lower() != "content-length"


def _unsaid(headers: Sequence[tuple[str, str]], *, has_body: bool) -> list[str]:
    said = {name.lower() for name, _ in headers}
    return [name for name in (_OF_CURL if has_body else _OF_CURL[:1]) if name.lower() not in said]


def _header(name: str, value: str) -> str:
    """Latin-1, as headers are; one without a value is written so that curl sends it all the same."""
    text = f"{name}: {value}" if value else f"{name};"
    return _word(text, text.encode("latin-1", errors="replace"))


def _word(text: str, sent: bytes | None = None) -> str:
    """One word of a command line; `sent`: its bytes, if they are not UTF-8."""
    sent = text.encode(errors="replace") if sent is None else sent
    if _is_plain(text) and sent == text.encode():
        return shlex.quote(text)
    return f"\"$(printf '%b' '{_in_octal(sent)}')\""


def _is_plain(text: str) -> bool:
    """Whether all of it can be seen, and is no more than what is seen."""
    return text.isprintable()


def _in_octal(sent: bytes) -> str:
    """For printf's %b, within single quotes: whatever might mean something there is written as a number."""
    kept = f'{string.ascii_letters}{string.digits} =&+-_.,:;/?"{{}}[]<>()'.encode()
    return "".join(chr(byte) if byte in kept else f"\\0{byte:03o}" for byte in sent)


def _ascii(url: str) -> str:
    """As it goes on the line: UTF-8, percent-encoded, but for the name of the host."""
    host = urlsplit(url).netloc if "://" in url else ""
    before, found, rest = url.partition(host) if host else ("", "", url)
    return f"{before}{found}{quote(rest, safe=_SAFE)}"
