"""Do the gaps between frames tell that their sender is busy? Both carriers, against a bare socket.

Frames of a packet's size go over loopback to a process that only notes when each arrives, by the kernel's clock
(SO_TIMESTAMPNS). The sender is idle, or its event loop works: 100 pieces of 1.5 ms a second and a pause of 30 ms twice
a second, as cryptography and a window do. Carried by the pacer's process, and by a pacer on the sender's own loop.
"""

import argparse
import asyncio
import contextlib
import itertools
import math
import multiprocessing
import socket
import struct
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy.measures import ks_exponential, ks_two_sample
from benchmarks.privacy.report import Check, Report
from nymconnect.client.pacer.child import ask_for_prompt_wakeups
from nymconnect.client.pacer.machine import FrameKind, SlotGaps
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.pacer.transport import Carrier, LocalCarrier
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial_socket

FRAME = bytes(2493)
SO_TIMESTAMPNS = 35  # Linux; not in the socket module
WORK, WORK_PERIOD = 0.0015, 0.010
PAUSE, PAUSE_PERIOD = 0.030, 0.5
CARRIERS: dict[str, type[LocalCarrier] | type[ChildCarrier]] = {"own loop": LocalCarrier, "process": ChildCarrier}
LIMIT = 0.02


class Producer:
    """Keeps the stock of cover full."""

    def __init__(self, carrier_type: type[LocalCarrier] | type[ChildCarrier], rates: SlotGaps) -> None:
        self.carrier: Carrier = carrier_type(self, 30.0)
        self._rates, self._serials = rates, itertools.count(1)

    def fill(self) -> None:
        for _ in range(self._rates.cover_stock):
            self._offer()

    def _offer(self) -> None:
        self.carrier.offer(FrameKind.COVER, next(self._serials), FRAME)

    def on_left(self, kind: FrameKind, serial: int, at: float) -> None:
        asyncio.get_running_loop().call_soon(self._offer)

    def on_bytes(self, data: bytes) -> None:
        pass

    def on_end(self, reason: str) -> None:
        pass  # a run that ends early has too few gaps to pass


def receive(port: Connection) -> None:
    """A process: accept one connection, and send back when each of its frames came (seconds)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port.send(server.getsockname()[1])
        link, _ = server.accept()
    # The kernel joins what is not fetched soon, and then keeps the last time only.
    ask_for_prompt_wakeups()
    link.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    times: list[float] = []
    total = 0
    while True:
        data, ancillary, *_ = link.recvmsg(len(FRAME) - total % len(FRAME), 64)
        if not data:
            break
        total += len(data)
        stamps = [value for level, kind, value in ancillary if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        seconds, nanoseconds = struct.unpack("qq", stamps[-1][:16])
        while len(times) < total // len(FRAME):
            times.append(seconds + nanoseconds / 1e9)
    port.send(times)


async def burn(seconds: float, every: float) -> None:
    """Block the loop for `seconds` in each period, as work that is not split up does."""
    due = clock()
    while True:
        due = max(due + every, clock())
        await asyncio.sleep(due - clock())
        ends = clock() + seconds
        while clock() < ends:
            pass


async def send(name: str, port: int, rates: SlotGaps, seconds: float, *, busy: bool) -> dict[str, int]:
    """Pace for `seconds`; the slots that went unused."""
    producer = Producer(CARRIERS[name], rates)
    await producer.carrier.open(await dial_socket("127.0.0.1", port), "")
    producer.fill()
    producer.carrier.begin(rates)
    load = (
        [asyncio.create_task(burn(WORK, WORK_PERIOD)), asyncio.create_task(burn(PAUSE, PAUSE_PERIOD))] if busy else []
    )
    try:
        await asyncio.sleep(seconds)
    finally:
        for task in load:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        unused = producer.carrier.unused
        await producer.carrier.close()
    return {"empty": unused.empty, "stalled": unused.stalled, "late": unused.late}


def run(name: str, rates: SlotGaps, seconds: float, *, busy: bool) -> tuple[list[float], dict[str, int]]:
    """Gaps at the receiver, and the slots that went unused."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    receiver.start()
    unused = asyncio.run(send(name, ours.recv(), rates, seconds, busy=busy))
    times: list[float] = ours.recv()
    receiver.join()
    return [later - earlier for earlier, later in itertools.pairwise(times)], unused


def measure(name: str, rates: SlotGaps, seconds: float) -> dict[str, Any]:
    """Idle and busy with one carrier."""
    rate = sum(1 / gap for gap in (rates.main, rates.loop) if gap)
    gaps: dict[str, list[float]] = {}
    results: dict[str, Any] = {}
    for load in ("idle", "busy"):
        gaps[load], unused = run(name, rates, seconds, busy=load == "busy")
        results[load] = {
            "gaps": len(gaps[load]),
            "rate": 1 / (sum(gaps[load]) / len(gaps[load])),
            "ks_distance": ks_exponential(gaps[load], rate),
            "unused_slots": unused,
        }
    distance, chance = ks_two_sample(gaps["idle"], gaps["busy"])
    return {**results, "rate": rate, "idle_against_busy": {"ks_distance": distance, "p": chance}}


def checks_of(name: str, result: dict[str, Any]) -> list[Check]:
    """What spec W1 and W5 ask of the pacer's process; the other carrier is there to compare with."""
    must = name == "process"
    checks = []
    for load in ("idle", "busy"):
        distance, count = result[load]["ks_distance"], result[load]["gaps"]
        critical = f"1.36/√n = {1.36 / math.sqrt(count):.4f}"
        checks.append(
            Check(
                f"{name}, {load}: KS distance from Exp({result['rate']:.0f}/s), n = {count}",
                f"{distance:.4f}",
                f"at most {LIMIT}; {critical}" if must else f"to compare; {critical}",
                distance <= LIMIT if must else None,
            )
        )
    p = result["idle_against_busy"]["p"]
    checks.append(
        Check(
            f"{name}: idle against busy, two-sample KS",
            f"p = {p:.3g}",
            "p > 0.01" if must else "to compare",
            p > 0.01 if must else None,
        )
    )
    return checks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both carriers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=100.0, help="of each of the four runs (default: 100)")
    parser.add_argument("--main", type=float, default=0.020, metavar="GAP", help="mean gap in seconds (default: 0.02)")
    parser.add_argument("--loop", type=float, default=0.200, metavar="GAP", help="mean gap in seconds (default: 0.2)")
    parser.add_argument("--carrier", choices=tuple(CARRIERS), action="append", help="(default: both)")
    parser.add_argument("--label", default="")
    flags = parser.parse_args(arguments)
    rates = SlotGaps(flags.main, flags.loop)
    results = {name: measure(name, rates, flags.seconds) for name in flags.carrier or CARRIERS}
    parameters = {"seconds": flags.seconds, "main_gap": flags.main, "loop_gap": flags.loop, "frame_bytes": len(FRAME)}
    checks = tuple(check for name, result in results.items() for check in checks_of(name, result))
    Report("pacer", "an observer of the line", parameters, results, checks).save(flags.label)


if __name__ == "__main__":
    main()
