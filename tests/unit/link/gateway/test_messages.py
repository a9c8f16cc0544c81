"""The JSON texts: exact member names and shapes, and what is refused."""

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.messages import octets

KEY, SIGNATURE = octets(bytes(range(32))), octets(bytes(64))
REQUESTS = [
    (messages.SupportedProtocolRequest(), {"type": "supportedProtocol"}),
    (
        messages.HandshakePayload(6, octets(b"\x00\x7f\xff")),
        {"type": "handshakePayload", "protocol_version": 6, "data": [0, 127, 255]},
    ),
    (
        messages.OldHandshakePayload(5, octets(b"\x01")),
        {"type": "registerHandshakeInitRequest", "protocol_version": 5, "data": [1]},
    ),
    (messages.HandshakeError("no"), {"type": "handshakeError", "message": "no"}),
    (
        messages.AuthenticateV2(6, KEY, b"\xff\xfe\xfd", b"\x00", 1_700_000_000, SIGNATURE),
        {
            "type": "authenticateV2",
            "protocolVersion": 6,
            "clientIdentity": list(range(32)),
            "addressCiphertext": "//79",
            "nonce": "AA==",
            "requestUnixTimestamp": 1_700_000_000,
            "requestSignature": [0] * 64,
        },
    ),
    (messages.ClaimFreeBandwidth(), {"type": "claimFreeTestnetBandwidth"}),
    (
        messages.EncryptedRequest(octets(b"\x09\x08"), octets(b"\x07")),
        {"type": "encryptedRequest", "ciphertext": [9, 8], "nonce": [7]},
    ),
]
RESPONSES = [
    (messages.SupportedProtocol(6), {"type": "supportedProtocol", "version": 6}),
    (messages.HandshakePayload(4, ()), {"type": "handshakePayload", "protocol_version": 4, "data": []}),
    (messages.HandshakeError("no"), {"type": "handshakeError", "message": "no"}),
    (
        messages.Register(True, 6),
        {"type": "register", "status": True, "protocol_version": 6, "upgrade_mode": False},
    ),
    (
        messages.Authenticate(True, -1, 5, True),
        {
            "type": "authenticate",
            "status": True,
            "bandwidth_remaining": -1,
            "protocol_version": 5,
            "upgrade_mode": True,
        },
    ),
    (messages.Bandwidth(2**36), {"type": "bandwidth", "available_total": 2**36, "upgrade_mode": False}),
    (messages.SendAccepted(7), {"type": "send", "remaining_bandwidth": 7, "upgrade_mode": False}),
    (
        messages.EncryptedResponse(octets(b"\x09"), octets(b"\x07")),
        {"type": "encryptedResponse", "ciphertext": [9], "nonce": [7]},
    ),
    (
        messages.TypedError(messages.OutOfBandwidthDetail(messages.OutOfBandwidth(2413, 100))),
        {"type": "typedError", "error": {"out_of_bandwidth": {"required": 2413, "available": 100}}},
    ),
    (messages.TypedError("ticket_replay"), {"type": "typedError", "error": "ticket_replay"}),
    (messages.Error("no"), {"type": "error", "message": "no"}),
]


@pytest.mark.parametrize(("message", "shape"), REQUESTS)
def test_request_has_the_documented_shape(message: messages.Request, shape: dict[str, object]) -> None:
    assert json.loads(messages.encode(message)) == shape
    assert messages.decode_request(json.dumps(shape)) == message
    assert messages.decode_request(json.dumps({**shape, "from the future": [{"x": None}]})) == message


@pytest.mark.parametrize(("message", "shape"), RESPONSES)
def test_response_has_the_documented_shape(message: messages.Response, shape: dict[str, object]) -> None:
    assert json.loads(messages.encode(message)) == shape
    assert messages.decode_response(json.dumps(shape)) == message
    assert messages.decode_response(json.dumps({**shape, "from the future": [{"x": None}]})) == message


