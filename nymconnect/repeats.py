"""Keeps what a stranger can cause at will from filling a log: says how often, once in a while."""

PAUSE = 60.0  # seconds


class Repeats:
    """Counts one kind of event. `now` is in seconds on any clock that does not go back."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._due: float | None = None
        self._times = 0

    def count(self, now: float) -> int:
        """One more: how many there were since they were last told, if it is time to tell it again; else 0."""
        self._times += 1
        if self._due is not None and now < self._due:
            return 0
        self._due = now + self._pause
        times, self._times = self._times, 0
        return times
