"""Does what a client receives show on its line? The downlink of a preset in virtual time, with and without its rate.

``python benchmarks/privacy/downlink.py [--preset NAME] [--seconds N] [--cycles N] [--label TEXT]``. Real packets travel
through a network in virtual time, so no load on this machine disturbs a packet: what differs here differs by design,
and what does not is left to `wire.py`, which measures the program on a real clock. Three conditions take turns: idle,
1 MB downloads one after the other, an endless upload. A second, shorter run is the same preset with a downlink that
follows the data. The gateway's immediate replies to what the client sends are left out; they follow the uplink alone.
"""

import argparse
import heapq
import itertools
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import classifier, measures
from benchmarks.privacy.drawing import interval_chart
from benchmarks.privacy.report import Check, Report
from benchmarks.privacy.wire import ENOUGH_GAPS, MAX_KS, SEED, Block, comparison
from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.client.presets import PRESETS
from nymconnect.directory.topology import Feature
from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.node.gateway.paced_delivery import PacedDelivery
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC
from nymconnect_proxy.streams.flow import READ_SIZE
from tests.helpers.networks import known_network
from tests.helpers.virtual_mixnet import VirtualClient, VirtualMixnet

CONDITIONS = ("idle", "downloads", "uploads")
SYMMETRIC = [name for name, preset in PRESETS.items() if preset.traffic.symmetric]
MEGABYTE = 1_000_000
ROUND_TRIP = 0.7  # seconds between the end of a download and the first byte of the next
SMALL_MESSAGES = 5  # that a download costs: connect, request, keep-alive, two closes
UPLOADED = 16_000
DOWN_LANE, UP_LANE = 5, 7
GUARD = 4.0
PROMISE = 600.0
KINDS = {"content": True, "acks": False}  # and whether it is large


class WatchedNetwork(VirtualMixnet):
    """A client behind one gateway, an exit behind another, and a tap on the client's line towards it."""

    def __init__(self, traffic: TrafficParameters) -> None:
        features = frozenset({Feature.DROP_COVER})
        super().__init__(known_network(2, 2, features=features), seed=SEED)
        self.traffic = traffic
        self.frames: list[tuple[float, int]] = []
        self._chance = random.Random(SEED)
        self._delivery: PacedDelivery | None = None
        self.client = self.add_client(traffic)
        delay = traffic.average_packet_delay
        exit_traffic = replace(REQUESTER_TRAFFIC, average_packet_delay=delay, average_ack_delay=delay)
        self.exit = self.add_client(exit_traffic, gateway=1)
        self.client.loopix.send(b"hello", self.exit.loopix.address, self.now, surbs=20)
        self.run_until(lambda: bool(self.exit.received), 120.0)
        self.tag = self.exit.received[0].sender_tag or b""
        if traffic.symmetric:
            self.client.loopix.issued.supply_steadily(self.exit.loopix.address, traffic.reply_rate, self.now)
        if traffic.needs_paced_delivery:
            rates = DeliveryRates(traffic.downlink_rate, traffic.ack_rate)
            self._delivery = PacedDelivery(rates, self._chance, self.now)
            self._pump()

    def deliver(self, client: VirtualClient, content: bytes) -> None:
        """Into the gateway's queues for the watched client, if there are any, else onto its line."""
        if client is not self.client or self._delivery is None:
            self._push(client, content)
        elif not self._delivery.take_in(content):
            raise SystemExit("a queue of the gateway has overflowed")

    def _push(self, client: VirtualClient, content: bytes) -> None:
        if client is self.client:
            self.frames.append((self.now, len(content)))
        super().deliver(client, content)

    def _pump(self) -> None:
        assert self._delivery is not None
        for content in self._delivery.wake(self.now):
            self._push(self.client, content)
        heapq.heappush(self._events, (self._delivery.deadline, next(self._serial), self._pump))

    def phase(self, work: Callable[[], None], seconds: float) -> Block:
        """What crosses the line in this number of seconds of `work`, after a warm-up."""
        if self.traffic.symmetric and not self.exit.loopix.pace_replies(
            self.tag, self.traffic.reply_rate, PROMISE, self.now
        ):
            raise SystemExit("the exit does not grant the rate")

        def idle_while_working() -> bool:
            work()
            return False

        self.run_until(idle_while_working, GUARD + 20 * self.traffic.average_packet_delay)
        start = self.now
        self.frames.clear()
        self.run_until(idle_while_working, seconds)
        return Block(tuple((at - start, size) for at, size in self.frames), seconds)


