"""Our decoders under the names of the generator's `fuzz` mode.

Each takes bytes and returns what it read in the shape that `generator/src/fuzz/` writes, or raises WireError. Keys and
identities are those of the vectors.
"""

import hashlib
import ipaddress
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory import models
from nymconnect.directory.assembly import node_from, performs, with_noise_key
from nymconnect.errors import UserError, WireError
from nymconnect.link.gateway import authentication, control, frames, messages
from nymconnect.link.gateway.handshake import ClientHandshake, GatewayHandshake
from nymconnect.link.noise import NoiseInitiator, NoiseResponder
from nymconnect.link.noise_state import InitiatorHandshake, ResponderHandshake
from nymconnect.packet import messages as texts
from nymconnect.packet.acks import open_ack, split_surb_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.chunking import Fragment
from nymconnect.packet.envelope import Ack, Cover, open_content
from nymconnect.packet.framing import FrameDecoder, MixPacket
from nymconnect.packet.params import PacketSize
from nymconnect.packet.replies import ReplySurb, reply_digest
from nymconnect.packet.sphinx import Final, Surb, open_packet
from nymconnect.packet.sphinx import keys as sphinx_keys
from nymconnect_proxy.protocol import credit, queries, requests, responses
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import load, unhex

NODE = X25519Secret(b"\x11" * 32)
ACK_KEY = b"\x44" * 16
RECEIVER = X25519Secret(b"\xb2" * 32)
REPLY_KEY = b"\x33" * 16
SHARED_KEY = b"\x77" * 32
NONCE = bytes(12)
CLIENT, GATEWAY = (Ed25519Secret(bytes([seed]) * 32) for seed in (1, 2))
NOISE_RESPONDER, NOISE_INITIATOR, NOISE_PEER = (X25519Secret(bytes([byte]) * 32) for byte in (0x0C, 0x0D, 0x0E))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise WireError("not UTF-8") from error


# --- what travels through the mixnet ----------------------------------------------------------------------------


def sphinx_packet(data: bytes) -> Any:
    opened = open_packet(data, NODE)
    step = opened.unwrap()
    value: dict[str, Any] = {"tag": opened.replay_tag.hex(), "version": step.version}
    if isinstance(step, Final):
        return value | {"destination": step.destination.hex(), "message": step.message.hex()}
    return value | {"next": step.next_hop.encode().hex(), "delay": step.delay_ns, "packet": _sha256(step.packet)}


def surb(data: bytes) -> Any:
    read = Surb.decode(data)
    return {
        "materials": len(read.key_material),
        "seeds": len(read.key_material[0]) == sphinx_keys.SEED_LENGTH,
        "first_hop": read.first_hop.encode().hex(),
        "packet": _sha256(read.use(b"fuzz", PacketSize.ACK)),
    }


def _surbs(batch: Sequence[ReplySurb]) -> Any:
    def parts(reply: ReplySurb) -> bytes:
        return b"".join((reply.key, reply.surb.header, reply.surb.first_hop.encode(), *reply.surb.key_material))

    return [{"rotation": int(each.rotation), "sha256": _sha256(parts(each))} for each in batch]


def message(data: bytes) -> Any:
    match texts.recover(data):
        case texts.Plain(plain):
            return {"kind": "plain", "data": plain.hex()}
        case texts.Reply(texts.ReplyData(reply)):
            return {"kind": "reply", "data": reply.hex()}
        case texts.Reply(texts.SurbRequest(recipient, amount)):
            return {"kind": "request", "recipient": recipient.encode().hex(), "amount": amount}
        case texts.Repliable(tag, content):
            names = {texts.DataWithSurbs: "data", texts.AdditionalSurbs: "additional", texts.Heartbeat: "heartbeat"}
            body = content.data if isinstance(content, texts.DataWithSurbs) else b""
            value = {"kind": names[type(content)], "tag": tag.hex(), "data": body.hex()}
            return value | {"surbs": _surbs(content.surbs)}


