"""What a user does while a link is watched: downloads, pages, uploads, other work on the machine."""

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.diagnostics.fetch_through import Fetched, fetch_through

MEGABYTE = 1_000_000
PATIENCE = 900.0
# Pages as in the pilot of the specification of these tests: lognormal size around 55 packets, exponential pauses.
PAGE_MEDIAN, PAGE_SPREAD, PAGE_LIMIT = 88_000, 1.0, 1_000_000
PAUSE_LEAST, PAUSE_MEAN = 0.5, 6.7
RETRY = 0.5
AUTOGROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")


async def fetch(socks: Endpoint, port: int, length: int) -> Fetched:
    """Download `length` bytes from the target; UserError if fewer arrive."""
    fetched = await fetch_through(socks, "localhost", port, f"/{length}", PATIENCE)
    if len(fetched.body) != length:
        raise UserError("the download was cut short")
    return fetched


async def downloads(socks: Endpoint, port: int, length: int = MEGABYTE) -> None:
    """One download after the other, for ever."""
    while True:
        await _try(socks, port, length)


async def pages(socks: Endpoint, port: int, rng: random.Random) -> None:
    """Web-like bursts, for ever."""
    while True:
        await _try(socks, port, min(int(rng.lognormvariate(0.0, PAGE_SPREAD) * PAGE_MEDIAN) + 1, PAGE_LIMIT))
        await asyncio.sleep(PAUSE_LEAST + rng.expovariate(1 / PAUSE_MEAN))


async def _try(socks: Endpoint, port: int, length: int) -> None:
    try:
        await fetch(socks, port, length)
    except (UserError, OSError) as error:
        print(f"a download failed: {error}", file=sys.stderr)
        await asyncio.sleep(RETRY)


async def upload(socks: Endpoint, port: int, length: int) -> None:
    """Send `length` bytes to the target's sink."""
    reader, writer = await dial(socks.host, socks.port, 5.0)
    try:
        writer.write(b"\x05\x01\x00")
        await reader.readexactly(2)
        writer.write(b"\x05\x01\x00\x03\x09localhost" + port.to_bytes(2, "big"))
        if (await reader.readexactly(10))[1]:
            raise UserError("the proxy could not connect")
        writer.write(b"PUT / HTTP/1.0\r\n\r\n")
        for _ in range(length // 10_000):
            writer.write(bytes(10_000))
            await writer.drain()
        writer.write_eof()
        await reader.read(1)
    finally:
        await hang_up(writer)


@contextlib.asynccontextmanager
async def spinning(cores: Collection[int], *, lowest: bool = False) -> AsyncIterator[None]:
    """Another program that takes all of one core, one of these; at the `lowest` class only what nobody else wants."""
    program = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100000))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    os.sched_setaffinity(process.pid, cores)
    if lowest:
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def awake(cores: Collection[int]) -> AsyncIterator[None]:
    """Let none of these cores sleep: the host of a virtual machine may wake one that does milliseconds late.

    The lowest class yields to everybody only while the scheduler does not group programs by session; as root.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_ungrouped())
        for core in cores:
            await stack.enter_async_context(spinning({core}, lowest=True))
        yield


@contextlib.contextmanager
def _ungrouped() -> Iterator[None]:
    if not AUTOGROUPS.exists():
        yield
        return
    before = AUTOGROUPS.read_text()
    AUTOGROUPS.write_text("0")
    try:
        yield
    finally:
        AUTOGROUPS.write_text(before)


async def busy_window() -> None:
    """What a window does to the loop that it shares: 1.5 ms of work 100 times a second, 30 ms twice a second."""

    async def repeat(every: float, work: float) -> None:
        due = clock()
        while True:
            due = max(due + every, clock() - 1.0)
            await asyncio.sleep(max(0.0, due - clock()))
            end = clock() + work
            while clock() < end:
                pass

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat(0.01, 0.0015))
        tasks.create_task(repeat(0.5, 0.03))
