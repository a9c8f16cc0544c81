"""Promises to answer at a constant rate, apart from what is answered."""

import itertools
import random

import pytest

from nymconnect.client.sending.paced_replies import (
    HEADROOM,
    LEAST_SHARE,
    MAXIMUM_RATE,
    MAXIMUM_SECONDS,
    MAXIMUM_TAGS,
    MAXIMUM_TOTAL_RATE,
    REVIEW,
    SLOT_LIFE,
    SLOT_LIMIT,
    TRIAL,
    PacedReplies,
    fair_shares,
)

TAG, OTHER = b"t" * 16, b"o" * 16


def replies_of(seed: int, supplied: dict[bytes, float] | None = None) -> PacedReplies:
    """`supplied` are the SURBs a second that each tag gives; of all others come more than enough."""
    return PacedReplies(random.Random(seed), lambda tag, _now: 1e9 if supplied is None else supplied.get(tag, 0.0))


def tag_of(number: int) -> bytes:
    return number.to_bytes(16, "big")


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
    replies = replies_of(1)
    assert replies.pace(TAG, 50.0, 200.0, 0.0)
    times = slots(replies, 0.0, 60.0)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) == pytest.approx(3000, rel=0.08)
    mean = sum(gaps) / len(gaps)
    assert sum((gap - mean) ** 2 for gap in gaps) / len(gaps) == pytest.approx(mean**2, rel=0.15)


def test_a_promise_ends_by_itself_and_is_renewed_without_a_break() -> None:
    replies = replies_of(2)
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
    replies = replies_of(3)
    replies.pace(TAG, 10.0, 10.0, 0.0)
    assert not replies.pace(TAG, rate, seconds, 1.0)
    assert TAG not in replies


def test_everything_is_bounded() -> None:
    replies = replies_of(4)
    assert not replies.pace(b"short", 1.0, 1.0, 0.0)
    assert not replies.pace(TAG, MAXIMUM_RATE + 1, 1.0, 0.0)
    for number in range(MAXIMUM_TAGS):
        assert replies.pace(tag_of(number), 1.0, 1e9, 0.0)
    assert not replies.pace(TAG, 1.0, 1.0, 0.0)
    assert len(replies) == MAXIMUM_TAGS
    replies.wake(MAXIMUM_SECONDS + 1)
    assert len(replies) == 0


def test_what_all_have_together_is_divided_fairly() -> None:
    replies = replies_of(5)
    assert replies.pace(TAG, 60.0, 600.0, 0.0) == 60.0
    greedy = [tag_of(number) for number in range(8)]
    for tag in greedy:
        replies.pace(tag, MAXIMUM_RATE, 600.0, 1.0)
    assert replies.pace(TAG, 60.0, 600.0, 2.0) == 60.0
    fair = (MAXIMUM_TOTAL_RATE - 60.0) / len(greedy)
    assert replies.pace(greedy[0], MAXIMUM_RATE, 600.0, 2.0) == pytest.approx(fair)


def test_where_no_share_is_worth_it_the_last_to_come_goes_without() -> None:
    replies = replies_of(14)
    fit = int(MAXIMUM_TOTAL_RATE / (LEAST_SHARE * MAXIMUM_RATE))
    for number in range(fit):
        assert replies.pace(tag_of(number), MAXIMUM_RATE, 600.0, float(number))
    assert not replies.pace(TAG, MAXIMUM_RATE, 600.0, 100.0)
    assert len(replies) == fit


def test_fair_shares_leave_small_wishes_whole() -> None:
    assert fair_shares({b"a": 1.0, b"b": 50.0, b"c": 90.0}, 61.0) == {b"a": 1.0, b"b": 30.0, b"c": 30.0}
    assert fair_shares({b"a": 1.0, b"b": 2.0}, 100.0) == {b"a": 1.0, b"b": 2.0}
    assert fair_shares({b"a": 1.0}, -5.0) == {b"a": 0.0}
    assert fair_shares({}, 5.0) == {}


def test_a_tag_that_supplies_nothing_has_what_others_leave_and_not_for_long() -> None:
    supplied: dict[bytes, float] = {}
    replies = replies_of(9, supplied)
    for number in range(4):
        assert replies.pace(tag_of(number), MAXIMUM_TOTAL_RATE / 4, 600.0, 0.0) > 0
    supplied[TAG] = 60.0
    assert replies.pace(TAG, 60.0, 600.0, 1.0) == 60.0
    replies.wake(TRIAL - 0.1)
    assert len(replies) == 5
    replies.wake(TRIAL + REVIEW)
    assert len(replies) == 1
    assert TAG in replies


def test_a_newcomer_beside_idle_promises_gets_its_rate_as_its_surbs_come() -> None:
    supplied: dict[bytes, float] = {}
    replies = replies_of(10, supplied)
    for number in range(20):
        replies.pace(tag_of(number), 100.0, 600.0, 0.0)
    before = replies.pace(TAG, 80.0, 600.0, 1.0)
    assert LEAST_SHARE * 80.0 <= before < 80.0
    supplied[TAG] = 60.0 / HEADROOM
    assert replies.pace(TAG, 80.0, 600.0, 3.0) > 60.0
    supplied[TAG] = 80.0
    assert replies.pace(TAG, 80.0, 600.0, 5.0) == 80.0


def test_a_promise_ends_soon_when_the_surbs_do_and_shrinks_before() -> None:
    supplied = {TAG: 50.0}
    replies = replies_of(11, supplied)
    replies.pace(TAG, 50.0, 600.0, 0.0)
    replies.wake(2 * TRIAL)
    assert len(slots(replies, 2 * TRIAL, 10.0)) == pytest.approx(500, rel=0.2)
    supplied[TAG] = 10.0
    assert len(slots(replies, 2 * TRIAL + 20.0, 10.0)) == pytest.approx(200, rel=0.3)
    supplied[TAG] = 5.0
    replies.wake(3 * TRIAL + 10.0)
    assert TAG not in replies


def test_a_promise_to_one_that_supplies_it_stays_as_long_as_it_was_made_for() -> None:
    replies = replies_of(12, {TAG: 40.0})
    replies.pace(TAG, 50.0, 300.0, 0.0)
    for second in range(299):
        replies.wake(float(second))
        assert TAG in replies
    replies.wake(301.0)
    assert TAG not in replies


def test_places_that_are_not_paid_for_are_free_for_one_that_pays() -> None:
    supplied = dict.fromkeys(map(tag_of, range(MAXIMUM_TAGS)), 0.1)
    replies = replies_of(13, supplied)
    for tag in list(supplied):
        assert replies.pace(tag, 0.1, 600.0, 0.0)
    assert not replies.pace(TAG, 50.0, 600.0, 1.0)
    supplied[TAG] = 0.3  # those that came with the question
    assert replies.pace(TAG, 50.0, 600.0, 2.0) == 50.0
    assert len(replies) == MAXIMUM_TAGS


def test_slots_that_nobody_took_in_time_are_over() -> None:
    replies = replies_of(6)
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
    replies = replies_of(7)
    replies.pace(TAG, 100.0, 100.0, 0.0)
    replies.wake(0.3)
    replies.forget_slots()
    assert replies.take_slot(0.3) is None
    assert TAG in replies


def test_a_dropped_tag_has_no_slots() -> None:
    replies = replies_of(8)
    replies.pace(TAG, 100.0, 100.0, 0.0)
    replies.wake(0.3)
    replies.drop(TAG)
    assert replies.take_slot(0.3) is None
