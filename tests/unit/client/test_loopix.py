import random
from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.loopix import Identity, Loopix, Received, Undelivered
from nymconnect.client.monitor.loop_monitor import STILLNESS
from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.parameters import SurbParameters, TrafficParameters
from nymconnect.directory.topology import Topology
from tests.helpers.virtual_mixnet import VirtualMixnet

UNPACED = TrafficParameters(paced=False)
QUIET = replace(UNPACED, loop_cover=False)


def test_an_idle_client_sends_cover_at_its_rates():
    net = VirtualMixnet()
    client = net.add_client()
    net.run(20.0)
    assert client.loopix.counters["cover_sent"] == pytest.approx(20 * 55, rel=0.15)
    assert client.loopix.counters["cover_received"] == pytest.approx(20 * 55, rel=0.15)
    assert client.loopix.counters["cover_acked"] == pytest.approx(20 * 55, rel=0.15)
    assert client.loopix.counters["unknown_ack"] == 0


def test_data_takes_the_slots_of_cover_and_leaves_the_rate_as_it_is():
    net = VirtualMixnet()
    client, peer = net.add_client(), net.add_client(QUIET, gateway=1)
    client.loopix.send(bytes(60_000), peer.loopix.address, net.now)
    net.run(10.0)
    counters = client.loopix.counters
    assert counters["data_sent"] == 38
    assert counters["data_sent"] + counters["retransmitted"] + counters["cover_sent"] == pytest.approx(550, rel=0.2)
    assert peer.received == [Received(bytes(60_000))]


def test_no_hop_can_tell_cover_from_data():
    net = VirtualMixnet()
    client, peer = net.add_client(), net.add_client(QUIET, gateway=1)
    net.run(2.0)
    idle = Counter(view[1:] for view in net.views)
    net.views.clear()
    client.loopix.send(bytes(100_000), peer.loopix.address, net.now, surbs=20)
    net.run(2.0)
    busy = Counter(view[1:] for view in net.views)
    assert set(idle) == set(busy) == {(259, 2413), (259, 386)}


@pytest.mark.parametrize("length", [0, 1, 1602, 1603, 50_000])
def test_a_plain_message_arrives_whole(length):
    net = VirtualMixnet()
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    data = bytes(n % 251 for n in range(length))
    client.loopix.send(data, peer.loopix.address, net.now)
    assert net.run_until(lambda: bool(peer.received), 10.0)
    assert peer.received == [Received(data)]


def test_an_anonymous_message_is_answered_without_knowing_the_sender():
    net = VirtualMixnet()
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    client.loopix.send(b"who am I", peer.loopix.address, net.now, surbs=20)
    assert net.run_until(lambda: bool(peer.received), 10.0)
    tag = peer.received[0].sender_tag
    assert tag is not None
    peer.loopix.reply(b"you are a tag", tag)
    assert net.run_until(lambda: bool(client.received), 10.0)
    assert client.received == [Received(b"you are a tag", source=peer.loopix.address)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("length", [1122, 1581, 2726, 3000])  # in their last packets there is no room for a SURB
def test_a_message_can_be_answered_the_moment_it_is_there(length, seed):
    net = VirtualMixnet(seed=seed)
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    client.loopix.send(bytes(length), peer.loopix.address, net.now, surbs=1)
    assert net.run_until(lambda: bool(peer.received), 10.0)
    peer.loopix.reply(b"at once", peer.received[0].sender_tag or b"")
    assert net.run_until(lambda: bool(client.received), 10.0)


def test_a_long_answer_asks_for_the_surbs_that_it_needs():
    net = VirtualMixnet()
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    client.loopix.send(b"much, please", peer.loopix.address, net.now, surbs=20)
    net.run_until(lambda: bool(peer.received), 10.0)
    answer = bytes(n % 253 for n in range(300_000))
    peer.loopix.reply(answer, peer.received[0].sender_tag or b"")
    assert net.run_until(lambda: bool(client.received), 120.0)
    assert client.received[0].data == answer
    assert peer.loopix.counters["surbs_requested"] >= 150


def test_two_correspondents_get_the_surbs_that_they_ask_for():
    net = VirtualMixnet()
    client, *peers = (net.add_client(UNPACED) for _ in range(3))
    for peer in peers:
        client.loopix.send(b"much, please", peer.loopix.address, net.now, surbs=20)
    assert net.run_until(lambda: all(peer.received for peer in peers), 10.0)
    for peer in peers:
        peer.loopix.reply(bytes(100_000), peer.received[0].sender_tag or b"")
    assert net.run_until(lambda: len(client.received) == 2, 60.0)
    assert {message.source for message in client.received} == {peer.loopix.address for peer in peers}


def test_a_message_survives_loss_on_every_link():
    net = VirtualMixnet(loss=0.05)
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    data = bytes(n % 249 for n in range(100_000))
    client.loopix.send(data, peer.loopix.address, net.now, surbs=20)
    assert net.run_until(lambda: bool(peer.received), 120.0)
    peer.loopix.reply(data, peer.received[0].sender_tag or b"")
    assert net.run_until(lambda: bool(client.received), 240.0)
    assert client.received[0].data == peer.received[0].data == data
    assert client.loopix.counters["retransmitted"] > 0


def test_a_dead_mix_is_routed_around():
    net = VirtualMixnet()
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED, gateway=1)
    dead = net.network.topology.layers[1][0].mix_address
    net.stopped.add(dead)
    client.loopix.send(bytes(100_000), peer.loopix.address, net.now)
    assert net.run_until(lambda: bool(peer.received), 120.0)
    net.run(5.0)
    before = client.loopix.counters["retransmitted"]
    client.loopix.send(bytes(100_000), peer.loopix.address, net.now)
    assert net.run_until(lambda: len(peer.received) == 2, 20.0)
    net.run(10.0)
    assert client.loopix.counters["retransmitted"] == before