class Work:
    """What the client's user does; one for each phase."""

    def __init__(self, net: WatchedNetwork) -> None:
        self._net = net
        self._left, self._begin_at = 0, net.now

    def idle(self) -> None:
        """Nothing."""

    def downloads(self) -> None:
        """Keep the exit's lane full, with a pause and a few small messages after each megabyte."""
        net = self._net
        if self._left <= 0 and net.now >= self._begin_at:
            self._left = MEGABYTE
            for _ in range(SMALL_MESSAGES):
                net.client.loopix.send(bytes(100), net.exit.loopix.address, net.now, surbs=3, lane=UP_LANE)
        while self._left > 0 and not net.exit.loopix.transmission.lane_is_full(net.tag, DOWN_LANE):
            net.exit.loopix.reply(bytes(READ_SIZE), net.tag, lane=DOWN_LANE)
            self._left -= READ_SIZE
            self._begin_at = net.now + ROUND_TRIP

    def uploads(self) -> None:
        """Keep the client's lane full."""
        net = self._net
        to = net.exit.loopix.address
        while not net.client.loopix.transmission.lane_is_full(to, UP_LANE):
            net.client.loopix.send(bytes(UPLOADED), to, net.now, surbs=3, lane=UP_LANE)

    def end(self) -> None:
        """Forget what has not been sent."""
        self._net.exit.loopix.transmission.close_lane(DOWN_LANE)
        self._net.client.loopix.transmission.close_lane(UP_LANE)


def observe(traffic: TrafficParameters, cycles: int, seconds: float) -> dict[str, list[Block]]:
    """The blocks of each condition."""
    net = WatchedNetwork(traffic)
    net.run(10.0)
    blocks: dict[str, list[Block]] = {condition: [] for condition in CONDITIONS}
    for cycle in range(cycles):
        for condition in CONDITIONS:
            work = Work(net)
            blocks[condition].append(net.phase(getattr(work, condition), seconds))
            work.end()
        print(f"cycle {cycle + 1} of {cycles}", file=sys.stderr)
    return blocks


# --- judging ----------------------------------------------------------------------------------------------------


def streams(blocks: Sequence[Block], nominal: dict[str, float]) -> dict[str, dict[str, float]]:
    """Rate of each kind of frame, and the distance of its gaps from those of a Poisson stream of the nominal rate."""
    found = {}
    for kind, is_large in KINDS.items():
        times = [[at for at, size in block.frames if (size >= classifier.LARGE_FRAME) is is_large] for block in blocks]
        gaps = [after - before for each in times for before, after in itertools.pairwise(each)]
        found[kind] = {
            "gaps": len(gaps),
            "rate": sum(map(len, times)) / sum(block.length for block in blocks),
            "nominal": nominal[kind],
            "ks": measures.ks_exponential(gaps, nominal[kind]) if len(gaps) > 1 else math.nan,
        }
    return found


def nominal_rates(traffic: TrafficParameters) -> dict[str, float]:
    """What an idle client's line shows of each kind of frame, a second."""
    if traffic.needs_paced_delivery:
        return {"content": traffic.downlink_rate, "acks": traffic.ack_rate}
    return {"content": traffic.reply_rate + traffic.loop_rate, "acks": traffic.packet_rate}


def judge(name: str, found: dict[str, Any], promised: bool) -> list[Check]:
    """The figures of one run; only `promised` ones can fail."""
    checks = []
    for condition, kinds in found["streams"].items():
        for kind, values in kinds.items():
            shown = f"D = {values['ks']:.4f} at n = {values['gaps']}, {values['rate']:.1f}/s"
            good = values["ks"] <= MAX_KS and values["gaps"] >= ENOUGH_GAPS
            checks.append(
                Check(f"{name}: {condition}, {kind}", shown, "D <= 0.02 at n >= 5000", good if promised else None)
            )
    for condition, values in found["against_idle"].items():
        p = values["ks_p"]
        checks.append(Check(f"{name}: {condition}, gaps", f"p = {p:.2g}", "p > 0.01", p > 0.01 if promised else None))
        shown = f"{values['auc']:.3f} ({values['low']:.3f} to {values['high']:.3f})"
        good = values["low"] <= 0.5
        checks.append(
            Check(f"{name}: {condition}, AUC", shown, "interval reaches down to 0.5", good if promised else None)
        )
    return checks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=SYMMETRIC, default=SYMMETRIC[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="of each condition, in all (default: 120)")
    parser.add_argument("--cycles", type=int, default=8, help="turns that the conditions take (default: 8)")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    traffic = PRESETS[flags.preset].traffic
    following = replace(traffic, downlink=Downlink.FOLLOWS_DATA, downlink_rate=0.0)
    results, checks = {}, []
    short = max(2, flags.cycles // 4)
    for name, each, cycles in (("its rate kept", traffic, flags.cycles), ("following the data", following, short)):
        blocks = observe(each, cycles, flags.seconds / flags.cycles)
        results[name] = {
            "streams": {condition: streams(found, nominal_rates(each)) for condition, found in blocks.items()},
            "against_idle": {condition: comparison(blocks["idle"], blocks[condition]) for condition in CONDITIONS[1:]},
        }
        checks += judge(name, results[name], promised=each.symmetric)
    rows = [
        (f"{condition}, {name}", values["low"], values["auc"], values["high"])
        for name, found in results.items()
        for condition, values in found["against_idle"].items()
    ]
    title = f"{flags.preset}, downlink: is the user active? AUC of one-second windows against idle, virtual time"
    Report(
        f"downlink-{flags.preset}",
        "A1: an observer of the link between client and gateway; timing and sizes",
        {
            "preset": flags.preset,
            "seconds": flags.seconds,
            "cycles": flags.cycles,
            "classifier": classifier.name(),
            "seed": SEED,
        },
        results,
        tuple(checks),
    ).save(flags.label, interval_chart(title, "AUC", rows, [0.5]))


if __name__ == "__main__":
    main()
