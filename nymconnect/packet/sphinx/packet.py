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
from nymconnect.packet.sphinx import header
from nymconnect.packet.sphinx.keys import (
    BLINDING_FACTOR,
    DEFAULT_VERSION,
    REPLAY_TAG,
    check_receivable_version,
    check_sendable_version,
    derive_key_material,
    expand,
    key_from_material,
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
    padding = rng.randbytes(header.padding_length(len(route.hops)))
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
    route: Route, destination: bytes, initial_secret: bytes, padding: bytes, version: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """A header and, in hop order, the payload key material that goes with it: full keys or seeds, by version."""
    check_sendable_version(version)
    keys = derive_key_material(initial_secret, [hop.sphinx_key for hop in route.hops])
    head = header.build_header(keys, route, destination, padding, version)
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
class OpenedPacket:
    """A packet whose header is genuine. Check `replay_tag` (32 bytes) before the costly `unwrap`."""

    replay_tag: bytes
    version: int
    _routing: bytes
    _expanded: bytes
    _packet: bytes

    def unwrap(self) -> Forward | Final:
        """Peel the payload and blind alpha; WireError on an unreadable next address or a damaged final payload."""
        routing = self._routing
        key = key_from_material(payload_material(self._expanded, self.version))
        payload = lioness_decrypt(key, self._packet[HEADER_LENGTH:])
        if routing[header.FLAG] == header.FINAL_FLAG:
            return Final(routing[header.ADDRESS], unpad(payload), self.version)
        next_hop = NodeAddress.decode(routing[header.ADDRESS])
        delay_ns = int.from_bytes(routing[header.DELAY], "big")
        alpha = x25519_exchange(self._expanded[BLINDING_FACTOR], self._packet[: header.ALPHA_LENGTH])
        return Forward(next_hop, delay_ns, b"".join((alpha, routing[header.INNER], payload)), self.version)

    def __repr__(self) -> str:
        return f"OpenedPacket(version={self.version})"


def open_packet(packet: bytes, secret: X25519Secret) -> OpenedPacket:
    """Authenticate a packet's header with the node's key.

    WireError on a wrong length, a low-order alpha, a bad MAC, an unknown routing flag, or version 1 or 257.
    """
    if len(packet) < HEADER_LENGTH + MIN_PAYLOAD_LENGTH:
        raise WireError("Sphinx packet is too short")
    expanded = expand(secret.exchange(packet[: header.ALPHA_LENGTH]))
    routing = header.open_header(packet, expanded)
    version = int.from_bytes(routing[header.VERSION], "big")
    check_receivable_version(version)
    if routing[header.FLAG] not in (header.FORWARD_FLAG, header.FINAL_FLAG):
        raise WireError("unknown Sphinx routing flag")
    return OpenedPacket(expanded[REPLAY_TAG], version, routing, expanded, packet)
