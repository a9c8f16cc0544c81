"""G11: how soon do our own loops tell that somebody drops packets, and who; how often do they cry wolf?

``python benchmarks/privacy/loops.py [--repeats N] [--hours N] [--seed N] [--label TEXT]``. The client's `LoopMonitor`
in virtual time; only the network around it is modelled: each loop takes a random mix of each layer, exponential delays
and lognormal ones of the links, stands still with mixes that do so now and then, and is lost by chance or by a node
that drops. What is timed begins with the dropping and includes the wait for a loop.

An honest network may raise as many alarms as the mark's α allows for each of Wald's tests. They are rare, so besides
the hours of honest network the test alone is run over losses drawn for years.
"""

import argparse
import heapq
import math
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
from nymconnect.client.monitor.drop_detection import MAXIMUM_BASE_LOSS, MINIMUM_BASE_LOSS, log_ratios, threshold
from nymconnect.client.monitor.loop_monitor import LoopMonitor
from nymconnect.client.parameters import TrafficParameters
from nymconnect.packet.addressing import NodeAddress

SEED = 11
HONEST_BEFORE = 120.0
LOOP_STREAM, ALL_COVER = 5.0, 55.0
BASE_LOSS = 0.01
GIVE_UP = 3600.0
LIMIT_LOOPS, LIMIT_COVER, LIMIT_NAME = 15.0, 2.0, 600.0
ALPHA, TEST_LENGTH = 1e-4, 54  # the chance that the mark allows one of Wald's tests, and how many loops that takes
PARAMETERS = TrafficParameters()
# Of one link in seconds: the median, and how widely its logarithm varies. So one loop in a hundred takes 0.1 s more.
LINK_MEDIAN, LINK_SIGMA = 0.010, 1.0
# Each mix pauses now and then, for this mean time; packets that came meanwhile leave when it continues.
STALL_GAP, STALL_MEAN = 600.0, 0.3
DAY = 86400.0

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
        self._stalls: dict[NodeAddress, tuple[float, float]] = {}

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
        delays = [rng.expovariate(1 / PARAMETERS.average_packet_delay) for _ in path]
        self.monitor.start(selector, path, sum(delays), self.now)
        if rng.random() >= self._base_loss and rng.random() >= self.drop(path):
            at = self.now
            for node, delay in zip(path, delays, strict=True):
                at = self._leaves(node, at + self._link()) + delay
            heapq.heappush(self._returns, (at + self._link(), selector))

    def _link(self) -> float:
        return LINK_MEDIAN * self._rng.lognormvariate(0, LINK_SIGMA)

    def _leaves(self, node: NodeAddress, at: float) -> float:
        """When a packet that has come at `at` is taken up."""
        begin, end = self._stalls.get(node, (0.0, 0.0))
        if self.now > end + STALL_MEAN:
            begin = self.now + self._rng.expovariate(1 / STALL_GAP)
            end = begin + self._rng.expovariate(1 / STALL_MEAN)
            self._stalls[node] = begin, end
        return end if begin <= at < end else at


# --- questions --------------------------------------------------------------------------------------------------


def detection(rate: float, share: float, repeats: int, seed: int) -> list[float | None]:
    """Seconds from the begin of `share` dropping on all paths to the alarm."""
    found = []
    for repeat in range(repeats):
        model = Model(rate, 2, BASE_LOSS, random.Random(seed + repeat))
        model.run_until(lambda: False, HONEST_BEFORE)
        model.drop = lambda _: share
        monitor = model.monitor
        found.append(model.run_until(lambda monitor=monitor: monitor.dropping, GIVE_UP))  # type: ignore[misc]
    return found


def false_alarms(rate: float, base_loss: float, hours: float, seed: int) -> int:
    """Alarms of an honest network."""
    model = Model(rate, 2, base_loss, random.Random(seed))
    model.run_until(lambda: False, hours * 3600)
    return model.alarms


def rarity(rate: float, base_loss: float, alarms: int, seed: int) -> dict[str, float]:
    """How rare false alarms are."""
    loops = loops_between_false_alarms(rate, base_loss, alarms, seed)
    return {"days": loops / rate / DAY, "alpha": TEST_LENGTH / loops}


def loops_between_false_alarms(rate: float, base_loss: float, alarms: int, seed: int) -> float:
    """Of the cumulative sum alone, at a known base loss; ends after `alarms` of them or a year."""
    rng, loops, rung, total = random.Random(seed), 0, 0, 0.0
    assumed = min(max(base_loss, MINIMUM_BASE_LOSS), MAXIMUM_BASE_LOSS)
    (lost, returned), limit = log_ratios(assumed), threshold(assumed, rate)
    while rung < alarms and loops < 365 * DAY * rate:
        returns = int(math.log(1 - rng.random()) / math.log(1 - base_loss))
        loops += returns + 1
        total = max(0.0, total + returns * returned) + lost
        if total >= limit:
            rung, total = rung + 1, 0.0
    return loops / max(rung, 1)


