"""The recorded inputs from which each decoder is fuzzed.

A `Source` mutates recorded inputs; `seal` then repairs what guards them (a MAC, a signature, a cipher), so that the
mutation is read and not only found out.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nymconnect.base58 import b58decode
from nymconnect.crypto import (
    KEY_LENGTH,
    X25519Secret,
    aes_ctr,
    gcm_siv_open,
    gcm_siv_seal,
    hkdf_blake3,
    hmac_sha256_16,
    lioness_encrypt,
    x25519_public,
)
from nymconnect.directory import models
from nymconnect.errors import WireError
from nymconnect.link.noise import encode_frame
from nymconnect.packet.params import PacketSize
from nymconnect.packet.replies import reply_digest
from nymconnect.packet.sphinx import keys as sphinx_keys
from nymconnect.packet.sphinx.header import open_header
from nymconnect_proxy.protocol import credit, requests, responses
from tests.helpers.mutations import Mutator, mutate_bytes, mutate_json, mutate_text
from tests.helpers.rust_vectors import NEW, load, pattern, unhex
from tests.interop.fuzz_decoders import (
    ACK_KEY,
    CLIENT,
    GATEWAY,
    NODE,
    NONCE,
    RECEIVER,
    REPLY_KEY,
    SHARED_KEY,
    handshake_message,
    registration,
)

INITIAL_SECRET = b"\x07" * 32  # of the Sphinx vectors
FINAL_ROUTING = b"\x02" + (259).to_bytes(3, "big") + bytes(48)
ZERO_POINT = bytes(32)
# Ed25519 points of low order: the neutral one in two spellings and with a sign, then those of order 4 and 2.
LOW_ORDER_IDENTITIES = [
    bytes.fromhex(text) for text in ("01" + "00" * 31, "ee" + "ff" * 30 + "7f", "01" + "00" * 30 + "80", "00" * 32)
] + [bytes.fromhex("ec" + "ff" * 30 + "7f")]


@dataclass(frozen=True)
class Source:
    """Inputs for a decoder: mutations of `seeds`, each sealed."""

    seeds: Sequence[bytes]
    mutate: Mutator
    seal: Callable[[bytes], bytes] = bytes


def _hex(name: str, section: str, member: str) -> list[bytes]:
    return [unhex(vector[member]) for vector in load(name)[section]]


def _texts(name: str, section: str, member: str = "text") -> list[bytes]:
    return [str(vector[member]).encode() for vector in load(name)[section]]


def _sphinx_packets() -> list[bytes]:
    whole = [unhex(v["start"]) for v in load("sphinx")["packets"] if v["payload_size"] == PacketSize.ACK.payload]
    return whole + _hex("sphinx", "negatives", "packet")


def _expanded() -> bytes:
    return sphinx_keys.expand(NODE.exchange(x25519_public(INITIAL_SECRET)))


def _routing_blocks() -> list[bytes]:
    """Plain, as node 1 sees them. (The legacy versions come to other secrets.)"""
    packets = [v for v in load("sphinx")["packets"] if not sphinx_keys.is_legacy(v["version"])]
    return [open_header(unhex(v["start"]), _expanded())[:300] for v in packets]


def _seal_packet(routing: bytes, payload: bytes, alpha: bytes, expanded: bytes) -> bytes:
    """A packet for node 1 around a routing block and a payload that nobody else would write."""
    routing = routing[:300].ljust(300, b"\0")
    version = int.from_bytes(routing[2:4], "big")
    key = sphinx_keys.key_from_material(sphinx_keys.payload_material(expanded, version))
    beta = aes_ctr(expanded[sphinx_keys.STREAM_KEY], routing)
    mac = hmac_sha256_16(expanded[sphinx_keys.MAC_KEY], beta)
    return alpha + mac + beta + lioness_encrypt(key, payload.ljust(33, b"\0"))


def seal_routing(routing: bytes) -> bytes:
    payload = (bytes(16) + b"fuzz\x01").ljust(38, b"\0")
    return _seal_packet(routing, payload, x25519_public(INITIAL_SECRET), _expanded())


def _seal_payload(payload: bytes) -> bytes:
    return _seal_packet(FINAL_ROUTING, payload, x25519_public(INITIAL_SECRET), _expanded())


def _seal_low_order_packet(payload: bytes) -> bytes:
    """Its alpha is the zero point, which makes the shared secret zero for everybody."""
    return _seal_packet(FINAL_ROUTING, payload, ZERO_POINT, sphinx_keys.expand(bytes(32)))


def _payloads() -> list[bytes]:
    return [bytes(16) + body + b"\x01" + bytes(pad) for body in (b"", b"fuzz", b"\x01" * 21) for pad in (0, 5, 17)]


def _ack_blobs() -> list[bytes]:
    vectors = [vector for section in ("data", "replies", "cover") for vector in load("envelope")[section]]
    hops = [unhex(vector["ack"]["next_hop"]).ljust(19, b"\0") for vector in vectors]
    return [
        hop + unhex(v["ack"]["packet"]) + unhex(v["content"])[:64] for hop, v in zip(hops, vectors, strict=True)
    ] + [hops[0]]


def _contents() -> list[bytes]:
    data, replies, cover = (load("envelope")[section] for section in ("data", "replies", "cover"))
    return [unhex(v["content"]) for v in [*data, *replies, *cover]] + [unhex(v["ack"]["content"]) for v in data]


def _plain_contents() -> list[bytes]:
    linked = bytes.fromhex("81020304ff018102030568656c6c6f")
    heads = [*_hex("messages", "fragment_headers", "bytes"), linked, b"The cake is a lie!\x01"]
    return [head.ljust(1611, b"\x05") for head in heads]


def _seal_content(plain: bytes) -> bytes:
    ephemeral = X25519Secret(b"\x21" * 32)
    key = hkdf_blake3(ephemeral.exchange(RECEIVER.public), 16)
    return ephemeral.public + aes_ctr(key, plain[:1611].ljust(1611, b"\0"))


def _seal_low_order_content(plain: bytes) -> bytes:
    return ZERO_POINT + aes_ctr(hkdf_blake3(bytes(32), 16), plain[:1611].ljust(1611, b"\0"))


def _seal_reply(plain: bytes) -> bytes:
    return reply_digest(REPLY_KEY) + aes_ctr(REPLY_KEY, plain[:1611].ljust(1611, b"\0"))


def _node_addresses() -> list[bytes]:
    good = _hex("nym-layer", "node_addresses", "bytes") + _hex("nym-layer", "node_addresses", "padded_19")
    return good + _hex("nym-layer", "bad_node_addresses", "bytes")


def _streams() -> list[bytes]:
    whole = [pattern(386)]
    parts = {"ACK": whole[0]}
    streams = []
    for vector in load("framing")["streams"]:
        pieces = [
            parts[p] if p in parts else whole[0][: int(p[5:-1])] if p.startswith("ACK[:") else unhex(p)
            for p in vector["stream"]
        ]
        streams.append(b"".join(pieces))
    return streams + [
        unhex(vector["header"]) + pattern(PacketSize[vector["size"].upper()].packet)
        for vector in load("framing")["frames"]
        if vector["size"].upper() in ("ACK", "REGULAR")
    ]


def _mix_packets(version: int) -> list[bytes]:
    good = [
        unhex(v[f"v{version}"]["prefix"]) + pattern(PacketSize[v["size"].upper()].packet)
        for v in load("framing")["mix_packets"]
        if v["size"].upper() in ("ACK", "REGULAR")
    ]
    bad = [v for v in load("framing")["bad_mix_packets"] if v["version"] == version]
    return good + [unhex(v["prefix"]) + pattern(v["packet_length"]) for v in bad]


def _transcript(side: str) -> list[bytes]:
    steps = [step for vector in load("gateway")["handshakes"] for step in vector["transcript"]]
    return [step["text"].encode() for step in steps if step["from"] == side]


def _client_texts() -> list[bytes]:
    recorded = _texts("gateway", "client_texts") + _texts("gateway", "client_readings")
    return recorded + _texts("gateway", "authentication") + _transcript("client")


def _server_texts() -> list[bytes]:
    return _texts("gateway", "server_texts") + _texts("gateway", "server_readings") + _transcript("gateway")


def _low_order_authentications() -> list[bytes]:
    """Requests of identities of low order, with the signature that fits some or all messages of these."""
    request = json.loads(load("gateway")["authentication"][0]["text"])
    nonce = base64.b64decode(request["nonce"])
    return [
        json.dumps(
            request
            | {"clientIdentity": list(identity), "requestUnixTimestamp": request["requestUnixTimestamp"] + second}
            | {"addressCiphertext": base64.b64encode(gcm_siv_seal(SHARED_KEY, nonce, identity)).decode()}
            | {"requestSignature": list(LOW_ORDER_IDENTITIES[0] + bytes(32))}
        ).encode()
        for identity in LOW_ORDER_IDENTITIES
        for second in range(6)
    ]


def _sign_again(text: bytes) -> bytes:
    """The same request, signed by the client of the vectors, if its members allow it."""
    try:
        request = json.loads(text)
        sealed, nonce = (base64.b64decode(request[name]) for name in ("addressCiphertext", "nonce"))
        head = bytes([request["protocolVersion"]]) + bytes(request["clientIdentity"])
        signed = head + sealed + nonce + request["requestUnixTimestamp"].to_bytes(8, "big")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return text
    return json.dumps(request | {"requestSignature": list(CLIENT.sign(signed))}).encode()


def _refresh_again(text: bytes) -> bytes:
    try:
        request = json.loads(text)
        identity = b58decode(request["node_identity"], KEY_LENGTH)
        signed = identity + request["request_timestamp"].to_bytes(8, "big", signed=True) + models.REFRESH_LABEL
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, WireError):
        return text
    return json.dumps(request | {"signature": list(GATEWAY.sign(signed))}).encode()


def _aead(plaintext: bytes) -> bytes:
    return NONCE + gcm_siv_seal(SHARED_KEY, NONCE, plaintext)


def _seal_frame(frame: bytes) -> bytes:
    """Kind ‖ flag ‖ plaintext, the latter sealed."""
    return frame[:2] + _aead(frame[2:])


def _sealed(section: str) -> list[bytes]:
    return [unhex(v["nonce"]) + unhex(v["ciphertext"]) for v in load("gateway")[section]]


def _frames(section: str) -> list[bytes]:
    return _hex("gateway", section, "frame")


def _plain_frames() -> list[bytes]:
    return [b"\x01\x01" + each for each in _mix_packets(1)] + [b"\x02\x01" + each for each in _mix_packets(2)]


def _low_order_opening(salt: bytes) -> bytes:
    return handshake_message(0)[:32] + ZERO_POINT + salt


def _seal_response(signature: bytes) -> bytes:
    return handshake_message(1)[:32] + _seal_proof(signature)


def _seal_proof(signature: bytes) -> bytes:
    return gcm_siv_seal(unhex(registration()["shared_key"]), NONCE, signature) + NONCE


def _signature(number: int) -> bytes:
    proof = handshake_message(number)[-92:]
    return gcm_siv_open(unhex(registration()["shared_key"]), proof[80:], proof[:80])


def _noise_script(lengths: Sequence[int]) -> list[bytes]:
    scripts = []
    for plaintext in (b"hello", b"x", pattern(1000), b""):
        bodies = [*lengths, len(plaintext) + 16]
        kinds = [0] * len(lengths) + [1]
        heads = [encode_frame(kind, bytes(length))[:8] for kind, length in zip(kinds, bodies, strict=True)]
        scripts.append(b"".join(heads) + bytes(len(heads)) + plaintext)
    return scripts


def _readings(kind: str) -> list[bytes]:
    return [v["text"].encode() for v in load("directory")["readings"] if v["kind"] == kind]


def _document(section: str) -> list[bytes]:
    return [str(load("directory")[section]).encode()]


def _by_addresses(*members: str) -> list[bytes]:
    return [str(load("directory")["by_addresses"][member]).encode() for member in members]


def _node_lists() -> list[bytes]:
    skimmed = json.loads(load("directory")["skimmed"])
    with_status = [skimmed | {"metadata": json.loads(status)} for status in load("directory")["statuses"]]
    return _document("skimmed") + _readings("skimmed") + [json.dumps(each).encode() for each in with_status]


def _policies() -> list[bytes]:
    return _texts("exit-policy", "policies") + _texts("exit-policy", "lines", "line")


# What only this software says to itself: the crates refuse credits and paces, and take a cut for an end.
_OWN_REQUESTS = [
    requests.encode_request(credit.Credit(7, 5, 1 << 20)),
    requests.encode_request(requests.Pace(10.0, 60)),
    requests.encode_request(requests.Send(7, 3, b"", closed=True, cut=True)),
    requests.encode_request(requests.Send(7, 4, b"data", closed=True, cut=True)),
]
_OWN_RESPONSES = [
    responses.encode_response(credit.Credit(7, 5, 1 << 20)),
    responses.encode_response(responses.Paced(10.0, 60)),
    responses.encode_response(responses.NetworkData(7, 3, b"", closed=True, cut=True)),
    responses.encode_response(responses.NetworkData(7, 4, b"data", closed=True, cut=True)),
]


def _socks5(kind: str) -> list[bytes]:
    sections = (f"{kind}s", f"bad_{kind}s", f"control_{kind}s")
    recorded = [data for section in sections for data in _hex("socks5", section, "bytes")]
    return [data for data in recorded if not data.endswith(b"}")]  # JSON has a source of its own


def _terminated(data: bytes) -> bytes:
    return data + b"\x01"


def _messages() -> list[bytes]:
    recorded = _hex("messages", "messages", "bytes") + _hex("messages", "not_messages", "bytes")
    # A batch of one, and so many bytes behind it that they could belong to a longer SURB; the hop count stands at 20.
    batch = next(data for data in recorded if data[17:20] == b"\x03\x00\x01" and len(data) > 450) + pattern(300)
    return [*recorded, batch, batch[:20] + b"\x06" + batch[21:]]


def _surbs() -> list[bytes]:
    recoverable = [unhex(vector["surb"]) for vector in load("surb", NEW)["recoverable"]]
    return _hex("surb", "surbs", "surb") + _hex("surb", "not_surbs", "bytes") + recoverable


def sources() -> dict[str, list[Source]]:
    """All sources by the name of their decoder."""
    return {
        "sphinx_packet": [
            Source(_sphinx_packets(), mutate_bytes),
            Source(_routing_blocks(), mutate_bytes, seal_routing),
            Source(_payloads(), mutate_bytes, _seal_payload),
            Source(_payloads(), mutate_bytes, _seal_low_order_packet),
        ],
        "surb": [Source(_surbs(), mutate_bytes)],
        "message": [
            Source(_messages(), mutate_bytes, _terminated),
            Source([data + b"\x01" + bytes(9) for data in _messages()], mutate_bytes),
        ],
        "fragment": [Source(_hex("messages", "fragment_headers", "bytes"), mutate_bytes)],
        "ack": [
            Source(_hex("nym-layer", "acks", "sealed"), mutate_bytes),
            Source(_hex("nym-layer", "acks", "id"), mutate_bytes, lambda fid: bytes(16) + aes_ctr(ACK_KEY, fid)),
        ],
        "ack_blob": [Source(_ack_blobs(), mutate_bytes)],
        "content": [
            Source(_contents(), mutate_bytes),
            Source(_plain_contents(), mutate_bytes, _seal_content),
            Source(_plain_contents(), mutate_bytes, _seal_low_order_content),
            Source(_plain_contents(), mutate_bytes, _seal_reply),
        ],
        "node_address": [Source(_node_addresses(), mutate_bytes)],
        "recipient_text": [
            Source(_texts("nym-layer", "recipients") + _texts("nym-layer", "bad_recipients"), mutate_text)
        ],
        "recipient_bytes": [Source(_hex("nym-layer", "recipients", "bytes"), mutate_bytes)],
        "frames": [Source(_streams(), mutate_bytes)],
        "mix_packet_v1": [Source(_mix_packets(1), mutate_bytes)],
        "mix_packet_v2": [Source(_mix_packets(2), mutate_bytes)],
        "client_text": [Source(_client_texts(), mutate_json)],
        "server_text": [Source(_server_texts(), mutate_json)],
        "authentication": [
            Source(_texts("gateway", "authentication"), mutate_json),
            Source(_low_order_authentications(), mutate_json),
            Source(_texts("gateway", "authentication"), mutate_json, _sign_again),
        ],
        "sealed_request": [
            Source(_sealed("sealed_requests"), mutate_bytes),
            Source(_texts("gateway", "sealed_requests", "plain"), mutate_json, _aead),
        ],
        "sealed_response": [
            Source(_sealed("sealed_responses"), mutate_bytes),
            Source(_texts("gateway", "sealed_responses", "plain"), mutate_json, _aead),
        ],
        "forward_frame": [
            Source(_frames("forward_frames") + _frames("bad_forward_frames"), mutate_bytes),
            Source(_plain_frames(), mutate_bytes, _seal_frame),
        ],
        "push_frame": [
            Source(_frames("push_frames"), mutate_bytes),
            Source([b"\x01\x01" + bytes(21), b"\x01\x01"], mutate_bytes, _seal_frame),
        ],
        "handshake_opening": [
            Source([handshake_message(0)], mutate_bytes),
            Source([handshake_message(0)[64:]], mutate_bytes, _low_order_opening),
        ],
        "handshake_response": [
            Source([handshake_message(1)], mutate_bytes),
            Source([_signature(1)], mutate_bytes, _seal_response),
        ],
        "handshake_proof": [
            Source([handshake_message(2)], mutate_bytes),
            Source([_signature(2)], mutate_bytes, _seal_proof),
        ],
        "handshake_confirmation": [
            Source([handshake_message(3)], mutate_bytes, lambda confirmation: handshake_message(1) + confirmation)
        ],
        "noise_responder": [Source(_noise_script((48, 64)), mutate_bytes)],
        "noise_initiator": [Source(_noise_script((48,)), mutate_bytes)],
        "socks5_request": [Source(_socks5("request") + _OWN_REQUESTS, mutate_bytes)],
        "socks5_response": [
            Source(_socks5("response") + _OWN_RESPONSES, mutate_bytes),
            *(Source([body], mutate_json, (b"\x03\x00" + bytes([tag])).__add__) for tag, body in _control_bodies()),
        ],
        "policy_text": [Source(_policies(), mutate_text)],
        "key_rotation_info": [
            Source(
                _texts("directory", "key_rotation_info") + _readings("key_rotation_info"),
                mutate_json,
            )
        ],
        "rewarded_set": [Source(_document("rewarded_set") + _readings("rewarded_set"), mutate_json)],
        "node_list": [Source(_node_lists(), mutate_json)],
        "semi_skimmed_list": [Source(_document("semi_skimmed"), mutate_json)],
        "address_query": [Source(_by_addresses("request"), mutate_json)],
        "address_reply": [Source(_by_addresses("response", "unknown"), mutate_json)],
        "refresh_request": [
            Source([load("directory")["refresh"]["text"].encode()], mutate_json),
            Source([load("directory")["refresh"]["text"].encode()], mutate_json, _refresh_again),
        ],
    }


def _control_bodies() -> list[tuple[int, bytes]]:
    """Tag and JSON of the control responses that have JSON."""
    recorded = [(data[2], data[3:]) for data in _hex("socks5", "control_responses", "bytes") if data[3:]]
    return [*recorded, (0xFF, b'{"message":"no"}')]
