"""Getting out of this machine through somebody else's proxy, and never around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from nymconnect.runtime.http import http_client
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from tests.helpers.targets import echo, tcp_server, unused_port
from tests.helpers.upstream_proxy import upstream_proxy

KINDS = pytest.mark.parametrize(
    ("scheme", "login"),
    [("socks5", None), ("socks5", ("name", "p@ss:word")), ("http", None), ("http", ("name", "p@ss:word"))],
)


@contextlib.asynccontextmanager
async def web_server() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return web.Response(text="hello")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@KINDS
async def test_a_connection_goes_through_the_proxy_by_name(scheme: str, login: tuple[str, str] | None) -> None:
    async with tcp_server(echo) as port, upstream_proxy(scheme, login) as proxy:
        reader, writer = await dial("localhost", port, 5.0, proxy.upstream)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        await hang_up(writer)
        assert proxy.targets == [("localhost", port)]


@KINDS
async def test_http_and_websockets_go_through_the_proxy(scheme: str, login: tuple[str, str] | None) -> None:
    async with web_server() as port, upstream_proxy(scheme, login) as proxy:
        async with http_client(proxy.upstream) as http:
            async with http.get(f"http://localhost:{port}/") as response:
                assert await response.text() == "hello"
            async with http.ws_connect(f"ws://localhost:{port}/") as socket:
                await socket.send_bytes(b"frame")
                assert await socket.receive_bytes() == b"frame"
        assert set(proxy.targets) == {("localhost", port)}


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_wrong_password_is_an_error_that_does_not_repeat_it(scheme: str) -> None:
    async with upstream_proxy(scheme, ("name", "right")) as proxy:
        with pytest.raises(OSError, match="the upstream proxy") as caught:
            await dial("localhost", 1, 5.0, replace(proxy.upstream, password="wrong-one"))
        assert "wrong-one" not in str(caught.value)
        assert proxy.refused == 1


async def test_without_its_proxy_nothing_goes_out() -> None:
    async with tcp_server(echo) as port, upstream_proxy() as proxy:
        nobody = replace(proxy.upstream, port=unused_port())
        with pytest.raises(OSError, match="the upstream proxy"):
            await dial("localhost", port, 5.0, nobody)
        async with http_client(nobody) as http:
            with pytest.raises(OSError, match="the upstream proxy"):
                await http.get(f"http://localhost:{port}/")


async def test_a_proxy_that_does_not_answer_costs_no_more_than_the_patience() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async with tcp_server(silent) as port, upstream_proxy() as proxy:
        with pytest.raises(TimeoutError):
            await dial("localhost", 1, 0.1, replace(proxy.upstream, port=port))
