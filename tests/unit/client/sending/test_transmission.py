"""A fragment's life, from its lane to its ack, with real packets and without a network."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.monitor.mix_health import SUSPECT_AFTER, PathHealth
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import RETRANSMISSION, Outgoing
from nymconnect.client.sending.prepared import ReadyData, ReadyPacket, ReadyTable
from nymconnect.client.sending.preparer import Packer
from nymconnect.client.sending.transmission import Outbox
from nymconnect.client.surbs.received import SurbStock
from nymconnect.crypto import X25519Secret
from nymconnect.directory.topology import Topology
from nymconnect.packet import messages
from nymconnect.packet.addressing import Recipient
from tests.helpers.networks import known_network

PARAMETERS = TrafficParameters(max_retransmissions=2, window=4)
NOBODY: frozenset[object] = frozenset()


class Desk:
    """An outbox with all that it needs."""

    def __init__(self, promised: frozenset[object] = NOBODY, parameters: TrafficParameters = PARAMETERS) -> None:
        rng, self.network = random.Random(5), known_network(2, 2)
        gateway = self.network.gateways[0].identity
        self.to = Recipient(rng.randbytes(32), X25519Secret.generate(rng).public, gateway)
        me = Recipient(rng.randbytes(32), X25519Secret.generate(rng).public, gateway)
        self.packer = Packer(me, self.network.topology, parameters, rng, lambda _now: frozenset())
        self.ready, self.health, self.counters = ReadyTable(), PathHealth(), Counter[str]()
        self.rng = rng
        self.outbox = Outbox(
            self.packer,
            SurbStock(parameters.surbs),
            promised,
            self.ready,
            self.health,
            parameters,
            rng,
            self.counters,
        )

    def put(self, length: int = 100, lane: int = 7) -> None:
        self.outbox.put(messages.Plain(bytes(length)), self.to, lane)

    def pack(self) -> ReadyPacket:
        outgoing = self.outbox.lanes.pop(self.rng, lambda _: True)
        assert outgoing is not None
        packed = self.outbox.pack(outgoing, 0.0)
        assert packed is not None
        return packed

    def leave(self, at: float) -> Outgoing:
        """Pack the next fragment and let it depart."""
        data = self.ready.take(self.pack().token)
        assert isinstance(data, ReadyData)
        self.outbox.departed(data, at)
        return data.outgoing


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


def test_an_ack_ends_it(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(1.0)
    assert (desk.outbox.queued, desk.outbox.in_flight) == (0, 1)
    desk.outbox.acked(sent.fragment.fid, 1.2)
    assert (desk.outbox.queued, desk.outbox.in_flight, desk.outbox.deadline) == (0, 0, None)
    desk.outbox.acked(sent.fragment.fid, 1.3)
    assert desk.counters == {"data_sent": 1, "acked": 1, "unknown_ack": 1}


def test_what_is_not_acked_is_sent_again_and_given_up_in_the_end(desk: Desk) -> None:
    desk.put()
    now, given_up = 0.0, list[Outgoing]()
    for attempt in range(3):
        assert desk.leave(now).attempt == attempt
        assert desk.outbox.deadline is not None
        now = desk.outbox.deadline
        given_up = list(desk.outbox.expire(now))
        assert desk.outbox.lanes.length(desk.to, RETRANSMISSION) == (attempt < 2)
    assert [each.stream for each in given_up] == [7]
    assert desk.counters == {"data_sent": 1, "retransmitted": 2, "given_up": 1}
    assert not desk.outbox.lane_is_full(desk.to, 7)


def test_a_late_ack_spares_the_repetition(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(0.0)
    assert list(desk.outbox.expire(100.0)) == []
    desk.outbox.acked(sent.fragment.fid, 101.0)
    assert (desk.outbox.queued, desk.counters["acked"]) == (0, 1)


def test_a_late_ack_counts_also_where_the_repetition_is_packed(desk: Desk) -> None:
    desk.put()
    sent = desk.leave(0.0)
    assert list(desk.outbox.expire(100.0)) == []
    packed = desk.pack()
    desk.outbox.acked(sent.fragment.fid, 101.0)
    assert desk.ready.take(packed.token) is None
    assert desk.outbox.queued == 0


def test_missing_acks_make_a_path_suspect(desk: Desk) -> None:
    for _ in range(SUSPECT_AFTER):
        desk.put()
        desk.leave(0.0)
        list(desk.outbox.expire(100.0))
        desk.outbox.close_lane(RETRANSMISSION)
    assert desk.health.suspects(100.0)


def test_a_lane_is_full_from_its_limit_on_and_free_when_it_is_closed(desk: Desk) -> None:
    desk.put(1000 * PARAMETERS.lane_limit)
    assert not desk.outbox.lane_is_full(desk.to, 7)
    desk.put(2000 * PARAMETERS.lane_limit)
    assert desk.outbox.lane_is_full(desk.to, 7)
    desk.outbox.close_lane(7)
    assert not desk.outbox.lane_is_full(desk.to, 7)


def test_a_lost_link_brings_back_what_was_ready(desk: Desk) -> None:
    desk.put()
    packed = desk.pack()
    desk.outbox.link_lost()
    assert desk.ready.take(packed.token) is None
    assert desk.leave(5.0).attempt == 0


def test_without_a_route_a_fragment_goes_back_to_its_lane(desk: Desk) -> None:
    whole = desk.network.topology
    desk.packer.topology = Topology(((), (), ()), whole.gateways, whole.rotation_id, whole.epoch_id)
    desk.put()
    outgoing = desk.outbox.lanes.pop(desk.rng, lambda _: True)
    assert outgoing is not None
    assert desk.outbox.pack(outgoing, 0.0) is None
    assert (desk.outbox.queued, desk.counters["no_route"]) == (1, 1)


def test_a_key_that_nobody_can_encrypt_to_ends_the_fragment(desk: Desk) -> None:
    desk.to = replace(desk.to, encryption_key=bytes(32))
    desk.put()
    outgoing = desk.outbox.lanes.pop(desk.rng, lambda _: True)
    assert outgoing is not None
    assert desk.outbox.pack(outgoing, 0.0) is None
    assert (desk.outbox.queued, desk.counters["unsendable"]) == (0, 1)


def test_the_window_counts_what_is_ready_and_what_is_on_its_way(desk: Desk) -> None:
    for number in range(4):
        assert desk.outbox.has_window()
        desk.put()
        if number % 2:
            desk.pack()
        else:
            desk.leave(0.0)
    assert not desk.outbox.has_window()


def test_what_goes_to_a_promised_destination_takes_nothing_of_the_window() -> None:
    desk = Desk(promised=frozenset({Desk().to}))  # the same in each, by its seed
    sent = []
    for _ in range(6):
        desk.put()
        sent.append(desk.leave(0.0))
    assert desk.outbox.has_window()
    assert desk.outbox.in_flight == 6
    for outgoing in sent:
        desk.outbox.acked(outgoing.fragment.fid, 0.1)
    desk.to = replace(desk.to, identity=b"o" * 32)
    for _ in range(4):
        desk.put()
        desk.leave(0.0)
    assert not desk.outbox.has_window()
