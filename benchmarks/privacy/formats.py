"""M0: what does each hop see of a packet, and does any of it tell cover from data? It has to be 0 bits.

``python benchmarks/privacy/formats.py [--preset NAME] [--packets N] [--seed N] [--label TEXT]``. A client and an
answering peer send real packets through a network in virtual time whose keys we hold. Each packet is opened at every
hop; what the hop could note down is paired with what the packet really was. Exact views (sizes, versions, flags,
rotation) must tell nothing at all; drawn ones (delays, next hops) nothing beyond chance.

The last mix sees to which gateway a packet goes, and that gateway to which client. A loop goes to its sender's own and
drop cover to nobody at any of them, so these two differ between cover and data by what they are, not by their form:
reported, not judged. Neither hop sees where the packet comes from.
"""

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import measures
from benchmarks.privacy.drawing import line_chart
from benchmarks.privacy.report import Check, Report
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import PRESETS
from nymconnect.directory.topology import Feature
from nymconnect.errors import WireError
from nymconnect.packet.acks import split_surb_ack
from nymconnect.packet.addressing import DROP_DESTINATION
from nymconnect.packet.framing import Frame, MixPacket
from nymconnect.packet.sphinx import Final, open_packet
from tests.helpers.networks import KnownNetwork, known_network
from tests.helpers.virtual_mixnet import VirtualClient, VirtualMixnet

SEED = 7
MESSAGE = 15_000
SURBS = 20
STEP = 0.1
DELAY_BINS = 8
LAST_MIX = "mix 3"
LEAST_P = 0.001  # some fifty comparisons are made, so one in a thousand is a surprise


@dataclass(frozen=True, slots=True)
class View:
    """What one hop can note down of one packet. `exact` is given by the format, `drawn` by chance."""

    hop: str
    exact: tuple[Hashable, ...]
    next_hop: Hashable = None
    delay_ns: int | None = None


@dataclass(slots=True)
class Evidence:
    """All views of one hop, each with the truth."""

    exact: list[tuple[Hashable, Hashable]] = field(default_factory=list)
    next_hops: list[tuple[Hashable, Hashable]] = field(default_factory=list)
    delays: dict[str, list[float]] = field(default_factory=lambda: {"cover": [], "data": []})

    def add(self, kind: str, view: View) -> None:
        self.exact.append((kind, view.exact))
        if view.next_hop is not None:
            self.next_hops.append((kind, view.next_hop))
        if view.delay_ns is not None:
            self.delays[kind].append(view.delay_ns / 1e9)


class WatchedMixnet(VirtualMixnet):
    """Opens every packet at all its hops when it is sent, besides carrying it."""

    def __init__(self, seed: int) -> None:
        super().__init__(known_network(2, 2, features=frozenset({Feature.DROP_COVER})), seed=seed)
        self.roles: dict[int, str] = {}
        self.evidence: dict[tuple[str, str], Evidence] = defaultdict(Evidence)
        self.counts: dict[tuple[str, str], int] = defaultdict(int)

    def _send(self, client: VirtualClient, packet: MixPacket) -> None:
        self._note(client, packet)
        super()._send(client, packet)

    def _note(self, client: VirtualClient, packet: MixPacket) -> None:
        role = self.roles[id(client)]
        views = list(walk(self.network, packet))
        # A client that sends to itself sends cover: nobody here has anything else to say to itself.
        kind = "cover" if views.pop() in (client.loopix.address.identity, DROP_DESTINATION) else "data"
        self.counts[role, kind] += 1
        for view in views:
            assert isinstance(view, View)
            self.evidence[role, view.hop].add(kind, view)


def walk(network: KnownNetwork, packet: MixPacket) -> Iterator[View | bytes]:
    """What each hop sees of a packet and of the ack inside it; at the end, the destination."""
    yield View("entry gateway", (len(packet.encode_v2()), packet.rotation), packet.next_hop)
    content, destination = b"", b""
    for view, final in _hops(network, packet, "mix"):
        yield view
        if final is not None:
            content, destination = final.message, final.destination
    ack, _ = split_surb_ack(content)
    yield View("last gateway, ack", (len(ack.packet),), ack.next_hop)
    for view, _ in _hops(network, ack, "ack mix"):
        yield view
    yield destination


def _hops(network: KnownNetwork, packet: MixPacket, name: str) -> Iterator[tuple[View, Final | None]]:
    address, data, number = packet.next_hop, packet.packet, 1
    while True:
        opened = open_packet(data, network.secret_at(address))
        head = Frame.of(data, packet.rotation).encode(8)[: -len(data)]
        step = opened.unwrap()
        if isinstance(step, Final):
            yield View(f"after {name} {number - 1}", (head, opened.version, len(data), len(step.message))), step
            return
        yield View(f"{name} {number}", (head, opened.version, len(data)), step.next_hop, step.delay_ns), None
        address, data, number = step.next_hop, step.packet, number + 1


