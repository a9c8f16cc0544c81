"""Peers that never read, and tasks that are cancelled at every turn of the loop: what must close is closed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.helpers.targets import stop_accepting

PATIENCE = 60.0
MORE_THAN_BUFFERS_TAKE = 64 * 1024 * 1024


@contextlib.asynccontextmanager
async def deaf_server() -> AsyncIterator[int]:
    """Accepts and never reads: what is written to it stays in the buffers."""
    accepted: list[asyncio.BaseTransport] = []

    class Deaf(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            accepted.append(transport)

    server = await asyncio.get_running_loop().create_server(Deaf, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await stop_accepting(server.sockets[0].fileno())
        server.close()
        for transport in accepted:
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        await asyncio.sleep(0)


async def cancelled_after_turns(turns: int, task: asyncio.Task[None]) -> None:
    """Let `task` run for some turns of the loop, then cancel it and see it end."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(task, return_exceptions=True)
