"""Fragment headers, splitting and reassembly."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.chunking import (
    MEMORY_TIME,
    SET_TIMEOUT,
    Fragment,
    FragmentHeader,
    Reassembler,
    fragments_needed,
    padded_length,
    split,
)

REGULAR = 1611
SHORT = 17  # 10 bytes unlinked, 7 linked: three sets are a few kilobytes


def padded(length: int, fragment_length: int = SHORT, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(padded_length(length, fragment_length))


def put_together(fragments: list[Fragment], reassembler: Reassembler | None = None) -> list[bytes]:
    target = reassembler or Reassembler()
    return [message for fragment in fragments if (message := target.add(fragment, 0.0)) is not None]


# --- header and fragment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (FragmentHeader(0x01020304, 1, 1), "81020304 01 01 00"),
        (FragmentHeader(2**31 - 1, 255, 254), "ffffffff ff fe 00"),
        (FragmentHeader(1, 7, 1, 0x0A0B0C0D), "80000001 07 01 8a0b0c0d"),
        (FragmentHeader(1, 255, 255, 2), "80000001 ff ff 80000002"),
    ],
)
def test_header_has_the_bytes_of_the_reference(header: FragmentHeader, data: str) -> None:
    assert header.encode() == bytes.fromhex(data)
    assert header.length == len(header.encode())
    assert FragmentHeader.decode(bytes.fromhex(data) + b"payload") == header


@pytest.mark.parametrize(
    "data",
    [
        "01020304 01 01 00",  # no flag bit
        "80000000 01 01 00",  # set id 0
        "80000001 00 00 00",  # no fragments
        "80000001 01 00 00",  # number 0
        "80000001 01 02 00",  # number beyond total
        "80000001 03 01 01000002",  # link without flag bit
        "80000001 03 01 80000000",  # link 0
        "80000001 03 01 80000001",  # link to itself
        "80000001 03 02 80000002",  # link in the middle
        "80000001 03 03 80000002",  # link in the last, but not the 255th
        "80000001 ff fe 80000002",
    ],
)
def test_header_decode_refuses_the_impossible(data: str) -> None:
    with pytest.raises(WireError):
        FragmentHeader.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("set_id", "total", "number", "link"),
    [(0, 1, 1, None), (2**31, 1, 1, None), (-1, 1, 1, None), (1, 256, 1, None), (1, 1, 2, None), (1, 3, 2, 5)],
)
def test_header_refuses_the_impossible(set_id: int, total: int, number: int, link: int | None) -> None:
    with pytest.raises(UsageError):
        FragmentHeader(set_id, total, number, link)


@pytest.mark.parametrize("header", [FragmentHeader(5, 9, 3), FragmentHeader(5, 9, 1, 4)])
def test_fragment_survives_the_wire_and_no_shorter_one_does(header: FragmentHeader) -> None:
    fragment = Fragment(header, b"x")
    data = fragment.encode()
    assert Fragment.decode(data) == fragment
    for length in range(len(data)):
        with pytest.raises(WireError):
            Fragment.decode(data[:length])


def test_fragment_takes_trailing_bytes_as_payload() -> None:
    assert Fragment.decode(Fragment(FragmentHeader(5, 9, 3), b"x").encode() + b"yz").payload == b"xyz"


def test_fragment_without_payload_is_refused() -> None:
    with pytest.raises(UsageError):
        Fragment(FragmentHeader(5, 9, 3), b"")


def test_fragment_is_named_by_set_and_number() -> None:
    assert Fragment(FragmentHeader(5, 9, 3), b"x").fid == FragmentId(5, 3)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_random_bytes_raise_wire_errors_only(data: bytes) -> None:
    for candidate in (data, b"\x80" + data):
        try:
            assert Fragment.decode(candidate).encode() == candidate
        except WireError:
            continue


# --- splitting --------------------------------------------------------------------------------------------------

# Bytes of application data; packets they take as plain, as reply, as repliable with 3, 10, 20 SURBs of V1, then of V2;
# and plain in Extended16.
WORKED_SIZES = [
    (0, 1, None, 3, 8, 15, 1, 3, 6, 1),
    (100, 1, 1, 3, 8, 15, 1, 3, 6, 1),
    (1_602, 1, 2, 4, 9, 16, 2, 4, 7, 1),
    (1_603, 2, 2, 4, 9, 16, 2, 4, 7, 1),
    (10_000, 7, 7, 9, 14, 21, 8, 10, 12, 1),
    (65_536, 41, 41, 44, 49, 56, 42, 44, 47, 5),
    (100_000, 63, 63, 65, 70, 77, 64, 66, 69, 7),
    (409_018, 255, 256, 258, 263, 270, 256, 258, 261, 26),
    (409_019, 256, 256, 258, 263, 270, 256, 258, 261, 26),
    (1_000_000, 624, 624, 626, 631, 638, 625, 627, 630, 63),
    (10_485_760, 6538, 6538, 6540, 6545, 6552, 6539, 6541, 6544, 658),
]
EXTENDED16 = 15_947
OVERHEADS = [1, 2, *(22 + count * 1164 for count in (3, 10, 20)), *(22 + count * 460 for count in (3, 10, 20))]


@pytest.mark.parametrize("row", WORKED_SIZES, ids=lambda row: str(row[0]))
def test_fragments_needed_agrees_with_the_worked_sizes(row: tuple[int | None, ...]) -> None:
    size, expected, extended = row[0], row[1:-1], row[-1]
    assert size is not None
    for overhead, count in zip(OVERHEADS, expected, strict=True):
        if count is not None:
            assert fragments_needed(overhead + size + 1, REGULAR) == count
    assert fragments_needed(1 + size + 1, EXTENDED16) == extended


def reference_count(length: int, fragment_length: int) -> int:
    """The count as nym-sphinx-chunking computes it, case by case."""
    unlinked, linked = fragment_length - 7, fragment_length - 10
    edge, middle = 255 * unlinked - 3, 255 * unlinked - 6
    if length <= 255 * unlinked:
        return -(-length // unlinked)
    sets = 2 if length <= 2 * edge else 2 + -(-(length - 2 * edge) // middle)
    full, links = 255 * (sets - 1), 2 * sets - 3
    rest = length - links * linked - (full - links) * unlinked
    return full + 1 if rest <= linked else full + 1 + -(-(rest - linked) // unlinked)


BORDERS = [255 * 10, 2 * (255 * 10 - 3), 2 * (255 * 10 - 3) + 255 * 10 - 6, 255 * 10 - 3 + 7, 2 * 255 * 10 - 9 + 7]


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, *(border + i for border in BORDERS for i in (-1, 0, 1, 2))])
def test_padded_messages_fill_every_fragment_and_come_back(length: int) -> None:
    message = padded(length)
    fragments = split(message, SHORT, random.Random(2))
    assert len(fragments) == fragments_needed(length, SHORT) == reference_count(length, SHORT)
    assert {len(fragment.encode()) for fragment in fragments} == {SHORT}
    assert put_together(fragments) == [message]


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=12_000_000), st.sampled_from([1611, 7755, 15947, 32331, 11, 17]))
def test_fragments_needed_agrees_with_the_reference(length: int, fragment_length: int) -> None:
    count = fragments_needed(length, fragment_length)
    assert count == reference_count(length, fragment_length)
    full = padded_length(length, fragment_length)
    assert full >= length
    assert fragments_needed(full, fragment_length) == count
    assert fragments_needed(full + 1, fragment_length) == count + 1


def test_sets_of_a_long_message_are_linked_in_order() -> None:
    fragments = split(padded(2 * 255 * 10 + 100), SHORT, random.Random(3))
    ids = list(dict.fromkeys(fragment.header.set_id for fragment in fragments))
    assert len(ids) == 3
    linked = {fragment.fid: fragment.header.link for fragment in fragments if fragment.header.link is not None}
    assert linked == {
        FragmentId(ids[0], 255): ids[1],
        FragmentId(ids[1], 1): ids[0],
        FragmentId(ids[1], 255): ids[2],
        FragmentId(ids[2], 1): ids[1],
    }
    assert [fragment.header.total for fragment in fragments[:510]] == [255] * 510
    assert {fragment.header.total for fragment in fragments[510:]} == {len(fragments) - 510}


def test_a_full_last_set_names_no_next_one() -> None:
    fragments = split(padded(255 * 10), SHORT, random.Random(3))
    assert len(fragments) == 255
    assert all(fragment.header.link is None for fragment in fragments)


def test_split_leaves_only_the_last_fragment_of_an_unpadded_message_short() -> None:
    fragments = split(b"x" * 25, SHORT, random.Random(1))
    assert [len(fragment.payload) for fragment in fragments] == [10, 10, 5]


class DrawingRng(random.Random):
    """Draws what it is told, and remembers between which bounds."""

    def __init__(self, draws: list[int]) -> None:
        super().__init__(0)
        self.draws = iter(draws)
        self.bounds: list[tuple[int, int]] = []

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        assert stop is not None
        self.bounds.append((start, stop))
        return next(self.draws)


def test_set_ids_are_31_bit_numbers_but_zero_and_differ_within_a_message() -> None:
    rng = DrawingRng([4, 4, 9, 4, 6])
    fragments = split(padded(2 * 255 * 10 + 100), SHORT, rng)
    assert list(dict.fromkeys(fragment.header.set_id for fragment in fragments)) == [4, 9, 6]
    assert set(rng.bounds) == {(1, 2**31)}


def test_split_refuses_empty_messages_and_fragments_too_short_for_a_link() -> None:
    with pytest.raises(UsageError):
        split(b"", SHORT, random.Random(1))
    with pytest.raises(UsageError):
        split(b"x", 10, random.Random(1))
    assert len(split(b"x" * 2000, 11, random.Random(1))) == fragments_needed(2000, 11)


# --- reassembly -------------------------------------------------------------------------------------------------


def one_of(set_id: int, total: int, number: int, link: int | None = None, payload: bytes = b"x") -> Fragment:
    return Fragment(FragmentHeader(set_id, total, number, link), payload)


def whole_set(set_id: int, total: int, previous: int | None = None, following: int | None = None) -> list[Fragment]:
    links = {1: previous, 255: following}
    return [one_of(set_id, total, number, links.get(number)) for number in range(1, total + 1)]


@pytest.mark.parametrize("seed", range(4))
def test_fragments_in_any_order_give_the_message_once(seed: int) -> None:
    message = padded(2 * 255 * 10 + 100)
    fragments = split(message, SHORT, random.Random(seed))
    random.Random(seed).shuffle(fragments)
    reassembler = Reassembler()
    results = [reassembler.add(fragment, 0.0) for fragment in fragments]
    assert results == [None] * (len(fragments) - 1) + [message]
    counters = reassembler.counters
    assert (counters.messages, counters.open_sets, counters.held_bytes, counters.remembered) == (1, 0, 0, 3)


def test_two_messages_interleaved_do_not_mix() -> None:
    messages = [padded(100, seed=1), padded(100, seed=2)]
    rng = random.Random(1)
    pairs = zip(*(split(message, SHORT, rng) for message in messages), strict=True)
    assert put_together([fragment for pair in pairs for fragment in pair]) == messages


def test_duplicates_are_counted_and_change_nothing() -> None:
    reassembler = Reassembler()
    reassembler.add(one_of(5, 2, 1, payload=b"first"), 0.0)
    assert reassembler.add(one_of(5, 2, 1, payload=b"other"), 0.0) is None
    assert reassembler.add(one_of(5, 2, 2, payload=b"second"), 0.0) == b"firstsecond"
    assert reassembler.counters.duplicates == 1


def test_fragments_of_a_finished_set_are_dropped_for_an_hour() -> None:
    reassembler = Reassembler()
    assert reassembler.add(one_of(5, 1, 1), 0.0) == b"x"
    reassembler.purge(MEMORY_TIME - 1)
    assert reassembler.add(one_of(5, 1, 1), MEMORY_TIME - 1) is None
    assert reassembler.counters.late == 1
    reassembler.purge(MEMORY_TIME)
    assert reassembler.counters.remembered == 0
    assert reassembler.add(one_of(5, 1, 1), MEMORY_TIME) == b"x"


def test_finished_sets_are_remembered_up_to_a_number() -> None:
    reassembler = Reassembler(max_remembered=3)
    put_together([one_of(set_id, 1, 1) for set_id in range(1, 6)], reassembler)
    assert reassembler.counters.remembered == 3
    assert put_together([one_of(2, 1, 1), one_of(5, 1, 1)], reassembler) == [b"x"]


def test_another_total_is_refused_and_the_set_survives() -> None:
    reassembler = Reassembler()
    reassembler.add(one_of(5, 2, 1), 0.0)
    for fragment in (one_of(5, 3, 3), one_of(5, 1, 1), one_of(5, 255, 255, link=6)):
        with pytest.raises(WireError):
            reassembler.add(fragment, 0.0)
    assert reassembler.counters.inconsistent == 3
    assert reassembler.add(one_of(5, 2, 2), 0.0) == b"xx"


def test_sets_without_a_new_fragment_for_half_an_hour_are_dropped() -> None:
    reassembler = Reassembler()
    reassembler.add(one_of(5, 3, 1), 0.0)
    reassembler.add(one_of(6, 3, 1), 0.0)
    reassembler.add(one_of(5, 3, 2), 100.0)
    reassembler.add(one_of(6, 3, 1), 100.0)  # a duplicate is nothing new
    reassembler.purge(SET_TIMEOUT - 1)
    assert reassembler.counters.open_sets == 2
    reassembler.purge(SET_TIMEOUT)
    assert (reassembler.counters.open_sets, reassembler.counters.expired) == (1, 1)
    assert reassembler.add(one_of(5, 3, 3), SET_TIMEOUT) == b"xxx"


@pytest.mark.parametrize(
    "sets",
    [
        [whole_set(1, 255, 2, 2), whole_set(2, 255, 1, 1)],
        [whole_set(1, 255, 3, 2), whole_set(2, 255, 1, 3), whole_set(3, 255, 2, 1)],
    ],
    ids=["two", "three"],
)
def test_links_in_a_circle_are_refused_and_dropped(sets: list[list[Fragment]]) -> None:
    reassembler = Reassembler()
    *fragments, last = [fragment for each in sets for fragment in each]
    assert put_together(fragments, reassembler) == []
    with pytest.raises(WireError):
        reassembler.add(last, 0.0)
    counters = reassembler.counters
    assert (counters.open_sets, counters.held_bytes, counters.inconsistent) == (0, 0, 1)


def test_neighbours_that_do_not_name_each_other_are_refused() -> None:
    reassembler = Reassembler()
    put_together([*whole_set(1, 255, None, 2), *whole_set(2, 4, 7)], reassembler)
    fragments = whole_set(3, 4, 1)  # claims set 1, which goes on in set 2
    put_together(fragments[:-1], reassembler)
    with pytest.raises(WireError):
        reassembler.add(fragments[-1], 0.0)
    assert reassembler.counters.open_sets == 1


def test_open_sets_are_bounded_and_the_longest_waiting_goes_first() -> None:
    reassembler = Reassembler(max_open_sets=3)
    for set_id in (1, 2, 3):
        reassembler.add(one_of(set_id, 3, 1), 0.0)
    reassembler.add(one_of(1, 3, 2), 1.0)
    reassembler.add(one_of(4, 3, 1), 2.0)
    assert (reassembler.counters.open_sets, reassembler.counters.evicted) == (3, 1)
    assert reassembler.add(one_of(1, 3, 3), 3.0) == b"xxx"
    assert put_together([one_of(2, 3, 2), one_of(2, 3, 3)], reassembler) == []


def test_held_bytes_are_bounded() -> None:
    reassembler = Reassembler(max_held_bytes=1000)
    for set_id in range(1, 50):
        reassembler.add(one_of(set_id, 3, 1, payload=bytes(300)), float(set_id))
        assert reassembler.counters.held_bytes <= 1000
    assert reassembler.counters.open_sets == 3


def test_one_set_beyond_the_bound_of_bytes_never_completes() -> None:
    reassembler = Reassembler(max_held_bytes=1000)
    fragments = [one_of(1, 20, number, payload=bytes(100)) for number in range(1, 21)]
    assert put_together(fragments, reassembler) == []
    assert reassembler.counters.held_bytes <= 1000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.sampled_from([None, 1, 2]))))
def test_any_stream_of_fragments_keeps_the_books_right(stream: list[tuple[int, int, int, int | None]]) -> None:
    reassembler = Reassembler(max_open_sets=3, max_held_bytes=5, max_remembered=2)
    for now, (set_id, total, number, link) in enumerate(stream):
        usable = link if number == 1 and link != set_id else None
        try:
            reassembler.add(one_of(set_id, max(total, number), number, usable), float(now))
        except WireError:
            continue
    counters = reassembler.counters
    assert counters.open_sets <= 3
    assert counters.held_bytes <= 5
    assert counters.remembered <= 2
    reassembler.purge(1e9)
    assert (reassembler.counters.open_sets, reassembler.counters.held_bytes) == (0, 0)
