"""The binary messages between client and gateway. Mirrors nym-gateway-requests 1.21 (`types/binary_request.rs`,
`types/binary_response.rs`).

======  ====  ===============================================================
offset  size  field
======  ====  ===============================================================
0       1     kind
1       1     1: sealed
2       12    nonce, fresh and random
14      n+16  AES-256-GCM-SIV ciphertext ‖ tag under the shared key
======  ====  ===============================================================

Kinds from the client: 1 a MixPacket without key rotation, 2 one with it (`packet.framing`; since version 5). From
the gateway: 1 the plaintext that the final hop took out of a packet, whose length alone tells acks from messages.

Our rule: the format also knows flag 0, unsealed; we never send it and refuse it, for anyone on the path could forge it.
"""

from nymconnect import crypto
from nymconnect.crypto import AEAD_TAG_LENGTH, GCM_SIV_NONCE_LENGTH, Rng
from nymconnect.errors import WireError
from nymconnect.link.gateway.messages import ROTATION_VERSION
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import ROUTING_ADDRESS_LENGTH, PacketSize

KIND_FORWARD_V1 = 1
KIND_FORWARD_V2 = 2
KIND_PUSHED = 1
OVERHEAD = 2 + GCM_SIV_NONCE_LENGTH + AEAD_TAG_LENGTH
# Nothing longer is ever sent; also the limit that a service gives its websocket.
MAX_FRAME_LENGTH = OVERHEAD + 2 + ROUTING_ADDRESS_LENGTH + max(size.packet for size in PacketSize)
_SEALED = 1


def seal_forward(packet: MixPacket, version: int, key: bytes, rng: Rng) -> bytes:
    """A packet for the mixnet, in the newest kind that protocol `version` has."""
    if version >= ROTATION_VERSION:
        return _seal(KIND_FORWARD_V2, packet.encode_v2(), key, rng)
    return _seal(KIND_FORWARD_V1, packet.encode_v1(), key, rng)


def open_forward(frame: bytes, key: bytes) -> MixPacket:
    """The packet in a client's binary message; WireError if it is of no known kind or size, or not sealed by it."""
    kind, plaintext = _open(frame, key)
    if kind == KIND_FORWARD_V2:
        return MixPacket.decode_v2(plaintext)
    if kind == KIND_FORWARD_V1:
        return MixPacket.decode_v1(plaintext)
    raise WireError(f"unknown kind {kind} of binary request")


def seal_pushed(content: bytes, key: bytes, rng: Rng) -> bytes:
    """What the final hop delivered, for the client."""
    return _seal(KIND_PUSHED, content, key, rng)


def open_pushed(frame: bytes, key: bytes) -> bytes:
    """What the gateway delivered; WireError if it is of no known kind or not sealed by it."""
    kind, plaintext = _open(frame, key)
    if kind != KIND_PUSHED:
        raise WireError(f"unknown kind {kind} of binary response")
    return plaintext


def _seal(kind: int, plaintext: bytes, key: bytes, rng: Rng) -> bytes:
    nonce = rng.randbytes(GCM_SIV_NONCE_LENGTH)
    return bytes([kind, _SEALED]) + nonce + crypto.gcm_siv_seal(key, nonce, plaintext)


def _open(frame: bytes, key: bytes) -> tuple[int, bytes]:
    if len(frame) < OVERHEAD:
        raise WireError("binary message is too short")
    if len(frame) > MAX_FRAME_LENGTH:
        raise WireError("binary message is too long")
    if frame[1] != _SEALED:
        raise WireError(f"binary message has encryption flag {frame[1]}")
    start = 2 + GCM_SIV_NONCE_LENGTH
    return frame[0], crypto.gcm_siv_open(key, frame[2:start], frame[start:])
