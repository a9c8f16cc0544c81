"""Packet sizes, types and key rotations against the table of nym-sphinx-params."""

import pytest

from nymconnect.errors import WireError
from nymconnect.packet import params
from nymconnect.packet.params import KeyRotation, PacketSize, PacketType

TABLE = [
    # class, tag, packet, payload, plaintext, message, fragment
    (PacketSize.REGULAR, 1, 2413, 2065, 2048, 1643, 1611),
    (PacketSize.ACK, 2, 386, 38, 21, 21, 0),
    (PacketSize.EXTENDED32, 3, 33133, 32785, 32768, 32363, 32331),
    (PacketSize.EXTENDED8, 4, 8557, 8209, 8192, 7787, 7755),
    (PacketSize.EXTENDED16, 5, 16749, 16401, 16384, 15979, 15947),
]


@pytest.mark.parametrize(("size", "tag", "packet", "payload", "plaintext", "message", "fragment"), TABLE)
def test_each_size_class_has_the_lengths_of_the_table(
    size: PacketSize, tag: int, packet: int, payload: int, plaintext: int, message: int, fragment: int
) -> None:
    assert (size.tag, size.packet, size.payload) == (tag, packet, payload)
    assert (size.plaintext, size.message, size.fragment) == (plaintext, message, fragment)
    assert PacketSize.from_tag(tag) is size
    assert PacketSize.from_packet_length(packet) is size


def test_the_table_is_complete() -> None:
    assert {row[0] for row in TABLE} == set(PacketSize)


def test_the_ack_blob_is_an_address_and_an_ack_packet() -> None:
    assert params.ACK_PACKET_LENGTH == PacketSize.ACK.packet == 386
    assert params.ACK_BLOB_LENGTH == 405


@pytest.mark.parametrize("tag", [0, 6, 7, 8, 255, -1])
def test_unknown_and_outfox_size_tags_are_refused(tag: int) -> None:
    with pytest.raises(WireError):
        PacketSize.from_tag(tag)


@pytest.mark.parametrize("length", [0, 348, 385, 387, 2371, 2377, 2412, 2414, -1])
def test_other_packet_lengths_are_refused(length: int) -> None:
    with pytest.raises(WireError):
        PacketSize.from_packet_length(length)


def test_only_mix_packets_are_accepted() -> None:
    assert PacketType.decode(0) is PacketType.MIX
    for value in (1, 2, 3, 255):
        with pytest.raises(WireError):
            PacketType.decode(value)


@pytest.mark.parametrize(
    ("rotation_id", "rotation"),
    [
        (0, KeyRotation.UNKNOWN),
        (2**32 - 1, KeyRotation.UNKNOWN),
        (1, KeyRotation.ODD),
        (2, KeyRotation.EVEN),
        (713, KeyRotation.ODD),
        (2**32 - 2, KeyRotation.EVEN),
    ],
)
def test_a_rotation_id_has_its_parity_as_label(rotation_id: int, rotation: KeyRotation) -> None:
    assert KeyRotation.from_id(rotation_id) is rotation


def test_rotation_bytes_beyond_two_are_refused() -> None:
    assert [KeyRotation.decode(value) for value in range(3)] == [
        KeyRotation.UNKNOWN,
        KeyRotation.ODD,
        KeyRotation.EVEN,
    ]
    for value in (3, 255, -1):
        with pytest.raises(WireError):
            KeyRotation.decode(value)
