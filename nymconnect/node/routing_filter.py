"""What a node knows of the others: where packets may go, and who speaks Noise.

Mirrors nym-node 1.31 (`node/routing_filter/`, `node/shared_network.rs`) and nymnoise 1.21 (`config.rs`). The reference
allows any port of a known IP address; here the address must be one on which a node listens for packets, so that nobody
can make a node knock at other ports of its neighbours.
"""

from nymconnect.directory.topology import Topology, canonical_ip
from nymconnect.packet.addressing import NodeAddress


class NetworkView:
    """The last two topologies. A node that left with the last refresh still gets the packets under way to it."""

    def __init__(self, topology: Topology | None = None) -> None:
        self._generations: tuple[Topology, ...] = ()
        self._allowed: frozenset[NodeAddress] = frozenset()
        if topology is not None:
            self.update(topology)

    def update(self, topology: Topology) -> None:
        """Take a refreshed topology."""
        self._generations = (topology, *self._generations[:1])
        self._allowed = frozenset(
            NodeAddress(canonical_ip(ip), node.mix_address.port)
            for generation in self._generations
            for node in generation.known_nodes
            for ip in node.ips
        )

    def may_send_to(self, address: NodeAddress) -> bool:
        """The routing filter: whether a known node listens for packets at `address`."""
        return address in self._allowed

    def knows(self, ip: str) -> bool:
        """Whether some node announces this IP address, so that a connection from it is no stranger's."""
        return any(generation.known_ip(ip) for generation in self._generations)

    def noise_key(self, address: NodeAddress) -> bytes | None:
        """Noise key of the node at `address`, or None for a plain connection."""
        node = next(filter(None, (generation.node_at(address) for generation in self._generations)), None)
        return node.noise_key if node else None

    def expects_noise(self, ip: str) -> bool:
        """Whether a connection from `ip` must open with a Noise handshake; its port says nothing."""
        known = next((generation for generation in self._generations if generation.known_ip(ip)), None)
        return known is not None and known.expects_noise(ip)
