"""The guard: no spelling of a forbidden address gets through. On the line: test_guard_on_the_line."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from delivery import guard
from delivery.guard import Forbidden, Unresolvable
from tests.delivery.addresses import (
    INSIDE_NAMES,
    METADATA,
    SPECIAL_V4,
    SPECIAL_V6,
    UNICAST_V6,
    Answers,
    spellings,
    wrapped,
)

PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "9.255.255.255", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255"),
    *("2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2001:4860:4860::8888", "2620:fe::fe"),
    # looks like ISATAP, but not at its place
    *("2606:4700:0:5efe::1", "2606:4700::5efe", "2606:4700::1:5efe:1", "2606:4700::100:5efe:7f00:1"),
]
INSIDE = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "172.16.0.1", "0.0.0.0", "100.64.0.1"]


@pytest.fixture(autouse=True)
def nothing_is_opened(settings: Settings) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = []


def is_refused(text: str) -> bool:
    try:
        guard.check_address(text, 443)
    except Forbidden:
        return True
    return False


def is_special(address: IPv4Address | IPv6Address) -> bool:
    """By the registries alone."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in SPECIAL_V4)
    is_isatap = int(address) >> 32 & 0xFDFFFFFF == 0x5EFE
    return address not in UNICAST_V6 or is_isatap or any(address in network for network in SPECIAL_V6)


# --- addresses ---------------------------------------------------------------------------------------


def edges(network: IPv4Network | IPv6Network) -> Iterator[IPv4Address | IPv6Address]:
    """Its first, second, middle and last addresses, and those just before and after it."""
    first, last = int(network[0]), int(network[-1])
    kind = type(network[0])
    for bits in {first, min(first + 1, last), (first + last) // 2, max(last - 1, first), last}:
        yield kind(bits)
    for bits in (first - 1, last + 1):
        if 0 <= bits < 2**network.max_prefixlen:
            yield kind(bits)


@pytest.mark.parametrize("network", [*SPECIAL_V4, *SPECIAL_V6], ids=str)
def test_every_special_range_to_its_very_edges(network: IPv4Network | IPv6Network) -> None:
    for address in edges(network):
        assert is_refused(str(address)) is is_special(address), address
        assert address not in network or is_special(address)


@given(st.ip_addresses(v=4))
def test_any_ipv4_address_is_judged_by_the_registries(address: IPv4Address) -> None:
    assert is_refused(str(address)) is is_special(address)


@given(st.ip_addresses(v=6) | st.ip_addresses(network="2000::/3") | st.ip_addresses(network="2001::/20"))
def test_any_ipv6_address_is_judged_by_the_registries(address: IPv6Address) -> None:
    for written in (str(address), address.exploded, str(address).upper(), f"{address}%eth0", f"{address}%25"):
        assert is_refused(written) is is_special(address)


@given(st.ip_addresses(v=4))
@example(IPv4Address("169.254.169.254"))
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("8.8.8.8"))
def test_no_ipv4_address_gets_through_in_other_clothes(address: IPv4Address) -> None:
    assert [name for name, outer in wrapped(address).items() if not is_refused(str(outer))] == []


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    guard.check_address(address, 443)


@given(
    st.text() | st.sampled_from(["127.0.0.01", "0127.0.0.1", "1.2.3", "", "%", "[::1]", "::1::", "localhost"])
)
def test_what_is_no_address_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        guard.check_address(text, 443)
    except Forbidden:
        return
    IPv4Address(text)  # by chance


def test_the_reason_is_for_people_and_says_what_to_do() -> None:
    with pytest.raises(
        Forbidden, match=r"^10\.0\.0\.1 is not a public address\. To allow it, an operator adds"
    ):
        guard.check_address("10.0.0.1", 443)
    with pytest.raises(Forbidden, match=r"^shop\.example \(10\.0\.0\.1\) is not a public address\."):
        guard.check_address("10.0.0.1", 443, "shop.example")
    with pytest.raises(Forbidden, match=r"^Port 22 is not allowed\. An operator can add it"):
        guard.check_address("8.8.8.8", 22)


# --- URLs --------------------------------------------------------------------------------------------

