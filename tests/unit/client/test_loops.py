import random
import statistics
from collections import Counter

import pytest

from nymconnect.client.loops import (
    CONFIRMATIONS,
    MAXIMUM_PATIENCE,
    MINIMUM_PATIENCE,
    DropTest,
    LoopMonitor,
    Verdict,
    Way,
)
from nymconnect.packet.addressing import NodeAddress

LAYERS = tuple(tuple(NodeAddress(f"10.0.{layer}.{number}", 1789) for number in (1, 2)) for layer in (1, 2, 3))
BAD = LAYERS[1][0]


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


def test_the_sequential_test_needs_the_loops_that_wald_predicts():
    needed, verdicts = [], Counter[Verdict]()
    for seed in range(200):
        rng, test, count = random.Random(seed), DropTest(), 0
        verdict = None
        while verdict is None:
            count += 1
            verdict = test.observe(rng.random() < 0.109, 0.01)
        verdicts[verdict] += 1
        needed.append(count)
    assert verdicts[Verdict.DROPPING] >= 195
    assert statistics.mean(needed) == pytest.approx(54, rel=0.25)


def test_a_mix_that_drops_is_noticed_and_named():
    counts = []
    for seed in range(20):
        traffic = Traffic(seed, drop=0.25)  # half of all loops visit it: 12 % more loss
        counts.append(traffic.loops_until_alarm())
        for _ in range(2000):
            traffic.loop()
        assert traffic.monitor.suspects(LAYERS) == {BAD}
    assert statistics.median(counts) < 54 * CONFIRMATIONS * 2


def test_an_honest_network_raises_no_alarm():
    traffic = Traffic(3)
    for _ in range(50_000):
        traffic.loop()
        assert not traffic.monitor.dropping
    assert traffic.monitor.suspects(LAYERS) == frozenset()


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
    assert traffic.monitor.suspects(LAYERS) == frozenset()


def test_delay_is_what_the_drawn_delays_do_not_explain():
    monitor = LoopMonitor()
    monitor.start(b"s" * 32, (), 0.045, 10.0)
    monitor.back(b"s" * 32, 10.060)
    assert monitor.statistics(LAYERS).delay == pytest.approx(0.015)


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
    assert traffic.monitor.suspects(LAYERS) == frozenset()


def test_late_loops_make_us_wait_longer():
    monitor, now = LoopMonitor(), 0.0
    for serial in range(200):
        now += 0.02
        monitor.start(serial.to_bytes(32, "big"), (), 0.0, now)
    for serial in range(200):  # the machine was busy: all of them come back seconds late
        monitor.wake(now + 4.0)
        monitor.back(serial.to_bytes(32, "big"), now + 4.0)
    assert monitor.lost == 200
    monitor.start(b"x" * 32, (), 0.0, now)
    assert monitor.deadline is not None
    assert monitor.deadline - now > 4.0


def test_patience_follows_delay_and_deviation_within_bounds():
    way = Way()
    assert way.patience == MINIMUM_PATIENCE
    for _ in range(200):
        way.took(0.2)
    assert way.patience == pytest.approx(MINIMUM_PATIENCE + 0.2, abs=0.01)
    for _ in range(200):
        way.took(1000.0)
    assert way.patience == MAXIMUM_PATIENCE
