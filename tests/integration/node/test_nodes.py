"""Mix nodes and a gateway on loopback: whole round trips, garbage, restarts, an orderly end."""

import asyncio
import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nymconnect.errors import UserError
from nymconnect.node.mixnode import MixNode
from nymconnect.packet.acks import COVER_FRAGMENT_ID, open_ack
from nymconnect.packet.envelope import Ack, Cover
from nymconnect.packet.framing import FRAME_V7, FRAME_V8, Frame
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize
from tests.helpers.node_network import PATIENCE, BareClient, NodeNetwork
from tests.helpers.round_trips import eventually, round_trip, what_came


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
