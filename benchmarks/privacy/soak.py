"""Does an idle client grow? Memory over minutes or hours, and the slope of it with its interval.

``python benchmarks/privacy/soak.py [--preset NAME] [--minutes N] [--label TEXT]``. Linux only (/proc). The first fifth
is warm-up. Growth is judged for the client with its pacer; the embedded network's memory is reported beside it.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import measures, stage
from benchmarks.privacy.drawing import line_chart
from benchmarks.privacy.report import Check, Report
from nymconnect.client.presets import PRESETS
from nymconnect.runtime import clock

WARM_UP = 0.2
SAMPLES = 240
MAX_GROWTH = 0.5  # MB an hour
JUDGED_FROM = 10.0  # minutes; a shorter run sees little but its own start

Course = list[tuple[float, float]]


async def watch(preset: str, seconds: float) -> dict[str, Course]:
    """Resident megabytes over time, for the client's processes together and for the network's."""
    courses: dict[str, Course] = {"client": [], "network": []}
    async with stage.network() as net, stage.client(net, preset) as client:
        start = clock()
        step = max(seconds / SAMPLES, 0.5)
        while (elapsed := clock() - start) < seconds:
            for name, pid in (("client", client.process.pid), ("network", net.pid)):
                total = sum(stage.memory(member)["rss"] for member in stage.family(pid))
                courses[name].append((elapsed, total))
            await asyncio.sleep(step)
    return courses


def growth(course: Course) -> dict[str, Any]:
    """Megabytes at begin and end, and the slope in MB an hour after the warm-up."""
    late = [(at / 3600, size) for at, size in course if at >= WARM_UP * course[-1][0]]
    line = measures.slope(late)
    return {
        "first_mb": course[0][1],
        "last_mb": course[-1][1],
        "largest_mb": max(size for _, size in course),
        "slope_mb_per_hour": line.rise,
        "slope_half_width": line.half_width,
        "samples": len(late),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument("--minutes", type=float, default=10.0, help="(default: 10)")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    courses = asyncio.run(watch(flags.preset, flags.minutes * 60))
    grown = {name: growth(course) for name, course in courses.items()}
    checks = []
    for name, values in grown.items():
        rise, width = values["slope_mb_per_hour"], values["slope_half_width"]
        shown = f"{rise:+.2f} MB/h ± {width:.2f}, from {values['first_mb']:.1f} to {values['last_mb']:.1f} MB"
        met = rise - width <= 0 or rise <= MAX_GROWTH
        required = f"interval contains 0, or <= {MAX_GROWTH} MB/h" if name == "client" else "reported"
        judged = name == "client" and flags.minutes >= JUDGED_FROM
        checks.append(Check(f"growth of the {name}", shown, required, met if judged else None))
    chart = line_chart(
        f"{flags.preset}: memory of an idle client",
        "minutes",
        "MB resident",
        [(name, [(at / 60, size) for at, size in course]) for name, course in courses.items()],
    )
    parameters = {"preset": flags.preset, "minutes": flags.minutes}
    Report(f"soak-{flags.preset}", "none: a question of cost", parameters, grown, tuple(checks)).save(
        flags.label, chart
    )


if __name__ == "__main__":
    main()
