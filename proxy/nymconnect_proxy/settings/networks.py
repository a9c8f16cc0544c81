"""Which mixnet: the practice network, Nym's own, or another one that is known by the URL of its directory."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from nymconnect.endpoints import is_on_this_computer


class NamedNetwork(Enum):
    """Those that need no URL; the value is the name in flags, settings file and status."""

    PRACTICE = "embedded"
    MAINNET = "mainnet"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """Its directory is at `url`, and if a `fingerprint` is given (SHA-256 in hex) shows this certificate."""

    url: str
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"{self.url}#{self.fingerprint}" if self.fingerprint else self.url

    @property
    def host(self) -> str:
        """Where the directory is; empty if the URL has none."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    @property
    def is_here(self) -> bool:
        """Whether the directory is on this computer."""
        return is_on_this_computer(self.host)

    @property
    def is_proven(self) -> bool:
        """Whether nobody on the way to the directory can change its answers: https, or a server on this computer."""
        return urlsplit(self.url).scheme != "http" or self.is_here


Network = NamedNetwork | OwnNetwork
PRACTICE, MAINNET = NamedNetwork.PRACTICE, NamedNetwork.MAINNET


def stands_here(network: Network) -> bool:
    """Whether a network is on this computer, so that it gives no anonymity: the practice network, and one whose
    directory is here. Its exits are here, too."""
    return network.is_here if isinstance(network, OwnNetwork) else network is PRACTICE
