"""A client that supplies SURBs at a constant rate and a requester that uses them up at one, in virtual time."""

from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.loopix import Received
from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.client.sending.congestion_window import LEAST
from nymconnect.client.sending.lanes import MAXIMUM_PACED_RUN
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from tests.helpers.virtual_mixnet import VirtualClient, VirtualMixnet

RATE = 50.0
CLIENT = TrafficParameters(average_packet_delay=0.05, average_ack_delay=0.05, loop_cover=False)
EXIT = replace(REQUESTER_TRAFFIC, loop_cover=False)


def paced_pair(
    net: VirtualMixnet, rate: float = RATE, seconds: float = 600.0, traffic: TrafficParameters = CLIENT
) -> tuple[VirtualClient, bytes]:
    """The exit and the tag under which it knows the client, which is supplied and answered at `rate` from now on."""
    client, exit_client = net.add_client(traffic), net.add_client(EXIT, gateway=1)
    client.loopix.send(b"pace", exit_client.loopix.address, net.now, surbs=3)
    assert net.run_until(lambda: bool(exit_client.received), 10.0)
    tag = exit_client.received[0].sender_tag
    assert tag is not None
    client.loopix.issued.supply_steadily(exit_client.loopix.address, rate, net.now)
    assert exit_client.loopix.pace_replies(tag, rate, seconds, net.now)
    return exit_client, tag


def only_client(net: VirtualMixnet) -> VirtualClient:
    return next(iter(net.clients.values()))


def during(net: VirtualMixnet, client: VirtualClient, seconds: float) -> Counter[str]:
    """What a client counts in so many seconds."""
    before = Counter(client.loopix.counters)
    net.run(seconds)
    return Counter(client.loopix.counters) - before


def test_a_silent_requester_sends_as_much_as_one_that_talks() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net)
    client = only_client(net)
    net.run(2.0)
    idle = during(net, client, 15.0)
    exit_client.loopix.reply(bytes(900_000), tag, lane=3)
    busy = during(net, client, 10.0)
    assert idle["reply_data_received"] == 0
    assert idle["reply_cover_received"] / 15 == pytest.approx(RATE, rel=0.13)
    assert busy["reply_cover_received"] < 40  # those that were under way
    assert busy["reply_data_received"] + busy["reply_cover_received"] == pytest.approx(10 * RATE, rel=0.16)


def test_what_waits_arrives_whole() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net)
    client = only_client(net)
    net.run(3.0)
    for number in range(5):
        exit_client.loopix.reply(bytes([number]) * 20_000, tag, lane=number)
    assert net.run_until(lambda: len(client.received) == 5, 30.0)
    assert {message.data for message in client.received} == {bytes([number]) * 20_000 for number in range(5)}
    assert client.loopix.counters["malformed"] == 0


def test_the_supply_takes_the_same_slots_whatever_is_downloaded() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net)
    client = only_client(net)
    net.run(3.0)
    idle = during(net, client, 10.0)
    exit_client.loopix.reply(bytes(900_000), tag, lane=3)
    busy = during(net, client, 10.0)
    assert busy["data_sent"] == pytest.approx(idle["data_sent"], abs=6)
    assert idle["data_sent"] / 10 == pytest.approx(RATE * 1.05 / 3, rel=0.05)


def test_no_hop_can_tell_cover_for_an_answer_from_an_answer() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net)
    net.run(2.0)
    net.views.clear()
    net.run(3.0)
    idle = {view[1:] for view in net.views}
    exit_client.loopix.reply(bytes(200_000), tag)
    net.views.clear()
    net.run(3.0)
    assert {view[1:] for view in net.views} == idle == {(259, 2413), (259, 386)}


def test_a_paced_tag_is_not_asked_for_surbs_and_its_answers_wait_for_their_slots() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net, rate=10.0)
    client = only_client(net)
    net.run(5.0)
    asked = exit_client.loopix.counters["surbs_requested"]
    exit_client.loopix.reply(bytes(100_000), tag)
    seen = during(net, client, 4.0)
    assert seen["reply_data_received"] + seen["reply_cover_received"] == pytest.approx(40, abs=20)
    assert exit_client.loopix.counters["surbs_requested"] == asked
    assert not client.received


def test_a_promise_that_ends_blocks_nothing() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net, rate=2.0, seconds=5.0)
    client = only_client(net)
    client.loopix.issued.supply_steadily(exit_client.loopix.address, 0.0, net.now)
    exit_client.loopix.reply(bytes(150_000), tag)
    assert net.run_until(lambda: bool(client.received), 30.0)
    assert client.received == [Received(bytes(150_000), source=exit_client.loopix.address)]
    assert exit_client.loopix.counters["surbs_requested"] > 0


