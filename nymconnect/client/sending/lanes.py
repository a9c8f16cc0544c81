"""Who may use the next slot: fragments wait in lanes, one lane for each (destination, stream), and `Scheduler` draws.

A slot goes to a lane drawn uniformly among those that can use it, so a long download and a wallet's small request get
equal shares. nym-client-core 1.21 (`transmission_buffer.rs`) weighs lanes by what they have already sent; a plain
draw gives the same fairness without a memory of the past.

Two lanes go before that draw. Answers of a promised rate (`replying`) come when their own slots do, and nothing else
goes to their tags. A steady supply of SURBs (`issued`) goes before other data, so that it is as steady as it can be.
Neither may take all: a machine that cannot keep its slots filled would send nothing else.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.client.counters import ClientCount
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.surbs.issued import IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
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

# Slots in a row of either kind; then others have their turn.
MAXIMUM_SUPPLY_RUN = 2
MAXIMUM_PACED_RUN = 8

# A Recipient is written to directly; a sender tag (16 bytes) is answered over its SURBs.
Destination = Recipient | bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A fragment that waits for a slot, or for its ack.

    `attempt` counts earlier sends; if there were any, `lane` is the one for retransmissions, `stream` still the lane
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
        # One random start, then in turn: `may_go` is asked only until a head may.
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


@dataclass(frozen=True, slots=True)
class Answering:
    """SURBs that we have `issued`, those `received` from others, and whom we answer at a rate (`replying`)."""

    issued: IssuedSurbs
    received: ReceivedSurbs
    replying: PacedReplies


class Scheduler:
    """Draws from the `lanes`; `has_window` says whether more fragments may be on their way. Starved slots count."""

    def __init__(
        self,
        lanes: Lanes,
        answering: Answering,
        rng: Rng,
        has_window: Callable[[], bool],
        counters: Counter[ClientCount],
    ) -> None:
        self._lanes, self._replying = lanes, answering.replying
        self._received, self._issued = answering.received, answering.issued
        self._rng, self._has_window, self._counters = rng, has_window, counters
        self._paced_run = self._supply_run = 0

    def next(self, now: float) -> Outgoing | bytes | None:
        """The fragment that is next, a sender tag (16 bytes) that gets cover for an answer, or None."""
        if self._paced_run < MAXIMUM_PACED_RUN:
            while (tag := self._replying.take_slot(now)) is not None:
                if self._received.can_take(tag):
                    self._paced_run += 1
                    # The bare tag asks for cover: an empty slot would show that nothing waits.
                    return self._lanes.pop_for(tag, self._rng) or tag
                self._counters[ClientCount.REPLY_SLOTS_STARVED] += 1
        was_paced, self._paced_run = self._paced_run > 0, 0
        outgoing = self._pop()
        # If nothing else could use the slot, a paced answer gets it after all.
        return self.next(now) if outgoing is None and was_paced else outgoing

    def _pop(self) -> Outgoing | None:
        if self._supply_run < MAXIMUM_SUPPLY_RUN:
            outgoing = self._lanes.pop(self._rng, self._is_steady_supply)
            if outgoing is not None:
                self._supply_run += 1
                return outgoing
        self._supply_run = 0
        # Others have their turn now; the supply continues if there are none.
        return self._lanes.pop(self._rng, self._is_other) or self._lanes.pop(self._rng, self._may_go)

    def _is_steady_supply(self, outgoing: Outgoing) -> bool:
        return outgoing.lane == SURB_SUPPLY and self._issued.is_steady(outgoing.destination) and self._may_go(outgoing)

    def _is_other(self, outgoing: Outgoing) -> bool:
        return self._may_go(outgoing) and not self._is_steady_supply(outgoing)

    def _may_go(self, outgoing: Outgoing) -> bool:
        if not self._has_window():
            return False
        if isinstance(outgoing.destination, Recipient):
            return True
        if outgoing.destination in self._replying:
            return False  # its slots serve it
        # A request for SURBs may take the reserve: without it no further ones would come.
        return self._received.can_take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)
