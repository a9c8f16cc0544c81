"""A connection whose making is cancelled leaves nothing open."""

import asyncio
import socket

import pytest

from nymconnect.runtime.outbound import adopt, dial_socket
from tests.helpers.early_ends import cancelled_after_turns, deaf_server


@pytest.mark.parametrize("turns", range(1, 12))
async def test_a_connection_whose_making_is_cancelled_leaves_no_descriptor(turns: int) -> None:
    """At whatever point: while dialling, and while the loop takes the socket over."""
    async with deaf_server() as port:
        made: list[socket.socket] = []

        class Adopting(asyncio.Protocol):
            transport: asyncio.BaseTransport | None = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

        async def work() -> None:
            protocol = Adopting()
            made.append(await dial_socket("127.0.0.1", port))
            await adopt(made[0], protocol)
            assert protocol.transport is not None
            protocol.transport.close()

        await cancelled_after_turns(turns, asyncio.create_task(work()))
        await asyncio.sleep(0)
        assert all(connected.fileno() == -1 for connected in made)
