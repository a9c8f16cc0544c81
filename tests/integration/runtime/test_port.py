"""A port over real sockets: who is let in, who gives way, and what happens when descriptors run out."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nymconnect.directory.client import DirectoryClient
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.runtime import listening as port_module
from nymconnect.runtime.descriptors import reserve
from nymconnect.runtime.http import http_client
from nymconnect.runtime.listening import Port, dial_for_others
from nymconnect.runtime.repeats import Repeats
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.networks import OwnNetwork
from nymconnect_proxy.settings.settings import Settings
from tests.helpers.command import Command
from tests.helpers.stage import FAST, reach
from tests.helpers.targets import echo, file_server, tcp_server

HOST = "127.0.0.1"
PATIENCE = 10.0
PLENTY = LobbyLimits(strangers=1000, known=1000, per_address=1000)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


@pytest.fixture(autouse=True)
def _fresh_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module, "_short", Repeats())


@contextlib.asynccontextmanager
async def opened(places: LobbyLimits = PLENTY) -> AsyncIterator[tuple[Port, int]]:
    made = Port("test", Echo, Lobby(places))
    number = await made.open(HOST, 0)
    try:
        yield made, number
    finally:
        await made.close()
        while (visitor := made.lobby.displace()) is not None:
            visitor.abort()
        await asyncio.sleep(0)


@contextlib.contextmanager
def limit(descriptors: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def no_gaps() -> Iterator[int]:
    """Take the free numbers below the highest descriptor, which is returned: the next one is one higher."""
    highest, taken = max(map(int, os.listdir("/proc/self/fd"))), [os.dup(0)]
    while taken[-1] < highest:
        taken.append(os.dup(0))
    try:
        yield max(*taken, highest)
    finally:
        for descriptor in taken:
            os.close(descriptor)


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_comes_while_a_port_closes_is_closed(turns: int) -> None:
    async with opened() as (made, number):
        await asyncio.sleep(0.01)  # the port waits for somebody now
        connection = socket.create_connection((HOST, number))
        for _ in range(turns):
            await asyncio.sleep(0)
        await made.close()
    gc.collect()  # tells of sockets that nobody has closed
    connection.setblocking(False)
    with connection, contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 1), PATIENCE) == b""


async def says(streams: Streams, data: bytes = b"hello") -> bool:
    """Whether an echo comes back."""
    reader, writer = streams
    try:
        writer.write(data)
        async with asyncio.timeout(PATIENCE):
            return await reader.readexactly(len(data)) == data
    except (OSError, asyncio.IncompleteReadError):
        return False


async def connect(port: int) -> Streams:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.open_connection(HOST, port)


async def hang_up(*pairs: Streams) -> None:
    for _, writer in pairs:
        writer.transport.abort()
    await asyncio.sleep(0)


async def test_a_port_serves_and_stays_closed_after_its_end() -> None:
    async with opened() as (port, number):
        streams = await connect(number)
        assert await says(streams)
        assert len(port.lobby) == 1
        await hang_up(streams)
        async with asyncio.timeout(PATIENCE):
            while len(port.lobby):  # noqa: ASYNC110 - a lobby has no event to wait for
                await asyncio.sleep(0.01)
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(number)


async def test_an_address_in_use_is_one_line_for_a_person() -> None:
    async with opened() as (_, number):
        with pytest.raises(UserError, match=f"cannot listen on {HOST}:{number}"):
            await Port("test", Echo, Lobby(PLENTY)).open(HOST, number)


async def test_connections_that_are_there_stay_when_the_port_closes() -> None:
    async with opened() as (port, number):
        streams = await connect(number)
        assert await says(streams)
        await port.close()
        assert await says(streams)
        await hang_up(streams)


async def test_no_descriptor_left_is_one_line_and_the_port_serves_again(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as (_, number):
        ours = socket.socket()
        ours.setblocking(False)
        hoard: list[int] = []
        in_use = max(map(int, os.listdir("/proc/self/fd"))) + 1
        with limit(in_use + 10):
            with contextlib.suppress(OSError):
                while True:
                    hoard.append(os.dup(0))
            with contextlib.suppress(BlockingIOError):
                ours.connect((HOST, number))
            await asyncio.sleep(1.0)
            lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
            for descriptor in hoard:
                os.close(descriptor)
        assert [line.name for line in lines] == ["nymconnect.runtime.listening"]
        assert "no descriptor is left" in lines[0].getMessage()
        streams = await asyncio.open_connection(sock=ours)
        assert await says(streams)
        await hang_up(streams)


async def test_short_of_descriptors_a_stranger_of_the_fullest_port_gives_way(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as (crowded, number), opened() as (_, other):
        pairs = [await connect(number) for _ in range(20)]
        for pair in pairs:
            assert await says(pair)
        with no_gaps() as highest, limit(highest + 1 + reserve(highest + 40)):
            newcomers = [await connect(other) for _ in range(5)]
            assert [await says(pair) for pair in newcomers] == [True] * 5
            assert crowded.lobby.strangers < 20
            target = await dial_for_others(HOST, number, PATIENCE)
            assert await says(target)
        assert len(caplog.records) == 1
        await hang_up(*pairs, *newcomers, target)


async def test_the_last_descriptors_are_not_given_to_targets() -> None:
    async with tcp_server(echo) as number:
        with no_gaps() as highest, limit(highest + 16), pytest.raises(OSError, match="few descriptors are left"):
            await dial_for_others(HOST, number, PATIENCE)
        streams = await dial_for_others(HOST, number, PATIENCE)
        assert await says(streams)
        await hang_up(streams)


@pytest.mark.timeout(120)
async def test_a_flood_at_every_port_of_a_network_with_few_descriptors_leaves_its_client_alone(tmp_path: Path) -> None:
    few = ["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh"]
    arguments = ("network", "--mixnodes", "1", "--gateways", "1", "--api", "127.0.0.1:0", "--json")
    with Command(tmp_path, *arguments, prefix=few) as command:
        running = command.event("network")
        settings = Settings(
            socks=Endpoint(HOST, 0),
            network=OwnNetwork(running["api"]),
            requester=running["requester"],
            gateway_country="",
        )
        session = Session(settings, traffic=FAST)
        flood: list[socket.socket] = []
        try:
            await session.connect()
            await reach(session, State.CONNECTED)
            async with http_client() as http:
                topology = await DirectoryClient([running["api"]], http).semi_skimmed()
                directory = int(running["api"].rstrip("/").rpartition(":")[2])
                (gateway,) = topology.gateways.values()
                assert gateway.entry is not None
                for port in (gateway.entry.ws_port, gateway.mix_address.port, directory):
                    for _ in range(300):
                        flood.append(socket.socket())
                        flood[-1].setblocking(False)
                        with contextlib.suppress(BlockingIOError):
                            flood[-1].connect((HOST, port))
                        await asyncio.sleep(0)
                await asyncio.sleep(2.0)
                async with file_server({"/file": b"served"}) as target:
                    fetched = await fetch_through(session.status.socks, "localhost", target, "/file", 30.0)
                assert fetched.body == b"served"
                assert session.status.state is State.CONNECTED
                async with asyncio.timeout(PATIENCE):
                    await DirectoryClient([running["api"]], http).topology()
            assert len(command.news()) <= 3, command.news()
        finally:
            for one in flood:
                one.close()
            await session.disconnect()
