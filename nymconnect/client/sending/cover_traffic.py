"""Packets that carry nothing: for the slots of the two streams, and in place of answers at a constant rate.

Mirrors nym-client-core 1.21 (`cover_traffic_stream.rs`), except that every packet, cover included, is of one Sphinx
version, so that no hop can tell cover from data.
"""

from collections import Counter
from collections.abc import Callable

from nymconnect.client.sending.prepared import ReadyCover, ReadyPacket, ReadyReplyCover, ReadyTable
from nymconnect.client.sending.preparer import Packer
from nymconnect.crypto import Rng
from nymconnect.directory.topology import RouteError
from nymconnect.packet.replies import ReplySurb


class Covers:
    """Made by `packer`, kept in `ready` until they leave. `drop_share` of those for the main stream end at a gateway.

    Methods return None where the network has no route, and count that.
    """

    def __init__(self, packer: Packer, ready: ReadyTable, drop_share: float, rng: Rng, counters: Counter[str]) -> None:
        self._packer, self._ready, self._drop_share = packer, ready, drop_share
        self._rng, self._counters = rng, counters

    def for_main(self) -> ReadyPacket | None:
        """A loop, or cover that ends at a gateway where the network has a place for it."""
        return self._unless_without_route(self._drop if self._drops_next() else self._loop)

    def loop(self) -> ReadyPacket | None:
        """A packet that comes back to us."""
        return self._unless_without_route(self._loop)

    def reply(self, surb: ReplySurb, now: float) -> ReadyPacket | None:
        """An answer without content, to the client that made `surb`."""
        return self._unless_without_route(lambda: self._reply(surb, now))

    def _unless_without_route(self, make: Callable[[], ReadyPacket]) -> ReadyPacket | None:
        try:
            return make()
        except RouteError:
            self._counters["no_route"] += 1
            return None

    def _drops_next(self) -> bool:
        return bool(self._packer.topology.drop_places) and self._rng.random() < self._drop_share

    def _drop(self) -> ReadyPacket:
        return self._ready.add(self._packer.drop_cover(), ReadyCover())

    def _loop(self) -> ReadyPacket:
        packed, selector = self._packer.cover()
        return self._ready.add(packed.packet, ReadyCover(selector, packed.path, packed.expected))

    def _reply(self, surb: ReplySurb, now: float) -> ReadyPacket:
        return self._ready.add(self._packer.reply_cover(surb, now), ReadyReplyCover())
