"""Answers over slow reply SURBs: a sender that cannot know their delays learns how long to wait."""

from dataclasses import replace

from nymconnect.client.presets import PRESETS
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from tests.helpers.virtual_mixnet import VirtualMixnet


def test_answers_over_slow_surbs_are_not_repeated_for_ever() -> None:
    """Only the maker of a SURB knows its delays; those of `wallet` are longer than any first guess."""
    slow = replace(PRESETS["wallet"].traffic, message_sending_average_delay=0.1, loop_cover=False)
    net = VirtualMixnet()
    client, requester = net.add_client(slow), net.add_client(replace(REQUESTER_TRAFFIC, loop_cover=False), gateway=1)
    client.loopix.send(b"much, please", requester.loopix.address, net.now, surbs=20)
    assert net.run_until(lambda: bool(requester.received), 100.0)
    tag = requester.received[0].sender_tag
    assert tag is not None
    requester.loopix.reply(bytes(120_000), tag)
    assert net.run_until(lambda: bool(client.received), 900.0)
    counters = requester.loopix.counters
    first, repeated = counters["data_sent"], counters["retransmitted"]
    requester.loopix.reply(bytes(120_000), tag)
    assert net.run_until(lambda: len(client.received) == 2, 900.0)
    assert counters["retransmitted"] - repeated < 0.25 * (counters["data_sent"] - first)
