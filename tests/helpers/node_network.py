"""Real nodes on loopback, and a bare client: a websocket and the gateway client machine, nothing else."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import aiohttp

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.assembly import node_from
from nymconnect.directory.network_state import NodeRecord
from nymconnect.directory.topology import Node, Topology
from nymconnect.effects import Write, WriteText
from nymconnect.link.gateway.client import ClientState, GatewayClientMachine
from nymconnect.link.gateway.events import ClientEffect, DeliveryPaced, LinkGivenUp, Pushed
from nymconnect.node.gateway.gateway import Gateway
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.mixnode import MixNode
from nymconnect.node.relay import NodeSettings
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.envelope import seal_cover
from nymconnect.packet.framing import FRAME_V7, MixPacket
from nymconnect.packet.params import PacketSize
from nymconnect.runtime.clock import clock, unix_offset

ROTATION_ID = 5
PATIENCE = 10.0


def node_of(record: NodeRecord) -> Node:
    return node_from(record.row(ROTATION_ID), record.noise_key)


class NodeNetwork:
    """Three mix nodes and a gateway, each knowing all; an async context."""

    def __init__(self, *, noise: bool = True, frame_version: int = FRAME_V7, state: Path | None = None) -> None:
        self._rng = random.Random(3)
        self._noise = noise
        self._frame_version = frame_version
        self.keys = [self._keys() for _ in range(3)]
        self.mixnodes = [MixNode(self.settings(number), keys) for number, keys in enumerate(self.keys, 1)]
        self.gateway_settings = replace(self.settings(4), state_directory=state)
        self.gateway_keys = self._keys()
        self.gateway = Gateway(self.gateway_settings, self.gateway_keys)
        self.topology: Topology

    def settings(self, node_id: int, mix_port: int = 0) -> NodeSettings:
        return NodeSettings(node_id, mix_port=mix_port, frame_version=self._frame_version)

    def _keys(self) -> NodeKeys:
        identity, sphinx = Ed25519Secret.generate(self._rng), X25519Secret.generate(self._rng)
        noise = X25519Secret.generate(self._rng) if self._noise else None
        return NodeKeys(identity, SphinxKeys(sphinx, ROTATION_ID), noise)

    async def __aenter__(self) -> "NodeNetwork":
        for node in (*self.mixnodes, self.gateway):
            await node.start()
        self.introduce()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in (*self.mixnodes, self.gateway):
            await node.stop()

    def introduce(self) -> None:
        """Build the topology from what the nodes say of themselves, and tell every node."""
        first, second, third = (node_of(mixnode.description) for mixnode in self.mixnodes)
        gateway = node_of(self.gateway.description)
        self.topology = Topology(((first,), (second,), (third,)), {gateway.identity: gateway}, ROTATION_ID, 130)
        for node in (*self.mixnodes, self.gateway):
            node.update(self.topology)


class BareClient:
    """An async context that is registered with the gateway and keeps what it is pushed."""

    def __init__(
        self, network: NodeNetwork, *, identity_seed: int = 1, shared_key: bytes | None = None, ahead: float = 0.0
    ) -> None:
        """`ahead`: seconds by which its clock is wrong; two sessions must not open within the same second."""
        rng = random.Random(identity_seed)
        self.identity = Ed25519Secret.generate(rng)
        self.encryption = X25519Secret.generate(rng)
        self.ack_key = rng.randbytes(16)
        gateway = network.gateway_keys.identity.public
        self.address = Recipient(self.identity.public, self.encryption.public, gateway)
        self.machine = GatewayClientMachine(self.identity, gateway, rng, unix_offset() + ahead, shared_key)
        self.pushed: list[bytes] = []
        self.sent = 0
        self.effects: list[ClientEffect] = []
        self.closed = False
        self.answers_pings = True
        self._network = network
        self._rng = rng
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "BareClient":
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def connect(self, *, wait: bool = True) -> None:
        self.closed = False
        self._http = aiohttp.ClientSession()
        url = f"ws://127.0.0.1:{self._network.gateway.ws_port}/"
        timeout = aiohttp.ClientWSTimeout(ws_close=0.5)
        self._socket = await self._http.ws_connect(url, autoping=False, protocols=("whatever",), timeout=timeout)
        await self._perform(self.machine.start(clock()))
        self._reader = asyncio.get_running_loop().create_task(self._read())
        if wait:
            await self.until(lambda: self.machine.state is ClientState.READY)

    async def disconnect(self) -> None:
        await self._socket.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._http.close()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._perform(self.machine.feed_text(message.data, clock()))
            elif message.type is aiohttp.WSMsgType.BINARY:
                await self._perform(self.machine.feed_binary(message.data, clock()))
            elif message.type is aiohttp.WSMsgType.PING and self.answers_pings:
                await self._socket.pong(message.data)
        self.closed = True
        self._changed.set()

    async def _perform(self, effects: list[ClientEffect]) -> None:
        for effect in effects:
            match effect:
                case WriteText(text):
                    await self._socket.send_str(text)
                case Write(data):
                    await self._socket.send_bytes(data)
                case Pushed(content):
                    self.pushed.append(content)
                case LinkGivenUp():
                    await self._socket.close()
            self.effects.append(effect)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the client's state fulfils `condition`."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def cover(self, size: PacketSize = PacketSize.REGULAR, mean_delay: float = 0.001) -> MixPacket:
        """A packet to ourselves; its ack comes back as well."""
        route, ack_route = (
            self._network.topology.route_to(self.address.gateway, mean_delay, self._rng) for _ in range(2)
        )
        return seal_cover(self.address, self.ack_key, route, ack_route, size, self._rng)[0]

    async def send(self, packet: MixPacket) -> None:
        self.sent += 1
        await self._perform(self.machine.send(packet, clock()))

    async def ask_for_rates(self, messages: float, acks: float) -> None:
        """Have the gateway push at these rates; returns when it has answered."""
        answers = len(self.effects)
        await self._perform(self.machine.pace_delivery(messages, acks))
        await self.until(lambda: any(isinstance(effect, DeliveryPaced) for effect in self.effects[answers:]))

    async def earn_rates(self, messages: float, acks: float) -> None:
        """Ask for these rates, and send covers at twice as many a second, but one at least, until they are granted."""
        await self.ask_for_rates(messages, acks)
        began, before = clock(), self.sent
        async with asyncio.timeout(PATIENCE):
            while not self.is_paced:
                if self.sent - before < max(1.0, 2 * max(messages, acks) * (clock() - began)):
                    await self.send(self.cover())
                await asyncio.sleep(0.002)
        await self.until(lambda: sum(map(any, self.pushed)) >= 2 * self.sent)

    @property
    def is_paced(self) -> bool:
        """What the gateway has said last."""
        said = [effect.granted for effect in self.effects if isinstance(effect, DeliveryPaced)]
        return bool(said) and said[-1]

    def pause_reading(self) -> None:
        """Take nothing more from the socket: the client hangs, its connection stays."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client wakes up and finds what the kernel kept for it."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.ReadTransport:
        transport = self._socket._conn.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport
