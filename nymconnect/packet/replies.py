"""Reply SURBs: one-way tickets with which a recipient answers a sender whose address it does not know.

Mirrors nym-sphinx-anonymous-replies 2.0 (`reply_surb.rs`, `requests/v2.rs`), and 1.21 for V1 (`requests/v1.rs`).

Element = key (16, random) ‖ SURB::

    V1  16 + 348 + 32 + 4·192 = 1164 bytes   Sphinx version 258, four hops, no rotation
    V2  16 + 348 + 32 + hops·16  (4: 460)    Sphinx version 259, any number of hops

Batch V1 = count (u32) ‖ elements; batch V2 = count (u16) ‖ hops (u8) ‖ rotation (u8) ‖ elements, where hops and
rotation hold for all of them and are zero in an empty batch. Which of the two a batch is, the tag of the message
around it tells. We send V2 only, and answer both; 2.0 knows only V2. What the field `hops` counts is seeds: one in the
SURBs of version 260 (`sphinx.surb`), which nobody makes on a Nym network. They are kept and spent like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nymconnect.crypto import LIONESS_KEY_LENGTH, Rng, blake3_digest
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.route import MAX_HOPS, Route
from nymconnect.packet.sphinx import DEFAULT_VERSION, EXPLICIT_KEYS_VERSION, Surb, surb_length

REPLY_KEY_LENGTH = 16
V1_HOPS = 4
V1_COUNT_LENGTH = 4
V2_HEADER_LENGTH = 4
MAX_V2_COUNT = 2**16 - 1
V1_ELEMENT_LENGTH = REPLY_KEY_LENGTH + surb_length(V1_HOPS, EXPLICIT_KEYS_VERSION)


@dataclass(frozen=True, slots=True)
class ReplySurb:
    """A SURB, the key that encrypts the reply end to end, and the node keys that the SURB was made for."""

    key: bytes = field(repr=False)
    surb: Surb
    rotation: KeyRotation = KeyRotation.UNKNOWN

    def __post_init__(self) -> None:
        if len(self.key) != REPLY_KEY_LENGTH:
            raise UsageError("a reply key has 16 bytes")

    @classmethod
    def create(cls, owner: Recipient, route: Route, rng: Rng, version: int = DEFAULT_VERSION) -> "ReplySurb":
        """A ticket for one packet to `owner`, to whose gateway `route` leads."""
        key = rng.randbytes(REPLY_KEY_LENGTH)
        return cls(key, Surb.create(route, owner.identity, rng, version), route.rotation)

    @property
    def digest(self) -> bytes:
        """32 bytes by which the owner finds the key again: they stand in front of the reply."""
        return reply_digest(self.key)

    @property
    def materials(self) -> int:
        """How many keys or seeds it carries: one for each hop, or one in all (version 260)."""
        return len(self.surb.key_material)

    @property
    def is_v1(self) -> bool:
        """Whether the SURB carries whole payload keys instead of seeds."""
        return len(self.surb.key_material[0]) == LIONESS_KEY_LENGTH

    def encode(self) -> bytes:
        """One element of a batch, V1 or V2 by the kind of the SURB. The rotation stands in the batch."""
        return self.key + self.surb.encode()

    @classmethod
    def decode(cls, data: bytes, rotation: KeyRotation = KeyRotation.UNKNOWN) -> "ReplySurb":
        """From one whole element of either kind, which its length tells."""
        if len(data) < REPLY_KEY_LENGTH:
            raise WireError("reply SURB is too short")
        return cls(bytes(data[:REPLY_KEY_LENGTH]), Surb.decode(data[REPLY_KEY_LENGTH:]), rotation)


def reply_digest(key: bytes) -> bytes:
    """BLAKE3 of a reply key."""
    return blake3_digest(key)


def encode_batch_v1(surbs: Sequence[ReplySurb]) -> bytes:
    """UsageError unless all are V1 SURBs of four hops."""
    if any(not each.is_v1 or each.materials != V1_HOPS for each in surbs):
        raise UsageError("a V1 batch takes V1 SURBs of four hops")
    return len(surbs).to_bytes(V1_COUNT_LENGTH, "big") + b"".join(each.encode() for each in surbs)


def encode_batch_v2(surbs: Sequence[ReplySurb]) -> bytes:
    """UsageError unless all are V2 SURBs of one length and one rotation."""
    if len(surbs) > MAX_V2_COUNT or any(each.is_v1 for each in surbs):
        raise UsageError("a V2 batch takes up to 65535 V2 SURBs")
    if len({(each.materials, each.rotation) for each in surbs}) > 1:
        raise UsageError("a V2 batch takes SURBs of one length and one rotation")
    hops, rotation = (surbs[0].materials, surbs[0].rotation) if surbs else (0, KeyRotation.UNKNOWN)
    return len(surbs).to_bytes(2, "big") + bytes([hops, rotation]) + b"".join(each.encode() for each in surbs)


def decode_batch_v1(data: bytes) -> tuple[tuple[ReplySurb, ...], bytes]:
    """The SURBs at the start of `data` and the bytes behind them."""
    if len(data) < V1_COUNT_LENGTH:
        raise WireError("SURB batch is too short")
    count = int.from_bytes(data[:V1_COUNT_LENGTH], "big")
    return _decode_elements(data, V1_COUNT_LENGTH, count, V1_ELEMENT_LENGTH, KeyRotation.UNKNOWN)


def decode_batch_v2(data: bytes) -> tuple[tuple[ReplySurb, ...], bytes]:
    """The SURBs at the start of `data` and the bytes behind them."""
    if len(data) < V2_HEADER_LENGTH:
        raise WireError("SURB batch is too short")
    count, hops, rotation = int.from_bytes(data[:2], "big"), data[2], KeyRotation.decode(data[3])
    if not count:
        return (), data[V2_HEADER_LENGTH:]
    # Twelve seeds would be as long as one full key, which the length of a SURB could not tell apart.
    if not 0 < hops <= MAX_HOPS:
        raise WireError(f"impossible SURB of {hops} hops")
    element = REPLY_KEY_LENGTH + surb_length(hops, DEFAULT_VERSION)
    return _decode_elements(data, V2_HEADER_LENGTH, count, element, rotation)


def _decode_elements(
    data: bytes, start: int, count: int, length: int, rotation: KeyRotation
) -> tuple[tuple[ReplySurb, ...], bytes]:
    end = start + count * length
    if end > len(data):
        raise WireError("SURB batch holds fewer SURBs than it counts")
    surbs = tuple(ReplySurb.decode(data[at : at + length], rotation) for at in range(start, end, length))
    return surbs, data[end:]
