"""Ways to break an embedded network."""

import random
from collections.abc import Callable

from nymconnect.embedded import EmbeddedNetwork
from nymconnect.packet.framing import MixPacket


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
