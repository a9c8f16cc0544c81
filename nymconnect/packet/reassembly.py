"""Putting the fragments of a message together again, in memory that strangers share and none of them can take.

Mirrors nym-sphinx-chunking 1.21 (`reconstruction.rs`). Nothing authenticates a fragment header, so every field counts
as the peer's word, and nobody can say whose a fragment is. Where we are stricter than the reference: a set keeps the
total that it was opened with, neighbouring sets must name each other, and memory is bounded in bytes.

Who sends fragments of many sets pays one packet for each. So sets stand in classes by how many of their fragments have
come: 1, 2 to 3, 4 to 7, and so on. Each class has an equal share of the bound, and uses what the others leave. When the
bound is reached, the set gives way that has waited longest for a fragment in the lowest class beyond its share: sets of
which one fragment has come go first, and no number of them touches a message of which more has come.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from nymconnect.errors import WireError
from nymconnect.packet.chunking import MAX_FRAGMENTS, Fragment
from nymconnect.packet.recent import RecentIds

SET_TIMEOUT = 30 * 60.0  # seconds that a set may wait for its next fragment
MEMORY_TIME = 60 * 60.0  # seconds that the ids of finished sets are remembered
MAX_HELD_BYTES = 64 * 2**20
# A fragment is repeated for some minutes while its ack is missing; a stranger would have to finish a thousand messages
# a second to have an id forgotten sooner.
MAX_REMEMBERED = 2**19
# What a set and a fragment take of our memory beside the payload, in bytes: else short fragments would cost nothing.
SET_COST, FRAGMENT_COST = 600, 150

_PREVIOUS, _NEXT = 0, 1


@dataclass(frozen=True, slots=True)
class ReassemblyCounters:
    """What a `Reassembler` holds now, `held_bytes` in memory, and what it has seen since it was made."""

    open_sets: int
    held_bytes: int
    remembered: int
    messages: int
    duplicates: int
    late: int
    inconsistent: int
    expired: int
    evicted: int


@dataclass(slots=True)
class _OpenSet:
    """The fragments of one set so far; `links` are the neighbours that it names, previous and next."""

    total: int
    payloads: dict[int, bytes] = field(default_factory=dict)
    links: list[int | None] = field(default_factory=lambda: [None, None])
    size: int = SET_COST
    touched: float = 0.0

    @property
    def complete(self) -> bool:
        return len(self.payloads) == self.total

    @property
    def rank(self) -> int:
        """Its class: 0 for one fragment, 1 for 2 to 3, 2 for 4 to 7, …"""
        return len(self.payloads).bit_length() - 1

    def put(self, fragment: Fragment, now: float) -> None:
        header = fragment.header
        self.payloads[header.number] = fragment.payload
        self.size += len(fragment.payload) + FRAGMENT_COST
        self.touched = now
        if header.link is not None:
            self.links[_PREVIOUS if header.number == 1 else _NEXT] = header.link

    def join(self) -> bytes:
        return b"".join(self.payloads[number] for number in range(1, self.total + 1))


class _Class:
    """The sets of one rank, by the time of their last fragment, and the bytes that they take."""

    def __init__(self) -> None:
        self.sets: OrderedDict[int, float] = OrderedDict()
        self.size = 0

    def add(self, set_id: int, entry: _OpenSet) -> None:
        self.sets[set_id] = entry.touched
        self.size += entry.size

    def remove(self, set_id: int, entry: _OpenSet) -> None:
        del self.sets[set_id]
        self.size -= entry.size

    @property
    def oldest(self) -> int:
        return next(iter(self.sets))


class Reassembler:
    """Collects fragments until a message is whole, within fixed bounds of memory.

    Finished set ids are remembered for an hour, so that a fragment sent again because its ack was lost does not open a
    set that can never be completed.
    """

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_held_bytes = max_held_bytes
        self._sets: dict[int, _OpenSet] = {}
        self._classes = [_Class() for _ in range(MAX_FRAGMENTS.bit_length())]
        self._finished = RecentIds(MEMORY_TIME, max_remembered)
        self._held = 0
        self._seen = dict.fromkeys(("messages", "duplicates", "late", "inconsistent", "expired", "evicted"), 0)

    @property
    def counters(self) -> ReassemblyCounters:
        return ReassemblyCounters(
            open_sets=len(self._sets), held_bytes=self._held, remembered=len(self._finished), **self._seen
        )

    def add(self, fragment: Fragment, now: float) -> bytes | None:
        """The whole message (still padded) if `fragment` completes it, else None.

        WireError if the fragment contradicts its set or the sets contradict each other; the former drops the fragment,
        the latter all sets involved.
        """
        set_id, number = fragment.header.set_id, fragment.header.number
        if set_id in self._finished:
            self._seen["late"] += 1
            return None
        known = self._sets.get(set_id)
        if known is not None and known.total != fragment.header.total:
            self._seen["inconsistent"] += 1
            raise WireError("fragment contradicts the total of its set")
        if known is not None and number in known.payloads:
            self._seen["duplicates"] += 1
            return None
        held = self._hold(fragment, now)
        return self._take_message(set_id, now) if held.complete and set_id in self._sets else None

    def purge(self, now: float) -> None:
        """Drop the sets without a new fragment for 30 minutes and forget the ids of sets finished an hour ago."""
        for each in self._classes:
            while each.sets and each.sets[each.oldest] <= now - SET_TIMEOUT:
                self._drop(each.oldest)
                self._seen["expired"] += 1
        self._finished.purge(now)

    def _hold(self, fragment: Fragment, now: float) -> _OpenSet:
        """The set of `fragment`, to which it belongs from now on; what that leaves no room for is dropped."""
        set_id = fragment.header.set_id
        held = self._sets.get(set_id)
        if held is None:
            held = self._sets[set_id] = _OpenSet(fragment.header.total)
        else:
            self._held -= held.size
            self._classes[held.rank].remove(set_id, held)
        held.put(fragment, now)
        self._held += held.size
        self._classes[held.rank].add(set_id, held)
        # This may drop the very set that has just grown; `add` looks whether it is still there.
        while self._held > self._max_held_bytes:
            self._drop(self._next_to_go())
            self._seen["evicted"] += 1
        return held

    def _next_to_go(self) -> int:
        """The shares make up the bound, so some class is beyond its own when that is passed."""
        share = self._max_held_bytes // len(self._classes)
        # The lowest such class: its sets have cost their senders the fewest packets.
        return next(each for each in self._classes if each.size > share).oldest

    def _take_message(self, set_id: int, now: float) -> bytes | None:
        backwards = self._walk(set_id, _PREVIOUS)
        if not backwards or not (forwards := self._walk(set_id, _NEXT)):
            return None
        # Both ways begin with this set, which the message contains once.
        chain = [*reversed(backwards), *forwards[1:]]
        message = b"".join(self._sets[each].join() for each in chain)
        for each in chain:
            self._drop(each)
            self._finished.add(each, now)
        self._seen["messages"] += 1
        return message

    def _walk(self, start: int, side: int) -> list[int] | None:
        """Ids from `start` to that end of the message, or None while a set on the way is missing or incomplete.

        Links are the peer's word: two sets must name each other, and a way that comes back to itself has no end.
        """
        path = {start: None}
        here = start
        while (neighbour := self._sets[here].links[side]) is not None:
            other = self._sets.get(neighbour)
            if other is None or not other.complete:
                return None
            if neighbour in path or other.links[1 - side] != here:
                self._seen["inconsistent"] += 1
                for each in {*path, neighbour}:
                    self._drop(each)
                raise WireError("linked fragment sets contradict each other")
            path[neighbour] = None
            here = neighbour
        return list(path)

    def _drop(self, set_id: int) -> None:
        dropped = self._sets.pop(set_id)
        self._held -= dropped.size
        self._classes[dropped.rank].remove(set_id, dropped)
