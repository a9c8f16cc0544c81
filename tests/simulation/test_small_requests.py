"""Small requests beside a download, on a network that is slower than the requester: what the sender's window is for."""

from collections.abc import Callable
from statistics import median

from nymconnect.client.presets import PRESETS
from nymconnect.client.surbs.aliases import Alias
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from tests.helpers.virtual_mixnet import VirtualMixnet


class Proxy:
    """A client whose requester answers CONNECT and GET, and sends without an end once it was asked for a download."""

    def __init__(self, net: VirtualMixnet) -> None:
        self.net = net
        self.client = net.add_client(PRESETS["nym-compatible"].traffic)
        self.requester = net.add_client(REQUESTER_TRAFFIC, gateway=1)
        self.alias = Alias.of(self.requester.loopix.address, 1)
        self.downloads: bytes | None = None  # the tag
        self.tags: dict[int, bytes] = {}
        self.finished: set[int] = set()
        self.downloaded = 0

    def ask(self, word: str, lane: int, surbs: int = 0) -> None:
        content = f"{word} {lane} ".encode() + bytes(100)
        self.client.loopix.send(content, self.alias, self.net.now, surbs=surbs, lane=lane)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        def act() -> bool:
            self._serve()
            self._receive()
            return until()

        return self.net.run_until(act, seconds)

    def request(self, lane: int) -> float:
        """Seconds of one small request, from its connect to its last byte."""
        start = self.net.now
        self.ask("CONNECT", lane, surbs=20)
        assert self.run(60.0, lambda: lane in self.finished)
        taken = self.net.now - start
        self.run(0.2)
        return taken

    def _serve(self) -> None:
        loopix = self.requester.loopix
        for message in self.requester.received:
            word, lane = message.data.split()[:2]
            if word == b"DOWNLOAD":
                self.downloads = message.sender_tag
            elif word == b"CONNECT" and message.sender_tag:
                self.tags[int(lane)] = message.sender_tag
                loopix.reply(b"opened %d " % int(lane), message.sender_tag, lane=int(lane))
            else:
                loopix.reply(b"body %d " % int(lane) + bytes(1000), self.tags[int(lane)], lane=int(lane))
        self.requester.received.clear()
        while self.downloads is not None and not loopix.transmission.lane_is_full(self.downloads, 0):
            loopix.reply(b"piece 0 " + bytes(16_000), self.downloads, lane=0)

    def _receive(self) -> None:
        for message in self.client.received:
            word, lane = message.data.split(maxsplit=2)[:2]
            if word == b"opened":
                self.ask("GET", int(lane))
            elif word == b"body":
                self.finished.add(int(lane))
            else:
                self.downloaded += len(message.data)
        self.client.received.clear()


def test_small_requests_beside_a_download_take_at_most_three_times_as_long() -> None:
    net = VirtualMixnet(seed=3)
    net.work = 0.0009
    proxy = Proxy(net)
    proxy.run(2.0)
    alone = [proxy.request(lane) for lane in range(1, 6)]
    proxy.ask("DOWNLOAD", 100, surbs=20)
    proxy.run(4.0)
    start, before = net.now, proxy.downloaded
    beside = [proxy.request(lane) for lane in range(6, 12)]
    assert median(beside) <= 3 * median(alone)
    assert (proxy.downloaded - before) / (net.now - start) > 80_000
    repeated = proxy.requester.loopix.counters["retransmitted"] + proxy.client.loopix.counters["retransmitted"]
    assert repeated < 20
