"""How fast one core builds and unwraps Regular Sphinx packets of four hops; prints one JSON object.

    python benchmarks/sphinx/bench_sphinx.py [--rounds N] [--batch N]

Each round times a batch of every operation in turn, in CPU time, so that a busy or throttled machine slows all of
them alike; a figure is the median over the rounds. The yardstick is the least that any node must do per packet: two
X25519 multiplications, one with a kept key object (cryptography), one from raw bytes (libsodium). Ratios to it carry
over from machine to machine; packets per second do not.
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
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import Surb, build_packet, open_packet

HOPS = 4
DESTINATION = bytes(32)
DELAY_NS = 15_000_000


def operations() -> dict[str, Callable[[], object]]:
    rng = random.Random(1)
    secrets = [X25519Secret.generate(rng) for _ in range(HOPS)]
    hops = [Hop(NodeAddress(f"10.0.0.{i}", 1789), secret.public) for i, secret in enumerate(secrets)]
    route = Route(tuple(hops), (DELAY_NS,) * HOPS)
    size = PacketSize.REGULAR
    message = rng.randbytes(size.plaintext)
    packet = build_packet(route, DESTINATION, message, size, rng)
    surb = Surb.create(route, DESTINATION, rng)
    scalar, node = rng.randbytes(32), secrets[0]

    def two_x25519() -> None:
        node.exchange(secrets[1].public)
        x25519_exchange(scalar, secrets[1].public)

    return {
        "two_x25519": two_x25519,
        "open": lambda: open_packet(packet, node),
        "open_unwrap": lambda: open_packet(packet, node).unwrap(),
        "build": lambda: build_packet(route, DESTINATION, message, size, rng),
        "build_ack": lambda: build_packet(route, DESTINATION, message[:21], PacketSize.ACK, rng),
        "surb_create": lambda: Surb.create(route, DESTINATION, rng),
        "surb_use": lambda: surb.use(message, size),
    }


def microseconds(operation: Callable[[], object], batch: int) -> float:
    start = time.process_time_ns()
    for _ in range(batch):
        operation()
    return (time.process_time_ns() - start) / batch / 1000


def measure(rounds: int, batch: int) -> dict[str, object]:
    todo = operations()
    samples: dict[str, list[float]] = {name: [] for name in todo}
    for operation in todo.values():
        operation()
    for _ in range(rounds):
        for name, operation in todo.items():
            samples[name].append(microseconds(operation, batch))
    yardstick = samples["two_x25519"]
    results = {
        name: {
            "microseconds": round(statistics.median(times), 1),
            "best_microseconds": round(min(times), 1),
            "per_second": round(1e6 / statistics.median(times)),
            "ratio_to_two_x25519": round(
                statistics.median(mine / theirs for mine, theirs in zip(times, yardstick, strict=True)), 2
            ),
        }
        for name, times in samples.items()
    }
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packet": "Regular, 4 hops, version 259",
        "rounds": rounds,
        "batch": batch,
        "results": results,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Sphinx packets per second on one core")
    parser.add_argument("--rounds", type=int, default=31, help="timed rounds (default 31)")
    parser.add_argument("--batch", type=int, default=50, help="calls per round and operation (default 50)")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.batch), indent=2))


if __name__ == "__main__":
    main()
