"""Who has most and what has been idle longest, beside a plain search over all."""

import itertools
import random
import time
from collections import defaultdict

import pytest

from nymconnect_proxy.exit.admission import AdmissionLimits, Admissions, StreamKey
from nymconnect_proxy.exit.ranking import Idlest, Most
from nymconnect_proxy.protocol.requests import Connect, Send


@pytest.mark.parametrize("seed", range(5))
def test_the_top_is_what_a_search_over_all_would_find(seed: int) -> None:
    rng = random.Random(seed)
    active: dict[tuple[int, int], float] = {}
    serials: dict[tuple[int, int], int] = {}
    numbers = itertools.count()
    groups: dict[int, Idlest[tuple[int, int]]] = defaultdict(lambda: Idlest(active.__getitem__, numbers))
    most = Most(lambda owner: groups[owner].rank())
    assert most.top() is None
    for number in range(3000):
        owner = rng.randrange(8)
        mine = [item for item in active if item[0] == owner]
        if not mine or rng.random() < 0.5:
            item = (owner, number)
            serials[item] = number
            groups[owner].add(item)
            active[item] = number - rng.choice((0, 0, 7))
        else:
            item = rng.choice(mine)
            groups[owner].remove(item)
            del active[item]
        if groups[owner]:
            most.change(owner, len(groups[owner]))
        elif mine:
            most.forget(owner)
        for item in rng.sample(list(active), len(active) // 4):
            active[item] += rng.choice((0, 1, 100))
        top = most.top()
        if not active:
            assert top is None
            continue
        assert top is not None
        counts = {one: len([item for item in active if item[0] == one]) for one in range(8)}
        candidates = [item for item in active if counts[item[0]] == max(counts.values())]
        assert most.amount(top) == max(counts.values())
        assert groups[top].first() == min(candidates, key=lambda item: (active[item], serials[item]))


def test_what_comes_and_goes_leaves_nothing_behind() -> None:
    most: Most[int] = Most(lambda _: (0.0, 0))
    idlest: Idlest[int] = Idlest(lambda _: 0.0, itertools.count())
    for number in range(10_000):
        most.change(number, 1 + number % 3)
        idlest.add(number)
        if number >= 10:
            most.forget(number - 10)
            idlest.remove(number - 10)
    assert len(idlest) == 10
    assert len(most._heap) < 100
    assert len(idlest._heap) < 100


def test_a_flood_costs_no_more_where_more_is_held() -> None:
    def cost(held_streams: int) -> float:
        """Seconds for 2,000 Sends, each of another tag, at an exit that holds all it may."""
        admissions = Admissions(AdmissionLimits(held_streams=held_streams))

        def flood(numbers: range) -> None:
            for number in numbers:
                admissions.hold(StreamKey(number.to_bytes(16, "big"), 1), Send(1, 0), 0.0)

        flood(range(held_streams))
        began = time.process_time()
        flood(range(held_streams, held_streams + 2000))
        return time.process_time() - began

    few, many = (min(cost(held) for _ in range(3)) for held in (64, 8192))
    assert many < 10 * few  # a search over all would make it a hundred


def test_a_full_exit_looks_at_few_streams_for_each_newcomer() -> None:
    asked = [0]

    def last_active(_: StreamKey) -> float:
        asked[0] += 1
        return 0.0

    limits = AdmissionLimits(connections=1000, connections_for_newcomers=0)
    admissions = Admissions(limits, last_active)
    for number in range(limits.connections):
        admissions.admit(Connect(number, "x:1"), b"tag %d" % (number // 2), 0.0)
    assert asked == [0]
    for number in range(400):
        admissions.admit(Connect(1, "x:1"), b"new %d" % number, 1.0)
    assert len(admissions) == limits.connections
    assert asked[0] < 20 * 400
