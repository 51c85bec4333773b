"""The guard: no spelling of a forbidden address gets through, in a form or on the line."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from delivery import guard
from delivery.guard import Forbidden, Unresolvable
from delivery.transports import Answer, Request, make_transport
from tests.receiver import Receiver

FORBIDDEN = [
    # this network, private, shared (CGNAT), loopback, link-local
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    # protocol assignments, documentation, 6to4 relays, private, benchmarks, multicast, reserved, broadcast
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    # clouds' own: metadata, wire server
    *("168.63.129.16", "100.100.100.200", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254"),
    # IPv6: unspecified, loopback, compatible, mapped, SIIT, NAT64, local NAT64, discard
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1"),
    *(
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::808:808",
        "64:ff9b:1::7f00:1",
        "100::1",
        "100:0:0:1::1",
    ),
    # Teredo, benchmarks, ORCHID, documentation, 6to4, AS112, segment routing
    *("2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2620:4f:8000::1", "5f00::1"),
    # unique local, link-local, site-local, multicast, never assigned
    *("fc00::1", "fdff::1", "fe80::1", "febf::1", "fe80::1%eth0", "fec0::1", "feff::1", "ff02::1", "ff0e::1"),
    *("4000::1", "8000::1", "1::1"),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255"),
    *(
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.0.3.1",
    ),
    *("192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "168.63.129.15"),
    *(
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2620:fe::fe",
        "3ffe::1",
    ),
]
# Each names this machine, or a place like it, to whoever reads it with the same patience as the system does.
ODD_URLS = [
    *(
        "http://2130706433/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://0x7f.0.0.1/",
        "http://0177.1/",
    ),
    *("http://127.1/", "http://127.0.1/", "http://0/", "http://0.0.0.0/"),
    *("http://①②⑦.⓪.⓪.①/", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://0x7F。1/"),
    *("http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::]/", "http://[::ffff:7f00:1]/"),
    *("http://[::ffff:127.0.0.1]:80/", "http://[::127.0.0.1]/", "http://[fe80::1%eth0]/"),
    *(
        "http://[64:ff9b::10.0.0.1]/",
        "http://[2002:a00:1::]/",
        "http://[2001:0:7f00:1::]/",
        "http://[fec0::1]/",
    ),
    *("http://localhost/", "http://LOCALHOST/", "http://LocalHost:80/"),
    *("http://8.8.8.8@127.0.0.1/", "http://8.8.8.8:80@127.0.0.1:80/", "http://example.com%40@127.0.0.1/"),
    *("http://example.com\\@127.0.0.1/", "http://a:b@c@127.0.0.1/", "http://127.0.0.1?@8.8.8.8/"),
    *(
        "http://127.0.0.1#@8.8.8.8/",
        "HTTP://127.0.0.1/",
        "//127.0.0.1/",
    ),
    *(
        "http://\t127.0.0.1/",
        "http://127.0.0.1:/",
        "https://127.0.0.1:443/",
        "http://169.254.169.254/latest/",
    ),
]
# Not read as this machine by who judges the URL, but perhaps by who connects.
UNRESOLVABLE_URLS = [
    *("http://[fe80::1%25lo]/", "http://127.0.0.1;8.8.8.8/../@127.0.0.1/", "http://127.0.0.1%2f@8.8.8.x/"),
    *(
        "http://127.0.0.1%00.x/",
        "http://127.0.0.1&x/",
        "http://127.0.0.1,8.8.8.x/",
        "http://0x7f.0x0.0x0.0x1g/",
    ),
]
UNREADABLE_URLS = [
    *("", "http://", "http:///x", "x", "http://@/", "http://:80/", "http://[::1/", "http://[127.0.0.1]/"),
    *("http://8.8.8.8:0x50/", "http://8.8.8.8:99999/", "http://8.8.8.8:-1/", "http://[::1%25]/"),
]


@pytest.fixture(autouse=True)
def nothing_is_opened(settings: Settings) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What the name service says: for each name the answers to the first, second, … look-up."""
    known: dict[str, list[list[str]]] = {"localhost": [["127.0.0.1", "::1"]]}
    real = socket.getaddrinfo

    def look_up(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        answers = known.get(str(host).lower().rstrip("."))
        if answers is None:
            return real(host, port, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        found = []
        for address in now:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            found.append((family, socket.SOCK_STREAM, 6, "", (address, port)))
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def send() -> Iterator[Callable[[str], Answer]]:
    transport = make_transport()

    def one(url: str) -> Answer:
        transport.start("only", Request("GET", url, (), b"", 3, url, ()))
        ((_, answer),) = transport.finished(10)
        return answer

    yield one
    transport.close()


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_addresses(address: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        guard.check_address(address, 443)
    assert address.partition("%")[0] in str(refusal.value) or ":" in address


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    guard.check_address(address, 443)


def test_the_reason_is_for_people_and_says_what_to_do() -> None:
    with pytest.raises(
        Forbidden, match=r"^10\.0\.0\.1 is not a public address\. To allow it, an operator adds"
    ):
        guard.check_address("10.0.0.1", 443)
    with pytest.raises(Forbidden, match=r"^shop\.example \(10\.0\.0\.1\) is not a public address\."):
        guard.check_address("10.0.0.1", 443, "shop.example")
    with pytest.raises(Forbidden, match=r"^Port 22 is not allowed\. An operator can add it"):
        guard.check_address("8.8.8.8", 22)


@pytest.mark.parametrize("url", ODD_URLS)
def test_odd_spellings_are_refused_in_a_form(url: str, names: dict[str, list[list[str]]]) -> None:
    with pytest.raises(Forbidden):
        guard.check_url(url)


@pytest.mark.parametrize("url", UNREADABLE_URLS)
def test_what_is_no_url_is_refused_in_words(url: str, names: dict[str, list[list[str]]]) -> None:
    with pytest.raises(Forbidden):
        guard.check_url(url)


@pytest.mark.parametrize("url", [*ODD_URLS, *UNRESOLVABLE_URLS, *UNREADABLE_URLS])
def test_no_spelling_leads_to_a_forbidden_receiver(
    url: str, names: dict[str, list[list[str]]], send: Callable[[str], Answer], receiver: Receiver
) -> None:
    port = int(receiver.url("").rpartition(":")[2])
    for asked in (url, url.replace("127.0.0.1/", f"127.0.0.1:{port}/").replace(":80/", f":{port}/")):
        answer = send(asked)
        assert answer.status is None and answer.remote_address == ""
        assert answer.error in ("forbidden_address", "dns", "config", "reset"), answer
    assert receiver.requests == []


def test_loopback_is_open_only_where_a_setting_says_so(
    receiver: Receiver, send: Callable[[str], Answer], settings: Settings
) -> None:
    answer = send(receiver.url())
    assert answer.error == "forbidden_address" and answer.detail.startswith(
        "127.0.0.1 is not a public address."
    )
    assert receiver.requests == []
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert send(receiver.url()).status == 200
    guard.check_url(receiver.url())


@pytest.mark.parametrize("port", [1, 21, 22, 25, 79, 81, 3306, 5432, 6379, 8000, 65535])
def test_only_some_ports_of_public_addresses_are_open(port: int, settings: Settings) -> None:
    with pytest.raises(Forbidden, match="Port"):
        guard.check_url(f"http://8.8.8.8:{port}/")
    settings.POSTRIDER_ALLOWED_PORTS = [port]
    guard.check_url(f"http://8.8.8.8:{port}/")


def test_the_port_that_a_scheme_stands_for() -> None:
    for url in ("http://8.8.8.8/", "https://8.8.8.8/", "http://8.8.8.8:8080/", "https://8.8.8.8:8443/"):
        guard.check_url(url)


def test_an_allowed_network_is_open_at_any_port_and_nothing_beside_it(settings: Settings) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd12::/16"]
    guard.check_address("10.1.2.3", 25)
    guard.check_address("fd12::1", 2525)
    for address in ("10.2.0.1", "127.0.0.1", "fd13::1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"):
        with pytest.raises(Forbidden):
            guard.check_address(address, 443)


@pytest.mark.parametrize(
    ("opened", "address"),
    [
        ("0.0.0.0/0", "169.254.169.254"),
        ("169.254.0.0/16", "169.254.169.254"),
        ("169.254.169.254/31", "169.254.169.254"),
        ("168.63.129.0/24", "168.63.129.16"),
        ("100.64.0.0/10", "100.100.100.200"),
        ("192.0.0.0/24", "192.0.0.192"),
        ("fd00::/8", "fd00:ec2::254"),
        ("fd00::/8", "fd20:ce::254"),
        ("::/0", "::ffff:169.254.169.254"),
        ("::/0", "::169.254.169.254"),
        ("64:ff9b::/96", "64:ff9b::a9fe:a9fe"),
        ("2002::/16", "2002:a9fe:a9fe::1"),
    ],
)
def test_metadata_stays_closed_unless_it_is_named_exactly(
    opened: str, address: str, settings: Settings
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = [opened]
    with pytest.raises(Forbidden, match="cloud metadata address: nothing is sent there"):
        guard.check_address(address, 80)
    settings.POSTRIDER_ALLOWED_NETWORKS = [opened, address]
    guard.check_address(address, 80)


def test_one_bad_answer_among_good_ones_is_enough(
    names: dict[str, list[list[str]]], send: Callable[[str], Answer], receiver: Receiver
) -> None:
    names["mixed.example"] = [["8.8.8.8", "127.0.0.1"]]
    names["mixed6.example"] = [["2606:4700::1111", "8.8.8.8", "fe80::1"]]
    for host in ("mixed.example", "mixed6.example", "MIXED.example", "mixed.example."):
        with pytest.raises(Forbidden):
            guard.check_url(f"https://{host}/")
    port = receiver.url("").rpartition(":")[2]
    assert send(f"http://mixed.example:{port}/").error == "forbidden_address"
    assert receiver.requests == []


def test_all_good_answers_are_kept_in_their_order(names: dict[str, list[list[str]]]) -> None:
    names["good.example"] = [["2606:4700::1111", "8.8.8.8", "8.8.8.8", "1.1.1.1"]]
    assert guard.resolve("good.example", 443) == ["2606:4700::1111", "8.8.8.8", "1.1.1.1"]


def test_a_name_without_address_is_no_fault_of_the_url(names: dict[str, list[list[str]]]) -> None:
    guard.check_url("https://not-yet.example/")
    for host in ("not-yet.example", "x" * 64 + ".example", "a..b"):
        with pytest.raises(Unresolvable):
            guard.resolve(host, 443)


def test_what_was_judged_is_what_is_connected_to(
    names: dict[str, list[list[str]]],
    send: Callable[[str], Answer],
    receiver: Receiver,
    settings: Settings,
) -> None:
    """DNS rebinding: the first answer is fine, any later one is not, and is never asked for."""
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.1"]
    names["rebind.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    port = receiver.url("").rpartition(":")[2]
    answer = send(f"http://rebind.example:{port}/x")
    assert (answer.status, answer.remote_address) == (200, "127.0.0.1")
    assert receiver.requests[0].header("Host") == f"rebind.example:{port}"
    assert names["rebind.example"] == [["127.0.0.2"]]  # looked up once


def test_a_name_is_judged_anew_for_each_connection(
    names: dict[str, list[list[str]]],
    send: Callable[[str], Answer],
    receiver: Receiver,
    settings: Settings,
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.1"]
    names["moved.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    url = f"http://moved.example:{receiver.url('').rpartition(':')[2]}/"
    assert send(url).status == 200
    receiver.stop()  # so that the kept connection cannot serve again
    receiver.start()
    assert send(url).error == "forbidden_address"
    assert len(receiver.requests) == 1


def test_of_several_addresses_the_next_is_tried(
    names: dict[str, list[list[str]]],
    send: Callable[[str], Answer],
    receiver: Receiver,
    settings: Settings,
) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    names["two.example"] = [["127.0.0.9", "127.0.0.1"]]  # nobody listens at the first
    answer = send(f"http://two.example:{receiver.url('').rpartition(':')[2]}/")
    assert (answer.status, answer.remote_address) == (200, "127.0.0.1")
