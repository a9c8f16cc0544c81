"""Addresses of nodes and clients: bytes, text, and everything that is neither."""

import ipaddress
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import Ed25519Secret
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import NodeAddress, Recipient, decode_ack_address
from tests.helpers.decoding import check_decoder, refuses_or_decodes
from tests.helpers.rust_vectors import load_file

UPSTREAM = load_file("sphinx-upstream.json")["recipient"]
RECIPIENT_BYTES = bytes.fromhex(UPSTREAM["bytes"])

NODE_ADDRESSES = [
    ("1.2.3.4:1789", "0406fd01020304"),
    ("0.0.0.0:1", "04000100000000"),
    ("255.255.255.255:65535", "04ffffffffffff"),
    ("[::1]:1789", "0606fd" + "00" * 15 + "01"),
    ("[2001:db8::ff00:42:8329]:80", "06005020010db8000000000000ff0000428329"),
    ("[::ffff:10.0.0.1]:9000", "06232800000000000000000000ffff0a000001"),
]
NOT_NODE_ADDRESSES = [
    "",
    ":",
    "1.2.3.4",
    "1.2.3.4:",
    ":1789",
    "1.2.3.4:0",
    "1.2.3.4:65536",
    "1.2.3.4:999999",
    "1.2.3.4:-1",
    "1.2.3.4:+1",
    "1.2.3.4: 1",
    "1.2.3.4:1_0",
    "1.2.3.4:1\n",
    "1.2.3.4:\u0661",
    "1.2.3:1",
    "1.2.3.256:1",
    "01.2.3.4:1",
    "[1.2.3.4]:1",
    "::1:1789",
    "[::1]",
    "[::1:1789",
    "[[::1]]:1789",
    "[fe80::1%eth0]:1789",
    "[1::2::3]:1789",
    "example.org:1789",
    "9" * 10_000,
]


# --- nodes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "encoded"), NODE_ADDRESSES)
def test_node_addresses_have_their_bytes(text: str, encoded: str) -> None:
    address = NodeAddress.parse(text)
    assert address.encode().hex() == encoded
    assert NodeAddress.parse(str(address)) == address
    check_decoder(NodeAddress.decode, bytes.fromhex(encoded), address, ignores_trailing=True)


def test_a_mapped_ipv4_address_stays_ipv6() -> None:
    mapped = NodeAddress.decode(bytes.fromhex("06232800000000000000000000ffff0a000001"))
    assert ipaddress.ip_address(mapped.host).version == 6
    assert mapped != NodeAddress("10.0.0.1", 9000)


def test_equal_addresses_have_one_text() -> None:
    assert NodeAddress.parse("[2001:DB8:0:0::1]:80") == NodeAddress.parse("[2001:db8::1]:80")


@pytest.mark.parametrize("length", [19, 32])
def test_padding_is_zeros_and_is_ignored(length: int) -> None:
    address = NodeAddress("1.2.3.4", 1789)
    padded = address.encode_padded(length)
    assert padded == address.encode() + bytes(length - 7)
    assert NodeAddress.decode(padded) == address
    assert NodeAddress.decode(padded[:7] + b"\xff" * (length - 7)) == address


def test_a_prefix_tells_how_much_it_took() -> None:
    assert NodeAddress.decode_prefix(b"\x04\x00\x50\x01\x02\x03\x04rest") == (NodeAddress("1.2.3.4", 80), 7)
    assert NodeAddress.decode_prefix(b"\x06\x00\x50" + bytes(15) + b"\x01rest") == (NodeAddress("::1", 80), 19)


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5, 7, 44, 255])
def test_other_address_families_are_refused(version: int) -> None:
    with pytest.raises(WireError):
        NodeAddress.decode(bytes([version]) + bytes(31))


@pytest.mark.parametrize("text", NOT_NODE_ADDRESSES)
def test_other_texts_are_not_node_addresses(text: str) -> None:
    with pytest.raises(WireError):
        NodeAddress.parse(text)


