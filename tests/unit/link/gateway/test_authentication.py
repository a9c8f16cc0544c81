"""authenticateV2: known answers and each check."""

import base64
import json
import random

import msgspec
import pytest

from nymconnect.crypto import Ed25519Secret
from nymconnect.errors import WireError
from nymconnect.link.gateway import authentication, messages
from nymconnect.link.gateway.messages import AuthenticateV2, octets
from tests.helpers.gateway_pair import CLIENT_IDENTITY
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import load_file

VECTOR = load_file("link-prototype.json")["gateway"]
KEY = bytes.fromhex(VECTOR["shared_key"])
NOW = VECTOR["authentication"]["timestamp"]


def request(version: int = 6, timestamp: int = NOW, key: bytes = KEY) -> AuthenticateV2:
    return authentication.build(CLIENT_IDENTITY, key, version, timestamp, random.Random(1))


def test_request_matches_the_vector() -> None:
    vector = VECTOR["authentication"]
    rng = ScriptedRng({12: bytes.fromhex(VECTOR["seeds"]["authentication_nonce"])})
    identity = Ed25519Secret(bytes.fromhex(VECTOR["seeds"]["client_identity"]))
    built = authentication.build(identity, KEY, vector["version"], vector["timestamp"], rng)
    shape = json.loads(messages.encode(built))
    assert shape == {
        "type": "authenticateV2",
        "protocolVersion": 6,
        "clientIdentity": list(bytes.fromhex(VECTOR["client_identity"])),
        "addressCiphertext": vector["address_ciphertext_base64"],
        "nonce": vector["nonce_base64"],
        "requestUnixTimestamp": vector["timestamp"],
        "requestSignature": list(bytes.fromhex(vector["signature"])),
    }
    authentication.check_fresh_and_signed(built, vector["timestamp"])
    authentication.check_key_and_order(built, KEY, vector["timestamp"] - 1)


@pytest.mark.parametrize("version", [4, 5, 6])
def test_accepted_versions(version: int) -> None:
    authentication.check_fresh_and_signed(request(version), NOW)


@pytest.mark.parametrize("version", [0, 3, 7, 255])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(WireError, match="version"):
        authentication.check_fresh_and_signed(request(version), NOW)


@pytest.mark.parametrize(("skew", "fine"), [(-121, False), (-120, True), (120, True), (121, False)])
def test_the_clock_may_differ_by_two_minutes(skew: int, fine: bool) -> None:
    if fine:
        authentication.check_fresh_and_signed(request(timestamp=NOW + skew), NOW)
    else:
        with pytest.raises(WireError, match="clock"):
            authentication.check_fresh_and_signed(request(timestamp=NOW + skew), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"protocol_version": 5},
        {"client_identity": octets(Ed25519Secret(bytes([9]) * 32).public)},
        {"client_identity": octets(b"\x02" + bytes(31))},
        {"address_ciphertext": bytes(48)},
        {"address_ciphertext": bytes(47)},
        {"nonce": bytes(12)},
        {"nonce": bytes(11)},
        {"nonce": b""},
        {"request_unix_timestamp": NOW + 1},
        {"request_signature": octets(bytes(64))},
    ],
)
def test_every_signed_field_is_covered(change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(request(), **change)
    with pytest.raises(WireError):
        authentication.check_fresh_and_signed(changed, NOW)


def test_moving_bytes_between_fields_does_not_keep_the_signature() -> None:
    """The signed bytes have no separators, so the lengths are checked before."""
    original = request()
    longer = original.address_ciphertext + original.nonce[:1]
    moved = msgspec.structs.replace(original, address_ciphertext=longer, nonce=original.nonce[1:])
    with pytest.raises(WireError, match="malformed"):
        authentication.check_fresh_and_signed(moved, NOW)


def test_another_shared_key_is_refused() -> None:
    with pytest.raises(WireError, match="shared key"):
        authentication.check_key_and_order(request(key=bytes(32)), KEY, 0)


@pytest.mark.parametrize(("last", "fine"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_the_timestamp_must_rise(last: int, fine: bool) -> None:
    if fine:
        authentication.check_key_and_order(request(), KEY, last)
    else:
        with pytest.raises(WireError, match="smaller or equal"):
            authentication.check_key_and_order(request(), KEY, last)


def test_base64_members_use_the_standard_alphabet() -> None:
    text = messages.encode(request())
    assert base64.b64decode(json.loads(text)["nonce"], validate=True) == request().nonce
