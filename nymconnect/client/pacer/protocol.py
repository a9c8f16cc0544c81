"""What a client and its pacer process tell each other over their socket pair.

======  ====  ==========================
offset  size  field
======  ====  ==========================
0       4     length n of what follows
4       1     kind
5       n-1   fields of that kind
======  ====  ==========================

====  ==========  =========  ==========================================================================
kind  message     direction  fields (integers and floats are big-endian)
====  ==========  =========  ==========================================================================
0     Setup       to pacer   patience f64, host name for TLS in UTF-8 (empty: no TLS)
1     Begin       to pacer   mean gap of the main stream f64, of the loop stream f64; 0 means none; adaptive u8
2     Control     to pacer   the frame
3     Offer       to pacer   kind of frame u8, serial u64, the frame
4     Expire      to pacer   –
16    Incoming    to client  bytes from the gateway
17    Departed    to client  kind of frame u8, serial u64, time f64 (seconds on the monotonic clock)
18    Slots       to client  slots unused since the start, empty u64, stalled u64, late u64
19    Ended       to client  how the connection has ended u8 (position in `LinkFault`), words in UTF-8
====  ==========  =========  ==========================================================================
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.client.pacer.machine import FrameKind, SlotGaps, Unused
from nymconnect.errors import UsageError, WireError
from nymconnect.reasons import LinkBroke, LinkFault

HEARTBEAT = 2.0  # seconds after which the pacer tells its slots again, for the client to hear that it lives
MAXIMUM_BODY = 1 << 20
MAXIMUM_WORDS = 200  # characters
_HEAD = struct.Struct(">IB")
_SETUP = struct.Struct(">d")
_BEGIN = struct.Struct(">ddB")
_OFFER = struct.Struct(">BQ")
_LEFT = struct.Struct(">BQd")
_SLOTS = struct.Struct(">QQQ")
_FAULTS = tuple(LinkFault)


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message. `patience`: seconds that the gateway may leave what it is sent unread."""

    patience: float
    tls_host: str

    def encode(self) -> bytes:
        return _framed(0, _SETUP.pack(self.patience) + self.tls_host.encode())

    @classmethod
    def decode(cls, body: bytes) -> "Setup":
        (patience,) = _SETUP.unpack_from(body)
        return cls(patience, _text(body[_SETUP.size :]))


@dataclass(frozen=True, slots=True)
class Begin:
    """Let the streams run."""

    rates: SlotGaps

    def encode(self) -> bytes:
        return _framed(1, _BEGIN.pack(self.rates.main or 0.0, self.rates.loop or 0.0, self.rates.adaptive))

    @classmethod
    def decode(cls, body: bytes) -> "Begin":
        main, loop, adaptive = _BEGIN.unpack(body)
        if not (main >= 0 and loop >= 0):
            raise WireError("a gap is negative")
        if adaptive > 1:
            raise WireError("a yes or no is neither")
        return cls(SlotGaps(main or None, loop or None, bool(adaptive)))


@dataclass(frozen=True, slots=True)
class Control:
    """A frame that leaves at once."""

    frame: bytes

    def encode(self) -> bytes:
        return _framed(2, self.frame)

    @classmethod
    def decode(cls, body: bytes) -> "Control":
        return cls(body)


@dataclass(frozen=True, slots=True)
class Offer:
    """A frame for the stock of its kind."""

    kind: FrameKind
    serial: int
    frame: bytes

    def encode(self) -> bytes:
        return _framed(3, _OFFER.pack(self.kind, self.serial) + self.frame)

    @classmethod
    def decode(cls, body: bytes) -> "Offer":
        kind, serial = _OFFER.unpack_from(body)
        return cls(_kind(kind), serial, body[_OFFER.size :])


@dataclass(frozen=True, slots=True)
class Expire:
    """The covers in stock are stale."""

    def encode(self) -> bytes:
        return _framed(4, b"")

    @classmethod
    def decode(cls, body: bytes) -> "Expire":
        _nothing_after(body, 0)
        return cls()


@dataclass(frozen=True, slots=True)
class Incoming:
    """The gateway has sent these bytes of its stream."""

    data: bytes

    def encode(self) -> bytes:
        return _framed(16, self.data)

    @classmethod
    def decode(cls, body: bytes) -> "Incoming":
        return cls(body)


@dataclass(frozen=True, slots=True)
class Departed:
    """The system has taken this frame for the wire."""

    kind: FrameKind
    serial: int
    at: float

    def encode(self) -> bytes:
        return _framed(17, _LEFT.pack(self.kind, self.serial, self.at))

    @classmethod
    def decode(cls, body: bytes) -> "Departed":
        kind, serial, at = _LEFT.unpack(body)
        return cls(_kind(kind), serial, at)


@dataclass(frozen=True, slots=True)
class Slots:
    """How many slots have passed unused."""

    unused: Unused

    def encode(self) -> bytes:
        return _framed(18, _SLOTS.pack(self.unused.empty, self.unused.stalled, self.unused.late))

    @classmethod
    def decode(cls, body: bytes) -> "Slots":
        return cls(Unused(*_SLOTS.unpack(body)))


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message: the connection to the gateway has ended."""

    reason: LinkBroke

    def encode(self) -> bytes:
        fault, words = _FAULTS.index(self.reason.fault), self.reason.words[:MAXIMUM_WORDS]
        return _framed(19, bytes([fault]) + words.encode())

    @classmethod
    def decode(cls, body: bytes) -> "Ended":
        if not body or body[0] >= len(_FAULTS):
            raise WireError("the connection has ended in no known way")
        return cls(LinkBroke(_FAULTS[body[0]], _text(body[1:])[:MAXIMUM_WORDS]))


Message = Setup | Begin | Control | Offer | Expire | Incoming | Departed | Slots | Ended

_DECODERS: dict[int, Callable[[bytes], Message]] = {
    0: Setup.decode,
    1: Begin.decode,
    2: Control.decode,
    3: Offer.decode,
    4: Expire.decode,
    16: Incoming.decode,
    17: Departed.decode,
    18: Slots.decode,
    19: Ended.decode,
}


class Inbox:
    """Cuts the stream of the other side into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now; WireError, after which the stream is of no use, for what is none."""
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while len(self._buffer) - start >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer, start)
            if not 1 <= length <= MAXIMUM_BODY:
                raise WireError("a message between client and pacer has an impossible length")
            end = start + 4 + length
            if len(self._buffer) < end:
                break
            messages.append(_decode(kind, bytes(self._buffer[start + _HEAD.size : end])))
            start = end
        del self._buffer[:start]
        return messages


def _decode(kind: int, body: bytes) -> Message:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise WireError(f"unknown kind {kind} of message between client and pacer")
    try:
        return decoder(body)
    except struct.error as error:
        raise WireError("a message between client and pacer has a wrong length") from error


def _framed(kind: int, body: bytes) -> bytes:
    if len(body) >= MAXIMUM_BODY:
        raise UsageError("a message between client and pacer is too long")
    return _HEAD.pack(len(body) + 1, kind) + body


def _kind(value: int) -> FrameKind:
    if value not in (FrameKind.DATA, FrameKind.COVER, FrameKind.LOOP):
        raise WireError(f"unknown kind {value} of frame")
    return FrameKind(value)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise WireError("a text between client and pacer is not UTF-8") from error


def _nothing_after(body: bytes, length: int) -> None:
    if len(body) != length:
        raise WireError("a message between client and pacer has a wrong length")
