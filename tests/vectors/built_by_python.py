"""Writes what this project builds to a JSON file, for the Rust crates to check: `make -C tests/vectors verify`.

It is run with the line of the crates, 1.21 or 2.0, and the file to write. Every section is a list of cases;
`generator/src/verify.rs` names the crate's function that reads them. Keys and seeds are fixed, so that a failure can be
looked at twice.
"""

import hashlib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nymconnect.crypto import Ed25519Secret, Rng, X25519Secret
from nymconnect.directory import documents, models
from nymconnect.directory.models import DeclaredRoles, EntryInfo
from nymconnect.directory.network_state import Assignment, Calendar, NetworkState, NodeRecord, SphinxKey
from nymconnect.link.gateway import authentication, control, frames, messages
from nymconnect.packet import messages as texts
from nymconnect.packet.acks import COVER_FRAGMENT_ID, FragmentId, seal_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.envelope import seal_cover, seal_fragment, seal_reply_fragment
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import DEFAULT_VERSION, EXPLICIT_KEYS_VERSION, SINGLE_SEED_VERSION, Surb, build_packet
from nymconnect_proxy.protocol import queries, requests, responses
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED

Case = dict[str, Any]

RNG: Rng = random.Random(20261120)
SECRETS = {NodeAddress(f"10.0.0.{i}", 1789): X25519Secret(bytes([0x10 + i]) * 32) for i in range(1, 6)}
IPV6_SECRET = {NodeAddress("2001:db8::6", 1789): X25519Secret(b"\x16" * 32)}
DESTINATION = b"\xd0" * 32
ACK_KEY = b"\x44" * 16
SHARED_KEY = b"\x77" * 32
VERSIONS = (CURRENT, MIXED, LEGACY)
NOW = 1_789_898_700.25


def pattern(length: int) -> bytes:
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def route(*nodes: int, rotation: KeyRotation = KeyRotation.ODD) -> Route:
    """Through the nodes with these numbers, with random delays."""
    known = SECRETS | IPV6_SECRET
    hops = [Hop(address, secret.public) for address, secret in known.items()]
    return Route(tuple(hops[i - 1] for i in nodes), tuple(RNG.randrange(0, 10**8) for _ in nodes), rotation)


def client(seed: int, gateway: int) -> tuple[Recipient, X25519Secret]:
    secret = X25519Secret(bytes([seed + 1]) * 32)
    identity, gateway_identity = (Ed25519Secret(bytes([s]) * 32).public for s in (seed, gateway))
    return Recipient(identity, secret.public, gateway_identity), secret


SENDER, SENDER_SECRET = client(0xA1, 5)
RECEIVER, RECEIVER_SECRET = client(0xB1, 4)


# --- Sphinx -----------------------------------------------------------------------------------------------------


def way(over: Route, size: PacketSize, version: int) -> Case:
    known = SECRETS | IPV6_SECRET
    return {
        "node_secrets": [known[hop.address].to_bytes().hex() for hop in over.hops],
        "addresses": [hop.address.encode_padded().hex() for hop in over.hops],
        "delays_ns": over.delays_ns,
        "destination": DESTINATION.hex(),
        "message_length": size.plaintext,
        "version": version,
    }


