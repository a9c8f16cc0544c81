"""nym-sphinx-framing, nym-sphinx-forwarding 1.21 and 2.0: frames between nodes, MixPackets inside gateway requests."""

import hashlib
from typing import Any

import pytest

from nymconnect.errors import WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import Frame, FrameDecoder, MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from tests.helpers.rust_vectors import cases, pattern, unhex

Vector = dict[str, Any]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def size_of(vector: Vector) -> PacketSize:
    return PacketSize[vector["size"].upper()]


@cases("framing", "frames")
def test_a_frame_has_the_crates_bytes(vector: Vector) -> None:
    size = size_of(vector)
    encoded = Frame(pattern(size.packet), size, KeyRotation(vector["rotation"])).encode(vector["version"])
    assert encoded[: len(encoded) - size.packet].hex() == vector["header"]
    assert len(encoded) == vector["length"]
    assert sha256(encoded) == vector["sha256"]


def stream_of(vector: Vector) -> bytes:
    ack = pattern(PacketSize.ACK.packet)
    parts = {"ACK": ack}
    return b"".join(
        parts[part] if part in parts else ack[: int(part[5:-1])] if part.startswith("ACK[:") else unhex(part)
        for part in vector["stream"]
    )


@cases("framing", "streams")
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_stream_decodes_as_in_the_crate(vector: Vector, piece: int) -> None:
    stream, expected = stream_of(vector), vector["outcome"]
    decoder, frames = FrameDecoder(), []
    failed = False
    # The empty last piece brings up an error that waits behind a good frame.
    for data in [*(stream[start : start + piece] for start in range(0, len(stream), piece)), b""]:
        try:
            frames += decoder.feed(data)
        except WireError:
            failed = True
            break
    assert failed == (expected["error"] is not None)
    seen = [(frame.size.name.lower(), int(frame.rotation), sha256(frame.packet)) for frame in frames]
    assert seen == [(frame["size"], frame["rotation"], frame["sha256"]) for frame in expected["frames"]]


@cases("framing", "mix_packets")
def test_a_mix_packet_has_the_crates_bytes(vector: Vector) -> None:
    size = size_of(vector)
    packet = MixPacket(NodeAddress.parse(vector["next_hop"]), pattern(size.packet), KeyRotation(vector["rotation"]))
    for encoded, expected in ((packet.encode_v1(), vector["v1"]), (packet.encode_v2(), vector["v2"])):
        assert encoded.hex().startswith(expected["prefix"])
        assert len(encoded) == len(expected["prefix"]) // 2 + size.packet
        assert sha256(encoded) == expected["sha256"]
    assert MixPacket.decode_v2(packet.encode_v2()) == packet
    assert MixPacket.decode_v1(packet.encode_v1()) == MixPacket(packet.next_hop, packet.packet)


@cases("framing", "bad_mix_packets")
def test_bytes_are_a_mix_packet_where_the_crate_says_so(vector: Vector) -> None:
    data = unhex(vector["prefix"]) + pattern(vector["packet_length"])
    decode = MixPacket.decode_v1 if vector["version"] == 1 else MixPacket.decode_v2
    if vector["accepted"]:
        assert decode(data).packet == pattern(vector["packet_length"])
    else:
        with pytest.raises(WireError):
            decode(data)