V6_HOSTS = [
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0.0.0.1]"),
    *("[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[::ffff:0:127.0.0.1]", "[fe80::1%eth0]"),
    *("[64:ff9b::10.0.0.1]", "[64:ff9b:1::10.0.0.1]", "[2002:a00:1::]", "[2001:0:7f00:1::]", "[fec0::1]"),
    *(
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
        "[2606:4700::5efe:127.0.0.1]",
        "[2606:4700::200:5efe:a00:1]",
    ),
]
TRICKS = [
    # who is the host: what is before, or what is behind?
    *("http://8.8.8.8@127.0.0.1/", "http://8.8.8.8:80@127.0.0.1:80/", "http://a:b@c@127.0.0.1/"),
    *("http://example.com%40@127.0.0.1/", "http://example.com\\@127.0.0.1/", "http://@127.0.0.1/"),
    *("http://127.0.0.1?@8.8.8.8/", "http://127.0.0.1#@8.8.8.8/", "http://127.0.0.1/@8.8.8.8/"),
    *("http://127.0.0.1?.8.8.8.8/", "http://127.0.0.1#.8.8.8.8/", "http://:@127.0.0.1/"),
    # odd, but read
    *(
        "HTTP://127.0.0.1/",
        "//127.0.0.1/",
        "http://\t127.0.0.1/",
        "ht\ntp://127.0.0.1/",
        "http://127.0.0.1:/",
    ),
    *("https://127.0.0.1:443/", "http://127.0.0.1:080/", "http://LOCALHOST/", "http://LocalHost:80/"),
    *("http://localhost./", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "http://ｌｏｃａｌｈｏｓｔ/", "http://loc\u00adalhost/"),
    *("http://169.254.169.254/latest/meta-data/", "http://169.254.169.254:80/computeMetadata/v1/"),
]
UNREADABLE = [
    *("", "http://", "http:///x", "x", "http://@/", "http://:80/", "http://[::1/", "http://[127.0.0.1]/"),
    *("http://8.8.8.8:0x50/", "http://8.8.8.8:99999/", "http://8.8.8.8:65616/", "http://8.8.8.8:-1/"),
    *("http://8.8.8.8:0/", "http://8.8.8.8:٨٠٨٠٨٠/", "http://[::1%25]/", "http://[]/"),
    *("http:/8.8.8.8/", "http:8.8.8.8", "https:\\\\8.8.8.8"),
]
SCHEMES = [
    *(
        "file:///etc/passwd",
        "gopher://8.8.8.8:80/_GET",
        "dict://8.8.8.8:80/",
        "ftp://8.8.8.8/",
        "ldap://8.8.8.8/",
    ),
    *("tftp://8.8.8.8/", "smb://8.8.8.8/", "sftp://8.8.8.8/", "telnet://8.8.8.8/", "ws://8.8.8.8/"),
    *(
        "jar:http://8.8.8.8!/",
        "netdoc:///etc/passwd",
        "data:text/plain,x",
        "javascript:alert(1)",
        "8.8.8.8:80",
    ),
    *("mailto:a@8.8.8.8", "unix:///run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/", "urn:x"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_spelling_of_an_address_inside_gets_through(address: str, names: Answers) -> None:
    for host in spellings(IPv4Address(address)):
        for url in (f"http://{host}/", f"https://{host}:8443/x?y", f"http://a:b@{host}", f"//{host}/"):
            with pytest.raises(Forbidden):
                guard.check_url(url)


@pytest.mark.parametrize("url", [*(f"http://{host}/" for host in V6_HOSTS), *TRICKS, *SCHEMES, *UNREADABLE])
def test_odd_urls_are_refused_in_words(url: str, names: Answers) -> None:
    with pytest.raises(Forbidden):
        guard.check_url(url)


@pytest.mark.parametrize("name", INSIDE_NAMES)
def test_names_of_places_inside_are_refused(name: str, names: Answers) -> None:
    names.update({known: [[address]] for known, address in INSIDE_NAMES.items()})
    for url in (f"http://{name}/", f"https://{name.upper()}:8443/latest", f"http://{name}./"):
        with pytest.raises(Forbidden) as refusal:
            guard.check_url(url)
        assert name in str(refusal.value).lower()  # and to what it leads


@given(st.text(max_size=30) | st.text("127.0[]:@/\\#?%x\x00٣。", max_size=20))
def test_any_url_is_judged_or_refused_and_nothing_else_happens(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://{text}@127.0.0.1/"):
        try:
            guard.check_url(url)
        except Forbidden:
            continue


@pytest.fixture(autouse=True)
def nobody_is_asked(names: Answers) -> None:
    """Not in tests of nonsense either."""


@pytest.mark.parametrize("port", [1, 21, 22, 25, 79, 81, 3306, 5432, 6379, 8000, 65535])
def test_only_some_ports_of_public_addresses_are_open(port: int, settings: Settings) -> None:
    with pytest.raises(Forbidden, match="Port"):
        guard.check_url(f"http://8.8.8.8:{port}/")
    settings.POSTRIDER_ALLOWED_PORTS = [port]
    guard.check_url(f"http://8.8.8.8:{port}/")


@pytest.mark.parametrize("port", [-1, 0, 65536, 65616, 99999, 2**40])
def test_a_port_that_is_none_is_no_other_port(port: int, settings: Settings) -> None:
    """The system would count it modulo 65536."""
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    for ask in (guard.resolve, guard.check_address):
        with pytest.raises(Forbidden, match="port"):
            ask("127.0.0.1", port)


def test_the_port_that_a_scheme_stands_for(settings: Settings) -> None:
    for url in ("http://8.8.8.8/", "https://8.8.8.8/", "http://8.8.8.8:8080/", "https://8.8.8.8:8443/"):
        guard.check_url(url)
    settings.POSTRIDER_ALLOWED_PORTS = [443]
    guard.check_url("https://8.8.8.8/")
    with pytest.raises(Forbidden, match="Port 80"):
        guard.check_url("http://8.8.8.8/")


# --- what a setting opens ----------------------------------------------------------------------------


def test_an_allowed_network_is_open_at_any_port_and_nothing_beside_it(settings: Settings) -> None:
    settings.POSTRIDER_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd12::/16"]
    guard.check_address("10.1.2.3", 25)
    guard.check_address("fd12::1", 2525)
    for address in ("10.2.0.1", "127.0.0.1", "fd13::1", *map(str, wrapped(IPv4Address("10.1.2.3")).values())):
        with pytest.raises(Forbidden):
            guard.check_address(address, 443)


@pytest.mark.parametrize("address", METADATA)
def test_metadata_stays_closed_unless_it_is_named_exactly(address: str, settings: Settings) -> None:
    bits = 128 if ":" in address else 32
    for prefix in (0, bits // 2, bits - 8, bits - 1):
        network = f"{address}/{prefix}"
        opened = str((IPv6Network if ":" in address else IPv4Network)(network, strict=False))
        settings.POSTRIDER_ALLOWED_NETWORKS = [opened]
        with pytest.raises(Forbidden, match="cloud metadata address: nothing is sent there"):
            guard.check_address(address, 80)
    settings.POSTRIDER_ALLOWED_NETWORKS = ["0.0.0.0/0", "::/0", address]
    guard.check_address(address, 80)


@pytest.mark.parametrize("clothes", wrapped(IPv4Address(0)))
def test_metadata_stays_closed_in_other_clothes(clothes: str, settings: Settings) -> None:
    for inner in METADATA:
        if ":" in inner:
            continue
        outer = str(wrapped(IPv4Address(inner))[clothes])
        settings.POSTRIDER_ALLOWED_NETWORKS = ["0.0.0.0/0", "::/0", inner]
        with pytest.raises(Forbidden, match="cloud metadata address"):
            guard.check_address(outer, 80)
        settings.POSTRIDER_ALLOWED_NETWORKS = [outer]
        guard.check_address(outer, 80)


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "fe80::1%1", "::ffff:8.8.8.8", "169.254.169.254"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_answer_among_good_ones_is_enough(names: Answers, bad: str, place: int) -> None:
    answers = ["8.8.8.8", "2606:4700::1111"]
    answers.insert(place, bad)
    names["mixed.example"] = [answers]
    for url in ("https://mixed.example/", "https://MIXED.example/", "https://mixed.example./"):
        with pytest.raises(Forbidden):
            guard.check_url(url)
    with pytest.raises(Forbidden):
        guard.resolve("mixed.example", 443)


def test_all_good_answers_are_kept_in_their_order(names: Answers) -> None:
    names["good.example"] = [["2606:4700::1111", "8.8.8.8", "8.8.8.8", "1.1.1.1"]]
    assert guard.resolve("good.example", 443) == ["2606:4700::1111", "8.8.8.8", "1.1.1.1"]


def test_a_name_without_address_is_no_fault_of_the_url(names: Answers) -> None:
    guard.check_url("https://not-yet.example/")
    names["empty.example"] = [[]]
    for host in ("not-yet.example", "empty.example", "x" * 64 + ".example", "a..b", "127.0.0.1.", ""):
        with pytest.raises(Unresolvable):
            guard.resolve(host, 443)


def test_a_name_is_read_to_its_end(names: Answers, settings: Settings) -> None:
    """The system stops at a NUL: what comes before it would be looked up, and all of it be sent."""
    settings.POSTRIDER_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    for host in ("127.0.0.1\x00.example", "\x00", "8.8.8.8\x00"):
        with pytest.raises(Unresolvable):
            guard.resolve(host, 443)
