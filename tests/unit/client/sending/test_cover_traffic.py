"""Packets that carry nothing, and what is remembered of them."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.cover_traffic import CoverTraffic
from nymconnect.client.sending.preparer import (
    PreparedCover,
    PreparedPacket,
    PreparedPackets,
    PreparedReplyCover,
    Preparer,
)
from nymconnect.crypto import X25519Secret
from nymconnect.directory.topology import Feature, Topology
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.params import PacketSize
from tests.helpers.networks import known_network

RNG = random.Random(8)


def topology(*, drops: bool) -> Topology:
    whole = known_network(2, 2).topology
    features = frozenset({Feature.DROP_COVER} if drops else ())
    return replace(
        whole, gateways={identity: replace(node, features=features) for identity, node in whole.gateways.items()}
    )


class Made:
    def __init__(self, share: float, network: Topology) -> None:
        gateway = next(iter(network.gateways))
        me = Recipient(RNG.randbytes(32), X25519Secret.generate(RNG).public, gateway)
        self.packer = Preparer(me, network, TrafficParameters(), RNG)
        self.ready, self.counters = PreparedPackets(), Counter[str]()
        self.covers = CoverTraffic(self.packer, self.ready, share, RNG, self.counters)

    def comes_back(self, packet: PreparedPacket | None) -> bool:
        assert packet is not None
        assert len(packet.packet.packet) == PacketSize.REGULAR.packet
        ready = self.ready.take(packet.token)
        assert isinstance(ready, PreparedCover)
        return ready.selector is not None and bool(ready.path)


@pytest.mark.parametrize(("share", "drops"), [(0.0, True), (1.0, False)])
def test_cover_of_the_main_stream_comes_back_where_it_may_not_end_at_a_gateway(share: float, drops: bool) -> None:
    made = Made(share, topology(drops=drops))
    assert all(made.comes_back(made.covers.for_main()) for _ in range(20))


def test_so_much_of_it_ends_at_a_gateway_as_the_share_says() -> None:
    made = Made(0.5, topology(drops=True))
    assert 20 < sum(made.comes_back(made.covers.for_main()) for _ in range(80)) < 60


def test_the_loop_stream_has_loops_only() -> None:
    made = Made(1.0, topology(drops=True))
    assert all(made.comes_back(made.covers.loop()) for _ in range(20))


def test_cover_in_place_of_an_answer_leaves_nothing_to_remember() -> None:
    made = Made(0.0, topology(drops=False))
    surb = made.packer.surb(frozenset())
    packet = made.covers.reply(surb, frozenset())
    assert packet is not None
    assert packet.packet.next_hop == surb.surb.first_hop
    assert made.ready.take(packet.token) == PreparedReplyCover()


def test_without_a_route_there_is_none_and_that_is_counted() -> None:
    made = Made(1.0, topology(drops=True))
    surb = made.packer.surb(frozenset())
    made.packer.topology = replace(made.packer.topology, layers=((), (), ()))
    assert made.covers.for_main() is None
    assert made.covers.loop() is None
    assert made.covers.reply(surb, frozenset()) is None
    assert made.counters == {"no_route": 3}