def fragment(data: bytes) -> Any:
    read = Fragment.decode(data)
    head = read.header
    place = {"set": head.set_id, "total": head.total, "number": head.number, "link": head.link}
    return place | {"payload": _sha256(read.payload)}


def ack(data: bytes) -> Any:
    return open_ack(ACK_KEY, data).encode().hex()


def ack_blob(data: bytes) -> Any:
    packet, rest = split_surb_ack(data)
    return {"first_hop": packet.next_hop.encode().hex(), "packet": _sha256(packet.packet), "rest": _sha256(rest)}


def content(data: bytes) -> Any:
    def reply_key(digest: bytes) -> bytes | None:
        return REPLY_KEY if digest == reply_digest(REPLY_KEY) else None

    match open_content(data, RECEIVER, reply_key, ACK_KEY):
        case Ack(fid):
            return fid.encode().hex()
        case Cover():
            return "cover"
        case read:
            return {"via_reply": read.via_reply, "fragment": fragment(read.fragment.encode())}


def node_address(data: bytes) -> Any:
    return NodeAddress.decode(data).encode().hex()


def recipient_text(data: bytes) -> Any:
    return Recipient.parse(_text(data)).encode().hex()


def recipient_bytes(data: bytes) -> Any:
    return Recipient.decode(data).encode().hex()


def read_frames(data: bytes) -> Any:
    decoder = FrameDecoder()
    read: list[Any] = []
    try:
        read += decoder.feed(data)
        read += decoder.feed(b"")  # brings up an error that waits behind good frames
        error = False
    except WireError:
        error = True
    return {"frames": [{"rotation": int(f.rotation), "packet": _sha256(f.packet)} for f in read], "error": error}


def _mix_packet(packet: MixPacket) -> Any:
    hop = packet.next_hop.encode().hex()
    return {"next_hop": hop, "rotation": int(packet.rotation), "packet": _sha256(packet.packet)}


def mix_packet_v1(data: bytes) -> Any:
    return _mix_packet(MixPacket.decode_v1(data))


def mix_packet_v2(data: bytes) -> Any:
    return _mix_packet(MixPacket.decode_v2(data))


# --- links ------------------------------------------------------------------------------------------------------


def client_text(data: bytes) -> Any:
    match messages.decode_request(_text(data)):
        case messages.AuthenticateV2() as read:
            return {
                "kind": "AuthenticateV2",
                "version": read.protocol_version,
                "identity": bytes(read.client_identity).hex(),
                "ciphertext": read.address_ciphertext.hex(),
                "nonce": read.nonce.hex(),
                "timestamp": read.request_unix_timestamp,
                "signature": bytes(read.request_signature).hex(),
            }
        case messages.HandshakePayload(version, payload):
            return {"kind": "handshake", "version": version, "data": bytes(payload).hex()}
        case messages.HandshakeError(words):
            return {"kind": "handshake error", "message": words}
        case messages.EncryptedRequest(ciphertext, nonce):
            return {"kind": "EncryptedRequest", "ciphertext": bytes(ciphertext).hex(), "nonce": bytes(nonce).hex()}
        case other:
            return {"kind": _NAMES[type(other)]}


_NAMES: dict[type, str] = {
    messages.SupportedProtocolRequest: "SupportedProtocol",
    messages.ClaimFreeBandwidth: "ClaimFreeTestnetBandwidth",
    messages.EcashCredential: "EcashCredential",
    messages.UpgradeModeToken: "UpgradeModeJWT",
    messages.OldAuthenticate: "Authenticate",
    messages.OldBandwidthCredential: "BandwidthCredential",
    messages.OldBandwidthCredentialV2: "BandwidthCredentialV2",
}


def server_text(data: bytes) -> Any:
    match messages.decode_response(_text(data)):
        case messages.HandshakePayload(version, payload):
            return {"kind": "handshake", "version": version, "data": bytes(payload).hex()}
        case messages.HandshakeError(words):
            return {"kind": "handshake error", "message": words}
        case read:
            return msgspec.to_builtins(read)


