"""The stock of reply SURBs that others gave us, by their sender tag, and when to ask for more.

Mirrors nym-client-core 1.21 (`replies/reply_controller`), with every table bounded. `issued` is the other side.

When the nodes change their keys, the SURBs made for the old ones still work for an epoch. They count for nothing from
then on when we decide to ask for more, so new ones are asked for at once, over an old one; the old ones serve until
those have come, so that nothing pauses and nothing starves.

A tag costs its owner nothing, so tags compete only among their like (`Standing`). One that is held, for the application
serves it just now, is never evicted; one that was, by others that were; and strangers by strangers. Each standing has a
bound in bytes. Of tags that are or were served, the one that gave most loses some of it then.
"""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from nymconnect.client.parameters import SurbParameters
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.replies import ReplySurb

SURB_COST = 600  # bytes of our memory that a SURB takes beside its own
SENDER_COST = 600
RATE_MEMORY = 10.0  # seconds over which the arrival rate of SURBs is averaged


class Standing(Enum):
    """What a tag is to us, with the most tags and bytes of each kind."""

    HELD = math.inf, 96 * 2**20
    SERVED = 1024, 16 * 2**20
    STRANGER = 4096, 32 * 2**20

    def __init__(self, most_tags: float, most_bytes: int) -> None:
        self.most_tags, self.most_bytes = most_tags, most_bytes


@dataclass(slots=True)
class _SenderSurbs:
    surbs: deque[ReplySurb] = field(default_factory=deque)
    stale: int = 0  # number of them, the oldest, that were made for keys that the nodes have replaced
    on_the_way: int = 0
    last_received: float = 0.0
    last_requested: float = 0.0
    arrived: float = 0.0  # SURBs, those of long ago counting less
    size: int = SENDER_COST

    def arrivals(self, now: float) -> float:
        """SURBs that have come, of which each has lost a share 1/e for each `RATE_MEMORY` since."""
        return self.arrived * math.exp((self.last_received - now) / RATE_MEMORY)

    def put(self, surbs: Sequence[ReplySurb], now: float) -> None:
        self.arrived, self.last_received = self.arrivals(now) + len(surbs), now
        self.on_the_way = max(0, self.on_the_way - len(surbs))
        self.surbs.extend(surbs)
        self.size += sum(map(_cost, surbs))

    def take(self) -> ReplySurb:
        surb = self.surbs.popleft()
        self.stale = max(0, self.stale - 1)
        self.size -= _cost(surb)
        return surb


class _SurbGroup:
    """The tags of one standing, that which has been silent longest first, and the bytes that their stocks take."""

    def __init__(self) -> None:
        self.stocks: OrderedDict[bytes, _SenderSurbs] = OrderedDict()
        self.size = 0


