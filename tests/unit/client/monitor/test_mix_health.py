from nymconnect.client.monitor.mix_health import PROBATION, SUSPECT_AFTER, MixHealth
from nymconnect.packet.addressing import NodeAddress

DEAD, ALIVE = NodeAddress("10.0.0.1", 1789), NodeAddress("10.0.0.2", 1789)


def failing_health() -> MixHealth:
    health = MixHealth()
    for _ in range(SUSPECT_AFTER):
        health.failed([DEAD], 0.0)
    return health


def test_a_node_without_any_success_is_suspected():
    health = failing_health()
    assert health.suspects(1.0) == {DEAD}


def test_one_success_clears_a_node():
    health = failing_health()
    health.succeeded([DEAD])
    assert health.suspects(1.0) == frozenset()


def test_a_node_that_sometimes_works_is_not_suspected():
    health = MixHealth()
    for _ in range(5 * SUSPECT_AFTER):
        health.failed([DEAD, ALIVE], 0.0)
        health.succeeded([ALIVE])
    assert health.suspects(1.0) == {DEAD}


def test_probation_ends_and_fewer_failures_bring_it_back():
    health = failing_health()
    assert health.suspects(PROBATION + 1) == frozenset()
    for _ in range(SUSPECT_AFTER // 2):
        health.failed([DEAD], PROBATION + 2)
    assert health.suspects(PROBATION + 3) == {DEAD}


def test_nodes_that_left_are_forgotten():
    health = failing_health()
    health.keep_only([ALIVE])
    assert health.suspects(1.0) == frozenset()
