"""The driver of one gateway websocket, against real sockets: a good gateway and bad ones.

Each test runs with both carriers, the one on our event loop and the pacer process.
"""

import asyncio
import contextlib
import itertools
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from nymconnect.client.gateway import connection as connection_module
from nymconnect.client.gateway import websocket as websocket_module
from nymconnect.client.gateway.connection import GatewayConnection, LinkLostError, Traffic, gateway_url
from nymconnect.client.pacer.machine import DATA_LIMIT, FrameKind, SlotGaps
from nymconnect.client.sending.preparer import PreparedPacket
from nymconnect.errors import UserError
from nymconnect.link.gateway import client as machine_module
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import Ready
from nymconnect.runtime.clock import unix_offset
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY, mix_packet
from tests.helpers.loopback_gateway import LoopbackGateway, Script
from tests.helpers.networks import known_network

PATIENCE = 20.0
IN_PROCESS = SlotGaps(None, None)
PACED = SlotGaps(0.002, None)


@pytest.fixture(params=[IN_PROCESS, PACED], ids=["in process", "pacer process"])
def rates(request: pytest.FixtureRequest) -> SlotGaps:
    return request.param


class Client:
    """A connection that runs, and what came of it."""

    def __init__(self, machine: GatewayClientMachine, rates: SlotGaps) -> None:
        self.machine = machine
        self.cover_generation = 0
        self.asked: list[FrameKind] = []
        self.has_begun = False
        self.departed: list[int] = []
        self.ready: list[Ready] = []
        self.pushed: list[bytes] = []
        self.changed = asyncio.Event()
        traffic = Traffic(self, lambda: None, self._on_departed, self._on_push)
        self.connection = GatewayConnection(machine, rates, traffic, self._on_ready, self._on_begun)
        self._tokens = itertools.count(1)

    def next_packet(self, kind: FrameKind, now: float) -> PreparedPacket | None:
        """Something for every stock. Tests that call `send` do not `feed`."""
        self.asked.append(kind)
        self.changed.set()
        return PreparedPacket(next(self._tokens), mix_packet())

    def _on_begun(self) -> None:
        self.has_begun = True
        self.changed.set()

    def _on_ready(self, ready: Ready) -> None:
        self.ready.append(ready)
        self.changed.set()

    def _on_push(self, content: bytes) -> None:
        self.pushed.append(content)
        self.changed.set()

    def _on_departed(self, token: int, at: float) -> None:
        self.departed.append(token)
        self.changed.set()

    def send(self, kind: FrameKind = FrameKind.DATA) -> bool:
        """Whether there was room."""
        has_room = self.connection.has_room(kind)
        if has_room:
            self.connection.offer(kind, PreparedPacket(next(self._tokens), mix_packet()))
        return has_room

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def machine(gateway: bytes = GATEWAY_IDENTITY.public, shared_key: bytes | None = None) -> GatewayClientMachine:
    return GatewayClientMachine(CLIENT_IDENTITY, gateway, random.Random(1), unix_offset(), shared_key)


@contextlib.asynccontextmanager
async def connected(url: str, rates: SlotGaps, of: GatewayClientMachine | None = None) -> AsyncIterator[Client]:
    client = Client(of or machine(), rates)
    task = asyncio.create_task(client.connection.run(url))
    try:
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, LinkLostError):
            await task


async def end_of(url: str, rates: SlotGaps = IN_PROCESS, of: GatewayClientMachine | None = None) -> str:
    """Why a connection to `url` ended."""
    client = Client(of or machine(), rates)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkLostError) as failure:
            await client.connection.run(url)
    assert not client.send()
    return str(failure.value)


# --- a good gateway -------------------------------------------------------------------------------------------------


async def test_a_client_registers_sends_and_is_pushed_to(rates: SlotGaps) -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url, rates) as client:
        assert not client.send()
        await client.until(lambda: bool(client.ready))
        assert client.ready[0].newly_registered
        assert (client.connection.pacer_pid is None) is (rates is IN_PROCESS)
        assert client.send()
        client.connection.begin()
        await client.until(lambda: client.departed == [1])
        await gateway.until_packets(1)
        assert gateway.packets == [mix_packet()]
        await gateway.push(CLIENT_IDENTITY.public, b"content")
        await client.until(lambda: bool(client.pushed))
        assert client.pushed == [b"content"]


