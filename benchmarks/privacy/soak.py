"""Does an idle client grow? Memory and objects over minutes or hours, and the slope of them with its interval.

``python benchmarks/privacy/soak.py [--preset NAME] [--minutes N] [--label TEXT] [--output FILE]``. Linux only (/proc).
Watched are the client, its pacer and the embedded network, each a process of its own: resident memory of all three,
and for those that hold tables the census of `counted`. The first quarter is warm-up. Growth is judged for client and
pacer; the network's is reported beside it. The JSON file is brought up to date with every sample, so that a run that is
cut short, or still runs, can be read.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import measures, stage
from benchmarks.privacy.drawing import line_chart
from benchmarks.privacy.report import RESULTS, Check, Report
from nymconnect.client.presets import AUTOMATIC, PRESETS, chosen
from nymconnect.runtime.clock import clock

WARM_UP = 0.25
SAMPLES = 240
CENSUS_EVERY = 10  # samples; it makes its process collect garbage, which should stay what the process itself does
MAX_GROWTH = 0.5  # MB an hour
JUDGED_FROM = 10.0  # minutes; a shorter run sees little but its own start
CENSUS_LOOK, CENSUS_LOOKS = 0.05, 200  # seconds between looks for one, and how many

Course = list[tuple[float, float]]
JUDGED = ("client", "pacer")


@dataclass(slots=True)
class Watch:
    """What has been seen so far, against seconds since the start: megabytes by process, and each census."""

    memory: dict[str, Course] = field(default_factory=dict)
    censuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pacers: set[int] = field(default_factory=set)

    def note(self, name: str, at: float, megabytes: float) -> None:
        self.memory.setdefault(name, []).append((at, megabytes))


class Watched:
    """The processes and where they leave their censuses."""

    def __init__(self, net: stage.Network, client: stage.Client, folder: Path) -> None:
        self._pids = {"client": client.process.pid, "network": net.pid}
        self._folder = folder

    def sample(self, watch: Watch, at: float) -> None:
        """Resident memory of each; SystemExit if one has ended."""
        for name, pid in self._pids.items():
            try:
                watch.note(name, at, stage.memory(pid)["rss"])
            except (OSError, KeyError) as error:
                raise SystemExit(f"the {name} has ended") from error
        with contextlib.suppress(OSError, KeyError):  # it may just be replaced: then the next sample has the new one
            pacer = next((pid for pid in stage.family(self._pids["client"]) if stage.is_pacer(pid)), None)
            if pacer is not None:
                watch.note("pacer", at, stage.memory(pacer)["rss"])
                watch.pacers.add(pacer)

    async def census(self, watch: Watch, at: float) -> None:
        """Ask both for a census; one that does not come in time is left out."""
        for name, pid in self._pids.items():
            path = census_path(self._folder, name)
            path.unlink(missing_ok=True)
            os.kill(pid, signal.SIGUSR1)
            for _ in range(CENSUS_LOOKS):
                await asyncio.sleep(CENSUS_LOOK)
                if path.exists():
                    watch.censuses.setdefault(name, []).append({"at": at, **json.loads(path.read_text())})
                    break


def census_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


@contextlib.asynccontextmanager
async def watched(preset: str) -> AsyncIterator[Watched]:
    """Network and client, both counted."""

    def program(name: str) -> list[str]:
        return [str(stage.HERE / "counted.py"), str(census_path(folder, name)), "nymconnect_proxy"]

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with stage.network(program("network")) as net, stage.client(net, preset, program("client")) as client:
            yield Watched(net, client, folder)


async def run(preset: str, minutes: float, label: str, path: Path) -> Watch:
    """Watch for so long, with the report so far at `path`."""
    watch, seconds = Watch(), minutes * 60
    async with watched(preset) as processes:
        start = clock()
        step, number = max(seconds / SAMPLES, 0.5), 0
        while (elapsed := clock() - start) < seconds:
            if number % CENSUS_EVERY == 0:
                await processes.census(watch, elapsed)
            processes.sample(watch, elapsed)
            await asyncio.to_thread(report(watch, preset, minutes).write, path, label)
            number += 1
            await asyncio.sleep(max(start + number * step - clock(), 0.0))
        await processes.census(watch, seconds)
    return watch


# --- judgement ------------------------------------------------------------------------------------------------------


def growth(course: Course) -> dict[str, Any]:
    """Begin, end, and the slope an hour after the warm-up, in the unit of the course; no slope of fewer than four."""
    late = [(at / 3600, size) for at, size in course if at >= WARM_UP * course[-1][0]]
    line = measures.slope(late) if len(late) >= 4 else None
    return {
        "first": course[0][1],
        "last": course[-1][1],
        "largest": max(size for _, size in course),
        "slope_per_hour": line.rise if line else None,
        "slope_half_width": line.half_width if line else None,
        "samples": len(late),
    }


def report(watch: Watch, preset: str, minutes: float) -> Report:
    """Everything seen so far, judged."""
    grown = {name: growth(course) for name, course in watch.memory.items()}
    counted = {
        f"{name}_{figure}": growth([(census["at"], float(census[figure])) for census in censuses])
        for name, censuses in watch.censuses.items()
        for figure in ("blocks", "objects", "entries")
    }
    checks = [_check(name, values, minutes) for name, values in grown.items()]
    checks += [_reported(name, values) for name, values in counted.items()]
    results = {
        "megabytes": grown,
        "counts": counted,
        "pacers": len(watch.pacers),
        "seconds": max((course[-1][0] for course in watch.memory.values()), default=0.0),
        "course": watch.memory,
        "censuses": watch.censuses,
    }
    parameters = {"preset": preset, "minutes": minutes}
    return Report(f"soak-{preset}", "none: a question of cost", parameters, results, tuple(checks))


def _check(name: str, values: dict[str, Any], minutes: float) -> Check:
    rise, width = values["slope_per_hour"], values["slope_half_width"]
    required = f"interval contains 0, or <= {MAX_GROWTH} MB/h" if name in JUDGED else "reported"
    if rise is None:
        return Check(f"growth of the {name}", "too few samples yet", required, None)
    shown = f"{rise:+.2f} MB/h ± {width:.2f}, from {values['first']:.1f} to {values['last']:.1f} MB"
    met = rise - width <= 0 or rise <= MAX_GROWTH
    return Check(f"growth of the {name}", shown, required, met if name in JUDGED and minutes >= JUDGED_FROM else None)


def _reported(name: str, values: dict[str, Any]) -> Check:
    rise, width = values["slope_per_hour"], values["slope_half_width"]
    shown = f"from {values['first']:.0f} to {values['last']:.0f}"
    if rise is not None:
        shown = f"{rise:+.0f} an hour ± {width:.0f}, {shown}"
    return Check(f"{name.replace('_', ', ')}", shown, "reported", None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default=chosen(AUTOMATIC, own_network=True).name)
    parser.add_argument("--minutes", type=float, default=10.0, help="(default: 10)")
    parser.add_argument("--label", default="")
    parser.add_argument("--output", type=Path, help="where the JSON grows (default: where the result will be)")
    flags = parser.parse_args()
    label = f"-{flags.label}" if flags.label else ""
    path = flags.output or RESULTS / f"soak-{flags.preset}{label}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    watch = asyncio.run(run(flags.preset, flags.minutes, flags.label, path))
    outcome = report(watch, flags.preset, flags.minutes)
    chart = line_chart(
        f"{flags.preset}: memory of an idle client",
        "minutes",
        "MB resident",
        [(name, [(at / 60, size) for at, size in course]) for name, course in watch.memory.items()],
    )
    outcome.write(path, flags.label)
    outcome.save(flags.label, chart)


if __name__ == "__main__":
    main()