def authenticate(data: bytes) -> Any:
    read = messages.decode_request(_text(data))
    if not isinstance(read, messages.AuthenticateV2):
        raise WireError("not authenticateV2")
    timestamp = read.request_unix_timestamp
    authentication.check_fresh_and_signed(read, timestamp)
    authentication.check_key_and_order(read, SHARED_KEY, -1)
    return {"identity": bytes(read.client_identity).hex(), "version": read.protocol_version, "timestamp": timestamp}


def _control(read: control.ControlRequest | control.ControlResponse) -> Any:
    return {type(read).__name__: msgspec.to_builtins(read)}


def sealed_request(data: bytes) -> Any:
    return _control(control.open_request(messages.EncryptedRequest(tuple(data[12:]), tuple(data[:12])), SHARED_KEY))


def sealed_response(data: bytes) -> Any:
    return _control(control.open_response(messages.EncryptedResponse(tuple(data[12:]), tuple(data[:12])), SHARED_KEY))


def forward_frame(data: bytes) -> Any:
    return _mix_packet(frames.open_forward(data, SHARED_KEY))


def push_frame(data: bytes) -> Any:
    return frames.open_pushed(data, SHARED_KEY).hex()


def registration() -> Any:
    return load("gateway")["handshakes"][0]


def handshake_message(index: int) -> bytes:
    return bytes(json.loads(registration()["transcript"][index]["text"])["data"])


def _gateway_side(opening: bytes) -> GatewayHandshake:
    gateway = GatewayHandshake(GATEWAY, ScriptedRng({32: unhex(registration()["gateway_ephemeral"]), 12: NONCE}))
    gateway.respond(opening)
    return gateway


def _client_side(response: bytes) -> ClientHandshake:
    script = {32: unhex(registration()["client_ephemeral"]), 16: handshake_message(0)[64:], 12: NONCE}
    client = ClientHandshake(CLIENT, GATEWAY.public, ScriptedRng(script))
    client.answer(response)
    return client


def handshake_opening(data: bytes) -> Any:
    return _gateway_side(data).shared_key.hex()


def handshake_response(data: bytes) -> Any:
    return _client_side(data).shared_key.hex()


def handshake_proof(data: bytes) -> Any:
    gateway = _gateway_side(handshake_message(0))
    gateway.confirm(data)
    return gateway.shared_key.hex()


def handshake_confirmation(data: bytes) -> Any:
    response = len(handshake_message(1))
    if len(data) < response:
        raise WireError("no message 2")
    client = _client_side(data[:response])
    client.finish(data[response:])
    return client.shared_key.hex()


class _NoiseScript:
    """What the other side of a Noise link does: honest, but for headers, flipped bytes and the plaintext at the end."""

    def __init__(self, data: bytes, count: int) -> None:
        if len(data) < 9 * count:
            raise WireError("no script")
        self.headers = [data[8 * i : 8 * i + 8] for i in range(count)]
        self.flips, self.plaintext = data[8 * count : 9 * count], data[9 * count :]

    def frame(self, index: int, body: bytes) -> bytes:
        return self.headers[index] + body[:-1] + bytes([body[-1] ^ self.flips[index]])


def _delivered(plaintext: bytes) -> str:
    if not plaintext:
        raise WireError("nothing was delivered")
    return plaintext.hex()


def noise_responder(data: bytes) -> Any:
    script = _NoiseScript(data, 3)
    link = NoiseResponder(NOISE_RESPONDER, ScriptedRng({32: b"\x0f" * 32}))
    peer = InitiatorHandshake(NOISE_INITIATOR, NOISE_RESPONDER.public, NOISE_PEER)
    _, second = link.feed(script.frame(0, peer.write_first()))
    if not second:
        raise WireError("message 1 never ends")
    peer.read_second(second[8:])
    third = script.frame(1, peer.write_third())
    sending, _ = peer.split()
    return _delivered(link.feed(third + script.frame(2, sending.seal(script.plaintext)))[0])


