"""A gateway that is nothing but its websocket: the server machine over a real socket, or whatever a test scripts.

With a `KnownNetwork` it is the rest of the mixnet too: a packet is opened with every hop's key at once, without delays.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import TracebackType

import aiohttp
from aiohttp import web

from nymconnect.crypto import Ed25519Secret
from nymconnect.directory.topology import EntryPoint, Node
from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.link.gateway.events import Authenticated
from nymconnect.link.gateway.server import GatewayServerMachine
from nymconnect.packet.acks import split_surb_ack
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import ACK_CONTENT_LENGTH
from nymconnect.packet.sphinx import Forward, open_packet
from nymconnect.runtime.clock import clock, unix_offset
from tests.helpers.gateway_pair import GATEWAY_IDENTITY, MemoryRegistry
from tests.helpers.networks import KnownNetwork

Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class LoopbackGateway:
    """An async context. `scripts` are used up by the first connections; later ones are served as a gateway does."""

    def __init__(self, *scripts: Script, network: KnownNetwork | None = None) -> None:
        self.registry = MemoryRegistry()
        self.packets: list[MixPacket] = []
        self.connections = 0
        self._scripts = list(scripts)
        self._network = network
        self._sockets: dict[bytes, tuple[web.WebSocketResponse, GatewayServerMachine]] = {}
        self._changed = asyncio.Event()

    @property
    def identity(self) -> Ed25519Secret:
        if self._network is None:
            return GATEWAY_IDENTITY
        return self._network.identities[self._network.gateways[0].identity]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    @property
    def node(self) -> Node:
        """This gateway as the directory would list it."""
        entry = EntryPoint(None, self.port, None, ("127.0.0.1",))
        address = NodeAddress("127.0.0.1", 1)
        return Node(1, self.identity.public, bytes(32), address, entry.ips, entry)

    async def __aenter__(self) -> "LoopbackGateway":
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.drop_clients()
        await self._runner.cleanup()

    async def drop_clients(self) -> None:
        """Close every session that is open."""
        for socket, _ in list(self._sockets.values()):
            await socket.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        self.connections += 1
        await (self._scripts.pop(0) if self._scripts else self.serve)(socket)
        return socket

    async def serve(self, socket: web.WebSocketResponse) -> None:
        """As a gateway does, until the connection ends."""
        machine = GatewayServerMachine(self.identity, self.registry, random.Random(3), unix_offset())
        machine.start(clock())
        try:
            async for message in socket:
                text = message.type is aiohttp.WSMsgType.TEXT
                feed = machine.feed_text if text else machine.feed_binary
                for effect in feed(message.data, clock()):
                    await self._perform(effect, socket, machine)
        finally:
            self._sockets.pop(machine.client, None)
            self.registry.online.discard(machine.client)

    async def _perform(self, effect: object, socket: web.WebSocketResponse, machine: GatewayServerMachine) -> None:
        match effect:
            case WriteText(text):
                await socket.send_str(text)
            case Write(data):
                await socket.send_bytes(data)
            case Authenticated(client):
                self._sockets[client] = socket, machine
                self.registry.online.add(client)
            case SendTo(packet):
                self.packets.append(packet)
                self._changed.set()
                if self._network is not None:
                    await self._carry(packet.next_hop, packet.packet)
            case Close():
                await socket.close()
            case _:
                raise AssertionError(effect)

    async def push(self, client: bytes, content: bytes) -> None:
        """As if the mixnet had delivered `content` for this client."""
        socket, machine = self._sockets[client]
        for effect in machine.push(content):
            await self._perform(effect, socket, machine)

    async def _carry(self, address: NodeAddress, packet: bytes) -> None:
        assert self._network is not None
        step = open_packet(packet, self._network.secret_at(address)).unwrap()
        while isinstance(step, Forward):
            step = open_packet(step.packet, self._network.secret_at(step.next_hop)).unwrap()
        content = step.message
        if len(content) != ACK_CONTENT_LENGTH:
            ack, content = split_surb_ack(content)
            await self._carry(ack.next_hop, ack.packet)
        if step.destination in self._sockets:
            await self.push(step.destination, content)

    async def until_packets(self, count: int) -> None:
        """Wait until the clients have sent so many."""
        async with asyncio.timeout(20):
            while len(self.packets) < count:
                self._changed.clear()
                await self._changed.wait()
