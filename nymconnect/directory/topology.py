"""The network as a sender sees it: layers of mix nodes, gateways, and routes drawn through them.

Mirrors nym-topology 1.21 (`common/topology/src/lib.rs`, `node.rs`). A route has one node of each layer, uniformly at
random and independently of any earlier route, then the recipient's gateway; the sender's own gateway only relays and is
no Sphinx hop. Delays are exponential with one mean for every hop (Loopix, USENIX Security 2017, section 3).

Nothing here changes after construction: a refresh makes a new `Topology`, so a route is never drawn half from the old
and half from the new network.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from nymconnect.base58 import b58encode
from nymconnect.crypto import Rng
from nymconnect.endpoints import unmapped
from nymconnect.errors import UserError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.route import Hop, Route

LAYERS = 3
NANOSECONDS = 1_000_000_000


class RouteError(UserError):
    """No route can be drawn through the network as the directory describes it."""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Where clients reach a gateway: websocket on one of `ips`, or TLS on `hostname` if both are announced."""

    hostname: str | None
    ws_port: int
    wss_port: int | None
    ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles that a node offers, whatever this epoch has assigned to it."""

    mixnode: bool = False
    entry: bool = False
    exit: bool = False


class Feature(StrEnum):
    """What a node of our own software can do that the protocol of others has no place for."""

    DROP_COVER = "drop-cover"  # a gateway that takes cover in and lets it end there
    PACED_DELIVERY = "paced-delivery"  # a gateway that delivers at a constant rate to clients that ask for it


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Keys have 32 bytes, `ips` are canonical texts, `performance` runs from 0 to 1."""

    node_id: int
    identity: bytes
    sphinx_key: bytes
    mix_address: NodeAddress
    ips: tuple[str, ...]
    entry: EntryPoint | None = None
    noise_key: bytes | None = None
    performance: float = 1.0
    roles: Roles = Roles()
    features: frozenset[Feature] = frozenset()

    @property
    def name(self) -> str:
        """Base58 of the identity, as people and links write it."""
        return b58encode(self.identity)


Layer = tuple[Node, ...]


@dataclass(frozen=True)
class Topology:
    """One refresh of the network: mix layers 1 to 3, gateways by identity, and further known nodes."""

    layers: tuple[Layer, Layer, Layer]
    gateways: Mapping[bytes, Node]
    rotation_id: int
    epoch_id: int
    others: tuple[Node, ...] = ()
    # The reference counts the rewarded set's own list here, even where its ids are unknown.
    has_rewarded_gateway: bool = True
    left_out: int = 0  # rows of the directory that describe no usable node

    @property
    def rotation(self) -> KeyRotation:
        """Label that packets made from this topology carry."""
        return KeyRotation.from_id(self.rotation_id)

    @property
    def known_nodes(self) -> Iterator[Node]:
        """Every node; one that stands in two lists comes twice."""
        for layer in self.layers:
            yield from layer
        yield from self.gateways.values()
        yield from self.others

    @cached_property
    def drop_places(self) -> tuple[bytes, ...]:
        """Identities of the gateways at which drop cover may end."""
        return tuple(identity for identity, node in self.gateways.items() if Feature.DROP_COVER in node.features)

    @property
    def is_ours(self) -> bool:
        """Whether its directory reports nodes of this software."""
        return bool(self.drop_places)

    def is_routable(self) -> bool:
        """Whether every layer has a node and some gateway is rewarded."""
        return all(self.layers) and self.has_rewarded_gateway

    def route_to(self, gateway_identity: bytes, mean_delay: float, rng: Rng, avoid: Collection[bytes] = ()) -> Route:
        """Fresh route to the clients of a gateway; `mean_delay` is the mean per hop in seconds.

        `avoid` names identities that the route goes around where the layer has another node. RouteError if the
        gateway is unknown or a layer is empty.
        """
        egress = self.node_of(gateway_identity)
        if egress is None:
            raise RouteError(f"the directory does not list the gateway {b58encode(gateway_identity)[:64]}")
        path = [self._draw(number, rng, avoid) for number in range(LAYERS)] + [egress]
        hops = tuple(Hop(node.mix_address, node.sphinx_key) for node in path)
        return Route(hops, draw_delays(len(hops), mean_delay, rng), self.rotation)

    def _draw(self, number: int, rng: Rng, avoid: Collection[bytes]) -> Node:
        layer = self.layers[number]
        if not layer:
            raise RouteError(f"the directory lists no usable mix node in layer {number + 1}; try again later")
        if avoid and (others := tuple(node for node in layer if node.identity not in avoid)):
            layer = others
        return rng.choice(layer)

    def node_of(self, identity: bytes) -> Node | None:
        """The node with this identity, whatever its role: any known node may be the egress of a route."""
        return self._by_identity.get(identity)

    def node_at(self, address: NodeAddress) -> Node | None:
        """The node that listens for packets at any of its addresses, or None."""
        return self._by_address.get(_canonical(address.host, address.port))

    def known_ip(self, ip: str) -> bool:
        """Whether some node announces this IP address: the routing filter of a node."""
        return canonical_ip(ip) in self._ips

    def expects_noise(self, ip: str) -> bool:
        """Whether a connection *from* this IP address opens with a Noise handshake; source ports say nothing."""
        return self._ips.get(canonical_ip(ip), False)

    @cached_property
    def _by_identity(self) -> dict[bytes, Node]:
        return {node.identity: node for node in self.known_nodes}

    @cached_property
    def _by_address(self) -> dict[NodeAddress, Node]:
        return {_canonical(ip, node.mix_address.port): node for node in self.known_nodes for ip in node.ips}

    @cached_property
    def _ips(self) -> dict[str, bool]:
        """Each announced IP address, and whether a node there announces a Noise key."""
        noise: dict[str, bool] = {}
        for node in self.known_nodes:
            for ip in map(canonical_ip, node.ips):
                noise[ip] = noise.get(ip, False) or node.noise_key is not None
        return noise


def draw_delays(hops: int, mean: float, rng: Rng) -> tuple[int, ...]:
    """One exponential delay per hop in nanoseconds, `mean` in seconds; all zero if the mean is."""
    if mean <= 0:
        return (0,) * hops
    return tuple(round(rng.expovariate(1 / mean) * NANOSECONDS) for _ in range(hops))


def canonical_ip(text: str) -> str:
    """Shortest text of an IP address, an IPv4 address inside IPv6 as the IPv4 one; other text stays as it is.

    A dual-stack listener sees IPv4 peers as ``::ffff:1.2.3.4``, and may append a zone to link-local ones.
    """
    try:
        return str(unmapped(ipaddress.ip_address(text.partition("%")[0])))
    except ValueError:
        return text


def _canonical(host: str, port: int) -> NodeAddress:
    return NodeAddress(canonical_ip(host), port)
