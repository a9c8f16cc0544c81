"""One client's websocket at a gateway: feeds the machine, performs its effects, sends what the mixnet delivers.

Mirrors nym-gateway 1.1.36 (`client_handling/websocket/connection_handler`). Reading and pushing are two tasks. The
reader answers each request before it reads the next, so a client that does not take its answers is not read any
further. The other one is the `pusher`.

Pings are answered in every state; the reference drops a stranger that pings. Like the reference we end a connection
without a close frame, and never with a reset if it can be helped: we end our direction and read on until the client
has ended the other one. So our last words arrive, and a client that is just sending sees an end, not an error.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from aiohttp import WSMsgType, web

from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.link.gateway.events import Authenticated, DeliveryRates, ProbeRival, ServerEffect
from nymconnect.link.gateway.server import PONG_TIMEOUT, GatewayServerMachine
from nymconnect.node.gateway.mailbox import Mail
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.pusher import Pusher
from nymconnect.packet.framing import MixPacket
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

WRITE_TIMEOUT = 30.0  # seconds that a client may leave one of our messages unread; a stranger has its deadline
LINGER = 0.5  # seconds for a client to notice that we have ended
_PING_LENGTH = 8
_FROM_CLIENT = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
_SHORTEST_WAIT = 0.001  # to aiohttp a timeout of 0 is none

_T = TypeVar("_T")


def close_or_abort(transport: asyncio.WriteTransport) -> None:
    """Let go of a connection now; a client that does not read misses our last words."""
    transport.close()
    if transport.get_write_buffer_size():
        transport.abort()


class SessionHost(Protocol):
    """What a session needs of its gateway."""

    mail: MailKeeper

    def enter(self, session: "ClientSession") -> bool:
        """The session is now the one of its client; False if the gateway is full, and the connection has to end."""

    def leave(self, session: "ClientSession") -> None:
        """The session has ended; harmless if it never entered."""

    def forward(self, packet: MixPacket, client: bytes) -> None:
        """A packet from the client (identity, 32 bytes) for the mixnet."""

    def wish(self, session: "ClientSession", rates: DeliveryRates) -> None:
        """The client wants to be pushed to at these rates, at 0 and 0 as it comes; the host answers by `deliver_at`."""

    async def probe(self, client: bytes) -> bool:
        """Whether the client's present session still lives; one that does not is gone afterwards."""


