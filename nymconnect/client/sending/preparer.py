"""From a fragment to the packet that carries it: routes drawn, ack enclosed, layers wrapped.

Everything is drawn afresh for each packet, so a repeated fragment takes another way. Mirrors the preparer of nym-sphinx
1.21 (`preparer/mod.rs`), except that cover is of the same Sphinx version as data.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.client.parameters import TrafficParameters
from nymconnect.crypto import Rng
from nymconnect.directory.topology import Topology
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
class Packed:
    """A packet, the mixes that it and its ack visit, and the seconds that they will hold the two."""

    packet: MixPacket
    path: tuple[NodeAddress, ...]
    expected: float


class Packer:
    """Packs for one client. `suspects(now)` names the mixes that data shall go around. Methods raise RouteError."""

    def __init__(
        self,
        address: Recipient,
        topology: Topology,
        parameters: TrafficParameters,
        rng: Rng,
        suspects: Callable[[float], frozenset[NodeAddress]],
        ack_key: bytes | None = None,
    ) -> None:
        self.topology = topology
        self.ack_key = ack_key or rng.randbytes(ACK_KEY_LENGTH)
        self._address = address
        self._parameters = parameters
        self._rng = rng
        self._suspects = suspects

    @property
    def layers(self) -> Layers:
        """The mixes of the topology."""
        return tuple(tuple(node.mix_address for node in layer) for layer in self.topology.layers)

    def data(self, fragment: Fragment, to: Recipient, now: float) -> Packed:
        """`fragment` for a client whose address is known; WireError if that address has an unusable key."""
        route = self._route(to.gateway, self._parameters.average_packet_delay, now)
        ack_route = self._ack_route(now)
        packet = seal_fragment(
            fragment, to, self._address, self.ack_key, route, ack_route, self._parameters.packet_size, self._rng
        )
        return Packed(packet, _mixes(route) + _mixes(ack_route), route.expected_delay + ack_route.expected_delay)

    def reply(self, fragment: Fragment, surb: ReplySurb, now: float) -> Packed:
        """`fragment` for the maker of `surb`. Only the maker knows the way and the delays inside it."""
        ack_route = self._ack_route(now)
        packet = seal_reply_fragment(
            fragment, surb, self._address, self.ack_key, ack_route, self._parameters.packet_size, self._rng
        )
        guess = (surb.hops - 1) * self._parameters.average_packet_delay
        return Packed(packet, _mixes(ack_route), guess + ack_route.expected_delay)

    def reply_cover(self, surb: ReplySurb, now: float) -> MixPacket:
        """A packet without content for the maker of `surb`."""
        parameters = self._parameters
        return seal_reply_cover(
            surb, self._address, self.ack_key, self._ack_route(now), parameters.packet_size, self._rng
        )

    def cover(self) -> tuple[Packed, bytes]:
        """Loop cover, and the selector by which it is known again; `path` and `expected` are the loop's alone.

        It avoids nobody: a mix under suspicion has to be measured on.
        """
        gateway, parameters = self._address.gateway, self._parameters
        route = self.topology.route_to(gateway, parameters.average_packet_delay, self._rng)
        ack_route = self.topology.route_to(gateway, parameters.average_ack_delay, self._rng)
        packet, selector = seal_cover(self._address, self.ack_key, route, ack_route, parameters.packet_size, self._rng)
        return Packed(packet, _mixes(route), route.expected_delay), selector

    def drop_cover(self) -> MixPacket:
        """Cover that ends at a random gateway of those that take it."""
        gateway, parameters = self._rng.choice(self.topology.drop_places), self._parameters
        route = self.topology.route_to(gateway, parameters.average_packet_delay, self._rng)
        ack_route = self.topology.route_to(self._address.gateway, parameters.average_ack_delay, self._rng)
        return seal_drop_cover(self._address, self.ack_key, route, ack_route, parameters.packet_size, self._rng)

    def surb(self, now: float) -> ReplySurb:
        """A reply SURB back to this client."""
        route = self._route(self._address.gateway, self._parameters.average_packet_delay, now)
        return ReplySurb.create(self._address, route, self._rng)

    def _ack_route(self, now: float) -> Route:
        return self._route(self._address.gateway, self._parameters.average_ack_delay, now)

    def _route(self, gateway: bytes, mean_delay: float, now: float) -> Route:
        nodes = map(self.topology.node_at, self._suspects(now))
        return self.topology.route_to(gateway, mean_delay, self._rng, {node.identity for node in nodes if node})


def _mixes(route: Route) -> tuple[NodeAddress, ...]:
    """The mix nodes of a route, without the gateway at its end."""
    return tuple(hop.address for hop in route.hops[:-1])
