"""What a stranger repeats is told once in a while, with its number."""

from nymconnect.runtime.repeats import Repeats


def test_the_first_is_told_at_once_and_the_others_once_a_minute() -> None:
    repeats = Repeats()
    told = [(now, times) for now in range(130) if (times := repeats.count(float(now)))]
    assert told == [(0, 1), (60, 60), (120, 60)]


def test_none_is_lost_from_the_count() -> None:
    repeats = Repeats(10.0)
    assert sum(repeats.count(number / 1000) for number in range(40_000)) == 30_001
    assert repeats.count(1e9) == 10_000


def test_a_few_at_once_are_told_one_by_one() -> None:
    repeats = Repeats(60.0, burst=3)
    assert [repeats.count(float(now)) for now in range(6)] == [1, 1, 1, 0, 0, 0]
    assert [repeats.count(60.0 + now) for now in range(4)] == [4, 1, 1, 0]
