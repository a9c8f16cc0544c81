"""Whole packets of a Rust client (nym-sphinx, nym-sphinx-cover, nym-sphinx-framing 1.21 and 2.0), read at every hop.

The crates draw the Sphinx secrets and delays of these packets themselves, so the outer layers are checked by reading;
a packet made from a SURB is also rebuilt byte for byte.
"""

import hashlib
from typing import Any

import pytest

from nymconnect.crypto import X25519Secret, aes_ctr
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId, split_surb_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.envelope import COVER_TEXT, Ack, Cover, DataFragment, open_content
from nymconnect.packet.framing import FRAME_V7, FRAME_V8, Frame, FrameDecoder, MixPacket
from nymconnect.packet.messages import Plain, Reply, ReplyData, recover
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.reassembly import Reassembler
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.sphinx import Final, Forward, open_packet
from tests.helpers.rust_vectors import cases, load, unhex

Vector = dict[str, Any]


def keys() -> dict[NodeAddress, X25519Secret]:
    file = load("envelope")
    addresses = [NodeAddress.decode(unhex(text)) for text in file["node_addresses"]]
    return {a: X25519Secret(unhex(s)) for a, s in zip(addresses, file["node_secrets"], strict=True)}


def travel(packet: MixPacket, hops: list[Vector]) -> Final:
    """Carries a packet through its hops as frames, and checks what each of them sees."""
    secrets, here = keys(), packet
    for hop in hops:
        frame_bytes = Frame.of(here.packet, here.rotation).encode(FRAME_V8)
        (frame,) = FrameDecoder().feed(frame_bytes)
        opened = open_packet(frame.packet, secrets[here.next_hop])
        assert f"sphinx-{opened.version}" == hop["version"]
        step = opened.unwrap()
        if isinstance(step, Final):
            assert hop is hops[-1]
            return step
        assert isinstance(step, Forward)
        assert step.delay_ns == hop["delay_ns"]
        here = MixPacket(step.next_hop, step.packet, frame.rotation)
    pytest.fail("the packet did not end at its last hop")


def deliver(vector: Vector) -> bytes:
    """What the last gateway pushes to its client; the ack goes home on the way."""
    file = load("envelope")
    packet = MixPacket.decode_v2(unhex(vector["v2"]))
    assert packet.encode_v2().hex() == vector["v2"]
    assert packet.encode_v1().hex().startswith(vector["v1_prefix"])
    assert packet.rotation == vector["rotation"]
    final = travel(packet, vector["hops"])
    assert final.destination.hex() == vector["destination"]
    ack, content = split_surb_ack(final.message)
    assert content.hex() == vector["content"]

    recorded = vector["ack"]
    assert ack.packet.hex() == recorded["packet"]
    assert ack.next_hop.encode().hex() == recorded["next_hop"]
    assert recorded["rotation"] == vector["rotation"]
    ack_final = travel(MixPacket(ack.next_hop, ack.packet, KeyRotation(recorded["rotation"])), recorded["hops"])
    assert ack_final.destination.hex() == recorded["destination"] == Recipient.parse(file["sender"]).identity.hex()
    assert ack_final.message.hex() == recorded["content"]
    return content


def opened_ack(vector: Vector) -> object:
    file = load("envelope")
    secret = X25519Secret(unhex(file["sender_encryption_secret"]))
    return open_content(unhex(vector["ack"]["content"]), secret, lambda _: None, unhex(file["ack_key"]))


@cases("envelope", "data")
def test_a_data_packet_reaches_its_recipient(vector: Vector) -> None:
    file = load("envelope")
    content = deliver(vector)
    secret = X25519Secret(unhex(file["receiver_encryption_secret"]))
    opened = open_content(content, secret, lambda _: None, bytes(16))
    assert isinstance(opened, DataFragment)
    assert not opened.via_reply
    encoded = opened.fragment.encode()
    assert hashlib.sha256(encoded).hexdigest() == vector["fragment_sha256"]
    assert opened.fragment.fid == FragmentId.decode(unhex(vector["fragment_id"]))
    assert opened_ack(vector) == Ack(opened.fragment.fid)
    if opened.fragment.header.total == 1:
        padded = Reassembler().add(opened.fragment, 0.0)
        assert padded is not None
        assert recover(padded) == Plain(unhex(vector["message"]))


@cases("envelope", "data")
def test_the_delay_that_the_sender_expects_is_the_sum_of_all_but_the_last(vector: Vector) -> None:
    hops = [*vector["hops"], *vector["ack"]["hops"]]
    assert sum(hop.get("delay_ns", 0) for hop in hops) == vector["total_delay_ns"]


@cases("envelope", "replies")
def test_a_reply_comes_back_to_the_maker_of_the_surb(vector: Vector) -> None:
    content = deliver(vector)
    surb = ReplySurb.decode(unhex(vector["reply_surb"]), KeyRotation(vector["rotation"]))
    known = {surb.digest: surb.key}
    opened = open_content(content, X25519Secret(bytes([7]) * 32), lambda digest: known.pop(digest, None), bytes(16))
    assert isinstance(opened, DataFragment)
    assert opened.via_reply
    assert not known
    assert hashlib.sha256(opened.fragment.encode()).hexdigest() == vector["fragment_sha256"]
    padded = Reassembler().add(opened.fragment, 0.0)
    assert padded is not None
    assert recover(padded) == Reply(ReplyData(b"pong"))
    assert opened_ack(vector) == Ack(opened.fragment.fid)


@cases("envelope", "replies")
def test_the_reply_packet_is_rebuilt_byte_for_byte(vector: Vector) -> None:
    packet = MixPacket.decode_v2(unhex(vector["v2"]))
    message = travel(packet, vector["hops"]).message
    surb = ReplySurb.decode(unhex(vector["reply_surb"]), KeyRotation(vector["rotation"]))
    size = Frame.of(packet.packet).size
    rebuilt = MixPacket(surb.surb.first_hop, surb.surb.use(message, size), surb.rotation)
    assert rebuilt.encode_v2().hex() == vector["v2"]


@cases("envelope", "cover")
def test_a_cover_packet_comes_round_as_cover(vector: Vector) -> None:
    file = load("envelope")
    content = deliver(vector)
    secret = X25519Secret(unhex(file["sender_encryption_secret"]))
    assert open_content(content, secret, lambda _: None, unhex(file["ack_key"])) == Cover(content[:32])
    assert opened_ack(vector) == Ack(COVER_FRAGMENT_ID)


@cases("envelope", "cover")
def test_our_cover_text_is_the_crates(vector: Vector) -> None:
    text = (COVER_TEXT + b"\x01").ljust(1611, b"\0")
    assert hashlib.sha256(text).hexdigest() == vector["plaintext_sha256"]
    assert len(aes_ctr(bytes(16), text)) == len(unhex(vector["content"])) - 32


@pytest.mark.parametrize("version", [FRAME_V7, FRAME_V8])
def test_a_whole_packet_survives_both_frame_versions(version: int) -> None:
    packet = MixPacket.decode_v2(unhex(load("envelope")["data"][0]["v2"]))
    (frame,) = FrameDecoder().feed(Frame.of(packet.packet, packet.rotation).encode(version))
    assert frame.packet == packet.packet
