"""Does the link between client and gateway show whether its user is active? Tests W1 to W6, and W7 as a figure.

``python benchmarks/privacy/wire.py [--preset NAME] [--seconds N] [--cycles N] [--guard N] [--conditions NAME ...]
[--foreign] [--label TEXT]``, as root on Linux. Five conditions take turns within each cycle, so that whatever else the
machine does hits all alike: idle, repeated 1 MB downloads, web-like bursts, a busy window in the client's own process,
another program on the client's core. The network has cores of its own where there are two, since in life no client
shares a machine with it. No core is left to sleep. A bare sender of the same rate runs beside the client all the
time: what it misses, this machine does not allow.
"""

import argparse
import asyncio
import contextlib
import itertools
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import classifier, measures, workload
from benchmarks.privacy.capture import DOWN, UP, FrameRecord, read_records
from benchmarks.privacy.control import control
from benchmarks.privacy.drawing import interval_chart
from benchmarks.privacy.report import Check, Report
from benchmarks.privacy.stage import HERE, PROGRAM, Child, LengthServer, child, divided_cores, network, target
from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import PRESETS
from nymconnect.endpoints import Endpoint

CONDITIONS = ("idle", "downloads", "pages", "busy window", "other load")
SEED = 20_260
SETTLE = 5.0
WINDOW = 1.0
NS = 1e9
MAX_KS, ENOUGH_GAPS = 0.02, 5000
NOT_PROMISED = ("nym-compatible", "fast")
FOREIGN = (str(HERE / "foreign_requester.py"),)


@dataclass(frozen=True, slots=True)
class Block:
    """What crossed the link in one direction during one phase: (seconds after its start, size), and its length."""

    frames: tuple[tuple[float, int], ...]
    length: float

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.frames]

    @property
    def gaps(self) -> list[float]:
        times = self.times
        return [after - before for before, after in itertools.pairwise(times)]

    def windows(self) -> list[classifier.Vector]:
        """Features of the whole windows."""
        return [
            classifier.features(
                [(t, size) for t, size in self.frames if number * WINDOW <= t < (number + 1) * WINDOW],
                number * WINDOW,
                (number + 1) * WINDOW,
            )
            for number in range(int(self.length / WINDOW))
        ]


# --- measuring --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """Frames of the client's link and of the control's, what went on when, and what the tap says of itself."""

    client: list[FrameRecord]
    control: list[FrameRecord]
    phases: list["Phase"]
    tap: dict[str, int]


@dataclass(frozen=True, slots=True)
class Phase:
    """One condition, from when to when (ns since the epoch), without the guard in front."""

    condition: str
    start: int
    end: int


async def observe(
    preset: str, cycles: int, seconds: float, guard: float, conditions: Sequence[str], program: Sequence[str] = PROGRAM
) -> Observed:
    """Run network (by `program`), target, client, control and taps through all phases."""
    client_cores, network_cores = divided_cores()
    os.sched_setaffinity(0, network_cores)
    with tempfile.TemporaryDirectory() as home:
        output, control_output = Path(home) / "frames", Path(home) / "control"
        async with workload.awake(client_cores | network_cores), network(program) as net, target() as served:
            tap_flags = [str(HERE / "capture.py"), f"--port={net.gateway_port}", f"--output={output}"]
            async with (
                child(tap_flags, home) as tap,
                control(nominal_rate(PRESETS[preset].traffic), home, control_output, client_cores),
            ):
                await tap.said()
                async with child([str(HERE / "watched_client.py"), *net.flags(preset)], home, client_cores) as watched:
                    host, _, port = (await watched.said())["socks"].rpartition(":")
                    await asyncio.sleep(SETTLE)
                    socks = Endpoint(host, int(port))
                    active = Active(watched, client_cores, socks, served)
                    phases = await _all_phases(active, cycles, seconds, guard, conditions)
                tap.finish()
                summary = await tap.said()
        return Observed(read_records(output), read_records(control_output), phases, summary)


@dataclass(frozen=True, slots=True)
class Active:
    """What the conditions act on: the client, its cores and SOCKS port, and the target."""

    watched: Child
    cores: set[int]
    socks: Endpoint
    served: LengthServer


async def _all_phases(
    active: Active, cycles: int, seconds: float, guard: float, conditions: Sequence[str]
) -> list[Phase]:
    phases = []
    for cycle in range(cycles):
        for condition in conditions:
            async with _condition(condition, active, cycle):
                await asyncio.sleep(guard)
                start = time.time_ns()
                await asyncio.sleep(seconds)
                phases.append(Phase(condition, start, time.time_ns()))
        print(f"cycle {cycle + 1} of {cycles}", file=sys.stderr)
    return phases


