"""What stands in front of a gateway that clients reach through another server: a port that outlives the gateway."""

import asyncio
import contextlib
from typing import Self

from tests.helpers.targets import stop_accepting

HOST = "127.0.0.1"
CHUNK = 65_536


class Front:
    """An async context in which `port` leads to the gateway at `gateway_port`, whenever that is there.

    When the gateway breaks off, a client is told so by an end of the stream, never by a reset: what it still sends is
    read and thrown away.
    """

    def __init__(self, gateway_port: int) -> None:
        self._gateway_port = gateway_port
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_accepting(self._server.sockets[0].fileno())
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._connect(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            gateway_reader, gateway_writer = await asyncio.open_connection(HOST, self._gateway_port)
            with contextlib.closing(gateway_writer):
                await asyncio.gather(self._pass_down(gateway_reader, writer), pass_on(reader, gateway_writer))

    async def _pass_down(self, gateway: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        await pass_on(gateway, client)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until `reader` ends, or breaks; a `writer` that takes no more is no reason to stop reading."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            with contextlib.suppress(OSError):
                writer.write(data)
                await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
