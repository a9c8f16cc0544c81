"""Hanging up closes, whenever it is cancelled; addresses of this machine are known."""

import asyncio

import pytest

from nymconnect.runtime.sockets import address_towards, hang_up, is_own_address
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


def test_addresses_of_this_machine_are_known_as_its_own() -> None:
    assert is_own_address("127.0.0.1")
    assert is_own_address("127.1.2.3")
    here = address_towards("192.0.2.9")
    assert here is None or is_own_address(here)
    assert not is_own_address("198.51.100.9")
    assert not is_own_address("2001:db8::9")
    assert not is_own_address("not an address")
