"""What a gateway sends to one client: from its mailbox to the socket, as it comes or at a constant rate.

There is a short queue; what does not fit stays in the mailbox and is read from there when the queue is empty, so the
order is kept however slow the client is. A message leaves the mailbox when the client's TCP has confirmed it
(`handover`), so a session that breaks loses nothing. To a client that asked for it, mail goes at a constant rate
(`paced_delivery`).
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from nymconnect.effects import Write
from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.link.gateway.server import GatewayServerMachine
from nymconnect.node.gateway.handover import Handover
from nymconnect.node.gateway.mailbox import Mail
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.paced_delivery import PacedDelivery
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.sockets import unconfirmed_bytes
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

PUSH_QUEUE = 256  # messages that wait for the socket; more stay in the mailbox
REFILL = 100  # messages read from the mailbox at a time
SETTLE_INTERVAL = 0.05  # seconds between two looks at what an idle client has confirmed


class Pusher:
    """Sends by `send`, and calls `close` when the connection broke. `tasks` are those of the session."""

    def __init__(
        self,
        machine: GatewayServerMachine,
        transport: asyncio.WriteTransport,
        mail: MailKeeper,
        send: Callable[[bytes], Awaitable[None]],
        tasks: TaskSet,
        close: Callable[[], None],
    ) -> None:
        self._machine = machine
        self._transport = transport
        self._mail = mail
        self._send = send
        self._tasks = tasks
        self._close = close
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
        self._is_open = False

    @property
    def is_paced(self) -> bool:
        """Whether the client is pushed to at a constant rate."""
        return self._delivery is not None

    def begin(self) -> None:
        """The session is now the one of its client."""
        self._is_open = True
        self._more.set()

    def end(self) -> None:
        """It is that no more; what was not sent is for the next one."""
        self._is_open = False
        self._delivery = None
        self._leaving.clear()
        self._queue.clear()
        self._mail.take_back(self._machine.client)

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

    async def run(self) -> None:
        """Push until cancelled, or until the connection breaks, which is closed then."""
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
            self._close()

    async def _wait_for_more(self) -> None:
        """Until there is something to push; meanwhile the client may confirm what was pushed."""
        while self._handover and not self._more.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_INTERVAL):
                    await self._more.wait()
            self.settle()
        await self._more.wait()

    async def _push(self, mail: Mail) -> None:
        for effect in self._machine.push(mail.content):
            if isinstance(effect, Write):
                await self._send(effect.data)
        self._handover.written(mail)
        self.settle()

    def settle(self) -> None:
        """Look what has left our buffers, and what the client has confirmed."""
        if not self._handover or not self._is_open:
            return
        buffered = self._transport.get_write_buffer_size()
        try:
            unconfirmed = unconfirmed_bytes(self._transport)
        except OSError:  # closed: nobody knows any more
            return
        # Where the system does not tell, what it has taken counts as confirmed.
        handed, confirmed = self._handover.settle(buffered, unconfirmed or 0)
        for mail in handed:
            self._mail.handed(self._machine.client, mail)
        for mail in confirmed:
            self._mail.delete(self._machine.client, mail)

    def pace(self, rates: DeliveryRates) -> None:
        """Push as `rates` say from now on."""
        self._stop_pacing()
        self._repaced.set()
        if rates.messages and rates.acks and self._is_open:
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
        if self._behind and self._is_open and not self._is_reading and (room := delivery.room):
            self._is_reading = True
            self._tasks.spawn(self._read_aside(delivery, min(room, REFILL)), "read the mailbox")

    async def _read_aside(self, delivery: PacedDelivery, limit: int) -> None:
        """Fill the queues from the mailbox; no slot waits for the disk."""
        try:
            for mail in await self._read(limit):
                delivery.take_in(mail)
        except OSError as error:
            log.debug("no mail for a client: %s", error)
            self._close()
        finally:
            self._is_reading = False

    # --- the mailbox --------------------------------------------------------------------------------------------

    async def _refill(self) -> bool:
        """Read the next messages from the mailbox; False if there are none."""
        if not self._behind or not self._is_open:
            return False
        self._queue.extend(await self._read(REFILL))
        return self._behind

    async def _read(self, limit: int) -> list[Mail]:
        """The next messages from the mailbox; none if the session has ended, or changed its pace, meanwhile."""
        pace = self._delivery
        self._missed = False
        found = await self._mail.read(self._machine.client, self._last, limit)
        if not self._is_open or self._delivery is not pace:
            return []
        if found:
            self._last = found[-1].number
        else:
            self._behind = self._missed
        return found
