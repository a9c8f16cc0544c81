"""Packets per second of one `Mixer` on one core: feed, replay check, heap, wake.

Run it from the checkout: ``python benchmarks/node/bench_mixnode.py [--packets N] [--repeats N]``. It prints JSON.
Times are CPU times and the kinds of work alternate within each repeat, so a busy machine hits all alike; each figure is
the median of the repeats. `floor` is two X25519 multiplications per packet, what no implementation of this hop can do
without.
"""

import argparse
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nymconnect.crypto import X25519Secret, x25519_exchange
from nymconnect.node.keys import SphinxKeys
from nymconnect.node.mixer import Mixer, MixerCount
from nymconnect.node.replay import ReplayFilter
from nymconnect.packet.acks import FragmentId, build_surb_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.framing import Frame
from nymconnect.packet.params import KeyRotation, PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import build_packet
from nymconnect.runtime.clock import SYSTEM_RNG

RNG = random.Random(1)
ADDRESS = NodeAddress("10.0.0.1", 1789)
KEY, OLD_KEY, OTHER = (X25519Secret.generate(RNG) for _ in range(3))
CLIENT = RNG.randbytes(32)


def new_mixer() -> Mixer:
    keys = SphinxKeys(KEY, 6, OLD_KEY)
    return Mixer(keys, ReplayFilter(), SYSTEM_RNG, forwards=True, delivers=True, may_send_to=lambda _: True)


def forward_frame(size: PacketSize, key: X25519Secret = KEY) -> Frame:
    route = Route((Hop(ADDRESS, key.public), Hop(ADDRESS, OTHER.public)), (15_000_000, 0))
    return Frame.of(build_packet(route, CLIENT, b"", size, RNG), KeyRotation.UNKNOWN)


def final_frame() -> Frame:
    route = Route((Hop(ADDRESS, KEY.public),), (0,))
    ack_route = Route((Hop(ADDRESS, OTHER.public),), (0,))
    ack = build_surb_ack(Recipient(CLIENT, bytes(32), bytes(32)), bytes(16), FragmentId(1, 1), ack_route, RNG)
    return Frame.of(build_packet(route, CLIENT, ack + bytes(1643), PacketSize.REGULAR, RNG))


def mix(frames: list[Frame], expected: MixerCount) -> None:
    mixer = new_mixer()
    for number, frame in enumerate(frames):
        now = number * 0.001
        mixer.feed(frame, now)
        mixer.wake(now)
    mixer.wake(1e9)
    if mixer.counters[expected] != len(frames):
        raise SystemExit(f"the mixer did not do its work: {dict(mixer.counters)}")


def replay(frames: list[Frame]) -> None:
    mixer = new_mixer()
    for _ in range(len(frames)):
        mixer.feed(frames[0], 0.0)
    if mixer.counters[MixerCount.DROPPED_REPLAY] != len(frames) - 1:
        raise SystemExit("the mixer let a replay pass")


def multiply(count: int) -> None:
    public, raw = OTHER.public, KEY.to_bytes()
    for _ in range(count):
        KEY.exchange(public)
        x25519_exchange(raw, public)


def rates(work: dict[str, Callable[[], None]], packets: int, repeats: int) -> dict[str, float]:
    """Median packets per second of each kind of work."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, run in work.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: round(packets / statistics.median(times)) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    count = options.packets
    regular = [forward_frame(PacketSize.REGULAR) for _ in range(count)]
    old = [forward_frame(PacketSize.REGULAR, OLD_KEY) for _ in range(count)]
    acks = [forward_frame(PacketSize.ACK) for _ in range(count)]
    final = [final_frame() for _ in range(count)]
    work: dict[str, Callable[[], None]] = {
        "forward_regular": lambda: mix(regular, MixerCount.FORWARDED),
        "forward_regular_old_key": lambda: mix(old, MixerCount.FORWARDED),
        "forward_ack": lambda: mix(acks, MixerCount.FORWARDED),
        "final_regular": lambda: mix(final, MixerCount.DELIVERED),
        "replayed": lambda: replay(regular),
        "floor": lambda: multiply(count),
    }
    measured = rates(work, count, options.repeats)
    report = {
        "benchmark": "mixnode",
        "unit": "packets/s on one core",
        "packets": count,
        "repeats": options.repeats,
        "python": platform.python_version(),
        "median": measured,
        "forward_over_floor": round(measured["floor"] / measured["forward_regular"], 2),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
