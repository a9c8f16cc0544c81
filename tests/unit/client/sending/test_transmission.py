"""A fragment's life, from its lane to its ack, with real packets and without a network."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.monitor.loop_monitor import LoopMonitor
from nymconnect.client.monitor.mix_health import SUSPECT_AFTER, MixHealth
from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending import flow_control
from nymconnect.client.sending.lanes import RETRANSMISSION, Answering, Destination, Outgoing
from nymconnect.client.sending.paced_replies import PacedReplies
from nymconnect.client.sending.preparer import PreparedPacket, Preparer
from nymconnect.client.sending.transmission import Monitors, Transmission
from nymconnect.client.surbs.issued import IssuedSurbs
from nymconnect.client.surbs.received import ReceivedSurbs
from nymconnect.crypto import X25519Secret
from nymconnect.directory.topology import Topology
from nymconnect.packet import messages
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, Recipient
from tests.helpers.networks import known_network

PARAMETERS = TrafficParameters(
    max_retransmissions=2, window=4, average_packet_delay=0.0, average_ack_delay=0.0, ack_wait_addition=2.0
)
TAG = b"t" * SENDER_TAG_LENGTH


class Desk:
    """A transmission with all that it needs."""

    def __init__(self) -> None:
        rng, self.network = random.Random(5), known_network(2, 2)
        gateway = self.network.gateways[0].identity
        self.to: Destination = Recipient(rng.randbytes(32), X25519Secret.generate(rng).public, gateway)
        self.me = Recipient(rng.randbytes(32), X25519Secret.generate(rng).public, gateway)
        self.preparer = Preparer(self.me, self.network.topology, PARAMETERS, rng)
        self.received = ReceivedSurbs(PARAMETERS.surbs)
        self.replying = PacedReplies(rng, self.received.arrival_rate)
        self.monitors, self.counters = Monitors(MixHealth(), LoopMonitor()), Counter[str]()
        issued = IssuedSurbs(PARAMETERS.surbs, self.preparer.surb, rng)
        answering = Answering(issued, self.received, self.replying)
        self.sender = Transmission(self.preparer, answering, self.monitors, PARAMETERS, rng, self.counters)

    def put(self, length: int = 100, lane: int = 7) -> None:
        self.sender.put(messages.Plain(bytes(length)), self.to, lane)

    def pack(self, now: float = 0.0) -> PreparedPacket:
        packed = self.sender.next_packet(FrameKind.DATA, now)
        assert packed is not None
        return packed

    def leave(self, at: float) -> Outgoing:
        """Pack the next fragment and let it depart."""
        packed = self.pack(at)
        data = self.sender.prepared._data[packed.token]
        self.sender.departed(packed.token, at)
        return data.outgoing

    def promise(self) -> None:
        """Answers at a constant rate, one every hundredth of a second, to somebody who supplies the SURBs for that."""
        self.to = TAG
        self.received.add(TAG, [self.preparer.surb(frozenset()) for _ in range(30)], 0.0)
        assert self.replying.pace(TAG, 100.0, 60.0, 0.0)
        self.replying.wake(1.0)


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


def test_an_ack_ends_it(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(1.0)
    assert (desk.sender.queued, desk.sender.in_flight) == (0, 1)
    desk.sender.acked(sent.fragment.fid, 1.2)
    assert (desk.sender.queued, desk.sender.in_flight, desk.sender.deadline) == (0, 0, None)
    desk.sender.acked(sent.fragment.fid, 1.3)
    assert desk.counters == {"data_sent": 1, "acked": 1, "unknown_ack": 1}


def test_what_is_not_acked_is_sent_again_and_given_up_in_the_end(desk: Desk) -> None:
    desk.put()
    now, given_up = 0.0, list[Outgoing]()
    for attempt in range(3):
        assert desk.leave(now).attempt == attempt
        assert desk.sender.deadline is not None
        now = desk.sender.deadline
        given_up = list(desk.sender.wake(now))
        assert desk.sender.lanes.length(desk.to, RETRANSMISSION) == (attempt < 2)
    assert [each.stream for each in given_up] == [7]
    assert desk.counters == {"data_sent": 1, "retransmitted": 2, "given_up": 1}
    assert not desk.sender.lane_is_full(desk.to, 7)


def test_a_late_ack_spares_the_repetition(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(0.0)
    assert list(desk.sender.wake(100.0)) == []
    desk.sender.acked(sent.fragment.fid, 101.0)
    assert (desk.sender.queued, desk.counters["acked"]) == (0, 1)


def test_a_late_ack_counts_also_where_the_repetition_is_packed(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(0.0)
    assert list(desk.sender.wake(100.0)) == []
    packed = desk.pack()
    desk.sender.acked(sent.fragment.fid, 101.0)
    assert desk.sender.prepared.take(packed.token) is None
    assert desk.sender.queued == 0


def test_missing_acks_make_a_path_suspect(desk: Desk) -> None:
    for _ in range(SUSPECT_AFTER):
        desk.put()
        desk.leave(0.0)
        list(desk.sender.wake(100.0))
        desk.sender.close_lane(RETRANSMISSION)
    assert desk.monitors.health.suspects(100.0)
    assert desk.sender.suspects(100.0) == desk.monitors.health.suspects(100.0)


def test_a_late_ack_clears_the_mixes_of_its_path(desk: Desk) -> None:
    desk.put()
    late = desk.leave(0.0)
    for _ in range(2 * SUSPECT_AFTER):
        desk.put(lane=8)
        desk.leave(0.0)
        list(desk.sender.wake(100.0))
    before = desk.sender.suspects(100.0)
    desk.sender.acked(late.fragment.fid, 101.0)
    assert desk.sender.suspects(101.0) < before


def test_a_writer_waits_for_the_ack_of_what_was_sent_long_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_control, "MAXIMUM_MESSAGES", 3)
    for _ in range(3):
        assert not desk.sender.lane_is_full(desk.to, 7)
        desk.put()
    sent = [desk.leave(0.0) for _ in range(3)]
    assert desk.sender.lane_is_full(desk.to, 7)
    for outgoing in sent[1:]:
        desk.sender.acked(outgoing.fragment.fid, 0.1)
    assert desk.sender.lane_is_full(desk.to, 7)
    desk.sender.acked(sent[0].fragment.fid, 0.1)
    assert not desk.sender.lane_is_full(desk.to, 7)


def test_a_lost_link_counts_nothing_against_the_way(desk: Desk) -> None:
    waits = []
    for at in (0.0, 100.0, 200.0):
        desk.put()
        desk.leave(at)
        assert desk.sender.deadline is not None
        waits.append(desk.sender.deadline - at)
        list(desk.sender.wake(at + 50.0))
        desk.sender.close_lane(RETRANSMISSION)
        if at:
            desk.sender.link_lost()
    assert waits == [2.0, 4.0, 2.0]


def test_a_lane_is_full_from_its_limit_on_and_free_when_it_is_closed(desk: Desk) -> None:
    desk.put(1000 * PARAMETERS.lane_limit)
    assert not desk.sender.lane_is_full(desk.to, 7)
    desk.put(2000 * PARAMETERS.lane_limit)
    assert desk.sender.lane_is_full(desk.to, 7)
    desk.sender.close_lane(7)
    assert not desk.sender.lane_is_full(desk.to, 7)


def test_a_lost_link_brings_back_what_was_ready(desk: Desk) -> None:
    desk.put()
    packed = desk.pack()
    desk.sender.link_lost()
    assert desk.sender.prepared.take(packed.token) is None
    assert desk.leave(5.0).attempt == 0


def test_without_a_route_a_fragment_goes_back_to_its_lane(desk: Desk) -> None:
    whole = desk.network.topology
    desk.preparer.topology = Topology(((), (), ()), whole.gateways, whole.rotation_id, whole.epoch_id)
    desk.put()
    assert desk.sender.next_packet(FrameKind.DATA, 0.0) is None
    assert (desk.sender.queued, desk.counters["no_route"]) == (1, 1)


def test_a_key_that_nobody_can_encrypt_to_ends_the_fragment(desk: Desk) -> None:
    assert isinstance(desk.to, Recipient)
    desk.to = replace(desk.to, encryption_key=bytes(32))
    desk.put()
    assert desk.sender.next_packet(FrameKind.DATA, 0.0) is None
    assert (desk.sender.queued, desk.counters["unsendable"]) == (0, 1)


def test_the_window_counts_what_is_ready_and_what_is_on_its_way(desk: Desk) -> None:
    for _ in range(6):
        desk.put()
    first = desk.leave(0.0)
    for number in range(1, PARAMETERS.window):  # each finds room
        if number % 2:
            desk.pack()
        else:
            desk.leave(0.0)
    assert desk.sender.next_packet(FrameKind.DATA, 0.0) is None
    assert (desk.sender.queued, desk.sender.in_flight) == (4, 2)
    desk.sender.acked(first.fragment.fid, 0.1)
    desk.pack(0.1)
    assert desk.sender.next_packet(FrameKind.DATA, 0.1) is None


def test_what_goes_to_a_promised_destination_takes_nothing_of_the_window(desk: Desk) -> None:
    other = desk.to
    desk.promise()
    sent = []
    for _ in range(6):
        desk.sender.put(messages.Reply(messages.ReplyData(bytes(100))), desk.to, 7)
        sent.append(desk.leave(1.0))
    assert desk.sender.in_flight == 6
    desk.replying.forget_slots()
    desk.to = other
    for _ in range(PARAMETERS.window + 1):
        desk.put()
    for _ in range(PARAMETERS.window):  # while those are on their way
        desk.leave(1.0)
    assert desk.sender.next_packet(FrameKind.DATA, 1.0) is None
    for outgoing in sent:
        desk.sender.acked(outgoing.fragment.fid, 1.1)
    assert desk.sender.next_packet(FrameKind.DATA, 1.1) is None, "their acks give no room either"
    assert (desk.sender.queued, desk.sender.in_flight) == (1, PARAMETERS.window)


def test_what_a_promised_destination_has_not_acked_gives_nobody_room_in_the_window(desk: Desk) -> None:
    other = desk.to
    desk.promise()
    desk.sender.put(messages.Reply(messages.ReplyData(bytes(100))), desk.to, 7)
    desk.leave(1.0)
    assert list(desk.sender.wake(100.0)) == []
    desk.replying.forget_slots()
    desk.to = other
    for _ in range(PARAMETERS.window + 1):
        desk.put()
    for _ in range(PARAMETERS.window):
        desk.leave(100.0)
    assert desk.sender.next_packet(FrameKind.DATA, 100.0) is None


def test_covers_and_loops_are_counted_when_they_leave(desk: Desk) -> None:
    covers = [desk.sender.next_packet(kind, 0.0) for kind in (FrameKind.COVER, FrameKind.LOOP)]
    assert (desk.counters, desk.monitors.loops.statistics().sent) == ({}, 0)
    for cover in covers:
        assert cover is not None
        desk.sender.departed(cover.token, 0.0)
    assert desk.counters == {"cover_sent": 2}
    assert desk.monitors.loops.statistics().sent == 2
