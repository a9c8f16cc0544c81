"""Sealed control requests."""

import random

import pytest

from nymconnect import crypto
from nymconnect.errors import WireError
from nymconnect.link.gateway import control
from nymconnect.link.gateway.control import (
    ForgetMe,
    ForgetMeAck,
    PaceDelivery,
    PaceDeliveryAck,
    RememberMe,
    RememberMeAck,
    SessionType,
)
from nymconnect.link.gateway.messages import EncryptedRequest, EncryptedResponse, octets
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import load_file

VECTOR = load_file("link-prototype.json")["gateway"]
KEY = bytes.fromhex(VECTOR["shared_key"])
RNG = random.Random(5)


def sealed(plaintext: bytes, nonce: bytes = bytes(12)) -> EncryptedRequest:
    return EncryptedRequest(octets(crypto.gcm_siv_seal(KEY, nonce, plaintext)), octets(nonce))


def test_forget_me_matches_the_vector() -> None:
    nonce = bytes.fromhex(VECTOR["seeds"]["request_nonce"])
    request = ForgetMe(client=True, stats=False)
    message = control.seal_request(request, KEY, ScriptedRng({12: nonce}))
    assert bytes(message.ciphertext).hex() == VECTOR["forget_me"]["ciphertext"]
    assert bytes(message.nonce) == nonce
    assert control.open_request(message, KEY) == request


@pytest.mark.parametrize("request_", [PaceDelivery(0, 0), PaceDelivery(2**32 - 1, 60_500)])
def test_constant_rates_survive_the_wire(request_: PaceDelivery) -> None:
    assert control.open_request(control.seal_request(request_, KEY, RNG), KEY) == request_


@pytest.mark.parametrize("session_type", list(SessionType))
def test_remember_me_survives_the_wire(session_type: SessionType) -> None:
    request = RememberMe(session_type)
    assert control.open_request(control.seal_request(request, KEY, RNG), KEY) == request


@pytest.mark.parametrize(
    ("response", "plaintext"),
    [
        (ForgetMeAck(), b'{"ForgetMeAck":{}}'),
        (RememberMeAck(), b'{"RememberMeAck":{}}'),
        (PaceDeliveryAck(True), b'{"PaceDeliveryAck":{"granted":true}}'),
    ],
)
def test_acknowledgements_survive_the_wire(response: control.ControlResponse, plaintext: bytes) -> None:
    message = control.seal_response(response, KEY, RNG)
    assert crypto.gcm_siv_open(KEY, bytes(message.nonce), bytes(message.ciphertext)) == plaintext
    assert control.open_response(message, KEY) == response


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"\xff",
        b'{"UpgradeKey":{}}',
        b'{"ForgetMe":{"client":true}}',
        b'{"PaceDelivery":{"messages":-1,"acks":1}}',
        b'{"PaceDelivery":{"messages":4294967296,"acks":1}}',
        b'{"PaceDelivery":{"messages":1.5,"acks":1}}',
        b'{"PaceDelivery":{"messages":1}}',
        b'{"ForgetMe":{"client":1,"stats":false}}',
        b'{"ForgetMe":{"client":true,"stats":false,"more":"\xfd"}}',
        b'{"ForgetMe":{"client":true,"stats":false,"\xfd":1}}',
        b'{"ForgetMe":null}',
        b'{"RememberMe":{"session_type":"Browser"}}',
        b'{"ForgetMe":{"client":true,"stats":false},"RememberMe":{"session_type":"Vpn"}}',
        b'{"ForgetMe":{"client":true,"stats":false}} ,',
        b'{"ForgetMe":' + b"[" * 10_000,
    ],
)
def test_malformed_requests_are_refused(plaintext: bytes) -> None:
    with pytest.raises(WireError):
        control.open_request(sealed(plaintext), KEY)


@pytest.mark.parametrize(
    "message",
    [
        EncryptedRequest((), ()),
        EncryptedRequest(octets(bytes(16)), octets(bytes(12))),
        EncryptedRequest(sealed(b"{}").ciphertext, octets(bytes(11))),
        EncryptedRequest(sealed(b"{}").ciphertext, ()),
    ],
)
def test_what_does_not_open_is_refused(message: EncryptedRequest) -> None:
    with pytest.raises(WireError):
        control.open_request(message, KEY)
    with pytest.raises(WireError):
        control.open_response(EncryptedResponse(message.ciphertext, message.nonce), KEY)


def test_a_request_is_no_response() -> None:
    message = control.seal_request(ForgetMe(client=True, stats=True), KEY, RNG)
    with pytest.raises(WireError):
        control.open_response(EncryptedResponse(message.ciphertext, message.nonce), KEY)
