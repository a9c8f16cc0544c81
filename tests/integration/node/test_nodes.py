"""Mix nodes and a gateway on loopback: whole round trips, garbage, restarts, rival sessions."""

import asyncio
import contextlib
import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from nymconnect.errors import UserError
from nymconnect.link.gateway.client import ClientState
from nymconnect.link.gateway.events import DeliveryRates, Ready
from nymconnect.link.gateway.server import MAX_DELIVERY_RATE
from nymconnect.lobby import LobbyLimits
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.gateway.mailbox import MailboxLimits
from nymconnect.node.gateway.rate_allowance import NOTHING, SHOWN_AFTER
from nymconnect.node.gateway.store import GatewayStore
from nymconnect.node.mixnode import MixNode
from nymconnect.packet.acks import COVER_FRAGMENT_ID, open_ack
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.envelope import Ack, Cover, open_content
from nymconnect.packet.framing import FRAME_V7, FRAME_V8, Frame
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize
from nymconnect.runtime.clock import clock
from tests.helpers.node_network import PATIENCE, BareClient, NodeNetwork


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a counter has no event to wait for
            await asyncio.sleep(0.01)


def what_came(client: BareClient) -> list[type]:
    """Kinds of what was pushed, sorted by name: `Ack` and `Cover` for a loop packet that came home with its ack."""
    opened = [open_content(content, client.encryption, lambda _: None, client.ack_key) for content in client.pushed]
    return sorted((type(content) for content in opened), key=lambda kind: kind.__name__)


async def round_trip(client: BareClient, size: PacketSize = PacketSize.REGULAR) -> None:
    client.pushed.clear()
    await client.send(client.cover(size))
    await client.until(lambda: len(client.pushed) == 2)
    assert what_came(client) == [Ack, Cover]


@pytest.mark.parametrize(("noise", "version"), [(True, FRAME_V7), (True, FRAME_V8), (False, FRAME_V7)])
async def test_packet_and_its_ack_come_back_to_the_client(noise: bool, version: int) -> None:
    async with NodeNetwork(noise=noise, frame_version=version) as network, BareClient(network) as client:
        await round_trip(client)
        lengths = sorted(len(content) for content in client.pushed)
        assert lengths == [ACK_CONTENT_LENGTH, PacketSize.REGULAR.message]
        ack = next(content for content in client.pushed if len(content) == ACK_CONTENT_LENGTH)
        assert open_ack(client.ack_key, ack) == COVER_FRAGMENT_ID
        assert network.gateway.counters["acks_sent"] == 1
        assert [mixnode.counters["forwarded"] for mixnode in network.mixnodes] == [2, 2, 2]


@pytest.mark.parametrize("size", [PacketSize.EXTENDED8, PacketSize.EXTENDED32])
async def test_large_packets_pass(size: PacketSize) -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await round_trip(client, size)


async def test_many_packets_pass_without_loss() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        for _ in range(50):
            await client.send(client.cover())
        await client.until(lambda: len(client.pushed) == 100)
        assert what_came(client) == [Ack] * 50 + [Cover] * 50


async def test_garbage_on_every_port_leaves_the_nodes_alive() -> None:
    rng = random.Random(9)
    async with NodeNetwork() as network, BareClient(network) as client:
        ports = [node.mix_port for node in (*network.mixnodes, network.gateway)] + [network.gateway.ws_port]
        for port in ports:
            for size in (1, 8, 100, 5000):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(rng.randbytes(size))
                with contextlib.suppress(OSError):
                    await writer.drain()
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        await round_trip(client)


async def test_random_frames_are_dropped_and_counted_and_cost_no_connection() -> None:
    async with NodeNetwork(noise=False) as network, BareClient(network) as client:
        node = network.mixnodes[0]
        _, writer = await asyncio.open_connection("127.0.0.1", node.mix_port)
        rng = random.Random(4)
        for _ in range(20):
            writer.write(Frame.of(rng.randbytes(PacketSize.REGULAR.packet)).encode())
        await eventually(lambda: node.counters["dropped_bad_header"] == 20)
        assert node.counters["listener_closed_bad_bytes"] == 0
        writer.write(b"\xff")
        await eventually(lambda: node.counters["listener_closed_bad_bytes"] == 1)
        writer.close()
        await round_trip(client)


