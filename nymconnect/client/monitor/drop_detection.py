"""The statistics behind the alarm that somebody drops packets: a sequential test, and what an honest network loses.

The test is a cumulative sum (Page, 1954): each loop adds the logarithm of how much likelier its fate is where a tenth
of the packets is dropped on top of the base loss, and the sum is not allowed below zero. It is the quickest of all
tests that ring as rarely (Moustakides, 1986); Wald's, begun anew after each verdict, needs a second one to be as sure.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nymconnect.packet.addressing import NodeAddress

DETECTABLE_DROP = 0.1
# The mean time between false alarms in an honest network: a person who hears one each day stops listening. The
# threshold computed from it is an approximation; two to six days were measured (benchmarks/privacy/loops.py).
SECONDS_BETWEEN_FALSE_ALARMS = 7 * 86400.0
# A sum that passes the threshold lands beyond it, by about this much; the threshold is lowered by as much.
OVERSHOOT = 1.3
MINIMUM_BASE_LOSS, MAXIMUM_BASE_LOSS = 0.01, 0.05
# The share that a network is taken to lose before it has been seen, and how many loops that guess counts for.
PRIOR_LOSS, PRIOR_LOOPS = 0.03, 50
BASE_LOSS_MEMORY = 20_000  # loops
# A node is named from this many loops through it and this many standard deviations above its layer.
NAMED_AFTER, NAMED_ABOVE = 40, 4.0
# Old evidence fades, so that a node which has recovered is cleared.
EVIDENCE = 2000


def log_ratios(base_loss: float) -> tuple[float, float]:
    """What a loop that is lost, and one that returns, adds to the sum; the second is negative."""
    dropped_loss = 1 - (1 - base_loss) * (1 - DETECTABLE_DROP)
    return math.log(dropped_loss / base_loss), math.log(1 - DETECTABLE_DROP)


def threshold(base_loss: float, loops_per_second: float) -> float:
    """The sum at which the alarm is raised, from the mean time between false ones (Siegmund, 1985, section 2.6)."""
    lost, returned = log_ratios(base_loss)
    drift = -(base_loss * lost + (1 - base_loss) * returned)  # of an honest network, per loop
    loops = max(SECONDS_BETWEEN_FALSE_ALARMS * loops_per_second, 1e4)
    return math.log(loops * drift) - OVERSHOOT


@dataclass(slots=True)
class BaseLoss:
    """What an honest network loses.

    What was seen while the sum was above zero waits: it is learned when the sum has come back, and forgotten when it
    has ended in an alarm. So an attack does not become the measure by which it is judged.
    """

    _lost: float = PRIOR_LOSS * PRIOR_LOOPS
    _total: float = PRIOR_LOOPS
    _waiting_lost: int = 0
    _waiting: int = 0

    @property
    def share(self) -> float:
        """The estimate, within its bounds."""
        return min(max(self._lost / self._total, MINIMUM_BASE_LOSS), MAXIMUM_BASE_LOSS)

    def saw(self, lost: bool) -> None:
        """One more loop."""
        self._waiting += 1
        self._waiting_lost += lost

    def learn(self) -> None:
        """What waits was honest."""
        self._total += self._waiting
        self._lost += self._waiting_lost
        if self._total > BASE_LOSS_MEMORY:
            self._total, self._lost = self._total / 2, self._lost / 2
        self.forget()

    def forget(self) -> None:
        """What waits was not."""
        self._waiting = self._waiting_lost = 0


@dataclass(slots=True)
class DropTest:
    """The cumulative sum. `dropping` is set when the sum reaches the threshold, and cleared when it is back at zero."""

    dropping: bool = False
    base: BaseLoss = field(default_factory=BaseLoss)
    _sum: float = 0.0

    def observe(self, lost: bool, loops_per_second: float) -> None:
        """Take one loop in, lost or not, of a client that sends `loops_per_second`."""
        base_loss = self.base.share
        ratios = log_ratios(base_loss)
        self.base.saw(lost)
        self._sum += ratios[0] if lost else ratios[1]
        if self._sum <= 0:
            self._settle()
        elif lost and self._sum >= (limit := threshold(base_loss, loops_per_second)):
            self._sum, self.dropping = limit, True

    def take_back(self) -> None:
        """A loop that was taken for lost has returned after all."""
        lost, returned = log_ratios(self.base.share)
        self._sum += returned - lost
        if self._sum <= 0:
            self._settle()

    def _settle(self) -> None:
        self._sum = 0.0
        if self.dropping:
            self.base.forget()
        else:
            self.base.learn()
        self.dropping = False


@dataclass(slots=True)
class Tally:
    """What became of the loops through one node."""

    returned: float = 0.0
    lost: float = 0.0

    @property
    def total(self) -> float:
        return self.returned + self.lost

    def count(self, lost: bool) -> None:
        """One more, and the old ones fade."""
        self.lost += lost
        self.returned += not lost
        if self.total > EVIDENCE:
            self.returned /= 2
            self.lost /= 2

    def take_back(self) -> None:
        """One that counted as lost has returned."""
        if self.lost >= 1:
            self.lost -= 1
            self.returned += 1


class LayerTallies:
    """Who of one layer drops.

    That shows only in comparison with the same layer, since a mix that drops also spoils the loops of all mixes in the
    other layers: a node is named when it loses significantly more than the rest of its layer together.
    """

    def __init__(self) -> None:
        self._tallies: dict[NodeAddress, Tally] = {}

    def of(self, node: NodeAddress) -> Tally:
        """The tally of a node of this layer."""
        return self._tallies.setdefault(node, Tally())

    def keep_only(self, nodes: Iterable[NodeAddress]) -> None:
        """Forget nodes that left the network."""
        known = set(nodes)
        self._tallies = {node: tally for node, tally in self._tallies.items() if node in known}

    def named(self) -> frozenset[NodeAddress]:
        """The nodes that stand out."""
        return frozenset(_standing_out(self._tallies))


def _standing_out(tallies: Mapping[NodeAddress, Tally]) -> Iterable[NodeAddress]:
    all_lost, everything = (
        sum(tally.lost for tally in tallies.values()),
        sum(tally.total for tally in tallies.values()),
    )
    for node, own in tallies.items():
        others, others_lost = everything - own.total, all_lost - own.lost
        if own.total < NAMED_AFTER or others < NAMED_AFTER:
            continue
        # The difference of two shares, in standard deviations; half a loss more keeps the deviation from being zero.
        pooled = (all_lost + 0.5) / (everything + 1)
        deviation = math.sqrt(pooled * (1 - pooled) * (1 / own.total + 1 / others))
        if own.lost / own.total - others_lost / others > max(NAMED_ABOVE * deviation, DETECTABLE_DROP / 2):
            yield node
