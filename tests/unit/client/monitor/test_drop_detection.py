"""The cumulative sum and the base loss, fed with fates of loops that are drawn here."""

import random
import statistics

import pytest

from nymconnect.client.monitor.drop_detection import (
    MAXIMUM_BASE_LOSS,
    MINIMUM_BASE_LOSS,
    NAMED_AFTER,
    SECONDS_BETWEEN_FALSE_ALARMS,
    BaseLoss,
    DropTest,
    LayerTallies,
    log_ratios,
    threshold,
)
from nymconnect.packet.addressing import NodeAddress

RATE = 5.0
NODES = [NodeAddress(f"10.0.0.{number}", 1789) for number in range(1, 5)]


def feed(test: DropTest, loss: float, loops: int, rng: random.Random) -> int:
    """Loops until the alarm, at most `loops`."""
    for count in range(1, loops + 1):
        test.observe(rng.random() < loss, RATE)
        if test.dropping:
            return count
    return loops


def trained(rng: random.Random, loss: float = 0.01) -> DropTest:
    test = DropTest()
    feed(test, loss, 5000, rng)
    return test


def test_a_tenth_dropped_is_found_within_seconds():
    counts = []
    for seed in range(100):
        rng = random.Random(seed)
        counts.append(feed(trained(rng), 0.109, 5000, rng))
    assert statistics.median(counts) < 15 * RATE
    assert max(counts) < 60 * RATE


def test_false_alarms_are_as_rare_as_they_are_meant_to_be():
    """A sum over returns between drawn losses, so that weeks take a second."""
    rng, base_loss = random.Random(1), 0.02
    (lost, returned), limit = log_ratios(base_loss), threshold(base_loss, RATE)
    alarms, total, loops = 0, 0.0, 0.0
    while loops < 60 * SECONDS_BETWEEN_FALSE_ALARMS * RATE / 2:
        returns = int(rng.expovariate(base_loss))
        loops += returns + 1
        total = max(0.0, total + returns * returned) + lost
        if total >= limit:
            alarms, total = alarms + 1, 0.0
    assert 15 <= alarms <= 60  # 30 expected


def test_more_loops_need_more_evidence():
    assert threshold(0.01, 55.0) > threshold(0.01, 5.0)
    assert threshold(0.01, 1e-9) > 0


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.04, 0.2])
def test_the_base_loss_is_learned_within_its_bounds(loss: float):
    base, rng = BaseLoss(), random.Random(2)
    for _ in range(50_000):
        base.saw(rng.random() < loss)
        base.learn()
    assert base.share == pytest.approx(min(max(loss, MINIMUM_BASE_LOSS), MAXIMUM_BASE_LOSS), abs=0.004)


def test_an_attack_is_not_learned():
    rng = random.Random(3)
    test = trained(rng)
    before = test.base.share
    feed(test, 0.109, 5000, rng)
    assert test.dropping
    for _ in range(5000):
        test.observe(rng.random() < 0.109, RATE)
    assert test.dropping
    assert test.base.share == pytest.approx(before, abs=0.002)


def test_an_alarm_ends_with_the_dropping_and_not_before():
    rng = random.Random(4)
    test = trained(rng)
    feed(test, 0.5, 5000, rng)
    for _ in range(20):
        test.observe(False, RATE)
    assert test.dropping
    for _ in range(300):
        test.observe(rng.random() < 0.01, RATE)
    assert not test.dropping


def test_losses_that_are_taken_back_end_the_alarm_that_they_raised():
    test = trained(random.Random(5))
    for _ in range(12):
        test.observe(True, RATE)
    assert test.dropping
    for _ in range(12):
        test.take_back()
    assert not test.dropping


def test_a_network_that_loses_more_than_any_honest_one_counts_as_dropping():
    test = DropTest()
    assert feed(test, 0.2, 1000, random.Random(6)) < 200


def layer(lost_of: dict[int, int], loops: int) -> LayerTallies:
    tallies = LayerTallies()
    for index, node in enumerate(NODES):
        for number in range(loops):
            tallies.of(node).count(number < lost_of.get(index, 0))
    return tallies


def test_who_loses_more_than_the_rest_of_the_layer_is_named():
    assert layer({1: 30}, 200).named() == {NODES[1]}
    assert layer({1: 30, 2: 28}, 200).named() == {NODES[1], NODES[2]}


@pytest.mark.parametrize("lost", [{}, {1: 6}, {0: 30, 1: 32, 2: 28, 3: 30}])
def test_nobody_is_named_where_nobody_stands_out(lost: dict[int, int]):
    assert layer(lost, 200).named() == frozenset()


def test_a_few_loops_name_nobody():
    assert layer({1: NAMED_AFTER - 1}, NAMED_AFTER - 1).named() == frozenset()


def test_a_single_node_of_a_layer_cannot_be_compared():
    tallies = LayerTallies()
    for _ in range(500):
        tallies.of(NODES[0]).count(True)
    assert tallies.named() == frozenset()


def test_old_evidence_fades_and_nodes_that_left_are_forgotten():
    tallies = layer({1: 100}, 400)
    assert tallies.named() == {NODES[1]}
    for _ in range(20_000):
        for node in NODES:
            tallies.of(node).count(False)
    assert tallies.named() == frozenset()
    tallies = layer({1: 100}, 400)
    tallies.keep_only([NODES[0], NODES[2]])
    assert tallies.named() == frozenset()