async def test_plain_connection_is_closed_where_noise_is_due() -> None:
    async with NodeNetwork() as network:
        node = network.mixnodes[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", node.mix_port)
        writer.write(Frame.of(bytes(PacketSize.REGULAR.packet)).encode())
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
        assert node.counters["listener_closed_bad_noise"] == 1
        assert node.counters["received"] == 0


async def test_silent_handshake_is_closed_in_time() -> None:
    async with NodeNetwork() as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", network.mixnodes[0].mix_port)
        assert await asyncio.wait_for(reader.read(), 3.0) == b""
        writer.close()


async def test_network_heals_when_a_mix_node_restarts() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await round_trip(client)
        node = network.mixnodes[1]
        port = node.mix_port
        await node.stop()
        await client.send(client.cover())
        await eventually(lambda: network.mixnodes[0].counters["link_dropped_unreachable"] == 1)
        restarted = network.mixnodes[1] = MixNode(network.settings(2, port), network.keys[1])
        await restarted.start()
        restarted.update(network.topology)
        await round_trip(client)


async def test_stopped_node_starts_again_on_the_same_object() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await network.mixnodes[2].stop()
        await network.mixnodes[2].start()
        network.introduce()
        await round_trip(client)


async def test_replayed_packet_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await network.mixnodes[0].stop()
        settings = replace(network.settings(1), state_directory=tmp_path)
        first = network.mixnodes[0] = MixNode(settings, network.keys[0])
        await first.start()
        network.introduce()
        packet = client.cover()
        await client.send(packet)
        await client.send(packet)
        await client.until(lambda: len(client.pushed) == 2)
        assert first.counters["dropped_replay"] == 1

        port = first.mix_port
        await first.stop()
        restarted = network.mixnodes[0] = MixNode(replace(settings, mix_port=port), network.keys[0])
        await restarted.start()
        network.introduce()
        await client.send(packet)
        await eventually(lambda: restarted.counters["dropped_replay"] == 1)
        assert restarted.counters["forwarded"] == 0


async def test_client_that_was_away_gets_its_messages_in_order() -> None:
    async with NodeNetwork() as network:
        async with BareClient(network) as client:
            key = client.machine.shared_key
        contents = [bytes([number]) * 100 for number in range(250)]
        for content in contents:
            network.gateway.deliver(client.identity.public, content)
        assert len(network.gateway.mail.mailbox) == 250
        async with BareClient(network, shared_key=key) as back:
            await back.until(lambda: len(back.pushed) >= 250)
            assert back.pushed == contents
            assert not any(isinstance(effect, Ready) and effect.newly_registered for effect in back.effects)
            network.gateway.deliver(client.identity.public, b"live")
            await back.until(lambda: len(back.pushed) == 251)
            await eventually(lambda: len(network.gateway.mail.mailbox) == 0)


async def test_a_full_mailbox_stops_no_client_that_is_connected() -> None:
    async with NodeNetwork() as network:
        await network.gateway.stop()
        limits = MailboxLimits(total=0)
        full = network.gateway = Gateway(network.settings(4), network.gateway_keys, mailbox_limits=limits)
        await full.start()
        network.introduce()
        async with BareClient(network) as client:
            await round_trip(client)
            contents = [number.to_bytes(2, "big") * 1000 for number in range(5)]
            for number, content in enumerate(contents, 1):
                assert full.deliver(client.identity.public, content)
                await client.until(lambda number=number: client.pushed[-number:] == contents[:number])
        await eventually(lambda: full.deliver(client.identity.public, contents[0]) is None)
        assert full.counters["gateway_withheld_acks"] == 0
        assert len(full.mail.mailbox) == 0


async def test_burst_beyond_the_push_queue_keeps_its_order() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        contents = [number.to_bytes(2, "big") * 50 for number in range(1000)]
        for content in contents:
            network.gateway.deliver(client.identity.public, content)
        assert len(network.gateway.mail.mailbox) > 0
        await client.until(lambda: len(client.pushed) == 1000)
        assert client.pushed == contents


async def test_what_a_new_pace_has_no_room_for_at_first_comes_in_its_order() -> None:
    rates = DeliveryRates(900.0, 900.0)
    async with NodeNetwork() as network, BareClient(network) as client:
        (session,) = network.gateway._sessions.values()
        pusher = session._pusher
        await eventually(lambda: not pusher._behind)
        contents = [number.to_bytes(2, "big") * 50 for number in range(1, 500)]
        acks = [number.to_bytes(ACK_CONTENT_LENGTH, "big") for number in range(1, 50)]
        pusher.pace(rates)
        assert pusher._delivery is not None
        for content in contents[:256]:
            network.gateway.deliver(client.identity.public, content)
        pusher._leaving.extend(pusher._delivery.wake(clock() + 0.1))  # what a client that does not read leaves there
        for content in [*contents[256:], *acks]:
            network.gateway.deliver(client.identity.public, content)
        pusher.pace(NOTHING)
        pusher.pace(rates)
        await client.until(lambda: contents[-1] in client.pushed and acks[-1] in client.pushed)
        assert [content for content in client.pushed if content in contents] == contents
        assert [content for content in client.pushed if content in acks] == acks


async def test_a_session_whose_pusher_crashes_is_closed_and_the_message_waits_for_the_next() -> None:
    async with NodeNetwork() as network:
        async with BareClient(network) as client:
            (session,) = network.gateway._sessions.values()
            session._machine.push = None  # type: ignore[method-assign, assignment]
            network.gateway.deliver(client.identity.public, b"message")
            await client.until(lambda: client.closed)
        async with BareClient(network, shared_key=client.machine.shared_key) as back:
            await back.until(lambda: back.pushed == [b"message"])
        assert network.gateway.counters["crashes"] == 1


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


async def overwhelm(network: NodeNetwork, client: BareClient, count: int) -> list[bytes]:
    """Stop a client's reading and deliver more than socket and queue hold, so that the rest is in the mailbox."""
    client.pause_reading()
    contents = [number.to_bytes(2, "big") * 16_000 for number in range(count)]
    for content in contents:
        network.gateway.deliver(client.identity.public, content)
        await asyncio.sleep(0)
    assert network.gateway.mail.mailbox.used > 0
    assert network.gateway.mail.mailbox.refused == 0
    return contents


async def test_client_that_stops_reading_holds_up_nobody_and_finds_everything_in_order() -> None:
    async with NodeNetwork() as network, BareClient(network, identity_seed=2) as other, BareClient(network) as client:
        contents = await overwhelm(network, client, 500)
        await round_trip(other)
        client.resume_reading()
        for number in range(500, 600):
            contents.append(number.to_bytes(2, "big") * 16_000)
            network.gateway.deliver(client.identity.public, contents[-1])
            seen = len(client.pushed)
            await client.until(lambda seen=seen: len(client.pushed) > seen)
        await client.until(lambda: len(client.pushed) >= 600)
        assert client.pushed == contents


async def test_messages_that_a_dead_session_left_unsent_go_to_the_next_one() -> None:
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
        contents = await overwhelm(network, client, 500)
        async with BareClient(network, shared_key=client.machine.shared_key, ahead=5.0) as rival:
            await rival.until(lambda: contents[-1] in rival.pushed)
            assert rival.pushed == contents[-len(rival.pushed) :]
            client.resume_reading()
            await client.until(lambda: client.closed)
        await client.disconnect()
        # Only what had left for the socket and was cut off with it is lost.
        assert len(client.pushed) + len(rival.pushed) >= len(contents) - 5


async def test_gateway_stops_in_time_with_a_client_that_does_not_read() -> None:
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
        client.pause_reading()
        for number in range(400):
            network.gateway.deliver(client.identity.public, bytes([number % 256]) * 32_000)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(4.0):
            await network.gateway.stop()
    await client.disconnect()


async def test_nothing_runs_after_stop() -> None:
    before = asyncio.all_tasks()
    async with NodeNetwork() as network, BareClient(network) as client:
        await round_trip(client)
    async with NodeNetwork() as network:
        client = BareClient(network)
        await client.connect()
    await client.disconnect()
    assert asyncio.all_tasks() == before


async def test_occupied_port_is_one_clear_line() -> None:
    async with NodeNetwork() as network:
        other = MixNode(network.settings(9, network.mixnodes[0].mix_port), network.gateway_keys)
        with pytest.raises(UserError, match="cannot listen on"):
            await other.start()
        await other.stop()


async def test_a_paced_client_is_pushed_as_much_with_mail_as_without() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(30.0, 30.0)
        client.pushed.clear()
        await client.until(lambda: len(client.pushed) >= 150)
        assert {len(content) for content in client.pushed} == {ACK_CONTENT_LENGTH, PacketSize.REGULAR.message}
        assert not any(map(any, client.pushed))
        client.pushed.clear()
        for _ in range(50):
            await client.send(client.cover())
        await client.until(lambda: sum(map(any, client.pushed)) == 100)
        assert len(client.pushed) > 100
        assert client.is_paced


async def test_no_slot_of_a_paced_client_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, pushed_meanwhile = GatewayStore.read, []

    async with NodeNetwork(state=tmp_path) as network, BareClient(network) as client:

        def read_slowly(store: GatewayStore, numbers: Sequence[int]) -> dict[int, bytes]:
            before = len(client.pushed)
            time.sleep(0.5)
            pushed_meanwhile.append(len(client.pushed) - before)
            return read(store, numbers)

        await client.earn_rates(30.0, 30.0)
        for number in range(300):
            network.gateway.deliver(client.identity.public, number.to_bytes(2, "big") * 50)
        await eventually(lambda: network.gateway.mail.mailbox.content(client.identity.public, 300) is None)
        monkeypatch.setattr(GatewayStore, "read", read_slowly)
        await eventually(lambda: len(pushed_meanwhile) >= 2)
        assert min(pushed_meanwhile) > 5


async def test_mail_that_waits_for_its_slot_is_kept_for_the_next_session() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(0.01, 0.01)
        client.pushed.clear()
        for _ in range(20):
            await client.send(client.cover())
        await eventually(lambda: network.gateway.counters["gateway_pushed"] == 42)
        await client.disconnect()
        key = client.machine.shared_key
        async with BareClient(network, shared_key=key, ahead=2.0) as again:
            again.encryption, again.ack_key = client.encryption, client.ack_key
            await again.until(lambda: len(again.pushed) == 40)
            assert what_came(again) == [Ack] * 20 + [Cover] * 20


async def test_five_greedy_sessions_that_send_nothing_get_nothing_and_slow_nobody() -> None:
    async def registration() -> float:
        began = clock()
        async with BareClient(network, identity_seed=next(seeds)):
            return clock() - began

    seeds = itertools.count(2)
    async with NodeNetwork() as network, contextlib.AsyncExitStack() as stack:
        alone = statistics.median([await registration() for _ in range(5)])
        greedy = [await stack.enter_async_context(BareClient(network, identity_seed=next(seeds))) for _ in range(5)]
        for client in greedy:
            await client.ask_for_rates(MAX_DELIVERY_RATE, MAX_DELIVERY_RATE)
        await asyncio.sleep(2 * SHOWN_AFTER)
        beside = statistics.median([await registration() for _ in range(5)])
        assert [client.pushed for client in greedy] == [[]] * 5
        assert not any(client.is_paced for client in greedy)
        assert beside < 10 * alone + 0.5


async def test_a_client_may_end_its_constant_rate() -> None:
    async with NodeNetwork() as network, BareClient(network) as client:
        await client.earn_rates(0.01, 0.01)
        client.pushed.clear()
        await client.send(client.cover())
        await eventually(lambda: network.gateway.counters["gateway_pushed"] == 4)
        assert client.pushed == []
        await client.ask_for_rates(0.0, 0.0)
        await client.until(lambda: len(client.pushed) == 2)
        assert what_came(client) == [Ack, Cover]


# --- strangers at a gateway -------------------------------------------------------------------------------------


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


async def test_what_comes_while_the_disk_is_read_waits_for_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = GatewayStore.read

    def read_slowly(store: GatewayStore, numbers: Sequence[int]) -> dict[int, bytes]:
        time.sleep(0.02)
        return read(store, numbers)

    monkeypatch.setattr(GatewayStore, "read", read_slowly)
    async with NodeNetwork(state=tmp_path) as network:
        async with BareClient(network) as client:
            key = client.machine.shared_key
        contents = [number.to_bytes(2, "big") * 50 for number in range(600)]
        for content in contents[:300]:
            network.gateway.deliver(client.identity.public, content)
        await eventually(lambda: network.gateway.mail.mailbox.content(client.identity.public, 300) is None)
        async with BareClient(network, shared_key=key, ahead=5.0) as back:
            for content in contents[300:]:
                network.gateway.deliver(client.identity.public, content)
                await asyncio.sleep(0.001)
            await back.until(lambda: len(back.pushed) >= 600)
            assert back.pushed == contents
            await eventually(lambda: len(network.gateway.mail.mailbox) == 0)
