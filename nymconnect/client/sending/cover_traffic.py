"""Packets that carry nothing: for the slots of the two streams, and in place of answers at a constant rate.

Mirrors nym-client-core 1.21 (`cover_traffic_stream.rs`), except that every packet, cover included, is of one Sphinx
version, so that no hop can tell cover from data.
"""

from collections import Counter
from collections.abc import Callable

from nymconnect.client.counters import ClientCount
from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.sending.preparer import (
    PreparedCover,
    PreparedPacket,
    PreparedPackets,
    PreparedReplyCover,
    Preparer,
)
from nymconnect.crypto import Rng
from nymconnect.directory.topology import RouteError
from nymconnect.packet.replies import ReplySurb


class CoverTraffic:
    """Made by `preparer`, kept in `prepared` until they leave.

    `drop_share` of those for the main stream end at a gateway.

    Methods return None where the network has no route, and count that.
    """

    def __init__(
        self, preparer: Preparer, prepared: PreparedPackets, drop_share: float, rng: Rng, counters: Counter[ClientCount]
    ) -> None:
        self._preparer, self._prepared, self._drop_share = preparer, prepared, drop_share
        self._rng, self._counters = rng, counters

    def for_main(self) -> PreparedPacket | None:
        """A loop, or cover that ends at a gateway where the network has a place for it."""
        return self._unless_without_route(self._drop if self._drops_next() else self._loop)

    def loop(self) -> PreparedPacket | None:
        """A packet that comes back to us."""
        return self._unless_without_route(self._loop)

    def reply(self, surb: ReplySurb, suspects: Suspects) -> PreparedPacket | None:
        """An answer without content, to the client that made `surb`."""
        return self._unless_without_route(lambda: self._reply(surb, suspects))

    def _unless_without_route(self, make: Callable[[], PreparedPacket]) -> PreparedPacket | None:
        try:
            return make()
        except RouteError:
            self._counters[ClientCount.NO_ROUTE] += 1
            return None

    def _drops_next(self) -> bool:
        return bool(self._preparer.topology.drop_places) and self._rng.random() < self._drop_share

    def _drop(self) -> PreparedPacket:
        return self._prepared.add(self._preparer.drop_cover(), PreparedCover())

    def _loop(self) -> PreparedPacket:
        packed, selector = self._preparer.cover()
        return self._prepared.add(packed.packet, PreparedCover(selector, packed.path, packed.expected))

    def _reply(self, surb: ReplySurb, suspects: Suspects) -> PreparedPacket:
        return self._prepared.add(self._preparer.reply_cover(surb, suspects), PreparedReplyCover())
