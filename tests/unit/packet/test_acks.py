"""Fragment ids, ack contents and SURB-acks."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import (
    COVER_FRAGMENT_ID,
    FragmentId,
    build_surb_ack,
    open_ack,
    seal_ack,
    split_surb_ack,
)
from nymconnect.packet.params import ACK_BLOB_LENGTH, KeyRotation, PacketSize
from tests.helpers.routes import ScriptedRng, carry, make_client, make_way
from tests.helpers.rust_vectors import load_file

VECTORS = load_file("nym-prototype.json")
KEY = bytes(range(16))


def test_seal_ack_matches_the_prototype_vector() -> None:
    vector = VECTORS["ack"]
    key, iv = bytes.fromhex(vector["key"]), bytes.fromhex(vector["iv"])
    fid = FragmentId(vector["set_id"], vector["position"])
    content = seal_ack(key, fid, ScriptedRng({16: iv}))
    assert content == iv + bytes.fromhex(vector["sealed_id"])
    assert open_ack(key, content) == fid


@pytest.mark.parametrize("fid", [COVER_FRAGMENT_ID, FragmentId(1, 1), FragmentId(2**31 - 1, 255)])
def test_fragment_id_survives_the_wire(fid: FragmentId) -> None:
    assert len(fid.encode()) == 5
    assert FragmentId.decode(fid.encode()) == fid


def test_fragment_id_is_a_big_endian_set_id_and_a_position() -> None:
    assert FragmentId(0x01020304, 5).encode() == bytes.fromhex("0102030405")
    assert COVER_FRAGMENT_ID.encode() == bytes(5)


@pytest.mark.parametrize(
    "data", ["8000000001", "ffffffff01", "0000000001", "0000000100", "", "01020304", "010203040500"]
)
def test_fragment_id_decode_refuses_the_impossible(data: str) -> None:
    with pytest.raises(WireError):
        FragmentId.decode(bytes.fromhex(data))


@pytest.mark.parametrize(("set_id", "position"), [(-1, 1), (2**31, 1), (1, 256), (1, -1), (1, 0), (0, 1)])
def test_fragment_id_refuses_the_impossible(set_id: int, position: int) -> None:
    with pytest.raises(UsageError):
        FragmentId(set_id, position)


@pytest.mark.parametrize("length", [*range(21), 22, 48, 100, 1643])
def test_open_ack_takes_exactly_21_bytes(length: int) -> None:
    content = seal_ack(KEY, FragmentId(7, 1), random.Random(1)).ljust(length, b"\0")[:length]
    with pytest.raises(WireError):
        open_ack(KEY, content)


def test_open_ack_refuses_a_negative_set_id() -> None:
    content = bytearray(seal_ack(KEY, FragmentId(7, 1), random.Random(1)))
    content[16] ^= 0x80
    with pytest.raises(WireError):
        open_ack(KEY, bytes(content))


def test_acks_of_one_fragment_look_different_each_time() -> None:
    rng = random.Random(1)
    assert seal_ack(KEY, FragmentId(7, 1), rng)[16:] != seal_ack(KEY, FragmentId(7, 1), rng)[16:]


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_an_ack_key_has_16_bytes(length: int) -> None:
    with pytest.raises(UsageError):
        seal_ack(bytes(length), FragmentId(7, 1), random.Random(1))
    with pytest.raises(UsageError):
        open_ack(bytes(length), bytes(21))


def test_surb_ack_travels_to_its_sender() -> None:
    client, way, fid = make_client(1), make_way(1), FragmentId(99, 3)
    blob = build_surb_ack(client.address, client.ack_key, fid, way.route, random.Random(1))
    assert len(blob) == ACK_BLOB_LENGTH == 405

    packet, rest = split_surb_ack(blob + b"message")
    assert rest == b"message"
    assert packet.next_hop == way.route.first_hop
    assert packet.rotation is KeyRotation.UNKNOWN
    assert len(packet.packet) == PacketSize.ACK.packet

    final, seen = carry(packet, way)
    assert final.destination == client.address.identity
    assert [each.version for each in seen] == [259] * 4
    assert open_ack(client.ack_key, final.message) == fid


def test_split_surb_ack_refuses_every_truncation() -> None:
    client = make_client(1)
    blob = build_surb_ack(client.address, client.ack_key, FragmentId(9, 1), make_way(1).route, random.Random(1))
    for length in range(len(blob)):
        with pytest.raises(WireError):
            split_surb_ack(blob[:length])
    assert split_surb_ack(blob)[1] == b""


def test_split_surb_ack_refuses_a_foreign_address() -> None:
    with pytest.raises(WireError):
        split_surb_ack(b"\x05" + bytes(2047))


@settings(max_examples=60)
@given(st.binary(max_size=450))
def test_random_bytes_raise_wire_errors_only(data: bytes) -> None:
    for decode in (FragmentId.decode, split_surb_ack, lambda content: open_ack(KEY, content)):
        try:
            decode(data)
        except WireError:
            continue
