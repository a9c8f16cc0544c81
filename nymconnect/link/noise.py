"""The encrypted byte stream between two nodes. Mirrors nym-noise 1.21 (`stream.rs`, `config.rs`, `psk_gen.rs`).

Every Noise message, of the handshake and after it, travels in one outer frame:

======  ====  ================================================
offset  size  field
======  ====  ================================================
0       1     Noise version, 1
1       1     pattern, 1 (XKpsk3)
2       1     0 handshake, 1 data
3       2     length of what follows the header, big endian
5       3     zero, ignored when read
8       len   the Noise message
======  ====  ================================================

Data frames carry a byte stream: the packets inside need not align with them. A frame holds 1 … 65,519 plaintext bytes.
Our rules, stricter than the reference: a data frame without plaintext is refused (others read it as the end of the
stream, so we never send one either), and during the handshake only the one possible length of each message is
accepted, so that a stranger makes us hold at most 72 bytes.
"""

from abc import ABC, abstractmethod
from enum import Enum

from nymconnect.crypto import AEAD_TAG_LENGTH, Rng, X25519Secret
from nymconnect.errors import NymError, UsageError, WireError
from nymconnect.link.noise_state import (
    EPHEMERAL_MESSAGE_LENGTH,
    STATIC_MESSAGE_LENGTH,
    CipherState,
    InitiatorHandshake,
    ResponderHandshake,
)

HEADER_LENGTH = 8
VERSION = 1
PATTERN_XKPSK3 = 1
MAX_MESSAGE_LENGTH = 65535
MAX_PLAINTEXT_LENGTH = MAX_MESSAGE_LENGTH - AEAD_TAG_LENGTH
HANDSHAKE_TIMEOUT = 1.5  # seconds for all three messages; the owner of the connection enforces it
_HANDSHAKE, _DATA = 0, 1


class _Stage(Enum):
    START = "start"
    AWAIT_FIRST = "await first"
    AWAIT_SECOND = "await second"
    AWAIT_THIRD = "await third"
    ESTABLISHED = "established"
    FAILED = "failed"


_EXPECTED_LENGTH = {
    _Stage.AWAIT_FIRST: EPHEMERAL_MESSAGE_LENGTH,
    _Stage.AWAIT_SECOND: EPHEMERAL_MESSAGE_LENGTH,
    _Stage.AWAIT_THIRD: STATIC_MESSAGE_LENGTH,
}


def encode_frame(kind: int, message: bytes) -> bytes:
    """Outer header ‖ `message`; kind 0 is handshake, 1 is data."""
    return bytes([VERSION, PATTERN_XKPSK3, kind]) + len(message).to_bytes(2, "big") + bytes(3) + message


