"""nym-gateway-requests 1.21 and 2.0: the registration handshake, authentication, text messages and binary frames."""

import json
from typing import Any

import pytest

from nymconnect.crypto import Ed25519Secret, gcm_siv_open, gcm_siv_seal
from nymconnect.errors import WireError
from nymconnect.link.gateway import authentication, frames, messages
from nymconnect.link.gateway.handshake import ClientHandshake, GatewayHandshake
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import cases, each_line, load, pattern, unhex

Vector = dict[str, Any]


def payloads(vector: Vector) -> list[bytes]:
    """The four handshake messages, taken out of their JSON texts by our own decoder."""
    read = {"client": messages.decode_request, "gateway": messages.decode_response}
    steps = [read[step["from"]](step["text"]) for step in vector["transcript"]]
    assert all(isinstance(step, messages.HandshakePayload) for step in steps)
    assert {step.protocol_version for step in steps} == {vector["version"]}
    return [bytes(step.data) for step in steps]


@cases("gateway", "handshakes")
def test_our_client_plays_the_crates_client(vector: Vector) -> None:
    opening, response, proof, confirmation = payloads(vector)
    rng = ScriptedRng({32: unhex(vector["client_ephemeral"]), 16: opening[64:], 12: proof[-12:]})
    gateway_identity = Ed25519Secret(unhex(vector["gateway_seed"])).public
    client = ClientHandshake(Ed25519Secret(unhex(vector["client_seed"])), gateway_identity, rng)
    assert client.opening() == opening
    assert client.answer(response) == proof
    client.finish(confirmation)
    assert client.shared_key.hex() == vector["shared_key"]


@cases("gateway", "handshakes")
def test_our_gateway_plays_the_crates_gateway(vector: Vector) -> None:
    opening, response, proof, confirmation = payloads(vector)
    rng = ScriptedRng({32: unhex(vector["gateway_ephemeral"]), 12: response[-12:]})
    gateway = GatewayHandshake(Ed25519Secret(unhex(vector["gateway_seed"])), rng)
    assert gateway.respond(opening) == response
    assert gateway.confirm(proof) == confirmation
    assert gateway.client_identity == Ed25519Secret(unhex(vector["client_seed"])).public
    assert gateway.shared_key.hex() == vector["shared_key"]


@cases("gateway", "handshakes")
def test_the_handshake_texts_are_written_as_the_crate_writes_them(vector: Vector) -> None:
    for step, data in zip(vector["transcript"], payloads(vector), strict=True):
        ours = messages.encode(messages.HandshakePayload(vector["version"], messages.octets(data)))
        assert json.loads(ours) == json.loads(step["text"])


@cases("gateway", "authentication")
def test_the_authentication_request_is_the_crates(vector: Vector) -> None:
    identity, key = Ed25519Secret(unhex(vector["client_seed"])), unhex(vector["shared_key"])
    rng = ScriptedRng({12: unhex(vector["nonce"])})
    ours = authentication.build(identity, key, vector["version"], vector["timestamp"], rng)
    assert ours.address_ciphertext.hex() == vector["ciphertext"]
    assert bytes(ours.request_signature).hex() == vector["signature"]
    assert json.loads(messages.encode(ours)) == json.loads(vector["text"])


@cases("gateway", "authentication")
def test_the_crates_authentication_request_is_accepted(vector: Vector) -> None:
    request = messages.decode_request(vector["text"])
    assert isinstance(request, messages.AuthenticateV2)
    authentication.check_fresh_and_signed(request, vector["timestamp"] + 100)
    authentication.check_key_and_order(request, unhex(vector["shared_key"]), vector["timestamp"] - 1)
    with pytest.raises(WireError):
        authentication.check_key_and_order(request, unhex(vector["shared_key"]), vector["timestamp"])


# --- texts ------------------------------------------------------------------------------------------------------

