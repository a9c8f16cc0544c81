"""Own loops as a test of the network: how much is lost, how long the way is, and whether somebody drops packets.

Every cover packet of ours comes back to us, so each one measures the mixes that it visits (Loopix, USENIX Security
2017, section 4.2). A sequential test (Wald, 1945) weighs the losses seen against two hypotheses: the base loss of an
honest network, and that loss with a tenth of the packets dropped on top. At a base loss of 1 % it needs about 54 loops.
A client sends millions of loops a day, so one verdict is not an alarm: `CONFIRMATIONS` tests in a row have to agree.

Who drops shows in comparison with the same layer only, since a mix that drops also spoils the loops of all mixes in the
other layers: a node is suspected when it loses significantly more than the other nodes of its layer together.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from nymconnect.packet.addressing import NodeAddress

ALPHA, BETA = 1e-4, 1e-2  # chances that one test raises a false alarm, and that it misses
DETECTABLE_DROP = 0.1
CONFIRMATIONS = 2
MINIMUM_BASE_LOSS, MAXIMUM_BASE_LOSS = 0.01, 0.05
WINDOW = 1000  # loops that loss and delay are told from
MAXIMUM_OUTSTANDING = MAXIMUM_GIVEN_UP = 16_384
MINIMUM_PATIENCE, MAXIMUM_PATIENCE = 1.5, 30.0
# A node is named from this many loops through it and this many standard deviations above its layer.
NAMED_AFTER, NAMED_ABOVE = 40, 4.0
# Old evidence fades, so that a node which has recovered is cleared.
EVIDENCE = 2000


class Verdict(Enum):
    """What one sequential test has found."""

    HONEST = "honest"
    DROPPING = "dropping"


class DropTest:
    """Wald's sequential probability ratio test, started again after each verdict."""

    def __init__(self) -> None:
        self._log_ratio = 0.0

    def observe(self, lost: bool, base_loss: float) -> Verdict | None:
        """Take one loop in; None while the test goes on."""
        dropped_loss = 1 - (1 - base_loss) * (1 - DETECTABLE_DROP)
        chance, chance_dropping = (base_loss, dropped_loss) if lost else (1 - base_loss, 1 - dropped_loss)
        self._log_ratio += math.log(chance_dropping / chance)
        if math.log(BETA / (1 - ALPHA)) < self._log_ratio < math.log((1 - BETA) / ALPHA):
            return None
        verdict = Verdict.DROPPING if self._log_ratio > 0 else Verdict.HONEST
        self._log_ratio = 0.0
        return verdict


@dataclass(frozen=True, slots=True)
class LoopStatistics:
    """What the loops say now. `loss` and `delay` (seconds beyond the drawn delays) are None before any has returned."""

    sent: int
    returned: int
    lost: int
    loss: float | None
    delay: float | None
    dropping: bool
    suspects: frozenset[NodeAddress]


@dataclass(slots=True)
class _Tally:
    returned: float = 0.0
    lost: float = 0.0

    @property
    def total(self) -> float:
        return self.returned + self.lost

    def fade(self) -> None:
        if self.total > EVIDENCE:
            self.returned /= 2
            self.lost /= 2


@dataclass(slots=True)
class Way:
    """How long packets take beyond their drawn delays, smoothed as TCP smooths its round trips (RFC 6298).

    A busy machine or a slow link is not an attack: what is late because everything is late must not count as dropped.
    """

    beyond: float = 0.0
    deviation: float = 0.0
    _known: bool = False

    @property
    def patience(self) -> float:
        """Seconds beyond the drawn delays after which a packet counts as lost."""
        return min(MINIMUM_PATIENCE + self.beyond + 4 * self.deviation, MAXIMUM_PATIENCE)

    def took(self, beyond: float) -> None:
        """A packet came round, so many seconds beyond its drawn delays."""
        if not self._known:
            self._known, self.beyond, self.deviation = True, beyond, beyond / 2
            return
        self.deviation += (abs(beyond - self.beyond) - self.deviation) / 4
        self.beyond += (beyond - self.beyond) / 8


@dataclass(frozen=True, slots=True)
class _Loop:
    path: tuple[NodeAddress, ...]
    sent_at: float
    expected: float


