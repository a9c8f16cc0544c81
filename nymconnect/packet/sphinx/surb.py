"""A single-use reply block: a header that leads back to its maker, and the keys to wrap one payload for it.

Mirrors sphinx-packet 0.6.0 (`surb/mod.rs`)::

    0        348         380                     380 + v·K
    | header | first hop | v key materials      |

K is 192 (full keys, version 258) or 16 (seeds, version 259); for four hops a SURB has 1148 or 444 bytes. Nothing but
the length tells the two apart: fewer than 192 bytes of material are seeds. Where we differ: the reference accepts
any number of keys; here at most five, as no route is longer.
"""

from dataclasses import dataclass

from nymconnect.crypto import LIONESS_KEY_LENGTH, Rng
from nymconnect.errors import WireError
from nymconnect.packet.addressing import NODE_ADDRESS_LENGTH, NodeAddress
from nymconnect.packet.params import HEADER_LENGTH, PacketSize
from nymconnect.packet.route import MAX_HOPS, Route
from nymconnect.packet.sphinx.header import padding_length
from nymconnect.packet.sphinx.keys import DEFAULT_VERSION, EXPLICIT_KEYS_VERSION, SEED_LENGTH, key_from_material
from nymconnect.packet.sphinx.packet import SECRET_LENGTH, assemble_header
from nymconnect.packet.sphinx.payload import seal_payload

_MATERIAL_START = HEADER_LENGTH + NODE_ADDRESS_LENGTH


def surb_length(hops: int, version: int = DEFAULT_VERSION) -> int:
    """Encoded length of a SURB over `hops` hops."""
    return _MATERIAL_START + hops * (LIONESS_KEY_LENGTH if version == EXPLICIT_KEYS_VERSION else SEED_LENGTH)


@dataclass(frozen=True, slots=True)
class Surb:
    """Header (348 bytes), where to send the packet made with it, and key material in hop order. Use it once."""

    header: bytes
    first_hop: NodeAddress
    key_material: tuple[bytes, ...]

    @classmethod
    def create(cls, route: Route, destination: bytes, rng: Rng, version: int = DEFAULT_VERSION) -> "Surb":
        """A SURB whose packet ends at `destination` (32 bytes) behind the last hop of `route`."""
        secret = rng.randbytes(SECRET_LENGTH)
        padding = rng.randbytes(padding_length(len(route.hops)))
        return cls.assemble(route, destination, secret, padding, version)

    @classmethod
    def assemble(cls, route: Route, destination: bytes, initial_secret: bytes, padding: bytes, version: int) -> "Surb":
        """`create` with all randomness given."""
        header, material = assemble_header(route, destination, initial_secret, padding, version)
        return cls(header, route.first_hop, material)

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
        hops, rest = divmod(len(material), step)
        if rest or not 1 <= hops <= MAX_HOPS:
            raise WireError(f"no SURB has {len(data)} bytes")
        first_hop = NodeAddress.decode(data[HEADER_LENGTH:_MATERIAL_START])
        pieces = tuple(bytes(material[start : start + step]) for start in range(0, len(material), step))
        return cls(bytes(data[:HEADER_LENGTH]), first_hop, pieces)

    def __repr__(self) -> str:
        return f"Surb(first_hop={self.first_hop}, hops={len(self.key_material)})"