class ClientSession:
    """Owns one open websocket until `run` returns."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport,
        machine: GatewayServerMachine,
        host: SessionHost,
    ) -> None:
        self._socket = socket
        self.transport = transport
        self._machine = machine
        self._host = host
        self._tasks = TaskSet("gateway session", self._crashed)
        self._pusher = Pusher(machine, transport, host.mail, self._send, self._tasks, self.close)
        self._ping: bytes | None = None
        self._pong = asyncio.Event()
        self._entered = False
        self._farewell: asyncio.TimerHandle | None = None

    @property
    def client(self) -> bytes:
        """Identity of the client (32 bytes), empty before authentication."""
        return self._machine.client

    @property
    def crashes(self) -> int:
        """Tasks that failed by our own fault."""
        return self._tasks.crashes

    async def run(self) -> None:
        """Serve the connection until it ends, from whichever side."""
        try:
            await self._perform(self._machine.start(clock()))
            while not self._socket.closed and (effects := await self._next()) is not None:
                await self._perform(effects)
        except OSError as error:  # TimeoutError is one
            log.debug("a client connection broke: %r", error)
        finally:
            self.step_down()
            await self._tasks.close()
            if self._farewell is not None:
                self._farewell.cancel()
            close_or_abort(self.transport)

    def step_down(self) -> None:
        """Give the client's place up at once; what was not sent is for its next session."""
        if not self._entered:
            return
        self._pusher.settle()
        self._entered = False
        self._host.leave(self)
        self._pusher.end()

    def _crashed(self, _error: BaseException) -> None:
        """Nothing is pushed any more: the client shall not believe that nothing comes."""
        self.close()

    def close(self) -> None:
        """Say no more; `run` returns when the client has noticed, or soon anyway."""
        if self._farewell is None and not self.transport.is_closing():
            self.transport.write_eof()
            self._farewell = asyncio.get_running_loop().call_later(LINGER, self.transport.abort)

    # --- reading ------------------------------------------------------------------------------------------------

    async def _next(self) -> Sequence[ServerEffect] | None:
        """What the next message or the machine's deadline calls for; None at the end of the connection."""
        deadline = None if self._farewell else self._machine.deadline
        timeout = None if deadline is None else max(_SHORTEST_WAIT, deadline - clock())
        try:
            message = await self._socket.receive(timeout)
        except TimeoutError:
            return self._machine.wake(clock())
        self._pusher.settle()
        if self._farewell and message.type in _FROM_CLIENT:
            return ()
        if message.type is WSMsgType.TEXT:
            return self._machine.feed_text(message.data, clock())
        if message.type is WSMsgType.BINARY:
            return self._machine.feed_binary(message.data, clock())
        if message.type is WSMsgType.PING:
            await self._write(self._socket.pong, message.data)
        elif message.type is not WSMsgType.PONG:
            return None
        elif message.data == self._ping:
            self._pong.set()
        return self._machine.wake(clock())

    async def _perform(self, effects: Sequence[ServerEffect]) -> None:
        # Before the first await: no other connection may become this client's session meanwhile.
        if any(isinstance(effect, Authenticated) for effect in effects) and not self._enter():
            return
        for effect in effects:
            match effect:
                case WriteText(text):
                    await self._write(self._socket.send_str, text)
                case Write(data):
                    await self._send(data)
                case SendTo(packet):
                    self._host.forward(packet, self.client)
                case DeliveryRates():
                    self._host.wish(self, effect)
                case Authenticated():
                    self._tasks.spawn(self._pusher.run(), "push")
                case ProbeRival(client):
                    alive = await self._host.probe(client)
                    await self._perform(self._machine.rival_checked(alive, clock()))
                case Close(reason):
                    log.debug("closing a client connection: %s", reason)
                    self.close()

    async def _send(self, data: bytes) -> None:
        await self._write(self._socket.send_bytes, data)

    async def _write(self, write: Callable[[_T], Awaitable[None]], message: _T) -> None:
        if self._farewell:
            raise ConnectionResetError("the connection has been ended")
        now = clock()
        patience = WRITE_TIMEOUT if self.client else max(LINGER, (self._machine.deadline or now) - now)
        async with asyncio.timeout(patience):
            await write(message)

    # --- pushing ------------------------------------------------------------------------------------------------

    def _enter(self) -> bool:
        self._entered = self._host.enter(self)
        if self._entered:
            self._pusher.begin()
        return self._entered

    def push(self, mail: Mail) -> bool:
        """Queue a message for the client; False if it is read from the mailbox later."""
        return self._pusher.push(mail)

    def deliver_at(self, rates: DeliveryRates) -> None:
        """Push at these rates from now on, at 0 and 0 as it comes, and tell the client."""
        self._pusher.pace(rates)
        self._tasks.spawn(self._tell_delivery(self._pusher.is_paced), "delivery")

    async def _tell_delivery(self, is_paced: bool) -> None:
        try:
            for effect in self._machine.delivery_settled(is_paced):
                if isinstance(effect, WriteText):
                    await self._write(self._socket.send_str, effect.text)
        except OSError as error:
            log.debug("a client connection broke: %r", error)
            self.close()

    # --- another session of the same client ---------------------------------------------------------------------

    async def is_alive(self) -> bool:
        """Ping the client and wait for its pong; a session that is being asked already counts as alive."""
        if self._farewell:
            return False
        if self._ping is not None:
            return True
        self._ping = SYSTEM_RNG.randbytes(_PING_LENGTH)
        self._pong.clear()
        try:
            async with asyncio.timeout(PONG_TIMEOUT):
                await self._socket.ping(self._ping)
                await self._pong.wait()
            return True
        except OSError:
            return False
        finally:
            self._ping = None
