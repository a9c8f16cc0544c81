"""Kills a mix node that has sent packets on, starts it again and sends it all of them a second time.

Run it from the checkout: ``python -m benchmarks.node.replays_after_kill [--packets N]``. It prints JSON: how many were
accepted again, which must be none, and how long the node took to start with the tags in its log. A burst like this one
overflows the queue to the next node, so fewer are seen there.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from tests.helpers.mix_process import MixProcess, frames_through


async def measure(packets: int, directory: Path) -> dict[str, object]:
    async with MixProcess(directory) as mix:
        frames = frames_through(mix.port, mix.next_port, packets, 5_000_000)
        started = time.monotonic()
        await mix.send(frames)
        while (await mix.counters())["forwarded"] < packets:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.1)
        took = time.monotonic() - started
        await mix.kill()
        seen = len(mix.seen)
        log_bytes = await asyncio.to_thread(lambda: sum(path.stat().st_size for path in directory.glob("replay*")))
        started = time.monotonic()
        await mix.start()
        start_s = time.monotonic() - started
        await mix.send(frames)
        counters = await mix.until_received(packets)
        return {
            "benchmark": "replays after kill -9",
            "packets": packets,
            "packets_per_s": round(packets / took),
            "seen_at_the_next_node": seen,
            "log_bytes": log_bytes,
            "restart_s": round(start_s, 2),
            "replays": packets,
            "refused": counters["dropped_replay"],
            "accepted": counters["forwarded"],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        print(json.dumps(asyncio.run(measure(options.packets, Path(directory))), indent=1))


if __name__ == "__main__":
    main()
