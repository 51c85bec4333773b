"""The guard on the line, for each transport: where it may not connect nobody ever sees a connection.

Everything happens on loopback. The receiver at 127.0.0.1 plays what is forbidden; 127.0.0.9, which is allowed
and where nobody listens, plays the public address that an attacker holds out.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import certifi
import pytest
import trustme
from pytest_django import Settings

from delivery import outcomes
from delivery.models import Delivery
from delivery.transports import Answer, Request, Transport, make_transport
from delivery.transports import names as kept_names
from tests.delivery.addresses import INSIDE_NAMES, METADATA, Answers, spellings, wrapped
from tests.delivery.bare_server import bare_server
from tests.receiver import Answer as Reply
from tests.receiver import Receiver, redirect

HERE, HELD_OUT = "127.0.0.1", "127.0.0.9"
NOWHERE = ("forbidden_address", "dns", "config", "refused", "reset")

pytestmark = pytest.mark.usefixtures("no_way_out")


@pytest.fixture(params=["pycurl", "requests"])
def transport(request: pytest.FixtureRequest, settings: Settings, names: Answers) -> Iterator[Transport]:
    settings.POSTRIDER_TRANSPORT = request.param
    settings.POSTRIDER_ALLOWED_NETWORKS = [HELD_OUT]
    carrier = make_transport()
    yield carrier
    carrier.close()


@pytest.fixture
def port(receiver: Receiver) -> int:
    return int(receiver.url("").rpartition(":")[2])


def a_request(url: str) -> Request:
    return Request("GET", url, (), b"", 5, url, ())


def send(transport: Transport, url: str) -> Answer:
    transport.start("only", a_request(url))
    ((_, answer),) = transport.finished(20)
    return answer


def assert_never_connected(receiver: Receiver, transport: Transport, settings: Settings) -> None:
    """The first connection that the receiver sees is the one that we make now."""
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    assert send(transport, receiver.url("/now")).status == 200
    assert [(one.path, one.connection) for one in receiver.requests] == [("/now", 1)]


# --- addresses and URLs ------------------------------------------------------------------------------


def test_loopback_is_open_only_where_a_setting_says_so(
    receiver: Receiver, transport: Transport, settings: Settings
) -> None:
    answer = send(transport, receiver.url())
    assert answer.error == "forbidden_address" and answer.status is None
    assert answer.detail.startswith("127.0.0.1 is not a public address.")
    assert_never_connected(receiver, transport, settings)


def test_no_spelling_of_its_address_leads_to_the_receiver(
    receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    hosts = [*spellings(IPv4Address(HERE)), "localhost", "LOCALHOST", "localhost.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", f"{HERE}."]
    hosts += [f"[{outer}]" for outer in wrapped(IPv4Address(HERE)).values()]
    hosts += ["[::ffff:127.0.0.1]", "[::1]", "[::1%25lo]", "[::ffff:127.0.0.1%25lo]", "0", "0.0.0.0", "[::]"]
    for host in hosts:
        answer = send(transport, f"http://{host}:{port}/{len(host)}")
        assert (answer.status, answer.body) == (None, b"") and answer.error in NOWHERE, (host, answer)
    assert_never_connected(receiver, transport, settings)


# For each: who is judged, and who is connected to? HERE is forbidden and listens, HELD_OUT is neither.
TRICKS = [
    *("http://{out}@{here}/", "http://{out}:80@{here}/", "http://a:b@c@{here}/", "http://{out}%40@{here}/"),
    *("http://{out}\\@{here}/", "http://{here}\\@{out}/", "http://{here}\\.{out}/", "http:\\\\{here}\\"),
    *("http://{here}?@{out}/", "http://{here}#@{out}/", "http://{here}/@{out}/", "http://{here}?.{out}/"),
    *("http://{here}#.{out}/", "http://{out}#@{here}/", "http://{out}?@{here}/", "http://{out};@{here}/"),
    *("http://{here};{out}/", "http://{here};@{out}/", "http://{here},{out}/", "http://{here}&@{out}#@x/"),
    *("http://{out} {here}/", "http://{here} {out}/", "http://{out}\t{here}/", "http://{out}\n{here}/"),
    *(
        "http://{out}\r\nHost: {here}/",
        "http://{here}%00.{out}/",
        "http://{here}\x00.{out}/",
        "http://{here}%2f@{out}/",
    ),
    *(
        "http://{out}%23@{here}/",
        "http://{out}%5b@{here}/",
        "http://[{out}]@{here}/",
        "http://{here}%0d%0a.{out}/",
    ),
    *(
        "http:/{here}/",
        "http:{here}/",
        "http:///{here}/",
        "http:////{here}/",
        "///{here}/",
        "//{here}/",
        "{here}/",
    ),
    *("HTTP://{here}/", "hTtP://{here}/", " http://{here}/", "ht\ntp://{here}/", "http ://{here}/"),
    *(
        "http://{out}:80:80@{here}/",
        "http://{here}:/",
        "http://@{here}/",
        "http://:@{here}/",
        "http://[::1]@{here}/",
    ),
    *(
        "http://{here}。/",
        "http://%31%32%37.0.0.1:{port}/",
        "http://①②⑦.⓪.⓪.①:{port}/",
        "http://{out}⁄@{here}/",
    ),
    *("http://{out}／@{here}/", "http://{out}＠{here}/", "http://{out}＃@{here}/", "http://{out}℀@{here}/"),
    *("url:http://{here}/", "view-source:http://{here}/", "jar:http://{here}!/", "feed:http://{here}/"),
    *("http+unix://{here}/", "https+http://{here}/", "http://{here}:{port}0/", "http://{out}:{port}@{here}/"),
]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_two_parts_of_us_read_a_url_differently(
    trick: str, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    """Whatever each takes for the host, the one that is connected to is the one that was judged."""
    for scheme in ("http", "https"):
        url = trick.format(out=HELD_OUT, here=f"{HERE}:{port}", port=port)
        answer = send(transport, url.replace("http", scheme, 1))
        assert answer.status is None and answer.error in NOWHERE, answer
    assert_never_connected(receiver, transport, settings)


SCHEMES = [
    *("file:///etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "netdoc:///etc/passwd"),
    *(
        "gopher://{here}/_GET%20/%20HTTP/1.0%0D%0A%0D%0A",
        "dict://{here}/info",
        "ftp://{here}/x",
        "ftps://{here}/x",
    ),
    *("ldap://{here}/", "ldaps://{here}/", "tftp://{here}/x", "smb://{here}/x/y", "telnet://{here}/"),
    *(
        "imap://{here}/",
        "pop3://{here}/",
        "smtp://{here}/",
        "rtsp://{here}/",
        "rtmp://{here}/x",
        "mqtt://{here}/x",
    ),
    *("scp://{here}/x", "sftp://{here}/x", "ws://{here}/", "wss://{here}/", "ipfs://{here}/x", "unix:///x"),
    *("data:text/plain,hello", "javascript:alert(1)", "about:blank", "x://{here}/", "://{here}/", "{here}"),
]


@pytest.mark.parametrize("url", SCHEMES)
def test_only_http_is_spoken(
    url: str, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    answer = send(transport, url.format(here=f"{HERE}:{port}"))
    assert (answer.error, answer.status, answer.body, answer.headers) == ("config", None, b"", ())
    assert_never_connected(receiver, transport, settings)


@pytest.mark.parametrize("address", METADATA)
def test_metadata_is_not_asked_for_even_if_its_network_is_open(
    address: str, transport: Transport, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["0.0.0.0/0", "::/0"]
    host = f"[{address}]" if ":" in address else address
    answer = send(transport, f"http://{host}/latest/meta-data/")
    assert answer.error == "forbidden_address"
    assert answer.detail == f"{address} is a cloud metadata address: nothing is sent there."


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INSIDE_NAMES)
def test_names_of_places_inside_lead_nowhere(name: str, names: Answers, transport: Transport) -> None:
    names[name] = [[INSIDE_NAMES[name]]]
    for url in (f"http://{name}/", f"https://{name.upper()}/x"):
        assert send(transport, url).error == "forbidden_address"


@pytest.mark.parametrize(
    "answers", [[HELD_OUT, HERE], [HERE, HELD_OUT], [HELD_OUT, "::1"], [HELD_OUT, "10.0.0.1"]]
)
def test_one_bad_answer_among_good_ones_is_enough(
    answers: list[str],
    names: Answers,
    receiver: Receiver,
    port: int,
    transport: Transport,
    settings: Settings,
) -> None:
    names["mixed.example"] = [answers]
    for host in ("mixed.example", "MIXED.example", "mixed.example."):
        assert send(transport, f"http://{host}:{port}/").error == "forbidden_address"
    assert_never_connected(receiver, transport, settings)


def test_a_name_that_changes_its_mind_leads_nowhere(
    names: Answers, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    """DNS rebinding: to the guard it says a fine address, to whoever asks again the one that was meant."""
    names["rebind.example"] = [[HELD_OUT], [HERE]]
    answer = send(transport, f"http://rebind.example:{port}/")
    assert (answer.error, answer.status) == ("refused", None)
    assert names["rebind.example"] == [[HERE]]  # nobody asked again
    assert send(transport, f"http://rebind.example:{port}/").error in ("refused", "forbidden_address")
    assert_never_connected(receiver, transport, settings)


def test_what_was_judged_is_what_is_connected_to(
    names: Answers, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    names["rebind.example"] = [[HERE], [HELD_OUT]]
    answer = send(transport, f"http://rebind.example:{port}/x")
    assert (answer.status, answer.remote_address) == (200, HERE)
    assert receiver.requests[0].header("Host") == f"rebind.example:{port}"
    assert names["rebind.example"] == [[HELD_OUT]]


def test_a_name_is_judged_again_when_it_is_asked_for_again(
    names: Answers,
    receiver: Receiver,
    port: int,
    transport: Transport,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_names, "KEPT_SECONDS", 0.0)
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    names["moved.example"] = [[HERE], ["10.0.0.1"]]
    assert send(transport, f"http://moved.example:{port}/").status == 200
    receiver.stop()  # so that the kept connection cannot serve again
    receiver.start()
    assert send(transport, f"http://moved.example:{port}/").error == "forbidden_address"
    assert len(receiver.requests) == 1


def test_an_address_that_is_kept_is_judged_before_each_connection(
    names: Answers, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    names["kept.example"] = [[HERE]]
    assert send(transport, f"http://kept.example:{port}/").status == 200
    settings.POSTRIDER_ALLOWED_NETWORKS = [HELD_OUT]
    receiver.stop()
    receiver.start()
    assert send(transport, f"http://kept.example:{port}/").error == "forbidden_address"
    assert len(receiver.requests) == 1


def test_of_several_addresses_the_next_is_tried(
    names: Answers, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE, HELD_OUT]
    names["two.example"] = [[HELD_OUT, HERE]]
    answer = send(transport, f"http://two.example:{port}/")
    assert (answer.status, answer.remote_address) == (200, HERE)


@pytest.mark.parametrize(
    "host", ["dot.example.", "UPPER.example", "a_b.example", "bücher.example", "xn--bcher-kva.example", "one"]
)
def test_a_name_in_any_form_is_looked_up_by_us_alone(
    host: str, names: Answers, receiver: Receiver, port: int, transport: Transport, settings: Settings
) -> None:
    """Did a transport not find what was judged, it would have to ask by itself, and find nothing."""
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    names.update({name: [[HERE]] for name in ("dot.example", "upper.example", "a_b.example", "one")})
    names["xn--bcher-kva.example"] = [[HERE]]
    answer = send(transport, f"http://{host}:{port}/")
    assert (answer.status, answer.remote_address) == (200, HERE), answer


@pytest.mark.parametrize("certified", ["partner.example", "127.0.0.1", "other.example"])
def test_the_name_is_shown_and_the_certificate_must_be_of_the_name(
    certified: str,
    names: Answers,
    settings: Settings,
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Pinned to an address, it still asks for the host by its name, and believes nobody who is not it."""
    authority, shown = trustme.CA(), []
    authority.cert_pem.write_to_path(str(tmp_path / "known.pem"))
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "known.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(certified).configure_cert(context)
    context.sni_callback = lambda line, name, context: shown.append(name)
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    names["partner.example"] = [[HERE]]
    receiver, fresh = Receiver(tls=context), make_transport()  # certificates are read when it is made
    receiver.start()
    try:
        answer = send(fresh, receiver.url().replace(HERE, "partner.example"))
    finally:
        fresh.close()
        receiver.stop()
    assert shown == ["partner.example"]
    if certified == "partner.example":
        assert (answer.status, answer.error) == (200, "")
    else:
        assert (answer.error, receiver.requests) == ("tls", [])


