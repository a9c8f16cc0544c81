"""The stock of reply SURBs that others gave us, by their sender tag, and when to ask for more.

Mirrors nym-client-core 1.21 (`replies/reply_controller`), with every table bounded. `supply` is the other side.

When the nodes change their keys, the SURBs made for the old ones still work for an epoch. They count for nothing from
then on when we decide to ask for more, so new ones are asked for at once, over an old one; the old ones serve until
those have come, so that nothing pauses and nothing starves.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nymconnect.client.parameters import SurbParameters
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.replies import ReplySurb

MAXIMUM_SENDERS = 4096


@dataclass(slots=True)
class _Stock:
    surbs: deque[ReplySurb] = field(default_factory=deque)
    stale: int = 0  # so many of them, the oldest, were made for keys that the nodes have replaced
    on_the_way: int = 0
    last_received: float = 0.0
    last_requested: float = 0.0


class SurbStock:
    """What we can answer with, by sender tag (16 bytes)."""

    def __init__(self, parameters: SurbParameters) -> None:
        self._parameters = parameters
        self._stocks: dict[bytes, _Stock] = {}

    def __len__(self) -> int:
        return len(self._stocks)

    def knows(self, tag: bytes) -> bool:
        """Whether SURBs of `tag` have come and it has not been dropped since."""
        return tag in self._stocks

    def tags(self) -> list[bytes]:
        """Every sender tag that is known."""
        return list(self._stocks)

    def available(self, tag: bytes) -> int:
        """SURBs in stock for `tag`, the reserve included."""
        stock = self._stocks.get(tag)
        return len(stock.surbs) if stock else 0

    def add(self, tag: bytes, surbs: Sequence[ReplySurb], now: float) -> None:
        """Take in SURBs; what exceeds the bound replaces the oldest, which expire first anyway."""
        if not surbs:
            return
        stock = self._stocks.setdefault(tag, _Stock(last_received=now))
        stock.surbs.extend(surbs)
        stock.on_the_way = max(0, stock.on_the_way - len(surbs))
        stock.last_received = now
        if stock.stale and len(stock.surbs) - stock.stale >= self._parameters.reserve:
            _discard(stock, stock.stale)
        while len(stock.surbs) > self._parameters.most_held:
            _discard(stock, 1)
        if len(self._stocks) > MAXIMUM_SENDERS:
            del self._stocks[min(self._stocks, key=lambda other: self._stocks[other].last_received)]

    def can_take(self, tag: bytes, *, reserve: bool = False) -> bool:
        """Whether `take` would succeed."""
        return self.available(tag) > (0 if reserve else self._parameters.reserve)

    def take(self, tag: bytes, *, reserve: bool = False) -> ReplySurb | None:
        """The oldest SURB for `tag`; only a request for more may use the `reserve`."""
        if not self.can_take(tag, reserve=reserve):
            return None
        stock = self._stocks[tag]
        stock.stale = max(0, stock.stale - 1)
        return stock.surbs.popleft()

    def rotated(self, rotation: KeyRotation) -> None:
        """The nodes' keys are now those of `rotation`: what was made for others is to be replaced."""
        for stock in self._stocks.values():
            old = [surb for surb in stock.surbs if surb.rotation not in (rotation, KeyRotation.UNKNOWN)]
            new = [surb for surb in stock.surbs if surb.rotation in (rotation, KeyRotation.UNKNOWN)]
            stock.surbs, stock.stale, stock.on_the_way = deque(old + new), len(old), 0

    def amount_to_request(self, tag: bytes, queued: int, now: float) -> int:
        """How many SURBs to ask `tag` for now, with `queued` fragments waiting for it; 0 for none.

        A request that brings nothing for `rerequest_after` seconds counts as lost.
        """
        stock = self._stocks.get(tag)
        if stock is None or not stock.surbs:
            return 0
        limits = self._parameters
        if now - max(stock.last_received, stock.last_requested) > limits.rerequest_after:
            stock.on_the_way = 0
        expected = stock.on_the_way + len(stock.surbs) - stock.stale
        wanted = min(queued + limits.reserve, limits.maximum_stock) - expected
        if wanted <= 0:
            return 0
        amount = min(max(wanted, limits.minimum_request), limits.maximum_request)
        stock.on_the_way += amount
        stock.last_requested = now
        return amount

    def silent(self, now: float) -> list[bytes]:
        """Tags from which nothing has come for `drop_after` seconds."""
        return [tag for tag, stock in self._stocks.items() if now - stock.last_received > self._parameters.drop_after]

    def drop(self, tag: bytes) -> None:
        """Forget a sender and its SURBs."""
        self._stocks.pop(tag, None)


def _discard(stock: _Stock, amount: int) -> None:
    """Throw the oldest away."""
    for _ in range(amount):
        stock.surbs.popleft()
    stock.stale = max(0, stock.stale - amount)
