"""A bare Poisson sender in a process that does nothing else: what the tap and this machine allow.

It sends frames of the client's size at the client's rate to a sink on loopback, through a tap of the same kind. `wire`
runs it beside the client: where it misses a mark, the machine is too busy to judge anybody on.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from benchmarks.privacy.stage import HERE, child

SIZE = 2452
SENDER = """
import random, select, socket, sys, time
port, rate, size = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
link = socket.create_connection(("127.0.0.1", port))
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
frame = bytes([0x82, 0xFE]) + size.to_bytes(2, "big") + bytes(4 + size)
rng, due = random.SystemRandom(), time.monotonic()
while True:
    due += rng.expovariate(rate)
    while (wait := due - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], wait)[0]:
            sys.exit()
    link.sendall(frame)
"""


@contextlib.asynccontextmanager
async def control(rate: float, home: str, output: Path, cores: Collection[int]) -> AsyncIterator[None]:
    """Send from these cores until the end of the block; then the frames are in the capture file `output`."""

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(1 << 16):
                pass
        writer.close()

    server = await asyncio.start_server(sink, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, child([str(HERE / "capture.py"), f"--port={port}", f"--output={output}"], home) as tap:
        await tap.said()
        async with child(["-c", SENDER, str(port), str(rate), str(SIZE)], home, cores):
            yield
        tap.finish()
        await tap.said()
