"""Whose turn it is to use a data slot: answers at a constant rate, then a steady supply of SURBs, then a fair draw.

Answers of a promised rate (`replying`) come when their own slots do, and nothing else goes to their tags. A steady
supply (`issued`) goes before other data, so that it is as steady as it can be. Neither may take all: a machine that
cannot keep its slots filled would send nothing else.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.client.sending.lanes import SURB_REQUEST, SURB_SUPPLY, Lanes, Outgoing
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.surbs.issued import IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
from nymconnect.crypto import Rng
from nymconnect.packet.addressing import Recipient

# Slots in a row of either kind; then others have their turn.
MAXIMUM_SUPPLY_RUN = 2
MAXIMUM_PACED_RUN = 8


@dataclass(frozen=True, slots=True)
class Answering:
    """SURBs that we have `issued`, those `received` from others, and whom we answer at a rate (`replying`)."""

    issued: IssuedSurbs
    received: ReceivedSurbs
    replying: PacedReplies


class Scheduler:
    """Draws from the `lanes`; `has_window` says whether more fragments may be on their way. Starved slots count."""

    def __init__(
        self,
        lanes: Lanes,
        answering: Answering,
        rng: Rng,
        has_window: Callable[[], bool],
        counters: Counter[str],
    ) -> None:
        self._lanes, self._replying = lanes, answering.replying
        self._received, self._issued = answering.received, answering.issued
        self._rng, self._has_window, self._counters = rng, has_window, counters
        self._paced_run = self._supply_run = 0

    def next(self, now: float) -> Outgoing | bytes | None:
        """The fragment that is next, a sender tag (16 bytes) that gets cover for an answer, or None."""
        if self._paced_run < MAXIMUM_PACED_RUN:
            while (tag := self._replying.take_slot(now)) is not None:
                if self._received.can_take(tag):
                    self._paced_run += 1
                    return self._lanes.pop_for(tag, self._rng) or tag
                self._counters["reply_slots_starved"] += 1
        was_paced, self._paced_run = self._paced_run > 0, 0
        outgoing = self._pop()
        return self.next(now) if outgoing is None and was_paced else outgoing

    def _pop(self) -> Outgoing | None:
        if self._supply_run < MAXIMUM_SUPPLY_RUN:
            outgoing = self._lanes.pop(self._rng, self._is_steady_supply)
            if outgoing is not None:
                self._supply_run += 1
                return outgoing
        self._supply_run = 0
        return self._lanes.pop(self._rng, self._is_other) or self._lanes.pop(self._rng, self._may_go)

    def _is_steady_supply(self, outgoing: Outgoing) -> bool:
        return outgoing.lane == SURB_SUPPLY and self._issued.is_steady(outgoing.destination) and self._may_go(outgoing)

    def _is_other(self, outgoing: Outgoing) -> bool:
        return self._may_go(outgoing) and not self._is_steady_supply(outgoing)

    def _may_go(self, outgoing: Outgoing) -> bool:
        if not self._has_window():
            return False
        if isinstance(outgoing.destination, Recipient):
            return True
        if outgoing.destination in self._replying:
            return False  # its slots serve it
        return self._received.can_take(outgoing.destination, reserve=outgoing.lane == SURB_REQUEST)
