"""The window of an unpaced sender: when it shrinks, and when it grows again."""

import pytest

from nymconnect.client.sending.congestion_window import CROWDED, GROWTH, LEAST, RISE, SHRINK, CongestionWindow

MOST = 1024


def seen(window: CongestionWindow, beyond: float, in_flight: int, loops: int = 1) -> int:
    for _ in range(loops):
        window.look(beyond, in_flight)
    return window.size


def test_a_window_that_does_not_adapt_stays_as_it_is() -> None:
    assert seen(CongestionWindow(MOST, adapts=False), 10.0, 5, loops=100) == MOST


def test_a_calm_way_changes_nothing_however_long_it_is() -> None:
    assert seen(CongestionWindow(MOST, adapts=True), 3.0, 500, loops=100) == MOST


def test_a_crowded_way_shrinks_the_window_at_once_below_what_is_under_way() -> None:
    window = CongestionWindow(MOST, adapts=True)
    seen(window, 0.02, 200)
    assert seen(window, 0.02 + 2 * CROWDED, 200) == int(200 * SHRINK)
    assert seen(window, 0.02 + 2 * CROWDED, 200, loops=100) == LEAST


def test_a_full_window_grows_again_and_an_empty_one_does_not() -> None:
    window = CongestionWindow(MOST, adapts=True)
    seen(window, 0.02, 200)
    small = seen(window, 1.0, 200, loops=10)
    assert seen(window, 0.02, small // 4, loops=50) == small
    assert seen(window, 0.02, small, loops=5) == pytest.approx(small + 5 * GROWTH, abs=1)
    assert seen(window, 0.02, MOST, loops=1000) == MOST


def test_a_way_that_has_become_longer_for_good_is_not_crowded_for_ever() -> None:
    window = CongestionWindow(MOST, adapts=True)
    seen(window, 0.02, 200)
    needed = int((0.5 - 0.02 - CROWDED) / RISE)
    assert seen(window, 0.5, 100, loops=needed - 10) == LEAST
    assert seen(window, 0.5, 100, loops=100) > 2 * LEAST
