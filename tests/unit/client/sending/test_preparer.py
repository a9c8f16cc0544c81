"""What one client packs, as every node on the way sees it."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.preparer import Preparer
from nymconnect.crypto import X25519Secret
from nymconnect.directory.topology import Feature
from nymconnect.packet.acks import split_surb_ack
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.messages import Plain, prepare
from nymconnect.packet.replies import ReplySurb
from nymconnect.packet.sphinx import DEFAULT_VERSION, Forward, Surb, open_packet
from tests.helpers.networks import known_network

RNG = random.Random(6)
NETWORK = known_network(2, 2, features=frozenset({Feature.DROP_COVER}))
HERE, THERE = (gateway.identity for gateway in NETWORK.gateways)
ME, PEER = (Recipient(RNG.randbytes(32), X25519Secret.generate(RNG).public, at) for at in (HERE, THERE))
PARAMETERS = TrafficParameters()
PREPARER, PEERS = (Preparer(client, NETWORK.topology, PARAMETERS, RNG) for client in (ME, PEER))
NOBODY: Suspects = frozenset()
(FRAGMENT,) = prepare(Plain(b"hello"), PARAMETERS.packet_size.fragment, RNG)


def carry(packet: MixPacket) -> tuple[set[int], bytes]:
    """The versions that the nodes on the way see, and what the last of them holds."""
    seen, here = set[int](), packet
    while True:
        opened = open_packet(here.packet, NETWORK.secret_at(here.next_hop))
        seen.add(opened.version)
        step = opened.unwrap()
        if not isinstance(step, Forward):
            return seen, step.message
        here = MixPacket(step.next_hop, step.packet)


def with_ack(packet: MixPacket) -> set[int]:
    """The versions of a packet and of the ack that it encloses."""
    seen, message = carry(packet)
    ack, _ = split_surb_ack(message)
    return seen | carry(ack)[0]


SENT: dict[str, Callable[[], MixPacket]] = {
    "data": lambda: PREPARER.data(FRAGMENT, PEER, NOBODY).packet,
    "cover": lambda: PREPARER.cover()[0].packet,
    "cover that ends at a gateway": PREPARER.drop_cover,
    "an answer over our SURB": lambda: PEERS.reply(FRAGMENT, PREPARER.surb(NOBODY), NOBODY).packet,
    "cover over our SURB": lambda: PEERS.reply_cover(PREPARER.surb(NOBODY), NOBODY),
}


@pytest.mark.parametrize("kind", SENT)
def test_data_cover_surbs_and_acks_are_all_of_one_version(kind: str) -> None:
    assert with_ack(SENT[kind]()) == {DEFAULT_VERSION} == {259}


def test_an_answer_is_waited_for_as_long_whatever_the_bytes_of_its_surb_say() -> None:
    """One of version 260 carries one seed, as one over a single hop does. The reference reckons with three mixes."""
    route = NETWORK.topology.route_to(HERE, 0.0, RNG)
    single = ReplySurb(bytes(16), Surb.create_recoverable(route, ME.identity, b"\x0e" * 16, RNG)[0])
    without_ack_delay = Preparer(PEER, NETWORK.topology, replace(PARAMETERS, average_ack_delay=0.0), RNG)
    expected = {without_ack_delay.reply(FRAGMENT, each, NOBODY).expected for each in (single, PREPARER.surb(NOBODY))}
    assert expected == {3 * PARAMETERS.average_packet_delay}
