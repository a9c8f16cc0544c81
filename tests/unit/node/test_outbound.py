"""When a hop is left alone."""

import pytest

from nymconnect.node.outbound import BackOff


def test_back_off_doubles_from_twenty_seconds_to_five_minutes() -> None:
    back_off = BackOff()
    assert not back_off.holds(0.0)
    for pause in (20, 40, 80, 160, 300, 300):
        back_off.failed(1000.0)
        assert back_off.holds(1000.0 + pause - 0.001)
        assert not back_off.holds(1000.0 + pause)


def test_back_off_starts_afresh_after_a_success() -> None:
    back_off = BackOff()
    for _ in range(4):
        back_off.failed(0.0)
    back_off.succeeded()
    assert not back_off.holds(0.0)
    back_off.failed(0.0)
    assert not back_off.holds(20.0)


@pytest.mark.parametrize("failures", [1, 50, 5000])
def test_back_off_never_exceeds_its_limit(failures: int) -> None:
    back_off = BackOff()
    for _ in range(failures):
        back_off.failed(0.0)
    assert not back_off.holds(300.0)
