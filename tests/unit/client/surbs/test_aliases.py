"""Aliases: one correspondent who takes us for several."""

import random
from dataclasses import replace

from nymconnect.client.loopix import Received
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.surbs.aliases import Alias, real
from tests.helpers.mixnet_pair import make_recipient
from tests.helpers.virtual_mixnet import VirtualMixnet

QUIET = replace(TrafficParameters(), paced=False, loop_cover=False)


def test_an_alias_is_its_recipient_to_all_but_us() -> None:
    to = make_recipient(random.Random(1))
    first, second = Alias.of(to, 1), Alias.of(to, 2)
    assert first.encode() == to.encode()
    assert str(first) == str(to)
    assert len({first, second, to, Alias.of(to, 1)}) == 3
    assert first == Alias.of(to, 1)
    assert real(first) == real(to) == to


def test_each_alias_has_a_tag_of_its_own_and_hears_what_is_meant_for_it() -> None:
    net = VirtualMixnet()
    client, peer = net.add_client(QUIET), net.add_client(QUIET, gateway=1)
    to = peer.loopix.address
    names = [to, Alias.of(to, 1), Alias.of(to, 2)]
    for number, name in enumerate(names):
        client.loopix.send(b"%d" % number, name, net.now, surbs=5)
    assert net.run_until(lambda: len(peer.received) == 3, 10.0)
    assert len({received.sender_tag for received in peer.received}) == 3

    for received in peer.received:
        assert received.sender_tag is not None
        peer.loopix.reply(b"to " + received.data, received.sender_tag)
    assert net.run_until(lambda: len(client.received) == 3, 10.0)
    assert {(r.data, r.source) for r in client.received} == {(b"to %d" % n, name) for n, name in enumerate(names)}
    assert Received(b"to 1", source=names[1]) in client.received


def test_more_surbs_are_given_under_the_alias_that_is_asked() -> None:
    net = VirtualMixnet()
    client, peer = net.add_client(QUIET), net.add_client(QUIET, gateway=1)
    client.loopix.send(b"a long answer, please", Alias.of(peer.loopix.address, 7), net.now, surbs=20)
    assert net.run_until(lambda: bool(peer.received), 10.0)
    (question,) = peer.received
    assert question.sender_tag is not None
    peer.loopix.reply(bytes(200_000), question.sender_tag)
    assert net.run_until(lambda: bool(client.received), 60.0)
    assert client.loopix.counters["surb_request"] > 0
    assert client.loopix.counters["refused_surb_request"] == 0
    assert client.received[0].source == Alias.of(peer.loopix.address, 7)


def test_a_forgotten_alias_leaves_nothing_behind_and_the_others_alone() -> None:
    net = VirtualMixnet()
    client, peer = net.add_client(QUIET), net.add_client(QUIET, gateway=1)
    gone, kept = Alias.of(peer.loopix.address, 1), Alias.of(peer.loopix.address, 2)
    for name in (gone, kept):
        client.loopix.send(b"question", name, net.now, surbs=10)
    assert net.run_until(lambda: len(peer.received) == 2, 10.0)
    net.run(10.0)
    assert {key.given_to for key in client.loopix.issued.issued(net.now)} == {gone, kept}
    client.loopix.issued.forget(gone)
    assert {key.given_to for key in client.loopix.issued.issued(net.now)} == {kept}

    for received in peer.received:
        assert received.sender_tag is not None
        peer.loopix.reply(b"answer", received.sender_tag)
    assert net.run_until(lambda: bool(client.received), 10.0)
    net.run(5.0)
    assert client.received == [Received(b"answer", source=kept)]
