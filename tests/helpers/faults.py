"""Ways to break an embedded network."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nymconnect.effects import Effect
from nymconnect.packet.framing import MixPacket
from nymconnect_proxy.practice.embedded import EmbeddedNetwork


class Losses:
    """How many packets went into the links of a network, and how many of them were lost there."""

    def __init__(self) -> None:
        self.offered = 0
        self.lost = 0


def lose_packets(network: EmbeddedNetwork, chance: float, seed: int = 1) -> Losses:
    """From now on each link loses packets with this chance: between nodes, and what gateways take from clients."""
    losses, rng = Losses(), random.Random(seed)

    def lossy(send: Callable[[MixPacket], None]) -> Callable[[MixPacket], None]:
        def maybe(packet: MixPacket) -> None:
            losses.offered += 1
            if rng.random() < chance:
                losses.lost += 1
            else:
                send(packet)

        return maybe

    for node in network._nodes:
        links = node._relay.links
        links.send = lossy(links.send)  # type: ignore[method-assign, assignment]
    return losses


# --- every link impaired ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Impairment:
    """Chances, the longest time (seconds) that an overtaken packet is held, and what has come of them so far."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    hold: float = 0.2
    seed: int = 1
    offered: int = 0
    lost: int = 0
    duplicated: int = 0
    held: int = 0
    _rng: random.Random = field(init=False)
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def carry(self, deliver: Callable[[], None], *, may_lose: bool = True) -> None:
        """Take one packet over the link, or two, or none; sometimes later than those that come after it."""
        self.offered += 1
        copies = 1
        if self._rng.random() < self.duplication:
            self.duplicated += 1
            copies = 2
        for _ in range(copies):
            if may_lose and self._rng.random() < self.loss:
                self.lost += 1
            elif self._rng.random() < self.reordering:
                self.held += 1
                self._later(deliver)
            else:
                deliver()

    def _later(self, deliver: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            deliver()

        timer = asyncio.get_running_loop().call_later(self._rng.uniform(0.0, self.hold), fire)
        self._timers.add(timer)

    def stop(self) -> None:
        """What is still held is lost."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


@contextlib.contextmanager
def impaired(network: EmbeddedNetwork, impairment: Impairment) -> Iterator[Impairment]:
    """Impair every link until the end of the block: between nodes, from clients into the mixnet, and to clients.

    What runs between a client and its gateway is TCP, which neither loses nor reorders. So there it is the packet that
    is impaired: on its way from the gateway's session to the first mix, and as a push on its way back to the session.
    A push is never lost, for the gateway has acked what it pushes: nobody would send it again.
    """

    def impair_send(send: Callable[[MixPacket], None]) -> Callable[[MixPacket], None]:
        return lambda packet: impairment.carry(lambda: send(packet))

    def impair_deliver(deliver: Callable[[Sequence[Effect]], None]) -> Callable[[Sequence[Effect]], None]:
        def impair(effects: Sequence[Effect]) -> None:
            if effects:  # a packet that stays in the mixer for a while has none yet
                impairment.carry(lambda: deliver(effects), may_lose=False)

        return impair

    before = [(node._relay, node._relay._deliver, node._relay.links.send) for node in network._nodes]
    for relay, deliver, send in before:
        relay._deliver = impair_deliver(deliver)
        relay.links.send = impair_send(send)  # type: ignore[method-assign]
    try:
        yield impairment
    finally:
        impairment.stop()
        for relay, deliver, send in before:
            relay._deliver = deliver
            relay.links.send = send  # type: ignore[method-assign]
