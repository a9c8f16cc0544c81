"""Hanging up closes, whenever it is cancelled; what was not acknowledged, and addresses of this machine, are known."""

import asyncio
import errno
import os
import socket
import sys

import pytest

from nymconnect.runtime.sockets import address_towards, hang_up, in_use, is_own_address, unconfirmed_bytes
from tests.helpers.early_ends import MORE_THAN_BUFFERS_TAKE, cancelled_after_turns, deaf_server


@pytest.mark.parametrize("turns", range(4))
async def test_hanging_up_closes_the_transport_whenever_it_is_cancelled(turns: int) -> None:
    async with deaf_server() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes(MORE_THAN_BUFFERS_TAKE))

        async def work() -> None:
            try:
                await asyncio.sleep(0)
            finally:
                await hang_up(writer)

        await cancelled_after_turns(turns, asyncio.create_task(work()))
        if turns:  # else it has not begun, which is what `TaskSet` is for
            assert writer.transport.get_write_buffer_size() == 0
        writer.transport.abort()


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("192.0.2.1", 0, os.strerror(errno.EADDRNOTAVAIL)),
        (
            "127.0.0.1",
            None,
            "another program, perhaps NymConnect itself, uses it; end that one, or choose another port",
        ),
    ],
)
async def test_why_nothing_listens_is_said_in_plain_words(host: str, port: int | None, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1] if port is None else port
        with pytest.raises(OSError, match="bind") as failed:
            await asyncio.get_running_loop().create_server(asyncio.Protocol, host, wanted)
    assert str(in_use(host, wanted, failed.value)) == f"cannot listen on {host}:{wanted}: {why}"


def test_addresses_of_this_machine_are_known_as_its_own() -> None:
    assert is_own_address("127.0.0.1")
    assert is_own_address("127.1.2.3")
    here = address_towards("192.0.2.9")
    assert here is None or is_own_address(here)
    assert not is_own_address("198.51.100.9")
    assert not is_own_address("2001:db8::9")
    assert not is_own_address("not an address")


async def test_what_the_other_side_has_not_acknowledged_is_known_until_the_connection_closes() -> None:
    system_tells = sys.platform in ("linux", "darwin")
    async with deaf_server() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        assert unconfirmed_bytes(writer.transport) == (0 if system_tells else None)
        writer.write(bytes(MORE_THAN_BUFFERS_TAKE))
        waiting = unconfirmed_bytes(writer.transport)
        assert waiting is None if not system_tells else waiting is not None and 0 < waiting < MORE_THAN_BUFFERS_TAKE
        await hang_up(writer)
    with pytest.raises(OSError, match="closed"):
        unconfirmed_bytes(writer.transport)
