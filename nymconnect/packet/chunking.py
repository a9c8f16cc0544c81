"""Cutting a message into fragments of one packet each; `reassembly` puts it together again.

Mirrors nym-sphinx-chunking 1.21 (`fragment.rs`, `set.rs`).

Fragment header::

    0           4       5        6          7         10
    | 1 ‖ id    | total | number | 00       |          |   unlinked, 7 bytes
    | 1 ‖ id    | total | number | 1 ‖ link |          |   linked, 10 bytes (the link takes 4)

id and link are 31-bit set ids under a set top bit, big-endian; total and number run from 1 to 255. A message is a
chain of sets of 255 fragments, the last set being shorter. Only a linked fragment knows a neighbour: fragment 1
names the previous set, fragment 255 of 255 the next one. Where we are stricter than the reference: a fragment without
payload is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from nymconnect.crypto import Rng
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import MAX_SET_ID, FragmentId

UNLINKED_HEADER_LENGTH = 7
LINKED_HEADER_LENGTH = 10
LINK_COST = LINKED_HEADER_LENGTH - UNLINKED_HEADER_LENGTH
MAX_FRAGMENTS = 255
SHORTEST_FRAGMENT = LINKED_HEADER_LENGTH + 1

_TOP_BIT = 1 << 31


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
        # The first fragment names the set before, the last one of a full set the set behind.
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
