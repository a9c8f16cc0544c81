"""All privacy benchmarks in a short form, about twelve minutes: ``make privacy``.

``python benchmarks/privacy/all.py [--preset NAME] [--label TEXT]``. Figures of a short run are rough; each benchmark's
own defaults are those of the published tables. Exit code 1 if a requirement is not met.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy.report import RESULTS
from nymconnect.client.presets import PRESETS

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument("--label", default="short")
    flags = parser.parse_args()
    runs = {
        "formats": ["--preset", flags.preset, "--packets", "200"],
        "loops": ["--repeats", "20", "--hours", "0.5"],
        "wire": ["--preset", flags.preset, "--seconds", "30", "--cycles", "5"],
        "fairness": ["--preset", flags.preset, "--requests", "10", "--megabytes", "3"],
        "cost": ["--preset", flags.preset, "--seconds", "30", "--transfer", "10"],
        "soak": ["--preset", flags.preset, "--minutes", "1"],
    }
    if sys.platform != "linux" or os.geteuid() != 0:
        print("left out: wire, which captures packets and needs root on Linux", file=sys.stderr)
        del runs["wire"]
    failed = [name for name, options in runs.items() if not _run(name, [*options, "--label", flags.label])]
    unmet = [
        f"{path.stem}: {check['name']}"
        for path in sorted(RESULTS.glob(f"*-{flags.label}.json"))
        for check in json.loads(path.read_text(encoding="utf-8"))["checks"]
        if check["met"] is False
    ]
    print("\n".join(["", f"not met: {len(unmet)}", *unmet, *(f"did not finish: {name}" for name in failed)]))
    return 1 if unmet or failed else 0


def _run(name: str, options: list[str]) -> bool:
    print(f"\n{name}", flush=True)
    return subprocess.run([sys.executable, str(HERE / f"{name}.py"), *options], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
