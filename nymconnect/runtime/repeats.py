"""Keeps what a stranger can cause at will from filling a log: says how often, once in a while."""

PAUSE = 60.0  # seconds


class Repeats:
    """Counts one kind of event, of which `burst` are told each `pause` seconds. `now` is on any clock in seconds."""

    def __init__(self, pause: float = PAUSE, burst: int = 1) -> None:
        self._pause = pause
        self._burst = burst
        self._left = 0
        self._due: float | None = None
        self._times = 0

    def count(self, now: float) -> int:
        """One more: how many there were since they were last told, if it is time to tell it again; else 0."""
        self._times += 1
        if self._due is None or now >= self._due:
            self._due, self._left = now + self._pause, self._burst
        if not self._left:
            return 0
        self._left -= 1
        return self.take()

    def take(self) -> int:
        """How many there were since they were last told; they count as told now."""
        times, self._times = self._times, 0
        return times
