"""A single-use reply block: a header that leads back to its maker, and the keys to wrap one payload for it.

Mirrors sphinx-packet 0.8.0 (`surb/mod.rs`), and 0.6.0 for version 258::

    0        348         380                     380 + n·K
    | header | first hop | n key materials      |

===== ============ ============ ======================
kind  K            n            length over four hops
===== ============ ============ ======================
258   192 (keys)   one per hop  1148
259   16 (seeds)   one per hop  444
260   16 (seeds)   1            396
===== ============ ============ ======================

Nothing but the length tells full keys from seeds: fewer than 192 bytes of material are seeds. One seed is a SURB of
version 260, or one of version 259 over a single hop. Its user need not know which: it adds one layer for each seed.

In version 260 the seed is the last hop's, and every hop takes one layer off, so what arrives is noise to all but the
maker, who keeps the seeds of all hops (`recovery`). The maker must be the last hop itself. A Nym gateway takes the ack
out of a reply at the last hop, where it must read it, so no client of a Nym gateway can make such SURBs.

Where we differ: 0.6.0 accepts any number of keys; here at most five, as no route is longer.
"""

from dataclasses import dataclass

from nymconnect.crypto import LIONESS_KEY_LENGTH, Rng, equal
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import NODE_ADDRESS_LENGTH, NodeAddress
from nymconnect.packet.params import HEADER_LENGTH, PacketSize
from nymconnect.packet.route import MAX_HOPS, Route
from nymconnect.packet.sphinx.header import NO_IDENTIFIER, padding_length
from nymconnect.packet.sphinx.keys import (
    DEFAULT_VERSION,
    EXPLICIT_KEYS_VERSION,
    SEED_LENGTH,
    SINGLE_SEED_VERSION,
    key_from_material,
)
from nymconnect.packet.sphinx.packet import SECRET_LENGTH, assemble_header
from nymconnect.packet.sphinx.payload import seal_payload
from nymconnect.packet.sphinx.recovery import SurbRecovery

_MATERIAL_START = HEADER_LENGTH + NODE_ADDRESS_LENGTH


def surb_length(hops: int, version: int = DEFAULT_VERSION) -> int:
    """Encoded length of a SURB over `hops` hops."""
    if version == SINGLE_SEED_VERSION:
        return _MATERIAL_START + SEED_LENGTH
    return _MATERIAL_START + hops * (LIONESS_KEY_LENGTH if version == EXPLICIT_KEYS_VERSION else SEED_LENGTH)


@dataclass(frozen=True, slots=True)
class Surb:
    """Header (348 bytes), where to send the packet made with it, and key material in hop order. Use it once."""

    header: bytes
    first_hop: NodeAddress
    key_material: tuple[bytes, ...]

    @classmethod
    def create(cls, route: Route, destination: bytes, rng: Rng, version: int = DEFAULT_VERSION) -> "Surb":
        """A SURB whose packet ends at `destination` (32 bytes) behind the last hop of `route`; not for version 260."""
        secret = rng.randbytes(SECRET_LENGTH)
        padding = rng.randbytes(padding_length(len(route.hops)))
        return cls.assemble(route, destination, secret, padding, version)

    @classmethod
    def assemble(cls, route: Route, destination: bytes, initial_secret: bytes, padding: bytes, version: int) -> "Surb":
        """`create` with all randomness given."""
        if version == SINGLE_SEED_VERSION:
            raise UsageError("what recovers the reply to a SURB of version 260 would be lost")
        header, material = assemble_header(route, destination, initial_secret, padding, version)
        return cls(header, route.first_hop, material)

    @classmethod
    def create_recoverable(
        cls, route: Route, destination: bytes, identifier: bytes, rng: Rng
    ) -> tuple["Surb", SurbRecovery]:
        """A SURB of version 260 that ends at its maker, the last hop of `route`, and what its maker keeps.

        The last hop reads `identifier` (16 bytes, not all zero) in the clear: by it the maker finds the right recovery.
        """
        secret = rng.randbytes(SECRET_LENGTH)
        padding = rng.randbytes(padding_length(len(route.hops)))
        return cls.assemble_recoverable(route, destination, identifier, secret, padding)

    @classmethod
    def assemble_recoverable(
        cls, route: Route, destination: bytes, identifier: bytes, initial_secret: bytes, padding: bytes
    ) -> tuple["Surb", SurbRecovery]:
        """`create_recoverable` with all randomness given."""
        if equal(identifier, NO_IDENTIFIER):
            raise UsageError("an identifier of zeros finds no recovery")
        header, seeds = assemble_header(route, destination, initial_secret, padding, SINGLE_SEED_VERSION, identifier)
        return cls(header, route.first_hop, seeds[-1:]), SurbRecovery(identifier, seeds)

    def use(self, message: bytes, size: PacketSize) -> bytes:
        """The packet, to be sent to `first_hop`; UsageError if `message` is longer than `size.plaintext`."""
        return self.header + seal_payload(message, size.payload, map(key_from_material, reversed(self.key_material)))

    def encode(self) -> bytes:
        return b"".join((self.header, self.first_hop.encode_padded(), *self.key_material))

    @classmethod
    def decode(cls, data: bytes) -> "Surb":
        """From exactly the bytes of one SURB; WireError on any other length or an unreadable first hop."""
        material = data[_MATERIAL_START:]
        step = SEED_LENGTH if len(material) < LIONESS_KEY_LENGTH else LIONESS_KEY_LENGTH
        count, rest = divmod(len(material), step)
        if rest or not 1 <= count <= MAX_HOPS:
            raise WireError(f"no SURB has {len(data)} bytes")
        first_hop = NodeAddress.decode(data[HEADER_LENGTH:_MATERIAL_START])
        pieces = tuple(bytes(material[start : start + step]) for start in range(0, len(material), step))
        return cls(bytes(data[:HEADER_LENGTH]), first_hop, pieces)

    def __repr__(self) -> str:
        return f"Surb(first_hop={self.first_hop}, materials={len(self.key_material)})"
