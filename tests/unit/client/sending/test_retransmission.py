"""Which fragments wait for their acks, and how long."""

import random

import pytest

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import Outgoing
from nymconnect.client.sending.retransmission import (
    MAXIMUM_DESTINATIONS,
    MAXIMUM_DOUBLINGS,
    MAXIMUM_WAIT,
    PendingAcks,
    RetransmissionTimeout,
    Sent,
)
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.chunking import Fragment, FragmentHeader

TO, OTHER = b"t" * 16, b"o" * 16
PARAMETERS = TrafficParameters()
FRAGMENT = Fragment(FragmentHeader(1, 1, 1), b"x")
LEAST = 0.1 * PARAMETERS.ack_wait_multiplier + PARAMETERS.ack_wait_addition


def patience() -> RetransmissionTimeout:
    return RetransmissionTimeout(PARAMETERS, random.Random(1))


def sent(at: float, expected: float = 0.1, attempt: int = 0, to: bytes = TO) -> Sent:
    return Sent(Outgoing(FRAGMENT, to, 0, attempt), (), at, expected, at + 1.0)


def taught(beyond: list[float]) -> RetransmissionTimeout:
    learning = patience()
    for number, each in enumerate(beyond):
        learning.acked(sent(number), number + 0.1 + each)
    return learning


def test_the_least_is_a_multiple_of_the_drawn_delays_and_a_little_more() -> None:
    assert patience().wait(TO, 0.1, 0) == LEAST
    assert taught([0.02] * 50).wait(TO, 0.1, 0) == LEAST


def test_acks_that_take_long_are_waited_for() -> None:
    assert taught([4.0] * 50).wait(TO, 0.1, 0) == pytest.approx(4.1, abs=0.1)
    assert taught([2.0, 6.0] * 50).wait(TO, 0.1, 0) > 6.1


def test_each_destination_is_learned_apart() -> None:
    assert taught([4.0] * 50).wait(OTHER, 0.1, 0) == LEAST


def test_the_ack_of_a_fragment_sent_twice_teaches_nothing() -> None:
    learning = patience()
    for _ in range(50):
        learning.acked(sent(0.0, attempt=1), 9.0)
    assert learning.wait(TO, 0.1, 0) == LEAST


def test_the_wait_is_doubled_once_for_all_that_left_before() -> None:
    learning = patience()
    for number in range(10):
        learning.failed(sent(0.1 * number), 3.0 + 0.1 * number)
    assert learning.wait(TO, 0.1, 0) == 2 * LEAST
    learning.failed(sent(5.0), 8.0)
    assert learning.wait(TO, 0.1, 0) == 4 * LEAST
    learning.acked(sent(9.0), 9.2)
    assert learning.wait(TO, 0.1, 0) == LEAST


def test_the_wait_is_bounded() -> None:
    learning = patience()
    for number in range(100):
        learning.failed(sent(100.0 * number), 100.0 * number + 50)
    assert learning.wait(TO, 0.1, 0) == LEAST * 2**MAXIMUM_DOUBLINGS
    assert taught([1000.0] * 9).wait(TO, 0.1, 0) == MAXIMUM_WAIT
    assert learning.wait(TO, 100.0, 0) >= 100.0


def test_a_link_that_was_lost_does_not_make_its_successor_wait() -> None:
    learning = patience()
    learning.failed(sent(0.0), 3.0)
    learning.link_lost()
    assert learning.wait(TO, 0.1, 0) == LEAST


def test_repetitions_wait_longer_each_time_and_not_all_equally_long() -> None:
    waits = [[patience().wait(TO, 0.1, attempt)] for attempt in (1, 3, 6)]
    assert waits == sorted(waits)
    steady = patience()
    assert len({steady.wait(TO, 0.1, 1) for _ in range(20)}) > 10


def test_few_destinations_are_remembered() -> None:
    learning = patience()
    for number in range(MAXIMUM_DESTINATIONS + 1):
        tag = number.to_bytes(16, "big")
        for at in range(9):
            learning.acked(sent(at, to=tag), at + 9.0)
    assert learning.wait((0).to_bytes(16, "big"), 0.1, 0) == LEAST
    assert learning.wait((1).to_bytes(16, "big"), 0.1, 0) > 5.0


# --- the table -------------------------------------------------------------------------------------------------------


def waiting(set_id: int, due: float, attempt: int = 0) -> Sent:
    return Sent(Outgoing(Fragment(FragmentHeader(set_id, 1, 1), b"x"), b"t" * 16, 0, attempt), (), 0.0, 0.0, due)


def test_an_ack_settles_its_fragment_once():
    pending = PendingAcks()
    pending.add(waiting(5, 10.0))
    assert pending.acked(FragmentId(5, 1)) == waiting(5, 10.0)
    assert pending.acked(FragmentId(5, 1)) is None
    assert pending.deadline is None


def test_only_what_is_due_expires():
    pending = PendingAcks()
    for set_id, due in ((1, 3.0), (2, 1.0), (3, 2.0)):
        pending.add(waiting(set_id, due))
    assert pending.deadline == 1.0
    assert [late.due for late in pending.expired(2.0)] == [1.0, 2.0]
    assert pending.deadline == 3.0
    assert len(pending) == 1


def test_a_repeated_fragment_waits_until_its_new_due_time():
    pending = PendingAcks()
    pending.add(waiting(1, 1.0))
    pending.add(waiting(1, 5.0, attempt=1))
    assert pending.expired(2.0) == []
    assert pending.expired(5.0) == [waiting(1, 5.0, attempt=1)]