@pytest.mark.parametrize(("message", "shape"), REQUESTS + RESPONSES)
def test_truncated_and_trailing_text_is_refused(message: messages.Request, shape: dict[str, object]) -> None:
    decode = messages.decode_response if (message, shape) in RESPONSES else messages.decode_request
    text = messages.encode(message)
    for length in range(len(text)):
        with pytest.raises(WireError):
            decode(text[:length])
    for tail in ("x", "{}", "\0"):
        with pytest.raises(WireError):
            decode(text + tail)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"register","status":true}', messages.Register(True, 0)),
        ('{"type":"handshakePayload","data":[1]}', messages.HandshakePayload(0, (1,))),
        ('{"status":true,"bandwidth_remaining":5,"type":"authenticate"}', messages.Authenticate(True, 5)),
    ],
)
def test_old_peers_may_omit_members(text: str, expected: messages.Response) -> None:
    assert messages.decode_response(text) == expected


@pytest.mark.parametrize("name", ["ecashCredential", "upgradeModeJWT", "authenticate", "bandwidthCredential"])
def test_requests_that_we_do_not_serve_are_recognised(name: str) -> None:
    decoded = messages.decode_request(json.dumps({"type": name, "enc_credential": [1], "iv": [2], "token": "x"}))
    assert json.loads(messages.encode(decoded)) == {"type": name}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"supportedProtocol"',
        '{"type":"noSuchThing"}',
        '{"type":null}',
        '{"type":["supportedProtocol"]}',
        '{"type":"handshakePayload","protocol_version":null,"data":[]}',
        '{"type":"handshakePayload","protocol_version":256,"data":[]}',
        '{"type":"handshakePayload","protocol_version":-1,"data":[]}',
        '{"type":"handshakePayload","protocol_version":6.0,"data":[]}',
        '{"type":"handshakePayload","protocol_version":true,"data":[]}',
        '{"type":"handshakePayload","data":[256]}',
        '{"type":"handshakePayload","data":[-1]}',
        '{"type":"handshakePayload","data":"AAAA"}',
        '{"type":"encryptedRequest","ciphertext":[1]}',
        '{"type":"authenticateV2"}',
        '{"type":"handshakeError","message":"\ud800"}',
    ],
)
def test_malformed_texts_are_refused(text: str) -> None:
    with pytest.raises(WireError):
        messages.decode_request(text)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("protocolVersion", 256),
        ("clientIdentity", [0] * 31),
        ("clientIdentity", [0] * 33),
        ("clientIdentity", "AAAA"),
        ("addressCiphertext", [1, 2]),
        ("addressCiphertext", "not base64!"),
        ("nonce", "A"),
        ("nonce", "__--"),
        ("requestUnixTimestamp", -1),
        ("requestUnixTimestamp", 2**64),
        ("requestUnixTimestamp", "1"),
        ("requestSignature", [0] * 63),
    ],
)
def test_malformed_authentication_is_refused(member: str, value: object) -> None:
    shape = next(shape for message, shape in REQUESTS if isinstance(message, messages.AuthenticateV2))
    with pytest.raises(WireError):
        messages.decode_request(json.dumps({**shape, member: value}))


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"bandwidth","available_total":9223372036854775808}',
        '{"type":"typedError","error":{"another":1}}',
        '{"type":"typedError","error":null}',
        '{"type":"typedError","error":{"out_of_bandwidth":{"required":1}}}',
        '{"type":"register","protocol_version":null,"status":true}',
    ],
)
def test_malformed_responses_are_refused(text: str) -> None:
    with pytest.raises(WireError):
        messages.decode_response(text)


@pytest.mark.parametrize("decode", [messages.decode_request, messages.decode_response])
def test_text_beyond_the_limit_is_refused_unparsed(decode: Callable[[str, int], object]) -> None:
    text = '{"type":"handshakeError","message":"' + "x" * 100 + '"}'
    decode(text, len(text))
    with pytest.raises(WireError, match="characters"):
        decode(text, len(text) - 1)


def test_deep_nesting_is_refused() -> None:
    deep = "[" * 50_000
    for text in (deep, '{"type":"supportedProtocol","x":' + deep):
        with pytest.raises(WireError):
            messages.decode_request(text)


@settings(max_examples=60)
@given(text=st.text(max_size=80))
def test_random_text_raises_nothing_but_wire_errors(text: str) -> None:
    for candidate in (text, '{"type":"handshakePayload","data":' + text):
        for decode in (messages.decode_request, messages.decode_response):
            with contextlib.suppress(WireError):
                assert isinstance(decode(candidate), messages.HandshakePayload)
