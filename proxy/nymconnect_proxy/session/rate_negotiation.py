"""How a client gets one requester to answer at a constant rate, and knows that it does: a machine.

::

    ASKING ── our BinaryInfo ──► PACING ── Pace, again and again; Paced has the time that it holds
      │  └─── of others ───────────► FOREIGN
      └────── no answer ───────────► SILENT ── after a while ──► ASKING

A requester of others would take the request for a broken one, so it is asked who it is first. Requests and answers go
through the mixnet like everything else: they take slots that cover would have had. A requester may grant less than what
was asked for, where others have their share; that hides as well, and is slower.
"""

import math
from enum import Enum

from nymconnect_proxy.protocol.requests import ControlRequest, Pace
from nymconnect_proxy.protocol.responses import BINARY_NAME, BinaryInfo, Paced, Response
from nymconnect_proxy.session.downlink_report import NoPromise

TRIES = 3
SILENCE = 120.0  # seconds until a requester that has not answered is asked once more
RENEWAL = 30.0
DURATION = 120


class PromiseState(Enum):
    """Where the negotiation stands."""

    ASKING = "asking"
    SILENT = "silent"
    FOREIGN = "foreign"
    PACING = "pacing"


_WITHOUT = {
    PromiseState.ASKING: NoPromise.UNANSWERED,
    PromiseState.SILENT: NoPromise.SILENT,
    PromiseState.FOREIGN: NoPromise.FOREIGN,
    PromiseState.PACING: NoPromise.NOT_YET,
}


class ReplyPromise:
    """One requester that shall answer at `rate` packets a second; `patience` in seconds for each of its answers."""

    def __init__(self, rate: float, patience: float, now: float) -> None:
        self.rate = rate
        self._granted = 0.0
        self.state = PromiseState.ASKING
        self.deadline = now
        self._patience = patience
        self._tries = 0
        self._holds_until: float | None = None
        self._is_refused = False

    @property
    def needs_supply(self) -> bool:
        """Whether the requester is to be given SURBs for answers at `rate`, all the time."""
        return self.state is PromiseState.PACING

    def wake(self, now: float) -> ControlRequest | Pace | None:
        """What to ask now, with reply SURBs."""
        if now < self.deadline:
            return None
        if self.state is PromiseState.PACING:
            self.deadline = now + RENEWAL
            return Pace(self.rate, DURATION)
        if self.state is PromiseState.SILENT:
            self.state, self._tries = PromiseState.ASKING, 0
        if self.state is PromiseState.ASKING and self._tries < TRIES:
            self._tries += 1
            self.deadline = now + self._patience
            return ControlRequest.BINARY_INFO
        if self.state is PromiseState.ASKING:
            self.state = PromiseState.SILENT
        self.deadline = now + SILENCE
        return None

    def change(self, rate: float, now: float) -> None:
        """Another rate is wanted from now on."""
        if rate != self.rate:
            self.rate, self._holds_until = rate, None
            self.hurry(now)

    def feed(self, answer: Response, now: float) -> None:
        """An answer of this requester."""
        if isinstance(answer, BinaryInfo) and self.state in (PromiseState.ASKING, PromiseState.SILENT):
            is_ours = answer.binary_name == BINARY_NAME
            self.state, self.deadline = (PromiseState.PACING, now) if is_ours else (PromiseState.FOREIGN, math.inf)
        if isinstance(answer, Paced) and self.state is PromiseState.PACING:
            self._granted = answer.rate
            self._is_refused = answer.rate <= 0
            self._holds_until = None if self._is_refused else now + answer.seconds

    def hurry(self, now: float) -> None:
        """The link was gone: do not wait for the next renewal."""
        if self.state is PromiseState.PACING:
            self.deadline = now

    def holds(self, now: float) -> bool:
        """Whether the requester has promised a rate for now."""
        return self._holds_until is not None and now < self._holds_until

    def granted(self, now: float) -> float:
        """Packets a second that it has promised for now."""
        return self._granted if self.holds(now) else 0.0

    def is_settled(self, now: float) -> bool:
        """Whether the promise holds, or nothing is to be hoped for at present."""
        return self.holds(now) or self._is_refused or self.state in (PromiseState.FOREIGN, PromiseState.SILENT)

    def complaint(self, now: float) -> NoPromise | None:
        """Why the promise does not hold, None if it does."""
        if self.holds(now):
            return None
        if self._is_refused:
            return NoPromise.REFUSED
        if self._holds_until is not None:
            return NoPromise.LAPSED
        return _WITHOUT[self.state]
