"""How many fragments may be on their way at once, sent and not yet acked.

A paced sender is bounded by its slots; its window bounds memory. An unpaced one, a requester, sends as fast as it has
SURBs, and where mixes or links are slower than that, what is too much waits in them, and with it the small messages of
all others. So its window shrinks while packets take longer than they have to, as in TCP Vegas (Brakmo et al., 1994) and
LEDBAT (RFC 6817). Our own loops, whose drawn delays we know, show the time that they take. Ours alone.
"""

import math

LEAST = 12  # fragments
CROWDED = 0.06  # seconds beyond what loops take at least
SHRINK, GROWTH = 0.9, 4.0  # at each loop that comes back
# Seconds by which the least rises at each loop: a way that has become longer is not taken for crowded for ever.
RISE = 0.0005


class CongestionWindow:
    """Follows the loops if it `adapts`; else as large as it may be at `most`."""

    def __init__(self, most: int, *, adapts: bool) -> None:
        self._most, self._adapts = most, adapts
        self._size = float(most)
        self._least = math.inf

    @property
    def size(self) -> int:
        """Fragments."""
        return int(self._size)

    def look(self, beyond: float, in_flight: int) -> None:
        """A loop has taken `beyond` seconds more than its drawn delays, with `in_flight` fragments on their way."""
        if not self._adapts:
            return
        self._least = min(beyond, self._least + RISE)
        if beyond > self._least + CROWDED:
            # From what is on its way: shrinking a window that is not full would change nothing.
            self._size = max(float(LEAST), min(self._size, in_flight) * SHRINK)
        elif 2 * in_flight >= self._size:  # a window that nobody fills says nothing when it grows
            self._size = min(float(self._most), self._size + GROWTH)
