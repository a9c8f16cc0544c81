"""Where a listener binds, a proxy on the way out of this computer, and how the certificate of a server is known."""

import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from nymconnect.errors import UserError


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


def parse_fingerprint(text: str) -> bytes:
    """SHA-256 of a certificate (DER), in hex with or without colons, as browsers show it; UserError if it is none."""
    plain = text.strip().replace(":", "")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", plain, re.ASCII):
        raise UserError("a fingerprint is the SHA-256 of a certificate: 64 digits and letters from a to f")
    return bytes.fromhex(plain)
