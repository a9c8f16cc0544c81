"""The two version bytes in front of every message between a client and a requester.

Mirrors nym-service-providers-common 1.21 (`interface/version.rs`) and nym-socks5-requests 1.21 (`version.rs`).

======================  ==========================  =========================================
combination             request                     response
======================  ==========================  =========================================
Versioned / Versioned   03 ‖ tag ‖ 03 ‖ flag ‖ …    03 ‖ tag ‖ 03 ‖ flag ‖ …
Versioned / Legacy      03 ‖ tag ‖ 00 ‖ flag ‖ …    03 ‖ tag ‖ flag ‖ …
Legacy / Legacy         00 ‖ flag ‖ …               flag ‖ …
======================  ==========================  =========================================

The outer byte belongs to the provider interface, the inner one to the SOCKS5 protocol; tag 0 is a control message,
1 provider data. A first byte below 3 means Legacy and already belongs to the body, so the fourth combination cannot
be told from the first and does not exist. An outer version above 3 is kept and echoed.
"""

from dataclasses import dataclass

from nymconnect.errors import UsageError, WireError

FIRST_VERSION = 3
CURRENT_VERSION = 3
TAG_CONTROL = 0
TAG_PROVIDER_DATA = 1
_LEGACY_REQUEST_PREFIX = b"\x00"


@dataclass(frozen=True, slots=True)
class Versions:
    """Interface version (`outer`) and SOCKS5 protocol version (`inner`); None means Legacy."""

    outer: int | None = CURRENT_VERSION
    inner: int | None = CURRENT_VERSION

    def __post_init__(self) -> None:
        if self.outer is None and self.inner is not None:
            raise UsageError("a Legacy envelope cannot hold a versioned body")
        if any(version is not None and not FIRST_VERSION <= version <= 255 for version in (self.outer, self.inner)):
            raise UsageError("versions go from 3 to 255")

    @property
    def of_request(self) -> bytes:
        """What stands before a SOCKS5 request, flag first, in a mixnet message."""
        inner = _LEGACY_REQUEST_PREFIX if self.inner is None else bytes([self.inner])
        return self._head(TAG_PROVIDER_DATA) + inner

    @property
    def of_response(self) -> bytes:
        """What stands before a SOCKS5 response, flag first, in a mixnet message."""
        inner = b"" if self.inner is None else bytes([self.inner])
        return self._head(TAG_PROVIDER_DATA) + inner

    @property
    def of_control(self) -> bytes:
        """What stands before a control message; UsageError in Legacy mode, which has none."""
        if self.outer is None:
            raise UsageError("Legacy envelopes hold no control messages")
        return self._head(TAG_CONTROL)

    def _head(self, tag: int) -> bytes:
        return b"" if self.outer is None else bytes([self.outer, tag])


CURRENT = Versions()
MIXED = Versions(inner=None)
LEGACY = Versions(None, None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the outer layer holds: a control body (tag first) or provider data (inner version first)."""

    outer: int | None
    is_control: bool
    body: bytes

    @classmethod
    def decode(cls, data: bytes) -> "Envelope":
        """WireError when empty, cut short, or under an unknown tag."""
        if not data:
            raise WireError("empty message")
        if data[0] < FIRST_VERSION:
            return cls(None, False, data)
        if len(data) < 2:
            raise WireError("message ends after its version")
        if data[1] not in (TAG_CONTROL, TAG_PROVIDER_DATA):
            raise WireError(f"unknown message tag {data[1]}")
        return cls(data[0], data[1] == TAG_CONTROL, data[2:])
