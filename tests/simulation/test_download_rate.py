"""How well a long answer fills the slots of a paced client, in virtual time."""

from nymconnect.client.parameters import TrafficParameters
from nymconnect.packet import chunking, messages
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from nymconnect_proxy.protocol.responses import NetworkData, encode_response
from nymconnect_proxy.protocol.versions import CURRENT
from nymconnect_proxy.streams.flow import READ_SIZE
from tests.helpers.virtual_mixnet import VirtualMixnet

ANSWER = 300_000
LANE = 5


def test_a_full_read_fills_its_fragments() -> None:
    def fragments(length: int) -> int:
        data = encode_response(NetworkData(2**64 - 1, 2**60, bytes(length), False), CURRENT)
        encoded = messages.encode_message(messages.Reply(messages.ReplyData(data)))
        return chunking.fragments_needed(len(encoded) + 1, PacketSize.REGULAR.fragment)

    assert fragments(READ_SIZE) == 11
    assert fragments(READ_SIZE + 50) == 12


def test_a_download_keeps_nearly_every_slot_of_a_paced_client_busy() -> None:
    net = VirtualMixnet()
    traffic = TrafficParameters(average_packet_delay=0.05, loop_cover=False)  # a request takes a third of a second
    client, exit_client = net.add_client(traffic), net.add_client(REQUESTER_TRAFFIC, gateway=1)
    client.loopix.send(b"connect", exit_client.loopix.address, net.now, surbs=20)
    assert net.run_until(lambda: bool(exit_client.received), 10.0)
    tag = exit_client.received[0].sender_tag
    assert tag is not None
    covers, waiting = client.loopix.counters["cover_sent"], ANSWER

    def downloaded() -> bool:
        nonlocal waiting
        while waiting > 0 and not exit_client.loopix.transmission.lane_is_full(tag, LANE):
            exit_client.loopix.reply(bytes(READ_SIZE), tag, lane=LANE)
            waiting -= READ_SIZE
        return waiting <= 0 and not exit_client.loopix.transmission.queued

    assert net.run_until(downloaded, 30.0)
    idle = client.loopix.counters["cover_sent"] - covers
    busy = client.loopix.counters["data_sent"]
    assert idle < busy / 5
