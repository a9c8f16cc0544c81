"""Routes and lookups of `nymconnect.directory.topology`."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.directory.topology import RouteError, canonical_ip, draw_delays
from nymconnect.errors import UserError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation
from tests.helpers.networks import known_network


def test_route_has_one_node_of_each_layer_then_the_gateway() -> None:
    network = known_network(mixes_per_layer=3, gateways=2)
    gateway = network.gateways[1]
    route = network.topology.route_to(gateway.identity, 0.015, random.Random(1))
    nodes = [network.topology.node_at(hop.address) for hop in route.hops]
    assert nodes[3] == gateway
    assert all(node in layer for node, layer in zip(nodes, network.topology.layers, strict=False))
    assert [hop.sphinx_key for hop in route.hops] == [node.sphinx_key for node in nodes if node]
    assert len(route.delays_ns) == 4


@pytest.mark.parametrize(
    ("rotation_id", "label"),
    [
        (1, KeyRotation.ODD),
        (2, KeyRotation.EVEN),
        (0, KeyRotation.UNKNOWN),
        (2**32 - 1, KeyRotation.UNKNOWN),
    ],
)
def test_route_carries_the_label_of_the_rotation(rotation_id: int, label: KeyRotation) -> None:
    topology = known_network(rotation_id=rotation_id).topology
    gateway = next(iter(topology.gateways))
    assert topology.rotation == label
    assert topology.route_to(gateway, 0, random.Random(1)).rotation == label


def test_route_draws_every_node_of_a_layer_equally_often() -> None:
    network = known_network(mixes_per_layer=4)
    rng = random.Random(7)
    routes = [network.topology.route_to(network.gateways[0].identity, 0, rng) for _ in range(2000)]
    for layer in range(3):
        counts = Counter(route.hops[layer].address for route in routes)
        # 500 each; five standard deviations of a binomial are 97.
        assert len(counts) == 4
        assert all(400 < count < 600 for count in counts.values())


def test_route_draws_layers_independently() -> None:
    network = known_network(mixes_per_layer=2)
    rng = random.Random(3)
    paths = {network.topology.route_to(network.gateways[0].identity, 0, rng).hops for _ in range(200)}
    assert len(paths) == 8


def test_route_goes_around_avoided_nodes() -> None:
    network = known_network(mixes_per_layer=3)
    avoid = {layer[0].identity for layer in network.topology.layers}
    forbidden = {layer[0].mix_address for layer in network.topology.layers}
    rng = random.Random(2)
    for _ in range(100):
        route = network.topology.route_to(network.gateways[0].identity, 0, rng, avoid)
        assert not forbidden & {hop.address for hop in route.hops}


def test_route_uses_an_avoided_node_where_the_layer_has_no_other() -> None:
    network = known_network(mixes_per_layer=1)
    everybody = {node.identity for node in network.topology.known_nodes}
    route = network.topology.route_to(network.gateways[0].identity, 0, random.Random(2), everybody)
    assert [hop.address for hop in route.hops[:3]] == [layer[0].mix_address for layer in network.topology.layers]


def test_route_may_end_at_any_known_node() -> None:
    network = known_network()
    topology = network.topology
    lone = replace(network.gateways[0], identity=b"\x07" * 32, entry=None)
    wider = replace(topology, others=(lone,))
    assert wider.route_to(lone.identity, 0, random.Random(1)).hops[3].address == lone.mix_address


def test_route_to_unknown_gateway_is_an_error_for_people() -> None:
    with pytest.raises(RouteError, match="does not list the gateway") as caught:
        known_network().topology.route_to(b"\x09" * 32, 0, random.Random(1))
    assert isinstance(caught.value, UserError)


def test_route_through_empty_layer_names_the_layer() -> None:
    topology = known_network().topology
    hollow = replace(topology, layers=(topology.layers[0], (), topology.layers[2]))
    with pytest.raises(RouteError, match="layer 2"):
        hollow.route_to(next(iter(topology.gateways)), 0, random.Random(1))


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_topology_without_a_layer_is_not_routable(empty: int) -> None:
    topology = known_network().topology
    first, second, third = (() if number == empty else layer for number, layer in enumerate(topology.layers))
    assert topology.is_routable()
    assert not replace(topology, layers=(first, second, third)).is_routable()


def test_topology_without_a_rewarded_gateway_is_not_routable() -> None:
    assert not replace(known_network().topology, has_rewarded_gateway=False).is_routable()


def test_delays_are_zero_if_the_mean_is() -> None:
    assert draw_delays(4, 0.0, random.Random(1)) == (0, 0, 0, 0)


def test_delays_are_exponential_in_nanoseconds() -> None:
    rng = random.Random(11)
    delays = [delay for _ in range(2000) for delay in draw_delays(4, 0.015, rng)]
    mean = sum(delays) / len(delays)
    deviation = (sum((delay - mean) ** 2 for delay in delays) / len(delays)) ** 0.5
    assert all(type(delay) is int and delay >= 0 for delay in delays)
    assert mean == pytest.approx(15_000_000, rel=0.05)
    assert deviation == pytest.approx(15_000_000, rel=0.08)


def test_node_at_knows_address_and_port() -> None:
    network = known_network(one_ip=False)
    node = network.topology.layers[0][0]
    assert network.topology.node_at(NodeAddress("10.0.0.1", 1789)) == node
    assert network.topology.node_at(NodeAddress("::ffff:10.0.0.1", 1789)) == node
    assert network.topology.node_at(NodeAddress("10.0.0.1", 1790)) is None


def test_node_at_knows_every_announced_address() -> None:
    topology = known_network(one_ip=False).topology
    node = replace(topology.layers[0][0], ips=("10.0.0.1", "2001:db8::1"))
    wider = replace(topology, layers=((node,), *topology.layers[1:]))
    assert wider.node_at(NodeAddress("2001:db8::1", 1789)) == node
    assert wider.known_ip("2001:0db8:0::1")


def test_known_ip_tells_nodes_from_strangers() -> None:
    topology = known_network(one_ip=False).topology
    assert topology.known_ip("10.0.0.4")
    assert topology.known_ip("::ffff:10.0.0.4")
    assert not topology.known_ip("10.0.0.5")
    assert not topology.known_ip("not an address")


def test_noise_key_belongs_to_the_address_but_is_expected_by_ip() -> None:
    network = known_network(noise=True)
    plain = replace(network.topology.layers[0][0], noise_key=None)
    topology = replace(network.topology, layers=((plain,), *network.topology.layers[1:]))
    other = topology.layers[1][0]
    found = topology.node_at(other.mix_address)
    assert found is not None
    assert found.noise_key == network.noise[other.identity].public
    assert topology.node_at(plain.mix_address) == plain
    assert topology.node_at(NodeAddress("127.0.0.1", 1)) is None
    # All share one address, from which a connection can come from any of them.
    assert topology.expects_noise("127.0.0.1")


def test_noise_is_not_expected_from_plain_nodes_or_strangers() -> None:
    topology = known_network(one_ip=False).topology
    assert not topology.expects_noise("10.0.0.1")
    assert not topology.expects_noise("10.9.9.9")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("2001:0DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("node.example", "node.example"),
    ],
)
def test_canonical_ip(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_canonical_ip_never_fails(text: str) -> None:
    assert isinstance(canonical_ip(text), str)
