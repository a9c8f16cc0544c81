"""What proxied programs talk to: servers on loopback, as async contexts that yield their port."""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from aiohttp import web

from nymconnect.runtime import TaskSet

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UPLOAD_LIMIT = 64 * 1024 * 1024


@contextlib.asynccontextmanager
async def file_server(files: Mapping[str, bytes]) -> AsyncIterator[int]:
    """HTTP: GET serves `files` by path, PUT anywhere answers with the SHA-256 of what was sent."""

    async def get(request: web.Request) -> web.Response:
        body = files.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    async def put(request: web.Request) -> web.Response:
        return web.Response(text=hashlib.sha256(await request.read()).hexdigest())

    application = web.Application(client_max_size=UPLOAD_LIMIT)
    application.router.add_get("/{path:.*}", get)
    application.router.add_put("/{path:.*}", put)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def tcp_server(handler: Handler) -> AsyncIterator[int]:
    """Whatever `handler` does with each connection; it is closed when that returns."""
    writers: set[asyncio.StreamWriter] = set()
    connections = TaskSet("target")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await handler(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        connections.spawn(handle(reader, writer), "connection")

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.close()
        for writer in writers:
            writer.transport.abort()


async def answer_after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing before the other side has closed its direction; then length and SHA-256 of what it sent."""
    body = await reader.read(-1)
    writer.write(b"%d %s" % (len(body), hashlib.sha256(body).hexdigest().encode()))
    await writer.drain()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(16384):
        writer.write(data)
        await writer.drain()


def unused_port() -> int:
    """A port of loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
