"""Small networks whose secrets the test knows."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.topology import EntryPoint, Feature, Node, Roles, Topology
from nymconnect.packet.addressing import NodeAddress

FIRST_MIX_PORT = 1801
FIRST_WS_PORT = 9001


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """A topology, and by identity of node: its Sphinx secrets, identity secrets and (if asked for) Noise secrets."""

    topology: Topology
    sphinx: dict[bytes, X25519Secret]
    identities: dict[bytes, Ed25519Secret]
    noise: dict[bytes, X25519Secret]

    @property
    def gateways(self) -> list[Node]:
        return list(self.topology.gateways.values())

    def secret_at(self, address: NodeAddress) -> X25519Secret:
        """Sphinx secret of the node that listens at `address`."""
        node = self.topology.node_at(address)
        assert node is not None
        return self.sphinx[node.identity]


def known_network(
    mixes_per_layer: int = 1,
    gateways: int = 1,
    *,
    seed: int = 1,
    rotation_id: int = 5,
    epoch_id: int = 130,
    noise: bool = False,
    one_ip: bool = True,
    features: frozenset[Feature] = frozenset(),
) -> KnownNetwork:
    """3 × `mixes_per_layer` mix nodes and `gateways` gateways, all from `seed`; ids count from 1, mixes first.

    The gateways have `features`.

    All listen on 127.0.0.1 at ports 1801…, or with `one_ip=False` each has an address of its own, 10.0.0.<id>:1789.
    """
    rng = random.Random(seed)
    keys = _Keys({}, {}, {})
    ids = iter(range(1, 3 * mixes_per_layer + gateways + 1))

    def layer() -> tuple[Node, ...]:
        return tuple(
            _node(keys, rng, ids, is_gateway=False, noise=noise, one_ip=one_ip) for _ in range(mixes_per_layer)
        )

    layers = (layer(), layer(), layer())
    nodes = [_node(keys, rng, ids, is_gateway=True, noise=noise, one_ip=one_ip) for _ in range(gateways)]
    nodes = [replace(node, features=features) for node in nodes]
    topology = Topology(layers, {node.identity: node for node in nodes}, rotation_id, epoch_id)
    return KnownNetwork(topology, keys.sphinx, keys.identities, keys.noise)


@dataclass(frozen=True, slots=True)
class _Keys:
    sphinx: dict[bytes, X25519Secret]
    identities: dict[bytes, Ed25519Secret]
    noise: dict[bytes, X25519Secret]


def _node(keys: _Keys, rng: random.Random, ids: Iterator[int], *, is_gateway: bool, noise: bool, one_ip: bool) -> Node:
    node_id = next(ids)
    identity, sphinx, noise_secret = Ed25519Secret.generate(rng), X25519Secret.generate(rng), X25519Secret.generate(rng)
    keys.identities[identity.public] = identity
    keys.sphinx[identity.public] = sphinx
    if noise:
        keys.noise[identity.public] = noise_secret
    ip, port = ("127.0.0.1", FIRST_MIX_PORT + node_id - 1) if one_ip else (f"10.0.0.{node_id}", 1789)
    return Node(
        node_id,
        identity.public,
        sphinx.public,
        NodeAddress(ip, port),
        (ip,),
        EntryPoint(None, FIRST_WS_PORT + node_id - 1, None, (ip,)) if is_gateway else None,
        noise_secret.public if noise else None,
        roles=Roles(entry=True) if is_gateway else Roles(mixnode=True),
    )
