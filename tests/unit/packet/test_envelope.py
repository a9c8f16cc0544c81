"""Fragments in packets, all the way: sealed, mixed, split at the gateway, opened; and their acks all the way back."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import X25519Secret, aes_ctr, blake3_digest, hkdf_blake3
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId, seal_ack, split_surb_ack
from nymconnect.packet.addressing import DROP_DESTINATION, Recipient
from nymconnect.packet.chunking import Fragment, FragmentHeader
from nymconnect.packet.envelope import (
    COVER_TEXT,
    Ack,
    Content,
    Cover,
    DataFragment,
    open_content,
    seal_cover,
    seal_drop_cover,
    seal_fragment,
    seal_reply_fragment,
)
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.messages import Plain, prepare
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.sphinx import Final
from tests.helpers.routes import Client, ScriptedRng, Seen, Way, carry, make_client, make_way
from tests.helpers.rust_vectors import load_file

VECTORS = load_file("nym-prototype.json")
ALICE, BOB = make_client(1), make_client(2)
TO_BOB, TO_ALICE, ACK_TO_ALICE, ACK_TO_BOB = (make_way(seed) for seed in (1, 2, 3, 4))
REGULAR = PacketSize.REGULAR
DATA_SIZES = [size for size in PacketSize if size is not PacketSize.ACK]


def a_fragment(size: PacketSize = REGULAR, header: FragmentHeader | None = None) -> Fragment:
    known = header or FragmentHeader(77, 3, 2)
    return Fragment(known, random.Random(5).randbytes(size.fragment - known.length))


def no_key(digest: bytes) -> None:
    return None


def open_for(client: Client, content: bytes, take: Callable[[bytes], bytes | None] = no_key) -> Content:
    return open_content(content, client.secret, take, client.ack_key)


def arrive(packet: MixPacket, way: Way, ack_way: Way) -> tuple[Final, bytes, Final, list[Seen]]:
    """The last hop's view, the content that it pushes, the ack where it ends, and what each hop of the packet saw."""
    final, seen = carry(packet, way)
    ack, content = split_surb_ack(final.message)
    ack_final, ack_seen = carry(replace(ack, rotation=packet.rotation), ack_way)
    assert {each.version for each in ack_seen} == {259}
    assert {each.length for each in ack_seen} == {PacketSize.ACK.packet}
    return final, content, ack_final, seen


def send_data(size: PacketSize = REGULAR) -> MixPacket:
    rng = random.Random(7)
    return seal_fragment(
        a_fragment(size), BOB.address, ALICE.address, ALICE.ack_key, TO_BOB.route, ACK_TO_ALICE.route, size, rng
    )


def send_cover(size: PacketSize = REGULAR) -> MixPacket:
    rng = random.Random(8)
    return seal_cover(ALICE.address, ALICE.ack_key, TO_ALICE.route, ACK_TO_ALICE.route, size, rng)[0]


def send_drop_cover(size: PacketSize = REGULAR) -> MixPacket:
    rng = random.Random(8)
    return seal_drop_cover(ALICE.address, ALICE.ack_key, TO_BOB.route, ACK_TO_ALICE.route, size, rng)


def send_reply(size: PacketSize = REGULAR, version: int = 259) -> tuple[MixPacket, ReplySurb]:
    """Bob answers Alice with a SURB of hers."""
    surb = ReplySurb.create(ALICE.address, TO_ALICE.route, random.Random(9), version)
    rng = random.Random(10)
    packet = seal_reply_fragment(a_fragment(size), surb, BOB.address, BOB.ack_key, ACK_TO_BOB.route, size, rng)
    return packet, surb


