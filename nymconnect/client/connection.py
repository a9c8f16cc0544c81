"""One websocket to a gateway: performs the effects of a `GatewayClientMachine`.

A connection is used once; `MixnetClient` makes a new one after a loss. Mirrors what nym-gateway-client 1.21 does around
its socket (`socket_state.rs`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import aiohttp

from nymconnect.directory.topology import Node
from nymconnect.effects import Close, Write, WriteText
from nymconnect.errors import NymError, UserError, WireError
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import Pushed, Ready, Refused
from nymconnect.packet.framing import MixPacket
from nymconnect.runtime import Waker, clock

log = logging.getLogger(__name__)

# Frames that wait for the socket; past this the pacer's slots go unused instead of piling up.
QUEUE_LIMIT = 32
# What a pacer that was held up may catch up with at once (2.5 MB); packets beyond are lost and sent again later.
BURST_LIMIT = 1024
MAXIMUM_MESSAGE = 1 << 20
CONNECT_TIMEOUT = 10.0
WRITE_TIMEOUT = 30.0  # seconds that the gateway may leave one frame unread

_Item = bytes | str
_T = TypeVar("_T")


class LinkLostError(NymError):
    """The connection to the gateway has ended; the text says why."""


def gateway_url(gateway: Node) -> str:
    """Websocket address of a gateway: TLS where it is announced with a host name, else its first IP address."""
    entry = gateway.entry
    if entry is None:
        raise UserError(f"node {gateway.name} is not a gateway")
    if entry.hostname and entry.wss_port:
        return f"wss://{entry.hostname}:{entry.wss_port}/"
    host = entry.hostname or entry.ips[0]
    return f"ws://[{host}]:{entry.ws_port}/" if ":" in host else f"ws://{host}:{entry.ws_port}/"


class GatewayConnection:
    """One connection from connect to close; the machine outlives it."""

    def __init__(
        self,
        machine: GatewayClientMachine,
        on_ready: Callable[[Ready], None],
        on_push: Callable[[bytes], None],
    ) -> None:
        self._machine = machine
        self._on_ready = on_ready
        self._on_push = on_push
        self._outgoing: asyncio.Queue[_Item] = asyncio.Queue(BURST_LIMIT + QUEUE_LIMIT)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waker = Waker(lambda: machine.deadline, lambda: self._perform(machine.wake(clock())))
        self.is_ready = False

    @property
    def has_room(self) -> bool:
        """Whether a packet sent now would leave without waiting for many others."""
        return self.is_ready and self._outgoing.qsize() < QUEUE_LIMIT

    async def run(self, http: aiohttp.ClientSession, url: str) -> None:
        """Serve until the connection ends, which is always a LinkLostError that says why."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                socket = await http.ws_connect(url, max_msg_size=MAXIMUM_MESSAGE, compress=0)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise LinkLostError(f"cannot reach the gateway at {url}: {str(error) or 'timed out'}") from error
        try:
            self._perform(self._machine.start(clock()))
            await self._serve(socket)
        finally:
            self.is_ready = False
            self._waker.cancel()
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await socket.close()

    def send(self, packet: MixPacket) -> None:
        """Hand a packet to the gateway; only after `has_room`. Whatever is not ready or too full any more loses it."""
        if self.is_ready and self._outgoing.qsize() < BURST_LIMIT:
            self._perform(self._machine.send(packet, clock()))

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The first of reader, writer and machine to end ends the others."""
        work = {asyncio.create_task(self._read(socket)), asyncio.create_task(self._write(socket)), self._ended}
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                await _result(finished)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        raise LinkLostError("the gateway closed the connection")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                self._feed(message)
                if self._ended.done():
                    return
        except (aiohttp.ClientError, OSError) as error:  # while it answers a ping
            raise _broken(error) from error

    def _feed(self, message: aiohttp.WSMessage) -> None:
        try:
            if message.type is aiohttp.WSMsgType.BINARY:
                self._perform(self._machine.feed_binary(message.data, clock()))
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._perform(self._machine.feed_text(message.data, clock()))
        except WireError as error:
            log.warning("dropped a message of the gateway: %s", error)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                item = await self._outgoing.get()
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await (socket.send_bytes(item) if isinstance(item, bytes) else socket.send_str(item))
        except TimeoutError as error:
            raise LinkLostError("the gateway does not take what it is sent") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(error) from error

    def _perform(self, effects: Iterable[object]) -> None:
        for effect in effects:
            match effect:
                case Write(data):
                    self._queue(data)
                case WriteText(text):
                    self._queue(text)
                case Pushed(content):
                    self._on_push(content)
                case Ready():
                    self.is_ready = True
                    self._on_ready(effect)
                case Refused(reason):
                    self._end(LinkLostError(f"the gateway refuses this client: {reason}"))
                case Close(reason):
                    self._end(LinkLostError(reason or "the gateway connection was given up"))
        self._waker.arm()

    def _queue(self, item: _Item) -> None:
        try:
            self._outgoing.put_nowait(item)
        except asyncio.QueueFull:
            self._end(LinkLostError("the gateway does not take what it is sent"))

    def _end(self, error: NymError) -> None:
        self.is_ready = False
        if not self._ended.done():
            self._ended.set_exception(error)


def _broken(error: Exception) -> LinkLostError:
    return LinkLostError(f"the connection to the gateway broke: {error}")


async def _result(finished: asyncio.Future[_T]) -> _T:
    return await finished
