"""From a fragment to the packet that carries it: routes drawn, ack enclosed, layers wrapped, and kept until it leaves.

Everything is drawn afresh for each packet, so a repeated fragment takes another way. Mirrors the preparer of nym-sphinx
1.21 (`preparer/mod.rs`), except that cover is of the same Sphinx version as data.

A packet waits in the pacer's stock, and `PreparedPackets` remembers what it carries until it has left: the wait for an
ack and the measuring of a loop begin then, not when the packet was built.
"""

from dataclasses import dataclass

from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import Outgoing
from nymconnect.crypto import Rng
from nymconnect.directory.topology import LAYERS, Topology
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.chunking import Fragment
from nymconnect.packet.envelope import (
    seal_cover,
    seal_drop_cover,
    seal_fragment,
    seal_reply_cover,
    seal_reply_fragment,
)
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.route import Route

ACK_KEY_LENGTH = 16

Layers = tuple[tuple[NodeAddress, ...], ...]


@dataclass(frozen=True, slots=True)
class SealedPacket:
    """A packet, the mixes that it and its ack visit, and the seconds that they will hold the two."""

    packet: MixPacket
    path: tuple[NodeAddress, ...]
    expected: float


class Preparer:
    """Packs for one client. Data goes around the mixes in `suspects`. Methods raise RouteError."""

    def __init__(
        self,
        address: Recipient,
        topology: Topology,
        parameters: TrafficParameters,
        rng: Rng,
        ack_key: bytes | None = None,
    ) -> None:
        self.topology = topology
        self.ack_key = ack_key or rng.randbytes(ACK_KEY_LENGTH)
        self._address = address
        self._parameters = parameters
        self._rng = rng

    @property
    def layers(self) -> Layers:
        """The mixes of the topology."""
        return tuple(tuple(node.mix_address for node in layer) for layer in self.topology.layers)

    def data(self, fragment: Fragment, to: Recipient, suspects: Suspects) -> SealedPacket:
        """`fragment` for a client whose address is known; WireError if that address has an unusable key."""
        route = self._route(to.gateway, self._parameters.average_packet_delay, suspects)
        ack_route = self._ack_route(suspects)
        packet = seal_fragment(
            fragment, to, self._address, self.ack_key, route, ack_route, self._parameters.packet_size, self._rng
        )
        return SealedPacket(packet, _mixes(route) + _mixes(ack_route), route.expected_delay + ack_route.expected_delay)

    def reply(self, fragment: Fragment, surb: ReplySurb, suspects: Suspects) -> SealedPacket:
        """`fragment` for the maker of `surb`. Only the maker knows the way and the delays inside it."""
        ack_route = self._ack_route(suspects)
        packet = seal_reply_fragment(
            fragment, surb, self._address, self.ack_key, ack_route, self._parameters.packet_size, self._rng
        )
        guess = LAYERS * self._parameters.average_packet_delay
        return SealedPacket(packet, _mixes(ack_route), guess + ack_route.expected_delay)

    def reply_cover(self, surb: ReplySurb, suspects: Suspects) -> MixPacket:
        """A packet without content for the maker of `surb`."""
        parameters = self._parameters
        return seal_reply_cover(
            surb, self._address, self.ack_key, self._ack_route(suspects), parameters.packet_size, self._rng
        )

    def cover(self) -> tuple[SealedPacket, bytes]:
        """Loop cover, and the selector by which it is known again; `path` and `expected` are the loop's alone.

        It avoids nobody: a mix under suspicion has to be measured on.
        """
        gateway, parameters = self._address.gateway, self._parameters
        route = self.topology.route_to(gateway, parameters.average_packet_delay, self._rng)
        ack_route = self.topology.route_to(gateway, parameters.average_ack_delay, self._rng)
        packet, selector = seal_cover(self._address, self.ack_key, route, ack_route, parameters.packet_size, self._rng)
        return SealedPacket(packet, _mixes(route), route.expected_delay), selector

    def drop_cover(self) -> MixPacket:
        """Cover that ends at a random gateway of those that take it."""
        gateway, parameters = self._rng.choice(self.topology.drop_places), self._parameters
        route = self.topology.route_to(gateway, parameters.average_packet_delay, self._rng)
        ack_route = self.topology.route_to(self._address.gateway, parameters.average_ack_delay, self._rng)
        return seal_drop_cover(self._address, self.ack_key, route, ack_route, parameters.packet_size, self._rng)

    def surb(self, suspects: Suspects) -> ReplySurb:
        """A reply SURB back to this client."""
        route = self._route(self._address.gateway, self._parameters.average_packet_delay, suspects)
        return ReplySurb.create(self._address, route, self._rng)

    def _ack_route(self, suspects: Suspects) -> Route:
        return self._route(self._address.gateway, self._parameters.average_ack_delay, suspects)

    def _route(self, gateway: bytes, mean_delay: float, suspects: Suspects) -> Route:
        nodes = map(self.topology.node_at, suspects)
        return self.topology.route_to(gateway, mean_delay, self._rng, {node.identity for node in nodes if node})


def _mixes(route: Route) -> tuple[NodeAddress, ...]:
    """The mix nodes of a route, without the gateway at its end."""
    return tuple(hop.address for hop in route.hops[:-1])


# --- until it leaves --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PreparedPacket:
    """A packet for the pacer; `token` is to be given back when it has left."""

    token: int
    packet: MixPacket


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The fragment inside, the mixes that it and its ack visit, and the seconds that those will hold the two."""

    outgoing: Outgoing
    path: tuple[NodeAddress, ...]
    expected: float


@dataclass(frozen=True, slots=True)
class PreparedCover:
    """By what the loop is known when it comes back, the mixes that it visits, and the seconds that those hold it.

    Drop cover has none of it, for it does not come back.
    """

    selector: bytes | None = None
    path: tuple[NodeAddress, ...] = ()
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class PreparedReplyCover:
    """Cover in place of an answer: there is nothing to remember."""


Prepared = PreparedData | PreparedCover | PreparedReplyCover


class PreparedPackets:
    """By token. As long as the pacer's stocks, which the one who fills them bounds."""

    def __init__(self) -> None:
        self._next_token = 0
        self._data: dict[int, PreparedData] = {}
        self._cover: dict[int, PreparedCover | PreparedReplyCover] = {}

    @property
    def data_count(self) -> int:
        """Fragments that wait."""
        return len(self._data)

    def add(self, packet: MixPacket, ready: Prepared) -> PreparedPacket:
        """Remember `ready` until its packet has left."""
        self._next_token += 1
        if isinstance(ready, PreparedData):
            self._data[self._next_token] = ready
        else:
            self._cover[self._next_token] = ready
        return PreparedPacket(self._next_token, packet)

    def take(self, token: int) -> Prepared | None:
        """What has left; None if it was forgotten."""
        return self._data.pop(token, None) or self._cover.pop(token, None)

    def take_fragment(self, fragment_id: FragmentId) -> Outgoing | None:
        """Forget a fragment; its packet leaves all the same, and counts for nothing."""
        for token, ready in self._data.items():
            if ready.outgoing.fragment.fid == fragment_id:
                del self._data[token]
                return ready.outgoing
        return None

    def take_all_data(self) -> list[Outgoing]:
        """Forget all data."""
        waiting = [ready.outgoing for ready in self._data.values()]
        self._data.clear()
        return waiting

    def forget_covers(self) -> None:
        """CoverTraffic that leave from now on measure nothing."""
        self._cover.clear()
