"""The driver of one gateway websocket, against real sockets: a good gateway and bad ones."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from nymconnect.client import connection as connection_module
from nymconnect.client.connection import BURST_LIMIT, GatewayConnection, LinkLostError, gateway_url
from nymconnect.errors import UserError
from nymconnect.link.gateway import client as machine_module
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import Ready
from nymconnect.runtime import http_client, unix_offset
from tests.helpers.gateway_pair import CLIENT_IDENTITY, GATEWAY_IDENTITY, mix_packet
from tests.helpers.loopback_gateway import LoopbackGateway, Script
from tests.helpers.networks import known_network

PATIENCE = 20.0


class Client:
    """A connection that runs, and what came of it."""

    def __init__(self, machine: GatewayClientMachine) -> None:
        self.machine = machine
        self.ready: list[Ready] = []
        self.pushed: list[bytes] = []
        self.changed = asyncio.Event()
        self.connection = GatewayConnection(machine, self._on_ready, self._on_push)

    def _on_ready(self, ready: Ready) -> None:
        self.ready.append(ready)
        self.changed.set()

    def _on_push(self, content: bytes) -> None:
        self.pushed.append(content)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def machine(gateway: bytes = GATEWAY_IDENTITY.public, shared_key: bytes | None = None) -> GatewayClientMachine:
    return GatewayClientMachine(CLIENT_IDENTITY, gateway, random.Random(1), unix_offset(), shared_key)


@contextlib.asynccontextmanager
async def connected(url: str, of: GatewayClientMachine | None = None) -> AsyncIterator[Client]:
    client = Client(of or machine())
    async with http_client() as http:
        task = asyncio.create_task(client.connection.run(http, url))
        try:
            yield client
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkLostError):
                await task


async def end_of(url: str, of: GatewayClientMachine | None = None) -> str:
    """Why a connection to `url` ended."""
    client = Client(of or machine())
    async with http_client() as http, asyncio.timeout(PATIENCE):
        with pytest.raises(LinkLostError) as failure:
            await client.connection.run(http, url)
    assert not client.connection.has_room
    return str(failure.value)


# --- a good gateway -------------------------------------------------------------------------------------------------


async def test_a_client_registers_sends_and_is_pushed_to() -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url) as client:
        assert not client.connection.has_room
        await client.until(lambda: bool(client.ready))
        assert client.ready[0].newly_registered
        assert client.connection.has_room
        client.connection.send(mix_packet())
        await gateway.until_packets(1)
        assert gateway.packets == [mix_packet()]
        await gateway.push(CLIENT_IDENTITY.public, b"content")
        await client.until(lambda: bool(client.pushed))
        assert client.pushed == [b"content"]


async def test_a_known_client_authenticates_with_its_key() -> None:
    async with LoopbackGateway() as gateway:
        kept = machine()
        for newly in (True, False):
            async with connected(gateway.url, kept) as client:
                await client.until(lambda: bool(client.ready))
                assert client.ready[0].newly_registered is newly


async def test_a_client_that_was_forgotten_registers_again() -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url, machine(shared_key=bytes(32))) as client:
        await client.until(lambda: bool(client.ready))
        assert client.ready[0].newly_registered
        assert client.machine.shared_key == client.ready[0].shared_key != bytes(32)


async def test_a_burst_waits_for_the_socket_and_what_exceeds_it_is_lost() -> None:
    async with LoopbackGateway() as gateway, connected(gateway.url) as client:
        await client.until(lambda: bool(client.ready))
        for _ in range(BURST_LIMIT + 500):
            client.connection.send(mix_packet())
        assert not client.connection.has_room
        await gateway.until_packets(BURST_LIMIT)
        assert client.connection.has_room
        client.connection.send(mix_packet())
        await gateway.until_packets(BURST_LIMIT + 1)
        assert len(gateway.packets) == BURST_LIMIT + 1
        assert gateway.connections == 1


async def test_nothing_is_sent_before_the_session_stands() -> None:
    async with LoopbackGateway(silent) as gateway, connected(gateway.url) as client:
        client.connection.send(mix_packet())
        assert client.ready == []


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
    await socket.send_bytes(bytes(connection_module.MAXIMUM_MESSAGE + 1))
    await silent(socket)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (closing, "closed the connection"),
        (resetting, "closed the connection"),
        (refusing, "the gateway refuses this client: we are full"),
        (flooding, "closed the connection"),
    ],
)
async def test_a_gateway_that_ends_the_connection_is_named_as_the_reason(script: Script, reason: str) -> None:
    async with LoopbackGateway(script) as gateway:
        assert reason in await end_of(gateway.url)


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


async def test_a_server_that_is_no_websocket_is_given_up() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert "cannot reach the gateway" in await end_of(f"ws://127.0.0.1:{runner.addresses[0][1]}/")
    await runner.cleanup()


async def test_a_closed_port_is_given_up() -> None:
    async with LoopbackGateway() as gateway:
        url = gateway.url
    assert "cannot reach the gateway" in await end_of(url)


async def test_a_gateway_with_another_identity_is_refused() -> None:
    async with LoopbackGateway() as gateway:
        reason = await end_of(gateway.url, machine(CLIENT_IDENTITY.public))
    assert "could not prove its identity" in reason


async def test_a_gateway_that_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "WRITE_TIMEOUT", 0.2)
    stop_reading = asyncio.Event()

    async def tiring(socket: web.WebSocketResponse) -> None:
        serving = asyncio.create_task(gateway.serve(socket))
        await stop_reading.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await deaf(socket)

    async with LoopbackGateway(tiring) as gateway, http_client() as http, asyncio.timeout(PATIENCE):
        client = Client(machine())
        task = asyncio.create_task(client.connection.run(http, gateway.url))
        await client.until(lambda: bool(client.ready))
        stop_reading.set()
        while not task.done():
            if client.connection.has_room:
                client.connection.send(mix_packet())
            await asyncio.sleep(0)
        with pytest.raises(LinkLostError, match="does not take what it is sent"):
            await task


async def test_garbage_is_dropped_and_the_session_comes_about_all_the_same() -> None:
    rng = random.Random(5)

    async def rambling(socket: web.WebSocketResponse) -> None:
        for length in (0, 1, 14, 30, 3000):
            await socket.send_bytes(rng.randbytes(length))
            await socket.send_str("{" * length)
        await gateway.serve(socket)

    async with LoopbackGateway(rambling) as gateway, connected(gateway.url) as client:
        await client.until(lambda: bool(client.ready))
        assert client.machine.rejected == 10
        socket = gateway._sockets[CLIENT_IDENTITY.public][0]
        await socket.send_bytes(rng.randbytes(200))
        await gateway.push(CLIENT_IDENTITY.public, b"still here")
        await client.until(lambda: bool(client.pushed))
        assert client.pushed == [b"still here"]
        assert client.machine.rejected == 11


async def test_a_connection_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with LoopbackGateway(closing) as gateway:
        await end_of(gateway.url)
        async with connected(gateway.url) as client:
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
