"""Whole packets: built, carried through their hops, damaged, and refused."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import X25519Secret, aes_ctr, hmac_sha256_16
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import HEADER_LENGTH, PacketSize
from nymconnect.packet.sphinx import DEFAULT_VERSION, Final, Forward, build_packet, open_packet
from nymconnect.packet.sphinx.keys import MAC_KEY, STREAM_KEY, expand
from nymconnect.packet.sphinx.packet import assemble_packet
from tests.helpers.decoding import refuses_or_decodes
from tests.helpers.sphinx_case import DESTINATION, load, make_route, prototype_route

CASE = load("sphinx-prototype")["packet"]
NODE = X25519Secret.generate(random.Random(99))


def build(hops: int = 4, version: int = DEFAULT_VERSION, message: bytes = b"hello") -> bytes:
    return build_packet(make_route(hops)[0], DESTINATION, message, PacketSize.ACK, random.Random(5), version)


def with_routing(routing: bytes, length: int = PacketSize.ACK.packet) -> bytes:
    """A packet whose header authenticates at NODE and carries this plain routing block (300 bytes)."""
    ephemeral = X25519Secret.generate(random.Random(98))
    expanded = expand(ephemeral.exchange(NODE.public))
    beta = aes_ctr(expanded[STREAM_KEY], routing.ljust(300, b"\0"))
    header = ephemeral.public + hmac_sha256_16(expanded[MAC_KEY], beta) + beta
    return header.ljust(length, b"\x77")


# --- the way through the hops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [258, 259, 256, 260, 65535, 0])
@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_a_packet_reaches_its_destination(hops: int, version: int) -> None:
    route, secrets = make_route(hops)
    rng = random.Random(hops)
    message = rng.randbytes(2048)
    packet = build_packet(route, DESTINATION, message, PacketSize.REGULAR, rng, version)
    tags = set()
    for i, secret in enumerate(secrets):
        assert len(packet) == PacketSize.REGULAR.packet
        opened = open_packet(packet, secret)
        tags.add(opened.replay_tag)
        assert opened.version == version
        step = opened.unwrap()
        if isinstance(step, Forward):
            assert (step.next_hop, step.delay_ns) == (route.hops[i + 1].address, route.delays_ns[i])
            assert step.version == version
            packet = step.packet
    assert step == Final(DESTINATION, message, version)
    assert {len(tag) for tag in tags} == {32}
    assert len(tags) == hops


@pytest.mark.parametrize("size", list(PacketSize))
def test_packets_of_every_size_carry_a_full_and_an_empty_message(size: PacketSize) -> None:
    route, secrets = make_route(2)
    for message in (b"", bytes(size.plaintext), b"\x01" * size.plaintext):
        packet = build_packet(route, DESTINATION, message, size, random.Random(1))
        assert len(packet) == size.packet
        first = open_packet(packet, secrets[0]).unwrap()
        assert isinstance(first, Forward)
        last = open_packet(first.packet, secrets[1]).unwrap()
        assert isinstance(last, Final)
        assert last.message == message


def test_two_packets_share_nothing() -> None:
    rng = random.Random(1)
    first, second = (build_packet(make_route(4)[0], DESTINATION, b"hi", PacketSize.ACK, rng) for _ in range(2))
    assert first[:32] != second[:32]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 20


def test_the_same_packet_has_the_same_replay_tag() -> None:
    packet, secret = build(), make_route(4)[1][0]
    assert open_packet(packet, secret).replay_tag == open_packet(packet, secret).replay_tag


def test_an_opened_packet_does_not_show_its_secrets() -> None:
    opened = open_packet(build(), make_route(4)[1][0])
    assert repr(opened) == "OpenedPacket(version=259)"


# --- refused ----------------------------------------------------------------------------------------------------


def test_a_message_that_does_not_fit_is_the_callers_fault() -> None:
    with pytest.raises(UsageError):
        build(message=bytes(PacketSize.ACK.plaintext + 1))


@pytest.mark.parametrize("version", [1, 257, -1, 65536])
def test_versions_that_cannot_be_sent_are_the_callers_fault(version: int) -> None:
    with pytest.raises(UsageError):
        build(version=version)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 347, 348, 364, 365, 380])
def test_a_packet_cut_below_the_least_payload_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        open_packet(build()[:length], make_route(4)[1][0])


@pytest.mark.parametrize("position", [0, 16, 31, 32, 47, 48, 347])
def test_a_flipped_header_bit_is_refused_at_once(position: int) -> None:
    packet = bytearray(build())
    packet[position] ^= 1
    with pytest.raises(WireError):
        open_packet(bytes(packet), make_route(4)[1][0])


def test_a_packet_for_another_node_is_refused() -> None:
    with pytest.raises(WireError):
        open_packet(build(), NODE)


@pytest.mark.parametrize("length_change", [-1, 1])
@pytest.mark.parametrize("hops", [1, 3])
def test_a_cut_or_longer_payload_is_noise_at_the_last_hop(hops: int, length_change: int) -> None:
    secrets = make_route(hops)[1]
    packet = build(hops)
    packet = packet[:length_change] if length_change < 0 else packet + b"\0"
    for secret in secrets[:-1]:
        step = open_packet(packet, secret).unwrap()
        assert isinstance(step, Forward)
        packet = step.packet
    with pytest.raises(WireError, match="damaged"):
        open_packet(packet, secrets[-1]).unwrap()


@pytest.mark.parametrize("position", [HEADER_LENGTH, HEADER_LENGTH + 31, HEADER_LENGTH + 32, -1])
def test_a_flipped_payload_bit_shows_at_the_last_hop_only(position: int) -> None:
    secrets = make_route(3)[1]
    packet = bytearray(build(3))
    packet[position] ^= 1
    first = open_packet(bytes(packet), secrets[0]).unwrap()
    assert isinstance(first, Forward)
    second = open_packet(first.packet, secrets[1]).unwrap()
    assert isinstance(second, Forward)
    with pytest.raises(WireError, match="damaged"):
        open_packet(second.packet, secrets[2]).unwrap()


@pytest.mark.parametrize("alpha", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_low_order_alpha_is_refused_even_with_the_mac_of_the_zero_secret(alpha: bytes) -> None:
    expanded = expand(bytes(32))
    beta = aes_ctr(expanded[STREAM_KEY], (b"\x02\x00\x01\x03" + DESTINATION).ljust(300, b"\0"))
    packet = alpha + hmac_sha256_16(expanded[MAC_KEY], beta) + beta + bytes(38)
    with pytest.raises(WireError):
        open_packet(packet, NODE)


@pytest.mark.parametrize("flag", [0, 3, 255])
def test_an_unknown_routing_flag_is_refused(flag: int) -> None:
    with pytest.raises(WireError, match="flag"):
        open_packet(with_routing(bytes([flag]) + b"\x00\x01\x03"), NODE)


@pytest.mark.parametrize("version", [1, 257])
def test_the_legacy_versions_are_refused(version: int) -> None:
    with pytest.raises(WireError, match="not supported"):
        open_packet(with_routing(b"\x01" + version.to_bytes(3, "big")), NODE)


def test_the_byte_before_the_version_is_not_looked_at() -> None:
    address = make_route(1)[0].first_hop.encode_padded()
    step = open_packet(with_routing(b"\x01\xff\x01\x03" + address), NODE).unwrap()
    assert isinstance(step, Forward)
    assert step.version == 259


def test_an_unreadable_next_address_is_refused() -> None:
    opened = open_packet(with_routing(b"\x01\x00\x01\x03" + b"\x05" * 32), NODE)
    with pytest.raises(WireError, match="address"):
        opened.unwrap()


def test_the_longest_delay_is_carried() -> None:
    address = make_route(1)[0].first_hop.encode_padded()
    step = open_packet(with_routing(b"\x01\x00\x01\x03" + address + b"\xff" * 8), NODE).unwrap()
    assert isinstance(step, Forward)
    assert step.delay_ns == 2**64 - 1


def test_a_final_payload_of_noise_is_refused() -> None:
    opened = open_packet(with_routing(b"\x02\x00\x01\x03" + DESTINATION), NODE)
    with pytest.raises(WireError, match="damaged"):
        opened.unwrap()


@given(st.binary(max_size=500))
@settings(max_examples=40)
def test_random_bytes_are_refused(data: bytes) -> None:
    assert not refuses_or_decodes(lambda packet: open_packet(packet, NODE), data)


@given(st.binary(min_size=300, max_size=300))
@settings(max_examples=60)
def test_any_routing_block_is_carried_out_or_refused(routing: bytes) -> None:
    for flag in (b"\x01", b"\x02", routing[:1]):
        packet = with_routing(flag + routing[1:])
        refuses_or_decodes(lambda data: open_packet(data, NODE).unwrap(), packet)


# --- the prototype's packet -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [258, 259])
def test_the_packet_equals_the_prototypes_at_every_hop(version: int) -> None:
    expected = CASE["by_version"][str(version)]
    route, secrets = prototype_route(CASE)
    message = bytes(j % 251 for j in range(CASE["message_length"]))
    packet = assemble_packet(
        route,
        bytes.fromhex(CASE["destination"]),
        message,
        CASE["payload_length"],
        bytes.fromhex(CASE["initial_secret"]),
        bytes.fromhex(CASE["header_padding"]),
        version,
    )
    assert packet[32:48].hex() == expected["gamma"]
    assert hashlib.sha256(packet[:HEADER_LENGTH]).hexdigest() == expected["header_sha256"]
    assert packet[HEADER_LENGTH : HEADER_LENGTH + 16].hex() == expected["payload_start"]
    for i, secret in enumerate(secrets):
        assert packet[:32].hex() == CASE["alpha_at_hop"][i]
        assert hashlib.sha256(packet).hexdigest() == expected["packet_sha256"][i]
        opened = open_packet(packet, secret)
        assert opened.replay_tag.hex() == CASE["replay_tags"][i]
        step = opened.unwrap()
        if isinstance(step, Forward):
            assert str(step.next_hop) == CASE["node_addresses"][i + 1]
            assert step.delay_ns == CASE["delays_ms"][i] * 1_000_000
            packet = step.packet
    assert step == Final(bytes.fromhex(CASE["destination"]), message, version)
