"""Reply SURBs at both ends: the stock of those that peers gave us, and the keys of those that we gave away.

Mirrors nym-client-core 1.21 (`replies/`), with every table bounded.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nymconnect.client.parameters import SurbParameters
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.replies import ReplySurb

MAXIMUM_SENDERS = 4096
MAXIMUM_KEYS = 200_000


@dataclass(slots=True)
class _Stock:
    surbs: deque[ReplySurb] = field(default_factory=deque)
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
        while len(stock.surbs) > 2 * self._parameters.maximum_stock:
            stock.surbs.popleft()
        if len(self._stocks) > MAXIMUM_SENDERS:
            del self._stocks[min(self._stocks, key=lambda other: self._stocks[other].last_received)]

    def can_take(self, tag: bytes, *, reserve: bool = False) -> bool:
        """Whether `take` would succeed."""
        return self.available(tag) > (0 if reserve else self._parameters.reserve)

    def take(self, tag: bytes, *, reserve: bool = False) -> ReplySurb | None:
        """The oldest SURB for `tag`; only a request for more may use the `reserve`."""
        if not self.can_take(tag, reserve=reserve):
            return None
        return self._stocks[tag].surbs.popleft()

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
        expected = stock.on_the_way + len(stock.surbs)
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


class ReplyKeys:
    """Keys of the SURBs that we gave away, by digest (32 bytes); each opens one reply and is then forgotten."""

    def __init__(self, maximum_age: float) -> None:
        self._maximum_age = maximum_age
        self._keys: dict[bytes, tuple[bytes, Recipient, float]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, surb: ReplySurb, given_to: Recipient, now: float) -> None:
        """Remember the key of a SURB that leaves now."""
        self._keys[surb.digest] = (surb.key, given_to, now)
        if len(self._keys) > MAXIMUM_KEYS:
            del self._keys[next(iter(self._keys))]

    def take(self, digest: bytes) -> tuple[bytes, Recipient] | None:
        """The key (16 bytes) and to whom its SURB was given; None if this is no digest of ours."""
        entry = self._keys.pop(digest, None)
        return (entry[0], entry[1]) if entry else None

    def purge(self, now: float) -> None:
        """Drop keys older than the limit; entries stand in the order of their age."""
        while self._keys:
            digest = next(iter(self._keys))
            if now - self._keys[digest][2] <= self._maximum_age:
                return
            del self._keys[digest]
