"""The local SOCKS5 port: what applications talk to.

It fails closed. Unless the session has attached a mixnet and said that it may serve, every request is answered with
"general failure" and the connection is closed; a session on demand may hold it until it knows. Nothing here resolves a
name or dials a target: a target leaves this module as text, inside a message for the exit.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from nymconnect.crypto import Rng
from nymconnect.effects import Close, Write
from nymconnect.errors import NymError, UsageError, UserError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime import SYSTEM_RNG, TaskSet, clock, in_use
from nymconnect_proxy.addresses import Target
from nymconnect_proxy.client_streams import ClientEffect, ClientOptions, ClientStream, Opened, Refused
from nymconnect_proxy.front import HANDSHAKE_TIMEOUT, FrontDoor
from nymconnect_proxy.handshake import FrontEffect, Requested
from nymconnect_proxy.mixnet import Mixnet
from nymconnect_proxy.pipe import Pipe, PipeOptions, linger_close
from nymconnect_proxy.responses import StreamResponse, decode_response
from nymconnect_proxy.streams import READ_SIZE, SendMessage

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 512


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """How the listener behaves. `anonymous` = reply SURBs instead of our address; the exit then cannot name us."""

    streams: ClientOptions = field(default_factory=ClientOptions)
    pipes: PipeOptions = field(default_factory=PipeOptions)
    max_connections: int = MAX_CONNECTIONS
    handshake_timeout: float = HANDSHAKE_TIMEOUT
    anonymous: bool = True
    allow_remote: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSnapshot:
    """Counters for status and logs; bytes are those of the applications."""

    connections: int
    streams: int
    accepted: int
    refused: int
    bad_messages: int
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, slots=True)
class _Route:
    """The mixnet client that streams go through, the exit that they go to, and the streams themselves by their id."""

    mixnet: Mixnet
    exit: Recipient
    streams: dict[int, tuple[ClientStream, Pipe[ClientEffect]]] = field(default_factory=dict)


class SocksListener:
    """Accepts connections on one address. The session decides when they are served."""

    def __init__(
        self,
        options: ListenerOptions = ListenerOptions(),
        rng: Rng = SYSTEM_RNG,
        hold: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`hold` is awaited for a request that cannot be served yet, before that is looked at once more."""
        self._options = options
        self._hold = hold
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._route: _Route | None = None
        self._serving = False
        self._connections = TaskSet("SOCKS listener")
        self._receiving = TaskSet("SOCKS listener")
        self._accepted = self._refused = self._bad_messages = 0
        self._bytes_up = self._bytes_down = 0  # of streams that are over

    async def start(self, host: str = "127.0.0.1", port: int = 1080) -> int:
        """Open the port (0 = any free one) and return its number; UserError if that is not possible."""
        self._check_host(host)
        try:
            self._server = await asyncio.start_server(self._accept, host, port, limit=READ_SIZE)
        except OSError as error:
            raise in_use(host, port, error) from error
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Close the port and every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.detach()
        await self._connections.close()
        if server is not None:
            await server.wait_closed()

    def attach(self, mixnet: Mixnet, exit_address: Recipient) -> None:
        """Send new streams through `mixnet` to the requester at `exit_address`, once `set_serving(True)` is called.

        The listener becomes the only receiver of this mixnet client.
        """
        if self._route is not None:
            raise UsageError("the listener is attached already")
        self._route = _Route(mixnet, exit_address)
        mixnet.on_undelivered = self._give_up
        self._receiving.spawn(self._receive(self._route), "receive")

    async def detach(self) -> None:
        """Stop serving, end every stream and let go of the mixnet."""
        self._serving = False
        route, self._route = self._route, None
        if route is not None:
            for _, pipe in list(route.streams.values()):
                pipe.abort("disconnected")
        await self._receiving.close()

    def set_serving(self, serving: bool) -> None:
        """Whether new requests are served. Open streams stay: what they send leaves by the mixnet or not at all."""
        if serving and self._route is None:
            raise UsageError("there is no mixnet to serve with")
        self._serving = serving

    def snapshot(self) -> ListenerSnapshot:
        pipes = [pipe for _, pipe in self._route.streams.values()] if self._route else []
        return ListenerSnapshot(
            len(self._connections),
            len(pipes),
            self._accepted,
            self._refused,
            self._bad_messages,
            self._bytes_up + sum(pipe.bytes_read for pipe in pipes),
            self._bytes_down + sum(pipe.bytes_written for pipe in pipes),
        )

    def _check_host(self, host: str) -> None:
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError as error:
            raise UserError(f"the SOCKS address must be a literal IP address such as 127.0.0.1, not {host}") from error
        if not loopback and not self._options.allow_remote:
            raise UserError(f"{host} is reachable from other machines; the SOCKS port must be on 127.0.0.1 or ::1")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or len(self._connections) >= self._options.max_connections:
            self._refused += 1
            writer.transport.abort()
            return
        self._accepted += 1
        self._connections.spawn(self._serve(reader, writer), "connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            door = FrontDoor(clock(), self._options.handshake_timeout)
            target = await self._handshake(door, reader, writer)
            if target is not None and not self._serving and self._hold is not None:
                await self._hold()
            route = self._route
            if target is None:
                self._refused += 1
            elif route is None or not self._serving:
                self._refused += 1
                _write(writer, door.turn_away())
            else:
                await self._proxy(door, target, route, reader, writer)
                return
            await linger_close(reader, writer, self._options.pipes.flush_timeout, self._options.pipes.linger)
        finally:
            writer.transport.abort()

    async def _handshake(
        self, door: FrontDoor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Target | None:
        """The target that the application asks for, or None if the handshake came to nothing."""
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(self._options.handshake_timeout):
                while data := await reader.read(READ_SIZE):
                    effects = door.feed(data, clock())
                    _write(writer, effects)
                    for effect in effects:
                        if isinstance(effect, Requested):
                            return effect.target
                        if isinstance(effect, Close):
                            log.debug("SOCKS handshake ended: %s", effect.reason)
                            return None
        return None

    async def _proxy(
        self,
        door: FrontDoor,
        target: Target,
        route: _Route,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One stream, from Connect to its end."""
        connection_id = self._new_id(route)
        return_address = None if self._options.anonymous else route.mixnet.address
        stream = ClientStream(connection_id, target, clock(), self._options.streams, return_address)

        async def transmit(message: SendMessage) -> None:
            await route.mixnet.send(route.exit, message.data, surbs=message.surbs, lane=connection_id)

        def answer(effect: ClientEffect) -> None:
            if isinstance(effect, Opened):
                _write(writer, door.succeed())
            elif isinstance(effect, Refused):
                self._refused += 1
                _write(writer, door.refuse(effect.code))

        pipe: Pipe[ClientEffect] = Pipe(stream, transmit, answer, self._options.pipes)
        route.streams[connection_id] = stream, pipe
        try:
            pipe.perform(stream.open(clock()))
            if early := door.take_rest():
                pipe.bytes_read += len(early)
                pipe.perform(stream.feed_local(early, clock()))
            pipe.attach(reader, writer)
            await pipe.run()
        finally:
            del route.streams[connection_id]
            self._bytes_up += pipe.bytes_read
            self._bytes_down += pipe.bytes_written

    def _new_id(self, route: _Route) -> int:
        """A random id that no stream has; 0 is the lane of queries."""
        while True:
            connection_id = int.from_bytes(self._rng.randbytes(8), "big")
            if connection_id and connection_id not in route.streams:
                return connection_id

    def _give_up(self, connection_id: int) -> None:
        """A piece of this stream will never arrive: better a broken connection than one that hangs."""
        if self._route is not None and (entry := self._route.streams.get(connection_id)):
            entry[1].abort("a message could not be delivered")

    async def _receive(self, route: _Route) -> None:
        """Hand messages from the exit to their streams, until the mixnet client stops."""
        while True:
            try:
                received = await route.mixnet.receive()
            except NymError as error:
                log.debug("nothing more to receive: %s", error)
                return
            self._dispatch(route, received.data)

    def _dispatch(self, route: _Route, data: bytes) -> None:
        try:
            _, response = decode_response(data)
        except WireError as error:
            self._bad_messages += 1
            log.debug("message from the exit dropped: %s", error)
            return
        if isinstance(response, StreamResponse) and (entry := route.streams.get(response.connection_id)):
            stream, pipe = entry
            pipe.perform(stream.feed(response, clock()))


def _write(writer: asyncio.StreamWriter, effects: Sequence[FrontEffect]) -> None:
    for effect in effects:
        if isinstance(effect, Write) and not writer.transport.is_closing():
            writer.write(effect.data)
