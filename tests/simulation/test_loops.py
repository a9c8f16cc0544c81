"""What loops measure in minutes of traffic: a mix that drops, and the share that a network loses."""

from collections import Counter

import pytest

from nymconnect.client.parameters import TrafficParameters
from tests.helpers.virtual_mixnet import VirtualMixnet

UNPACED = TrafficParameters(paced=False)


def test_a_mix_that_drops_raises_the_alarm_and_is_routed_around():
    net = VirtualMixnet()
    client, peer = net.add_client(), net.add_client(UNPACED, gateway=1)
    net.run(5.0)
    assert client.alarms == []
    bad = net.network.topology.layers[0][1].mix_address
    net.dropping[bad] = 0.5
    assert net.run_until(lambda: bool(client.alarms), 15.0)
    assert net.run_until(lambda: client.loopix.loops.statistics().suspects == {bad}, 30.0)
    before = Counter(view[0] for view in net.views)[bad]
    client.loopix.send(bytes(50_000), peer.loopix.address, net.now)
    assert net.run_until(lambda: bool(peer.received), 20.0)
    visits = Counter(view[0] for view in net.views)[bad] - before
    loops = client.loopix.counters["cover_sent"]
    assert loops
    assert visits < 60
    assert client.loopix.loops.statistics().dropping


def test_loops_measure_what_the_network_loses():
    net = VirtualMixnet(loss=0.01)
    client = net.add_client()
    net.run(20.0)
    statistics = client.loopix.loops.statistics()
    assert statistics.loss == pytest.approx(1 - 0.99**4, abs=0.03)
    assert statistics.delay == pytest.approx(0.0, abs=1e-6)
