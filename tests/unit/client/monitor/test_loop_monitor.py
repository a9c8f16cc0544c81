import random
import statistics
from collections.abc import Callable, Iterator

import pytest

from nymconnect.client.monitor.loop_monitor import (
    MAXIMUM_LEAD,
    MAXIMUM_PATIENCE,
    MINIMUM_LEAD,
    MINIMUM_PATIENCE,
    STILLNESS,
    LoopMonitor,
    PathDelay,
)
from nymconnect.packet.addressing import NodeAddress

LAYERS = tuple(tuple(NodeAddress(f"10.0.{layer}.{number}", 1789) for number in (1, 2)) for layer in (1, 2, 3))
BAD = LAYERS[1][0]
Path = tuple[NodeAddress, ...]


class Traffic:
    """Loops through a network whose mix BAD drops a share of what it gets."""

    def __init__(self, seed: int, base_loss: float = 0.01, drop: float = 0.0) -> None:
        self.rng = random.Random(seed)
        self.monitor = LoopMonitor()
        self.base_loss, self.drop = base_loss, drop
        self.now, self.serial = 0.0, 0

    def loop(self) -> None:
        self.now += 1 / 55
        self.serial += 1
        selector = self.serial.to_bytes(32, "big")
        path = tuple(self.rng.choice(layer) for layer in LAYERS)
        self.monitor.start(selector, path, 0.045, self.now)
        lost = self.rng.random() < self.base_loss or (BAD in path and self.rng.random() < self.drop)
        if not lost:
            self.monitor.back(selector, self.now + 0.05)
        self.monitor.wake(self.now + MAXIMUM_PATIENCE)  # nobody waits in this test

    def loops_until_alarm(self, limit: int = 5000) -> int:
        for count in range(1, limit):
            self.loop()
            if self.monitor.dropping:
                return count
        return limit


def test_a_mix_that_drops_is_noticed_and_named():
    counts = []
    for seed in range(20):
        traffic = Traffic(seed, drop=0.25)  # half of all loops visit it: 12 % more loss
        counts.append(traffic.loops_until_alarm())
        for _ in range(2000):
            traffic.loop()
        assert traffic.monitor.suspects == {BAD}
    assert statistics.median(counts) < 200


def test_an_honest_network_raises_no_alarm():
    traffic = Traffic(3)
    for _ in range(50_000):
        traffic.loop()
        assert not traffic.monitor.dropping
    assert traffic.monitor.suspects == frozenset()


def test_the_base_loss_of_a_lossy_network_is_learned():
    traffic = Traffic(4, base_loss=0.03)
    for _ in range(50_000):
        traffic.loop()
    assert traffic.monitor.base_loss == pytest.approx(0.03, abs=0.01)
    assert traffic.monitor.loss == pytest.approx(0.03, abs=0.02)


def test_an_alarm_ends_when_the_dropping_ends():
    traffic = Traffic(5, drop=0.5)
    traffic.loops_until_alarm()
    traffic.drop = 0.0
    for _ in range(500):
        traffic.loop()
    assert not traffic.monitor.dropping
    for _ in range(20_000):
        traffic.loop()
    assert traffic.monitor.suspects == frozenset()


def test_delay_is_what_the_drawn_delays_do_not_explain():
    monitor = LoopMonitor()
    monitor.start(b"s" * 32, (), 0.045, 10.0)
    monitor.back(b"s" * 32, 10.060)
    assert monitor.statistics().delay == pytest.approx(0.015)


def test_a_loop_counts_once():
    monitor = LoopMonitor()
    monitor.start(b"s" * 32, (), 0.0, 0.0)
    monitor.back(b"s" * 32, 1.0)
    monitor.back(b"s" * 32, 1.0)
    monitor.wake(5.0)
    assert (monitor.sent, monitor.returned, monitor.lost) == (1, 1, 0)
    assert monitor.deadline is None


def test_what_was_under_way_when_the_link_broke_is_no_loss():
    monitor = LoopMonitor()
    monitor.start(b"s" * 32, (), 0.0, 0.0)
    monitor.forget_outstanding()
    monitor.wake(5.0)
    assert monitor.lost == 0


def test_nodes_that_left_are_forgotten():
    traffic = Traffic(6, drop=0.5)
    for _ in range(2000):
        traffic.loop()
    traffic.monitor.keep_only(node for layer in LAYERS for node in layer if node != BAD)
    assert traffic.monitor.suspects == frozenset()


def selector_of(serial: int) -> bytes:
    return serial.to_bytes(32, "big")


def test_late_loops_make_us_wait_longer_and_are_not_lost_after_all():
    monitor, now = LoopMonitor(), 0.0
    for serial in range(200):
        now += 0.02
        monitor.start(selector_of(serial), (), 0.0, now)
    late = now + STILLNESS + 4.0
    monitor.wake(late)
    assert (monitor.lost, monitor.dropping) == (200, True)
    for serial in range(200):  # all of them come back seconds late
        monitor.back(selector_of(serial), late)
    assert (monitor.lost, monitor.returned, monitor.loss, monitor.dropping) == (0, 200, 0.0, False)
    monitor.start(b"x" * 32, (), 0.0, now)
    assert monitor.deadline is not None
    assert monitor.deadline - now > 4.0


# --- overtaken ------------------------------------------------------------------------------------------------------

