"""The way of one packet: which nodes, with which keys, and how long each shall hold it.

Mirrors the `route: &[Node]` and `delays: &[Delay]` that every builder of sphinx-packet 0.6.0 takes, kept together so
that they cannot disagree.
"""

from dataclasses import dataclass

from nymconnect.crypto import KEY_LENGTH
from nymconnect.errors import UsageError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation

MAX_HOPS = 5
_MAX_DELAY_NS = 2**64 - 1
_NS_PER_SECOND = 1e9


@dataclass(frozen=True, slots=True)
class Hop:
    """One node of a route: where it listens, and its X25519 Sphinx key (32 bytes) of the route's rotation."""

    address: NodeAddress
    sphinx_key: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """One to five hops, first to last, and one delay in nanoseconds for each; the last delay is never used.

    The last hop is the recipient's gateway. UsageError on a wrong count, a key that has not 32 bytes, or a delay
    outside u64.
    """

    hops: tuple[Hop, ...]
    delays_ns: tuple[int, ...]
    rotation: KeyRotation = KeyRotation.UNKNOWN

    def __post_init__(self) -> None:
        if not 1 <= len(self.hops) <= MAX_HOPS:
            raise UsageError(f"a route has 1 to {MAX_HOPS} hops")
        if len(self.delays_ns) != len(self.hops):
            raise UsageError("a route has as many delays as hops")
        if not all(0 <= delay <= _MAX_DELAY_NS for delay in self.delays_ns):
            raise UsageError("a delay is an unsigned 64-bit number of nanoseconds")
        if any(len(hop.sphinx_key) != KEY_LENGTH for hop in self.hops):
            raise UsageError("a Sphinx key has 32 bytes")

    @property
    def first_hop(self) -> NodeAddress:
        return self.hops[0].address

    @property
    def expected_delay(self) -> float:
        """Seconds that the hops will hold the packet: all delays but the unused last."""
        return sum(self.delays_ns[:-1]) / _NS_PER_SECOND
