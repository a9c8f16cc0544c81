"""sphinx-packet 0.6.0 and 0.8.0 in both directions: its packets are read here, and rebuilt here byte for byte.

The crate pads the last hop's routing block from the system's randomness. So a rebuilt packet takes that padding from
the recorded one: all its layers are peeled first, with the nodes' secrets.
"""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from nymconnect import crypto
from nymconnect.crypto import X25519Secret, x25519_exchange
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import HEADER_LENGTH
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import SINGLE_SEED_VERSION, Final, Forward, SurbRecovery, open_packet
from nymconnect.packet.sphinx import header as headers
from nymconnect.packet.sphinx.keys import (
    BLINDING_FACTOR,
    REPLAY_TAG,
    derive_key_material,
    expand,
    is_legacy,
    key_from_seed,
)
from nymconnect.packet.sphinx.packet import assemble_packet
from nymconnect.packet.sphinx.payload import pad, seal_payload, unpad
from nymconnect.packet.sphinx.surb import Surb
from tests.helpers.rust_vectors import NEW, cases, each_line, load, pattern, unhex
from tests.helpers.sphinx_case import DESTINATION, make_route

Vector = dict[str, Any]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record(data: bytes) -> str:
    """Short byte strings stand in the file as they are, long ones as their digest."""
    return data.hex() if len(data) <= 64 else f"sha256:{digest(data)}"


def route_of(vector: Vector) -> Route:
    secrets = [X25519Secret(unhex(secret)) for secret in vector["node_secrets"]]
    addresses = [NodeAddress.decode(unhex(address)) for address in vector["addresses"]]
    hops = tuple(Hop(address, secret.public) for address, secret in zip(addresses, secrets, strict=True))
    return Route(hops, tuple(vector["delays_ns"]))


def recover_padding(header: bytes, node_secrets: list[str]) -> bytes:
    """The random bytes in the last hop's routing block."""
    routing = b""
    for secret in node_secrets:
        alpha = header[: headers.ALPHA_LENGTH]
        expanded = expand(X25519Secret(unhex(secret)).exchange(alpha))
        routing = headers.open_header(header, expanded)
        header = x25519_exchange(expanded[BLINDING_FACTOR], alpha) + routing[headers.INNER]
    assert routing[headers.FLAG] == headers.FINAL_FLAG
    length = headers.padding_length(len(node_secrets))
    return routing[52 : 52 + length]


# --- pieces -----------------------------------------------------------------------------------------------------


@cases("sphinx", "payload_keys")
def test_a_seed_becomes_the_crates_payload_key(vector: Vector) -> None:
    assert key_from_seed(unhex(vector["seed"])).hex() == vector["key"]


@each_line
def test_the_stream_cipher_agrees(line: str) -> None:
    vector = load("sphinx", line)["primitives"]["stream"]
    expected = unhex(vector["bytes"])
    assert crypto.aes_ctr(unhex(vector["key"]), bytes(len(expected))) == expected


@each_line
def test_the_header_mac_agrees(line: str) -> None:
    vector = load("sphinx", line)["primitives"]["hmac"]
    mac = crypto.hmac_sha256_16(unhex(vector["key"]), unhex(vector["data"]))
    assert mac.hex() == vector["mac"][:32]


@cases("sphinx", "payloads")
def test_a_payload_is_sealed_and_peeled_as_the_crate_does(vector: Vector) -> None:
    length = vector["message_length"]
    message = pattern(length) if vector["name"] == "full" else unhex(vector["message"])
    assert record(message) == vector["message"]
    keys = [key_from_seed(unhex(seed)) for seed in vector["seeds"]]
    payload = seal_payload(message, vector["size"], reversed(keys))
    assert record(payload) == vector["layers"][0]
    for key, expected in zip(keys, vector["layers"][1:], strict=True):
        payload = crypto.lioness_decrypt(key, payload)
        assert record(payload) == expected
    assert payload == pad(message, vector["size"])
    assert unpad(payload) == message


@cases("sphinx", "key_chains")
def test_the_key_chain_is_the_crates(vector: Vector) -> None:
    publics = [X25519Secret(unhex(secret)).public for secret in vector["node_secrets"]]
    keys = derive_key_material(unhex(vector["initial_secret"]), publics)
    assert keys.alpha.hex() == vector["alpha"]
    assert [expanded.hex() for expanded in keys.expanded] == vector["expanded"]
    assert [expanded[REPLAY_TAG].hex() for expanded in keys.expanded] == vector["replay_tags"]