@dataclass(slots=True)
class LoopMonitor:
    """Outstanding loops by their selector (32 bytes, what the packet carries back), and what became of the others."""

    sent: int = 0
    returned: int = 0
    lost: int = 0
    dropping: bool = False
    base_loss: float = MINIMUM_BASE_LOSS
    _test: DropTest = field(default_factory=DropTest)
    _agreeing: int = 0
    _way: Way = field(default_factory=Way)
    _outstanding: dict[bytes, _Loop] = field(default_factory=dict)
    _given_up: dict[bytes, _Loop] = field(default_factory=dict)
    _due: list[tuple[float, bytes]] = field(default_factory=list)
    _recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _tallies: dict[NodeAddress, _Tally] = field(default_factory=dict)

    def start(self, selector: bytes, path: tuple[NodeAddress, ...], expected: float, now: float) -> None:
        """A loop leaves over the mixes in `path`, whose drawn delays sum to `expected` seconds."""
        if len(self._outstanding) >= MAXIMUM_OUTSTANDING:
            return
        self.sent += 1
        self._outstanding[selector] = _Loop(path, now, expected)
        heapq.heappush(self._due, (now + expected + self._way.patience, selector))

    def back(self, selector: bytes, now: float) -> None:
        """A cover packet has come back; nothing happens if it was given up or is none of ours."""
        loop = self._outstanding.pop(selector, None)
        if loop is not None:
            self._conclude(loop, lost=False)
        elif (loop := self._given_up.pop(selector, None)) is None:
            return
        # One that comes late stays counted as lost, but makes us wait longer for the next ones.
        beyond = max(0.0, now - loop.sent_at - loop.expected)
        self._way.took(beyond)
        self.returned += 1
        self._recent.append(beyond)

    @property
    def deadline(self) -> float | None:
        """When the next loop counts as lost."""
        while self._due and self._due[0][1] not in self._outstanding:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def wake(self, now: float) -> bool:
        """Give up the loops that are due; True if that or what came back since has changed `dropping`."""
        before = self.dropping
        while (deadline := self.deadline) is not None and deadline <= now:
            selector = heapq.heappop(self._due)[1]
            loop = self._given_up[selector] = self._outstanding.pop(selector)
            if len(self._given_up) > MAXIMUM_GIVEN_UP:
                del self._given_up[next(iter(self._given_up))]
            self.lost += 1
            self._recent.append(None)
            self._conclude(loop, lost=True)
        return self.dropping is not before

    def forget_outstanding(self) -> None:
        """The link was lost: what is under way says nothing about the mixes."""
        self._outstanding.clear()
        self._given_up.clear()
        self._due.clear()

    @property
    def loss(self) -> float | None:
        """Share of the last loops that were lost."""
        return sum(delay is None for delay in self._recent) / len(self._recent) if self._recent else None

    def statistics(self, layers: Sequence[Sequence[NodeAddress]]) -> LoopStatistics:
        """A snapshot; `layers` are the mixes of the current topology."""
        delays = [delay for delay in self._recent if delay is not None]
        return LoopStatistics(
            self.sent,
            self.returned,
            self.lost,
            self.loss,
            sum(delays) / len(delays) if delays else None,
            self.dropping,
            self.suspects(layers),
        )

    def keep_only(self, nodes: Iterable[NodeAddress]) -> None:
        """Forget nodes that left the network."""
        known = set(nodes)
        self._tallies = {node: tally for node, tally in self._tallies.items() if node in known}

    def suspects(self, layers: Sequence[Sequence[NodeAddress]]) -> frozenset[NodeAddress]:
        """Nodes that lose significantly more than the rest of their layer."""
        return frozenset(node for layer in layers for node in layer if self._stands_out(node, layer))

    def _stands_out(self, node: NodeAddress, layer: Sequence[NodeAddress]) -> bool:
        own = self._tallies.get(node, _Tally())
        others = [self._tallies[other] for other in layer if other != node and other in self._tallies]
        total, lost = sum(tally.total for tally in others), sum(tally.lost for tally in others)
        if own.total < NAMED_AFTER or total < NAMED_AFTER:
            return False
        # The difference of two shares, in standard deviations; half a loss more keeps the deviation from being zero.
        pooled = (own.lost + lost + 0.5) / (own.total + total + 1)
        deviation = math.sqrt(pooled * (1 - pooled) * (1 / own.total + 1 / total))
        return own.lost / own.total - lost / total > max(NAMED_ABOVE * deviation, DETECTABLE_DROP / 2)

    def _conclude(self, loop: _Loop, *, lost: bool) -> None:
        for node in loop.path:
            tally = self._tallies.setdefault(node, _Tally())
            tally.lost += lost
            tally.returned += not lost
            tally.fade()
        match self._test.observe(lost, self.base_loss):
            case Verdict.DROPPING:
                self._agreeing += 1
            case Verdict.HONEST:
                self._agreeing = 0
                self._learn_base_loss()
            case None:
                return
        self.dropping = self._agreeing >= CONFIRMATIONS

    def _learn_base_loss(self) -> None:
        """Follow the loss of a network that passes for honest, slowly and within bounds."""
        learned = 0.95 * self.base_loss + 0.05 * (self.loss or 0.0)
        self.base_loss = min(max(learned, MINIMUM_BASE_LOSS), MAXIMUM_BASE_LOSS)