def test_a_message_to_nobody_is_given_up():
    net = VirtualMixnet()
    client = net.add_client(replace(QUIET, max_retransmissions=2))
    nobody = net.add_client(QUIET, gateway=1).loopix.address
    del net.clients[nobody.identity]
    net.stopped.update(node.mix_address for node in net.network.gateways)
    client.loopix.send(b"hello?", nobody, net.now, lane=4)
    assert net.run_until(lambda: bool(client.undelivered), 60.0)
    assert client.undelivered == [Undelivered(nobody, 4)]
    assert client.loopix.transmission.in_flight == client.loopix.transmission.queued == 0


def test_a_surb_request_of_a_stranger_is_refused():
    net = VirtualMixnet()
    client, peer, stranger = (net.add_client(UNPACED) for _ in range(3))
    client.loopix.send(b"hello", peer.loopix.address, net.now, surbs=20)
    net.run_until(lambda: bool(peer.received), 10.0)
    tag = peer.received[0].sender_tag or b""
    # The stranger got hold of our SURBs and asks in his own name.
    theirs, his = peer.loopix.received, stranger.loopix.received
    while (surb := theirs.take(tag, reserve=True)) is not None:
        his.add(tag, [surb], net.now)
    stranger.loopix.reply(bytes(400_000), tag)
    net.run(5.0)
    assert client.loopix.counters["refused_surb_request"] > 0
    assert client.loopix.counters["data_sent"] < 10


def test_closing_a_lane_forgets_what_waits():
    net = VirtualMixnet()
    client, peer = net.add_client(), net.add_client(QUIET)
    client.loopix.send(bytes(500_000), peer.loopix.address, net.now, lane=7)
    assert client.loopix.transmission.lane_is_full(peer.loopix.address, 7)
    client.loopix.transmission.close_lane(7)
    assert not client.loopix.transmission.lane_is_full(peer.loopix.address, 7)
    assert client.loopix.transmission.queued == 0


@pytest.mark.parametrize("content", [b"", bytes(20), bytes(21), bytes(22), bytes(1643), bytes(range(256)) * 7])
def test_garbage_from_the_gateway_is_counted_and_dropped(content):
    net = VirtualMixnet()
    client = net.add_client()
    net.deliver(client, content)
    assert client.received == []
    assert client.loopix.counters["malformed"] + client.loopix.counters["acked"] <= 1


def test_a_client_without_a_route_waits_and_goes_on():
    net = VirtualMixnet()
    client, peer = net.add_client(UNPACED), net.add_client(UNPACED)
    whole = net.network.topology
    client.loopix.use_topology(Topology(((), (), ()), whole.gateways, whole.rotation_id, whole.epoch_id))
    client.loopix.send(b"later", peer.loopix.address, net.now)
    net.run(3.0)
    assert peer.received == []
    client.loopix.use_topology(whole)
    assert net.run_until(lambda: bool(peer.received), 5.0)


def test_nothing_waits_for_an_ack_before_it_has_left():
    net = VirtualMixnet()
    loopix = net.add_client(QUIET).loopix
    peer = net.add_client(QUIET, gateway=1)
    loopix.send(b"x", peer.loopix.address, net.now)
    data, cover = loopix.next_packet(FrameKind.DATA, net.now), loopix.next_packet(FrameKind.COVER, net.now)
    assert data is not None
    assert cover is not None
    loopix.wake(net.now + 3600.0)
    assert (loopix.transmission.queued, loopix.transmission.in_flight, loopix.loops.statistics().sent) == (1, 0, 0)
    left = net.now + 3600.0
    loopix.transmission.departed(data.token, left)
    loopix.transmission.departed(cover.token, left)
    assert (loopix.transmission.queued, loopix.transmission.in_flight, loopix.loops.statistics().sent) == (0, 1, 1)
    assert left < loopix.deadline
    loopix.wake(left + 1.4)
    assert loopix.transmission.in_flight == 1
    loopix.wake(left + STILLNESS + 10.0)
    assert (loopix.transmission.queued, loopix.transmission.in_flight, loopix.loops.statistics().lost) == (1, 0, 1)


