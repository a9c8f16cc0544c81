"""Keys of the reply SURBs that are out: how long they are kept, and how many."""

import heapq
import random

import pytest

from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.parameters import SurbParameters
from nymconnect.client.presets import PRESETS
from nymconnect.client.surbs.aliases import Alias
from nymconnect.client.surbs.issued import MAXIMUM_KEYS, STEADY_GRACE, STEADY_KEY_AGE, USE_GRACE, IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.replies import ReplySurb, reply_digest
from tests.helpers.networks import known_network

NETWORK = known_network()
RNG = random.Random(3)
ROUTE = NETWORK.topology.route_to(NETWORK.gateways[0].identity, 0.0, RNG)
OWNER = Recipient(NETWORK.gateways[0].identity, b"e" * 32, NETWORK.gateways[0].identity)
NOBODY: Suspects = frozenset()
HOLDER = Recipient(NETWORK.gateways[0].identity, b"h" * 32, NETWORK.gateways[0].identity)
LIMITS = SurbParameters()
TEMPLATE = ReplySurb.create(OWNER, ROUTE, RNG)


def surb(_now: float) -> ReplySurb:
    """A key of its own around a header that nobody sends: hours of them in no time."""
    return ReplySurb(RNG.randbytes(16), TEMPLATE.surb)


def supply() -> IssuedSurbs:
    return IssuedSurbs(LIMITS, surb, RNG)


def give_for(giving: IssuedSurbs, rate: float, start: float, seconds: float, lost: int = 1) -> int:
    """Supply `rate` a second and have all but each `lost`-th come back at once; the most keys that were held."""
    most, packets = 0, int(rate * seconds / 3)
    for packet in range(packets):
        now = start + packet * 3 / rate
        for number, given in enumerate(giving.give(HOLDER, 3, now, NOBODY)):
            if (packet * 3 + number) % lost:
                assert giving.take_key(given.digest) == (given.key, HOLDER)
        giving.purge(now)
        most = max(most, giving.keys_held)
    return most


@pytest.mark.parametrize("name", ["balanced", "wallet"])
def test_a_steady_supply_leaves_a_bounded_number_of_keys(name: str) -> None:
    traffic = PRESETS[name].traffic
    rate = traffic.supply_rate * 3
    giving = supply()
    giving.supply_steadily(HOLDER, traffic.reply_rate, 0.0)
    bound = LIMITS.most_held + STEADY_GRACE * rate + 4
    life = bound / rate  # seconds
    first = give_for(giving, rate, 0.0, 1.2 * life, lost=8)
    later = give_for(giving, rate, 2 * life, 1.5 * life, lost=8)
    assert first == pytest.approx(later, abs=3)
    assert bound / 8 - 3 < later <= bound / 8 + 3
    assert give_for(giving, rate, 4 * life, 1.2 * life) <= bound  # nothing comes back any more


