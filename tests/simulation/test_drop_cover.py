"""Cover that ends at a gateway: how much of it there is, and that nothing else changes."""

from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.loopix import Received
from nymconnect.client.parameters import TrafficParameters
from nymconnect.directory.topology import Feature
from tests.helpers.networks import known_network
from tests.helpers.virtual_mixnet import VirtualMixnet

WITH_PLACES = known_network(2, 2, features=frozenset({Feature.DROP_COVER}))
HALF = TrafficParameters(drop_share=0.5)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9, 1.0])
def test_so_large_a_share_of_cover_does_not_come_back(share: float):
    net = VirtualMixnet(WITH_PLACES)
    client = net.add_client(TrafficParameters(drop_share=share))
    net.run(10.0)
    counters = client.loopix.counters
    assert counters["cover_sent"] == pytest.approx(10 * 55, rel=0.15)
    assert counters["drop_cover_sent"] == pytest.approx(share * counters["cover_sent"] * 50 / 55, abs=50)
    assert counters["cover_received"] == pytest.approx(counters["cover_sent"] - counters["drop_cover_sent"], abs=20)
    assert counters["malformed"] == 0


def test_drop_cover_is_not_missed_as_a_loop_would_be():
    net = VirtualMixnet(WITH_PLACES)
    client = net.add_client(HALF)
    net.run(20.0)
    statistics = client.loopix.loops.statistics()
    assert statistics.sent == client.loopix.counters["cover_sent"] - client.loopix.counters["drop_cover_sent"]
    assert (statistics.lost, statistics.dropping) == (0, False)


def test_a_network_without_a_place_for_it_gets_loops_only():
    net = VirtualMixnet(known_network(2, 2))
    client = net.add_client(HALF)
    net.run(10.0)
    assert client.loopix.counters["drop_cover_sent"] == 0
    assert client.loopix.counters["cover_sent"] > 400


def test_it_ends_only_at_gateways_that_take_it():
    network = known_network(1, 3, features=frozenset({Feature.DROP_COVER}))
    own, other, foreign = network.gateways
    gateways = {own.identity: own, other.identity: other, foreign.identity: replace(foreign, features=frozenset())}
    net = VirtualMixnet(replace(network, topology=replace(network.topology, gateways=gateways)))
    client = net.add_client(TrafficParameters(drop_share=1.0))
    net.run(10.0)
    packets = Counter(address for address, _, length in net.views if length > 2000)
    packets[own.mix_address] -= client.loopix.counters["cover_received"]
    assert packets[other.mix_address] == pytest.approx(packets[own.mix_address], rel=0.3)
    assert packets[foreign.mix_address] == 0


def test_every_hop_sees_the_same_of_loop_drop_cover_and_data():
    net = VirtualMixnet(WITH_PLACES)
    client, peer = net.add_client(HALF), net.add_client(TrafficParameters(paced=False, loop_cover=False), gateway=1)
    client.loopix.send(bytes(50_000), peer.loopix.address, net.now)
    net.run(5.0)
    assert peer.received == [Received(bytes(50_000))]
    assert {view[1:] for view in net.views} == {(259, 2413), (259, 386)}
