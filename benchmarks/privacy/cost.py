"""What does it cost? Processor time and memory of an idle client and its pacer, and goodput at a preset's rate.

``python benchmarks/privacy/cost.py [--preset NAME] [--seconds N] [--transfer N] [--label TEXT]``. Linux only (/proc).
Machines differ and are shared, so the cost of a packet is given in multiplications on Curve25519 as well, timed in the
same run. Goodput is judged as a share of what the preset promises for one's own data, and told as a share of the whole
main stream as well, of which the SURBs for a steady downlink take a third. An upload is timed where it arrives, without
its first fifth.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import stage, workload
from benchmarks.privacy.drawing import line_chart
from benchmarks.privacy.report import Check, Report
from nymconnect.client.presets import PRESETS, Preset
from nymconnect.crypto import KEY_LENGTH, x25519_exchange, x25519_public
from nymconnect.runtime.clock import clock

USEFUL_PAYLOAD = 1604  # bytes of a message in a packet of the regular class: its fragment without the header
SETTLE = 10.0
STEP = 5.0
MAX_CPU, MIN_GOODPUT = 0.05, 0.85
SKIPPED = 0.2
# Of less than that much, the seconds that the last packets take in the mixes would count for too much.
LEAST_TRANSFER, PACKETS = 20.0, 600
PATIENCE = 900.0


async def idle_cost(client: stage.Client, seconds: float) -> dict[str, Any]:
    """Shares of one core, and megabytes, of the client's processes while it does nothing but cover."""
    await asyncio.sleep(SETTLE)
    pids = stage.family(client.process.pid)
    start, before = clock(), {pid: stage.cpu_seconds(pid) for pid in pids}
    course, x25519 = [(0.0, sum(before.values()))], []
    while clock() - start < seconds:
        await asyncio.sleep(STEP)
        x25519.append(x25519_seconds())
        course.append((clock() - start, sum(map(stage.cpu_seconds, pids))))
    elapsed = clock() - start
    processes = [
        {
            "role": "pacer" if stage.is_pacer(pid) else "client" if pid == client.process.pid else "helper",
            "cpu": (stage.cpu_seconds(pid) - before[pid]) / elapsed,
            **stage.memory(pid),
        }
        for pid in pids
    ]
    return {
        "seconds": elapsed,
        "x25519_s": statistics.median(x25519),
        "processes": processes,
        "cpu": sum(process["cpu"] for process in processes),
        "pss": sum(process["pss"] for process in processes),
        "rss": sum(process["rss"] for process in processes),
        "course": [(at, used - course[0][1]) for at, used in course],
    }


def x25519_seconds(count: int = 100) -> float:
    """Processor time of one multiplication, as packets are built with."""
    secret, public = os.urandom(KEY_LENGTH), x25519_public(os.urandom(KEY_LENGTH))
    start = time.thread_time()
    for _ in range(count):
        x25519_exchange(secret, public)
    return (time.thread_time() - start) / count


async def goodput(client: stage.Client, served: stage.LengthServer, preset: Preset, seconds: float) -> dict[str, Any]:
    """Bytes per second up and down, their shares of what the main stream could carry, and of what is promised.

    Up, the supply of SURBs takes its part first; down, it is the rate of the answers or of the main stream.
    """
    rate = 1 / preset.traffic.message_sending_average_delay
    length = max(int(rate * USEFUL_PAYLOAD * seconds) // 10_000, 2) * 10_000
    served.arrivals.clear()
    async with asyncio.timeout(PATIENCE):
        await workload.upload(client.socks, served.port, length)
        up = upload_rate(served.arrivals)
        down = await workload.fetch(client.socks, served.port, length)
    down_rate = length / (down.complete - down.first_byte)
    whole = rate * USEFUL_PAYLOAD
    return {
        "bytes": length,
        "arrived": sum(count for _, count in served.arrivals),
        "up": up,
        "up_share": up / whole,
        "up_of_promised": up / preset.useful_rate,
        "down": down_rate,
        "down_share": down_rate / whole,
        "down_of_promised": down_rate / ((preset.traffic.reply_rate or rate) * USEFUL_PAYLOAD),
    }


def upload_rate(arrivals: list[tuple[float, int]]) -> float:
    """Bytes per second after the first `SKIPPED` of them."""
    total, seen, start = sum(count for _, count in arrivals), 0, None
    for at, count in arrivals:
        seen += count
        if start is None and seen >= SKIPPED * total:
            start, skipped = at, seen
    if start is None or arrivals[-1][0] <= start:
        return 0.0
    return (total - skipped) / (arrivals[-1][0] - start)


async def measure(preset: str, seconds: float, transfer: float) -> dict[str, Any]:
    async with stage.network() as net, stage.target() as served, stage.client(net, preset) as client:
        idle = await idle_cost(client, seconds)
        return {"idle": idle, "goodput": await goodput(client, served, PRESETS[preset], transfer) if transfer else None}


def checks_of(preset: str, results: dict[str, Any]) -> list[Check]:
    idle = results["idle"]
    parts = ", ".join(f"{process['role']} {process['cpu']:.1%}" for process in idle["processes"])
    memory = ", ".join(f"{process['role']} {process['rss']:.0f} MB" for process in idle["processes"])
    rate = PRESETS[preset].packets_per_second
    in_x25519 = idle["cpu"] / rate / idle["x25519_s"]
    checks = [
        Check(
            f"CPU idle, {preset}",
            f"{idle['cpu']:.2%} of a core ({parts}), {in_x25519:.0f} X25519 a packet ({idle['x25519_s'] * 1e6:.0f} µs)",
            "below 5 % at 55 packets/s",
            idle["cpu"] < MAX_CPU if rate < 56 else None,
        ),
        Check(f"memory idle, {preset}", f"{idle['pss']:.0f} MB proportional; resident: {memory}", "reported", None),
    ]
    if (good := results["goodput"]) is not None:
        for way in ("up", "down"):
            of_promised, share = good[f"{way}_of_promised"], good[f"{way}_share"]
            shown = f"{good[way] / 1000:.1f} kB/s, {of_promised:.2f} of what is promised, {share:.2f} of rate x payload"
            checks.append(Check(f"goodput {way}, {preset}", shown, ">= 0.85 of it", of_promised >= MIN_GOODPUT))
    return checks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument("--seconds", type=float, default=60.0, help="of idleness (default: 60)")
    parser.add_argument("--transfer", type=float, help="seconds' worth of goodput; 0: none (default: of 600 packets)")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    rate = 1 / PRESETS[flags.preset].traffic.message_sending_average_delay
    transfer = max(LEAST_TRANSFER, PACKETS / rate) if flags.transfer is None else flags.transfer
    results = asyncio.run(measure(flags.preset, flags.seconds, transfer))
    course = results["idle"].pop("course")
    parameters = {"preset": flags.preset, "seconds": flags.seconds, "transfer": transfer}
    chart = line_chart(f"{flags.preset}: processor time of an idle client", "s", "s of one core", [("all", course)])
    Report(
        f"cost-{flags.preset}",
        "none; this run measures cost",
        parameters,
        results,
        tuple(checks_of(flags.preset, results)),
    ).save(flags.label, chart)


if __name__ == "__main__":
    main()