async def test_a_known_client_authenticates_with_its_key(rates: SlotGaps) -> None:
    async with LoopbackGateway() as gateway:
        kept = machine()
        for newly in (True, False):
            async with connected(gateway.url, rates, kept) as client:
                await client.until(lambda: bool(client.ready))
                assert client.ready[0].newly_registered is newly


async def test_a_client_that_was_forgotten_registers_again() -> None:
    forgotten = machine(shared_key=bytes(32))
    async with LoopbackGateway() as gateway, connected(gateway.url, IN_PROCESS, forgotten) as client:
        await client.until(lambda: bool(client.ready))
        assert client.ready[0].newly_registered
        assert client.machine.shared_key == client.ready[0].shared_key != bytes(32)


async def test_a_stock_is_filled_and_no_more(rates: SlotGaps) -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url, rates) as client:
        await client.until(lambda: bool(client.ready))
        assert [client.send() for _ in range(DATA_LIMIT + 1)] == [True] * DATA_LIMIT + [False]
        client.connection.begin()
        await client.until(lambda: len(client.departed) == DATA_LIMIT)
        assert client.departed == list(range(1, DATA_LIMIT + 1))
        assert client.send()
        await gateway.until_packets(DATA_LIMIT + 1)


async def test_the_pacer_begins_when_the_stocks_have_been_filled_from_the_source() -> None:
    rates = SlotGaps(0.5, 60.0)
    async with LoopbackGateway() as gateway, connected(gateway.url, rates) as client:
        client.connection.feed()
        await asyncio.sleep(0)
        assert not client.asked, "before the connection is ready"
        await client.until(lambda: bool(client.ready))
        client.connection.feed()
        await client.until(lambda: client.has_begun)
        wanted = {
            FrameKind.DATA: rates.data_stock,
            FrameKind.COVER: rates.cover_stock,
            FrameKind.LOOP: rates.loop_stock,
        }
        assert Counter(client.asked) == wanted
        client.cover_generation += 1
        client.connection.feed()
        await client.until(lambda: client.asked.count(FrameKind.LOOP) == 2 * rates.loop_stock)


async def test_cover_and_data_share_the_slots_and_unused_ones_are_counted() -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url, PACED) as client:
        await client.until(lambda: bool(client.ready))
        for _ in range(20):
            assert client.send(FrameKind.COVER)
        for _ in range(3):
            assert client.send(FrameKind.DATA)
        client.connection.begin()
        await gateway.until_packets(23)
        await client.until(lambda: len(client.departed) == 23)
        assert client.departed[:3] == [21, 22, 23]
        async with asyncio.timeout(PATIENCE):
            while True:
                if client.connection.unused.empty:
                    break
                await asyncio.sleep(0)


async def test_covers_that_expire_make_room_for_newer_ones() -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url, SlotGaps(60.0, None)) as client:
        await client.until(lambda: bool(client.ready))
        assert [client.send(FrameKind.COVER) for _ in range(3)] == [True, True, False]
        client.connection.expire_covers()
        assert [client.send(FrameKind.COVER) for _ in range(3)] == [True, True, False]


async def test_covers_are_made_many_at_a_time() -> None:
    rates = SlotGaps(0.02, None)
    async with LoopbackGateway() as gateway, connected(gateway.url, rates) as client:
        await client.until(lambda: bool(client.ready))
        filled = sum(client.send(FrameKind.COVER) for _ in range(200))
        assert filled == rates.cover_stock
        client.connection.begin()
        await client.until(lambda: bool(client.departed))
        assert client.send(FrameKind.COVER) == (len(client.departed) > rates.cover_spare), "only when much is missing"
        await client.until(lambda: len(client.departed) > rates.cover_spare)
        assert sum(client.send(FrameKind.COVER) for _ in range(200)) > rates.cover_spare


async def test_nothing_is_sent_before_the_session_stands() -> None:
    async with LoopbackGateway(silent) as gateway, connected(gateway.url, IN_PROCESS) as client:
        assert not client.send()
        assert client.ready == []