@dataclass(frozen=True, slots=True)
class Naming:
    """One node of a layer of `width` drops `share` of what it gets."""

    width: int
    share: float
    rate: float

    def run(self, repeats: int, seed: int = SEED) -> dict[str, list[float | None] | int]:
        """Seconds to the alarm and to the right name, and how often an innocent node was named beside or before."""
        alarms: list[float | None] = []
        names: list[float | None] = []
        wrong = 0
        for repeat in range(repeats):
            model = Model(self.rate, self.width, BASE_LOSS, random.Random(seed + repeat))
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
            suspects = model.monitor.suspects
            innocent = innocent or bool(suspects - {bad})
            if bad in suspects and alarm is not None:
                return alarm, elapsed, innocent
        return alarm, None, innocent


NAMINGS = (
    Naming(2, 0.1, ALL_COVER),
    Naming(2, 0.1, LOOP_STREAM),
    Naming(2, 0.2, ALL_COVER),
    Naming(2, 0.2, LOOP_STREAM),
    Naming(2, 0.5, LOOP_STREAM),
    Naming(20, 0.2, ALL_COVER),
    Naming(20, 1.0, ALL_COVER),
)


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
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--hours", type=float, default=10.0, help="of honest network, at 55 loops a second")
    parser.add_argument("--false-alarms", type=int, default=10, help="to wait for when measuring how rare they are")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--label", default="")
    flags = parser.parse_args()
    detected = {
        f"{share:.0%} dropped, {rate:g} loops/s": {
            "rate": rate,
            **summary(detection(rate, share, flags.repeats, flags.seed)),
        }
        for rate in (LOOP_STREAM, ALL_COVER)
        for share in (0.1, 0.5)
    }
    honest = {
        f"{base_loss:.1%} loss, {rate:g} loops/s": {
            "rate": rate,
            "hours": hours,
            "alarms": false_alarms(rate, base_loss, hours, flags.seed),
        }
        for rate, hours in ((LOOP_STREAM, flags.hours * 5), (ALL_COVER, flags.hours))
        for base_loss in (0.001, BASE_LOSS, 0.03)
    }
    between = {
        f"{base_loss:.1%} loss, {rate:g} loops/s": rarity(rate, base_loss, flags.false_alarms, flags.seed)
        for rate in (LOOP_STREAM, ALL_COVER)
        for base_loss in (BASE_LOSS, 0.03)
    }
    named = {}
    for case in NAMINGS:
        outcome = case.run(max(flags.repeats // 10, 5), flags.seed)
        named[f"1 of {case.width} mixes drops {case.share:.0%}, {case.rate:g} loops/s"] = {
            "alarm": summary(outcome["alarm_s"]),  # type: ignore[arg-type]
            "named": summary(outcome["named_s"]),  # type: ignore[arg-type]
            "runs_with_an_innocent_named": outcome["runs_with_an_innocent_named"],
        }
    Report(
        "loops",
        "A7: a mix or a link that drops packets",
        {"base_loss": BASE_LOSS, "repeats": flags.repeats, "honest_before_s": HONEST_BEFORE, "seed": flags.seed},
        {"detection": detected, "honest": honest, "false_alarms": between, "naming": named},
        tuple(_checks(detected, honest, between, named)),
    ).save(flags.label, _plot(detected, named))


def _checks(
    detected: dict[str, Any], honest: dict[str, Any], between: dict[str, dict[str, float]], named: dict[str, Any]
) -> list[Check]:
    checks = []
    for name, values in detected.items():
        limit = LIMIT_COVER if values["rate"] == ALL_COVER else LIMIT_LOOPS
        median = values.get("median", float("inf"))
        shown = f"median {median:.1f} s, 95 % within {values.get('p95', float('inf')):.1f} s, never {values['never']}"
        checks.append(Check(f"G11 {name}", shown, f"median <= {limit:g} s", median <= limit and not values["never"]))
    for name, values in honest.items():
        shown = f"{values['alarms']} alarms in {values['hours']:g} h"
        allowed = values["hours"] * 3600 * values["rate"] / TEST_LENGTH * ALPHA
        checks.append(Check(f"honest, {name}", shown, f"<= {allowed:.1f}", values["alarms"] <= allowed))
    for name, values in between.items():
        shown = f"one in {values['days']:.1f} days: {values['alpha']:.1e} for each {TEST_LENGTH} loops"
        checks.append(Check(f"false alarms, {name}", shown, f"<= {ALPHA:g}", values["alpha"] <= ALPHA))
    for name, values in named.items():
        median = values["named"].get("median", float("inf"))
        shown = (
            f"named after {median:.0f} s (median), never in {values['named']['never']} of {values['named']['runs']}, "
            f"an innocent one in {values['runs_with_an_innocent_named']}"
        )
        within = median <= LIMIT_NAME and not values["named"]["never"] and not values["runs_with_an_innocent_named"]
        checks.append(Check(f"naming, {name}", shown, f"median <= {LIMIT_NAME:g} s", within))
    return checks


def _plot(detected: dict[str, Any], named: dict[str, Any]) -> str:
    groups = {**detected, **{f"named: {name}": values["named"] for name, values in named.items()}}
    rows = [(name, v["p5"], v["median"], v["p95"]) for name, v in groups.items() if "median" in v]
    return interval_chart("Dropping at 1 % base loss: seconds until known (90 % of runs)", "s", rows)


if __name__ == "__main__":
    main()
