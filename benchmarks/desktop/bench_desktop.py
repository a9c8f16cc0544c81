"""What the desktop program costs: start, connect, idle, memory, and whether its event loop is ever held up.

    python benchmarks/desktop/bench_desktop.py [--starts N] [--runs N] [--seconds S] [--megabytes N] [--cold]
                                               [--output FILE]

Linux only. Runs under Xvfb, with trayer's tray, if those are installed, else without a display. Figures are medians of
all runs, which are kept beside them. Prints one JSON object; the exit code is 1 if a target is missed. `--cold` drops
the page cache before the first start (as root; it slows the whole machine for a while). The program that is measured is
the real one; only the hooks that look at the clock are added (`probe.py`).

A loop that is late may have worked for too long, or been kept from the processor by others: the longest block is given
in wall time and in processor time of the thread, and the second is what the program itself did.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGETS = {
    "start_to_window_s": 1.5,
    "click_to_connected_s": 5.0,
    "idle_hidden_nym_compatible_cpu_percent": 6.0,
    "idle_hidden_balanced_cpu_percent": 6.0,
    "rss_mb": 150.0,
    "longest_block_ms": 50.0,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the desktop program")
    parser.add_argument("--starts", type=int, default=5, metavar="N", help="(default: 5)")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="of everything else (default: 1)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="idle time to measure (default: 20)")
    parser.add_argument("--megabytes", type=float, default=2.0, metavar="N", help="download size (default: 2)")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before the first start")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the JSON there as well")
    flags = parser.parse_args()
    with display() as environment:
        result = measure(flags, environment)
    missed = {name: result[name] for name, limit in TARGETS.items() if result[name] >= limit}
    result |= {"targets": TARGETS, "missed": missed}
    text = json.dumps(result, indent=1)
    print(text)
    if flags.output:
        flags.output.write_text(text + "\n", encoding="utf-8")
    return 1 if missed else 0


def measure(flags: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    """Starts alone first, then one run with everything else."""
    result: dict[str, Any] = {
        "platform": environment["QT_QPA_PLATFORM"],
        "load_before": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    if flags.cold:
        subprocess.run(["sync"], check=True)
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
        result["start_cold_s"] = probe(environment, "start")["start"]
    starts = [probe(environment, "start") for _ in range(flags.starts)]
    result["start_to_window_s"] = median([one["start"] for one in starts])
    result["start_cpu_s"] = median([one["start_cpu"] for one in starts])
    result["starts_s"] = [one["start"] for one in starts]
    runs = [probe(environment, "run", str(flags.seconds), str(flags.megabytes)) for _ in range(flags.runs)]
    result |= {name: median([run[name] for run in runs]) for name in runs[0]}
    return result | {"runs": runs, "load_after": round(os.getloadavg()[0], 2)}


def median(values: list[Any]) -> Any:
    """Of numbers, or of each number in tables."""
    if isinstance(values[0], dict):
        return {name: median([value[name] for value in values if name in value]) for name in values[0]}
    return round(statistics.median(values), 3)


@contextlib.contextmanager
def display() -> Iterator[dict[str, str]]:
    """The environment of the program: an X server of our own and a tray, as far as they are there to start."""
    plain = os.environ | {"DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    if shutil.which("Xvfb") is None:
        yield plain | {"QT_QPA_PLATFORM": "offscreen"}
        return
    with contextlib.ExitStack() as stack:
        read, write = os.pipe()
        started(
            stack,
            ["Xvfb", "-displayfd", str(write), "-noreset", "-screen", "0", "1280x1000x24"],
            plain,
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        environment = plain | {"QT_QPA_PLATFORM": "xcb", "DISPLAY": f":{number}"}
        if shutil.which("trayer") is not None:
            started(stack, ["trayer", "--edge", "bottom"], environment)
            time.sleep(2.0)
        yield environment


def started(stack: contextlib.ExitStack, command: list[str], environment: dict[str, str], **more: Any) -> None:
    """A program that ends with the stack."""
    quiet = subprocess.DEVNULL
    made = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, **more)
    stack.callback(made.wait)
    stack.callback(made.terminate)


def probe(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """One run of the program, from the moment its process is made."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, str(HERE / "probe.py"), repr(time.time()), *arguments],
            env=environment | {"HOME": home, "XDG_CONFIG_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=600,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