async def test_a_ping_is_answered(rates: SlotGaps) -> None:
    answered = asyncio.Event()

    async def pinging(socket: web.WebSocketResponse) -> None:
        socket._autoping = False
        await socket.ping(b"are you there")
        async for message in socket:
            if message.type is aiohttp.WSMsgType.PONG:
                assert message.data == b"are you there"
                answered.set()

    async with LoopbackGateway(pinging) as gateway, connected(gateway.url, rates), asyncio.timeout(PATIENCE):
        await answered.wait()


async def test_the_gateway_hears_a_farewell(rates: SlotGaps) -> None:
    greeted, left = asyncio.Event(), asyncio.Event()
    farewells: list[int | None] = []

    async def listening(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            greeted.set()
        farewells.append(socket.close_code)
        left.set()

    async with LoopbackGateway(listening) as gateway, asyncio.timeout(PATIENCE):
        async with connected(gateway.url, rates):
            await greeted.wait()
        await left.wait()
        assert farewells == [1000]


# --- bad gateways ---------------------------------------------------------------------------------------------------


async def silent(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


async def deaf(socket: web.WebSocketResponse) -> None:
    await asyncio.Event().wait()


async def closing(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    await socket.close()


async def resetting(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.abort()


async def refusing(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    await socket.send_str(messages.encode(messages.Error("we are\nfull")))
    await silent(socket)


async def flooding(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    await socket.send_bytes(bytes(websocket_module.MAXIMUM_MESSAGE + 1))
    await silent(socket)


async def breaking_off(socket: web.WebSocketResponse) -> None:
    await write_raw(socket, b"\x82\x7e\x09\x00" + bytes(100))  # 100 bytes of 2304
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.close()


async def scribbling(socket: web.WebSocketResponse) -> None:
    await write_raw(socket, b"\xff" * 40)
    await silent(socket)


async def write_raw(socket: web.WebSocketResponse, data: bytes) -> None:
    await socket.receive()
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.write(data)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (closing, "closed the connection"),
        (resetting, "closed the connection|the connection to the gateway broke"),
        (refusing, "the gateway refuses this client: we are full"),
        (flooding, "the gateway is not understood: the message is too long"),
        (breaking_off, "closed the connection"),
        (scribbling, "the gateway is not understood: not a websocket"),
    ],
)
async def test_a_gateway_that_ends_the_connection_is_named_as_the_reason(
    script: Script, reason: str, rates: SlotGaps
) -> None:
    async with LoopbackGateway(script) as gateway:
        assert re.search(reason, await end_of(gateway.url, rates))


async def test_a_gateway_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "REPLY_TIMEOUT", 0.05)
    async with LoopbackGateway(silent) as gateway:
        assert await end_of(gateway.url) == "the gateway does not answer"


async def test_a_server_that_never_upgrades_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_TIMEOUT", 0.05)
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await end_of(f"ws://127.0.0.1:{port}/") == f"cannot reach the gateway at ws://127.0.0.1:{port}/: timed out"
    server.close()
    for writer in accepted:
        writer.close()


async def test_a_server_that_is_no_websocket_is_given_up(rates: SlotGaps) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reason = await end_of(f"ws://127.0.0.1:{runner.addresses[0][1]}/", rates)
    assert "cannot reach the gateway" in reason
    assert "HTTP status 200" in reason
    await runner.cleanup()


async def test_a_closed_port_is_given_up() -> None:
    async with LoopbackGateway() as gateway:
        url = gateway.url
    assert "cannot reach the gateway" in await end_of(url)


async def test_a_gateway_with_another_identity_is_refused() -> None:
    async with LoopbackGateway() as gateway:
        reason = await end_of(gateway.url, of=machine(CLIENT_IDENTITY.public))
    assert "could not prove its identity" in reason


async def test_a_gateway_that_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch, rates: SlotGaps) -> None:
    monkeypatch.setattr(connection_module, "WRITE_TIMEOUT", 0.2)
    stop_reading = asyncio.Event()

    async def tiring(socket: web.WebSocketResponse) -> None:
        serving = asyncio.create_task(gateway.serve(socket))
        await stop_reading.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await deaf(socket)

    async with LoopbackGateway(tiring) as gateway, asyncio.timeout(PATIENCE):
        client = Client(machine(), rates)
        task = asyncio.create_task(client.connection.run(gateway.url))
        await client.until(lambda: bool(client.ready))
        client.connection.begin()
        stop_reading.set()
        while not task.done():
            while client.send():
                pass
            await asyncio.sleep(0)
        with pytest.raises(LinkLostError, match="does not take what we send"):
            await task


async def test_a_gateway_that_delivers_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, rates: SlotGaps) -> None:
    monkeypatch.setattr(connection_module, "SILENCE", 0.2)
    monkeypatch.setattr(connection_module, "SILENT_PACKETS", 5)
    async with LoopbackGateway() as gateway:
        client = Client(machine(), rates)
        task = asyncio.create_task(client.connection.run(gateway.url))
        await client.until(lambda: bool(client.ready))
        client.connection.begin()

        async def keep_sending() -> None:
            while not task.done():
                client.send()
                await asyncio.sleep(0)

        async with asyncio.timeout(PATIENCE):
            await keep_sending()
        with pytest.raises(LinkLostError, match="nothing has come back"):
            await task
        assert client.connection.was_silent
        assert len(client.departed) >= 5


async def test_a_gateway_that_delivers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "SILENCE", 0.0)
    monkeypatch.setattr(connection_module, "SILENT_PACKETS", 5)
    async with LoopbackGateway() as gateway, connected(gateway.url, IN_PROCESS) as client:
        await client.until(lambda: bool(client.ready))
        client.connection.begin()
        for number in range(4):
            assert client.send()
            await client.until(lambda sent=number: len(client.departed) > sent)  # type: ignore[misc]
        await gateway.push(CLIENT_IDENTITY.public, b"x")
        await client.until(lambda: bool(client.pushed))
        for number in range(4, 8):
            assert client.send()
            await client.until(lambda sent=number: len(client.departed) > sent)  # type: ignore[misc]
        assert not client.connection.was_silent


