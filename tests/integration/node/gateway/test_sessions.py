"""Sessions at a gateway: rivals, restarts, registrations, and strangers that talk or are silent."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from nymconnect.link.gateway.client import ClientState
from nymconnect.link.gateway.events import Ready
from nymconnect.lobby import LobbyLimits
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.packet.addressing import NodeAddress
from tests.helpers.node_network import PATIENCE, BareClient, NodeNetwork
from tests.helpers.round_trips import eventually, round_trip


async def test_second_session_is_refused_while_the_first_answers() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        rival = BareClient(network, shared_key=client.machine.shared_key, ahead=5.0)
        await rival.connect(wait=False)
        await rival.until(lambda: rival.closed)
        await rival.disconnect()
        assert rival.machine.state is not ClientState.READY
        await round_trip(client)


async def test_dead_session_makes_room_for_the_next() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        client.answers_pings = False
        rival = BareClient(network, shared_key=client.machine.shared_key, ahead=5.0)
        async with rival:
            await client.until(lambda: client.closed)
            await round_trip(rival)


async def test_registration_is_refused_while_a_session_is_live() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        rival = BareClient(network)
        await rival.connect(wait=False)
        await rival.until(lambda: rival.closed)
        await rival.disconnect()
        await round_trip(client)


async def test_registration_survives_a_restart_of_the_gateway(tmp_path: Path) -> None:
    async with NodeNetwork(state=tmp_path) as network:
        async with BareClient(network) as client:
            pass
        await network.gateway.stop()
        network.gateway = Gateway(network.gateway_settings, network.gateway_keys)
        await network.gateway.start()
        network.introduce()
        async with BareClient(network, shared_key=client.machine.shared_key) as back:
            assert [effect.newly_registered for effect in back.effects if isinstance(effect, Ready)] == [False]


async def test_gateway_starts_again_on_the_same_object_and_its_client_comes_back() -> None:
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
        await network.gateway.stop()
        await client.until(lambda: client.closed)
        await client.disconnect()
        await network.gateway.start()
        network.introduce()
        async with client:
            await round_trip(client)
            assert network.gateway.counters["gateway_sessions"] == 2


async def test_pings_of_a_stranger_are_answered_and_anything_else_ends_the_connection() -> None:
    async with NodeNetwork() as network, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"ws://127.0.0.1:{network.gateway.ws_port}/any/path", autoping=False)
        await socket.ping(b"12345678")
        message = await socket.receive(PATIENCE)
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"12345678")
        await socket.send_bytes(bytes(50))
        assert (await socket.receive(PATIENCE)).type is aiohttp.WSMsgType.TEXT
        assert (await socket.receive(PATIENCE)).type is aiohttp.WSMsgType.CLOSED  # without a close frame


async def test_oversized_message_closes_only_its_own_connection() -> None:
    async with NodeNetwork() as network, BareClient(network) as client, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"ws://127.0.0.1:{network.gateway.ws_port}/") as socket:
            await socket.send_bytes(bytes(2 * 1024 * 1024))
            message = await socket.receive(PATIENCE)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await round_trip(client)


async def test_plain_http_is_told_to_upgrade_and_silence_is_cut_off() -> None:
    async with NodeNetwork() as network, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{network.gateway.ws_port}/"
        async with http.get(url) as response:
            assert response.status == 426
        reader, writer = await asyncio.open_connection("127.0.0.1", network.gateway.ws_port)
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
        assert network.gateway.counters["gateway_closed_no_upgrade"] >= 1


async def test_client_cannot_send_to_strangers() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        packet = client.cover()
        await client.send(replace(packet, next_hop=NodeAddress("127.0.0.1", port)))
        await eventually(lambda: network.gateway.counters["gateway_dropped_unknown_hop"] == 1)
        assert network.gateway.counters["link_connected"] == 0
        server.close()
        await server.wait_closed()


async def test_a_stranger_that_talks_all_the_time_is_gone_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nymconnect.link.gateway.server.STRANGER_TIMEOUT", 1.0)
    async with NodeNetwork() as network, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"ws://127.0.0.1:{network.gateway.ws_port}/") as socket, asyncio.timeout(PATIENCE):
            await socket.send_str('{"type":"supportedProtocol"}')
            answers = []
            async for message in socket:
                answers.append(message.data)
                await asyncio.sleep(0.05)
                with contextlib.suppress(OSError):
                    await socket.send_str('{"type":"supportedProtocol"}')
        assert 5 < len(answers) <= 22
        assert answers[-1] == '{"type":"error","message":"timed out"}'


@pytest.mark.parametrize("kind", ["pings", "requests"])
async def test_a_stranger_that_reads_nothing_is_gone_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("nymconnect.link.gateway.server.STRANGER_TIMEOUT", 1.0)
    monkeypatch.setattr("nymconnect.node.gateway.client_port.STRANGER_TIMEOUT", 1.0)
    monkeypatch.setattr("nymconnect.node.gateway.client_port.LAST_WORDS", 1.0)

    async def flood(socket: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(OSError, aiohttp.ClientError):
            while True:
                if kind == "pings":
                    await socket.ping(bytes(100))
                else:
                    await socket.send_str('{"type":"supportedProtocol"}')

    async with NodeNetwork() as network, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"ws://127.0.0.1:{network.gateway.ws_port}/", autoping=False)
        transport = socket._conn.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        flooding = asyncio.create_task(flood(socket))
        await eventually(lambda: len(network.gateway._connected) == 1)
        await eventually(lambda: len(network.gateway._connected) == 0)
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        transport.abort()


async def test_strangers_take_no_place_of_a_client() -> None:
    async with NodeNetwork() as network:
        await network.gateway.stop()
        places = LobbyLimits(strangers=20, known=2, per_address=20)
        network.gateway = Gateway(network.gateway_settings, network.gateway_keys, places=places)
        await network.gateway.start()
        network.introduce()
        async with BareClient(network) as client, aiohttp.ClientSession() as http:
            url = f"ws://127.0.0.1:{network.gateway.ws_port}/"
            strangers = [await http.ws_connect(url) for _ in range(30)]
            await round_trip(client)
            async with BareClient(network, identity_seed=2) as another:
                await round_trip(another)
                third = BareClient(network, identity_seed=3)
                await third.connect(wait=False)
                await third.until(lambda: third.closed)
                await third.disconnect()
                await round_trip(client)
            assert network.gateway.counters["gateway_refused_full"] == 1
            for stranger in strangers:
                await stranger.close()