PATHS = ((LAYERS[0][0], LAYERS[1][0], LAYERS[2][0]), (LAYERS[0][1], LAYERS[1][1], LAYERS[2][1]))


def test_a_loop_that_others_have_overtaken_on_each_of_its_mixes_is_lost():
    monitor = LoopMonitor()
    monitor.start(selector_of(0), PATHS[0], 0.0, 10.0)
    monitor.start(selector_of(1), PATHS[1], 0.0, 10.0 + MINIMUM_LEAD + 0.01)
    monitor.start(selector_of(2), PATHS[0], 0.0, 10.0 + MINIMUM_LEAD + 0.02)
    monitor.back(selector_of(1), 10.0 + MINIMUM_LEAD + 0.01)
    assert monitor.lost == 0  # a mix of the first one may stand still
    monitor.back(selector_of(2), 10.0 + MINIMUM_LEAD + 0.02)
    assert monitor.lost == 1


def test_drawn_delays_are_no_reason_to_be_overtaken():
    monitor = LoopMonitor()
    monitor.start(selector_of(0), PATHS[0], 5.0, 10.0)
    for serial in range(1, 20):
        monitor.start(selector_of(serial), PATHS[0], 0.0, 10.0 + serial / 10)
        monitor.back(selector_of(serial), 10.0 + serial / 10)
    assert monitor.lost == 0


def test_where_nothing_comes_back_time_decides():
    monitor = LoopMonitor()
    monitor.start(selector_of(0), PATHS[0], 0.1, 10.0)
    assert monitor.deadline == pytest.approx(10.1 + MINIMUM_PATIENCE + STILLNESS)
    monitor.wake(10.0 + MINIMUM_PATIENCE + STILLNESS)
    assert monitor.lost == 0
    assert monitor.deadline is not None
    monitor.wake(monitor.deadline)
    assert monitor.lost == 1
    assert monitor.deadline is None


def all_return(
    rng: random.Random, rate: float, count: int, arrival: Callable[[float, Path], float]
) -> Iterator[LoopMonitor]:
    """The monitor after each of so many loops at a Poisson rate; each returns at `arrival` of its start and path."""
    monitor, now, returns = LoopMonitor(), 100.0, []
    for serial in range(count):
        now += rng.expovariate(rate)
        path = tuple(rng.choice(layer) for layer in LAYERS)
        monitor.start(selector_of(serial), path, 0.045, now)
        returns.append((arrival(now, path), serial))
        returns.sort()
        while returns and returns[0][0] <= now:
            monitor.back(selector_of(returns[0][1]), returns.pop(0)[0])
        monitor.wake(now)
        yield monitor


@pytest.mark.parametrize("stall", [0.3, 0.8, 1.4])
def test_a_mix_that_stands_still_for_a_moment_drops_nothing(stall: float):
    def arrival(now: float, path: Path) -> float:
        held_up = BAD in path and 120.0 < now < 120.0 + stall
        return (120.0 + stall if held_up else now) + 0.05

    for monitor in all_return(random.Random(7), 55.0, 2000, arrival):
        assert not monitor.dropping
    assert monitor.lost == 0


@pytest.mark.parametrize("rate", [5.0, 55.0])
@pytest.mark.parametrize("pause", [2.5, 8.0, 18.0])
def test_a_line_that_pauses_drops_nothing(pause: float, rate: float):
    """What it held up comes within a quarter of the pause, in any order."""
    rng = random.Random(8)

    def arrival(now: float, _: Path) -> float:
        at = now + 0.045 + rng.expovariate(200.0)
        return 120.0 + pause + rng.random() * pause / 4 if 120.0 < at < 120.0 + pause else at

    for monitor in all_return(rng, rate, int(60 * rate), arrival):
        assert not monitor.dropping
    assert monitor.lost == 0


def test_who_drops_beside_pauses_is_noticed_all_the_same():
    rng, monitor, now = random.Random(9), LoopMonitor(), 100.0
    for serial in range(3000):
        now += rng.expovariate(55.0) + (2.0 if serial % 300 == 299 else 0.0)
        monitor.start(selector_of(serial), tuple(rng.choice(layer) for layer in LAYERS), 0.0, now)
        if rng.random() > 0.2:
            monitor.back(selector_of(serial), now)
        monitor.wake(now)
        if monitor.dropping:
            break
    assert monitor.dropping
    assert now < 115.0


def test_a_change_is_told_once_by_whoever_makes_it():
    monitor = LoopMonitor()
    for serial in range(50):
        monitor.start(selector_of(serial), (), 0.0, 10.0 + serial / 100)
    assert monitor.wake(40.0)
    assert not monitor.wake(40.0)
    told = [monitor.back(selector_of(serial), 40.0) for serial in range(50)]
    assert told.count(True) == 1
    assert not monitor.dropping


def test_patience_follows_delay_and_deviation_within_bounds():
    way = PathDelay()
    assert way.patience == MINIMUM_PATIENCE
    for _ in range(200):
        way.took(0.2)
    assert way.patience == pytest.approx(MINIMUM_PATIENCE + 0.2, abs=0.01)
    assert way.lead == pytest.approx(MINIMUM_LEAD, abs=0.01)  # all take as long: nobody is overtaken
    for _ in range(200):
        way.took(1000.0)
    assert way.patience == MAXIMUM_PATIENCE
    way.took(0.0)
    assert way.lead == MAXIMUM_LEAD