# --- end to end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", DATA_SIZES, ids=lambda size: size.name)
def test_a_fragment_reaches_its_recipient_and_its_ack_comes_back(size: PacketSize) -> None:
    packet = send_data(size)
    assert packet.rotation is KeyRotation.EVEN
    assert packet.next_hop == TO_BOB.route.first_hop
    final, content, ack, _ = arrive(packet, TO_BOB, ACK_TO_ALICE)
    assert final.destination == BOB.address.identity
    assert len(content) == size.message
    assert open_for(BOB, content) == DataFragment(a_fragment(size), via_reply=False)
    assert ack.destination == ALICE.address.identity
    assert open_for(ALICE, ack.message) == Ack(FragmentId(77, 2))


@pytest.mark.parametrize("version", [258, 259])
@pytest.mark.parametrize("size", DATA_SIZES[:2], ids=lambda size: size.name)
def test_a_reply_reaches_the_owner_of_the_surb_and_its_ack_comes_back(size: PacketSize, version: int) -> None:
    packet, surb = send_reply(size, version)
    assert packet.rotation is surb.rotation is KeyRotation.EVEN
    final, content, ack, seen = arrive(packet, TO_ALICE, ACK_TO_BOB)
    assert final.destination == ALICE.address.identity
    assert {each.version for each in seen} == {version}
    keys = {surb.digest: surb.key}
    assert open_for(ALICE, content, lambda digest: keys.pop(digest, None)) == DataFragment(
        a_fragment(size), via_reply=True
    )
    assert not keys
    assert ack.destination == BOB.address.identity
    assert open_for(BOB, ack.message) == Ack(FragmentId(77, 2))


@pytest.mark.parametrize("size", DATA_SIZES, ids=lambda size: size.name)
def test_cover_comes_round_and_so_does_its_ack(size: PacketSize) -> None:
    final, content, ack, _ = arrive(send_cover(size), TO_ALICE, ACK_TO_ALICE)
    assert final.destination == ALICE.address.identity
    assert len(content) == size.message
    assert open_for(ALICE, content) == Cover(content[:32])
    assert open_for(ALICE, ack.message) == Ack(COVER_FRAGMENT_ID)


@pytest.mark.parametrize("size", DATA_SIZES, ids=lambda size: size.name)
def test_drop_cover_is_for_nobody_and_its_ack_comes_back(size: PacketSize) -> None:
    final, content, ack, _ = arrive(send_drop_cover(size), TO_BOB, ACK_TO_ALICE)
    assert final.destination == DROP_DESTINATION
    assert len(content) == size.message
    assert ack.destination == ALICE.address.identity
    assert open_for(ALICE, ack.message) == Ack(COVER_FRAGMENT_ID)


def test_nobody_can_be_where_drop_cover_ends() -> None:
    with pytest.raises(WireError):
        Recipient.decode(DROP_DESTINATION + ALICE.address.encode()[32:])


@pytest.mark.parametrize("size", DATA_SIZES, ids=lambda size: size.name)
def test_no_hop_can_tell_cover_from_data_or_reply(size: PacketSize) -> None:
    data, cover, (reply, _), dropped = send_data(size), send_cover(size), send_reply(size), send_drop_cover(size)
    expected = [Seen(kind, 259, size.packet) for kind in ("Forward", "Forward", "Forward", "Final")]
    for packet, way in ((data, TO_BOB), (cover, TO_ALICE), (reply, TO_ALICE), (dropped, TO_BOB)):
        assert packet.rotation is KeyRotation.EVEN
        assert carry(packet, way)[1] == expected
        assert len(carry(packet, way)[0].message) == size.plaintext


def test_a_fragment_through_the_gateway_alone_arrives() -> None:
    """With mix hops disabled the recipient's gateway is the whole route."""
    way = make_way(6, hops=1)
    rng = random.Random(7)
    packet = seal_fragment(
        a_fragment(), BOB.address, ALICE.address, ALICE.ack_key, way.route, ACK_TO_ALICE.route, REGULAR, rng
    )
    _, content, _, _ = arrive(packet, way, ACK_TO_ALICE)
    assert open_for(BOB, content) == DataFragment(a_fragment(), via_reply=False)


# --- sending ----------------------------------------------------------------------------------------------------


