"""A memory of numbers that forgets by time and by number."""

import random
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.packet.recent import GENERATIONS, RecentIds

MEMORY = 3600.0


def test_a_number_is_remembered_for_so_long_and_then_forgotten() -> None:
    recent = RecentIds(MEMORY, 100)
    recent.add(7, 10.0)
    recent.purge(10.0 + MEMORY - 1)
    assert 7 in recent
    recent.purge(10.0 + MEMORY)
    assert 7 not in recent
    assert len(recent) == 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 900)), unique_by=lambda entry: entry[0], max_size=60))
def test_nothing_is_forgotten_early_and_nothing_kept_much_longer(entries: list[tuple[int, float]]) -> None:
    recent, now, came = RecentIds(MEMORY, 10_000), 0.0, dict[int, float]()
    for number, pause in entries:
        now += pause
        recent.purge(now)
        recent.add(number, now)
        came[number] = now
        assert all(each in recent for each, at in came.items() if now - at < MEMORY)
        assert not any(each in recent for each, at in came.items() if now - at > MEMORY * (1 + 1 / GENERATIONS))


def test_the_oldest_give_way_to_more_than_there_is_room_for() -> None:
    recent = RecentIds(MEMORY, 1000)
    for number in range(5000):
        recent.add(number, 0.001 * number)
    assert 900 <= len(recent) <= 1000
    assert sum(number in recent for number in range(5000)) == len(recent)
    assert all(number in recent for number in range(4100, 5000))


def test_what_a_busy_hour_leaves_takes_little_memory() -> None:
    rng = random.Random(1)
    numbers = [rng.randrange(2**31) for _ in range(60_000)]
    tracemalloc.start()
    recent = RecentIds(MEMORY, 2**17)
    for place, number in enumerate(numbers):
        if number not in recent:
            recent.add(number, place * 0.06)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(recent) > 59_000
    assert held < 2_000_000
