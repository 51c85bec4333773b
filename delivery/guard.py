"""Where Postrider may connect: every address is judged, by ranges of our own, before a packet leaves.

Python's `is_global` and `is_private` each let some dangerous address through (NAT64, 6to4, site-local,
IPv4-compatible, CGNAT), so neither is asked. IPv6 is allowed by range, not forbidden by range.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA special-purpose registries, and what clouds put outside of them.
_FORBIDDEN_V4 = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
_ALLOWED_V6 = ipaddress.ip_network("2000::/3")
_FORBIDDEN_V6 = [
    ipaddress.ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
# Machines' own credentials are served here: open only if a setting names the very address.
_METADATA = {
    ipaddress.ip_address(text)
    for text in (
        # AWS (of machines, containers, pods), Azure, Alibaba, Oracle, Tencent, Scaleway, Rancher, Equinix
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200"),
        *("192.0.0.192", "169.254.0.23", "169.254.42.42", "169.254.169.250", "192.80.8.124"),
        # AWS, AWS pods, Google, Oracle, Scaleway, Linode, OpenStack
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
        *("fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe"),
    )
}
# IPv4 addresses in other clothes, and behind how many bits they stand: compatible, mapped, translated (SIIT),
# NAT64 (well known, local), 6to4, the server of Teredo.
_WRAPPED_V4 = [
    (ipaddress.IPv6Network(text), behind)
    for text, behind in (
        *(("::/96", 0), ("::ffff:0:0/96", 0), ("::ffff:0:0:0/96", 0), ("64:ff9b::/96", 0)),
        *(("64:ff9b:1::/48", 0), ("2002::/16", 80), ("2001::/32", 64)),
    )
]
_TEREDO, _LOCAL_NAT64 = ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("64:ff9b:1::/48")
_ISATAP = (0x00005EFE, 0x02005EFE)  # before an IPv4 address at the end, in any network


class Forbidden(ValueError):
    """A place that Postrider must not connect to; the message says why, for people."""


class Unresolvable(OSError):
    """A name that has no address now."""


def check_url(url: str) -> None:
    """Refuses a URL whose host is, or now stands for, a forbidden address, or whose port is closed.

    A name that does not resolve at the moment is no fault of the URL. Raises Forbidden.
    """
    try:
        parts = urlsplit(url)
        host, given = parts.hostname, parts.port
    except ValueError:
        raise Forbidden("The URL cannot be read: check the host and the port (1 to 65535).") from None
    if parts.scheme not in _PORTS:
        raise Forbidden("The URL must begin with https:// or http://.")
    port = _PORTS[parts.scheme] if given is None else given
    if not host:
        raise Forbidden("The URL names no host.")
    with contextlib.suppress(Unresolvable):
        resolve(host, port)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, all of them judged, to be connected to as they are (no second look-up).

    Raises Forbidden if any of them is forbidden: a name with one good and one bad answer is an attack or
    a mistake. Raises Unresolvable if there is none.
    """
    _check_port(port)  # before it is handed to whoever counts it modulo 65536
    if "\x00" in host:  # behind it the system does not read on
        raise Unresolvable("A name has no NUL in it.")
    try:
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolvable(f"The name {host} has no address.") from error
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not addresses:
        raise Unresolvable(f"The name {host} has no address.")
    for address in addresses:
        check_address(address, port, host)
    return addresses


def check_address(text: str, port: int, host: str = "") -> None:
    """Raises Forbidden unless this address and port may be connected to."""
    _check_port(port)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Forbidden(f"“{text[:60]}” is not an address.") from None
    named = f"{host} ({address})" if host and host != text else str(address)
    allowed = [network for network in allowed_networks() if address in network]
    if not _METADATA.isdisjoint(_meant(address)):
        if not any(network.num_addresses == 1 for network in allowed):
            raise Forbidden(f"{named} is a cloud metadata address: nothing is sent there.")
        return
    if allowed:
        return
    if _is_forbidden(address):
        raise Forbidden(
            f"{named} is not a public address. To allow it, an operator adds its network to "
            "POSTRIDER_ALLOWED_NETWORKS."
        )
    if port not in settings.POSTRIDER_ALLOWED_PORTS:
        raise Forbidden(f"Port {port} is not allowed. An operator can add it to POSTRIDER_ALLOWED_PORTS.")


def allowed_networks() -> list[Network]:
    """The networks that POSTRIDER_ALLOWED_NETWORKS opens, at any port."""
    return _networks(tuple(settings.POSTRIDER_ALLOWED_NETWORKS))


@lru_cache(maxsize=4)
def _networks(texts: tuple[str, ...]) -> list[Network]:
    return [ipaddress.ip_network(text) for text in texts]


def _check_port(port: int) -> None:
    if not 0 < port < 65536:
        raise Forbidden(f"There is no port {port}: use 1 to 65535.")


def _meant(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that it may stand for."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    bits = int(address)
    for network, behind in _WRAPPED_V4:
        if address in network:
            yield _v4(bits >> behind)
    if address in _TEREDO:
        yield _v4(~bits)
    if address in _LOCAL_NAT64:  # behind 48 bits, around the eight in the middle (RFC 6052, 2.2)
        yield _v4((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF)
    if _is_isatap(bits):
        yield _v4(bits)


def _v4(bits: int) -> ipaddress.IPv4Address:
    """Of its last 32 bits."""
    return ipaddress.IPv4Address(bits & 0xFFFFFFFF)


def _is_isatap(bits: int) -> bool:
    return bits >> 32 & 0xFFFFFFFF in _ISATAP


def _is_forbidden(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _FORBIDDEN_V4)
    if address not in _ALLOWED_V6 or _is_isatap(int(address)):
        return True
    return any(address in network for network in _FORBIDDEN_V6)
