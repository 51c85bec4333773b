"""The command that people copy sends what was sent, byte for byte, whatever strangers typed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from delivery.curl import command
from tests.receiver import Receiver

SHELLS = [name for name in ("sh", "dash", "bash", "zsh", "busybox") if shutil.which(name)]
HOSTILE = (
    "$(touch evil) `touch evil` ${HOME} !! ; touch evil & | > evil </etc/passwd ~ * ? [a] {a,b} # \\ %s",
    "it's '; touch evil; ' \"quoted\" \\' \\\" $'\\x00' &amp; <script>",
    "Zoë 😀 שלום \u202eevil\u2066 \u00a0",
    "line\nline\r\nline\ttab\n\n",
    "\x1b[201~\ntouch evil\n\x03\x15\x7f\x80\x9b31m",
    "@/etc/passwd",
    "-K/etc/passwd",
    "%041%00\\0101\\c cut off here",
)
HEADERS = (("Content-Type", "text/plain"), ("User-Agent", "Postrider/1"))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def run(text: str, shell: str, folder: Path) -> None:
    """As a person would: pasted into the shell."""
    words = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        words, input=text.encode(), cwd=folder, capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert not (folder / "evil").exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_body_arrives_byte_for_byte(receiver: Receiver, tmp_path: Path, body: str, shell: str) -> None:
    run(command("POST", receiver.url("/hook"), HEADERS, body), shell, tmp_path)
    [request] = receiver.requests
    assert request.body == body.encode()
    assert (request.method, request.target) == ("POST", "/hook")


@pytest.mark.parametrize("shell", SHELLS)
def test_method_address_and_headers_arrive_as_they_are(
    receiver: Receiver, tmp_path: Path, shell: str
) -> None:
    query = "/a/../b?x=[1-3]{a,b}&y='$(touch evil)'`touch evil`&z=%41%2f+&name=Zoë"
    headers = (
        ("User-Agent", "Postrider/1"),
        ("X-Empty", ""),
        ("X-Quoted", 'it\'s "$(touch evil)" \\ `touch evil` !'),
        ("X-Letters", "Löve\xa0\tend"),
    )
    run(command("PUT", receiver.url(query), headers, "{}"), shell, tmp_path)
    [request] = receiver.requests
    assert request.method == "PUT"
    assert request.target == query.replace("ë", "%C3%AB").replace(" ", "%20")
    assert {name: request.header(name) for name, _ in headers} == dict(headers)
    assert request.header("Content-Type") is None and request.header("Expect") is None
    assert request.header("Accept") == "*/*"


@pytest.mark.parametrize("shell", SHELLS[:1])
def test_without_a_body_there_is_none(receiver: Receiver, tmp_path: Path, shell: str) -> None:
    run(command("GET", receiver.url("/hook?a=1"), (), ""), shell, tmp_path)
    [request] = receiver.requests
    assert (request.method, request.target, request.body) == ("GET", "/hook?a=1", b"")
    assert request.header("Content-Length") is None and request.header("User-Agent") is None


def test_nothing_that_a_terminal_acts_on_is_in_it() -> None:
    for text in HOSTILE:
        written = command("POST", f"http://x.test/?{text}", (("X-Note", text),), text)
        assert all(letter.isprintable() or letter == "\n" for letter in written)


def test_a_long_body_is_no_argument_of_a_command(receiver: Receiver, tmp_path: Path) -> None:
    """Linux allows 128 KiB for one argument."""
    body = "x" * 300_000
    run(command("POST", receiver.url("/hook"), HEADERS, body), "sh", tmp_path)
    assert receiver.requests[0].body == body.encode()
