"""A Poisson process of sending slots (Loopix, USENIX Security 2017, section 3.2)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `crypto` would bring libraries into the pacer's process that it has no use for
    from nymconnect.crypto import Rng

# A sender that was held up longer than this (a suspended laptop) starts afresh instead of catching up in a burst.
MAXIMUM_LATENESS = 1.0


class PoissonStream:
    """Slots with exponential gaps of mean `gap` seconds, which may change: then it holds from the next slot on.

    Each deadline counts from the one before and not from when it was served, so lateness does not lower the rate.
    """

    def __init__(self, gap: float, rng: "Rng", now: float) -> None:
        self.gap = gap
        self._rng = rng
        self.due = now
        self._advance()

    def take(self, now: float) -> bool:
        """Use a slot that is due; False if the next one lies ahead."""
        if now - self.due > MAXIMUM_LATENESS:
            self.due = now
        if self.due > now:
            return False
        self._advance()
        return True

    def _advance(self) -> None:
        self.due += self._rng.expovariate(1 / self.gap)