def test_a_fragment_sealed_twice_shares_no_bytes() -> None:
    rng = random.Random(1)
    selectors = set()
    for _ in range(2):
        packet = seal_fragment(
            a_fragment(), BOB.address, ALICE.address, ALICE.ack_key, TO_BOB.route, ACK_TO_ALICE.route, REGULAR, rng
        )
        selectors.add(arrive(packet, TO_BOB, ACK_TO_ALICE)[1][:32])
    assert len(selectors) == 2


@pytest.mark.parametrize("size", [PacketSize.EXTENDED8, PacketSize.ACK], ids=lambda size: size.name)
def test_a_fragment_must_fill_its_packet(size: PacketSize) -> None:
    rng = random.Random(1)
    with pytest.raises(UsageError):
        seal_fragment(
            a_fragment(), BOB.address, ALICE.address, ALICE.ack_key, TO_BOB.route, ACK_TO_ALICE.route, size, rng
        )
    surb = ReplySurb.create(ALICE.address, TO_ALICE.route, rng)
    with pytest.raises(UsageError):
        seal_reply_fragment(a_fragment(), surb, BOB.address, BOB.ack_key, ACK_TO_BOB.route, size, rng)


def test_cover_needs_a_class_with_room_for_it() -> None:
    with pytest.raises(UsageError):
        send_cover(PacketSize.ACK)


def test_packet_and_ack_must_be_of_one_rotation() -> None:
    odd, rng = replace(ACK_TO_ALICE.route, rotation=KeyRotation.ODD), random.Random(1)
    with pytest.raises(UsageError):
        seal_fragment(a_fragment(), BOB.address, ALICE.address, ALICE.ack_key, TO_BOB.route, odd, REGULAR, rng)
    with pytest.raises(UsageError):
        seal_cover(ALICE.address, ALICE.ack_key, TO_ALICE.route, odd, REGULAR, rng)


def test_a_recipient_with_a_low_order_key_is_refused() -> None:
    nobody = replace(BOB.address, encryption_key=bytes(32))
    with pytest.raises(WireError):
        seal_fragment(
            a_fragment(),
            nobody,
            ALICE.address,
            ALICE.ack_key,
            TO_BOB.route,
            ACK_TO_ALICE.route,
            REGULAR,
            random.Random(1),
        )


# --- known answers ----------------------------------------------------------------------------------------------


class VectorRng(ScriptedRng):
    """The set id and the ephemeral secret of the prototype; headers get other padding."""

    def __init__(self) -> None:
        secret = bytes.fromhex(VECTORS["content_key"]["ephemeral_secret"])
        super().__init__({16: bytes(16), 32: secret, 68: bytes(68)})

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return int(VECTORS["plain_fragment"]["set_id"])


def vector_client() -> Client:
    secret = X25519Secret(bytes.fromhex(VECTORS["content_key"]["recipient_secret"]))
    return Client(Recipient(bytes(32), secret.public, bytes(32)), secret, bytes(16))


def vector_fragment() -> Fragment:
    (fragment,) = prepare(Plain(VECTORS["plain_fragment"]["message"].encode()), REGULAR.fragment, VectorRng())
    return fragment


def test_content_key_matches_the_prototype_vector() -> None:
    vector = {name: bytes.fromhex(value) for name, value in VECTORS["content_key"].items()}
    assert X25519Secret(vector["ephemeral_secret"]).public == vector["ephemeral_public"]
    assert X25519Secret(vector["recipient_secret"]).exchange(vector["ephemeral_public"]) == vector["shared"]
    assert hkdf_blake3(vector["shared"], 16) == vector["key"]


def test_sealed_fragment_matches_the_prototype_vector() -> None:
    client = vector_client()
    packet = seal_fragment(
        vector_fragment(),
        client.address,
        client.address,
        client.ack_key,
        TO_BOB.route,
        ACK_TO_ALICE.route,
        REGULAR,
        VectorRng(),
    )
    _, content, _, _ = arrive(packet, TO_BOB, ACK_TO_ALICE)
    assert content[:32].hex() == VECTORS["content_key"]["ephemeral_public"]
    assert hashlib.sha256(content[32:]).hexdigest() == VECTORS["plain_fragment"]["sealed_sha256"]
    assert open_for(client, content) == DataFragment(vector_fragment(), via_reply=False)


