"""What a gateway pushes at a constant rate, in virtual time."""

import random
from collections import Counter

import pytest

from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.node.gateway.mailbox import Mail
from nymconnect.node.gateway.paced_delivery import QUEUE_LIMIT, PacedDelivery
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize

MESSAGE = PacketSize.REGULAR.message
RATES = DeliveryRates(messages=55.0, acks=60.0)


def pushed(delivery: PacedDelivery, start: float, seconds: float) -> list[Mail]:
    """Everything that leaves in so many seconds."""
    leaving: list[Mail] = []
    for millisecond in range(int(seconds * 1000)):
        leaving += delivery.wake(start + millisecond / 1000)
    return leaving


def mail(number: int, length: int = MESSAGE) -> Mail:
    return Mail(1 + number, number.to_bytes(4, "big").rjust(length, b"\x07"))


@pytest.mark.parametrize("per_second", [0, 20, 50])
def test_what_leaves_is_the_same_whatever_comes(per_second: int) -> None:
    delivery = PacedDelivery(RATES, random.Random(per_second), 0.0)
    leaving = []
    for second in range(40):
        for number in range(per_second):
            assert delivery.take_in(mail(second * 100 + number))
            assert delivery.take_in(mail(second * 100 + number, ACK_CONTENT_LENGTH))
        leaving += pushed(delivery, float(second), 1.0)
    sizes = Counter(len(one.content) for one in leaving)
    assert set(sizes) == {MESSAGE, ACK_CONTENT_LENGTH}
    assert sizes[MESSAGE] == pytest.approx(40 * 55, rel=0.08)
    assert sizes[ACK_CONTENT_LENGTH] == pytest.approx(40 * 60, rel=0.08)
    assert sum(any(one.content) for one in leaving) == pytest.approx(80 * per_second, abs=60)


def test_mail_leaves_in_its_order() -> None:
    delivery = PacedDelivery(RATES, random.Random(1), 0.0)
    for number in range(100):
        delivery.take_in(mail(number))
    leaving = [one for one in pushed(delivery, 0.0, 4.0) if one.number]
    assert leaving == [mail(number) for number in range(100)]


def test_each_kind_has_its_own_bound() -> None:
    delivery = PacedDelivery(RATES, random.Random(2), 0.0)
    assert all(delivery.take_in(mail(number)) for number in range(QUEUE_LIMIT))
    assert not delivery.take_in(mail(0))
    assert delivery.take_in(mail(0, ACK_CONTENT_LENGTH))
    assert delivery.room == 0
    assert len(delivery.waiting) == QUEUE_LIMIT + 1


def test_a_gateway_that_was_held_up_makes_up_for_a_second_at_most() -> None:
    delivery = PacedDelivery(RATES, random.Random(3), 0.0)
    assert len(delivery.wake(0.8)) == pytest.approx(0.8 * (55 + 60), rel=0.35)
    assert delivery.deadline > 0.8
    assert len(delivery.wake(100.0)) < 10
    assert delivery.deadline > 100.0


def test_the_larger_content_of_other_sizes_counts_as_messages() -> None:
    delivery = PacedDelivery(RATES, random.Random(4), 0.0)
    large = mail(1, PacketSize.EXTENDED8.message)
    delivery.take_in(large)
    assert large in pushed(delivery, 0.0, 0.3)
