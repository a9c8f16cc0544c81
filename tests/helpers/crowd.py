"""Many streams over links without a fault: all at once, and opened and closed in rounds while memory is looked at.

``python -m tests.helpers.crowd`` runs the full form and prints its figures; the test suite runs a shorter one.
"""

import argparse
import asyncio
import gc
import hashlib
import os
import random
import resource
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nymconnect.client.surbs import issued
from nymconnect.runtime.clock import clock
from tests.helpers.stage import FAST, Stage, stage
from tests.helpers.targets import file_server

DOWNLOADS, SIZE = 200, 20_000
STREAMS, ROUNDS, AT_ONCE = 1000, 8, 25
REPLY_KEY = 350  # bytes
# A packet of 8 KiB carries what four of the usual size do, for the cryptography of one.
TRAFFIC = replace(FAST, window=400, lane_limit=100, loop_cover_average_delay=1.0)


@dataclass(frozen=True, slots=True)
class Crowd:
    """`exact` of `count` downloads arrived byte for byte, in so many seconds."""

    count: int
    exact: int
    seconds: float


def body_of(number: int, size: int) -> bytes:
    return random.Random(number).randbytes(size)


async def downloads_at_once(on: Stage, count: int, size: int, patience: float = 300.0) -> Crowd:
    """`count` downloads of `size` bytes each, begun in the same turn of the event loop."""
    files = {f"/{number}": body_of(number, size) for number in range(count)}
    async with file_server(files) as port:
        began = clock()
        bodies = await asyncio.gather(
            *(on.fetch(port, path, patience=patience) for path in files), return_exceptions=True
        )
    exact = sum(body == files[path] for path, body in zip(files, bodies, strict=True))
    return Crowd(count, exact, clock() - began)


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process holds at one moment: bytes in all, bytes of the nodes' replay filters and the tags in them, and
    keys of reply SURBs that the client has given."""

    resident: int
    replay: int
    tags: int
    reply_keys: int

    @classmethod
    def now(cls, on: Stage) -> "Memory":
        gc.collect()
        filters = [node._relay._mixer._replay for node in on.network._nodes]
        assert on.session._client is not None
        keys = on.session._client.counters()["reply_keys"]
        return cls(resident(), sum(one.size for one in filters), sum(map(len, filters)), keys)

    @property
    def rest(self) -> int:
        """Bytes without what grows by design: the replay filters until the nodes change their keys, the reply keys for
        `USE_GRACE` seconds."""
        return self.resident - self.replay - REPLY_KEY * self.reply_keys

    def __str__(self) -> str:
        return (
            f"{self.resident / 1e6:.1f} MB: {self.replay / 1e6:.1f} of filters for {self.tags} replay tags, "
            f"{REPLY_KEY * self.reply_keys / 1e6:.1f} for {self.reply_keys} reply keys, and {self.rest / 1e6:.1f}"
        )


async def rounds_of_streams(on: Stage, streams: int, rounds: int, at_once: int = AT_ONCE) -> AsyncIterator[Memory]:
    """Open and close `streams` streams in each round, `at_once` at a time; the memory after each."""
    body = body_of(0, 1000)
    digest = hashlib.sha256(body).digest()
    async with file_server({"/": body}) as port:

        async def some(count: int) -> None:
            for _ in range(count):
                assert hashlib.sha256(await on.fetch(port, "/")).digest() == digest

        for _ in range(rounds):
            await asyncio.gather(*(some(streams // at_once) for _ in range(at_once)))
            yield Memory.now(on)


def resident() -> int:
    """Bytes of memory that this process holds now; its peak where the system tells no more."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=int, default=DOWNLOADS)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--use-grace", type=float, default=issued.USE_GRACE, help="seconds; less shows sooner what stays"
    )
    flags = parser.parse_args(arguments)
    issued.USE_GRACE = flags.use_grace
    async with stage(TRAFFIC) as on:
        crowd = await downloads_at_once(on, flags.downloads, SIZE)
        print(f"{crowd.exact} of {crowd.count} downloads of {SIZE} bytes byte-exact in {crowd.seconds:.0f} s")
        print(f"memory after each round of {flags.streams} streams:")
        async for memory in rounds_of_streams(on, flags.streams, flags.rounds):
            print(memory, flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
