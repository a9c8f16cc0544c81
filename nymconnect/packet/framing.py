"""A packet on its way: inside a gateway request (MixPacket) and between nodes (frames v7 and v8).

Mirrors nym-sphinx-forwarding 1.21 (`packet.rs`) and nym-sphinx-framing 1.21 (`packet.rs`, `codec.rs`).

MixPacket v1 = type ‖ first hop (7 or 19) ‖ packet; v2 = type ‖ rotation ‖ first hop ‖ packet.

Frame v7 = 07 ‖ size tag ‖ type ‖ packet; v8 = 08 ‖ size tag ‖ type ‖ rotation ‖ packet. The size tag tells where a
frame ends; nothing else separates frames.
"""

from dataclasses import dataclass

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation, PacketSize, PacketType

FRAME_V7 = 7
FRAME_V8 = 8
_HEADER_LENGTH = {FRAME_V7: 3, FRAME_V8: 4}


@dataclass(frozen=True, slots=True)
class MixPacket:
    """A Sphinx packet, where it goes next, and the label of the keys it was made for."""

    next_hop: NodeAddress
    packet: bytes
    rotation: KeyRotation = KeyRotation.UNKNOWN

    def encode_v1(self) -> bytes:
        return bytes([PacketType.MIX]) + self.next_hop.encode() + self.packet

    def encode_v2(self) -> bytes:
        return bytes([PacketType.MIX, self.rotation]) + self.next_hop.encode() + self.packet

    @classmethod
    def decode_v1(cls, data: bytes) -> "MixPacket":
        if len(data) < 2:
            raise WireError("MixPacket is too short")
        PacketType.decode(data[0])
        return cls._decode_rest(data[1:], KeyRotation.UNKNOWN)

    @classmethod
    def decode_v2(cls, data: bytes) -> "MixPacket":
        if len(data) < 3:
            raise WireError("MixPacket is too short")
        PacketType.decode(data[0])
        return cls._decode_rest(data[2:], KeyRotation.decode(data[1]))

    @classmethod
    def _decode_rest(cls, data: bytes, rotation: KeyRotation) -> "MixPacket":
        hop, length = NodeAddress.decode_prefix(data)
        packet = data[length:]
        PacketSize.from_packet_length(len(packet))
        return cls(hop, packet, rotation)


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet as one node hands it to the next."""

    packet: bytes
    size: PacketSize
    rotation: KeyRotation = KeyRotation.UNKNOWN

    @classmethod
    def of(cls, packet: bytes, rotation: KeyRotation = KeyRotation.UNKNOWN) -> "Frame":
        return cls(packet, PacketSize.from_packet_length(len(packet)), rotation)

    def encode(self, version: int = FRAME_V7) -> bytes:
        """Frame bytes; UsageError if `version` is neither 7 nor 8.

        v7 by default, as live nodes send; it loses the rotation, which the receiver then finds by trial.
        """
        if version == FRAME_V7:
            return bytes([FRAME_V7, self.size.tag, PacketType.MIX]) + self.packet
        if version != FRAME_V8:
            raise UsageError(f"cannot write frames of version {version}")
        return bytes([FRAME_V8, self.size.tag, PacketType.MIX, self.rotation]) + self.packet


class FrameDecoder:
    """Cuts a byte stream into frames. A WireError is final: the stream has lost its boundaries."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes; holds at most one partial frame.

        Frames in front of a bad one are delivered however the stream was cut: the error waits for the next call.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        try:
            while found := self._next(start):
                frame, start = found
                frames.append(frame)
        except WireError:
            if not frames:
                raise
        del self._buffer[:start]
        return frames

    def _next(self, start: int) -> tuple[Frame, int] | None:
        available = len(self._buffer) - start
        if available < 1:
            return None
        version = self._buffer[start]
        if version not in _HEADER_LENGTH:
            raise WireError(f"unknown frame version {version}")
        header = _HEADER_LENGTH[version]
        if available < header:
            return None
        size = PacketSize.from_tag(self._buffer[start + 1])
        PacketType.decode(self._buffer[start + 2])
        rotation = KeyRotation.decode(self._buffer[start + 3]) if version == FRAME_V8 else KeyRotation.UNKNOWN
        end = start + header + size.packet
        if len(self._buffer) < end:
            return None
        return Frame(bytes(self._buffer[start + header : end]), size, rotation), end
