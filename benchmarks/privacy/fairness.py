"""Does a large download starve small requests? Latency of 1 kB requests, alone and beside a 10 MB download.

``python benchmarks/privacy/fairness.py [--preset NAME] [--requests N] [--megabytes N] [--label TEXT]``
"""

import argparse
import asyncio
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import measures, stage, workload
from benchmarks.privacy.drawing import line_chart
from benchmarks.privacy.report import Check, Report
from nymconnect.client.presets import PRESETS
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.clock import clock

SMALL = 1000
WARM_UP = 3
HEAD_START = 3.0
PAUSE = 0.2
MAX_RATIO = 3.0
SEED = 5


async def latencies(socks: Endpoint, port: int, count: int, until: asyncio.Event | None = None) -> list[float]:
    """Seconds of each request, one after the other; ends early when `until` is set."""
    taken: list[float] = []
    while len(taken) < count and not (until and until.is_set()):
        start = clock()
        await workload.fetch(socks, port, SMALL)
        taken.append(clock() - start)
        await asyncio.sleep(PAUSE)
    return taken


async def measure(preset: str, requests: int, length: int) -> dict[str, Any]:
    async with stage.network() as net, stage.target() as served, stage.client(net, preset) as client:
        await latencies(client.socks, served.port, WARM_UP)
        alone = await latencies(client.socks, served.port, requests)
        done = asyncio.Event()
        download = asyncio.create_task(_download(client.socks, served.port, length, done))
        await asyncio.sleep(HEAD_START)
        beside = await latencies(client.socks, served.port, 10 * requests, done)
        return {"alone": _summary(alone), "beside": _summary(beside), "download_s": await download}


async def _download(socks: Endpoint, port: int, length: int, done: asyncio.Event) -> float | None:
    start = clock()
    try:
        await workload.fetch(socks, port, length)
        return clock() - start
    except UserError as error:
        print(f"the download failed: {error}", file=sys.stderr)
        return None
    finally:
        done.set()


def _summary(taken: list[float]) -> dict[str, Any]:
    if not taken:
        return {"requests": 0, "values": []}
    low, high = measures.interval_of_median(taken, random.Random(SEED))
    return {
        "requests": len(taken),
        "median": measures.quantile(taken, 0.5),
        "median_interval": [low, high],
        "p95": measures.quantile(taken, 0.95),
        "values": taken,
    }


def checks_of(preset: str, results: dict[str, Any]) -> list[Check]:
    alone, beside = results["alone"], results["beside"]
    finished = Check(
        f"{preset}, the download", f"{results['download_s'] or 0:.1f} s", "complete", results["download_s"] is not None
    )
    if not beside["requests"]:
        return [finished, Check(f"{preset}, requests beside", "none finished", "some", False)]
    ratio = beside["median"] / alone["median"]
    shown = (
        f"median {beside['median']:.2f} s beside, {alone['median']:.2f} s alone (x{ratio:.1f}); "
        f"p95 {beside['p95']:.2f} and {alone['p95']:.2f} s"
    )
    return [finished, Check(f"fairness, {preset}", shown, f"median at most x{MAX_RATIO:g}", ratio <= MAX_RATIO)]


def plot(preset: str, results: dict[str, Any]) -> str:
    series = [
        (name, [(value, (rank + 1) / len(values)) for rank, value in enumerate(values)])
        for name in ("alone", "beside")
        if (values := sorted(results[name]["values"]))
    ]
    return line_chart(f"{preset}: 1 kB requests", "seconds", "share of requests", series)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument("--requests", type=int, default=30, help="without the download (default: 30)")
    parser.add_argument("--megabytes", type=float, default=10.0, help="of the download (default: 10)")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    length = int(flags.megabytes * workload.MEGABYTE)
    results = asyncio.run(measure(flags.preset, flags.requests, length))
    parameters = {"preset": flags.preset, "requests": flags.requests, "download_bytes": length, "seed": SEED}
    report = Report(
        f"fairness-{flags.preset}",
        "none; this run measures service",
        parameters,
        results,
        tuple(checks_of(flags.preset, results)),
    )
    report.save(flags.label, plot(flags.preset, results))


if __name__ == "__main__":
    main()