def test_without_a_supply_the_slots_starve_at_the_reserve() -> None:
    net = VirtualMixnet()
    exit_client, _ = paced_pair(net, seconds=600.0)
    client = only_client(net)
    net.run(3.0)
    client.loopix.issued.supply_steadily(exit_client.loopix.address, 0.0, net.now)
    net.run(8.0)
    assert exit_client.loopix.counters["reply_slots_starved"] > 0
    assert during(net, client, 3.0)["reply_cover_received"] == 0


def test_losses_do_not_starve_the_slots() -> None:
    net = VirtualMixnet(loss=0.004)  # a packet crosses eight links with its ack
    exit_client, tag = paced_pair(net)
    client = only_client(net)
    net.run(20.0)
    exit_client.loopix.reply(bytes(100_000), tag)
    assert net.run_until(lambda: bool(client.received), 60.0)
    assert exit_client.loopix.counters["reply_slots_starved"] < 50


def test_an_unknown_tag_is_not_paced() -> None:
    net = VirtualMixnet()
    assert not net.add_client(EXIT).loopix.pace_replies(b"?" * 16, 10.0, 60.0, net.now)


def test_a_lost_link_does_not_end_in_a_burst() -> None:
    net = VirtualMixnet()
    exit_client, _ = paced_pair(net)
    net.run(5.0)
    loopix = exit_client.loopix
    loopix.transmission.link_lost()
    now = net.now
    for _ in range(50):  # five seconds without a link
        now += 0.1
        loopix.wake(now)
    packets = 0
    while loopix.next_packet(FrameKind.DATA, now) is not None:
        packets += 1
    assert packets < 2 * RATE * 0.5 + 10


def test_a_supply_that_needs_more_slots_than_there_are_does_not_keep_data_back() -> None:
    net = VirtualMixnet()
    exit_client, _ = paced_pair(net, rate=300.0)  # takes 105 slots of 50
    client = only_client(net)
    exit_client.received.clear()
    client.loopix.send(bytes(60_000), exit_client.loopix.address, net.now)
    assert net.run_until(lambda: bool(exit_client.received), 6.0)


def test_an_exit_that_falls_behind_with_its_slots_still_serves_others() -> None:
    net = VirtualMixnet()
    exit_client, _ = paced_pair(net, rate=100.0)
    other = net.add_client(CLIENT)
    net.run(1.5)
    loopix = exit_client.loopix
    loopix.send(b"not for the paced one", other.loopix.address, net.now)
    now = net.now + 0.4
    loopix.wake(now)  # some forty slots come up at once
    for _ in range(MAXIMUM_PACED_RUN + 2):
        packet = loopix.next_packet(FrameKind.DATA, now)
        assert packet is not None
        loopix.transmission.departed(packet.token, now)
    assert loopix.transmission.in_flight == 1


def test_answers_under_way_at_a_promised_rate_leave_the_window_to_others() -> None:
    net = VirtualMixnet()
    exit_client, tag = paced_pair(net, rate=130.0, traffic=replace(CLIENT, average_packet_delay=0.15))
    other = net.add_client(CLIENT)
    net.run(3.0)
    loopix = exit_client.loopix
    loopix.reply(bytes(900_000), tag)
    net.run(1.0)
    assert loopix.transmission.in_flight > LEAST
    for _ in range(60):  # a crowded network
        loopix.transmission._window.look(0.0, 0)
        loopix.transmission.loop_took(1.0)
    loopix.send(bytes(20_000), other.loopix.address, net.now)
    assert net.run_until(lambda: bool(other.received), 2.0)


def test_the_supply_takes_as_much_of_the_main_stream_as_the_parameters_say() -> None:
    net = VirtualMixnet()
    traffic = replace(CLIENT, downlink=Downlink.REQUESTER, downlink_rate=RATE)
    client, exit_client = net.add_client(traffic), net.add_client(EXIT, gateway=1)
    client.loopix.issued.supply_steadily(exit_client.loopix.address, traffic.reply_rate, net.now)
    net.run(3.0)  # what may be owed at once goes first
    seen = during(net, client, 8.0)
    assert seen["data_sent"] / 8 == pytest.approx(traffic.supply_rate, rel=0.1)
    assert seen["steady_supply_sent"] == seen["data_sent"]