class _NoiseLink(ABC):
    """What both roles share: the outer frames, the transport ciphers, and that a failure is final."""

    def __init__(self, stage: _Stage) -> None:
        self._stage = stage
        self._buffer = bytearray()
        self._sending: CipherState | None = None
        self._receiving: CipherState | None = None

    @property
    def established(self) -> bool:
        """Whether data may be sealed."""
        return self._stage is _Stage.ESTABLISHED

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(plaintext received, bytes to write) for stream bytes cut anywhere.

        WireError is final: every later call raises it too, and the connection is to be closed.
        """
        if self._stage is _Stage.START:
            raise UsageError("the Noise handshake is not started")
        if self._stage is _Stage.FAILED:
            raise WireError("the Noise link has failed")
        self._buffer += data
        plaintext, to_write = bytearray(), bytearray()
        try:
            while message := self._next_message():
                if self.established:
                    plaintext += self._open(message)
                else:
                    to_write += self._advance(message)
        except NymError:
            self._stage = _Stage.FAILED
            self._buffer.clear()
            raise
        return bytes(plaintext), bytes(to_write)

    def seal(self, data: bytes) -> bytes:
        """Frames that carry `data`, as many as it takes; nothing for nothing. UsageError before `established`."""
        if self._stage is _Stage.FAILED:
            raise WireError("the Noise link has failed")
        if self._sending is None:
            raise UsageError("the Noise handshake is not finished")
        pieces = (data[i : i + MAX_PLAINTEXT_LENGTH] for i in range(0, len(data), MAX_PLAINTEXT_LENGTH))
        return b"".join(encode_frame(_DATA, self._sending.seal(piece)) for piece in pieces)

    def _next_message(self) -> bytes | None:
        """The next complete message, its header checked as soon as it is there."""
        if len(self._buffer) < HEADER_LENGTH:
            return None
        length = self._check_header(bytes(self._buffer[:HEADER_LENGTH]))
        end = HEADER_LENGTH + length
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[HEADER_LENGTH:end])
        del self._buffer[:end]
        return message

    def _check_header(self, header: bytes) -> int:
        version, pattern, kind = header[:3]
        if version != VERSION or pattern != PATTERN_XKPSK3:
            raise WireError(f"unsupported Noise version {version} or pattern {pattern}")
        if kind != (_DATA if self.established else _HANDSHAKE):
            raise WireError(f"Noise frame of kind {kind} is out of place")
        # Judged before the body has come, so that a stranger cannot make us wait for, and hold, 64 KiB.
        length = int.from_bytes(header[3:5], "big")
        expected = _EXPECTED_LENGTH.get(self._stage)
        if expected is None and length <= AEAD_TAG_LENGTH:
            raise WireError("Noise data frame is empty")
        if expected is not None and length != expected:
            raise WireError(f"Noise handshake message of {length} bytes, expected {expected}")
        return length

    def _open(self, message: bytes) -> bytes:
        if self._receiving is None:
            raise UsageError("the Noise handshake is not finished")
        return self._receiving.open(message)

    @abstractmethod
    def _advance(self, message: bytes) -> bytes:
        """Take the next handshake message; what to write in answer."""

    def _establish(self, ciphers: tuple[CipherState, CipherState]) -> None:
        self._sending, self._receiving = ciphers
        self._stage = _Stage.ESTABLISHED


class NoiseInitiator(_NoiseLink):
    """The side that opened the connection and knows the other's Noise key from the directory."""

    def __init__(self, local: X25519Secret, remote_public: bytes, rng: Rng) -> None:
        super().__init__(_Stage.START)
        self._handshake = InitiatorHandshake(local, remote_public, X25519Secret.generate(rng))

    def start(self) -> bytes:
        """The first frame. WireError if the key from the directory is unusable; UsageError the second time."""
        if self._stage is not _Stage.START:
            raise UsageError("the Noise handshake was started before")
        message = self._handshake.write_first()
        self._stage = _Stage.AWAIT_SECOND
        return encode_frame(_HANDSHAKE, message)

    def _advance(self, message: bytes) -> bytes:
        self._handshake.read_second(message)
        reply = encode_frame(_HANDSHAKE, self._handshake.write_third())
        self._establish(self._handshake.split())
        return reply


class NoiseResponder(_NoiseLink):
    """The side that accepted the connection."""

    def __init__(self, local: X25519Secret, rng: Rng) -> None:
        super().__init__(_Stage.AWAIT_FIRST)
        self._handshake = ResponderHandshake(local, X25519Secret.generate(rng))

    @property
    def remote_public(self) -> bytes:
        """The initiator's static key once `established`; nym does not compare it with the directory."""
        return self._handshake.remote_public

    def _advance(self, message: bytes) -> bytes:
        if self._stage is _Stage.AWAIT_FIRST:
            self._handshake.read_first(message)
            reply = encode_frame(_HANDSHAKE, self._handshake.write_second())
            self._stage = _Stage.AWAIT_THIRD
            return reply
        self._handshake.read_third(message)
        self._establish(self._handshake.split())
        return b""
