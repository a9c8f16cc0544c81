"""Where a listener binds, a proxy on the way out of this computer, and how the certificate of a server is known.

An IPv6 address that contains an IPv4 one (``::ffff:a.b.c.d``) is that IPv4 address, wherever this module judges.
"""

import ipaddress
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from nymconnect.errors import UserError
from nymconnect.reasons import NoFingerprint

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a listener binds; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A proxy on the way out of this machine: `scheme` is socks5 or http. Its texts show no name and no password."""

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{Endpoint(self.host, self.port)}"

    @property
    def url(self) -> str:
        """The whole of it, secrets included: for the settings file only."""
        if self.username is None:
            return str(self)
        login = f"{quote(self.username, safe='')}:{quote(self.password or '', safe='')}"
        return f"{self.scheme}://{login}@{Endpoint(self.host, self.port)}"

    def with_login(self, text: str) -> "Upstream":
        """The same proxy with `text` (NAME:PASSWORD) for those who may use it."""
        username, _, password = text.partition(":")
        return replace(self, username=username, password=password)


def unmapped(address: IpAddress) -> IpAddress:
    """The IPv4 address for which an IPv6 address stands, else the address itself."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def is_loopback(address: str) -> bool:
    """Whether a literal IP address is this computer's own; ValueError if it is no address."""
    return unmapped(ipaddress.ip_address(address)).is_loopback


def is_on_this_computer(host: str) -> bool:
    """Whether a host of a URL is this computer: localhost or a loopback address. Other names are never looked up."""
    try:
        return host == "localhost" or is_loopback(host)
    except ValueError:
        return False


def parse_fingerprint(text: str) -> bytes:
    """SHA-256 of a certificate (DER), in hex with or without colons, as browsers show it; UserError if it is none."""
    plain = text.strip().replace(":", "")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", plain, re.ASCII):
        raise UserError(NoFingerprint())
    return bytes.fromhex(plain)
