"""Where a request came from, as far as it can be believed."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

_NETWORK_BITS = 64  # whoever has one IPv6 address has all of these


def client_address(request: HttpRequest) -> str:
    """Where the request came from, as far as it can be believed.

    Headers are believed of POSTRIDER_PROXIES machines: each has added, at the right of X-Forwarded-For, whom
    it talked to. What stands further left was written by whoever asked. Of IPv6 the network.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    proxies = settings.POSTRIDER_PROXIES
    believed = hops[-proxies] if 0 < proxies <= len(hops) else ""
    return _plain(believed) or _plain(request.META.get("REMOTE_ADDR", "")) or "0.0.0.0"  # noqa: S104


def _plain(text: str) -> str:
    """An address as it is stored; "" for what is none. Ports and brackets of proxies are left out."""
    try:
        address = ip_address(text.partition("]")[0].lstrip("[") if text.startswith("[") else text)
    except ValueError:
        host, _, port = text.rpartition(":")
        return _plain(host) if port.isdigit() and host.count(".") == 3 else ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), _NETWORK_BITS), strict=False).network_address)
    return str(address)
