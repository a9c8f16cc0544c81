"""The servers that tests talk to: nothing of them is left open, whenever they close."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest

from tests.helpers.targets import echo, file_server, tcp_server

SERVERS = {"tcp": lambda: tcp_server(echo), "http": lambda: file_server({})}
Server = Callable[[], contextlib.AbstractAsyncContextManager[int]]


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
async def test_a_connection_that_comes_while_a_server_closes_is_closed(server: Server, turns: int) -> None:
    async with server() as port:
        connection = socket.create_connection(("127.0.0.1", port))
        for _ in range(turns):
            await asyncio.sleep(0)
    connection.setblocking(False)
    with connection, contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 1), 20) == b""
