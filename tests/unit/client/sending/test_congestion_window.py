"""The window of an unpaced sender, and what it is good for: small requests beside a download, in virtual time."""

from collections.abc import Callable
from statistics import median

import pytest

from nymconnect.client.presets import PRESETS
from nymconnect.client.sending.congestion_window import CROWDED, GROWTH, LEAST, RISE, SHRINK, Window
from nymconnect.client.surbs.aliases import Alias
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from tests.helpers.virtual_mixnet import VirtualMixnet

MOST = 1024


def seen(window: Window, beyond: float, in_flight: int, loops: int = 1) -> int:
    for _ in range(loops):
        window.look(beyond, in_flight)
    return window.size


def test_a_window_that_does_not_adapt_stays_as_it_is() -> None:
    assert seen(Window(MOST, adapts=False), 10.0, 5, loops=100) == MOST


def test_a_calm_way_changes_nothing_however_long_it_is() -> None:
    assert seen(Window(MOST, adapts=True), 3.0, 500, loops=100) == MOST


def test_a_crowded_way_shrinks_the_window_at_once_below_what_is_under_way() -> None:
    window = Window(MOST, adapts=True)
    seen(window, 0.02, 200)
    assert seen(window, 0.02 + 2 * CROWDED, 200) == int(200 * SHRINK)
    assert seen(window, 0.02 + 2 * CROWDED, 200, loops=100) == LEAST


def test_a_full_window_grows_again_and_an_empty_one_does_not() -> None:
    window = Window(MOST, adapts=True)
    seen(window, 0.02, 200)
    small = seen(window, 1.0, 200, loops=10)
    assert seen(window, 0.02, small // 4, loops=50) == small
    assert seen(window, 0.02, small, loops=5) == pytest.approx(small + 5 * GROWTH, abs=1)
    assert seen(window, 0.02, MOST, loops=1000) == MOST


def test_a_way_that_has_become_longer_for_good_is_not_crowded_for_ever() -> None:
    window = Window(MOST, adapts=True)
    seen(window, 0.02, 200)
    needed = int((0.5 - 0.02 - CROWDED) / RISE)
    assert seen(window, 0.5, 100, loops=needed - 10) == LEAST
    assert seen(window, 0.5, 100, loops=100) > 2 * LEAST


# --- on a network that is slower than the requester --------------------------------------------------------------


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
        while self.downloads is not None and not loopix.lane_is_full(self.downloads, 0):
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
