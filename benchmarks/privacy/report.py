"""What every benchmark of this folder writes: one JSON file and one plot in `benchmarks/results/privacy/`."""

import json
import math
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nymconnect import __version__

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results" / "privacy"


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement: what was measured, what it has to be, and whether it is. `met` None means only reported."""

    name: str
    measured: str
    required: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run; `adversary` says who could measure the same."""

    benchmark: str
    adversary: str
    parameters: dict[str, Any]
    results: dict[str, Any]
    checks: tuple[Check, ...]

    def save(self, label: str = "", plot: str | None = None) -> Path:
        """Write the files and print the checks."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{self.benchmark}{'-' + label if label else ''}.json"
        self.write(path, label)
        if plot is not None:
            path.with_suffix(".svg").write_text(plot, encoding="utf-8")
        self._print(path)
        return path

    def write(self, path: Path, label: str = "") -> None:
        """The JSON file alone, replaced as a whole."""
        document = {
            "benchmark": self.benchmark,
            "label": label,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": __version__,
            "revision": revision(),
            "machine": machine(),
            "adversary": self.adversary,
            "parameters": self.parameters,
            "results": self.results,
            "checks": [
                {"name": check.name, "measured": check.measured, "required": check.required, "met": check.met}
                for check in self.checks
            ],
        }
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(_rounded(document), indent=1) + "\n", encoding="utf-8")
        beside.replace(path)

    def _print(self, path: Path) -> None:
        for check in self.checks:
            verdict = {True: "ok    ", False: "NOT MET", None: "      "}[check.met]
            print(f"{verdict} {check.name}: {check.measured} (required: {check.required})")
        print(f"written: {path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path}", flush=True)


def revision() -> str:
    """Abbreviated commit of the checkout, with a mark if the product in it was changed; empty outside of one."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        product = ["nymconnect", "proxy"]
        changed = subprocess.run([*git, "status", "--porcelain", *product], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+changes" if changed.stdout.strip() else "")


def machine() -> dict[str, Any]:
    """What the figures depend on, without names."""
    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    if hasattr(os, "getloadavg"):
        facts["load_average"] = [round(load, 2) for load in os.getloadavg()]
    return facts


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _rounded(value: Any) -> Any:
    """Five significant digits, and null for what JSON cannot say."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
