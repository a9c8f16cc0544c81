"""An exit without a reply SURB can neither answer nor ask for more: what leads there, and what leads out again."""

from dataclasses import replace

from nymconnect.client.loopix import Received
from nymconnect.client.parameters import TrafficParameters
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from tests.helpers.virtual_mixnet import VirtualMixnet

CLIENT = TrafficParameters(message_sending_average_delay=0.1, loop_cover=False)
EXIT = replace(REQUESTER_TRAFFIC, loop_cover=False)
ANSWER = bytes(range(256)) * 800
PAUSE = 45.0  # seconds in which nothing of the exit arrives, while what it is sent does


def test_an_exit_whose_last_surbs_were_lost_goes_on_with_a_few_unasked() -> None:
    net = VirtualMixnet()
    client, exit_client = net.add_client(CLIENT), net.add_client(EXIT, gateway=1)
    to = exit_client.loopix.address
    client.loopix.send(b"get", to, net.now, surbs=20)
    assert net.run_until(lambda: bool(exit_client.received), 10.0)
    tag = exit_client.received[0].sender_tag
    assert tag is not None
    exit_client.loopix.reply(ANSWER, tag)
    net.run(3.0)
    net.mute = exit_client
    net.run(PAUSE)
    net.mute = None
    assert not net.run_until(lambda: bool(client.received), 30.0)
    client.loopix.send(b"", to, net.now, surbs=3)  # as a stream's keep-alive does
    assert net.run_until(lambda: bool(client.received), 60.0)
    assert client.received == [Received(ANSWER, source=to)]
    assert not exit_client.undelivered


def test_an_exit_that_is_given_no_more_surbs_stops_and_goes_on_when_it_gets_them() -> None:
    net = VirtualMixnet()
    client, exit_client = net.add_client(CLIENT), net.add_client(EXIT, gateway=1)
    to = exit_client.loopix.address
    client.loopix.send(b"get", to, net.now, surbs=20)
    assert net.run_until(lambda: bool(exit_client.received), 10.0)
    tag = exit_client.received[0].sender_tag
    assert tag is not None
    client.loopix.issued.withhold(to, True)
    for _ in range(8):
        exit_client.loopix.reply(bytes(8000), tag)
    net.run(40.0)
    stopped = len(client.received)
    assert stopped < 5
    net.run(20.0)
    assert len(client.received) == stopped
    client.loopix.issued.withhold(to, False)
    assert net.run_until(lambda: len(client.received) == 8, 60.0)
