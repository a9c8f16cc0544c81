"""Cutting a message into fragments of one packet each, and putting it together again.

Mirrors nym-sphinx-chunking 1.21 (`fragment.rs`, `set.rs`, `reconstruction.rs`).

Fragment header::

    0           4       5        6          7         10
    | 1 ‖ id    | total | number | 00       |          |   unlinked, 7 bytes
    | 1 ‖ id    | total | number | 1 ‖ link |          |   linked, 10 bytes (the link takes 4)

id and link are 31-bit set ids under a set top bit, big-endian; total and number run from 1 to 255. A message is a
chain of sets of 255 fragments, the last set being shorter. Only a linked fragment knows a neighbour: fragment 1
names the previous set, fragment 255 of 255 the next one. Nothing authenticates a header, so every field counts as
the peer's word. Where we are stricter than the reference: a fragment without payload is refused, a set keeps the
total that it was opened with, neighbouring sets must name each other, and memory is bounded in sets and in bytes.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from nymconnect.crypto import Rng
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import MAX_SET_ID, FragmentId
from nymconnect.packet.recent import RecentIds

UNLINKED_HEADER_LENGTH = 7
LINKED_HEADER_LENGTH = 10
LINK_COST = LINKED_HEADER_LENGTH - UNLINKED_HEADER_LENGTH
MAX_FRAGMENTS = 255
SHORTEST_FRAGMENT = LINKED_HEADER_LENGTH + 1

SET_TIMEOUT = 30 * 60.0  # seconds that a set may wait for its next fragment
MEMORY_TIME = 60 * 60.0  # seconds that the ids of finished sets are remembered
MAX_OPEN_SETS = 1024
MAX_HELD_BYTES = 64 * 2**20
MAX_REMEMBERED = 2**17

_TOP_BIT = 1 << 31
_PREVIOUS, _NEXT = 0, 1


# --- the bytes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    """Where a fragment belongs; `link` is the id of the neighbouring set, if the fragment knows one."""

    set_id: int
    total: int
    number: int
    link: int | None = None

    def __post_init__(self) -> None:
        if problem := _header_problem(self.set_id, self.total, self.number, self.link):
            raise UsageError(problem)

    @property
    def length(self) -> int:
        return UNLINKED_HEADER_LENGTH if self.link is None else LINKED_HEADER_LENGTH

    def encode(self) -> bytes:
        """7 or 10 bytes."""
        link = b"\0" if self.link is None else (self.link | _TOP_BIT).to_bytes(4, "big")
        return (self.set_id | _TOP_BIT).to_bytes(4, "big") + bytes([self.total, self.number]) + link

    @classmethod
    def decode(cls, data: bytes) -> "FragmentHeader":
        """The header at the start of `data`; what follows it is ignored."""
        if len(data) < UNLINKED_HEADER_LENGTH:
            raise WireError("fragment header is too short")
        set_id, total, number = _decode_set_id(data[:4]), data[4], data[5]
        link = None
        if data[6]:
            if len(data) < LINKED_HEADER_LENGTH:
                raise WireError("linked fragment header is too short")
            link = _decode_set_id(data[6:10])
        if problem := _header_problem(set_id, total, number, link):
            raise WireError(problem)
        return cls(set_id, total, number, link)


def _decode_set_id(data: bytes) -> int:
    value = int.from_bytes(data, "big")
    if not value & _TOP_BIT:
        raise WireError("fragment flag bit is missing")
    return value ^ _TOP_BIT


def _header_problem(set_id: int, total: int, number: int, link: int | None) -> str:
    if not 0 < set_id <= MAX_SET_ID:
        return f"impossible fragment set id {set_id}"
    if not 0 < number <= total <= MAX_FRAGMENTS:
        return f"impossible fragment {number} of {total}"
    if link is None:
        return ""
    if not 0 < link <= MAX_SET_ID or link == set_id:
        return f"impossible fragment link {link}"
    if number not in (1, MAX_FRAGMENTS):
        return f"fragment {number} of {total} cannot be linked"
    return ""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One packet's share of a message."""

    header: FragmentHeader
    payload: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.payload:
            raise UsageError("a fragment carries at least one byte")

    @property
    def fid(self) -> FragmentId:
        """The name that the ack of this fragment carries."""
        return FragmentId(self.header.set_id, self.header.number)

    def encode(self) -> bytes:
        return self.header.encode() + self.payload

    @classmethod
    def decode(cls, data: bytes) -> "Fragment":
        """From all of `data`: the payload has no length field."""
        header = FragmentHeader.decode(data)
        if len(data) == header.length:
            raise WireError("fragment has no payload")
        return cls(header, bytes(data[header.length :]))


# --- splitting --------------------------------------------------------------------------------------------------


def _unlinked_payload(fragment_length: int) -> int:
    if fragment_length < SHORTEST_FRAGMENT:
        raise UsageError(f"a fragment needs at least {SHORTEST_FRAGMENT} bytes")
    return fragment_length - UNLINKED_HEADER_LENGTH


