import random
import statistics

import pytest

from nymconnect.poisson import MAXIMUM_LATENESS, PoissonStream


def test_gaps_are_exponential():
    stream, last, gaps = PoissonStream(0.02, random.Random(5), 0.0), 0.0, []
    for _ in range(5000):
        gaps.append(stream.due - last)
        last = stream.due
        assert stream.take(last)
    assert statistics.mean(gaps) == pytest.approx(0.02, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(0.02, rel=0.05)


def test_lateness_does_not_lower_the_rate():
    stream, taken = PoissonStream(0.02, random.Random(5), 0.0), 0
    for tick in range(1, 201):  # a clock that looks only every 50 ms
        while stream.take(tick * 0.05):
            taken += 1
    assert taken == pytest.approx(500, rel=0.15)


def test_a_long_pause_is_not_caught_up():
    stream = PoissonStream(0.02, random.Random(5), 0.0)
    taken = 0
    while stream.take(MAXIMUM_LATENESS + 60.0):
        taken += 1
    assert taken < 5
