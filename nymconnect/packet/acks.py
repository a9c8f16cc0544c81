"""SURB-acks: how the sender of a packet learns that it arrived.

Mirrors nym-sphinx-acknowledgements 1.21 (`identifier.rs`, `surb_ack.rs`) and the fragment identifier of
nym-sphinx-chunking 1.21 (`fragment.rs`).

Ack content, 21 bytes: IV (16, random) ‖ AES-128-CTR(ack key, IV, fragment id); fragment id = set id (i32) ‖ position.
The content travels in a Sphinx packet of class Ack on a route of its own, back to the sender. That packet lies ready
in front of the message that it acknowledges::

    0                     19                      405
    | first hop, 0-padded | ack packet (348 + 38) | …

The gateway of the recipient cuts it off and sends it on.
"""

from dataclasses import dataclass

from nymconnect.crypto import Rng, aes_ctr
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import Recipient, decode_ack_address
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import (
    ACK_BLOB_LENGTH,
    ACK_CONTENT_LENGTH,
    FRAGMENT_ID_LENGTH,
    ROUTING_ADDRESS_LENGTH,
    PacketSize,
)
from nymconnect.packet.route import Route
from nymconnect.packet.sphinx import build_packet

ACK_KEY_LENGTH = 16
IV_LENGTH = 16
MAX_SET_ID = 2**31 - 1


@dataclass(frozen=True, slots=True, order=True)
class FragmentId:
    """Names one fragment among all that a client has sent; 0, 0 means a cover packet, which has none."""

    set_id: int
    position: int

    def __post_init__(self) -> None:
        if problem := _id_problem(self.set_id, self.position):
            raise UsageError(problem)

    def encode(self) -> bytes:
        """5 bytes."""
        return self.set_id.to_bytes(4, "big") + bytes([self.position])

    @classmethod
    def decode(cls, data: bytes) -> "FragmentId":
        """From exactly 5 bytes; WireError for a negative set id, or a zero beside a non-zero."""
        if len(data) != FRAGMENT_ID_LENGTH:
            raise WireError("a fragment id has 5 bytes")
        set_id, position = int.from_bytes(data[:4], "big", signed=True), data[4]
        if problem := _id_problem(set_id, position):
            raise WireError(problem)
        return cls(set_id, position)


def _id_problem(set_id: int, position: int) -> str:
    if not 0 <= set_id <= MAX_SET_ID:
        return f"impossible fragment set id {set_id}"
    if not 0 <= position <= 255 or (set_id == 0) != (position == 0):
        return f"impossible position {position} in fragment set {set_id}"
    return ""


COVER_FRAGMENT_ID = FragmentId(0, 0)


def seal_ack(key: bytes, fid: FragmentId, rng: Rng) -> bytes:
    """The 21 bytes that come back to the sender; `key` (16) never leaves it."""
    # A new one each time, because the key stays: two acks of one fragment must not look alike.
    iv = rng.randbytes(IV_LENGTH)
    return iv + aes_ctr(_check_key(key), fid.encode(), iv)


def open_ack(key: bytes, content: bytes) -> FragmentId:
    """Inverse of `seal_ack`. Nothing authenticates an ack: under a wrong key it yields some id, or a WireError."""
    if len(content) != ACK_CONTENT_LENGTH:
        raise WireError("an ack has 21 bytes")
    return FragmentId.decode(aes_ctr(_check_key(key), content[IV_LENGTH:], content[:IV_LENGTH]))


def build_surb_ack(sender: Recipient, ack_key: bytes, fid: FragmentId, route: Route, rng: Rng) -> bytes:
    """The 405 bytes in front of a message; `route` leads to the gateway of `sender`.

    The gateway that sends the ack on labels it with the rotation of the packet that it came in, so both packets must
    be built for the same one.
    """
    packet = build_packet(route, sender.identity, seal_ack(ack_key, fid, rng), PacketSize.ACK, rng)
    return route.first_hop.encode_padded(ROUTING_ADDRESS_LENGTH) + packet


def split_surb_ack(plaintext: bytes) -> tuple[MixPacket, bytes]:
    """At the last hop: the ack packet, its rotation still to be set by the caller, and the message behind it."""
    if len(plaintext) < ACK_BLOB_LENGTH:
        raise WireError("packet has no room for its ack")
    first_hop = decode_ack_address(plaintext)
    packet = plaintext[ROUTING_ADDRESS_LENGTH:ACK_BLOB_LENGTH]
    return MixPacket(first_hop, packet), plaintext[ACK_BLOB_LENGTH:]


def _check_key(key: bytes) -> bytes:
    if len(key) != ACK_KEY_LENGTH:
        raise UsageError("an ack key has 16 bytes")
    return key