async def test_garbage_is_dropped_and_the_session_comes_about_all_the_same(rates: SlotGaps) -> None:
    rng = random.Random(5)

    async def rambling(socket: web.WebSocketResponse) -> None:
        for length in (0, 1, 14, 30, 3000):
            await socket.send_bytes(rng.randbytes(length))
            await socket.send_str("{" * length)
        await gateway.serve(socket)

    async with LoopbackGateway(rambling) as gateway, connected(gateway.url, rates) as client:
        await client.until(lambda: bool(client.ready))
        assert client.machine.rejected == 10
        socket = gateway._sockets[CLIENT_IDENTITY.public][0]
        await socket.send_bytes(rng.randbytes(200))
        await gateway.push(CLIENT_IDENTITY.public, b"still here")
        await client.until(lambda: bool(client.pushed))
        assert client.pushed == [b"still here"]
        assert client.machine.rejected == 11


async def test_a_connection_leaves_no_task_behind(rates: SlotGaps) -> None:
    before = asyncio.all_tasks()
    async with LoopbackGateway(closing) as gateway:
        await end_of(gateway.url, rates)
        async with connected(gateway.url, rates) as client:
            await client.until(lambda: bool(client.ready))
    assert asyncio.all_tasks() == before


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hostname", "wss_port", "ips", "url"),
    [
        ("gw.example", 9001, ("10.0.0.1",), "wss://gw.example:9001/"),
        ("gw.example", None, ("10.0.0.1",), "ws://gw.example:9000/"),
        (None, None, ("10.0.0.1", "10.0.0.2"), "ws://10.0.0.1:9000/"),
        (None, 9001, ("10.0.0.1",), "ws://10.0.0.1:9000/"),
        (None, None, ("2001:db8::1",), "ws://[2001:db8::1]:9000/"),
    ],
)
def test_tls_is_chosen_where_a_host_name_is_announced(
    hostname: str | None, wss_port: int | None, ips: tuple[str, ...], url: str
) -> None:
    node = known_network().gateways[0]
    assert node.entry is not None
    entry = replace(node.entry, hostname=hostname, ws_port=9000, wss_port=wss_port, ips=ips)
    assert gateway_url(replace(node, entry=entry)) == url


def test_a_mix_node_is_no_gateway() -> None:
    with pytest.raises(UserError, match="is not a gateway"):
        gateway_url(known_network().topology.layers[0][0])