def test_sealed_reply_matches_the_prototype_vector() -> None:
    vector = VECTORS["reply"]
    surb = replace(ReplySurb.create(ALICE.address, TO_ALICE.route, random.Random(1)), key=bytes.fromhex(vector["key"]))
    packet = seal_reply_fragment(
        vector_fragment(), surb, BOB.address, BOB.ack_key, ACK_TO_BOB.route, REGULAR, random.Random(1)
    )
    _, content, _, _ = arrive(packet, TO_ALICE, ACK_TO_BOB)
    assert content[:32].hex() == vector["digest"]
    assert hashlib.sha256(content[32:]).hexdigest() == vector["sealed_sha256"]


def test_cover_text_matches_the_prototype_vector() -> None:
    client = vector_client()
    rng = VectorRng()
    packet, _ = seal_cover(client.address, client.ack_key, TO_ALICE.route, ACK_TO_ALICE.route, REGULAR, rng)
    _, content, _, _ = arrive(packet, TO_ALICE, ACK_TO_ALICE)
    plaintext = aes_ctr(bytes.fromhex(VECTORS["content_key"]["key"]), content[32:])
    assert len(plaintext) == VECTORS["cover"]["plaintext_length"]
    assert hashlib.sha256(plaintext).hexdigest() == VECTORS["cover"]["plaintext_sha256"]


# --- receiving --------------------------------------------------------------------------------------------------


def bob_receives() -> bytes:
    return arrive(send_data(), TO_BOB, ACK_TO_ALICE)[1]


@pytest.mark.parametrize("length", [0, 20, 22, 32, 48, 49, 1611, 1642, 1644, 1652, 2048, 32364])
def test_content_of_any_other_length_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        open_for(BOB, bob_receives().ljust(length, b"\0")[:length])


def test_a_foreign_key_finds_no_fragment() -> None:
    with pytest.raises(WireError):
        open_for(ALICE, bob_receives())


def test_a_low_order_selector_is_refused() -> None:
    with pytest.raises(WireError):
        open_for(BOB, bytes(1643))


def test_reply_keys_are_asked_for_before_the_selector_counts_as_a_public_key() -> None:
    asked: list[bytes] = []

    def take(digest: bytes) -> None:
        asked.append(digest)

    content = bob_receives()
    open_for(BOB, content, take)
    assert asked == [content[:32]]


def test_acks_ask_for_no_reply_key() -> None:
    def take(digest: bytes) -> bytes | None:
        raise AssertionError

    content = seal_ack(BOB.ack_key, FragmentId(3, 2), random.Random(1))
    assert open_for(BOB, content, take) == Ack(FragmentId(3, 2))


@pytest.mark.parametrize("header", ["01020304010100", "80000000010100", "80000001000000", "80000001010200"])
def test_an_impossible_fragment_header_is_refused(header: str) -> None:
    key = bytes(16)
    content = blake3_digest(key) + aes_ctr(key, bytes.fromhex(header).ljust(REGULAR.fragment, b"\0"))
    with pytest.raises(WireError):
        open_for(BOB, content, lambda digest: key)


def test_cover_text_cannot_be_a_fragment() -> None:
    with pytest.raises(WireError):
        Fragment.decode(COVER_TEXT)


@settings(max_examples=40)
@given(st.binary(max_size=64), st.sampled_from([0, 21, 1643]))
def test_random_content_raises_wire_errors_only(data: bytes, length: int) -> None:
    for take in (no_key, lambda digest: bytes(16)):
        try:
            open_for(BOB, data.ljust(length, b"\x5a"), take)
        except WireError:
            continue
