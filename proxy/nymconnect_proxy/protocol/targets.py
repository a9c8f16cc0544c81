"""What a stream connects to, and which IP addresses lie on the public Internet.

The text form of a target is Nym's: ``host:port``, split at the last colon, IPv6 as eight groups without brackets
(nym-socks5-client-core 1.21, `socks/request.rs`). The table of addresses that are not global is from
nym-bin-common 1.21, `ip_check`, to which we add, as our own rule, multicast, the deprecated 6to4 relays, the newer
documentation range, and all of IPv6 but ``2000::/3``, from which alone global addresses are given out (RFC 4291,
IANA): that covers site-local, IPv4-compatible and IPv4-translated addresses and the SIDs of SRv6 (``5f00::/16``, RFC
9602), which routers of the exit's own network may obey.

An address that contains an IPv4 address is judged by that. ``::ffff:a.b.c.d`` is the IPv4 address, in all respects,
where `ip_check` takes none of them for global. ``64:ff9b::a.b.c.d`` leads there through a translator (NAT64), so both
have to be allowed. 6to4 (``2002::/16``) is given up (RFC 7526) and never global, whatever is inside.
"""

import ipaddress
from dataclasses import dataclass

from nymconnect.endpoints import IpAddress, unmapped
from nymconnect.errors import WireError

MAX_HOST_LENGTH = 255

_NOT_GLOBAL_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V4 = tuple(ipaddress.IPv4Network(text) for text in ("192.0.0.9/32", "192.0.0.10/32"))
_NOT_GLOBAL_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1")
)
_GLOBAL_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "64:ff9b::/96",  # as far as what is inside is
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Host (a name or a literal address, never resolved here) and TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Target":
        """From ``host:port``; IPv6 with or without brackets. WireError otherwise, port 0 included."""
        host, _, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        if not is_host(host) or not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise WireError("not a host and port")
        number = int(port)
        if not 0 < number < 65536:
            raise WireError("not a TCP port")
        return cls(host, number)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def is_host(text: str) -> bool:
    """Whether `text` can be a name or an address at all: 1–255 printable characters without blanks."""
    return 0 < len(text) <= MAX_HOST_LENGTH and text.isprintable() and not any(c.isspace() for c in text)


def parse_address(text: str) -> IpAddress:
    """A literal IP address, its zone (``%eth0``) dropped, an IPv4-mapped one as IPv4; WireError otherwise."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError as error:
        raise WireError("not an IP address") from error
    return unmapped(address)


def ipv6_groups(packed: bytes) -> str:
    """Sixteen bytes as eight hexadecimal groups, nothing abbreviated: the form that requesters parse."""
    return ":".join(f"{int.from_bytes(packed[i : i + 2], 'big'):x}" for i in range(0, 16, 2))


def is_global(address: IpAddress) -> bool:
    """Whether `address` is reachable on the public Internet, by the table of this module."""
    return all(_lies_outside(each) for each in judged(address))


def judged(address: IpAddress) -> tuple[IpAddress, ...]:
    """What a policy has to allow for `address` to be allowed: it alone, unless it contains an IPv4 address."""
    address = unmapped(address)
    if address in _NAT64:
        return address, ipaddress.IPv4Address(address.packed[12:])
    return (address,)


def _lies_outside(address: IpAddress) -> bool:
    exceptions, ranges = (_GLOBAL_V4, _NOT_GLOBAL_V4) if address.version == 4 else (_GLOBAL_V6, _NOT_GLOBAL_V6)
    return any(address in net for net in exceptions) or not any(address in net for net in ranges)
