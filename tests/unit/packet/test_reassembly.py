"""Messages put together from their fragments, and what a stranger's fragments can do to them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect.packet.chunking import Fragment, FragmentHeader, padded_length, split
from nymconnect.packet.reassembly import (
    FRAGMENT_COST,
    MAX_HELD_BYTES,
    MEMORY_TIME,
    SET_COST,
    SET_TIMEOUT,
    Reassembler,
)

SHORT = 17  # 10 bytes unlinked, 7 linked: three sets are a few kilobytes
REGULAR = 1604  # payload of a fragment


def padded(length: int, fragment_length: int = SHORT, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(padded_length(length, fragment_length))


def put_together(fragments: list[Fragment], reassembler: Reassembler | None = None) -> list[bytes]:
    target = reassembler or Reassembler()
    return [message for fragment in fragments if (message := target.add(fragment, 0.0)) is not None]


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


# --- bounds -----------------------------------------------------------------------------------------------------


def room_for(sets: int, fragments: int, payload: int = 1) -> int:
    """Bytes that so many sets of one class take, so that it has them as its share."""
    return 8 * sets * (SET_COST + fragments * (FRAGMENT_COST + payload))


def test_what_is_held_is_bounded_in_bytes_and_short_fragments_are_not_free() -> None:
    reassembler = Reassembler(max_held_bytes=10_000)
    for set_id in range(1, 500):
        reassembler.add(one_of(set_id, 3, 1), float(set_id))
        assert reassembler.counters.held_bytes <= 10_000
    counters = reassembler.counters
    assert counters.open_sets == 10_000 // (SET_COST + FRAGMENT_COST + 1)
    assert counters.evicted == 499 - counters.open_sets


def test_of_equal_sets_the_longest_waiting_goes_first() -> None:
    reassembler = Reassembler(max_held_bytes=3 * (SET_COST + FRAGMENT_COST + 1))
    put_together([one_of(set_id, 2, 1) for set_id in (1, 2, 3, 4)], reassembler)
    assert (reassembler.counters.open_sets, reassembler.counters.evicted) == (3, 1)
    assert put_together([one_of(3, 2, 2), one_of(4, 2, 2), one_of(1, 2, 2)], reassembler) == [b"xx", b"xx"]


def test_any_number_of_half_messages_leaves_one_of_which_more_has_come() -> None:
    reassembler = Reassembler(max_held_bytes=room_for(40, 1))
    *begun, last = whole_set(1, 3)
    put_together(begun, reassembler)
    for set_id in range(2, 5000):
        reassembler.add(one_of(set_id, 2, 1), float(set_id))
    assert reassembler.counters.evicted > 1000
    assert reassembler.add(last, 5000.0) == b"xxx"


def test_large_half_messages_leave_room_for_small_ones() -> None:
    reassembler = Reassembler(max_held_bytes=room_for(20, 1))
    for set_id in range(1, 9):
        put_together(whole_set(set_id, 255)[:200], reassembler)
    small = [whole_set(set_id, 2) for set_id in range(100, 110)]
    put_together([first for first, _ in small], reassembler)
    for set_id in range(9, 12):
        put_together(whole_set(set_id, 255)[:200], reassembler)
    assert len(put_together([second for _, second in small], reassembler)) == 10


def test_two_thousand_half_messages_leave_every_fragment_of_a_slow_one() -> None:
    reassembler = Reassembler()
    message = padded(200_000, 1611)
    rng = random.Random(4)
    set_ids = iter(range(1, 1 << 30))
    for fragment in (fragments := split(message, 1611, rng)):
        if fragment is fragments[-1]:
            assert reassembler.add(fragment, 90.0) == message
            break
        reassembler.add(fragment, 1.0)
        for _ in range(2000 // len(fragments) + 1):
            reassembler.add(one_of(next(set_ids), 2, 1, payload=bytes(REGULAR)), 2.0)
    assert reassembler.counters.evicted == 0
    assert reassembler.counters.held_bytes < MAX_HELD_BYTES / 8


def test_one_set_beyond_the_bound_of_bytes_never_completes() -> None:
    reassembler = Reassembler(max_held_bytes=3000)
    fragments = [one_of(1, 20, number, payload=bytes(100)) for number in range(1, 21)]
    assert put_together(fragments, reassembler) == []
    assert reassembler.counters.held_bytes <= 3000


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5), st.sampled_from([None, 1, 2]))))
def test_any_stream_of_fragments_keeps_the_books_right(stream: list[tuple[int, int, int, int | None]]) -> None:
    reassembler = Reassembler(max_held_bytes=2500, max_remembered=2)
    for now, (set_id, total, number, link) in enumerate(stream):
        usable = link if number == 1 and link != set_id else None
        try:
            reassembler.add(one_of(set_id, max(total, number), number, usable), float(now))
        except WireError:
            continue
    counters = reassembler.counters
    assert counters.held_bytes <= 2500
    assert (counters.held_bytes > 0) is (counters.open_sets > 0)
    assert counters.remembered <= 2
    reassembler.purge(1e9)
    assert (reassembler.counters.open_sets, reassembler.counters.held_bytes) == (0, 0)
