"""Addresses as the IANA lists them and as attackers write them, and names that lead to some of them."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# The registries of special purposes, multicast and reserved space: whatever they say of "globally reachable",
# no receiver lives there.
SPECIAL_V4 = [
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"),
        *("168.63.129.16/32", "192.80.8.124/32"),  # clouds' own, outside of all that
    )
]
SPECIAL_V6 = [
    IPv6Network(text)
    for text in (
        *("::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96"),
        *("64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
        *("2001::/23", "2001::/32", "2001:1::1/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
        *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]
UNICAST_V6 = IPv6Network("2000::/3")  # all that was ever given out
METADATA = [
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "169.254.42.42"),
    *("169.254.169.250", "168.63.129.16", "100.100.100.200", "192.0.0.192", "192.80.8.124"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    *("fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe"),
]
# Names under which machines ask for their credentials, or which stand for this machine or one beside it.
INSIDE_NAMES = {
    "metadata.google.internal": "169.254.169.254",
    "metadata.goog": "169.254.169.254",
    "metadata": "169.254.169.254",
    "instance-data": "169.254.169.254",
    "metadata.platformequinix.com": "192.80.8.124",
    "metadata.tencentyun.com": "169.254.0.23",
    "metadata.packet.net": "192.80.8.124",
    "rancher-metadata": "169.254.169.250",
    "169.254.169.254.nip.io": "169.254.169.254",
    "localtest.me": "127.0.0.1",
    "spoofed.burpcollaborator.net": "127.0.0.1",
    "localhost.localdomain": "127.0.0.1",
    "ip6-localhost": "::1",
    "www.localhost": "127.0.0.1",
    "host.docker.internal": "192.168.65.2",
    "kubernetes.default.svc": "10.96.0.1",
    "mapped.example": "::ffff:10.0.0.1",
    "nat64.example": "64:ff9b::a00:1",
    "scoped.example": "fe80::1%1",
}


def wrapped(inner: IPv4Address) -> dict[str, IPv6Address]:
    """An IPv4 address in all the clothes that IPv6 has for it."""
    bits, outer = int(inner), "2606:4700::"
    split = (bits >> 16) << 64 | (bits & 0xFFFF) << 40
    return {
        "compatible": IPv6Address(bits),
        "mapped": IPv6Address(0xFFFF << 32 | bits),
        "translated": IPv6Address(0xFFFF << 48 | bits),
        "NAT64": IPv6Address(int(IPv6Address("64:ff9b::")) | bits),
        "local NAT64": IPv6Address(int(IPv6Address("64:ff9b:1:ffff::")) | bits),
        "local NAT64, split": IPv6Address(int(IPv6Address("64:ff9b:1::")) | split),
        "6to4": IPv6Address(0x2002 << 112 | bits << 80 | 1),
        "Teredo's server": IPv6Address(0x20010000 << 96 | bits << 64),
        "Teredo's client": IPv6Address(0x20010000 << 96 | 8 << 64 | bits ^ 0xFFFFFFFF),
        "ISATAP": IPv6Address(int(IPv6Address(outer)) | 0x5EFE << 32 | bits),
        "ISATAP, global": IPv6Address(int(IPv6Address(outer)) | 0x02005EFE << 32 | bits),
    }


def spellings(address: IPv4Address) -> Iterator[str]:
    """The same address as systems, browsers and libraries read it too."""
    bits = int(address)
    parts = list(address.packed)
    yield str(bits)
    yield from (f"0x{bits:x}", f"0X{bits:08X}", f"0{bits:o}", f"000000{bits:o}")
    for write in ("{}", "0{:o}", "000{:o}", "0x{:x}", "0x{:02X}", "0x000{:x}"):
        yield ".".join(write.format(part) for part in parts)
        yield ".".join([*(write.format(part) for part in parts[:2]), str(bits & 0xFFFF)])
        yield ".".join([write.format(parts[0]), str(bits & 0xFFFFFF)])
    yield f"0x{parts[0]:x}.0{parts[1]:o}.{bits & 0xFFFF}"
    for dot in "\u3002\uff0e\uff61":
        yield dot.join(map(str, parts))
    for zero in (0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7F6):  # full width, bold, double-struck, monospace
        yield "".join(chr(zero + int(sign)) if sign.isdigit() else sign for sign in str(address))


# For each name what is said to the first, second, … look-up; the last answer stays.
Answers = dict[str, list[list[str]]]
