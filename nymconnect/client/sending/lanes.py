"""Who may use the next slot: fragments waiting in lanes, one lane for each (destination, stream).

A slot goes to a lane drawn uniformly among those that can use it, so a long download and a wallet's small request get
equal shares. nym-client-core 1.21 (`transmission_buffer.rs`) weighs lanes by what they have already sent; a plain
draw gives the same fairness without a memory of the past.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.crypto import Rng
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.chunking import Fragment

# Lanes of the client itself; streams use ids ≥ 0.
GENERAL = -1
RETRANSMISSION = -2
SURB_SUPPLY = -3
SURB_REQUEST = -4
# Where fragments wait that have been sent before.
REPEATING = (RETRANSMISSION, SURB_REQUEST)

# A Recipient is written to directly; a sender tag (16 bytes) is answered over its SURBs.
Destination = Recipient | bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A fragment that waits for a slot, or for its ack.

    `attempt` counts the times it has been sent before; then `lane` is that of retransmissions, `stream` still the lane
    that it first went through, and `path` the mixes that it and its ack were to visit the last time.
    """

    fragment: Fragment
    destination: Destination
    lane: int
    attempt: int = 0
    stream: int = GENERAL
    path: tuple[NodeAddress, ...] = ()


LaneKey = tuple[Destination, int]


class Lanes:
    """First in, first out within a lane; a fair draw between lanes."""

    def __init__(self) -> None:
        self._queues: dict[LaneKey, deque[Outgoing]] = {}
        self._by_destination: Counter[Destination] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def push(self, outgoing: Outgoing) -> None:
        """Append to the lane that `outgoing` names."""
        self._queues.setdefault((outgoing.destination, outgoing.lane), deque()).append(outgoing)
        self._by_destination[outgoing.destination] += 1
        self._total += 1

    def pop(self, rng: Rng, may_go: Callable[[Outgoing], bool]) -> Outgoing | None:
        """Take the head of a lane drawn among those whose head `may_go`; None if there is none."""
        keys = list(self._queues)
        if not keys:
            return None
        start = rng.randrange(len(keys))
        for key in keys[start:] + keys[:start]:
            if may_go(self._queues[key][0]):
                return self._take(key)
        return None

    def _take(self, key: LaneKey) -> Outgoing:
        queue = self._queues[key]
        outgoing = queue.popleft()
        if not queue:
            del self._queues[key]
        self._uncount(outgoing.destination, 1)
        return outgoing

    def take_repeat(self, fragment_id: FragmentId) -> Outgoing | None:
        """Take back a fragment that waits to be sent again; None if there is none with this id."""
        for key, queue in self._queues.items():
            for index, outgoing in enumerate(queue if key[1] in REPEATING else ()):
                if outgoing.fragment.fid == fragment_id:
                    del queue[index]
                    if not queue:
                        del self._queues[key]
                    self._uncount(outgoing.destination, 1)
                    return outgoing
        return None

    def pop_for(self, destination: Destination, rng: Rng) -> Outgoing | None:
        """Take the head of a lane drawn among those of one destination; None if nothing waits for it."""
        if not self._by_destination[destination]:
            return None
        return self.pop(rng, lambda outgoing: outgoing.destination == destination)

    def length(self, destination: Destination, lane: int) -> int:
        """Fragments waiting in one lane."""
        return len(self._queues.get((destination, lane), ()))

    def queued_for(self, destination: Destination) -> int:
        """Fragments waiting for one destination, in all lanes."""
        return self._by_destination[destination]

    def tags(self) -> list[bytes]:
        """Sender tags for which something waits."""
        return [destination for destination in self._by_destination if isinstance(destination, bytes)]

    def drop_lane(self, lane: int) -> int:
        """Forget what waits in `lane`, for any destination; returns how much that was."""
        return self._drop([key for key in self._queues if key[1] == lane])

    def drop_destination(self, destination: Destination) -> int:
        """Forget all that waits for `destination`; returns how much that was."""
        return self._drop([key for key in self._queues if key[0] == destination])

    def _drop(self, keys: list[LaneKey]) -> int:
        dropped = 0
        for key in keys:
            count = len(self._queues.pop(key))
            self._uncount(key[0], count)
            dropped += count
        return dropped

    def _uncount(self, destination: Destination, count: int) -> None:
        self._total -= count
        self._by_destination[destination] -= count
        if not self._by_destination[destination]:
            del self._by_destination[destination]
