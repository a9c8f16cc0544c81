"""Places that several owners use, and none of whom may use up.

Half of the places are for owners who hold none; of the other half an owner gets an eighth. So an owner alone has a
sixteenth of all, and a newcomer finds a place free as long as
at most half as many owners as there are places hold one.
"""

from collections import Counter

GREED = 16


class Shares:
    """`places` in all; owners are bytes, such as sender tags."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._for_newcomers = places // 2
        self._most = max(1, places // GREED)
        self._held: Counter[bytes] = Counter()

    @property
    def free(self) -> int:
        return self._free

    def take(self, owner: bytes) -> bool:
        """One place, if `owner` may have it; to be given back."""
        held = self._held[owner]
        if not self._free or (held and (held >= self._most or self._free <= self._for_newcomers)):
            return False
        self._free -= 1
        self._held[owner] += 1
        return True

    def give_back(self, owner: bytes) -> None:
        """One place that `owner` holds."""
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
