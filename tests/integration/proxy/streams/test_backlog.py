"""How much a sender's socket takes while nothing leaves: at the SOCKS port, the RPC address, and of a target."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nymconnect.endpoints import Endpoint
from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.ingress.rpc import RpcDoor, RpcOptions
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.settings.options import Server
from nymconnect_proxy.streams.back_pressure import MOST_BUFFERED, Backlog, backlog_for
from nymconnect_proxy.streams.exit_stream import ExitOptions
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair, only
from tests.helpers.targets import tcp_server
from tests.helpers.tls import certificate

PIPES = PipeOptions(linger=0.1, flush_timeout=0.2)
# What a lane of the mixnet client holds besides: it is not in the path of these tests.
IN_A_LANE, IN_AN_EXITS_LANE = 41 * 1611, 56 * 1611
WALLET_RATE = 4620.0
# Under BBR the sender's own kernel keeps half a megabyte once data has flowed, whatever the other side does.
CONGESTION = b"reno"


@contextlib.asynccontextmanager
async def proxy(backlog: Backlog) -> AsyncIterator[tuple[int, MixnetEnd, MixnetEnd]]:
    """A port that serves, and both ends of the mixnet behind it."""
    client, exit_ = mixnet_pair(1)
    options = RequesterOptions(streams=ExitOptions(allow_loopback=True), pipes=PIPES)
    requester = NetworkRequester(exit_, AddressPolicy.open(), options)
    exchange = ExchangeOptions(pipes=PIPES, check_timeout=None)
    listener = SocksListener(ListenerOptions(exchange, backlog, localhost=True), random.Random(1))
    await requester.start()
    port = await listener.start(port=0)
    listener.attach(client, only(exit_.address))
    listener.set_serving(True)
    try:
        yield port, client, exit_
    finally:
        await listener.stop()
        await requester.stop()


def stop_taking(end: MixnetEnd) -> None:
    """Nothing more leaves at this end but the message that waits already."""
    end.lane_capacity = 0
    end._lanes.clear()


async def connect(port: int, target: int) -> socket.socket:
    """A program's socket, once the exit has connected to the target."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    await loop.sock_sendall(sock, b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + target.to_bytes(2, "big"))
    answer = b""
    while len(answer) < 12:
        answer += await loop.sock_recv(sock, 12 - len(answer))
    return sock


async def push(sock: socket.socket, at_most: int) -> int:
    """Send until the socket has taken nothing for a second, or `at_most`; how much it has taken."""
    loop = asyncio.get_running_loop()
    taken, moved = 0, loop.time()
    while loop.time() - moved < 1.0 and taken < at_most:
        try:
            taken += sock.send(bytes(min(65536, at_most - taken)))
            moved = loop.time()
        except BlockingIOError:
            await asyncio.sleep(0.02)
    return taken


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


@pytest.mark.parametrize(
    ("rate", "most"), [(None, MOST_BUFFERED - IN_A_LANE), (WALLET_RATE, 32 * 1024)], ids=["fast", "as slow as Wallet"]
)
async def test_the_port_takes_little_of_what_cannot_leave(rate: float | None, most: int) -> None:
    async with proxy(backlog_for(rate)) as (port, client, _), tcp_server(silent) as target:
        with await connect(port, target) as sock:
            assert await push(sock, 1_000_000) == 1_000_000  # while it leaves, all of it goes
            await asyncio.sleep(0.5)
            stop_taking(client)
            assert await push(sock, 4_000_000) < most


async def test_the_rpc_address_takes_little_of_what_cannot_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificate(tmp_path, "localhost")
    made.trust(monkeypatch)
    server = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=made.server_context())
    leads_to = Server("localhost", f"https://localhost:{server.sockets[0].getsockname()[1]}/")
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    async with proxy(Backlog()) as (port, client, _):
        door = RpcDoor(RpcOptions(leads_to), Endpoint("127.0.0.1", port))
        address = await door.start("127.0.0.1", 0)
        try:
            with socket.socket() as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", address))
                sock.send(head % 4_000_000)
                assert await push(sock, 600_000) == 600_000
                await asyncio.sleep(0.5)
                stop_taking(client)
                assert await push(sock, 3_000_000) < MOST_BUFFERED - IN_A_LANE
        finally:
            await door.stop()
            server.close()


async def test_the_exit_takes_little_of_a_target_ahead_of_its_answers() -> None:
    taken, stopped = 0, asyncio.Event()

    async def generous(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what a target's kernel keeps is its own affair
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as same:
            same.setblocking(False)
            assert await push(same, 1_000_000) == 1_000_000
            await stopped.wait()
            taken = await push(same, 4_000_000)
        stopped.clear()

    async with proxy(Backlog()) as (port, _, exit_), tcp_server(generous) as target:
        with await connect(port, target) as sock:
            loop = asyncio.get_running_loop()
            left = 1_000_000
            while left:
                left -= len(await loop.sock_recv(sock, left))
            stop_taking(exit_)
            stopped.set()
            async with asyncio.timeout(20):
                while stopped.is_set():  # noqa: ASYNC110 -- it becomes clear when the target has been full for a while
                    await asyncio.sleep(0.05)
    assert 0 < taken < MOST_BUFFERED - IN_AN_EXITS_LANE
