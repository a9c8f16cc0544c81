"""One client's websocket at a gateway: feeds the machine, performs its effects, sends what the mixnet delivers.

Mirrors nym-gateway 1.1.36 (`client_handling/websocket/connection_handler`). Reading and pushing are two tasks. The
reader answers each request before it reads the next, so a client that does not take its answers is not read any
further. The pusher has a short queue; what does not fit stays in the mailbox and is read from there when the queue is
empty, so the order is kept however slow the client is. A message leaves the mailbox when the client's TCP has confirmed
it (`handover`), so a session that breaks loses nothing. To a client that asked for it, it pushes at a constant rate
(`paced_delivery`).

Pings are answered in every state; the reference drops a stranger that pings. Like the reference we end a connection
without a close frame, and never with a reset if it can be helped: we end our direction and read on until the client
has ended the other one. So our last words arrive, and a client that is just sending sees an end, not an error.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from aiohttp import WSMsgType, web

from nymconnect.effects import Close, SendTo, Write, WriteText
from nymconnect.link.gateway.events import Authenticated, DeliveryRates, ProbeRival, ServerEffect
from nymconnect.link.gateway.server import PONG_TIMEOUT, GatewayServerMachine
from nymconnect.node.gateway.handover import Handover
from nymconnect.node.gateway.mailbox import Mail
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.paced_delivery import PacedDelivery
from nymconnect.packet.framing import MixPacket
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.sockets import unconfirmed_bytes
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

PUSH_QUEUE = 256  # messages that wait for the socket; more stay in the mailbox
REFILL = 100  # messages read from the mailbox at a time
SETTLE_INTERVAL = 0.05  # seconds between two looks at what an idle client has confirmed
WRITE_TIMEOUT = 30.0  # seconds that a client may leave one of our messages unread; a stranger has its deadline
LINGER = 0.5  # seconds for a client to notice that we have ended
_PING_LENGTH = 8
_FROM_CLIENT = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
_SHORTEST_WAIT = 0.001  # to aiohttp a timeout of 0 is none

_T = TypeVar("_T")


def hang_up(transport: asyncio.WriteTransport) -> None:
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
        self._queue: deque[Mail] = deque()
        self._more = asyncio.Event()
        self._delivery: PacedDelivery | None = None
        self._leaving: deque[Mail] = deque()  # what has its slot
        self._repaced = asyncio.Event()
        self._behind = True  # the mailbox may hold something that was not read
        self._is_reading = False  # for a constant rate
        self._missed = False  # something came for the mailbox since the last look into it began
        self._last = 0  # number of the last message that was read, or came by itself
        self._handover = Handover()
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
            hang_up(self.transport)

    def step_down(self) -> None:
        """Give the client's place up at once; what was not sent is for its next session."""
        if not self._entered:
            return
        self._settle()
        self._entered = False
        self._host.leave(self)
        self._delivery = None
        self._leaving.clear()
        self._queue.clear()
        self._host.mail.take_back(self.client)

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
        self._settle()
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
                    await self._write(self._socket.send_bytes, data)
                case SendTo(packet):
                    self._host.forward(packet, self.client)
                case DeliveryRates():
                    self._host.wish(self, effect)
                case Authenticated():
                    self._tasks.spawn(self._push_all(), "push")
                case ProbeRival(client):
                    alive = await self._host.probe(client)
                    await self._perform(self._machine.rival_checked(alive, clock()))
                case Close(reason):
                    log.debug("closing a client connection: %s", reason)
                    self.close()

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
        self._more.set()
        return self._entered

    def push(self, mail: Mail) -> bool:
        """Queue a message for the client; False if it is read from the mailbox later."""
        if self._behind or not self._take_in(mail):
            self._behind = self._missed = True
            self._more.set()
            return False
        self._last = mail.number
        self._more.set()
        return True

    def _take_in(self, mail: Mail) -> bool:
        if self._delivery is not None:
            return not self._queue and self._delivery.take_in(mail)
        if len(self._queue) >= PUSH_QUEUE:
            return False
        self._queue.append(mail)
        return True

    async def _push_all(self) -> None:
        try:
            while True:
                if self._delivery is not None:
                    await self._push_at_slots(self._delivery)
                    continue
                await self._wait_for_more()
                if self._delivery is not None:
                    continue
                if not self._queue:
                    if not await self._refill():
                        self._more.clear()
                    await asyncio.sleep(0)  # a socket that takes everything would let nobody else run
                    continue
                mail = self._queue[0]
                await self._push(mail)
                if self._queue and self._queue[0] is mail:  # else the session was dropped meanwhile, or is paced now
                    self._queue.popleft()
        except OSError as error:
            log.debug("a client connection broke: %r", error)
            self.close()

    async def _wait_for_more(self) -> None:
        """Until there is something to push; meanwhile the client may confirm what was pushed."""
        while self._handover and not self._more.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_INTERVAL):
                    await self._more.wait()
            self._settle()
        await self._more.wait()

    async def _push(self, mail: Mail) -> None:
        for effect in self._machine.push(mail.content):
            if isinstance(effect, Write):
                await self._write(self._socket.send_bytes, effect.data)
        self._handover.written(mail)
        self._settle()

    def _settle(self) -> None:
        """Look what has left our buffers, and what the client has confirmed."""
        if not self._handover or not self._entered:
            return
        buffered, unconfirmed = self.transport.get_write_buffer_size(), unconfirmed_bytes(self.transport)
        if unconfirmed is None:  # closed: nobody knows any more
            return
        handed, confirmed = self._handover.settle(buffered, unconfirmed)
        for mail in handed:
            self._host.mail.handed(self.client, mail)
        for mail in confirmed:
            self._host.mail.delete(self.client, mail)

    # --- pushing at a constant rate -----------------------------------------------------------------------------

    def deliver_at(self, rates: DeliveryRates) -> None:
        """Push at these rates from now on, at 0 and 0 as it comes, and tell the client."""
        self._pace(rates)
        self._tasks.spawn(self._tell_delivery(self._delivery is not None), "delivery")

    async def _tell_delivery(self, is_paced: bool) -> None:
        try:
            for effect in self._machine.delivery_settled(is_paced):
                if isinstance(effect, WriteText):
                    await self._write(self._socket.send_str, effect.text)
        except OSError as error:
            log.debug("a client connection broke: %r", error)
            self.close()

    def _pace(self, rates: DeliveryRates) -> None:
        """Push as `rates` say from now on."""
        self._stop_pacing()
        self._repaced.set()
        if rates.messages and rates.acks and self._entered:
            self._delivery = PacedDelivery(rates, SYSTEM_RNG, clock())
            self._fill_up(self._delivery)
        self._more.set()

    def _fill_up(self, delivery: PacedDelivery) -> None:
        """What waits here is older than all in the mailbox; one kind does not wait for room for the other."""
        waiting, self._queue = self._queue, deque()
        self._queue.extend(mail for mail in waiting if not delivery.take_in(mail))

    def _stop_pacing(self) -> None:
        """What waits for its slot waits to be pushed as it comes."""
        if self._delivery is not None:
            left = [mail for mail in self._leaving if mail.number]
            self._queue.extendleft(reversed(left + self._delivery.waiting))
            self._leaving.clear()
            self._delivery = None

    async def _push_at_slots(self, delivery: PacedDelivery) -> None:
        """One turn: wait for the next slot, and fill what has come up."""
        self._repaced.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, delivery.deadline - clock())):
                await self._repaced.wait()
        if self._delivery is not delivery:
            return
        self._leaving.extend(delivery.wake(clock()))
        while self._leaving:
            await self._push(self._leaving[0])
            if self._leaving:  # empty if the session was dropped meanwhile, or is not paced any more
                self._leaving.popleft()
        self._fill_up(delivery)
        if self._queue:
            return
        if self._behind and self._entered and not self._is_reading and (room := delivery.room):
            self._is_reading = True
            self._tasks.spawn(self._read_aside(delivery, min(room, REFILL)), "read the mailbox")

    async def _read_aside(self, delivery: PacedDelivery, limit: int) -> None:
        """Fill the queues from the mailbox; no slot waits for the disk."""
        try:
            for mail in await self._read(limit):
                delivery.take_in(mail)
        except OSError as error:
            log.debug("no mail for a client: %s", error)
            self.close()
        finally:
            self._is_reading = False

    # --- the mailbox --------------------------------------------------------------------------------------------

    async def _refill(self) -> bool:
        """Read the next messages from the mailbox; False if there are none."""
        if not self._behind or not self._entered:
            return False
        self._queue.extend(await self._read(REFILL))
        return self._behind

    async def _read(self, limit: int) -> list[Mail]:
        """The next messages from the mailbox; none if the session has ended, or changed its pace, meanwhile."""
        pace = self._delivery
        self._missed = False
        found = await self._host.mail.read(self.client, self._last, limit)
        if not self._entered or self._delivery is not pace:
            return []
        if found:
            self._last = found[-1].number
        else:
            self._behind = self._missed
        return found

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