def noise_initiator(data: bytes) -> Any:
    script = _NoiseScript(data, 2)
    link = NoiseInitiator(NOISE_INITIATOR, NOISE_RESPONDER.public, ScriptedRng({32: b"\x0f" * 32}))
    peer = ResponderHandshake(NOISE_RESPONDER, NOISE_PEER)
    peer.read_first(link.start()[8:])
    _, third = link.feed(script.frame(0, peer.write_second()))
    if not third:
        raise WireError("message 2 never ends")
    peer.read_third(third[8:])
    sending, _ = peer.split()
    return _delivered(link.feed(script.frame(1, sending.seal(script.plaintext)))[0])


# --- requester --------------------------------------------------------------------------------------------------

_CONTROL = {
    requests.ControlRequest.HEALTH: "Health",
    requests.ControlRequest.BINARY_INFO: "BinaryInfo",
    requests.ControlRequest.SUPPORTED_VERSIONS: "SupportedRequestVersions",
}
_QUERIES = {
    queries.Query.OPEN_PROXY: "OpenProxy",
    queries.Query.DESCRIPTION: "Description",
    queries.Query.EXIT_POLICY: "ExitPolicy",
}


def socks5_request(data: bytes) -> Any:
    match requests.decode_request(data)[1]:
        case requests.Connect(connection, address, recipient):
            back = recipient and recipient.encode().hex()
            return {"kind": "connect", "connection": connection, "address": address, "return": back}
        case requests.Send(connection, sequence, body, closed):
            head = {"kind": "send", "connection": connection, "sequence": sequence, "closed": closed}
            return head | {"data": body.hex()}
        case queries.Query() as query:
            return {"kind": "query", "what": _QUERIES[query]}
        case requests.Pace(rate, seconds):
            return {"kind": "pace", "rate": rate, "seconds": seconds}
        case credit.Credit(connection, taken, window):
            return {"kind": "credit", "connection": connection, "taken": taken, "window": window}
        case control_request:
            return {"kind": "control", "what": _CONTROL[control_request]}


def _policy(policy: AddressPolicy) -> str:
    return str(policy).rstrip("\n")


def socks5_response(data: bytes) -> Any:
    match responses.decode_response(data)[1]:
        case responses.NetworkData(connection, sequence, body, closed):
            head = {"kind": "data", "connection": connection, "sequence": sequence, "closed": closed}
            return head | {"data": body.hex()}
        case responses.ConnectionFailure(connection, words):
            return {"kind": "error", "connection": connection, "text": words}
        case queries.OpenProxyAnswer(is_open):
            return {"kind": "open", "open": is_open}
        case queries.DescriptionAnswer(words):
            return {"kind": "description", "text": words}
        case queries.ExitPolicyAnswer(enabled, upstream, policy):
            form = None if policy is None else _policy(policy)
            return {"kind": "policy", "enabled": enabled, "upstream": upstream, "policy": form}
        case queries.QueryErrorAnswer(words):
            return {"kind": "query error", "text": words}
        case responses.Healthy():
            return {"kind": "health"}
        case responses.BinaryInfo() as info:
            return {"kind": "binary", "info": msgspec.to_builtins(info)}
        case responses.SupportedVersions() as versions:
            return {"kind": "versions", "versions": msgspec.to_builtins(versions)}
        case responses.Paced(rate, seconds):
            return {"kind": "paced", "rate": rate, "seconds": seconds}
        case credit.Credit(connection, taken, window):
            return {"kind": "credit", "connection": connection, "taken": taken, "window": window}
        case error:
            return {"kind": "control error", "error": msgspec.to_builtins(error)}


def policy_text(data: bytes) -> Any:
    try:
        return _policy(AddressPolicy.parse(_text(data)))
    except UserError as error:
        raise WireError(str(error)) from error


# --- directory --------------------------------------------------------------------------------------------------