class ReceivedSurbs:
    """What we can answer with, by sender tag (16 bytes)."""

    def __init__(self, parameters: SurbParameters) -> None:
        self._parameters = parameters
        self._groups = {standing: _SurbGroup() for standing in Standing}
        self._standings: dict[bytes, Standing] = {}
        self._holds: Counter[bytes] = Counter()
        self.evicted = 0  # tags that gave way to others

    def __len__(self) -> int:
        return len(self._standings)

    def knows(self, tag: bytes) -> bool:
        """Whether SURBs of `tag` have come and it has not been dropped since."""
        return tag in self._standings

    def served_tags(self) -> list[bytes]:
        """The tags that are held, or were."""
        return [tag for standing in (Standing.HELD, Standing.SERVED) for tag in self._groups[standing].stocks]

    def available(self, tag: bytes) -> int:
        """SURBs in stock for `tag`, the reserve included."""
        stock = self._stock(tag)
        return len(stock.surbs) if stock else 0

    def arrival_rate(self, tag: bytes, now: float) -> float:
        """SURBs a second that `tag` has supplied lately."""
        stock = self._stock(tag)
        return stock.arrivals(now) / RATE_MEMORY if stock else 0.0

    @property
    def held_bytes(self) -> int:
        """What all stocks take of our memory."""
        return sum(group.size for group in self._groups.values())

    def hold(self, tag: bytes) -> None:
        """Keep what `tag` has given us, whatever others send, until `release` has been called as often."""
        self._holds[tag] += 1
        if tag in self._standings:
            self._move(tag, Standing.HELD)

    def release(self, tag: bytes) -> None:
        """See `hold`."""
        self._holds[tag] -= 1
        if self._holds[tag] > 0:
            return
        del self._holds[tag]
        if tag in self._standings:
            self._move(tag, Standing.SERVED)

    def add(self, tag: bytes, surbs: Sequence[ReplySurb], now: float) -> None:
        """Take in SURBs; what exceeds the bound replaces the oldest, which expire first anyway."""
        if not surbs:
            return
        standing = self._standings.get(tag) or (Standing.HELD if tag in self._holds else Standing.STRANGER)
        stock = self._remove(tag) or _SenderSurbs()
        stock.put(surbs, now)
        if stock.stale and len(stock.surbs) - stock.stale >= self._parameters.reserve:
            _discard(stock, stock.stale)
        _discard(stock, len(stock.surbs) - self._parameters.most_held)
        self._put(tag, stock, standing)

    def _stock(self, tag: bytes) -> _SenderSurbs | None:
        standing = self._standings.get(tag)
        return self._groups[standing].stocks[tag] if standing else None

    def _remove(self, tag: bytes) -> _SenderSurbs | None:
        standing = self._standings.pop(tag, None)
        if standing is None:
            return None
        stock = self._groups[standing].stocks.pop(tag)
        self._groups[standing].size -= stock.size
        return stock

    def _put(self, tag: bytes, stock: _SenderSurbs, standing: Standing) -> None:
        """Last in its group, which keeps within its bounds."""
        group = self._groups[standing]
        self._standings[tag] = standing
        group.stocks[tag] = stock
        group.size += stock.size
        while group.size > standing.most_bytes and standing is not Standing.STRANGER:
            _shorten_largest(group)
        while len(group.stocks) > standing.most_tags or group.size > standing.most_bytes:
            self._remove(next(iter(group.stocks)))
            self.evicted += 1

    def _move(self, tag: bytes, standing: Standing) -> None:
        stock = self._remove(tag)
        if stock is not None:
            self._put(tag, stock, standing)

    def can_take(self, tag: bytes, *, reserve: bool = False) -> bool:
        """Whether `take` would succeed."""
        return self.available(tag) > (0 if reserve else self._parameters.reserve)

    def take(self, tag: bytes, *, reserve: bool = False) -> ReplySurb | None:
        """The oldest SURB for `tag`; only a request for more may use the `reserve`."""
        if not self.can_take(tag, reserve=reserve):
            return None
        standing = self._standings[tag]
        group = self._groups[standing]
        stock = group.stocks[tag]
        group.size -= stock.size
        surb = stock.take()
        group.size += stock.size
        return surb

    def rotated(self, rotation: KeyRotation) -> None:
        """The nodes' keys are now those of `rotation`: what was made for others is to be replaced."""
        for stock in self._all_stocks():
            old = [surb for surb in stock.surbs if surb.rotation not in (rotation, KeyRotation.UNKNOWN)]
            new = [surb for surb in stock.surbs if surb.rotation in (rotation, KeyRotation.UNKNOWN)]
            stock.surbs, stock.stale, stock.on_the_way = deque(old + new), len(old), 0

    def amount_to_request(self, tag: bytes, queued: int, now: float) -> int:
        """How many SURBs to ask `tag` for now, with `queued` fragments waiting for it; 0 for none.

        A request that brings nothing for `rerequest_after` seconds counts as lost.
        """
        stock = self._stock(tag)
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
        """Tags that nobody holds, from which nothing has come for `drop_after` seconds."""
        return [
            tag
            for standing in (Standing.SERVED, Standing.STRANGER)
            for tag, stock in self._groups[standing].stocks.items()
            if now - stock.last_received > self._parameters.drop_after
        ]

    def drop(self, tag: bytes) -> None:
        """Forget a sender and its SURBs."""
        self._remove(tag)

    def _all_stocks(self) -> Iterator[_SenderSurbs]:
        return (stock for group in self._groups.values() for stock in group.stocks.values())


def _shorten_largest(group: _SurbGroup) -> None:
    """Every tag keeps its place, and the one that gave most loses some of that."""
    largest = max(group.stocks.values(), key=lambda stock: stock.size)
    before = largest.size
    _discard(largest, max(1, len(largest.surbs) // 4))
    group.size -= before - largest.size


def _cost(surb: ReplySurb) -> int:
    """Bytes of our memory."""
    return SURB_COST + len(surb.surb.header) + sum(map(len, surb.surb.key_material))


def _discard(stock: _SenderSurbs, amount: int) -> None:
    """Throw the oldest away."""
    for _ in range(amount):
        stock.take()
