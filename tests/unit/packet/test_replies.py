"""Reply SURBs and the batches that carry them."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.replies import (
    ReplySurb,
    decode_batch_v1,
    decode_batch_v2,
    encode_batch_v1,
    encode_batch_v2,
    reply_digest,
)
from nymconnect.packet.sphinx import Forward, Surb, open_packet
from tests.helpers.routes import carry, make_client, make_way, prototype_surb
from tests.helpers.rust_vectors import load_file

VECTORS = load_file("nym-prototype.json")
OWNER = make_client(1).address
V1, V2 = 258, 259


def make_surb(version: int = V2, hops: int = 4, seed: int = 1, rotation: KeyRotation = KeyRotation.EVEN) -> ReplySurb:
    return ReplySurb.create(OWNER, make_way(seed, hops, rotation).route, random.Random(seed), version)


@pytest.mark.parametrize("element", VECTORS["surb"]["elements"], ids=lambda element: str(element["version"]))
def test_surb_element_matches_the_prototype_vector(element: dict[str, int | str]) -> None:
    surb = prototype_surb(VECTORS["surb"], int(element["version"]))
    assert len(surb.encode()) == element["length"]
    assert hashlib.sha256(surb.encode()).hexdigest() == element["sha256"]


def test_digest_matches_the_prototype_vector() -> None:
    vector = VECTORS["reply"]
    assert reply_digest(bytes.fromhex(vector["key"])).hex() == vector["digest"]


@pytest.mark.parametrize(("version", "hops", "length"), [(V1, 4, 1164), (V2, 4, 460), (V2, 1, 412), (V2, 5, 476)])
def test_element_survives_the_wire(version: int, hops: int, length: int) -> None:
    surb = make_surb(version, hops)
    assert len(surb.encode()) == length
    assert surb.materials == hops
    assert surb.is_v1 == (version == V1)
    assert ReplySurb.decode(surb.encode(), KeyRotation.EVEN) == surb


@pytest.mark.parametrize("version", [V1, V2])
def test_element_decode_refuses_every_other_length(version: int) -> None:
    data = make_surb(version).encode()
    valid = {396 + 16 * hops for hops in range(1, 6)} | {396 + 192 * hops for hops in range(1, 6)}
    for length in set(range(len(data))) - valid:
        with pytest.raises(WireError):
            ReplySurb.decode(data[:length])
    with pytest.raises(WireError):
        ReplySurb.decode(data + b"\0")


@pytest.mark.parametrize("version", [V1, V2])
def test_element_decode_refuses_an_unreadable_first_hop(version: int) -> None:
    data = bytearray(make_surb(version).encode())
    data[16 + 348] = 9
    with pytest.raises(WireError):
        ReplySurb.decode(bytes(data))


def test_create_takes_the_rotation_of_the_route() -> None:
    assert make_surb(rotation=KeyRotation.ODD).rotation is KeyRotation.ODD


def test_repr_hides_the_key() -> None:
    surb = make_surb()
    assert surb.key.hex() not in repr(surb)
    assert repr(surb.key) not in repr(surb)


def test_a_reply_key_has_16_bytes() -> None:
    with pytest.raises(UsageError):
        ReplySurb(bytes(15), make_surb().surb)


@pytest.mark.parametrize("version", [V1, V2])
def test_a_surb_leads_to_its_owner(version: int) -> None:
    surb = ReplySurb.decode(make_surb(version).encode())
    packet = MixPacket(surb.surb.first_hop, surb.surb.use(b"hello", PacketSize.REGULAR))
    final, seen = carry(packet, make_way(1))
    assert (final.destination, final.message) == (OWNER.identity, b"hello")
    assert [each.version for each in seen] == [version] * 4


# --- batches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3])
def test_v1_batch_survives_the_wire(count: int) -> None:
    surbs = tuple(make_surb(V1, seed=seed, rotation=KeyRotation.UNKNOWN) for seed in range(1, count + 1))
    data = encode_batch_v1(surbs)
    assert data[:4] == count.to_bytes(4, "big")
    assert len(data) == 4 + 1164 * count
    assert decode_batch_v1(data + b"rest") == (surbs, b"rest")


@pytest.mark.parametrize("hops", [1, 4, 5])
@pytest.mark.parametrize("count", [1, 3])
def test_v2_batch_survives_the_wire(count: int, hops: int) -> None:
    surbs = tuple(make_surb(V2, hops, seed, KeyRotation.ODD) for seed in range(1, count + 1))
    data = encode_batch_v2(surbs)
    assert data[:4] == bytes([0, count, hops, KeyRotation.ODD])
    assert len(data) == 4 + count * (396 + 16 * hops)
    assert decode_batch_v2(data + b"rest") == (surbs, b"rest")


def test_a_batch_with_one_seed_a_surb_is_spent_whatever_its_version() -> None:
    """As in the crates: its bytes do not say whether the route has one hop or the SURBs are of version 260."""
    single, recovery = Surb.create_recoverable(make_way(1).route, OWNER.identity, b"\x0e" * 16, random.Random(1))
    batch = encode_batch_v2([ReplySurb(bytes(16), single, KeyRotation.EVEN)] * 2)
    (first, second), rest = decode_batch_v2(batch)
    assert (len(batch), first, rest) == (4 + 2 * 412, second, b"")
    here, packet, way = first.surb.first_hop, first.surb.use(b"hello", PacketSize.REGULAR), make_way(1)
    for _ in range(3):
        step = open_packet(packet, way.secrets[here]).unwrap()
        assert isinstance(step, Forward)
        here, packet = step.next_hop, step.packet
    assert recovery.unseal(open_packet(packet, way.secrets[here]).unwrap_reply().payload) == b"hello"


@pytest.mark.parametrize("claimed", [2, 4])
def test_a_batch_of_version_260_that_claims_more_seeds_is_too_short(claimed: int) -> None:
    single, _ = Surb.create_recoverable(make_way(1).route, OWNER.identity, b"\x0e" * 16, random.Random(1))
    batch = bytearray(encode_batch_v2([ReplySurb(bytes(16), single)]))
    batch[2] = claimed
    with pytest.raises(WireError, match="fewer"):
        decode_batch_v2(bytes(batch))


def test_a_batch_does_not_mix_versions_259_and_260() -> None:
    single, _ = Surb.create_recoverable(make_way(1).route, OWNER.identity, b"\x0e" * 16, random.Random(1))
    with pytest.raises(UsageError, match="one length"):
        encode_batch_v2([make_surb(), ReplySurb(bytes(16), single, KeyRotation.EVEN)])
    mixed = bytearray(encode_batch_v2([make_surb(), make_surb()]))
    mixed[4 + 460 :] = ReplySurb(bytes(16), single).encode()
    with pytest.raises(WireError, match="fewer"):
        decode_batch_v2(bytes(mixed))


def test_empty_v2_batch_has_no_hops_and_no_rotation() -> None:
    assert encode_batch_v2([]) == bytes(4)
    assert decode_batch_v2(bytes(4) + b"rest") == ((), b"rest")


@pytest.mark.parametrize(
    "surbs",
    [
        (make_surb(V2, rotation=KeyRotation.ODD), make_surb(V2, rotation=KeyRotation.EVEN)),
        (make_surb(V2, 4), make_surb(V2, 5)),
        (make_surb(V1),),
    ],
    ids=["two rotations", "two lengths", "full keys"],
)
def test_v2_batch_refuses_what_it_cannot_say(surbs: tuple[ReplySurb, ...]) -> None:
    with pytest.raises(UsageError):
        encode_batch_v2(surbs)


def test_v2_batch_refuses_a_count_beyond_16_bits() -> None:
    with pytest.raises(UsageError):
        encode_batch_v2([make_surb()] * 65536)


@pytest.mark.parametrize("surb", [make_surb(V2), make_surb(V1, 3)], ids=["seeds", "three hops"])
def test_v1_batch_refuses_what_it_cannot_say(surb: ReplySurb) -> None:
    with pytest.raises(UsageError):
        encode_batch_v1([surb])


@pytest.mark.parametrize("version", [V1, V2])
def test_batches_refuse_every_truncation(version: int) -> None:
    surbs = [make_surb(version, seed=seed) for seed in (1, 2)]
    data = encode_batch_v1(surbs) if version == V1 else encode_batch_v2(surbs)
    decode = decode_batch_v1 if version == V1 else decode_batch_v2
    for length in range(len(data)):
        with pytest.raises(WireError):
            decode(data[:length])


@pytest.mark.parametrize("header", ["00010401", "ffff0401", "00010001", "00010601", "0001ff01", "00000403", "000104ff"])
def test_v2_batch_refuses_impossible_headers(header: str) -> None:
    body = b"" if header.startswith("ffff") or header == "00010401" else make_surb().encode() * 12
    with pytest.raises(WireError):
        decode_batch_v2(bytes.fromhex(header) + body)


def test_v2_batch_refuses_twelve_seeds_that_are_as_long_as_one_full_key() -> None:
    with pytest.raises(WireError):
        decode_batch_v2(bytes([0, 1, 12, KeyRotation.ODD]) + make_surb(V1, 1).encode())


def test_v1_batch_refuses_a_count_that_its_bytes_cannot_hold() -> None:
    with pytest.raises(WireError):
        decode_batch_v1(b"\xff" * 4 + bytes(5000))


@settings(max_examples=60)
@given(st.binary(max_size=1300))
def test_random_bytes_raise_wire_errors_only(data: bytes) -> None:
    for decode in (ReplySurb.decode, decode_batch_v1, decode_batch_v2):
        try:
            decode(data)
        except WireError:
            continue
