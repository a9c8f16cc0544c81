"""Two mixnet clients in memory: messages arrive whole and exactly once, in an order that a seed draws."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from nymconnect.client.surbs.aliases import Alias, real
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.errors import NymError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.ingress.requester_choice import KnownRequester, RequesterChoice

MAX_DELAY = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """What `MixnetEnd.receive` returns."""

    data: bytes
    sender_tag: bytes | None = None
    source: Recipient | None = None


@dataclass(slots=True)
class MixnetEnd:
    """One client. It delays every message by its own random time, so they overtake each other."""

    address: Recipient
    rng: random.Random
    lane_capacity: int = 8
    gateway_ips: tuple[str, ...] = ()
    peers: dict[Recipient, "MixnetEnd"] = field(default_factory=dict)
    tags: dict[bytes, "MixnetEnd"] = field(default_factory=dict)
    given: dict[bytes, Recipient] = field(default_factory=dict)  # whom the owner of a tag took us for
    sent: list[tuple[bytes, int]] = field(default_factory=list)
    closed_lanes: list[int] = field(default_factory=list)
    forgotten: list[Recipient] = field(default_factory=list)
    withheld: list[tuple[Recipient, bool]] = field(default_factory=list)
    thrifty: list[Recipient] = field(default_factory=list)
    stopped: bool = False
    paced: dict[bytes, tuple[float, float]] = field(default_factory=dict)
    held: Counter[bytes] = field(default_factory=Counter)
    most_paced: float = 100.0
    on_undelivered: Callable[[int], None] = lambda _lane: None
    _inbox: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    _lanes: dict[int, asyncio.Semaphore] = field(default_factory=dict)

    @property
    def lanes(self) -> list[int]:
        """Every lane that something was sent on."""
        return list(self._lanes)

    async def send(self, to: Recipient, data: bytes, *, surbs: int = 0, lane: int = 0) -> None:
        peer = self.peers[real(to)]
        number = to.number if isinstance(to, Alias) else 0
        tag = self.address.identity[:8] + number.to_bytes(8, "big") if surbs else None
        if tag is not None:
            peer.tags[tag] = self
            peer.given[tag] = to
        self.sent.append((data, surbs))
        await self._deliver(peer, Message(data, tag), lane)

    async def reply(self, sender_tag: bytes, data: bytes, *, lane: int = 0) -> None:
        self.sent.append((data, 0))
        await self._deliver(self.tags[sender_tag], Message(data, source=self.given[sender_tag]), lane)

    def hold(self, sender_tag: bytes) -> None:
        self.held[sender_tag] += 1

    def release(self, sender_tag: bytes) -> None:
        self.held[sender_tag] -= 1

    def pace_replies(self, sender_tag: bytes, rate: float, seconds: float) -> float:
        """Refuses more than `most_paced`; the answers themselves go as before."""
        if rate > self.most_paced or not rate:
            return 0.0
        self.paced[sender_tag] = rate, seconds
        return rate

    def reply_rate(self, sender_tag: bytes) -> float | None:
        return None

    def expect_oldest_first(self, holder: Recipient) -> None:
        self.thrifty.append(holder)

    def withhold_surbs(self, to: Recipient, withheld: bool) -> None:
        self.withheld.append((to, withheld))

    def forget(self, to: Recipient) -> None:
        self.forgotten.append(to)

    def close_lane(self, lane: int) -> None:
        self.closed_lanes.append(lane)

    async def receive(self) -> Message:
        return await self._inbox.get()

    async def _deliver(self, peer: "MixnetEnd", message: Message, lane: int) -> None:
        if self.stopped:
            raise NymError("stopped")
        room = self._lanes.setdefault(lane, asyncio.Semaphore(self.lane_capacity))
        await room.acquire()

        def arrive() -> None:
            room.release()
            peer._inbox.put_nowait(message)

        asyncio.get_running_loop().call_later(self.rng.random() * MAX_DELAY, arrive)


def make_recipient(rng: random.Random) -> Recipient:
    """An address with real curve points; nobody keeps the secrets."""
    keys = [Ed25519Secret.generate(rng).public, X25519Secret.generate(rng).public, Ed25519Secret.generate(rng).public]
    return Recipient(*keys)


def only(address: Recipient) -> RequesterChoice:
    """One requester for everything."""
    return RequesterChoice([KnownRequester("exit", address)], bytes(32), random.Random(1))


def mixnet_pair(seed: int) -> tuple[MixnetEnd, MixnetEnd]:
    """Two clients that can write to each other."""
    left, (right,) = mixnet_star(seed, 1)
    return left, right


def mixnet_star(seed: int, count: int) -> tuple[MixnetEnd, list[MixnetEnd]]:
    """A client, and others that can write to it and it to them."""
    rng = random.Random(seed)
    centre, *others = (MixnetEnd(make_recipient(rng), rng) for _ in range(1 + count))
    for other in others:
        centre.peers[other.address] = other
        other.peers[centre.address] = centre
    return centre, others
