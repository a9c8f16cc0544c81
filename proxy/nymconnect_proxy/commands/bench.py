"""``nymconnect bench``: a mixer's speed, and throughput, latency and memory of a whole session, as JSON.

All on one machine, so the network's nodes, the requester and the client share its cores: compare ratios between runs
of one machine, not figures between machines. Medians over the repeats. `benchmarks/README.md` explains each figure.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from nymconnect import __version__
from nymconnect.client.parameters import TrafficParameters
from nymconnect.crypto import X25519Secret
from nymconnect.node.keys import SphinxKeys
from nymconnect.node.mixer import Mixer, MixerCount
from nymconnect.node.replay import ReplayFilter
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import Frame
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import Hop, Route
from nymconnect.packet.sphinx import build_packet
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect_proxy.diagnostics.fetch_through import Fetched
from nymconnect_proxy.diagnostics.selftest_network import Trial, trial, trial_settings

MEGABYTE = 1_000_000
PATIENCE = 600.0
# Nothing is drawn here: what takes time is work, not waiting.
BARE = TrafficParameters(average_packet_delay=0.0, average_ack_delay=0.0, paced=False, loop_cover=False)
MIXER_PACKETS = 500
MIXER_ROUNDS = 7
# A first byte takes two round trips, of the Connect and of the request, over three delaying mixes each way.
_DELAYS_TO_FIRST_BYTE = 2 * 2 * 3


async def run(flags: argparse.Namespace) -> int:
    """Print one JSON object."""
    report = {
        "version": __version__,
        "cores": os.cpu_count(),
        "megabytes": flags.megabytes,
        "repeats": flags.repeats,
        "mixer_packets_per_s_on_one_core": _mixer_rate(),
        "bare": await _measure(BARE, flags.megabytes * MEGABYTE, flags.repeats),
        "nym_compatible": await _measure(TrafficParameters(), MEGABYTE, flags.repeats),
    }
    print(json.dumps(report, indent=2))
    return 0


# --- one mixer --------------------------------------------------------------------------------------------------


def _mixer_rate() -> int:
    """Regular packets per second of CPU time: unwrap, replay check, heap; no sockets."""
    here, there = X25519Secret.generate(SYSTEM_RNG), X25519Secret.generate(SYSTEM_RNG)
    address = NodeAddress("127.0.0.1", 1789)
    route = Route((Hop(address, here.public), Hop(address, there.public)), (0, 0))
    packets = (build_packet(route, there.public, b"", PacketSize.REGULAR, SYSTEM_RNG) for _ in range(MIXER_PACKETS))
    frames = [Frame.of(packet) for packet in packets]
    return round(statistics.median(_mix(frames, here) for _ in range(MIXER_ROUNDS)))


def _mix(frames: list[Frame], secret: X25519Secret) -> float:
    mixer = Mixer(
        SphinxKeys(secret, 1), ReplayFilter(), SYSTEM_RNG, forwards=True, delivers=False, may_send_to=lambda _: True
    )
    start = time.process_time()
    for now, frame in enumerate(frames):
        mixer.feed(frame, now)
        mixer.wake(now)
    elapsed = time.process_time() - start
    return mixer.counters[MixerCount.FORWARDED] / elapsed


# --- a whole session --------------------------------------------------------------------------------------------


async def _measure(parameters: TrafficParameters, length: int, repeats: int) -> dict[str, object]:
    """Connect, download `repeats` times and look at time and memory, with these traffic parameters at the client."""
    start = clock()
    async with trial(trial_settings(), length, parameters) as stage:
        ready = clock() - start
        idle, busy = _memory(stage), _cpu_seconds(stage)
        runs = [await stage.fetch(PATIENCE) for _ in range(repeats)]
        megabytes = repeats * length / MEGABYTE
        spent = {name: _per(after, busy[name], megabytes) for name, after in _cpu_seconds(stage).items()}
        mean_delays = _DELAYS_TO_FIRST_BYTE * parameters.average_packet_delay
        first_byte = _median([run.first_byte for run in runs])
        return {
            "bytes": length,
            "ready_s": round(ready, 3),
            "connected_s": _median([run.connected for run in runs]),
            "first_byte_s": first_byte,
            "mean_drawn_delays_s": round(mean_delays, 3),  # exact, namely none, with delays off
            "first_byte_minus_delays_s": round(first_byte - mean_delays, 3),
            "kilobytes_per_s": _median([_goodput(run) for run in runs]),
            "cpu_s_per_megabyte": spent,
            "memory_idle_mb": idle,
            "memory_after_mb": _memory(stage),
        }


def _goodput(run: Fetched) -> float:
    return len(run.body) / 1000 / (run.complete - run.first_byte)


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def _per(after: float | None, before: float | None, megabytes: float) -> float | None:
    return None if after is None or before is None else round((after - before) / megabytes, 3)


def _memory(stage: Trial) -> dict[str, float | None]:
    """Resident memory of the client (this process, which also holds the file) and of the whole network, in MB."""
    return {"client": _resident(os.getpid()), "network": _resident(stage.session.network_pid)}


def _cpu_seconds(stage: Trial) -> dict[str, float | None]:
    """CPU time so far of the client and of the whole network."""
    return {"client": time.process_time(), "network": _cpu_of(stage.session.network_pid)}


def _resident(pid: int | None) -> float | None:
    """None where the system does not say: only Linux is asked."""
    if pid is None or not sys.platform.startswith("linux"):
        return None
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) * 1024 / MEGABYTE, 1)
    return None


def _cpu_of(pid: int | None) -> float | None:
    if pid is None or not sys.platform.startswith("linux"):
        return None
    # Behind the name in parentheses, which may hold spaces: the state is field 3, user and system time 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
