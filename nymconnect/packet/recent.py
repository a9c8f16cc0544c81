"""Which numbers were seen lately: a memory of fixed length in time and number, at about four bytes each.

For set ids of finished messages (`chunking`): the requester of a client that is answered at a constant rate finishes
63,000 an hour. What is new stands in a set; from time to time that becomes a sorted array, and arrays are forgotten
whole. Serves what nym-sphinx-chunking 1.21 does in `reconstruction.rs`.
"""

from array import array
from bisect import bisect_left
from collections import deque

GENERATIONS = 10  # arrays that the memory is cut into, by time and by number


class RecentIds:
    """Integers from 0 to 2³² - 1, each for at least `memory` seconds, unless more than `maximum` come in that time."""

    def __init__(self, memory: float, maximum: int) -> None:
        self._memory, self._maximum = memory, maximum
        self._young: set[int] = set()
        self._began = self._latest = 0.0  # when the first and the last of the young ones came
        self._old: deque[tuple[float, array[int]]] = deque()  # when the last of each came, oldest first
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def __contains__(self, number: int) -> bool:
        if number in self._young:
            return True
        for _, numbers in self._old:
            place = bisect_left(numbers, number)
            if place < len(numbers) and numbers[place] == number:
                return True
        return False

    def add(self, number: int, now: float) -> None:
        """Remember `number`, which is not remembered yet."""
        if self._young and (
            now - self._began >= self._memory / GENERATIONS or len(self._young) >= self._maximum // GENERATIONS
        ):
            self._close()
        if not self._young:
            self._began = now
        self._latest = now
        self._young.add(number)
        self._total += 1
        while self._total > self._maximum and self._old:
            self._total -= len(self._old.popleft()[1])

    def purge(self, now: float) -> None:
        """Forget what came longer ago than `memory`."""
        if self._young and self._latest <= now - self._memory:
            self._close()
        while self._old and self._old[0][0] <= now - self._memory:
            self._total -= len(self._old.popleft()[1])

    def _close(self) -> None:
        self._old.append((self._latest, array("I", sorted(self._young))))
        self._young = set()
