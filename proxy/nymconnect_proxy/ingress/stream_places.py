"""How many streams a sender has at a requester, and who waits for a place there, in order.

A requester of this program carries a number of streams for each sender tag and turns the others away; what one of other
software does nobody says. So no tag is given more than that, and further streams wait here. A second tag would get more
places at once, but it would have no part in the constant downlink that is promised to one tag, and it would take what a
requester keeps for others.

A place is free again `settle` seconds after its stream has ended here: only then has the requester heard of that, too.
"""

from collections import Counter, deque
from typing import Generic, TypeVar

Key = TypeVar("Key")
Ticket = TypeVar("Ticket")


class SenderPlaces(Generic[Key, Ticket]):
    """`limit` places for each key. What enters has to leave, with or without a place; the caller bounds the queue."""

    def __init__(self, limit: int, settle: float) -> None:
        self.limit = limit
        self._settle = settle
        self._inside: set[Ticket] = set()
        self._taken: Counter[Key] = Counter()
        self._settling: deque[tuple[float, Key]] = deque()  # in order, since all settle for equally long
        self._waiting: dict[Key, dict[Ticket, None]] = {}  # in order of arrival

    @property
    def deadline(self) -> float | None:
        """When a place becomes free for somebody who may wait for it."""
        return self._settling[0][0] if self._settling else None

    def enter(self, key: Key, ticket: Ticket) -> bool:
        """Whether there is a place at once; else the ticket waits until `wake` returns it."""
        if self._taken[key] >= self.limit:
            self._waiting.setdefault(key, {})[ticket] = None
            return False
        self._admit(key, ticket)
        return True

    def leave(self, key: Key, ticket: Ticket, now: float) -> None:
        """The stream has ended, or nobody waits for it any more."""
        if ticket in self._inside:
            self._inside.remove(ticket)
            self._settling.append((now + self._settle, key))
        else:
            self._leave_queue(key, ticket)

    def wake(self, now: float) -> list[Ticket]:
        """Those whose turn it is; each of them has a place from now on."""
        admitted: list[Ticket] = []
        while self._settling and self._settling[0][0] <= now:
            _, key = self._settling.popleft()
            self._taken[key] -= 1
            if queue := self._waiting.get(key):
                ticket = next(iter(queue))
                self._leave_queue(key, ticket)
                self._admit(key, ticket)
                admitted.append(ticket)
            elif not self._taken[key]:
                del self._taken[key]
        return admitted

    def _admit(self, key: Key, ticket: Ticket) -> None:
        self._inside.add(ticket)
        self._taken[key] += 1

    def _leave_queue(self, key: Key, ticket: Ticket) -> None:
        queue = self._waiting.get(key, {})
        queue.pop(ticket, None)
        if not queue:
            self._waiting.pop(key, None)
