"""Keys of the reply SURBs that are out: how long they are kept, and how many."""

import random

import pytest

from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.parameters import SurbParameters
from nymconnect.client.presets import PRESETS
from nymconnect.client.surbs.issued import STEADY_GRACE, STEADY_KEY_AGE, IssuedSurbs
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