@contextlib.asynccontextmanager
async def _condition(condition: str, active: Active, cycle: int) -> AsyncIterator[None]:
    socks, port = active.socks, active.served.port
    async with contextlib.AsyncExitStack() as stack:
        match condition:
            case "downloads":
                stack.push_async_callback(_cancel, asyncio.create_task(workload.downloads(socks, port)))
            case "pages":
                rng = random.Random(SEED + cycle)
                stack.push_async_callback(_cancel, asyncio.create_task(workload.pages(socks, port, rng)))
            case "busy window":
                active.watched.tell("busy")
                stack.callback(active.watched.tell, "quiet")
            case "other load":
                await stack.enter_async_context(workload.spinning(active.cores))
        yield


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def blocks_of(records: Sequence[FrameRecord], phases: Sequence[Phase], direction: int) -> dict[str, list[Block]]:
    """For each condition its phases' frames in one direction. Up, only packets count: what is large."""
    found: dict[str, list[Block]] = {phase.condition: [] for phase in phases}
    wanted = [
        (record.time_ns, record.size)
        for record in records
        if record.direction == direction and (direction == DOWN or record.size >= classifier.LARGE_FRAME)
    ]
    for phase in phases:
        frames = tuple(((at - phase.start) / NS, size) for at, size in wanted if phase.start <= at < phase.end)
        found[phase.condition].append(Block(frames, (phase.end - phase.start) / NS))
    return found


# --- judging ----------------------------------------------------------------------------------------------------


def nominal_rate(parameters: TrafficParameters) -> float:
    """Packets per second that the parameters promise."""
    main = 1 / parameters.message_sending_average_delay if parameters.paced else 0.0
    return main + (1 / parameters.loop_cover_average_delay if parameters.loop_cover else 0.0)


def purity(blocks: Sequence[Block], rate: float) -> dict[str, Any]:
    """W1 to W4 for one condition on the uplink."""
    gaps = [gap for block in blocks for gap in block.gaps]
    times = [time for block in blocks for time in block.times]
    spans = [(block.times, 0.0, block.length) for block in blocks]
    chi_square, p = measures.pit_chi_square(gaps, rate)
    return {
        "gaps": len(gaps),
        "rate": len(times) / sum(block.length for block in blocks),
        "ks": measures.ks_exponential(gaps, rate),
        "ks_critical": 1.36 / math.sqrt(len(gaps)),
        "chi_square": chi_square,
        "chi_square_p": p,
        "dispersion": {
            f"{window:g}s": dict(zip(("ratio", "windows"), measures.dispersion(spans, window), strict=True))
            for window in (0.1, 1.0, 10.0)
        },
        "autocorrelation": [measures.autocorrelation(gaps, lag) for lag in range(1, 6)],
        "rayleigh": {f"{grid:g}Hz": measures.rayleigh(times, grid) for grid in (1000.0, 64.0)},
        "sizes": sorted({size for block in blocks for _, size in block.frames}),
    }


def comparison(idle: Sequence[Block], active: Sequence[Block]) -> dict[str, Any]:
    """W5 to W7 for one condition against idle, in one direction."""
    distance, p = measures.ks_two_sample(
        [gap for block in idle for gap in block.gaps], [gap for block in active for gap in block.gaps]
    )
    rates = [sum(len(b.frames) for b in blocks) / sum(b.length for b in blocks) for blocks in (idle, active)]
    return {
        "ks": distance,
        "ks_p": p,
        **classifier.activity_auc([b.windows() for b in idle], [b.windows() for b in active], SEED),
        "rate_idle": rates[0],
        "rate_active": rates[1],
        "bits_per_window_by_rate": measures.poisson_jsd(rates[0] * WINDOW, rates[1] * WINDOW),
        "rate_change_seen_after_s": measures.rate_change_seconds(rates[0], rates[1], 1e-4),
    }


