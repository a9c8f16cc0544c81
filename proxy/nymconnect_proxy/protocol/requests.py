"""What a client sends to a requester. Mirrors nym-socks5-requests 1.21 (`request.rs`) and
nym-service-providers-common 1.21 (`interface/request.rs`).

Behind the version bytes (`versions`), all integers big-endian::

    Connect  00 ‖ connection id 8 ‖ length n 2 ‖ address n ‖ (nothing, or a Recipient 96)
    Send     01 ‖ connection id 8 ‖ closed 1 ‖ sequence 8 ‖ data
             closed: 00 no | 01 yes | 02 cut off (ours alone; others take it for 01)
    Query    02 ‖ bincode (`queries`)
    control  00 Health | 01 BinaryInfo | 02 SupportedRequestVersions
             F0 Pace ‖ packets in 1000 s 4 ‖ seconds 2 (ours alone; others refuse it)
             F1 Credit (ours alone; `credit`)

Send has `closed` behind the id, the response NetworkData in front of it. A Connect without Recipient is anonymous:
its sender tag says where the answers go.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.credit import CREDIT_TAG, Credit
from nymconnect_proxy.protocol.queries import Query
from nymconnect_proxy.protocol.versions import CURRENT, CURRENT_VERSION, FIRST_VERSION, Envelope, Versions

FLAG_CONNECT = 0
FLAG_SEND = 1
FLAG_QUERY = 2
CUT = 2  # as the value of `closed`
CONNECTION_ID_LENGTH = 8
SEQUENCE_LENGTH = 8
MAX_ADDRESS_LENGTH = 65535


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection to `address` (``host:port``); `return_address` only from identified clients."""

    connection_id: int
    address: str
    return_address: Recipient | None = None

    def encode(self) -> bytes:
        address = self.address.encode()
        if len(address) > MAX_ADDRESS_LENGTH:
            raise UsageError("an address has at most 65,535 bytes")
        tail = self.return_address.encode() if self.return_address else b""
        head = bytes([FLAG_CONNECT]) + self.connection_id.to_bytes(CONNECTION_ID_LENGTH, "big")
        return head + len(address).to_bytes(2, "big") + address + tail

    @classmethod
    def decode(cls, body: bytes) -> "Connect":
        """From the flag on. The address is decoded with replacement characters, as the reference does."""
        if len(body) < 11:
            raise WireError("Connect is too short")
        end = 11 + int.from_bytes(body[9:11], "big")
        if len(body) < end:
            raise WireError("Connect is shorter than its address")
        address = body[11:end].decode(errors="replace")
        return_address = Recipient.decode(body[end:]) if len(body) > end else None
        return cls(int.from_bytes(body[1:9], "big"), address, return_address)


@dataclass(frozen=True, slots=True)
class StreamData:
    """A message of a stream, in either direction; empty for keep-alives, `closed` when nothing follows.

    `cut` besides that: what came before is not the whole, and the sender wants no more either.
    """

    connection_id: int
    sequence: int
    data: bytes = b""
    closed: bool = False
    cut: bool = False

    def _fields(self) -> tuple[bytes, bytes, bytes]:
        """Connection id, `closed`, and all that follows."""
        connection_id = self.connection_id.to_bytes(CONNECTION_ID_LENGTH, "big")
        closed = bytes([CUT if self.cut else self.closed])
        return connection_id, closed, self.sequence.to_bytes(SEQUENCE_LENGTH, "big") + self.data

    @classmethod
    def _decode(cls, body: bytes, id_at: int, closed_at: int) -> Self:
        """Any non-zero `closed` counts."""
        if len(body) < 18:
            raise WireError(f"{cls.__name__} is too short")
        connection_id = int.from_bytes(body[id_at : id_at + CONNECTION_ID_LENGTH], "big")
        closed = body[closed_at]
        return cls(connection_id, int.from_bytes(body[10:18], "big"), body[18:], closed != 0, closed == CUT)


class Send(StreamData):
    """Stream data towards the target."""

    __slots__ = ()

    def encode(self) -> bytes:
        connection_id, closed, rest = self._fields()
        return bytes([FLAG_SEND]) + connection_id + closed + rest

    @classmethod
    def decode(cls, body: bytes) -> "Send":
        """From the flag on."""
        return cls._decode(body, id_at=1, closed_at=9)


class ControlRequest(IntEnum):
    """Questions about the service itself; answered with JSON."""

    HEALTH = 0
    BINARY_INFO = 1
    SUPPORTED_VERSIONS = 2

    def encode(self) -> bytes:
        return bytes([self])

    @classmethod
    def decode(cls, body: bytes) -> "ControlRequest":
        if len(body) != 1 or body[0] not in set(cls):
            raise WireError("unknown control request")
        return cls(body[0])


PACE_TAG = 0xF0
PACE_SPAN = 1000.0  # seconds that a rate on the wire counts packets in
PACE_LENGTH = 7
MAX_PACE_SECONDS = 0xFFFF


@dataclass(frozen=True, slots=True)
class RatePromise:
    """`rate` packets a second for `seconds`, as both sides write it."""

    rate: float
    seconds: int

    def encode(self) -> bytes:
        """With its tag; UsageError if they do not fit."""
        packets = round(self.rate * PACE_SPAN)
        if not (0 <= packets < 2**32 and 0 <= self.seconds <= MAX_PACE_SECONDS):
            raise UsageError("a rate or a time does not fit")
        return bytes([PACE_TAG]) + packets.to_bytes(4, "big") + self.seconds.to_bytes(2, "big")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """From the tag on; WireError unless that is all there is."""
        if len(body) != PACE_LENGTH:
            raise WireError("a promise of a rate has seven bytes")
        return cls(int.from_bytes(body[1:5], "big") / PACE_SPAN, int.from_bytes(body[5:7], "big"))


class Pace(RatePromise):
    """Please answer me at `rate` packets a second for `seconds` from now on, whatever there is to say.

    Only a requester of this software knows it, so it is to be asked for its BinaryInfo first.
    """

    __slots__ = ()


Request = Connect | Send | Query | ControlRequest | Pace | Credit


def encode_request(request: Request, versions: Versions = CURRENT) -> bytes:
    """The body of one mixnet message."""
    if isinstance(request, ControlRequest | Pace | Credit):
        return versions.of_control + request.encode()
    if isinstance(request, Query):
        return versions.of_request + bytes([FLAG_QUERY]) + request.encode()
    return versions.of_request + request.encode()


def decode_request(data: bytes) -> tuple[Versions, Request]:
    """A request and the versions to answer it in; WireError otherwise."""
    envelope = Envelope.decode(data)
    if envelope.is_control:
        kinds: dict[bytes, type[Pace] | type[Credit]] = {bytes([PACE_TAG]): Pace, bytes([CREDIT_TAG]): Credit}
        return Versions(envelope.outer), kinds.get(envelope.body[:1], ControlRequest).decode(envelope.body)
    if len(envelope.body) < 2:
        raise WireError("request is too short")
    inner = envelope.body[0] if envelope.body[0] >= FIRST_VERSION else None
    if inner is not None and inner > CURRENT_VERSION:
        raise WireError(f"unsupported SOCKS5 protocol version {inner}")
    return Versions(envelope.outer, inner), _decode_body(envelope.body[1:])


def _decode_body(body: bytes) -> Request:
    if body[0] == FLAG_CONNECT:
        return Connect.decode(body)
    if body[0] == FLAG_SEND:
        return Send.decode(body)
    if body[0] == FLAG_QUERY:
        return Query.decode(body[1:])
    raise WireError(f"unknown request flag {body[0]}")
