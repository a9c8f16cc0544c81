"""The multiplier by which Nym's client answers a slow link."""

import pytest

from nymconnect.client.pacer.sending_delay import (
    CALM,
    FALL_AFTER,
    HIGHEST,
    PRESSURE,
    QUEUE_LIMIT,
    RISE_AFTER,
    SendingDelay,
)


def test_a_full_queue_raises_it_once_a_second_and_up_to_six():
    multiplier = SendingDelay(0.0)
    values = [multiplier.look(QUEUE_LIMIT, tick / 10) for tick in range(1, 101)]
    assert values == sorted(values)
    assert values[9] == 1  # the first second
    assert [values.index(value) / 10 for value in range(2, HIGHEST + 1)] == pytest.approx([1.0, 2.1, 3.2, 4.3, 5.4])
    assert values[-1] == HIGHEST


@pytest.mark.parametrize("queued", [0, PRESSURE, PRESSURE + 1, QUEUE_LIMIT - 1])
def test_a_queue_that_is_not_full_never_raises_it(queued: int):
    multiplier = SendingDelay(0.0)
    assert {multiplier.look(queued, tick / 10) for tick in range(200)} == {1}


def raised(to: int) -> SendingDelay:
    multiplier, now = SendingDelay(-100.0), -100.0
    while multiplier.value < to:
        now += RISE_AFTER + 0.01
        multiplier.look(QUEUE_LIMIT, now)
    return multiplier


def test_it_falls_by_one_after_each_two_seconds_of_calm():
    multiplier = raised(3)
    multiplier.look(PRESSURE + 1, 0.0)
    values = [multiplier.look(PRESSURE, tick / 10) for tick in range(1, 61)]
    assert values.index(2) == 10 * CALM - 1
    assert values.index(1) - values.index(2) == pytest.approx(10 * FALL_AFTER, abs=1)
    assert values[-1] == 1


def test_pressure_keeps_it_where_it_is():
    multiplier = raised(4)
    assert {multiplier.look(PRESSURE + 1, tick / 10) for tick in range(200)} == {4}
