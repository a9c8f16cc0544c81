"""Runs every benchmark, writes one JSON file of results and prints the ratios: `make bench`.

    python benchmarks/run_all.py [--output FILE]

About two minutes on an idle machine. A benchmark that fails is reported and makes the exit code 1; the others still
run and are written.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from nymconnect.runtime.program import own_command

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "sphinx": [sys.executable, str(HERE / "sphinx" / "bench_sphinx.py")],
    "node": [sys.executable, str(HERE / "node" / "bench_mixnode.py")],
    "end_to_end": [*own_command(), "bench"],
}
LIBRARIES = ("aiohttp", "blake3", "cryptography", "PyNaCl", "rbloom")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def run(command: list[str]) -> object:
    """The JSON that a benchmark printed, or a line that says why there is none."""
    finished = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        return f"failed with exit code {finished.returncode}"
    return json.loads(finished.stdout)


def main() -> int:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    parser = argparse.ArgumentParser(description="Run every benchmark")
    parser.add_argument("--output", type=Path, default=HERE / "results" / f"{today}.json", metavar="FILE")
    output = parser.parse_args().output
    report: dict[str, object] = {"date": today, "machine": machine()}
    for name, command in COMMANDS.items():
        print(f"running {name} …", file=sys.stderr)
        report[name] = run(command)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")
    sphinx = report["sphinx"]
    if isinstance(sphinx, dict):
        print(json.dumps({"reference": sphinx["reference"], **sphinx["ratios"]}, indent=2))
    print(f"written to {output}")
    return int(any(isinstance(report[name], str) for name in COMMANDS))


if __name__ == "__main__":
    sys.exit(main())