# --- whole packets ----------------------------------------------------------------------------------------------


def rebuild(vector: Vector) -> bytes:
    return assemble(vector, recover_padding(unhex(vector["start"])[:HEADER_LENGTH], vector["node_secrets"]))


def assemble(vector: Vector, padding: bytes) -> bytes:
    return assemble_packet(
        route_of(vector),
        unhex(vector["destination"]),
        pattern(vector["message_length"]),
        vector["payload_size"],
        unhex(vector["initial_secret"]),
        padding,
        vector["version"],
    )


@cases("sphinx", "packets")
def test_a_recorded_packet_is_rebuilt_byte_for_byte(vector: Vector) -> None:
    if is_legacy(vector["version"]):
        with pytest.raises(UsageError):
            assemble(vector, bytes(headers.padding_length(len(vector["node_secrets"]))))
        return
    packet = rebuild(vector)
    assert packet[: len(vector["start"]) // 2].hex() == vector["start"]
    assert digest(packet) == vector["sha256"]


@cases("sphinx", "packets")
def test_every_hop_sees_what_the_crates_hop_sees(vector: Vector) -> None:
    secrets = [X25519Secret(unhex(secret)) for secret in vector["node_secrets"]]
    if is_legacy(vector["version"]):
        # Our rule: the old key algebra is refused at the first hop.
        with pytest.raises(WireError):
            open_packet(unhex(vector["start"]), secrets[0])
        return
    packet = rebuild(vector)
    for secret, hop in zip(secrets, vector["hops"], strict=True):
        opened = open_packet(packet, secret)
        assert opened.replay_tag.hex() == hop["replay_tag"]
        assert opened.version == hop["version"]
        step = opened.unwrap()
        if isinstance(step, Forward):
            assert step.next_hop.encode_padded().hex() == hop["next"]
            assert step.delay_ns == hop["delay_ns"]
            assert digest(step.packet) == hop["sha256"]
            packet = step.packet
        else:
            check_last_hop(step, hop)


def check_last_hop(step: Final, hop: Vector) -> None:
    assert step.destination.hex() == hop["destination"]
    assert hop["identifier"] == "00" * 16
    assert digest(step.message) == hop["message_sha256"]


# --- broken packets ---------------------------------------------------------------------------------------------


def outcome(packet: bytes, secrets: list[X25519Secret]) -> str:
    for number, secret in enumerate(secrets, start=1):
        try:
            step = open_packet(packet, secret).unwrap()
        except WireError:
            return f"hop {number}: refused"
        if isinstance(step, Final):
            return f"hop {number}: message {step.message.hex()}"
        packet = step.packet
    return "still forwarding"


@cases("sphinx", "negatives")
def test_a_broken_packet_fails_where_the_crate_fails(vector: Vector) -> None:
    secrets = [X25519Secret(bytes([0x10 + i]) * 32) for i in (1, 2)]
    expected = vector["outcome"]
    if "Invalid" in expected:
        expected = expected.split(":")[0] + ": refused"
    assert outcome(unhex(vector["packet"]), secrets) == expected


# --- SURBs ------------------------------------------------------------------------------------------------------


@cases("surb", "surbs")
def test_a_recorded_surb_is_rebuilt_byte_for_byte(vector: Vector) -> None:
    recorded = unhex(vector["surb"])
    padding = recover_padding(recorded[:HEADER_LENGTH], vector["node_secrets"])
    secret = unhex(vector["surb_secret"])
    surb = Surb.assemble(route_of(vector), unhex(vector["destination"]), secret, padding, vector["version"])
    assert surb.encode() == recorded
    assert len(surb.key_material) == vector["materials"]
    assert (len(surb.key_material[0]) == 16) == vector["key_seeds"]


@cases("surb", "surbs")
def test_using_a_recorded_surb_gives_the_crates_packet(vector: Vector) -> None:
    surb = Surb.decode(unhex(vector["surb"]))
    message = pattern(vector["message_length"])
    payload = seal_payload(message, vector["payload_size"], map(_material_key, reversed(surb.key_material)))
    packet = surb.header + payload
    assert digest(packet) == vector["packet_sha256"]
    assert surb.first_hop.encode_padded().hex() == vector["first_hop"]
    secrets = [X25519Secret(unhex(secret)) for secret in vector["node_secrets"]]
    for secret, expected in zip(secrets, vector["packet_after_each_hop"], strict=False):
        step = open_packet(packet, secret).unwrap()
        assert isinstance(step, Forward)
        assert digest(step.packet) == expected
        packet = step.packet
    last = open_packet(packet, secrets[-1]).unwrap()
    assert isinstance(last, Final)
    assert last.message == message


def _material_key(material: bytes) -> bytes:
    return key_from_seed(material) if len(material) == 16 else material


FULL_KEYS = "material of 192 bytes"  # a SURB of version 258, which 2.0 no longer reads
TOO_MANY = "six seeds"  # 1.21 takes any number


@cases("surb", "not_surbs")
def test_bytes_that_are_no_surb_are_refused_as_the_crate_refuses_them(vector: Vector) -> None:
    data = unhex(vector["bytes"])
    if vector["name"] != TOO_MANY and (vector["outcome"] == "ok" or vector["name"] == FULL_KEYS):
        assert Surb.decode(data).encode() == data
        return
    with pytest.raises(WireError):
        Surb.decode(data)


# --- SURBs that only their maker reads (version 260) ------------------------------------------------------------


@cases("surb", "recoverable", [NEW])
def test_a_recorded_surb_and_its_recovery_are_rebuilt_byte_for_byte(vector: Vector) -> None:
    recorded = unhex(vector["surb"])
    padding = recover_padding(recorded[:HEADER_LENGTH], vector["node_secrets"])
    surb, recovery = Surb.assemble_recoverable(
        route_of(vector),
        unhex(vector["destination"]),
        unhex(vector["identifier"]),
        unhex(vector["surb_secret"]),
        padding,
    )
    assert surb.encode() == recorded
    assert len(surb.key_material) == vector["materials"] == 1
    assert recovery.encode().hex() == vector["recovery"]


@cases("surb", "recoverable", [NEW])
def test_the_reply_to_a_recorded_surb_is_the_crates_at_every_hop_and_for_its_maker(vector: Vector) -> None:
    surb = Surb.decode(unhex(vector["surb"]))
    message = pattern(vector["message_length"])
    packet = surb.header + seal_payload(message, vector["payload_size"], map(_material_key, surb.key_material))
    assert digest(packet) == vector["packet_sha256"]
    *forwards, last = [X25519Secret(unhex(secret)) for secret in vector["node_secrets"]]
    for secret, expected in zip(forwards, vector["packet_after_each_hop"], strict=True):
        step = open_packet(packet, secret).unwrap()
        assert isinstance(step, Forward)
        assert digest(step.packet) == expected
        packet = step.packet
    reply = open_packet(packet, last).unwrap_reply()
    recovery = SurbRecovery.decode(unhex(vector["recovery"]))
    assert reply.identifier == recovery.identifier == unhex(vector["identifier"])
    assert digest(reply.payload) == vector["sealed_sha256"]
    assert recovery.unseal(reply.payload) == message


@cases("surb", "not_recoveries", [NEW])
def test_bytes_are_a_recovery_where_the_crate_says_so(vector: Vector) -> None:
    data = pattern(vector["length"])
    if vector["accepted"]:
        assert SurbRecovery.decode(data).encode() == data
    else:
        with pytest.raises(WireError):
            SurbRecovery.decode(data)


RNG = random.Random(4)
ASKED: dict[str, Callable[[], object]] = {
    "without its recovery": lambda: Surb.create(make_route(4)[0], DESTINATION, RNG, SINGLE_SEED_VERSION),
    "an identifier of zeros": lambda: Surb.create_recoverable(make_route(4)[0], DESTINATION, bytes(16), RNG),
    "intact": lambda: Surb.create_recoverable(make_route(4)[0], DESTINATION, b"\x1d" * 16, RNG),
}


@cases("surb", "not_made", [NEW])
def test_such_a_surb_is_made_where_the_crate_makes_it(vector: Vector) -> None:
    if vector["made"]:
        ASKED[vector["name"]]()
    else:
        with pytest.raises(UsageError):
            ASKED[vector["name"]]()
