"""A Sphinx packet: header (348) ‖ payload. Built by a client, opened and unwrapped by each node on the way.

Mirrors sphinx-packet 0.6.0 (`packet/builder.rs`, `packet/mod.rs`, `header/mod.rs`). Where we differ: the reference
still relays versions 1 and 257, and goes on with an all-zero secret when alpha has low order; here both are refused.

A node works in two steps, so that a replayed packet costs it one multiplication: `open_packet` authenticates the
header and yields the replay tag; `OpenedPacket.unwrap` blinds alpha and decrypts the payload.
"""

from dataclasses import dataclass

from nymconnect.crypto import Rng, X25519Secret, lioness_decrypt, x25519_exchange
from nymconnect.errors import WireError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import HEADER_LENGTH, PacketSize
from nymconnect.packet.route import Route
from nymconnect.packet.sphinx.header import FinalRouting, ForwardRouting, build_header, open_header, padding_length
from nymconnect.packet.sphinx.keys import (
    BLINDING_FACTOR,
    DEFAULT_VERSION,
    REPLAY_TAG,
    check_sendable_version,
    derive_key_material,
    expand,
    key_from_material,
    payload_material,
)
from nymconnect.packet.sphinx.payload import MIN_PAYLOAD_LENGTH, seal_payload, unpad

SECRET_LENGTH = 32
_ALPHA_LENGTH = 32


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
    header, material = assemble_header(route, destination, initial_secret, padding, version)
    return header + seal_payload(message, payload_length, map(key_from_material, reversed(material)))


def assemble_header(
    route: Route, destination: bytes, initial_secret: bytes, padding: bytes, version: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """A header and, in hop order, the payload key material that goes with it: full keys or seeds, by version."""
    check_sendable_version(version)
    keys = derive_key_material(initial_secret, [hop.sphinx_key for hop in route.hops])
    header = build_header(keys, route, destination, padding, version)
    return header, tuple(payload_material(expanded, version) for expanded in keys.expanded)


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
class OpenedPacket:
    """A packet whose header is genuine. Check `replay_tag` (32 bytes) before the costly `unwrap`."""

    replay_tag: bytes
    _routing: ForwardRouting | FinalRouting
    _expanded: bytes
    _packet: bytes

    def unwrap(self) -> Forward | Final:
        """Blind alpha and peel the payload; WireError if the last hop finds the payload damaged."""
        routing = self._routing
        key = key_from_material(payload_material(self._expanded, routing.version))
        payload = lioness_decrypt(key, self._packet[HEADER_LENGTH:])
        if isinstance(routing, FinalRouting):
            return Final(routing.destination, unpad(payload), routing.version)
        alpha = x25519_exchange(self._expanded[BLINDING_FACTOR], self._packet[:_ALPHA_LENGTH])
        packet = b"".join((alpha, routing.inner, payload))
        return Forward(routing.next_hop, routing.delay_ns, packet, routing.version)

    def __repr__(self) -> str:
        return "OpenedPacket(…)"


def open_packet(packet: bytes, secret: X25519Secret) -> OpenedPacket:
    """Authenticate a packet's header with the node's key.

    WireError on a wrong length, a low-order alpha, a bad MAC, an unreadable routing block, or version 1 or 257.
    """
    if len(packet) < HEADER_LENGTH + MIN_PAYLOAD_LENGTH:
        raise WireError("Sphinx packet is too short")
    expanded = expand(secret.exchange(packet[:_ALPHA_LENGTH]))
    return OpenedPacket(expanded[REPLAY_TAG], open_header(packet, expanded), expanded, packet)
