"""G11: how soon do our own loops tell that somebody drops packets, and who; how often do they cry wolf?

``python benchmarks/privacy/loops.py [--repeats N] [--hours N] [--label TEXT]``. The client's `LoopMonitor` in virtual
time; only the network around it is modelled: each loop takes a random mix of each layer and exponential delays, and
is lost by chance or by a node that drops. What is timed begins with the dropping and includes the time-out of a loop.
"""

import argparse
import heapq
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy import measures
from benchmarks.privacy.drawing import interval_chart
from benchmarks.privacy.report import Check, Report
from nymconnect.client.loops import LoopMonitor
from nymconnect.client.parameters import TrafficParameters
from nymconnect.packet.addressing import NodeAddress

SEED = 11
HONEST_BEFORE = 120.0
LOOP_STREAM, ALL_COVER = 5.0, 55.0
BASE_LOSS = 0.01
GIVE_UP = 3600.0
LIMIT_LOOPS, LIMIT_COVER, LIMIT_NAME = 15.0, 2.0, 600.0
PARAMETERS = TrafficParameters()

Path_ = tuple[NodeAddress, ...]


class Model:
    """A network of three layers, loops sent through it at a Poisson rate, and the monitor that sees them return."""

    def __init__(self, rate: float, width: int, base_loss: float, rng: random.Random) -> None:
        self.now = 0.0
        self.monitor = LoopMonitor()
        self.layers = tuple(
            tuple(NodeAddress(f"10.0.{layer}.{number + 1}", 1789) for number in range(width)) for layer in range(3)
        )
        self.drop: Callable[[Path_], float] = lambda _: 0.0
        self.alarms = 0
        self._rate, self._base_loss, self._rng = rate, base_loss, rng
        self._next = rng.expovariate(rate)
        self._returns: list[tuple[float, bytes]] = []
        self._serial = 0

    def run_until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Seconds until `condition` holds after some event; None if it does not within `seconds`."""
        start, end = self.now, self.now + seconds
        while self.now < end:
            self._step()
            if condition():
                return self.now - start
        return None

    def _step(self) -> None:
        due = [self._next, self.monitor.deadline or self._next]
        if self._returns:
            due.append(self._returns[0][0])
        self.now = min(due)
        while self._returns and self._returns[0][0] <= self.now:
            self.monitor.back(heapq.heappop(self._returns)[1], self.now)
        if self._next <= self.now:
            self._send()
        if self.monitor.wake(self.now) and self.monitor.dropping:
            self.alarms += 1

    def _send(self) -> None:
        rng = self._rng
        self._next += rng.expovariate(self._rate)
        self._serial += 1
        selector = self._serial.to_bytes(32, "big")
        path = tuple(rng.choice(layer) for layer in self.layers)
        expected = sum(rng.expovariate(1 / PARAMETERS.average_packet_delay) for _ in path)
        self.monitor.start(selector, path, expected, self.now)
        if rng.random() >= self._base_loss and rng.random() >= self.drop(path):
            heapq.heappush(self._returns, (self.now + expected, selector))


# --- questions --------------------------------------------------------------------------------------------------


def detection(rate: float, share: float, repeats: int) -> list[float | None]:
    """Seconds from the begin of `share` dropping on all paths to the alarm."""
    found = []
    for repeat in range(repeats):
        model = Model(rate, 2, BASE_LOSS, random.Random(SEED + repeat))
        model.run_until(lambda: False, HONEST_BEFORE)
        model.drop = lambda _: share
        monitor = model.monitor
        found.append(model.run_until(lambda monitor=monitor: monitor.dropping, GIVE_UP))  # type: ignore[misc]
    return found


def false_alarms(rate: float, base_loss: float, hours: float) -> int:
    """Alarms of an honest network."""
    model = Model(rate, 2, base_loss, random.Random(SEED))
    model.run_until(lambda: False, hours * 3600)
    return model.alarms


@dataclass(frozen=True, slots=True)
class Naming:
    """One node of a layer of `width` drops `share` of what it gets."""

    width: int
    share: float
    rate: float

    def run(self, repeats: int) -> dict[str, list[float | None] | int]:
        """Seconds to the alarm and to the right name, and how often an innocent node was named beside or before."""
        alarms: list[float | None] = []
        names: list[float | None] = []
        wrong = 0
        for repeat in range(repeats):
            model = Model(self.rate, self.width, BASE_LOSS, random.Random(SEED + repeat))
            model.run_until(lambda: False, HONEST_BEFORE)
            bad = model.layers[1][0]
            share = self.share
            model.drop = lambda path, bad=bad, share=share: share if bad in path else 0.0  # type: ignore[misc]
            alarm, name, innocent = self._follow(model, bad)
            alarms.append(alarm)
            names.append(name)
            wrong += innocent
        return {"alarm_s": alarms, "named_s": names, "runs_with_an_innocent_named": wrong}

    @staticmethod
    def _follow(model: Model, bad: NodeAddress) -> tuple[float | None, float | None, bool]:
        start, alarm, innocent = model.now, None, False
        while (elapsed := model.now - start) < GIVE_UP / 2:
            second = model.now + 1.0
            model.run_until(lambda second=second: model.now >= second, 2.0)  # type: ignore[misc]
            if model.monitor.dropping and alarm is None:
                alarm = model.now - start
            suspects = model.monitor.suspects(model.layers)
            innocent = innocent or bool(suspects - {bad})
            if bad in suspects and alarm is not None:
                return alarm, elapsed, innocent
        return alarm, None, innocent


def summary(values: list[float | None]) -> dict[str, Any]:
    """Median, interval of the middle 90 %, and how many never came."""
    found = [value for value in values if value is not None]
    if not found:
        return {"runs": len(values), "never": len(values)}
    return {
        "runs": len(values),
        "never": len(values) - len(found),
        "median": measures.quantile(found, 0.5),
        "p5": measures.quantile(found, 0.05),
        "p95": measures.quantile(found, 0.95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--hours", type=float, default=10.0, help="of honest network, at 55 loops a second")
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    detected = {
        f"{share:.0%} dropped, {rate:g} loops/s": summary(detection(rate, share, flags.repeats))
        for rate in (LOOP_STREAM, ALL_COVER)
        for share in (0.1, 0.5)
    }
    honest = {
        f"{base_loss:.1%} loss, {rate:g} loops/s": {"hours": hours, "alarms": false_alarms(rate, base_loss, hours)}
        for rate, hours in ((LOOP_STREAM, flags.hours * 5), (ALL_COVER, flags.hours))
        for base_loss in (0.001, BASE_LOSS, 0.03)
    }
    named = {}
    for case in (Naming(2, 0.1, 55), Naming(2, 0.2, 55), Naming(2, 0.2, 5), Naming(2, 0.5, 5), Naming(20, 1.0, 55)):
        outcome = case.run(max(flags.repeats // 4, 5))
        named[f"1 of {case.width} mixes drops {case.share:.0%}, {case.rate:g} loops/s"] = {
            "alarm": summary(outcome["alarm_s"]),  # type: ignore[arg-type]
            "named": summary(outcome["named_s"]),  # type: ignore[arg-type]
            "runs_with_an_innocent_named": outcome["runs_with_an_innocent_named"],
        }
    Report(
        "loops",
        "A7: a mix or a link that drops packets",
        {"base_loss": BASE_LOSS, "repeats": flags.repeats, "honest_before_s": HONEST_BEFORE, "seed": SEED},
        {"detection": detected, "honest": honest, "naming": named},
        tuple(_checks(detected, honest, named)),
    ).save(flags.label, _plot(detected, named))


def _checks(detected: dict[str, Any], honest: dict[str, Any], named: dict[str, Any]) -> list[Check]:
    checks = []
    for name, values in detected.items():
        limit = LIMIT_COVER if "55" in name else LIMIT_LOOPS
        median = values.get("median", float("inf"))
        shown = f"median {median:.1f} s, 95 % within {values.get('p95', float('inf')):.1f} s, never {values['never']}"
        checks.append(Check(f"G11 {name}", shown, f"median <= {limit:g} s", median <= limit and not values["never"]))
    for name, values in honest.items():
        shown = f"{values['alarms']} alarms in {values['hours']:g} h"
        checks.append(Check(f"honest, {name}", shown, "none", values["alarms"] == 0))
    for name, values in named.items():
        median = values["named"].get("median", float("inf"))
        shown = f"named after {median:.0f} s (median), never in {values['named']['never']} of {values['named']['runs']}"
        within = median <= LIMIT_NAME and not values["named"]["never"]
        checks.append(Check(f"naming, {name}", shown, f"median <= {LIMIT_NAME:g} s", within))
    return checks


def _plot(detected: dict[str, Any], named: dict[str, Any]) -> str:
    groups = {**detected, **{f"named: {name}": values["named"] for name, values in named.items()}}
    rows = [(name, v["p5"], v["median"], v["p95"]) for name, v in groups.items() if "median" in v]
    return interval_chart("Dropping at 1 % base loss: seconds until known (90 % of runs)", "s", rows)


if __name__ == "__main__":
    main()
