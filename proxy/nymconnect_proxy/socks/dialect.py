"""What the languages of the SOCKS port have in common: SOCKS5 (`socks5`), SOCKS4 (`socks4`), HTTP
(`http_connect`). `server_handshake` chooses among them and drives them.

A `Dialect` reads one request out of a buffer and knows how its answers look; it has no clock and no socket. A program
that gives a user name gets streams that share nothing with streams of other names (`isolation`), as with Tor; a
password counts only where the port demands one.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum

from nymconnect.crypto import blake3_digest, equal
from nymconnect.effects import Close, Write
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.refusals import Obstacle


class ReplyCode(IntEnum):
    """What became of a request; the numbers are those of RFC 1928, section 6."""

    SUCCEEDED = 0
    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


@dataclass(frozen=True, slots=True)
class Requested:
    """The application asks for a connection to `target`. Streams of different `isolation` must not be linked."""

    target: Target
    isolation: bytes = field(default=b"", repr=False)


FrontEffect = Write | Close | Requested


# What requesters would have answered; all else may pass.
_REPLY_BY_OBSTACLE = {
    Obstacle.PRIVATE_NAME: ReplyCode.HOST_UNREACHABLE,
    Obstacle.PRIVATE_ADDRESS: ReplyCode.NOT_ALLOWED,
}


class Dialect(ABC):
    """One language. `password` is what clients must prove to know, None if anybody may come in."""

    def __init__(self, password: bytes | None = None) -> None:
        self._password = password
        self._isolation = b""

    @abstractmethod
    def read(self, buffer: bytearray) -> list[FrontEffect] | None:
        """Take the next step out of `buffer`; None if that needs more bytes. A Close among the effects is the end."""

    @abstractmethod
    def answer(self, code: ReplyCode) -> bytes:
        """The answer to the application: how its request went."""

    def turned_away(self, obstacle: Obstacle, bound: int) -> bytes:
        """The answer to a request that nobody has tried to fulfil."""
        return self.answer(_REPLY_BY_OBSTACLE.get(obstacle, ReplyCode.GENERAL_FAILURE))

    def _admits(self, username: bytes, password: bytes) -> bool:
        """Whether these may come in; if so their streams are kept apart from those of others."""
        if self._password is not None and not equal(password, self._password):
            return False
        self._isolation = isolation_of(username, password if self._password is None else b"")
        return True


def isolation_of(username: bytes, password: bytes = b"") -> bytes:
    """A digest (32 bytes) of a user name and a password; empty without them."""
    if not username and not password:
        return b""
    return blake3_digest(len(username).to_bytes(4, "big") + username + password)


def consume(buffer: bytearray, count: int) -> bytes:
    """Take `count` bytes off the front."""
    taken = bytes(buffer[:count])
    del buffer[:count]
    return taken
