"""A Sphinx packet: header (348) ‖ payload. Built by a client, opened and unwrapped by each node on the way.

Mirrors sphinx-packet 0.8.0 (`packet/builder.rs`, `packet/mod.rs`, `header/mod.rs`). Where we differ: the reference
still relays versions 1 and 257, and continues with an all-zero secret when alpha has low order; here both are refused.

A node works in two steps, so that a replayed packet costs it one multiplication: `open_packet` authenticates the
header and yields the replay tag; `OpenedPacket.unwrap` blinds alpha and decrypts the payload.
"""

from dataclasses import dataclass

from nymconnect.crypto import Rng, X25519Secret, lioness_decrypt, x25519_exchange
from nymconnect.errors import WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import HEADER_LENGTH, PacketSize
from nymconnect.packet.route import Route
from nymconnect.packet.sphinx.header import (
    ADDRESS,
    ALPHA_LENGTH,
    DELAY,
    FINAL_FLAG,
    FLAG,
    FORWARD_FLAG,
    IDENTIFIER,
    INNER,
    NO_IDENTIFIER,
    VERSION,
    build_header,
    open_header,
    padding_length,
)
from nymconnect.packet.sphinx.keys import (
    BLINDING_FACTOR,
    DEFAULT_VERSION,
    REPLAY_TAG,
    check_receivable_version,
    check_sendable_version,
    derive_key_material,
    expand,
    key_from_material,
    payload_key,
    payload_material,
)
from nymconnect.packet.sphinx.payload import MIN_PAYLOAD_LENGTH, seal_payload, unpad

SECRET_LENGTH = 32


# --- the sender -------------------------------------------------------------------------------------------------


def build_packet(
    route: Route, destination: bytes, message: bytes, size: PacketSize, rng: Rng, version: int = DEFAULT_VERSION
) -> bytes:
    """A packet of `size.packet` bytes for `route.first_hop`.

    `message` has at most `size.plaintext` bytes, `destination` 32; UsageError otherwise. WireError if the directory
    gave a hop a low-order key.
    """
    secret = rng.randbytes(SECRET_LENGTH)
    padding = rng.randbytes(padding_length(len(route.hops)))
    return assemble_packet(route, destination, message, size.payload, secret, padding, version)


def assemble_packet(
    route: Route,
    destination: bytes,
    message: bytes,
    payload_length: int,
    initial_secret: bytes,
    padding: bytes,
    version: int,
) -> bytes:
    """`build_packet` with all randomness given: the initial secret (32 bytes) and the header's padding."""
    head, material = assemble_header(route, destination, initial_secret, padding, version)
    return head + seal_payload(message, payload_length, map(key_from_material, reversed(material)))


def assemble_header(
    route: Route,
    destination: bytes,
    initial_secret: bytes,
    padding: bytes,
    version: int,
    identifier: bytes = NO_IDENTIFIER,
) -> tuple[bytes, tuple[bytes, ...]]:
    """A header and, in hop order, the payload key material that goes with it: full keys or seeds, by version."""
    check_sendable_version(version)
    keys = derive_key_material(initial_secret, [hop.sphinx_key for hop in route.hops])
    head = build_header(keys, route, destination, padding, version, identifier)
    return head, tuple(payload_material(expanded, version) for expanded in keys.expanded)


# --- a node -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forward:
    """Send `packet` (as long as the one received) to `next_hop` after `delay_ns` nanoseconds."""

    next_hop: NodeAddress
    delay_ns: int
    packet: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Final:
    """This node is the last: `message`, unpadded, is for the client `destination` (32 bytes)."""

    destination: bytes
    message: bytes
    version: int


@dataclass(frozen=True, slots=True)
class SealedReply:
    """This node is the last: `payload` is noise, except to the maker of the SURB that `identifier` names."""

    identifier: bytes
    payload: bytes


class OpenedPacket:
    """A packet whose header is genuine. Check `replay_tag` (32 bytes) before the costly `unwrap`."""

    __slots__ = ("_expanded", "_packet", "_routing", "replay_tag", "version")

    def __init__(self, version: int, routing: bytes, expanded: bytes, packet: bytes) -> None:
        self.replay_tag = expanded[REPLAY_TAG]
        self.version = version
        self._routing = routing
        self._expanded = expanded
        self._packet = packet

    def unwrap(self) -> Forward | Final:
        """Peel the payload and blind alpha; WireError on an unreadable next address or a damaged final payload."""
        routing, expanded, packet = self._routing, self._expanded, self._packet
        payload = self._peel()
        if routing[FLAG] == FINAL_FLAG:
            return Final(routing[ADDRESS], unpad(payload), self.version)
        next_hop = NodeAddress.decode(routing[ADDRESS])
        delay_ns = int.from_bytes(routing[DELAY], "big")
        # The next node must not see the same alpha: the two nodes could recognise the packet by it.
        alpha = x25519_exchange(expanded[BLINDING_FACTOR], packet[:ALPHA_LENGTH])
        return Forward(next_hop, delay_ns, b"".join((alpha, routing[INNER], payload)), self.version)

    def unwrap_reply(self) -> SealedReply:
        """What the maker of a SURB of version 260 receives as the last hop of its route; WireError at any other hop."""
        if self._routing[FLAG] != FINAL_FLAG:
            raise WireError("a reply ends at another hop")
        return SealedReply(self._routing[IDENTIFIER], self._peel())

    def _peel(self) -> bytes:
        """The payload without this hop's layer."""
        return lioness_decrypt(payload_key(self._expanded, self.version), self._packet[HEADER_LENGTH:])

    def __repr__(self) -> str:
        return f"OpenedPacket(version={self.version})"


def open_packet(packet: bytes, secret: X25519Secret) -> OpenedPacket:
    """Authenticate a packet's header with the node's key.

    WireError on a wrong length, a low-order alpha, a bad MAC, an unknown routing flag, or version 1 or 257.
    """
    if len(packet) < HEADER_LENGTH + MIN_PAYLOAD_LENGTH:
        raise WireError("Sphinx packet is too short")
    expanded = expand(secret.exchange(packet[:ALPHA_LENGTH]))
    routing = open_header(packet, expanded)
    # The version is inside the encrypted block, so it is genuine only now that the MAC has been checked.
    version = int.from_bytes(routing[VERSION], "big")
    check_receivable_version(version)
    if routing[FLAG] not in (FORWARD_FLAG, FINAL_FLAG):
        raise WireError("unknown Sphinx routing flag")
    return OpenedPacket(version, routing, expanded, packet)