OURS_TO_GATEWAY = {
    "supported protocol": messages.SupportedProtocolRequest(),
    "claim": messages.ClaimFreeBandwidth(),
    "encrypted request": messages.EncryptedRequest((1, 2, 255), (9,) * 12),
    "handshake payload": messages.HandshakePayload(6, (0, 1, 255)),
    "handshake error": messages.HandshakeError("no"),
    "handshake as a request": messages.OldHandshakePayload(5, (7,)),
    # Recognised and refused: what they carry is not kept.
    "upgrade token": messages.UpgradeModeToken(),
    "credential": messages.EcashCredential(),
}
OURS_TO_CLIENT = {
    "supported protocol": messages.SupportedProtocol(6),
    "authenticate": messages.Authenticate(True, -5, 6),
    "register": messages.Register(True, 6, True),
    "bandwidth": messages.Bandwidth(68_719_476_736),
    "send": messages.SendAccepted(12, True),
    "encrypted response": messages.EncryptedResponse((1, 2, 255), (9,) * 12),
    "error": messages.Error("there is already an open connection"),
    "ticket replay": messages.TypedError("ticket_replay"),
    "out of bandwidth": messages.TypedError(messages.OutOfBandwidthDetail(messages.OutOfBandwidth(2413, 1))),
}
NOT_SENT = {"upgrade token", "credential"}


@cases("gateway", "client_texts")
def test_a_clients_text_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    expected = OURS_TO_GATEWAY[vector["name"]]
    assert messages.decode_request(vector["text"]) == expected
    if vector["name"] not in NOT_SENT:
        assert json.loads(messages.encode(expected)) == json.loads(vector["text"])


@cases("gateway", "server_texts")
def test_a_gateways_text_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    expected = OURS_TO_CLIENT[vector["name"]]
    assert messages.decode_response(vector["text"]) == expected
    assert json.loads(messages.encode(expected)) == json.loads(vector["text"])


@cases("gateway", "client_readings")
def test_what_the_crates_gateway_reads_ours_reads(vector: Vector) -> None:
    if vector["read"] or vector["handshake"]:
        messages.decode_request(vector["text"])
    elif "data" not in vector["text"] and "handshakePayload" in vector["text"]:
        # Ours takes an absent payload for an empty one; the handshake then refuses its length.
        assert messages.decode_request(vector["text"]) == messages.HandshakePayload(6)
    else:
        with pytest.raises(WireError):
            messages.decode_request(vector["text"])


@cases("gateway", "server_readings")
def test_what_the_crates_client_reads_ours_reads(vector: Vector) -> None:
    # Ours reads handshake messages with the same function, and keeps typed errors that it does not know.
    also_ours = "handshakePayload" in vector["text"] or '"typedError","error":"other"' in vector["text"]
    if vector["read"] or also_ours:
        messages.decode_response(vector["text"])
    else:
        with pytest.raises(WireError):
            messages.decode_response(vector["text"])


@pytest.mark.parametrize("section", ["sealed_requests", "sealed_responses"])
@each_line
def test_sealed_control_messages_open_and_seal_as_in_the_crate(section: str, line: str) -> None:
    key = unhex(load("gateway", line)["sealed_requests"][0]["shared_key"])
    for vector in load("gateway", line)[section]:
        nonce, ciphertext = unhex(vector["nonce"]), unhex(vector["ciphertext"])
        assert gcm_siv_open(key, nonce, ciphertext).decode() == vector["plain"]
        assert gcm_siv_seal(key, nonce, vector["plain"].encode()) == ciphertext


# --- binary frames ----------------------------------------------------------------------------------------------


@cases("gateway", "forward_frames")
def test_a_packet_for_the_mixnet_is_sealed_and_opened_as_in_the_crate(vector: Vector) -> None:
    key, frame = unhex(vector["shared_key"]), unhex(vector["frame"])
    packet = MixPacket(NodeAddress.parse(vector["next_hop"]), pattern(386), KeyRotation(vector["rotation"]))
    assert frames.open_forward(frame, key) == packet
    version = 4 if vector["name"] == "v1" else 6
    assert frames.seal_forward(packet, version, key, ScriptedRng({12: frame[2:14]})) == frame


@cases("gateway", "bad_forward_frames")
def test_a_frame_is_taken_where_the_crates_gateway_takes_it(vector: Vector) -> None:
    key = unhex(load("gateway")["forward_frames"][0]["shared_key"])
    if vector["accepted"]:
        frames.open_forward(unhex(vector["frame"]), key)
    else:
        with pytest.raises(WireError):
            frames.open_forward(unhex(vector["frame"]), key)


@cases("gateway", "push_frames")
def test_pushed_content_is_sealed_and_opened_as_in_the_crate(vector: Vector) -> None:
    key, frame, content = (unhex(vector[name]) for name in ("shared_key", "frame", "content"))
    assert frames.open_pushed(frame, key) == content
    assert frames.seal_pushed(content, key, ScriptedRng({12: frame[2:14]})) == frame
