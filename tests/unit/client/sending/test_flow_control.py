import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.client.sending.flow_control import MAXIMUM_BYTES, MAXIMUM_MESSAGES, FlowControl
from nymconnect.client.sending.lanes import Destination
from nymconnect.packet.acks import FragmentId

KEY: tuple[Destination, int] = (b"t" * 16, 7)
OTHER: tuple[Destination, int] = (b"t" * 16, 8)


def fid(number: int, part: int = 1) -> FragmentId:
    return FragmentId(number + 1, part)


def test_a_lane_is_wide_when_its_oldest_message_lags_by_too_many_messages() -> None:
    spans = FlowControl()
    for number in range(MAXIMUM_MESSAGES):
        assert not spans.is_wide(KEY)
        spans.add(KEY, [fid(number)], 1)
        if number:
            spans.settle(fid(number))
    assert spans.is_wide(KEY)
    spans.settle(fid(0))
    assert not spans.is_wide(KEY)
    assert len(spans) == 0


def test_a_lane_is_wide_when_its_oldest_message_lags_by_too_many_bytes() -> None:
    spans = FlowControl()
    spans.add(KEY, [fid(0), fid(0, 2)], 1)
    spans.add(KEY, [fid(1)], MAXIMUM_BYTES)
    spans.settle(fid(1))
    spans.settle(fid(0))
    assert spans.is_wide(KEY)
    spans.settle(fid(0, 2))
    assert not spans.is_wide(KEY)


def test_lanes_do_not_hold_each_other_up() -> None:
    spans = FlowControl()
    spans.add(KEY, [fid(0)], MAXIMUM_BYTES)
    spans.add(OTHER, [fid(1)], 1)
    assert spans.is_wide(KEY)
    assert not spans.is_wide(OTHER)


def test_an_unknown_or_repeated_ack_changes_nothing() -> None:
    spans = FlowControl()
    spans.add(KEY, [fid(0), fid(0, 2)], MAXIMUM_BYTES)
    spans.settle(fid(0))
    spans.settle(fid(0))
    spans.settle(fid(9))
    assert spans.is_wide(KEY)


@pytest.mark.parametrize("by_lane", [True, False])
def test_what_is_forgotten_is_not_waited_for(by_lane: bool) -> None:
    spans = FlowControl()
    kept: tuple[Destination, int] = (b"k" * 16, 9)
    spans.add(KEY, [fid(0)], MAXIMUM_BYTES)
    spans.add(kept, [fid(1)], MAXIMUM_BYTES)
    if by_lane:
        spans.forget_lane(KEY[1])
    else:
        spans.forget_destination(KEY[0])
    spans.settle(fid(0))
    assert not spans.is_wide(KEY)
    assert spans.is_wide(kept)
    assert len(spans) == 1


def test_an_id_that_is_drawn_twice_leaves_nothing_behind() -> None:
    spans = FlowControl()
    spans.add(KEY, [fid(0)], MAXIMUM_BYTES)
    spans.add(OTHER, [fid(0)], MAXIMUM_BYTES)
    assert not spans.is_wide(KEY)
    spans.settle(fid(0))
    assert not spans.is_wide(OTHER)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 4), max_size=30), st.randoms(use_true_random=False))
def test_when_all_is_acked_in_any_order_nothing_is_left(parts: list[int], rng: random.Random) -> None:
    spans = FlowControl()
    everything = []
    for number, count in enumerate(parts):
        fragments = [fid(number, part + 1) for part in range(count)]
        spans.add(rng.choice([KEY, OTHER]), fragments, MAXIMUM_BYTES)
        everything += fragments
    rng.shuffle(everything)
    for fragment_id in everything:
        spans.settle(fragment_id)
    assert len(spans) == 0
    assert not spans.is_wide(KEY)
    assert not spans.is_wide(OTHER)
