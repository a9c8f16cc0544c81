"""MixPackets and frames: every layout, every way to cut the stream, every bad byte."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import FRAME_V7, FRAME_V8, Frame, FrameDecoder, MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from tests.helpers.decoding import check_decoder, check_stream_decoder, refuses_or_decodes

IPV4 = NodeAddress("10.0.0.1", 1789)
IPV6 = NodeAddress("2001:db8::1", 1789)
ACK_PACKET = bytes(range(256)) + bytes(130)
REGULAR_PACKET = b"\x5a" * 2413


def new_feed() -> Callable[[bytes], list[Frame]]:
    return FrameDecoder().feed


# --- MixPacket --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hop", [IPV4, IPV6])
def test_mix_packet_v1_is_type_hop_packet(hop: NodeAddress) -> None:
    encoded = MixPacket(hop, ACK_PACKET, KeyRotation.ODD).encode_v1()
    assert encoded == b"\x00" + hop.encode() + ACK_PACKET
    # Version 1 does not carry the rotation.
    check_decoder(MixPacket.decode_v1, encoded, MixPacket(hop, ACK_PACKET, KeyRotation.UNKNOWN))


@pytest.mark.parametrize("rotation", list(KeyRotation))
@pytest.mark.parametrize("hop", [IPV4, IPV6])
def test_mix_packet_v2_is_type_rotation_hop_packet(hop: NodeAddress, rotation: KeyRotation) -> None:
    mix_packet = MixPacket(hop, ACK_PACKET, rotation)
    encoded = mix_packet.encode_v2()
    assert encoded == bytes([0, rotation]) + hop.encode() + ACK_PACKET
    check_decoder(MixPacket.decode_v2, encoded, mix_packet)


@pytest.mark.parametrize(
    ("position", "value"),
    [(0, 1), (0, 2), (0, 255), (1, 3), (1, 255), (2, 0), (2, 5)],
)
def test_bad_bytes_in_a_mix_packet_are_refused(position: int, value: int) -> None:
    data = bytearray(MixPacket(IPV4, ACK_PACKET, KeyRotation.EVEN).encode_v2())
    data[position] = value
    with pytest.raises(WireError):
        MixPacket.decode_v2(bytes(data))


def test_a_hop_family_that_does_not_fit_the_length_is_refused() -> None:
    data = bytearray(MixPacket(IPV4, ACK_PACKET).encode_v1())
    data[1] = 6  # an IPv6 address would eat twelve bytes of the packet
    with pytest.raises(WireError):
        MixPacket.decode_v1(bytes(data))


# --- frames -----------------------------------------------------------------------------------------------------


def test_frame_v7_is_version_size_type_packet() -> None:
    assert Frame.of(ACK_PACKET, KeyRotation.EVEN).encode() == b"\x07\x02\x00" + ACK_PACKET
    assert Frame.of(REGULAR_PACKET).encode(FRAME_V7) == b"\x07\x01\x00" + REGULAR_PACKET


@pytest.mark.parametrize("rotation", list(KeyRotation))
def test_frame_v8_has_the_rotation_behind_the_type(rotation: KeyRotation) -> None:
    encoded = Frame.of(REGULAR_PACKET, rotation).encode(FRAME_V8)
    assert encoded == bytes([8, 1, 0, rotation]) + REGULAR_PACKET
    assert len(encoded) == 2417


@pytest.mark.parametrize("size", list(PacketSize))
@pytest.mark.parametrize("version", [FRAME_V7, FRAME_V8])
def test_frames_of_every_size_decode(size: PacketSize, version: int) -> None:
    frame = Frame.of(b"\x33" * size.packet, KeyRotation.ODD if version == FRAME_V8 else KeyRotation.UNKNOWN)
    assert frame.size is size
    assert new_feed()(frame.encode(version)) == [frame]


def test_a_stream_of_mixed_frames_decodes_however_it_is_cut() -> None:
    frames = [
        Frame.of(ACK_PACKET),
        Frame.of(REGULAR_PACKET, KeyRotation.ODD),
        Frame.of(ACK_PACKET, KeyRotation.EVEN),
    ]
    stream = frames[0].encode(FRAME_V7) + frames[1].encode(FRAME_V8) + frames[2].encode(FRAME_V8)
    check_stream_decoder(new_feed, stream, frames)


@pytest.mark.parametrize(
    "start",
    ["00", "06", "09", "ff", "070000", "070600", "0708ff", "070101", "070102", "08010100", "08010003", "080100ff"],
)
def test_a_bad_frame_start_is_final(start: str) -> None:
    feed = new_feed()
    with pytest.raises(WireError):
        feed(bytes.fromhex(start) + bytes(8))
    with pytest.raises(WireError):
        feed(Frame.of(ACK_PACKET).encode())


def test_the_version_is_judged_by_its_first_byte() -> None:
    feed = new_feed()
    with pytest.raises(WireError):
        feed(b"\x09")


@pytest.mark.parametrize("cut", [1, 100, 389, 390])
def test_frames_in_front_of_a_bad_one_are_delivered_first(cut: int) -> None:
    good = Frame.of(ACK_PACKET)
    stream = good.encode() + b"\x09 and what follows"
    feed = new_feed()
    frames = feed(stream[:cut]) or feed(stream[cut:])
    assert frames == [good]
    with pytest.raises(WireError):
        feed(stream[cut:])


def test_an_unknown_frame_version_is_not_written() -> None:
    with pytest.raises(UsageError):
        Frame.of(ACK_PACKET).encode(9)


def test_a_packet_of_no_size_class_gets_no_frame() -> None:
    with pytest.raises(WireError):
        Frame.of(bytes(100))


def test_the_decoder_holds_no_more_than_a_partial_frame() -> None:
    decoder = FrameDecoder()
    encoded = Frame.of(ACK_PACKET).encode()
    for _ in range(50):
        assert len(decoder.feed(encoded + encoded[:10])) == 1
        assert len(decoder.feed(encoded[10:])) == 1
    assert len(decoder._buffer) == 0


@given(st.binary(max_size=600))
@settings(max_examples=60)
def test_random_bytes_decode_or_are_refused(data: bytes) -> None:
    refuses_or_decodes(MixPacket.decode_v1, data)
    refuses_or_decodes(MixPacket.decode_v2, data)
    refuses_or_decodes(new_feed(), data)