def judge(
    preset: str,
    pure: dict[str, Any],
    allowed: dict[str, Any],
    compared: dict[str, dict[str, Any]],
    symmetric: bool,
) -> list[Check]:
    """Each requirement; those that the preset does not promise are only reported, as is the control."""
    promised = preset not in NOT_PROMISED
    checks = []
    for condition, values in pure.items():
        name = f"{condition}, uplink"
        enough = values["gaps"] >= ENOUGH_GAPS
        ks = f"D = {values['ks']:.4f} at n = {values['gaps']}"
        good = values["ks"] <= MAX_KS
        checks.append(Check(f"W1 {name}", ks, "D <= 0.02 at n >= 5000", (good and enough) if promised else None))
        p = values["chi_square_p"]
        checks.append(Check(f"W2 {name}", f"p = {p:.2g}", "p > 0.01", p > 0.01 if promised else None))
        checks.append(_dispersion_check(name, values["dispersion"], promised))
        checks.append(_grid_check(name, values, promised))
        sizes = values["sizes"]
        checks.append(Check(f"one size {name}", f"{sizes}", "one", len(sizes) == 1))
    for condition, values in allowed.items():
        shown = f"D = {values['ks']:.4f}, p = {values['chi_square_p']:.2g}"
        checks.append(Check(f"W1, W2 {condition}, control", shown, "what this machine allows", None))
    for direction, conditions in compared.items():
        counts = promised and (direction == "uplink" or (direction == "downlink" and symmetric))
        for condition, values in conditions.items():
            name = f"{condition} against idle, {direction}"
            p = values["ks_p"]
            checks.append(Check(f"W5 {name}", f"p = {p:.2g}", "p > 0.01", p > 0.01 if counts else None))
            shown = f"AUC {values['auc']:.3f} ({values['low']:.3f} to {values['high']:.3f})"
            useless = values["low"] <= 0.5  # below 0.5 is chance, too: what one cycle taught did not hold in another
            checks.append(Check(f"W6 {name}", shown, "interval reaches down to 0.5", useless if counts else None))
    return checks


def _dispersion_check(name: str, dispersion: dict[str, dict[str, float]], promised: bool) -> Check:
    shown, good = [], True
    for window, values in dispersion.items():
        if math.isnan(values["ratio"]):
            continue
        shown.append(f"{window} {values['ratio']:.2f}")
        good = good and abs(values["ratio"] - 1) <= 3 * math.sqrt(2 / values["windows"])
    return Check(f"W3 {name}", ", ".join(shown), "1 within 3 deviations", good if promised else None)


def _grid_check(name: str, values: dict[str, Any], promised: bool) -> Check:
    limit = 3 / math.sqrt(values["gaps"])
    lags, grids = values["autocorrelation"], values["rayleigh"]
    worst = max(map(abs, lags))
    shown = f"lags up to {worst:.3f}, grids " + ", ".join(f"{grid} {r:.3f}" for grid, r in grids.items())
    good = worst < limit and max(grids.values()) < limit
    return Check(f"W4 {name}", shown, f"below {limit:.3f}", good if promised else None)


def plot(preset: str, compared: dict[str, dict[str, Any]]) -> str:
    rows = [
        (f"{condition}, {direction}", values["low"], values["auc"], values["high"])
        for direction, conditions in compared.items()
        for condition, values in conditions.items()
    ]
    return interval_chart(f"{preset}: is the user active? AUC of one-second windows against idle", "AUC", rows, [0.5])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument("--seconds", type=float, default=100.0, help="of each condition, in all (default: 100)")
    parser.add_argument("--cycles", type=int, default=10, help="turns that the conditions take (default: 10)")
    parser.add_argument("--guard", type=float, default=3.0, help="seconds left out at each change (default: 3)")
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS[1:], default=CONDITIONS[1:], help="beside idle")
    parser.add_argument("--foreign", action="store_true", help="a requester that keeps no constant rate")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        raise SystemExit("wire.py captures packets: run it as root on Linux")
    seconds, conditions = flags.seconds / flags.cycles, ("idle", *flags.conditions)
    program = FOREIGN if flags.foreign else PROGRAM
    seen = asyncio.run(observe(flags.preset, flags.cycles, seconds, flags.guard, conditions, program))
    up, down, bare = (
        blocks_of(records, seen.phases, direction)
        for records, direction in ((seen.client, UP), (seen.client, DOWN), (seen.control, UP))
    )
    parameters = PRESETS[flags.preset].traffic
    hidden = parameters.needs_paced_delivery if flags.foreign else parameters.symmetric
    rate = nominal_rate(parameters)
    pure, allowed = ({name: purity(found, rate) for name, found in blocks.items()} for blocks in (up, bare))
    compared, bare_compared = (
        {
            direction: {condition: comparison(blocks["idle"], blocks[condition]) for condition in flags.conditions}
            for direction, blocks in links
        }
        for links in ((("uplink", up), ("downlink", down)), (("control", bare),))
    )
    Report(
        f"wire-{flags.preset}",
        "A1: an observer of the link between client and gateway; timing and sizes",
        {
            "preset": flags.preset,
            "rate": rate,
            "seconds": flags.seconds,
            "cycles": flags.cycles,
            "guard": flags.guard,
            "foreign requester": flags.foreign,
            "classifier": classifier.name(),
            "seed": SEED,
        },
        {"tap": seen.tap, "uplink": pure, "control": allowed, "against_idle": compared | bare_compared},
        tuple(judge(flags.preset, pure, allowed, compared | bare_compared, symmetric=hidden)),
    ).save(flags.label, plot(flags.preset, compared | bare_compared))


if __name__ == "__main__":
    main()
