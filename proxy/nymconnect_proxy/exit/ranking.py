"""Who has most, and what has been idle longest, without looking at all: strangers choose how often that is asked.

Both are heaps of which only the top is kept true: an entry that has become false is found when it comes to the top, and
is mended or thrown away there. That works since the second number of an entry never falls, and each begins below all. A
change and a question cost O(log n), and each false entry that once more.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)
Rank = tuple[float, int]
_UNKNOWN = (-math.inf, 0)
_SPARE = 64  # false entries that a heap may have, beside as many as there are true ones


class Most(Generic[Owner]):
    """Amounts of owners. `rank` chooses among those that have equally much: the least goes first. It never falls while
    an owner is here."""

    def __init__(self, rank: Callable[[Owner], Rank]) -> None:
        self._rank = rank
        self._amounts: dict[Owner, int] = {}
        self._heap: list[tuple[int, Rank, int, Owner]] = []
        self._serials = itertools.count()

    def amount(self, owner: Owner) -> int:
        """What `owner` has; 0 if it is not here."""
        return self._amounts.get(owner, 0)

    def change(self, owner: Owner, amount: int) -> None:
        """What `owner` has from now on."""
        self._amounts[owner] = amount
        if len(self._heap) > 2 * len(self._amounts) + _SPARE:
            self._heap = [(-held, _UNKNOWN, next(self._serials), one) for one, held in self._amounts.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (-amount, _UNKNOWN, next(self._serials), owner))

    def forget(self, owner: Owner) -> None:
        """It is not here any more."""
        del self._amounts[owner]

    def top(self) -> Owner | None:
        """Of the owners that have most, the one of the least rank; None if nobody is here."""
        while self._heap:
            negative, rank, _, owner = self._heap[0]
            if self._amounts.get(owner) != -negative:
                heapq.heappop(self._heap)
            elif (true_rank := self._rank(owner)) != rank:
                heapq.heapreplace(self._heap, (negative, true_rank, next(self._serials), owner))
            else:
                return owner
        return None


class Idlest(Generic[Item]):
    """Items by when each was last active; of equals the first that was added has been idle longest. `last_active` is
    asked by `first` and `rank` alone, and never falls while an item is here. `numbers` are what items are numbered
    with, so that those of several owners can be compared."""

    def __init__(self, last_active: Callable[[Item], float], numbers: Iterator[int]) -> None:
        self._last_active = last_active
        self._own: dict[Item, int] = {}
        self._heap: list[tuple[float, int, Item]] = []
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._own)

    def add(self, item: Item) -> None:
        """An item that is not here."""
        if len(self._heap) > 2 * len(self._own) + _SPARE:
            self._heap = [entry for entry in self._heap if self._own.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
        number = self._own[item] = next(self._numbers)
        heapq.heappush(self._heap, (-math.inf, number, item))

    def remove(self, item: Item) -> None:
        del self._own[item]

    def first(self) -> Item:
        """What has been idle longest; there has to be an item."""
        return self._settled()[2]

    def rank(self) -> Rank:
        """Since when that has been idle, for `Most`."""
        return self._settled()[:2]

    def _settled(self) -> tuple[float, int, Item]:
        while True:
            since, number, item = self._heap[0]
            if self._own.get(item) != number:
                heapq.heappop(self._heap)
            elif (active := self._last_active(item)) != since:
                heapq.heapreplace(self._heap, (active, number, item))
            else:
                return self._heap[0]
