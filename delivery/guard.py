"""Where Postrider may connect: every address is judged, by ranges of our own, before a packet leaves.

Python's `is_global` and `is_private` each let some dangerous address through (NAT64, 6to4, site-local,
IPv4-compatible, CGNAT), so neither is asked. IPv6 is allowed by range, not forbidden by range.
"""

import contextlib
import ipaddress
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

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
        "192.88.99.0/24",
        "192.168.0.0/16",
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
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "168.63.129.16"),
        *("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
}
# IPv4 addresses in other clothes: mapped, compatible, NAT64, 6to4. Behind how many bits they stand.
_WRAPPED_V4 = [
    (ipaddress.IPv6Network(text), behind)
    for text, behind in (("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))
]


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
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Forbidden("The URL cannot be read: check the host and the port (1 to 65535).") from None
    if not host:
        raise Forbidden("The URL names no host.")
    with contextlib.suppress(Unresolvable):
        resolve(host, port)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, all of them judged, to be connected to as they are (no second look-up).

    Raises Forbidden if any of them is forbidden: a name with one good and one bad answer is an attack or
    a mistake. Raises Unresolvable if there is none.
    """
    try:
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolvable(f"The name {host} has no address.") from error
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in addresses:
        check_address(address, port, host)
    return addresses


def check_address(text: str, port: int, host: str = "") -> None:
    """Raises Forbidden unless this address and port may be connected to."""
    address = ipaddress.ip_address(text.partition("%")[0])
    named = f"{host} ({address})" if host and host != text else str(address)
    allowed = [network for network in allowed_networks() if address in network]
    if _METADATA & {address, _unwrapped(address)}:
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


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        for network, behind in _WRAPPED_V4:
            if address in network:
                return ipaddress.IPv4Address((int(address) >> behind) & 0xFFFFFFFF)
    return address


def _is_forbidden(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _FORBIDDEN_V4)
    return address not in _ALLOWED_V6 or any(address in network for network in _FORBIDDEN_V6)
