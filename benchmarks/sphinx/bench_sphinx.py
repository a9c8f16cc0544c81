"""How fast one core builds and unwraps Regular Sphinx packets of four hops, beside the published Rust crate.

    python benchmarks/sphinx/bench_sphinx.py [--rounds N] [--milliseconds N] [--without-reference]

Prints one JSON object. Each round gives all of our operations, and the crate's `process` and `build` from
`reference/`, a few milliseconds of CPU time on one and the same core, so that a busy or throttled machine slows all of
them alike. Figures are medians over the rounds; ratios are medians of the ratios within each round, and carry over
from machine to machine better than microseconds do. Two yardsticks:

- the crate, both sides from bytes to bytes;
- the X25519 operations that the work needs, with the same libraries: two for an unwrap (one with a kept key object,
  one from raw bytes), and for a packet of v hops with its ack twice v + 1.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reference_crate import Reference, ReferenceUnavailableError

from nymconnect.crypto import X25519Secret, x25519_exchange, x25519_public
from nymconnect.packet.acks import FragmentId, build_surb_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import Surb, build_packet, open_packet

HOPS = 4
DESTINATION = bytes(32)
DELAY_NS = 15_000_000
SIZE = PacketSize.REGULAR

Operation = Callable[[], object]
# Numerator and denominator of each ratio in the report.
RATIOS = {
    "unwrap_over_crate": ("unwrap", "crate_process"),
    "crate_build_over_ours": ("crate_build", "build"),
    "unwrap_over_its_x25519": ("unwrap", "x25519_of_unwrap"),
    "build_over_its_x25519": ("build", "x25519_of_build"),
    "build_with_ack_over_its_x25519": ("build_with_ack", "x25519_of_build_with_ack"),
    "surb_use_over_its_x25519_of_unwrap": ("surb_use", "x25519_of_unwrap"),
}


def operations() -> dict[str, Operation]:
    """Our operations that are measured, by name."""
    rng = random.Random(1)
    secrets = [X25519Secret.generate(rng) for _ in range(HOPS)]
    hops = [Hop(NodeAddress(f"10.0.0.{i}", 1789), secret.public) for i, secret in enumerate(secrets)]
    route = Route(tuple(hops), (DELAY_NS,) * HOPS)
    message = rng.randbytes(SIZE.plaintext)
    packet = build_packet(route, DESTINATION, message, SIZE, rng)
    surb = Surb.create(route, DESTINATION, rng)
    scalar, node, other = rng.randbytes(32), secrets[0], secrets[1].public
    sender = Recipient(DESTINATION, other, other)

    def multiply_for_unwrap() -> None:
        node.exchange(other)
        x25519_exchange(scalar, other)

    def multiply_for_build() -> None:
        x25519_public(scalar)
        for _ in range(HOPS):
            x25519_exchange(scalar, other)

    def multiply_for_both() -> None:
        multiply_for_build()
        multiply_for_build()

    def build_with_ack() -> bytes:
        ack = build_surb_ack(sender, bytes(16), FragmentId(1, 1), route, rng)
        return build_packet(route, DESTINATION, ack + message[len(ack) :], SIZE, rng)

    return {
        "unwrap": lambda: open_packet(packet, node).unwrap(),
        "build": lambda: build_packet(route, DESTINATION, message, SIZE, rng),
        "build_with_ack": build_with_ack,
        "x25519_of_unwrap": multiply_for_unwrap,
        "x25519_of_build": multiply_for_build,
        "x25519_of_build_with_ack": multiply_for_both,
        "open_only": lambda: open_packet(packet, node),
        "surb_create": lambda: Surb.create(route, DESTINATION, rng),
        "surb_use": lambda: surb.use(message, SIZE),
    }


def nanoseconds(operation: Operation, count: int) -> int:
    """CPU time of `count` calls."""
    start = time.process_time_ns()
    for _ in range(count):
        operation()
    return time.process_time_ns() - start


def timers(reference: Reference | None) -> dict[str, Callable[[int], int]]:
    """For each kind of work a function from a count to the nanoseconds that it took."""
    work: dict[str, Callable[[int], int]] = {}
    for name, operation in operations().items():
        work[name] = lambda count, operation=operation: nanoseconds(operation, count)  # type: ignore[misc]
    if reference is not None:
        for name in ("process", "build"):
            work[f"crate_{name}"] = lambda count, name=name: reference.nanoseconds(name, count)  # type: ignore[misc]
    return work


def measure(reference: Reference | None, rounds: int, milliseconds: float) -> dict[str, list[float]]:
    """Microseconds of one operation, for each kind of work and round."""
    work = timers(reference)
    counts = {name: max(1, round(milliseconds * 1e6 * 20 / timer(20))) for name, timer in work.items()}
    samples: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, timer in work.items():
            samples[name].append(timer(counts[name]) / counts[name] / 1000)
    return samples


def median_ratio(samples: dict[str, list[float]], numerator: str, denominator: str) -> float | None:
    """None where one of the two was not measured."""
    if numerator not in samples or denominator not in samples:
        return None
    pairs = zip(samples[numerator], samples[denominator], strict=True)
    return round(statistics.median(mine / theirs for mine, theirs in pairs), 2)


def use_one_core() -> int | None:
    """Stay on the last core that we may use, and the reference with us; None where the system offers no such choice."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def report(rounds: int, milliseconds: float, with_reference: bool) -> dict[str, object]:
    """Everything that is printed."""
    reference, missing = None, "not asked for"
    if with_reference:
        try:
            reference = Reference.build()
        except ReferenceUnavailableError as error:
            missing = str(error)
            print(f"no comparison with the Rust crate: {missing}", file=sys.stderr)
    core = use_one_core()  # after the build, which may have all cores
    if reference is not None:
        with reference:
            samples = measure(reference, rounds, milliseconds)
    else:
        samples = measure(None, rounds, milliseconds)
    return {
        "benchmark": "sphinx",
        "packet": f"Regular, {HOPS} hops, version 259",
        "reference": "sphinx-packet 0.6.0, release build" if reference else f"not measured: {missing}",
        "python": platform.python_version(),
        "core": core,
        "rounds": rounds,
        "ratios": {name: median_ratio(samples, *pair) for name, pair in RATIOS.items()},
        "microseconds": {name: round(statistics.median(times), 1) for name, times in samples.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Sphinx packets on one core, beside the published Rust crate")
    parser.add_argument("--rounds", type=int, default=51, help="timed rounds (default 51)")
    parser.add_argument("--milliseconds", type=float, default=10, help="per operation and round (default 10)")
    parser.add_argument("--without-reference", action="store_true", help="measure ours only")
    arguments = parser.parse_args()
    print(json.dumps(report(arguments.rounds, arguments.milliseconds, not arguments.without_reference), indent=2))


if __name__ == "__main__":
    main()
