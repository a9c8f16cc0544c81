"""Own loops as a test of the network: how much is lost, how long the way is, and whether somebody drops packets.

Cover that comes back to us measures the mixes that it visits (Loopix, USENIX Security 2017, section 4.2).
`drop_detection` weighs what becomes of the loops; this module decides what has become of them.

A loop is lost when others that should have come back later have come back, some of them over each of its mixes, and it
has not. So a link, a mix or a machine that stands still for a moment, which holds up all that is there, loses none.
Where nothing comes back over one of them, time decides, and where nothing comes back at all, more time: a line that
pauses is likelier than a mix that swallows everything. What was held up by a pause comes in any order afterwards, so
nothing is decided until it is in. A loop that comes back after all is taken back.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from nymconnect.client.monitor.drop_detection import DropTest, LayerTallies
from nymconnect.packet.addressing import NodeAddress

WINDOW = 1000  # loops that loss and delay are told from
MAXIMUM_OUTSTANDING = MAXIMUM_GIVEN_UP = 16_384
# A loop counts as lost this many seconds after its drawn delays, whatever the others do.
MINIMUM_PATIENCE, MAXIMUM_PATIENCE = 1.5, 30.0
# The wait is this many seconds longer if no loop has come back that was due after it.
STILLNESS = 20.0
# Another loop has overtaken it if that one was due later by this many seconds, and is back.
MINIMUM_LEAD, MAXIMUM_LEAD = 0.25, 5.0
# The line has paused if nothing comes back for PAUSE_IN_LOOPS times the mean gap between loops, and for LEAST_PAUSE
# seconds. After a pause nothing is decided for half of its length, at most MAXIMUM_GRACE seconds.
PAUSE_IN_LOOPS, LEAST_PAUSE, MAXIMUM_GRACE = 10, 1.0, 10.0
LOOPS_TO_TELL_A_RATE, UNKNOWN_RATE = 50, 55.0


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
class PathDelay:
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

    @property
    def lead(self) -> float:
        """Seconds by which a packet may be overtaken."""
        return min(MINIMUM_LEAD + 4 * self.deviation, MAXIMUM_LEAD)

    def took(self, beyond: float) -> None:
        """A packet came round, `beyond` seconds after its drawn delays."""
        if not self._known:
            self._known, self.beyond, self.deviation = True, beyond, beyond / 2
            return
        self.deviation += (abs(beyond - self.beyond) - self.deviation) / 4
        self.beyond += (beyond - self.beyond) / 8


@dataclass(frozen=True, slots=True)
class _Loop:
    path: tuple[NodeAddress, ...]
    due: float  # when it is back if nothing but the mixes delays it


@dataclass(slots=True)
class LoopMonitor:
    """Outstanding loops by their selector (32 bytes, what the packet carries back), and what became of the others."""

    sent: int = 0
    returned: int = 0
    lost: int = 0
    suspects: frozenset[NodeAddress] = frozenset()  # nodes that lose significantly more than the rest of their layer
    _test: DropTest = field(default_factory=DropTest)
    _told: bool = False
    _began: float = 0.0
    _latest: float = 0.0
    _way: PathDelay = field(default_factory=PathDelay)
    _outstanding: dict[bytes, _Loop] = field(default_factory=dict)
    _given_up: dict[bytes, _Loop] = field(default_factory=dict)
    _by_due: list[tuple[float, bytes]] = field(default_factory=list)
    _overtaken: dict[bytes, _Loop] = field(default_factory=dict)  # by some loop, but perhaps not on each of its mixes
    _returned_at: float = math.inf  # the last one
    _decide_from: float = -math.inf
    _progress: float = -math.inf  # the latest that a loop which is back should have come back
    _progress_of: dict[NodeAddress, float] = field(default_factory=dict)  # the same of the loops over one mix
    _recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _layers: list[LayerTallies] = field(default_factory=list)

    def start(self, selector: bytes, path: tuple[NodeAddress, ...], expected: float, now: float) -> None:
        """A loop leaves over the mixes in `path`, one of each layer, whose drawn delays sum to `expected` seconds."""
        if len(self._outstanding) >= MAXIMUM_OUTSTANDING:
            return
        if not self.sent:
            self._began = now
        self.sent += 1
        self._latest = now
        while len(self._layers) < len(path):
            self._layers.append(LayerTallies())
        loop = self._outstanding[selector] = _Loop(path, now + expected)
        heapq.heappush(self._by_due, (loop.due, selector))

    def back(self, selector: bytes, now: float) -> bool:
        """A cover packet has come back; True if that has changed `dropping`. Packets of others change nothing."""
        loop = self._outstanding.pop(selector, None)
        self._overtaken.pop(selector, None)
        if loop is not None:
            self.returned += 1
            self._conclude(loop, lost=False)
        elif (loop := self._given_up.pop(selector, None)) is not None:
            self._take_back(loop)
        else:
            return False
        beyond = max(0.0, now - loop.due)
        self._way.took(beyond)
        self._recent.append(beyond)
        self._look_for_pause(now)
        self._advance(loop, now)
        return self._has_changed()

    @property
    def deadline(self) -> float | None:
        """When the next loop counts as lost."""
        dues = [loop.due for loop in self._overtaken.values()]
        if (oldest := self._oldest()) is not None:
            dues.append(oldest + STILLNESS)
        return max(min(dues) + self._way.patience, self._decide_from) if dues else None

    def wake(self, now: float) -> bool:
        """Give up the loops that are due; True if that has changed `dropping`."""
        if now < self._decide_from:
            return False
        patience = self._way.patience
        while (oldest := self._oldest()) is not None and oldest + STILLNESS + patience <= now:
            self._overtake_oldest()
        for selector in [selector for selector, loop in self._overtaken.items() if loop.due + patience <= now]:
            self._give_up(selector)
        return self._has_changed()

    def forget_outstanding(self) -> None:
        """The link was lost: what is under way says nothing about the mixes."""
        self._outstanding.clear()
        self._given_up.clear()
        self._by_due.clear()
        self._overtaken.clear()
        self._returned_at = math.inf

    # --- results ----------------------------------------------------------------------------------------------

    @property
    def dropping(self) -> bool:
        """Whether somebody drops packets: too many are lost in all, or a node loses more than its layer."""
        return self._test.dropping or bool(self.suspects)

    @property
    def latest_delay(self) -> float | None:
        """Seconds beyond its drawn delays that the last loop took to come back; None if that one is lost."""
        return self._recent[-1] if self._recent else None

    @property
    def base_loss(self) -> float:
        """The share that is taken for honest loss."""
        return self._test.base.share

    @property
    def loss(self) -> float | None:
        """Share of the last loops that were lost."""
        return sum(delay is None for delay in self._recent) / len(self._recent) if self._recent else None

    def statistics(self) -> LoopStatistics:
        """A snapshot."""
        delays = [delay for delay in self._recent if delay is not None]
        return LoopStatistics(
            self.sent,
            self.returned,
            self.lost,
            self.loss,
            sum(delays) / len(delays) if delays else None,
            self.dropping,
            self.suspects,
        )

    def keep_only(self, nodes: Iterable[NodeAddress]) -> None:
        """Forget nodes that left the network."""
        known = set(nodes)
        for layer in self._layers:
            layer.keep_only(known)
        self._progress_of = {node: due for node, due in self._progress_of.items() if node in known}
        self._name()

    # --- what becomes of a loop ------------------------------------------------------------------------------------

    def _oldest(self) -> float | None:
        while self._by_due and self._by_due[0][1] not in self._outstanding:
            heapq.heappop(self._by_due)
        return self._by_due[0][0] if self._by_due else None

    def _look_for_pause(self, now: float) -> None:
        pause, self._returned_at = now - self._returned_at, now
        if pause > max(LEAST_PAUSE, PAUSE_IN_LOOPS / self._rate):
            self._decide_from = now + min(pause / 2, MAXIMUM_GRACE)

    def _advance(self, loop: _Loop, now: float) -> None:
        """`loop` is back: give up those that it was the last to overtake."""
        self._progress = max(self._progress, loop.due)
        for node in loop.path:
            self._progress_of[node] = max(self._progress_of.get(node, -math.inf), loop.due)
        if now < self._decide_from:
            return
        lead = self._way.lead
        while (oldest := self._oldest()) is not None and oldest <= self._progress - lead:
            self._overtake_oldest()
        for selector, other in list(self._overtaken.items()):
            if all(self._progress_of.get(node, -math.inf) >= other.due + lead for node in other.path):
                self._give_up(selector)

    def _overtake_oldest(self) -> None:
        selector = heapq.heappop(self._by_due)[1]
        self._overtaken[selector] = self._outstanding[selector]

    def _give_up(self, selector: bytes) -> None:
        del self._overtaken[selector]
        loop = self._given_up[selector] = self._outstanding.pop(selector)
        if len(self._given_up) > MAXIMUM_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        self.lost += 1
        self._recent.append(None)
        self._conclude(loop, lost=True)

    def _conclude(self, loop: _Loop, *, lost: bool) -> None:
        for layer, node in zip(self._layers, loop.path, strict=False):
            layer.of(node).count(lost)
        self._test.observe(lost, self._rate)
        if lost or self.suspects:
            self._name()

    def _take_back(self, loop: _Loop) -> None:
        self.lost -= 1
        self.returned += 1
        if None in self._recent:
            self._recent.remove(None)
        for layer, node in zip(self._layers, loop.path, strict=False):
            layer.of(node).take_back()
        self._test.take_back()
        self._name()

    @property
    def _rate(self) -> float:
        """Loops a second."""
        passed = self._latest - self._began
        return self.sent / passed if self.sent >= LOOPS_TO_TELL_A_RATE and passed > 0 else UNKNOWN_RATE

    def _name(self) -> None:
        self.suspects = frozenset().union(*(layer.named() for layer in self._layers))

    def _has_changed(self) -> bool:
        changed, self._told = self.dropping is not self._told, self.dropping
        return changed
