"""The registration handshake: known answers, and everything that a party may get wrong."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.errors import WireError
from nymconnect.link.gateway.handshake import (
    DONE,
    OPENING_LENGTH,
    PROOF_LENGTH,
    RESPONSE_LENGTH,
    ClientHandshake,
    GatewayHandshake,
    derive_shared_key,
)
from tests.helpers.decoding import refuses_or_decodes
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import load_file

VECTOR = load_file("link-prototype.json")["gateway"]


def seed(name: str) -> bytes:
    return bytes.fromhex(VECTOR["seeds"][name])


def parties(client_seed: int = 1, gateway_seed: int = 2) -> tuple[ClientHandshake, GatewayHandshake]:
    client = ClientHandshake(CLIENT_IDENTITY, GATEWAY_IDENTITY.public, random.Random(client_seed))
    return client, GatewayHandshake(GATEWAY_IDENTITY, random.Random(gateway_seed))


def flipped(message: bytes, offset: int) -> bytes:
    return message[:offset] + bytes([message[offset] ^ 0x40]) + message[offset + 1 :]


def test_handshake_matches_the_vectors() -> None:
    client_rng = ScriptedRng({32: seed("client_ephemeral"), 16: seed("salt"), 12: seed("answer_nonce")})
    gateway_rng = ScriptedRng({32: seed("gateway_ephemeral"), 12: seed("response_nonce")})
    client_identity = Ed25519Secret(seed("client_identity"))
    gateway_identity = Ed25519Secret(seed("gateway_identity"))
    assert gateway_identity.public.hex() == VECTOR["gateway_identity"]
    client = ClientHandshake(client_identity, gateway_identity.public, client_rng)
    gateway = GatewayHandshake(gateway_identity, gateway_rng)

    opening = client.opening()
    assert opening.hex() == VECTOR["client_identity"] + VECTOR["client_ephemeral"] + VECTOR["seeds"]["salt"]
    response = gateway.respond(opening)
    assert response.hex() == VECTOR["response"]
    answer = client.answer(response)
    assert answer.hex() == VECTOR["answer"]
    client.finish(gateway.confirm(answer))
    assert client.shared_key.hex() == gateway.shared_key.hex() == VECTOR["shared_key"]
    assert gateway.client_identity == client_identity.public


def test_shared_key_matches_the_vector() -> None:
    agreed = X25519Secret(seed("client_ephemeral")).exchange(bytes.fromhex(VECTOR["gateway_ephemeral"]))
    assert agreed.hex() == VECTOR["agreed"]
    assert derive_shared_key(seed("salt"), agreed).hex() == VECTOR["shared_key"]


def test_every_registration_agrees_on_another_key() -> None:
    keys = set()
    for number in range(3):
        client, gateway = parties(number, 10)
        client.answer(gateway.respond(client.opening()))
        keys.add(client.shared_key)
    assert len(keys) == 3


@pytest.mark.parametrize("offset", range(0, RESPONSE_LENGTH, 7))
def test_client_refuses_a_tampered_response(offset: int) -> None:
    client, gateway = parties()
    with pytest.raises(WireError):
        client.answer(flipped(gateway.respond(client.opening()), offset))
    assert client.shared_key == b""


def test_client_refuses_another_gateway() -> None:
    client, _ = parties()
    impostor = GatewayHandshake(CLIENT_IDENTITY, random.Random(3))
    with pytest.raises(WireError):
        client.answer(impostor.respond(client.opening()))


@pytest.mark.parametrize("offset", range(0, PROOF_LENGTH, 7))
def test_gateway_refuses_a_tampered_proof(offset: int) -> None:
    client, gateway = parties()
    answer = client.answer(gateway.respond(client.opening()))
    with pytest.raises(WireError):
        gateway.confirm(flipped(answer, offset))


def test_gateway_refuses_an_identity_that_is_not_the_signer() -> None:
    client, gateway = parties()
    borrowed = Ed25519Secret(bytes([9]) * 32).public
    answer_of = client.answer
    response = gateway.respond(borrowed + client.opening()[32:])
    with pytest.raises(WireError):
        gateway.confirm(answer_of(response))


def test_gateway_does_not_take_its_own_proof_back() -> None:
    """The two signatures cover the ephemerals in opposite orders."""
    client, gateway = parties()
    response = gateway.respond(client.opening())
    with pytest.raises(WireError):
        gateway.confirm(response[32:])


@pytest.mark.parametrize("length", [0, 31, 32, 64, OPENING_LENGTH - 1, OPENING_LENGTH + 1])
def test_gateway_refuses_an_opening_of_another_length(length: int) -> None:
    client, gateway = parties()
    with pytest.raises(WireError):
        gateway.respond((client.opening() + b"\0")[:length])


def test_messages_of_another_length_are_refused() -> None:
    client, gateway = parties()
    response = gateway.respond(client.opening())
    for length in (0, 32, RESPONSE_LENGTH - 1):
        with pytest.raises(WireError):
            client.answer(response[:length])
    with pytest.raises(WireError):
        client.answer(response + b"\0")
    answer = client.answer(response)
    for wrong in (b"", answer[:-1], answer + b"\0"):
        with pytest.raises(WireError):
            gateway.confirm(wrong)
    assert gateway.confirm(answer) == DONE


@pytest.mark.parametrize("point", [bytes(32), bytes([1]) + bytes(31)])
def test_low_order_ephemerals_are_refused(point: bytes) -> None:
    client, gateway = parties()
    with pytest.raises(WireError):
        gateway.respond(CLIENT_IDENTITY.public + point + bytes(16))
    with pytest.raises(WireError):
        client.answer(point + bytes(92))


def test_identity_that_is_no_curve_point_is_refused() -> None:
    client, gateway = parties()
    with pytest.raises(WireError, match="curve point"):
        gateway.respond(b"\x02" + bytes(31) + client.opening()[32:])


@pytest.mark.parametrize("confirmation", [b"", b"\0", b"\x02", b"\x01\x01"])
def test_client_refuses_any_other_confirmation(confirmation: bytes) -> None:
    with pytest.raises(WireError):
        ClientHandshake.finish(confirmation)


@settings(max_examples=40)
@given(data=st.binary(max_size=140))
def test_random_bytes_are_refused(data: bytes) -> None:
    client, gateway = parties()
    assert not refuses_or_decodes(client.answer, data.ljust(RESPONSE_LENGTH, b"\x07"))
    assert not refuses_or_decodes(gateway.confirm, data)


def test_repr_shows_no_key() -> None:
    client, gateway = parties()
    client.answer(gateway.respond(client.opening()))
    for party in (client, gateway):
        assert client.shared_key.hex() not in repr(party)
        assert str(client.shared_key) not in repr(party)
