"""How long a browser takes for a page with fifty resources, over HTTP/1.1 and HTTP/2. Prints JSON, and keeps it.

    python benchmarks/proxy/page_load.py [--repeats N] [--presets NAME …] [--output FILE]

Chromium, nginx and the page are those of `tests/apps`; each load is of a fresh browser, so with an empty cache and no
connection open. `loaded_s` is the browser's own figure, from the start of the navigation to the end of the load event.
`direct` is the same without a proxy, on the machine of the server. Everything shares the cores of one machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from nymconnect import __version__  # noqa: E402 -- the line above is for the packages of the tests
from nymconnect.client.presets import PRESETS  # noqa: E402
from tests.apps.browsers import browsing  # noqa: E402
from tests.apps.certificates import Certificates, make_certificates  # noqa: E402
from tests.apps.programs import absent  # noqa: E402
from tests.apps.proxy import Proxy, proxying  # noqa: E402
from tests.apps.website import RESOURCES, Report, website  # noqa: E402
from tests.apps.world import World, made_world  # noqa: E402

PATIENCE = 300.0
SETTLE = 5.0  # until new devices have all their addresses: Chromium breaks off what it loads when one comes
RESULTS = REPOSITORY / "benchmarks" / "results" / "page-load.json"


async def load(world: World, proxy: Proxy | None, certificates: Certificates, http2: bool) -> Report:
    """One page by one fresh browser; AssertionError if a resource is not what it should be."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with website(world, certificates, home, http2=http2) as site:
            url, visit = site.new_visit()
            with browsing("chromium", world, proxy, certificates, home, url) as browser:
                await browser.wait_for(lambda: site.report(visit) is not None, PATIENCE, "report")
            report = site.report(visit)
    assert report is not None
    assert report.is_whole, report
    return report


async def measure(world: World, proxy: Proxy | None, certificates: Certificates, repeats: int) -> dict[str, object]:
    """Medians, and every single figure, for both versions of HTTP."""
    figures: dict[str, object] = {}
    for http2 in (False, True):
        reports = [await load(world, proxy, certificates, http2) for _ in range(repeats)]
        loaded = [report.loaded_ms / 1000 for report in reports]
        first = [report.first_byte_ms / 1000 for report in reports]
        figures["http2" if http2 else "http1"] = {
            "loaded_s": round(statistics.median(loaded), 2),
            "first_byte_s": round(statistics.median(first), 2),
            "kilobytes": round(reports[0].bytes / 1000),
            "every_loaded_s": loaded,
        }
        print(f"  {'http/2' if http2 else 'http/1.1'}: {loaded}", file=sys.stderr)
    return figures


async def measure_all(world: World, presets: Sequence[str], repeats: int) -> dict[str, object]:
    figures: dict[str, object] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificates = make_certificates(folder, world.target, world.address)
        print("direct", file=sys.stderr)
        await asyncio.sleep(SETTLE)
        figures["direct"] = await measure(world, None, certificates, repeats)
        for preset in presets:
            home = folder / preset
            home.mkdir()
            print(preset, file=sys.stderr)
            with proxying(world, home, preset) as proxy:
                figures[preset] = await measure(world, proxy, certificates, repeats)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description="Load a page of fifty resources through the mixnet")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["balanced", "bulk", "fast"], metavar="NAME")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    flags = parser.parse_args()
    if missing := absent("chromium", "nginx"):
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    document: dict[str, object] = {
        "benchmark": "page load",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "machine": {"cores": os.cpu_count(), "load_before": [round(load, 2) for load in os.getloadavg()]},
        "browser": subprocess.run(["chromium", "--version"], capture_output=True, text=True, check=True).stdout.strip(),
        "resources": RESOURCES,
        "repeats": flags.repeats,
    }
    with made_world() as world:
        document["network_namespaces"] = world.apart
        document["presets"] = asyncio.run(measure_all(world, flags.presets, flags.repeats))
    document["load_after"] = [round(load, 2) for load in os.getloadavg()]
    text = json.dumps(document, indent=1)
    flags.output.write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
