"""Which pushed messages have left our buffer, and which ones the client's kernel has."""

import random

from nymconnect.node.gateway.handover import Handover
from nymconnect.node.gateway.mailbox import Mail


def numbers(mails: list[Mail]) -> list[int]:
    return [mail.number for mail in mails]


def test_a_message_is_handed_over_and_then_confirmed_as_the_buffers_empty() -> None:
    handover = Handover()
    for number in (1, 2, 3):
        handover.written(Mail(number, bytes(100)))
    assert handover
    handed, confirmed = handover.settle(150, 0)
    assert (numbers(handed), numbers(confirmed)) == ([1], [1])
    handed, confirmed = handover.settle(0, 101)
    assert (numbers(handed), numbers(confirmed)) == ([2, 3], [])
    handed, confirmed = handover.settle(0, 100)
    assert (numbers(handed), numbers(confirmed)) == ([], [2])
    assert numbers(handover.settle(0, 0)[1]) == [3]
    assert not handover


def test_an_empty_handover_settles_nothing() -> None:
    assert Handover().settle(0, 0) == ([], [])


def test_no_message_is_confirmed_before_its_last_byte_is() -> None:
    """Against a line on which each message is longer than its content, and buffers that empty at random."""
    rng = random.Random(4)
    handover = Handover()
    ends: dict[int, int] = {}
    written = handed_to = confirmed_to = 0
    for number in range(1, 500):
        content = bytes(rng.randrange(1, 50))
        written += len(content) + rng.randrange(10)
        ends[number] = written
        handover.written(Mail(number, content))
        handed_to = rng.randint(handed_to, written)
        confirmed_to = rng.randint(confirmed_to, handed_to)
        handed, confirmed = handover.settle(written - handed_to, handed_to - confirmed_to)
        assert all(ends[mail.number] <= handed_to for mail in handed)
        assert all(ends[mail.number] <= confirmed_to for mail in confirmed)
    handover.settle(0, 0)
    assert not handover
