"""What proxied programs talk to: servers on loopback, as async contexts that yield their port."""

import asyncio
import contextlib
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from aiohttp import web

from nymconnect.runtime.tasks import TaskSet

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UPLOAD_LIMIT = 64 * 1024 * 1024


@contextlib.asynccontextmanager
async def file_server(
    files: Mapping[str, bytes], listening: socket.socket | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """HTTP: GET serves `files` by path, PUT anywhere answers with the SHA-256 of what was sent.

    On any port of loopback, unless it gets a socket that listens already.
    """

    async def get(request: web.Request) -> web.Response:
        body = files.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    async def put(request: web.Request) -> web.Response:
        return web.Response(text=hashlib.sha256(await request.read()).hexdigest())

    application = web.Application(client_max_size=UPLOAD_LIMIT)
    application.router.add_get("/{path:.*}", get)
    application.router.add_put("/{path:.*}", put)
    async with served(application, listening, tls) as port:
        yield port


@contextlib.asynccontextmanager
async def served(
    application: web.Application, listening: socket.socket | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Any web application; yields its port."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listening = listening or socket.create_server(("127.0.0.1", 0))
    try:
        await web.SockSite(runner, listening, ssl_context=tls).start()
        yield listening.getsockname()[1]
        if tls is not None:
            await _let_go(runner)
    finally:
        await stop_accepting(listening.fileno())
        await runner.cleanup()


async def _let_go(runner: web.AppRunner) -> None:
    """Wait for the peers to hang up: TLS has no abrupt end that asyncio would not complain of."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            while runner.server is not None and runner.server.connections:  # noqa: ASYNC110 -- they do not call back
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)


async def stop_accepting(listening: int) -> None:
    """For a server of asyncio that is about to close, the descriptor of its socket: if it closes in the turn of the
    event loop in which it accepts a connection, Python 3.11 leaves that one open ("unclosed transport")."""
    with contextlib.suppress(NotImplementedError):  # on Windows, where a server accepts in another way
        asyncio.get_running_loop().remove_reader(listening)
    for _ in range(3):  # the transport is made, its protocol hears of it, it reads
        await asyncio.sleep(0)


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

    listening = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(accept, sock=listening)
    try:
        yield listening.getsockname()[1]
    finally:
        await stop_accepting(listening.fileno())
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
