"""What is in the way of a request: its sentence, its count, and how often the log says it."""

import pytest

from nymconnect.runtime.repeats import PAUSE
from nymconnect_proxy.socks.refusals import Obstacle, TurnedAway


@pytest.mark.parametrize("obstacle", [Obstacle.PORT_FULL, Obstacle.SENDER_FULL])
def test_a_bound_of_ours_is_named(obstacle: Obstacle) -> None:
    assert " 512 connections" in obstacle.sentence(512)


def test_everybody_is_counted_and_the_log_hears_of_each_obstacle_once_a_minute() -> None:
    turned = TurnedAway()
    assert [turned.note(Obstacle.PORT_FULL, now) for now in (5.0, 5.0, 5.0 + PAUSE / 2)] == [True, False, False]
    assert turned.note(Obstacle.PRIVATE_NAME, 6.0)
    assert turned.note(Obstacle.PORT_FULL, 5.0 + PAUSE)
    assert turned.counts == {Obstacle.PORT_FULL: 4, Obstacle.PRIVATE_NAME: 1}