def key_rotation_info(data: bytes) -> Any:
    info = models.decode_key_rotation_info(data)
    state, progress, start = info.key_rotation_state, info.progress, info.current_epoch_start
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    of_day = start - midnight
    return {
        "validity": state.validity_epochs,
        "initial": state.initial_epoch_id,
        "epoch": info.current_absolute_epoch_id,
        "start": round(midnight.timestamp()) * 10**6 + of_day.seconds * 10**6 + of_day.microseconds,
        "secs": info.epoch_duration.secs,
        "nanos": info.epoch_duration.nanos,
        "progress": [
            progress.current_key_rotation_id,
            progress.current_rotation_starting_epoch,
            progress.current_rotation_ending_epoch,
        ],
    }


def rewarded_set(data: bytes) -> Any:
    return msgspec.to_builtins(models.decode_rewarded_set(data))


def _ip(text: str) -> str:
    try:
        return ipaddress.ip_address(text).packed.hex()
    except ValueError as error:
        raise WireError("not an IP address") from error


def _row(row: models.NodeRow) -> Any:
    """WireError for a row that is left out, since the crate refuses the page."""
    node, entry = node_from(row), row.entry
    return {
        "id": node.node_id,
        "identity": node.identity.hex(),
        "ips": [_ip(text) for text in row.ip_addresses],
        "port": node.mix_address.port,
        "sphinx": node.sphinx_key.hex(),
        "roles": [node.roles.mixnode, node.roles.entry, node.roles.exit],
        "entry": entry and [entry.hostname, entry.ws_port, entry.wss_port],
        "performs": performs(node),
    }


def _page(metadata: models.Metadata, pagination: models.Pagination, rows: list[Any]) -> Any:
    status = metadata.status
    name = "none" if status is None else status if isinstance(status, str) else "fresh"
    return {
        "metadata": {"status": name, "epoch": metadata.absolute_epoch_id, "rotation": metadata.rotation_id},
        "pagination": [pagination.total, pagination.page, pagination.size],
        "rows": rows,
    }


def node_list(data: bytes) -> Any:
    page = models.decode_node_list(data)
    return _page(page.metadata, page.nodes.pagination, [_row(row) for row in page.nodes.data])


def semi_skimmed_list(data: bytes) -> Any:
    page = models.decode_semi_skimmed_list(data)
    rows = []
    for row in page.nodes.data:
        node = with_noise_key(row)
        if node is None:
            raise WireError("a row is left out")
        rows.append(_row(row.basic) | {"noise": node.noise_key and node.noise_key.hex()})
    return _page(page.metadata, page.nodes.pagination, rows)


def address_query(data: bytes) -> Any:
    return [_ip(text) for text in models.decode_address_query(data).addresses]


def address_reply(data: bytes) -> Any:
    return {_ip(text): node_id for text, node_id in models.decode_address_reply(data).existence.items()}


def refresh_request(data: bytes) -> Any:
    request = models.decode_refresh_request(data)
    return {"identity": request.verify().hex(), "timestamp": request.request_timestamp}


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "sphinx_packet": sphinx_packet,
    "surb": surb,
    "message": message,
    "fragment": fragment,
    "ack": ack,
    "ack_blob": ack_blob,
    "content": content,
    "node_address": node_address,
    "recipient_text": recipient_text,
    "recipient_bytes": recipient_bytes,
    "frames": read_frames,
    "mix_packet_v1": mix_packet_v1,
    "mix_packet_v2": mix_packet_v2,
    "client_text": client_text,
    "server_text": server_text,
    "authentication": authenticate,
    "sealed_request": sealed_request,
    "sealed_response": sealed_response,
    "forward_frame": forward_frame,
    "push_frame": push_frame,
    "handshake_opening": handshake_opening,
    "handshake_response": handshake_response,
    "handshake_proof": handshake_proof,
    "handshake_confirmation": handshake_confirmation,
    "noise_responder": noise_responder,
    "noise_initiator": noise_initiator,
    "socks5_request": socks5_request,
    "socks5_response": socks5_response,
    "policy_text": policy_text,
    "key_rotation_info": key_rotation_info,
    "rewarded_set": rewarded_set,
    "node_list": node_list,
    "semi_skimmed_list": semi_skimmed_list,
    "address_query": address_query,
    "address_reply": address_reply,
    "refresh_request": refresh_request,
}