def test_a_holder_that_uses_its_stock_after_minutes_without_a_link_is_still_understood() -> None:
    giving = supply()
    giving.supply_steadily(HOLDER, 50.0, 0.0)
    held = [given for _ in range(LIMITS.most_held // 4) for given in giving.give(HOLDER, 4, 0.0, NOBODY)]
    pause = STEADY_KEY_AGE - 1.0
    giving.purge(pause)
    giving.give(HOLDER, int(STEADY_GRACE * 50.0), pause, NOBODY)  # more than enough to replace what it holds
    giving.purge(pause)
    assert all(giving.take_key(given.digest) for given in held)


def test_keys_of_a_steady_supply_serve_on_after_its_end_and_are_then_forgotten() -> None:
    giving = supply()
    giving.supply_steadily(HOLDER, 50.0, 0.0)
    used, unused = giving.give(HOLDER, 2, 0.0, NOBODY)
    giving.supply_steadily(HOLDER, 0.0, 1.0)
    giving.purge(STEADY_KEY_AGE)
    assert giving.take_key(used.digest) == (used.key, HOLDER)
    giving.purge(STEADY_KEY_AGE + 1)
    assert giving.keys_held == 0
    assert giving.take_key(unused.digest) is None


def test_keys_that_were_asked_for_are_not_crowded_out_by_a_steady_supply() -> None:
    giving = supply()
    (asked,) = giving.give(OWNER, 1, 0.0, NOBODY)
    giving.supply_steadily(HOLDER, 50.0, 0.0)
    give_for(giving, 50.0, 0.0, 150.0)
    assert giving.take_key(asked.digest) == (asked.key, OWNER)


def test_a_later_run_gets_the_keys_that_were_asked_for_only() -> None:
    giving = supply()
    (asked,) = giving.give(OWNER, 1, 0.0, NOBODY)
    giving.supply_steadily(HOLDER, 50.0, 0.0)
    giving.give(HOLDER, 30, 0.0, NOBODY)
    assert [reply_digest(issued.key) for issued in giving.issued(5.0)] == [asked.digest]


def test_what_is_withheld_is_owed_and_paid_afterwards() -> None:
    giving = supply()
    giving.give(HOLDER, 3, 0.0, NOBODY)
    giving.promise(HOLDER, 5)
    giving.withhold(HOLDER, True)
    assert giving.debts == []
    assert giving.grant(HOLDER, 20)
    giving.withhold(HOLDER, False)
    assert giving.debts == [(HOLDER, 25)]


TAG = b"t" * 16


def test_a_holder_that_is_given_more_than_it_uses_leaves_a_bounded_number_of_keys_and_is_understood() -> None:
    """Hours of streams: each gives thirty SURBs, of which ten are used; packets are late by up to half a minute."""
    giving, holder, rng, alias = supply(), ReceivedSurbs(LIMITS), random.Random(5), Alias.of(HOLDER, 7)
    giving.expect_oldest_first(HOLDER)
    under_way: list[tuple[float, int, ReplySurb]] = []
    most = [0, 0]
    for number in range(2000):
        now = number * 5.0
        for each in giving.give(alias, 30, now, NOBODY):
            heapq.heappush(under_way, (now + rng.choice((0.1, 0.1, 30.0)), rng.randrange(2**32), each))
        while under_way and under_way[0][0] <= now:
            holder.add(TAG, [heapq.heappop(under_way)[2]], now)
        for _ in range(10):
            if (used := holder.take(TAG)) is not None:
                assert giving.take_key(used.digest) == (used.key, alias)
        giving.purge(now)
        most[number // 1000] = max(most[number // 1000], giving.keys_held)
    assert most[0] < 2 * LIMITS.most_held + 30 / 5.0 * USE_GRACE + 60
    assert most[1] <= most[0] + 30


def test_the_keys_of_a_holder_of_others_stay_until_they_are_old() -> None:
    giving = supply()
    giving.expect_oldest_first(HOLDER)
    (first,) = giving.give(OWNER, 1, 0.0, NOBODY)
    for number in range(100):
        (*_, last) = giving.give(OWNER, 10, number * 60.0, NOBODY)
        assert giving.take_key(last.digest) == (last.key, OWNER)
        giving.purge(number * 60.0)
    assert giving.take_key(first.digest) == (first.key, OWNER)


def test_what_is_given_to_one_holder_takes_no_key_of_another() -> None:
    giving, few = supply(), Alias.of(HOLDER, 1)
    giving.expect_oldest_first(HOLDER)
    (own,) = giving.give(few, 1, 0.0, NOBODY)
    for number in range(MAXIMUM_KEYS // 1000 + 3):
        giving.give(HOLDER, 1000, 1.0 + number, NOBODY)
    assert giving.keys_held == MAXIMUM_KEYS
    assert giving.take_key(own.digest) == (own.key, few)


def test_a_later_run_gets_the_keys_of_all_holders_oldest_first() -> None:
    giving = supply()
    giving.expect_oldest_first(HOLDER)
    given = [giving.give(to, 1, now, NOBODY)[0] for now, to in enumerate((OWNER, HOLDER, OWNER, Alias.of(HOLDER, 3)))]
    assert [issued.key for issued in giving.issued(5.0)] == [each.key for each in given]


def test_who_is_forgotten_is_not_understood_any_more() -> None:
    giving = supply()
    giving.expect_oldest_first(HOLDER)
    (given,) = giving.give(HOLDER, 1, 0.0, NOBODY)
    giving.forget(HOLDER)
    assert (giving.take_key(given.digest), giving.keys_held) == (None, 0)