def _sets_needed(length: int, fragment_length: int) -> int:
    """Each border between two sets costs two links: S sets hold S full sets less (S - 1) borders."""
    if length < 1:
        raise UsageError("cannot split an empty message")
    border = 2 * LINK_COST
    full = MAX_FRAGMENTS * _unlinked_payload(fragment_length)
    return max(1, -(-(length - border) // (full - border)))


def fragments_needed(length: int, fragment_length: int) -> int:
    """How many fragments of `fragment_length` bytes the split of `length` bytes (terminator included) makes."""
    borders = _sets_needed(length, fragment_length) - 1
    return -(-(length + borders * 2 * LINK_COST) // _unlinked_payload(fragment_length))


def padded_length(length: int, fragment_length: int) -> int:
    """The length ≥ `length` (terminator included) whose split leaves no fragment partly filled."""
    borders = _sets_needed(length, fragment_length) - 1
    payload = _unlinked_payload(fragment_length)
    return fragments_needed(length, fragment_length) * payload - borders * 2 * LINK_COST


def split(message: bytes, fragment_length: int, rng: Rng) -> list[Fragment]:
    """Fragments of `fragment_length` bytes in order; only the last may be shorter, if `message` is not padded.

    UsageError if `message` is empty.
    """
    set_ids = _draw_set_ids(_sets_needed(len(message), fragment_length), rng)
    fragments: list[Fragment] = []
    start = 0
    for previous, set_id, following in zip([None, *set_ids], set_ids, [*set_ids[1:], None], strict=False):
        links = (previous is not None) + (following is not None)
        end = start + MAX_FRAGMENTS * _unlinked_payload(fragment_length) - links * LINK_COST
        fragments += _split_set(message[start:end], fragment_length, set_id, previous, following)
        start = end
    return fragments


def _split_set(
    part: bytes, fragment_length: int, set_id: int, previous: int | None, following: int | None
) -> Iterable[Fragment]:
    links = (previous is not None) + (following is not None)
    total = -(-(len(part) + links * LINK_COST) // _unlinked_payload(fragment_length))
    start = 0
    for number in range(1, total + 1):
        link = previous if number == 1 else following if number == MAX_FRAGMENTS else None
        header = FragmentHeader(set_id, total, number, link)
        end = start + fragment_length - header.length
        yield Fragment(header, part[start:end])
        start = end


def _draw_set_ids(count: int, rng: Rng) -> list[int]:
    """`count` different random set ids: all are drawn first, since a set names the one after it."""
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        drawn[rng.randrange(1, MAX_SET_ID + 1)] = None
    return list(drawn)


# --- reassembly -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReassemblyCounters:
    """A snapshot of a `Reassembler`: what it holds now, and what it has seen since it was made."""

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
    size: int = 0
    touched: float = 0.0

    @property
    def complete(self) -> bool:
        return len(self.payloads) == self.total

    def put(self, fragment: Fragment, now: float) -> None:
        header = fragment.header
        self.payloads[header.number] = fragment.payload
        self.size += len(fragment.payload)
        self.touched = now
        if header.link is not None:
            self.links[_PREVIOUS if header.number == 1 else _NEXT] = header.link

    def join(self) -> bytes:
        return b"".join(self.payloads[number] for number in range(1, self.total + 1))


class Reassembler:
    """Collects fragments until a message is whole, within fixed bounds of memory.

    When a bound is reached the set that has waited longest goes first. Finished set ids are remembered for an hour, so
    that a fragment sent again because its ack was lost does not open a set that can never be completed.
    """

    def __init__(
        self,
        max_open_sets: int = MAX_OPEN_SETS,
        max_held_bytes: int = MAX_HELD_BYTES,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._max_open_sets = max_open_sets
        self._max_held_bytes = max_held_bytes
        self._sets: OrderedDict[int, _OpenSet] = OrderedDict()  # least recently touched first
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
        self._hold(fragment, now)
        return self._take_message(set_id, now) if self._sets[set_id].complete else None

    def purge(self, now: float) -> None:
        """Drop the sets without a new fragment for 30 minutes and forget the ids of sets finished an hour ago."""
        while self._sets and next(iter(self._sets.values())).touched <= now - SET_TIMEOUT:
            self._drop(next(iter(self._sets)))
            self._seen["expired"] += 1
        self._finished.purge(now)

    def _hold(self, fragment: Fragment, now: float) -> None:
        set_id, size = fragment.header.set_id, len(fragment.payload)
        if set_id in self._sets:
            self._sets.move_to_end(set_id)
        elif len(self._sets) >= self._max_open_sets:
            self._evict()
        while self._sets and self._held + size > self._max_held_bytes:
            self._evict()
        self._sets.setdefault(set_id, _OpenSet(fragment.header.total)).put(fragment, now)
        self._held += size

    def _take_message(self, set_id: int, now: float) -> bytes | None:
        backwards = self._walk(set_id, _PREVIOUS)
        if not backwards or not (forwards := self._walk(set_id, _NEXT)):
            return None
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

    def _evict(self) -> None:
        self._drop(next(iter(self._sets)))
        self._seen["evicted"] += 1

    def _drop(self, set_id: int) -> None:
        self._held -= self._sets.pop(set_id).size