@pytest.mark.parametrize(("host", "port"), [("example.org", 1), ("", 1), ("1.2.3.4", 65536), ("1.2.3.4", -1)])
def test_what_is_no_address_is_not_encoded(host: str, port: int) -> None:
    with pytest.raises(UsageError):
        NodeAddress(host, port).encode()


def test_an_ack_address_is_read_from_nineteen_bytes() -> None:
    ipv6 = NodeAddress("2001:db8::1", 1789)
    assert decode_ack_address(ipv6.encode_padded(19) + b"packet") == ipv6
    assert decode_ack_address(NodeAddress("1.2.3.4", 5).encode_padded(19) + b"packet") == NodeAddress("1.2.3.4", 5)


@given(st.ip_addresses(), st.integers(0, 65535))
@settings(max_examples=60)
def test_any_address_survives_the_round_trip(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    address = NodeAddress(str(ipaddress.ip_address(host.packed)), port)
    assert NodeAddress.decode(address.encode()) == address


@given(st.binary(max_size=40))
@settings(max_examples=60)
def test_random_bytes_decode_or_are_refused(data: bytes) -> None:
    refuses_or_decodes(NodeAddress.decode, data)
    refuses_or_decodes(Recipient.decode, data)


# --- clients ----------------------------------------------------------------------------------------------------


def some_recipient() -> Recipient:
    rng = random.Random(1)
    return Recipient(Ed25519Secret.generate(rng).public, rng.randbytes(32), Ed25519Secret.generate(rng).public)


def test_the_recipient_recorded_upstream_decodes_and_encodes() -> None:
    recipient = Recipient.decode(RECIPIENT_BYTES)
    assert recipient.identity == RECIPIENT_BYTES[:32]
    assert recipient.encryption_key == RECIPIENT_BYTES[32:64]
    assert recipient.gateway == RECIPIENT_BYTES[64:]
    assert str(recipient) == UPSTREAM["text"]
    assert Recipient.parse(UPSTREAM["text"]) == recipient
    check_decoder(Recipient.decode, RECIPIENT_BYTES, recipient)


@pytest.mark.parametrize("start", [0, 64])
def test_both_identities_must_be_curve_points(start: int) -> None:
    data = bytearray(some_recipient().encode())
    data[start : start + 32] = b"\x02" + bytes(31)
    with pytest.raises(WireError, match="curve point"):
        Recipient.decode(bytes(data))


def test_any_32_bytes_are_an_encryption_key() -> None:
    data = bytearray(some_recipient().encode())
    data[32:64] = b"\x02" + bytes(31)
    assert Recipient.decode(bytes(data)).encryption_key == b"\x02" + bytes(31)


def malformed_texts() -> list[str]:
    text = str(some_recipient())
    client, gateway = text.split("@")
    identity, encryption = client.split(".")
    return [
        "",
        client,
        gateway,
        f"{identity}@{gateway}",
        f"{client}@",
        f"@{gateway}",
        f".{encryption}@{gateway}",
        f"{identity}.@{gateway}",
        f"{text}@{gateway}",
        f"{identity}.{encryption}.{encryption}@{gateway}",
        f"{client}@{gateway}.{encryption}",
        f"{gateway}@{client}",
        text[:-1],
        text + "1",
        "1" + text,
        f" {text}",
        f"{text}\n",
        text.replace("@", "@0"),
        f"{identity}.{encryption}@{gateway[:-4]}",
        "1" * 100_000,
    ]


@pytest.mark.parametrize("text", malformed_texts())
def test_malformed_recipients_are_refused(text: str) -> None:
    with pytest.raises(WireError):
        Recipient.parse(text)


@given(st.text(max_size=150))
@settings(max_examples=60)
def test_random_text_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        Recipient.parse(text)


@pytest.mark.parametrize("lengths", [(31, 32, 32), (32, 0, 32), (32, 32, 33)])
def test_a_recipient_is_made_of_whole_keys(lengths: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        Recipient(*(bytes(length) for length in lengths))
