"""What a gateway has acknowledged is there after it was killed, and after an orderly restart."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Topology
from nymconnect.packet.acks import FragmentId, build_surb_ack, open_ack
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize
from nymconnect.packet.sphinx import build_packet
from nymconnect.runtime.http import http_client
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from tests.helpers.gateway_process import GatewayProcess
from tests.helpers.node_network import BareClient
from tests.helpers.stage import eventually

COUNT = 100
REPEATS = PacketSize.REGULAR.message // 4
PATIENCE = 30.0
RNG = random.Random(8)


class Stage:
    """A sender behind a gateway of the network, and a receiver behind one in a process of its own."""

    def __init__(self, gateway: GatewayProcess, topology: Topology, other: Any) -> None:
        self.gateway = gateway
        self.topology = topology
        self.receiver = BareClient(self._at(gateway.record.identity, gateway.ws_port))
        self.sender = BareClient(self._at(other.description.identity, other.ws_port), identity_seed=2)

    def _at(self, identity: bytes, ws_port: int) -> Any:
        """The part of a `NodeNetwork` that a client looks at."""
        keys = SimpleNamespace(identity=SimpleNamespace(public=identity))
        return SimpleNamespace(gateway_keys=keys, gateway=SimpleNamespace(ws_port=ws_port), topology=self.topology)

    def again(self) -> BareClient:
        """The receiver in its next session."""
        client = BareClient(self.receiver._network, shared_key=self.receiver.machine.shared_key, ahead=5.0)
        assert client.address == self.receiver.address
        return client

    def packet(self, number: int) -> MixPacket:
        """Message `number` for the receiver, with the ack `number` for the sender."""
        sender, receiver = self.sender.address, self.receiver.address
        route, ack_route = (self.topology.route_to(to.gateway, 0.001, RNG) for to in (receiver, sender))
        ack = build_surb_ack(sender, self.sender.ack_key, FragmentId(number, 1), ack_route, RNG)
        content = ack + number.to_bytes(4, "big") * REPEATS
        packet = build_packet(route, receiver.identity, content, PacketSize.REGULAR, RNG)
        return MixPacket(route.first_hop, packet, route.rotation)

    @property
    def acked(self) -> set[int]:
        acks = (content for content in self.sender.pushed if len(content) == ACK_CONTENT_LENGTH)
        return {open_ack(self.sender.ack_key, content).set_id for content in acks}


def arrived(*clients: BareClient) -> list[int]:
    return [int.from_bytes(content[:4], "big") for client in clients for content in client.pushed]


@contextlib.asynccontextmanager
async def set_up(state: Path) -> AsyncIterator[Stage]:
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=1, gateways=1)
    await network.start()
    rotation_id = network.gateways[0].description.sphinx_keys[0].rotation_id
    gateway = GatewayProcess(network.api_url, state, rotation_id)
    network.state.add(gateway.record)
    try:
        await gateway.start()
        await network._introduce_nodes()
        async with http_client() as http:
            topology = await DirectoryClient([network.api_url], http).topology()
        yield Stage(gateway, topology, network.gateways[0])
    finally:
        await gateway.stop()
        await network.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("end", [GatewayProcess.kill, GatewayProcess.stop])
async def test_of_a_hundred_acknowledged_messages_a_hundred_arrive_after_a_restart(
    tmp_path: Path, end: Callable[[GatewayProcess], Awaitable[None]]
) -> None:
    async with set_up(tmp_path) as stage, stage.sender as sender:
        async with stage.receiver:
            await stage.gateway.remember()
        for number in range(1, COUNT + 1):
            await sender.send(stage.packet(number))
        await eventually(lambda: len(stage.acked) == COUNT, PATIENCE)
        await end(stage.gateway)
        await stage.gateway.start()
        async with stage.again() as receiver:
            await receiver.until(lambda: len(receiver.pushed) >= COUNT)
            assert sorted(arrived(receiver)) == list(range(1, COUNT + 1))
            assert all(content == content[:4] * REPEATS for content in receiver.pushed)
            await eventually(lambda: stage.gateway.rows("mail") == 0)


@pytest.mark.timeout(120)
async def test_nothing_acknowledged_is_lost_when_a_gateway_is_killed_at_work(tmp_path: Path) -> None:
    async with set_up(tmp_path) as stage, stage.sender as sender:
        async with stage.receiver:
            await stage.gateway.remember()
        sending = asyncio.create_task(send_all(stage, sender, 5 * COUNT))
        await eventually(lambda: len(stage.acked) >= COUNT // 2, PATIENCE)
        await stage.gateway.kill()
        await sending
        await asyncio.sleep(0.5)  # acks that were under way
        acked = stage.acked
        assert len(acked) < 5 * COUNT
        await stage.gateway.start()
        async with stage.again() as receiver:
            await eventually(lambda: acked <= set(arrived(receiver)), PATIENCE)


@pytest.mark.timeout(120)
async def test_nothing_acknowledged_is_lost_when_the_client_stops_reading_and_its_gateway_is_killed(
    tmp_path: Path,
) -> None:
    async with set_up(tmp_path) as stage, stage.sender as sender:
        async with stage.receiver as receiver:
            await stage.gateway.remember()
            receiver.pause_reading()
            await send_all(stage, sender, COUNT)
            await eventually(lambda: len(stage.acked) == COUNT, PATIENCE)
            await stage.gateway.kill()
            receiver.resume_reading()
            await receiver.until(lambda: receiver.closed)
        await stage.gateway.start()
        async with stage.again() as back:
            await eventually(lambda: set(arrived(receiver, back)) == set(range(1, COUNT + 1)), PATIENCE)


async def send_all(stage: Stage, sender: BareClient, count: int) -> None:
    for number in range(1, count + 1):
        await sender.send(stage.packet(number))
        await asyncio.sleep(0.001)