def test_what_was_ready_when_the_link_broke_is_packed_anew():
    net = VirtualMixnet()
    loopix = net.add_client(QUIET).loopix
    peer = net.add_client(QUIET, gateway=1)
    loopix.send(b"x", peer.loopix.address, net.now)
    old = loopix.next_packet(FrameKind.DATA, net.now), loopix.next_packet(FrameKind.COVER, net.now)
    assert loopix.next_packet(FrameKind.DATA, net.now) is None
    loopix.transmission.link_lost()
    for ready in old:
        assert ready is not None
        loopix.transmission.departed(ready.token, net.now)
    assert (loopix.transmission.queued, loopix.transmission.in_flight, loopix.loops.statistics().sent) == (1, 0, 0)
    assert net.run_until(lambda: bool(peer.received), 10.0)
    assert peer.received == [Received(b"x")]


def test_covers_of_another_topology_are_stale_and_measure_nothing():
    net = VirtualMixnet()
    loopix = net.add_client(QUIET).loopix
    cover = loopix.next_packet(FrameKind.COVER, net.now)
    assert cover is not None
    loopix.use_topology(replace(net.network.topology))
    assert loopix.cover_generation == 0
    loopix.use_topology(replace(net.network.topology, epoch_id=7))
    assert loopix.cover_generation == 1
    loopix.transmission.departed(cover.token, net.now)
    assert loopix.loops.statistics().sent == 0


def test_ready_fragments_count_for_the_window():
    net = VirtualMixnet()
    loopix = net.add_client(replace(QUIET, window=3)).loopix
    loopix.send(bytes(10_000), net.add_client(QUIET).loopix.address, net.now)
    ready = [loopix.next_packet(FrameKind.DATA, net.now) for _ in range(4)]
    assert [packet is not None for packet in ready] == [True, True, True, False]


def test_a_late_ack_spares_the_repetition():
    impatient = replace(QUIET, paced=True, message_sending_average_delay=5.0, ack_wait_addition=0.0)
    net = VirtualMixnet()
    client = net.add_client(replace(impatient, ack_wait_multiplier=0.0))
    peer = net.add_client(QUIET, gateway=1)
    client.loopix.send(b"x", peer.loopix.address, net.now)
    net.run(60.0)
    assert client.loopix.counters["acked"] == client.loopix.counters["data_sent"] == 1
    assert client.loopix.counters["retransmitted"] == 0
    assert (client.loopix.transmission.queued, client.loopix.transmission.in_flight) == (0, 0)


# --- over a restart and over a change of keys -------------------------------------------------------------------------


def test_a_later_run_reads_answers_to_an_earlier_one() -> None:
    mixnet = VirtualMixnet()
    asking, answering = mixnet.add_client(QUIET), mixnet.add_client(QUIET, gateway=1)
    asking.loopix.send(b"question", answering.loopix.address, mixnet.now, surbs=15)
    mixnet.run(5.0)
    earlier = asking.loopix
    asking.loopix = Loopix(
        Identity(earlier.address, earlier._secret), mixnet.network.topology, QUIET, random.Random(1), mixnet.now
    )
    asking.loopix.issued.reinstate(earlier.issued.issued(mixnet.now), mixnet.now)
    tag = answering.received[0].sender_tag
    assert tag is not None
    answering.loopix.reply(b"answer", tag)
    assert mixnet.run_until(lambda: bool(asking.received), 60.0)
    assert asking.received[0].data == b"answer"


def test_new_node_keys_make_an_answering_client_ask_for_new_surbs() -> None:
    mixnet = VirtualMixnet()
    asking, answering = mixnet.add_client(QUIET), mixnet.add_client(QUIET, gateway=1)
    asking.loopix.send(b"question", answering.loopix.address, mixnet.now, surbs=40)
    assert mixnet.run_until(lambda: bool(answering.received), 60.0)
    tag = answering.received[0].sender_tag
    assert tag is not None
    answering.loopix.received.hold(tag)
    mixnet.run(5.0)
    assert answering.loopix.counters["surbs_requested"] == 0
    topology = mixnet.network.topology
    answering.loopix.use_topology(replace(topology, epoch_id=topology.epoch_id + 1))
    mixnet.run(5.0)
    assert answering.loopix.counters["surbs_requested"] == 0
    answering.loopix.use_topology(replace(topology, rotation_id=topology.rotation_id + 1))
    mixnet.run(5.0)
    assert answering.loopix.counters["surbs_requested"] >= SurbParameters().reserve