def packets(versions: Sequence[int]) -> list[Case]:
    cases = []
    for version in versions:
        for nodes in ((1,), (1, 2), (1, 6, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
            for size in PacketSize if len(nodes) == 4 else (PacketSize.ACK, PacketSize.REGULAR):
                over = route(*nodes)
                packet = build_packet(over, DESTINATION, pattern(size.plaintext), size, RNG, version)
                cases.append({"packet": packet.hex(), **way(over, size, version)})
    return cases


def surbs(versions: Sequence[int]) -> list[Case]:
    cases = []
    for version in versions:
        for nodes in ((4,), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
            over, size = route(*nodes), PacketSize.REGULAR
            surb = Surb.create(over, DESTINATION, RNG, version)
            used = sha256(surb.use(pattern(size.plaintext), size))
            extra = {"surb": surb.encode().hex(), "payload_size": size.payload, "packet_sha256": used}
            cases.append({**extra, **way(over, size, version)})
    return cases


def recoverable_surbs() -> list[Case]:
    cases = []
    for nodes in ((4,), (1, 2), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
        over, size = route(*nodes), PacketSize.REGULAR
        surb, recovery = Surb.create_recoverable(over, DESTINATION, RNG.randbytes(16), RNG)
        used = sha256(surb.use(pattern(size.plaintext), size))
        extra = {"surb": surb.encode().hex(), "payload_size": size.payload, "packet_sha256": used}
        cases.append({**extra, "recovery": recovery.encode().hex(), **way(over, size, SINGLE_SEED_VERSION)})
    return cases


# --- whole packets of a client ----------------------------------------------------------------------------------


def envelope(packet: MixPacket, over: Route, ack_route: Route, fid: FragmentId, frame_version: int) -> Case:
    return {
        "v2": packet.encode_v2().hex(),
        # A SURB or route names its rotation; frames of version 7 do not carry it on.
        "rotation": int(packet.rotation),
        "frame_version": frame_version,
        "nodes": {str(address): secret.to_bytes().hex() for address, secret in SECRETS.items()},
        "route": [str(hop.address) for hop in over.hops],
        "ack_route": [str(hop.address) for hop in ack_route.hops],
        "ack_key": ACK_KEY.hex(),
        "fragment_id": fid.encode().hex(),
    }


def envelopes() -> list[Case]:
    cases = []
    to_receiver, to_sender = route(1, 2, 3, 4), route(3, 2, 1, 5)
    for size in (PacketSize.REGULAR, PacketSize.EXTENDED8, PacketSize.EXTENDED16, PacketSize.EXTENDED32):
        message = texts.Plain(pattern(size.fragment - 9))
        (fragment,) = texts.prepare(message, size.fragment, RNG)
        packet = seal_fragment(fragment, RECEIVER, SENDER, ACK_KEY, to_receiver, to_sender, size, RNG)
        case = envelope(packet, to_receiver, to_sender, fragment.fid, 8 if size is PacketSize.REGULAR else 7)
        opening = {"encryption_secret": RECEIVER_SECRET.to_bytes().hex(), "fragment": fragment.encode().hex()}
        cases.append(case | opening)

        surb = ReplySurb.create(RECEIVER, to_receiver, RNG)
        reply = seal_reply_fragment(fragment, surb, SENDER, ACK_KEY, to_sender, size, RNG)
        case = envelope(reply, to_receiver, to_sender, fragment.fid, 8)
        cases.append(case | {"reply_key": surb.key.hex(), "fragment": fragment.encode().hex()})

        back = route(2, 2, 2, 5)
        cover, _ = seal_cover(SENDER, ACK_KEY, back, to_sender, size, RNG)
        case = envelope(cover, back, to_sender, COVER_FRAGMENT_ID, 8)
        cases.append(case | {"encryption_secret": SENDER_SECRET.to_bytes().hex(), "cover": True})
    return cases


def message_case(
    message: texts.NymMessage, kind: str, data: bytes = b"", size: PacketSize = PacketSize.REGULAR
) -> Case:
    fragments = texts.prepare(message, size.fragment, RNG)
    random.Random(len(fragments)).shuffle(fragments)
    return {"fragments": [f.encode().hex() for f in fragments], "kind": kind, "data_sha256": sha256(data)}


def whole_messages(has_v1: bool) -> list[Case]:
    tag = b"\xee" * 16
    v2 = tuple(ReplySurb.create(SENDER, route(1, 2, 3, 5), RNG) for _ in range(3))
    v1 = tuple(ReplySurb.create(SENDER, route(1, 2, 3, 5), RNG, EXPLICIT_KEYS_VERSION) for _ in range(2))
    cases = [
        message_case(texts.Plain(pattern(length)), "plain", pattern(length))
        for length in (0, 1, 1602, 1603, 50_000, 409_018, 409_019, 820_000)
    ]
    for surb_batch, version in ((v2, "v2"), *([(v1, "v1")] if has_v1 else []), ((), "v2")):
        count = f"{len(surb_batch)} SURBs"
        cases += [
            message_case(
                texts.Repliable(tag, texts.DataWithSurbs(surb_batch, b"hi")), f"data {version}, {count}", b"hi"
            ),
            message_case(texts.Repliable(tag, texts.AdditionalSurbs(surb_batch)), f"additional {version}, {count}"),
            message_case(texts.Repliable(tag, texts.Heartbeat(surb_batch)), f"heartbeat {version}, {count}"),
        ]
    request = texts.SurbRequest(SENDER, 15)
    cases.append(message_case(texts.Reply(texts.ReplyData(b"pong")), "reply", b"pong"))
    cases.append(message_case(texts.Reply(request), f"request of 15 SURBs to {SENDER}"))
    cases.append(message_case(texts.Plain(pattern(9000)), "plain", pattern(9000), PacketSize.EXTENDED8))
    return cases


def recipients() -> list[Case]:
    known = [client(seed, gateway)[0] for seed, gateway in ((1, 2), (0x33, 0x44), (0xF0, 0xFE))]
    return [{"text": str(each), "bytes": each.encode().hex()} for each in known]


def acks() -> list[Case]:
    ids = [COVER_FRAGMENT_ID, FragmentId(1, 1), FragmentId(2**31 - 1, 255)]
    return [
        {"key": ACK_KEY.hex(), "sealed": seal_ack(ACK_KEY, fid, RNG).hex(), "id": fid.encode().hex()} for fid in ids
    ]


# --- gateway ----------------------------------------------------------------------------------------------------


def client_texts() -> list[Case]:
    kinds: dict[str, messages.Request] = {
        "SupportedProtocol": messages.SupportedProtocolRequest(),
        "ClaimFreeTestnetBandwidth": messages.ClaimFreeBandwidth(),
        "RegisterHandshakeInitRequest": messages.HandshakePayload(6, (1, 2, 3)),
        "EncryptedRequest": control.seal_request(control.ForgetMe(True, False), SHARED_KEY, RNG),
    }
    return [{"text": messages.encode(message), "kind": kind} for kind, message in kinds.items()]


def server_texts() -> list[Case]:
    detail = messages.OutOfBandwidthDetail(messages.OutOfBandwidth(2413, -1))
    kinds: list[tuple[str, messages.Response]] = [
        ("SupportedProtocol", messages.SupportedProtocol(6)),
        ("Register", messages.Register(True, 6)),
        ("Authenticate", messages.Authenticate(True, 2**40, 6)),
        ("Bandwidth", messages.Bandwidth(68_719_476_736)),
        ("Send", messages.SendAccepted(5)),
        ("EncryptedResponse", messages.EncryptedResponse((1,), (2,) * 12)),
        ("TypedError", messages.TypedError(detail)),
        ("TypedError", messages.TypedError("ticket_replay")),
        ("Error", messages.Error("no")),
    ]
    return [{"text": messages.encode(message), "kind": kind} for kind, message in kinds]


def authentications() -> list[Case]:
    identity = Ed25519Secret(b"\x01" * 32)
    return [
        {
            "text": messages.encode(authentication.build(identity, SHARED_KEY, version, int(NOW), RNG)),
            "shared_key": SHARED_KEY.hex(),
        }
        for version in (4, 5, 6)
    ]


def sealed(kind: str) -> list[Case]:
    if kind == "request":
        ask = (control.ForgetMe(True, False), control.RememberMe(control.SessionType.SOCKS5))
        sent = [messages.encode(control.seal_request(each, SHARED_KEY, RNG)) for each in ask]
    else:
        answers = (control.ForgetMeAck(), control.RememberMeAck())
        sent = [messages.encode(control.seal_response(each, SHARED_KEY, RNG)) for each in answers]
    return [{"text": text, "shared_key": SHARED_KEY.hex()} for text in sent]


def forward_frames() -> list[Case]:
    cases = []
    for size in PacketSize:
        for version in (4, 6):
            packet = MixPacket(NodeAddress("2001:db8::1", 1789), pattern(size.packet), KeyRotation.EVEN)
            plain = packet.encode_v1() if version == 4 else packet.encode_v2()
            frame = frames.seal_forward(packet, version, SHARED_KEY, RNG)
            cases.append({"frame": frame.hex(), "plain": plain.hex(), "shared_key": SHARED_KEY.hex()})
    return cases


def push_frames() -> list[Case]:
    contents = [pattern(length) for length in (21, 1643, 32_363)]
    return [
        {"frame": frames.seal_pushed(c, SHARED_KEY, RNG).hex(), "content": c.hex(), "shared_key": SHARED_KEY.hex()}
        for c in contents
    ]


# --- requester --------------------------------------------------------------------------------------------------


def socks5_requests() -> list[Case]:
    asked: list[requests.Request] = [
        requests.Connect(1, "example.org:443"),
        requests.Connect(2**64 - 1, "[2001:db8::1]:80", SENDER),
        requests.Send(7, 0),
        requests.Send(7, 1, pattern(1000)),
        requests.Send(7, 2, b"", True),
        *queries.Query,
    ]
    encoded = [requests.encode_request(request, versions) for versions in VERSIONS for request in asked]
    encoded += [requests.encode_request(each) for each in requests.ControlRequest]
    return [{"bytes": data.hex()} for data in encoded]


def socks5_responses() -> list[Case]:
    given: list[responses.Response] = [
        responses.NetworkData(7, 0, pattern(1000)),
        responses.NetworkData(7, 1, b"", True),
        responses.ConnectionFailure(7, "refused: naïve"),
    ]
    answers: list[responses.Response] = [
        queries.OpenProxyAnswer(False),
        queries.DescriptionAnswer("a requester " * 40),
        queries.ExitPolicyAnswer(True, "https://example.org/policy", AddressPolicy.parse(POLICY)),
        queries.ExitPolicyAnswer(True, "", None),
        queries.QueryErrorAnswer("unknown"),
        responses.Healthy(),
        responses.BinaryInfo("nymconnect", responses.BuildInformation("nymconnect")),
        responses.SupportedVersions.of(CURRENT),
    ]
    encoded = [responses.encode_response(response, versions) for versions in VERSIONS for response in given]
    encoded += [responses.encode_response(answer) for answer in answers]
    return [{"bytes": data.hex()} for data in encoded]


POLICY = """\
ExitPolicy reject 10.0.0.0/8:*
ExitPolicy accept *:80-81
ExitPolicy accept6 [2001:db8::]/32:443
ExitPolicy reject6 *6:22
ExitPolicy reject *4:0
ExitPolicy reject *:*
"""


def policies() -> list[Case]:
    parsed = [AddressPolicy.parse(text) for text in (POLICY, "ExitPolicy accept *:*", "")]
    return [{"text": str(policy)} for policy in parsed]


# --- directory --------------------------------------------------------------------------------------------------


def network() -> NetworkState:
    state = NetworkState(Calendar(start=NOW - 5_000.0, epoch_duration=3600.0, first_rotation=3))
    places = (Assignment.LAYER1, Assignment.LAYER2, Assignment.LAYER3, Assignment.ENTRY)
    for node_id, place in enumerate(places, start=1):
        is_gateway = place is Assignment.ENTRY
        keys = tuple(SphinxKey(rotation, X25519Secret(bytes([node_id, rotation] * 16)).public) for rotation in (3, 4))
        record = NodeRecord(
            node_id,
            Ed25519Secret(bytes([node_id]) * 32).public,
            keys,
            (f"10.0.0.{node_id}", f"2001:db8::{node_id}"),
            1789,
            place,
            DeclaredRoles(mixnode=not is_gateway, entry=is_gateway, exit_nr=is_gateway, exit_ipr=is_gateway),
            EntryInfo(9000, "gateway.example", 9001) if is_gateway else None,
            X25519Secret(bytes([0x60 + node_id]) * 32).public if node_id % 2 else None,
            str(SENDER) if is_gateway else None,
            0.995,
        )
        state.add(record)
    return state


def directory() -> dict[str, list[Case]]:
    state = network()
    epoch = state.calendar.epoch_id(NOW)
    everyone = documents.node_list(state, NOW, lambda _: True)
    bodies: dict[str, list[object]] = {
        "key_rotation_info": [state.calendar.info(NOW)],
        "rewarded_set": [state.rewarded_set(NOW)],
        "skimmed": [everyone, documents.node_list(state, NOW, lambda _: True, epoch)],
        "semi_skimmed": [documents.semi_skimmed_list(state, NOW)],
        "address_queries": [models.AddressQuery(["10.0.0.1", "2001:db8::1"])],
        "address_replies": [models.AddressReply({"10.0.0.1": 1, "2001:db8::9": None})],
        "refresh_requests": [models.RefreshRequest.sign(Ed25519Secret(b"\x02" * 32), NOW)],
        "described": [documents.described(state, NOW)],
        "current_epoch": [documents.current_epoch(state.calendar, NOW)],
        "health": [documents.health(12.5)],
        "network_details": [documents.network_details("embedded", "http://127.0.0.1:8000/api")],
    }
    return {name: [{"text": models.encode(body).decode()} for body in bodies[name]] for name in bodies}


def build(line: str) -> dict[str, list[Case]]:
    """All sections by name, as far as the crates of a line have what is in them."""
    has_v1 = line == "1.21"
    versions = [EXPLICIT_KEYS_VERSION, DEFAULT_VERSION] if has_v1 else [DEFAULT_VERSION]
    return {
        "packets": packets([EXPLICIT_KEYS_VERSION, DEFAULT_VERSION, SINGLE_SEED_VERSION]),
        "surbs": surbs(versions),
        **({} if has_v1 else {"recoverable_surbs": recoverable_surbs()}),
        "envelopes": envelopes(),
        "messages": whole_messages(has_v1),
        "recipients": recipients(),
        "acks": acks(),
        "client_texts": client_texts(),
        "server_texts": server_texts(),
        "authentications": authentications(),
        "sealed_requests": sealed("request"),
        "sealed_responses": sealed("response"),
        "forward_frames": forward_frames(),
        "push_frames": push_frames(),
        "requests": socks5_requests(),
        "responses": socks5_responses(),
        "policies": policies(),
        **directory(),
    }


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(build(sys.argv[1])), encoding="utf-8")
