"""A SOCKS5 (with or without password) or HTTP CONNECT proxy that notes where it was asked to go."""

import asyncio
import base64
import contextlib
import ipaddress
from collections.abc import AsyncIterator

from nymconnect.endpoints import Upstream
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect.runtime.tasks import TaskSet
from tests.helpers.targets import stop_accepting


class UpstreamProxy:
    """Use `upstream_proxy`."""

    def __init__(self, scheme: str, login: tuple[str, str] | None) -> None:
        self.targets: list[tuple[str, int]] = []
        self.refused = 0
        self._scheme, self._login = scheme, login
        self._connections = TaskSet("upstream proxy")

    @property
    def upstream(self) -> Upstream:
        """How a client reaches this proxy."""
        username, password = self._login or (None, None)
        return Upstream(self._scheme, "127.0.0.1", self._port, username, password)

    async def start(self) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._server.is_serving():  # accepted while stopping
                writer.transport.abort()
                return
            self._connections.spawn(self._accept(reader, writer), "connection")

        self._server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await stop_accepting(self._server.sockets[0].fileno())
        self._server.close()
        await self._connections.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = await (self._socks(reader, writer) if self._scheme == "socks5" else self._http(reader, writer))
        if target is None:
            self.refused += 1
            return
        self.targets.append(target)
        there = await dial(*target, 5.0)
        writer.write(b"\x05\x00\x00\x01" + bytes(6) if self._scheme == "socks5" else b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, there[1]))
                both.create_task(_copy(there[0], writer))
        finally:
            await hang_up(there[1])

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        method = 2 if self._login else 0
        if method not in methods:
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes([5, method]))
        if self._login and not await self._logged_in(reader, writer, self._login):
            return None
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        return host, int.from_bytes(await reader.readexactly(2), "big")

    async def _logged_in(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: tuple[str, str]
    ) -> bool:
        name = await reader.readexactly((await reader.readexactly(2))[1])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        good = (name.decode(), password.decode()) == login
        writer.write(b"\x01\x00" if good else b"\x01\x01")
        return good

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.splitlines()[0].split()
        if self._login:
            wanted = base64.b64encode(":".join(self._login).encode()).decode()
            if f"basic {wanted}".lower() not in head.lower():
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return None
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        return host.strip("[]"), int(port)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionAbortedError  # ends the other direction too


@contextlib.asynccontextmanager
async def upstream_proxy(scheme: str = "socks5", login: tuple[str, str] | None = None) -> AsyncIterator[UpstreamProxy]:
    """A running proxy; `login` is who may use it."""
    proxy = UpstreamProxy(scheme, login)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
