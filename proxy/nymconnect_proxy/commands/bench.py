"""``nymconnect bench``: throughput, latency and memory of a session on an embedded network, as JSON.

All on one machine, so the network's nodes, the requester and the client share its cores: compare ratios between runs
of one machine, not figures between machines. Medians over the repeats.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from nymconnect import __version__
from nymconnect.client.parameters import TrafficParameters
from nymconnect.runtime import clock
from nymconnect_proxy.trial import Trial, trial, trial_settings

MEGABYTE = 1_000_000
PATIENCE = 600.0
# Nothing is drawn here: what takes time is work, not waiting.
BARE = TrafficParameters(average_packet_delay=0.0, average_ack_delay=0.0, paced=False, loop_cover=False)


async def run(flags: argparse.Namespace) -> int:
    """Print one JSON object."""
    report = {
        "version": __version__,
        "cores": os.cpu_count(),
        "megabytes": flags.megabytes,
        "repeats": flags.repeats,
        "bare": await _measure(BARE, flags.megabytes * MEGABYTE, flags.repeats),
        "nym_compatible": await _measure(TrafficParameters(), MEGABYTE, flags.repeats),
    }
    print(json.dumps(report, indent=2))
    return 0


async def _measure(parameters: TrafficParameters, length: int, repeats: int) -> dict[str, object]:
    """Connect, download `repeats` times and look at the memory, with these traffic parameters at the client."""
    start = clock()
    async with trial(trial_settings(), length, parameters) as stage:
        ready = clock() - start
        idle = _memory(stage)
        runs = [await stage.fetch(PATIENCE) for _ in range(repeats)]
        return {
            "bytes": length,
            "ready_s": round(ready, 3),
            "connected_s": _median([run.connected for run in runs]),
            "first_byte_s": _median([run.first_byte for run in runs]),
            "kilobytes_per_s": _median([length / 1000 / (run.complete - run.first_byte) for run in runs]),
            "memory_idle_mb": idle,
            "memory_after_mb": _memory(stage),
        }


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def _memory(stage: Trial) -> dict[str, float | None]:
    """Resident memory of the client (this process) and of the whole embedded network, in megabytes."""
    return {"client": _resident(os.getpid()), "network": _resident(stage.session.network_pid)}


def _resident(pid: int | None) -> float | None:
    """None where the system does not say: only Linux is asked."""
    if pid is None or not sys.platform.startswith("linux"):
        return None
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) * 1024 / MEGABYTE, 1)
    return None
