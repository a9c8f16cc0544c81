"""Promises to answer at a constant rate, apart from what is answered."""

import itertools
import random

import pytest

from nymconnect.client.replying import (
    MAXIMUM_RATE,
    MAXIMUM_SECONDS,
    MAXIMUM_TAGS,
    MAXIMUM_TOTAL_RATE,
    SLOT_LIFE,
    SLOT_LIMIT,
    PacedReplies,
)

TAG, OTHER = b"t" * 16, b"o" * 16


def slots(replies: PacedReplies, start: float, seconds: float, step: float = 0.001) -> list[float]:
    """When slots were taken, woken each `step` seconds."""
    taken = []
    for number in range(int(seconds / step)):
        now = start + number * step
        replies.wake(now)
        while replies.take_slot(now) is not None:
            taken.append(now)
    return taken


def test_slots_come_up_as_a_poisson_stream_of_the_promised_rate() -> None:
    replies = PacedReplies(random.Random(1))
    assert replies.pace(TAG, 50.0, 200.0, 0.0)
    times = slots(replies, 0.0, 60.0)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) == pytest.approx(3000, rel=0.08)
    mean = sum(gaps) / len(gaps)
    assert sum((gap - mean) ** 2 for gap in gaps) / len(gaps) == pytest.approx(mean**2, rel=0.15)


def test_a_promise_ends_by_itself_and_is_renewed_without_a_break() -> None:
    replies = PacedReplies(random.Random(2))
    replies.pace(TAG, 100.0, 5.0, 0.0)
    assert TAG in replies
    assert len(slots(replies, 0.0, 4.0)) > 300
    assert replies.pace(TAG, 100.0, 5.0, 4.0)
    assert len(slots(replies, 4.0, 4.0)) > 300
    slots(replies, 8.0, 1.5)
    assert TAG not in replies
    assert replies.deadline is None


@pytest.mark.parametrize(("rate", "seconds"), [(0.0, 10.0), (10.0, 0.0)])
def test_nothing_ends_a_promise(rate: float, seconds: float) -> None:
    replies = PacedReplies(random.Random(3))
    replies.pace(TAG, 10.0, 10.0, 0.0)
    assert not replies.pace(TAG, rate, seconds, 1.0)
    assert TAG not in replies


def test_everything_is_bounded() -> None:
    replies = PacedReplies(random.Random(4))
    assert not replies.pace(b"short", 1.0, 1.0, 0.0)
    assert not replies.pace(TAG, MAXIMUM_RATE + 1, 1.0, 0.0)
    for number in range(MAXIMUM_TAGS):
        assert replies.pace(bytes([number] * 16), 1.0, 1e9, 0.0)
    assert not replies.pace(TAG, 1.0, 1.0, 0.0)
    assert len(replies) == MAXIMUM_TAGS
    replies.wake(MAXIMUM_SECONDS + 1)
    assert len(replies) == 0


def test_all_promises_together_have_a_bound_that_a_renewal_does_not_touch() -> None:
    replies = PacedReplies(random.Random(5))
    fits = int(MAXIMUM_TOTAL_RATE // MAXIMUM_RATE)
    for number in range(fits):
        assert replies.pace(bytes([number] * 16), MAXIMUM_RATE, 10.0, 0.0)
    assert not replies.pace(TAG, MAXIMUM_RATE, 10.0, 0.0)
    assert replies.pace(bytes(16), MAXIMUM_RATE, 10.0, 1.0)


def test_slots_that_nobody_took_in_time_are_over() -> None:
    replies = PacedReplies(random.Random(6))
    replies.pace(TAG, MAXIMUM_RATE, 100.0, 0.0)
    replies.pace(OTHER, MAXIMUM_RATE, 100.0, 0.0)
    for tenth in range(50):
        replies.wake(tenth / 10)
    taken = 0
    while replies.take_slot(4.9) is not None:
        taken += 1
    assert 0 < taken <= min(SLOT_LIMIT, 2 * MAXIMUM_RATE * SLOT_LIFE * 1.2)
    assert replies.unused > 0


def test_a_lost_link_takes_its_slots_along() -> None:
    replies = PacedReplies(random.Random(7))
    replies.pace(TAG, 100.0, 100.0, 0.0)
    replies.wake(0.3)
    replies.forget_slots()
    assert replies.take_slot(0.3) is None
    assert TAG in replies


def test_a_dropped_tag_has_no_slots() -> None:
    replies = PacedReplies(random.Random(8))
    replies.pace(TAG, 100.0, 100.0, 0.0)
    replies.wake(0.3)
    replies.drop(TAG)
    assert replies.take_slot(0.3) is None
