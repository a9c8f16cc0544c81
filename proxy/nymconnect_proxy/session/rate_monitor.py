"""Whether what leaves still has the rate that the preset promises.

A slot passes unused where no packet was ready, the line took none, or the pacer was held up (`client.pacer.machine`).
One now and then tells nothing. Many are gaps that come and go with what else the machine and the line have to do, which
may be what the user does: so the status says it. Slots of which nothing is heard at all, neither that they were used
nor that they were not, count as missed by the clock: a sender that stands still counts nothing.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from nymconnect.client.counters import ClientCount
from nymconnect_proxy.session.alarms import MissedBecause, RateMissed

SPAN = 30.0  # seconds that are looked back on
LEAST_SLOTS = 50  # fewer judge nothing
TOO_MANY = 0.05  # of all slots
CHANCE = 4.0  # standard deviations by which a Poisson stream may fall behind its rate
_USED = (ClientCount.DATA_SENT, ClientCount.RETRANSMITTED, ClientCount.COVER_SENT, ClientCount.REPLY_COVER_SENT)
_REASONS = {
    ClientCount.SLOTS_EMPTY: MissedBecause.TOO_FEW_MADE,
    ClientCount.SLOTS_STALLED: MissedBecause.LINE_STALLED,
    ClientCount.SLOTS_LATE: MissedBecause.SENDER_LATE,
}


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    used: int
    unused: tuple[int, ...]
    expected: float  # slots since the first look


class PaceWatch:
    """Feed it a client's counters now and then. A connection that is replaced starts its counters again."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()

    def look(self, counters: Mapping[ClientCount, int], now: float, rate: float = 0.0) -> None:
        """So much has left, and so much has not, by `now` (seconds). `rate`: slots a second that there have to be at
        least since the last look; 0 where none is promised."""
        used = sum(counters.get(name, 0) for name in _USED)
        seen = _Look(now, used, tuple(counters.get(name, 0) for name in _REASONS), self._expected(now, rate))
        if self._looks and (
            used < self._looks[-1].used or any(a < b for a, b in zip(seen.unused, self._looks[-1].unused, strict=True))
        ):
            self._looks.clear()
        self._looks.append(seen)
        while len(self._looks) > 2 and now - self._looks[1].at >= SPAN:
            self._looks.popleft()

    def _expected(self, now: float, rate: float) -> float:
        return self._looks[-1].expected + rate * (now - self._looks[-1].at) if self._looks else 0.0

    @property
    def alarm(self) -> RateMissed | None:
        """None while the rate is kept, or too little has been seen."""
        if len(self._looks) < 2:
            return None
        first, last = self._looks[0], self._looks[-1]
        unused = {
            reason: after - before
            for reason, before, after in zip(_REASONS.values(), first.unused, last.unused, strict=True)
        }
        expected = last.expected - first.expected
        unheard = expected - CHANCE * math.sqrt(expected) - (last.used - first.used + sum(unused.values()))
        unused[MissedBecause.SENDER_LATE] += max(0, round(unheard))
        missing = sum(unused.values())
        slots = last.used - first.used + missing
        if slots < LEAST_SLOTS or missing <= TOO_MANY * slots:
            return None
        return RateMissed(missing / slots, max(unused, key=unused.__getitem__))