def collect(parameters: TrafficParameters, packets: int, seed: int = SEED) -> WatchedMixnet:
    """Let a client ask and a peer answer until each has sent this number of packets of both kinds."""
    net = WatchedMixnet(seed)
    client, peer = net.add_client(parameters), net.add_client(parameters, gateway=1)
    net.roles = {id(client): "client", id(peer): "answerer"}
    for _ in range(10_000):
        if all(net.counts[role, kind] >= packets for role in ("client", "answerer") for kind in ("cover", "data")):
            return net
        if not client.loopix.transmission.queued:
            client.loopix.send(bytes(MESSAGE), peer.loopix.address, net.now, surbs=SURBS)
        if peer.received and not peer.loopix.transmission.queued and (tag := peer.received[-1].sender_tag) is not None:
            peer.loopix.reply(bytes(MESSAGE), tag)
        # Bursts and pauses, so that the main stream, too, carries cover at times.
        net.run(STEP + 20 * parameters.message_sending_average_delay)
    raise WireError("the traffic did not flow")


def judge(evidence: Evidence, rng: random.Random) -> dict[str, Any]:
    """Bits that the views of one hop tell, and how surprising the drawn ones are."""
    result: dict[str, Any] = {
        "packets": len(evidence.exact),
        "views": len({view for _, view in evidence.exact}),
        "bits": measures.mutual_information(evidence.exact),
    }
    if evidence.next_hops:
        result["next_hop_bits"] = measures.mutual_information(evidence.next_hops)
        result["next_hop_p"] = measures.independence_p(evidence.next_hops)
    if evidence.delays["cover"]:
        result["delay_ks"], result["delay_p"] = measures.ks_two_sample(
            evidence.delays["cover"], evidence.delays["data"]
        )
        result["delay_bits_above_chance"] = _delay_bits(evidence.delays, rng)
        result["mean_delay"] = {kind: sum(values) / len(values) for kind, values in evidence.delays.items()}
    return result


def _delay_bits(delays: dict[str, list[float]], rng: random.Random) -> float:
    """Mutual information of type and binned delay, less what random pairings show."""
    everything = [*delays["cover"], *delays["data"]]
    edges = [measures.quantile(everything, share / DELAY_BINS) for share in range(1, DELAY_BINS)]
    pairs = [(kind, sum(value > edge for edge in edges)) for kind, values in delays.items() for value in values]
    kinds, bins = [kind for kind, _ in pairs], [number for _, number in pairs]
    chance = 0.0
    for _ in range(50):
        rng.shuffle(kinds)
        chance += measures.mutual_information(list(zip(kinds, bins, strict=True))) / 50
    return measures.mutual_information(pairs) - chance


def checks_of(judged: dict[str, dict[str, Any]]) -> Iterator[Check]:
    for hop, values in judged.items():
        yield Check(f"M0 {hop}", f"{values['bits']:.6f} bits", "0 bits", values["bits"] == 0)
        for drawn in ("next_hop", "delay"):
            if f"{drawn}_p" in values:
                p, is_address = values[f"{drawn}_p"], drawn == "next_hop" and hop.endswith(f", {LAST_MIX}")
                required = "reported: the address of the receiver" if is_address else f"p > {LEAST_P}"
                yield Check(f"M0 {hop}, {drawn}", f"p = {p:.3g}", required, None if is_address else p > LEAST_P)


def plot(preset: str, net: WatchedMixnet) -> str:
    """Quantiles of the delays that the first mix reads."""
    shares = [number / 50 for number in range(50)]
    series = [
        (f"{role}, {kind}", [(share, measures.quantile(values, share) * 1000) for share in shares])
        for role in ("client", "answerer")
        for kind, values in net.evidence[role, "mix 1"].delays.items()
    ]
    return line_chart(f"{preset}: delay read by the first mix", "share of packets", "ms", series)


def run(preset: str, packets: int, seed: int, label: str) -> None:
    net = collect(PRESETS[preset].traffic, packets, seed)
    rng = random.Random(seed)
    judged = {f"{role}, {hop}": judge(evidence, rng) for (role, hop), evidence in net.evidence.items()}
    Report(
        f"formats-{preset}",
        "A6: any hop, with its keys; one packet at a time",
        {"preset": preset, "packets": packets, "seed": seed},
        {"sent": {", ".join(key): count for key, count in net.counts.items()}, "hops": judged},
        tuple(checks_of(judged)),
    ).save(label, plot(preset, net))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, help="(default: all)")
    parser.add_argument("--packets", type=int, default=600, help="of each kind and sender (default: 600)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--label", default="")
    flags = parser.parse_args(arguments)
    for preset in [flags.preset] if flags.preset else PRESETS:
        run(preset, flags.packets, flags.seed, flags.label)


if __name__ == "__main__":
    main()
