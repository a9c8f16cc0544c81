"""The routing filter and the Noise decision of a node."""

import dataclasses

from nymconnect.node.routing_filter import NetworkView
from nymconnect.packet.addressing import NodeAddress
from tests.helpers.networks import known_network


def test_view_without_a_topology_allows_nothing() -> None:
    view = NetworkView()
    assert not view.may_send_to(NodeAddress("127.0.0.1", 1801))
    assert view.noise_key(NodeAddress("127.0.0.1", 1801)) is None
    assert not view.expects_noise("127.0.0.1")


def test_view_allows_exactly_the_ports_where_nodes_listen() -> None:
    view = NetworkView(known_network().topology)
    assert all(view.may_send_to(NodeAddress("127.0.0.1", port)) for port in (1801, 1802, 1803, 1804))
    assert not view.may_send_to(NodeAddress("127.0.0.1", 9004))
    assert not view.may_send_to(NodeAddress("127.0.0.1", 22))
    assert not view.may_send_to(NodeAddress("10.9.9.9", 1801))


def test_view_allows_every_announced_ip_of_a_node() -> None:
    topology = known_network(one_ip=False).topology
    node = dataclasses.replace(topology.layers[0][0], ips=("10.0.0.1", "2001:db8::1"))
    view = NetworkView(dataclasses.replace(topology, layers=((node,), *topology.layers[1:])))
    assert view.may_send_to(NodeAddress("2001:db8::1", 1789))


def test_view_keeps_the_nodes_of_the_last_topology_but_not_of_the_one_before() -> None:
    old, new = (known_network(seed=seed, one_ip=False).topology for seed in (1, 2))
    moved = dataclasses.replace(new.layers[0][0], mix_address=NodeAddress("10.7.7.7", 1789), ips=("10.7.7.7",))
    new = dataclasses.replace(new, layers=((moved,), *new.layers[1:]))
    left_behind = NodeAddress("10.0.0.1", 1789)
    view = NetworkView(old)
    view.update(new)
    assert view.may_send_to(left_behind)
    assert view.may_send_to(moved.mix_address)
    view.update(new)
    assert not view.may_send_to(left_behind)


def test_view_finds_noise_by_address_outwards_and_by_ip_inwards() -> None:
    network = known_network(noise=True, one_ip=False)
    node = network.topology.layers[1][0]
    view = NetworkView(network.topology)
    assert view.noise_key(node.mix_address) == network.noise[node.identity].public
    assert view.expects_noise(node.ips[0])
    assert view.expects_noise(f"::ffff:{node.ips[0]}")
    assert not view.expects_noise("10.9.9.9")


def test_view_takes_a_noise_key_from_the_newest_topology_that_knows_the_node() -> None:
    old, new = (known_network(seed=seed, noise=True) for seed in (1, 2))
    view = NetworkView(old.topology)
    view.update(new.topology)
    node = new.topology.layers[0][0]
    assert view.noise_key(node.mix_address) == node.noise_key
