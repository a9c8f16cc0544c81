"""The local SOCKS port: what applications talk to, in SOCKS or HTTP (`socks.server_handshake`).

It fails closed. Unless the session has attached a mixnet and said that it may serve, every request is answered with a
failure and the connection is closed; a session on demand may hold it until it knows. A name or an address that no
public network knows (`private_names`) is refused in every state. Nothing here resolves a name or dials a target: a
target goes to the `multiplexer` as text, inside a message for the exit.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from nymconnect.crypto import Rng
from nymconnect.effects import Close
from nymconnect.endpoints import is_loopback
from nymconnect.errors import UsageError, UserError
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.listening import Port, Visitor, visitor_of
from nymconnect.runtime.sockets import PatientReader
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.ingress.multiplexer import Exchange, ExchangeOptions, ExchangeSnapshot, write
from nymconnect_proxy.ingress.reasons import LocalPort, NotAnAddress, ReachableByOthers
from nymconnect_proxy.ingress.requester_choice import RequesterChoice, RequesterState
from nymconnect_proxy.protocol.private_names import is_private, is_private_address
from nymconnect_proxy.socks.dialect import Requested
from nymconnect_proxy.socks.refusals import Obstacle, TurnedAway
from nymconnect_proxy.socks.server_handshake import HANDSHAKE_TIMEOUT, FrontDoor
from nymconnect_proxy.streams.back_pressure import Backlog
from nymconnect_proxy.streams.flow import READ_SIZE
from nymconnect_proxy.streams.mixnet import Mixnet
from nymconnect_proxy.streams.socket_close import linger_close

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
MAX_SURPLUS = 128  # connections beyond those, which are heard out only to be told so
MAX_STRANGERS, MAX_OF_ONE_ADDRESS = 128, 32  # connections of other machines that have not given the password yet


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """How the port behaves. `password` is what programs must give, None if there is none.

    `localhost`: whether that name and loopback addresses are passed on, as to a practice network, whose exit is this
    computer.
    """

    exchange: ExchangeOptions = field(default_factory=ExchangeOptions)
    backlog: Backlog = field(default_factory=Backlog)
    max_connections: int = MAX_CONNECTIONS
    handshake_timeout: float = HANDSHAKE_TIMEOUT
    allow_remote: bool = False
    password: bytes | None = field(default=None, repr=False)
    localhost: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSnapshot:
    """Counters for status and logs; bytes are those of the applications. `turned_away` is part of `refused`."""

    connections: int
    streams: int
    accepted: int
    refused: int
    bad_messages: int
    bytes_up: int
    bytes_down: int
    requesters: tuple[RequesterState, ...]
    turned_away: Mapping[Obstacle, int]


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
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._serving = False
        self._connections = TaskSet("SOCKS listener")
        self._accepted = self._refused = self._served = 0
        self._turned_away = TurnedAway()
        self._past = ExchangeSnapshot()  # of multiplexers that have ended

    async def start(self, host: str = "127.0.0.1", port: int = 1080) -> int:
        """Open the port (0 = any free one) and return its number; UserError if that is not possible."""
        self._check_host(host)
        most = self._options.max_connections + MAX_SURPLUS
        lobby: Lobby[Visitor] = Lobby(LobbyLimits(MAX_STRANGERS, most, MAX_OF_ONE_ADDRESS))
        opened = Port(
            "SOCKS port",
            self._protocol,
            lobby,
            is_known=is_loopback,
            on_refused=self._refuse,
            on_displaced=self._refuse,
            prepare=self._options.backlog.narrow,
            flag="--socks",
        )
        bound = await opened.open(host, port)
        self._port = opened
        return bound

    async def stop(self) -> None:
        """Close the port and every connection."""
        port, self._port = self._port, None
        if port is not None:
            await port.close()
        await self.detach()
        await self._connections.close()

    def attach(
        self,
        mixnet: Mixnet,
        requesters: RequesterChoice,
        options: ExchangeOptions | None = None,
        on_change: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] = lambda _error: None,
    ) -> Exchange:
        """Send new streams through `mixnet` to one of the requesters, once `set_serving(True)` is called.

        The exchange that this returns becomes the only receiver of this mixnet client, until `detach`.
        """
        if self._exchange is not None:
            raise UsageError("the listener is attached already")
        options = options or self._options.exchange
        self._exchange = Exchange(mixnet, requesters, options, self._rng, on_change, on_crash, self._turned_away)
        self._exchange.start()
        return self._exchange

    async def detach(self) -> None:
        """Stop serving, end every stream and let go of the mixnet."""
        self._serving = False
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.stop()
            self._past = _sum(self._past, replace(exchange.snapshot(), streams=0, requesters=()))

    def set_serving(self, serving: bool) -> None:
        """Whether new requests are served. Open streams stay: what they send leaves by the mixnet or not at all."""
        if serving and self._exchange is None:
            raise UsageError("there is no mixnet to serve with")
        self._serving = serving

    def snapshot(self) -> ListenerSnapshot:
        seen = _sum(self._past, self._exchange.snapshot()) if self._exchange else self._past
        return ListenerSnapshot(
            len(self._connections),
            seen.streams,
            self._accepted,
            self._refused + seen.refused,
            seen.bad_messages,
            seen.bytes_up,
            seen.bytes_down,
            seen.requesters,
            self._turned_away.counts,
        )

    def _check_host(self, host: str) -> None:
        try:
            loopback = is_loopback(host)
        except ValueError as error:
            raise UserError(NotAnAddress(LocalPort.SOCKS, host)) from error
        if not loopback and not (self._options.allow_remote and self._options.password):
            raise UserError(ReachableByOthers(LocalPort.SOCKS, host))

    def _protocol(self) -> asyncio.Protocol:
        loop, limit = asyncio.get_running_loop(), self._options.backlog.reader_limit
        return asyncio.StreamReaderProtocol(PatientReader(limit, loop), self._accept, loop)

    def _refuse(self) -> None:
        self._refused += 1

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        self._connections.spawn(self._serve(reader, writer), "connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            door = FrontDoor(clock(), self._options.handshake_timeout, self._options.password)
            requested = await self._handshake(door, reader, writer)
            if requested is not None and not self._admit(writer):
                return
            if requested is None:
                self._refused += 1
            elif (obstacle := await self._serve_request(door, requested, reader, writer)) is not None:
                self._turn_away(door, writer, obstacle)
            else:
                return
            pipes = self._options.exchange.pipes
            await linger_close(reader, writer, pipes.flush_timeout, pipes.linger)
        finally:
            writer.transport.abort()

    async def _serve_request(
        self, door: FrontDoor, requested: Requested, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Obstacle | None:
        """To the end of the stream, or what is in the way of one."""
        host, localhost = requested.target.host, self._options.localhost
        if is_private(host, localhost=localhost):
            return Obstacle.PRIVATE_NAME
        if is_private_address(host, localhost=localhost):
            return Obstacle.PRIVATE_ADDRESS
        if self._served >= self._options.max_connections:
            return Obstacle.PORT_FULL
        self._served += 1
        try:
            if not self._serving and self._hold is not None:
                await self._hold()
            if self._exchange is None or not self._serving:
                return Obstacle.NOT_CONNECTED
            return await self._exchange.carry(door, requested, reader, writer)
        finally:
            self._served -= 1

    def _turn_away(self, door: FrontDoor, writer: asyncio.StreamWriter, obstacle: Obstacle) -> None:
        """The program hears why in its own language, the log at times."""
        self._refused += 1
        bound = self._bound_of(obstacle)
        if self._turned_away.note(obstacle, clock()):
            log.warning("a program was turned away: %s", obstacle.sentence(bound))
        write(writer, door.turn_away(obstacle, bound))

    def _bound_of(self, obstacle: Obstacle) -> int:
        """The number that has been reached; 0 where it is not ours to know."""
        if obstacle is Obstacle.PORT_FULL:
            return self._options.max_connections
        return self._exchange.streams_per_sender if self._exchange is not None else 0

    def _admit(self, writer: asyncio.StreamWriter) -> bool:
        """A program has asked for something, with the password if there is one: no stranger takes its place now."""
        visitor = visitor_of(writer.transport)
        return self._port is None or visitor is None or self._port.promote(visitor)

    async def _handshake(
        self, door: FrontDoor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Requested | None:
        """What the application asks for, or None if the handshake came to nothing."""
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(self._options.handshake_timeout):
                while data := await reader.read(READ_SIZE):
                    effects = door.feed(data, clock())
                    write(writer, effects)
                    for effect in effects:
                        if isinstance(effect, Requested):
                            return effect
                        if isinstance(effect, Close):
                            log.debug("handshake ended: %s", effect.reason)
                            return None
        return None


def _sum(past: ExchangeSnapshot, now: ExchangeSnapshot) -> ExchangeSnapshot:
    """Counters add up over the exchanges; all else is of the last one."""
    return replace(
        now,
        refused=past.refused + now.refused,
        bad_messages=past.bad_messages + now.bad_messages,
        bytes_up=past.bytes_up + now.bytes_up,
        bytes_down=past.bytes_down + now.bytes_down,
    )