# --- ways around -------------------------------------------------------------------------------------

PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "SOCKS_PROXY", "PROXY"]


@pytest.mark.parametrize("variable", [*PROXIES, *map(str.lower, PROXIES), "all of them"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", ""])
def test_proxies_of_the_environment_are_ignored(
    variable: str,
    scheme: str,
    receiver: Receiver,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    transport: Transport,
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "partner.example")
    with bare_server([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"]) as proxy:
        address = proxy.url().removeprefix("http://").rstrip("/")
        for name in [*PROXIES, *map(str.lower, PROXIES)] if variable == "all of them" else [variable]:
            monkeypatch.setenv(name, f"{scheme}://{address}" if scheme else address)
        answer = send(transport, receiver.url("/direct"))
        assert (answer.status, answer.body) == (200, b"ok")
        assert receiver.requests[0].target == "/direct"
        settings.POSTRIDER_ALLOWED_NETWORKS = []
        assert send(transport, "http://169.254.169.254/").error == "forbidden_address"


LEADS = [
    *("http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "//169.254.169.254/"),
    *(
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
    ),
    "{receiver}",
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("lead", LEADS)
def test_a_redirect_is_not_followed_and_its_address_is_named(
    lead: str, status: int, receiver: Receiver, settings: Settings, transport: Transport
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    lead = lead.format(receiver=receiver.url("/elsewhere"))
    receiver.answers("/hook", redirect(lead, status))
    request = a_request(receiver.url("/hook"))
    transport.start("only", request)
    ((_, answer),) = transport.finished(20)
    assert (answer.status, answer.error) == (status, "")
    assert [one.path for one in receiver.requests] == ["/hook"]
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    settled = outcomes.settlement(Delivery(id="d" * 24), request, answer, now, lambda: minute)
    assert settled.error == "redirect" and settled.state == "waiting"
    assert lead in settled.detail and "Not followed" in settled.detail


HINTS = [
    *(
        ("Refresh", "0; url={to}"),
        ("Alt-Svc", 'h2="{host}"; ma=9, http/1.1="{host}"'),
        ("Alt-Used", "{host}"),
    ),
    *(("Strict-Transport-Security", "max-age=99999"), ("Content-Location", "{to}"), ("Location", "{to}")),
    *(("Link", "<{to}>; rel=preload"), ("Upgrade", "h2c"), ("Proxy", "{to}"), ("Location", "")),
]


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: f"{hint[0]} {hint[1]}")
@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 401, 407, 421, 426, 503])
def test_no_header_of_an_answer_leads_elsewhere(
    hint: tuple[str, str], status: int, receiver: Receiver, settings: Settings, transport: Transport
) -> None:
    """Not in this request, and not in the next."""
    settings.POSTRIDER_ALLOWED_NETWORKS = [HERE]
    elsewhere = Receiver()
    elsewhere.start()
    host = elsewhere.url("").removeprefix("http://")
    header = (hint[0], hint[1].format(to=elsewhere.url(), host=host))
    receiver.answers("*", Reply(status, b"" if status == 304 else b"x", (header,)))
    for number in (1, 2):
        assert send(transport, receiver.url(f"/{number}")).status == status
    elsewhere.stop()
    assert [one.path for one in receiver.requests] == ["/1", "/2"]
    assert elsewhere.requests == []
