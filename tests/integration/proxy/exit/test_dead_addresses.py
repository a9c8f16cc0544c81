"""A target of several addresses of which some are dead, over real sockets: what that costs the client."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, encode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, decode_response
from nymconnect_proxy.streams.exit_stream import ExitOptions
from tests.helpers.mixnet_pair import mixnet_pair

# An attempt that nothing overtakes takes twelve seconds.
DIAL_TIMEOUT = RequesterOptions().dial_timeout
LIVE = "127.0.0.1"


@contextlib.contextmanager
def dead_address(address: str, port: int) -> Iterator[None]:
    """A listener that is full, and so leaves everybody else without an answer."""
    with contextlib.ExitStack() as stack:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = stack.enter_context(socket.socket(family))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield


@contextlib.asynccontextmanager
async def live_target() -> AsyncIterator[int]:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, LIVE, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def time_to_connect(addresses: Sequence[str], port: int) -> float:
    """Seconds from the Connect until the client hears that it is connected."""

    async def resolve(_host: str) -> Sequence[str]:
        return addresses

    client, exit_ = mixnet_pair(3)
    options = RequesterOptions(streams=ExitOptions(allow_loopback=True))
    requester = NetworkRequester(exit_, AddressPolicy.open(), options, resolve=resolve)
    await requester.start()
    try:
        begun = time.monotonic()
        await client.send(requester.address, encode_request(Connect(1, f"many.example:{port}")), surbs=3)
        async with asyncio.timeout(50):
            while True:
                _, answer = decode_response((await client.receive()).data)
                assert not isinstance(answer, ConnectionFailure), answer.text
                if isinstance(answer, NetworkData):
                    return time.monotonic() - begun
    finally:
        await requester.stop()


@pytest.mark.parametrize(
    "dead",
    [["::1"], ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]],
    ids=["one IPv6 address", "four IPv4 addresses"],
)
async def test_dead_addresses_are_overtaken(dead: list[str]) -> None:
    with contextlib.ExitStack() as stack:
        async with live_target() as port:
            for address in dead:
                stack.enter_context(dead_address(address, port))
            seconds = await time_to_connect([*dead, LIVE], port)
    # A quarter of a second each; the rest is for a machine under load.
    assert 0.25 <= seconds < DIAL_TIMEOUT / 2
