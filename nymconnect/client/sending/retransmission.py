"""Fragments that were sent and whose ack has not come back, and how long to wait before one is sent again.

As nym-client-core 1.21 waits (`acknowledgement_control/`): a multiple of the drawn delays and a little more. That is
the least. Where acks take longer, on a crowded way or over a SURB whose delays only its maker knows, we learn it as TCP
does (RFC 6298): smoothed times of the acks of fragments sent once (Karn's rule), and a wait that is doubled, once in a
while, until such an ack has come. Else a slow network would drown in repetitions.
"""

import heapq
from collections import OrderedDict
from dataclasses import dataclass

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import Destination, Outgoing
from nymconnect.crypto import Rng
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import NodeAddress

MAXIMUM_DESTINATIONS = 1024
MAXIMUM_WAIT = 60.0  # seconds
# Few: a packet that is lost as an outage ends is missed for the whole of the doubled wait.
MAXIMUM_DOUBLINGS = 3


@dataclass(frozen=True, slots=True)
class Sent:
    """A fragment on its way: when it left, the mixes that it and its ack visit and the seconds that these are expected
    to hold the two, and when to give it up (seconds)."""

    outgoing: Outgoing
    path: tuple[NodeAddress, ...]
    at: float
    expected: float
    due: float


class PendingAcks:
    """A table by fragment id, with a heap of due times from which acked entries are dropped lazily."""

    def __init__(self) -> None:
        self._sent: dict[FragmentId, Sent] = {}
        self._heap: list[tuple[float, FragmentId]] = []

    def __len__(self) -> int:
        return len(self._sent)

    def add(self, sent: Sent) -> None:
        """Wait for the ack of `sent` until its due time."""
        fragment_id = sent.outgoing.fragment.fid
        self._sent[fragment_id] = sent
        heapq.heappush(self._heap, (sent.due, fragment_id))

    def acked(self, fragment_id: FragmentId) -> Sent | None:
        """The entry that this ack settles; None for an unknown or repeated ack."""
        return self._sent.pop(fragment_id, None)

    @property
    def deadline(self) -> float | None:
        """When the next entry falls due."""
        self._skip_settled()
        return self._heap[0][0] if self._heap else None

    def expired(self, now: float) -> list[Sent]:
        """Take the entries that fell due."""
        late: list[Sent] = []
        while self._skip_settled() and self._heap[0][0] <= now:
            late.append(self._sent.pop(heapq.heappop(self._heap)[1]))
        return late

    def _skip_settled(self) -> bool:
        """Bring a live entry to the top of the heap; False if there is none."""
        while self._heap:
            due, fragment_id = self._heap[0]
            sent = self._sent.get(fragment_id)
            # A fragment that was sent again has another due time, so its earlier entry counts as settled.
            if sent is not None and sent.due == due:
                return True
            heapq.heappop(self._heap)
        return False


@dataclass(slots=True)
class _Way:
    """What is known of one destination: seconds beyond the expected ones, smoothed, and their mean deviation."""

    beyond: float | None = None
    deviation: float = 0.0
    doublings: int = 0
    doubled_at: float = 0.0


class RetransmissionTimeout:
    """By destination, of which the latest are remembered."""

    def __init__(self, parameters: TrafficParameters, rng: Rng) -> None:
        self._parameters, self._rng = parameters, rng
        self._ways: OrderedDict[Destination, _Way] = OrderedDict()

    def wait(self, destination: Destination, expected: float, attempt: int) -> float:
        """Seconds from the departure; the mixes are expected to take `expected` of them.

        Longer after each failed attempt, and jittered so that repeats do not line up.
        """
        least = expected * self._parameters.ack_wait_multiplier + self._parameters.ack_wait_addition
        way = self._ways.get(destination)
        wait = least
        if way is not None:
            if way.beyond is not None:
                wait = max(least, expected + way.beyond + 4 * way.deviation)
            # Repeats wait longer by the number of their attempts, below.
            if not attempt:
                wait *= 2**way.doublings
        if attempt:
            wait *= (1 + min(attempt, 6) / 2) * (0.75 + self._rng.random() / 2)
        # Never less than the drawn delays ask for, however slow the preset is.
        return min(wait, max(MAXIMUM_WAIT, least))

    def acked(self, sent: Sent, now: float) -> None:
        """The ack of `sent` has come. Of a fragment sent more than once it does not say which one it is for."""
        if sent.outgoing.attempt:
            return
        way, beyond = self._way(sent.outgoing.destination), now - sent.at - sent.expected
        way.doublings = 0
        if way.beyond is None:
            way.beyond, way.deviation = beyond, abs(beyond) / 2
        else:
            # The gains of RFC 6298. The deviation comes first, since it is measured from the mean before this sample.
            way.deviation += (abs(beyond - way.beyond) - way.deviation) / 4
            way.beyond += (beyond - way.beyond) / 8

    def failed(self, sent: Sent, now: float) -> None:
        """`sent` has waited in vain. Those that left before the last doubling tell nothing new."""
        if sent.outgoing.attempt:
            return
        way = self._way(sent.outgoing.destination)
        if sent.at >= way.doubled_at and way.doublings < MAXIMUM_DOUBLINGS:
            way.doublings, way.doubled_at = way.doublings + 1, now

    def link_lost(self) -> None:
        """A packet that does not come back from now on counts nothing against the way."""
        for way in self._ways.values():
            way.doublings = 0

    def _way(self, destination: Destination) -> _Way:
        way = self._ways.setdefault(destination, _Way())
        self._ways.move_to_end(destination)
        if len(self._ways) > MAXIMUM_DESTINATIONS:
            self._ways.popitem(last=False)
        return way
