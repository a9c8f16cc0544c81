"""One websocket to a gateway: performs the effects of a `GatewayClientMachine`, over a carrier that paces.

A connection is used once; `link` makes a new one after a loss. Mirrors what nym-gateway-client 1.21 does around its
socket (`socket_state.rs`). Every packet is pulled from a `PacketSource`, sealed and framed here before its slot comes,
so that nothing but the pacer's clock decides when it leaves. To make one takes most of a millisecond, so the stocks are
filled in slices, between which the event loop serves everyone else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from nymconnect.client.gateway.websocket import ClientWebSocket, Closed, ControlFrame, HandshakeDone, Message
from nymconnect.client.pacer.machine import FrameKind, SlotGaps, Unused
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.pacer.transport import Carrier, LocalCarrier
from nymconnect.client.sending.preparer import PreparedPacket
from nymconnect.directory.topology import Node
from nymconnect.effects import Write, WriteText
from nymconnect.endpoints import Upstream
from nymconnect.errors import NymError, UsageError, UserError, WireError
from nymconnect.link.gateway.client import GatewayClientMachine
from nymconnect.link.gateway.events import DeliveryPaced, LinkGivenUp, Pushed, Ready, Refused
from nymconnect.reasons import (
    GatewayNotUnderstood,
    GatewayRefuses,
    GatewayUnreachable,
    LinkBroke,
    LinkFault,
    NothingComesBack,
    Reason,
)
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import UpstreamError, dial_socket
from nymconnect.runtime.repeats import Repeats
from nymconnect.runtime.tasks import Waker

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
WRITE_TIMEOUT = 30.0  # seconds that the gateway may leave one frame unread
# Our own loops come back all the time. A gateway that delivers nothing for SILENCE seconds, while
# SILENT_PACKETS packets left, is of no use to us, whatever else it sends.
SILENCE, SILENT_PACKETS = 30.0, 20
SLICE = 0.004  # seconds at a time for making packets


class LinkLostError(NymError):
    """The connection to the gateway has ended; the reason says why."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(str(reason))


def gateway_url(gateway: Node) -> str:
    """Websocket address of a gateway: TLS where it is announced with a host name, else its first IP address."""
    entry = gateway.entry
    if entry is None:
        raise UserError(f"node {gateway.name} is not a gateway")
    if entry.hostname and entry.wss_port:
        return f"wss://{entry.hostname}:{entry.wss_port}/"
    host = entry.hostname or entry.ips[0]
    return f"ws://[{host}]:{entry.ws_port}/" if ":" in host else f"ws://{host}:{entry.ws_port}/"


class PacketSource(Protocol):
    """Where the packets come from: `Loopix`."""

    @property
    def cover_generation(self) -> int:
        """Rises when covers that have not left yet no longer fit the network."""
        ...

    def next_packet(self, kind: FrameKind, now: float) -> PreparedPacket | None:
        """What fills a slot of this kind; None if there is nothing to send, or no route."""
        ...


@dataclass(frozen=True, slots=True)
class Traffic:
    """What goes over a connection: the packets of `source`. `on_fed` is called when data may have left the lanes,
    `on_departed` with the token of each packet and when it left, `on_push` with what the gateway delivers."""

    source: PacketSource
    on_fed: Callable[[], None]
    on_departed: Callable[[int, float], None]
    on_push: Callable[[bytes], None]


class _FrameStock:
    """The tokens of the frames that a pacer keeps ready. Filled when more than `spare` are missing, and then whole."""

    def __init__(self, wanted: int, spare: int) -> None:
        self._wanted, self._spare = wanted, spare
        self._tokens: set[int] = set()
        self.is_filling = wanted > spare

    def add(self, token: int) -> None:
        self._tokens.add(token)
        if len(self._tokens) >= self._wanted:
            self.is_filling = False

    def discard(self, token: int) -> None:
        self._tokens.discard(token)
        self._look()

    def clear(self) -> None:
        self._tokens.clear()
        self._look()

    def _look(self) -> None:
        if self._wanted - len(self._tokens) > self._spare:
            self.is_filling = True


class GatewayConnection:
    """One connection from connect to close; the machine outlives it. With a main stream, a pacer process carries it.

    `on_ready` is called when the gateway takes packets, `on_begun` when the first stocks are full and the pacer begins.
    """

    def __init__(
        self,
        machine: GatewayClientMachine,
        rates: SlotGaps,
        traffic: Traffic,
        on_ready: Callable[[Ready], None],
        on_begun: Callable[[], None],
    ) -> None:
        self._machine, self._rates, self._traffic = machine, rates, traffic
        self._on_ready, self._on_begun = on_ready, on_begun
        self._carrier: Carrier = (LocalCarrier if rates.main is None else ChildCarrier)(self, WRITE_TIMEOUT)
        self._websocket = ClientWebSocket("")
        self._stocks = {
            FrameKind.DATA: _FrameStock(rates.data_stock, 0),
            FrameKind.COVER: _FrameStock(rates.cover_stock, rates.cover_spare),
            FrameKind.LOOP: _FrameStock(rates.loop_stock, rates.loop_spare),
        }
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opened = asyncio.Event()
        self._dropped = Repeats()
        self._waker = Waker(lambda: machine.deadline, lambda: self._perform(machine.wake(clock())), self.fail)
        self._pushed_at, self._left_since = 0.0, 0
        self._feeding: asyncio.Handle | None = None
        self._cover_generation = traffic.source.cover_generation
        self._has_begun = False
        self.is_ready = False
        self.was_silent = False
        self.delivery_is_paced = False  # the gateway promises it now

    async def run(self, url: str, upstream: Upstream | None = None) -> None:
        """Serve until the connection ends: a LinkLostError that says why, or what crashed here."""
        try:
            await self._open(url, upstream)
            await self._ended
        finally:
            self.is_ready = False
            self._say_farewell()
            self._waker.cancel()
            await self._carrier.close()

    async def _open(self, url: str, upstream: Upstream | None) -> None:
        parts = urlsplit(url)
        host, tls = parts.hostname or "", parts.scheme == "wss"
        self._websocket = ClientWebSocket(parts.netloc)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                connected = await dial_socket(host, parts.port or (443 if tls else 80), upstream)
                await self._carrier.open(connected, host if tls else "")
                self._carrier.control(self._websocket.opening())
                await self._until_opened()
        except (OSError, TimeoutError, ValueError, LinkLostError) as error:  # ValueError: a host that cannot be one
            raise LinkLostError(
                GatewayUnreachable(url, str(error) or "timed out", isinstance(error, UpstreamError))
            ) from error

    def _say_farewell(self) -> None:
        """Send a close frame if we end the connection. If it has ended otherwise, read the reason: asyncio complains of
        an exception that nobody has retrieved.
        """
        if self._ended.cancel() or self._ended.cancelled():
            if self._opened.is_set():
                self._control(self._websocket.farewell())
        else:
            self._ended.exception()

    async def _until_opened(self) -> None:
        opened = asyncio.ensure_future(self._opened.wait())
        self._ended.add_done_callback(lambda _: opened.cancel())
        try:
            await opened
        except asyncio.CancelledError:
            if self._ended.done():
                await self._ended
            raise

    # --- the pacer's stocks ----------------------------------------------------------------------------------------

    def feed(self) -> None:
        """Fill the stocks when the event loop comes round to it, and let the pacer begin once they are full. Call it
        when the connection is ready, and after all that may have made data or room."""
        if self.is_ready and self._feeding is None:
            self._feeding = asyncio.get_running_loop().call_soon(self._fill)

    def _fill(self) -> None:
        self._feeding = None
        try:
            if self.is_ready:
                self._fill_for_a_slice()
        except Exception as error:  # a pacer that nobody feeds would go on as if nothing had happened
            self.fail(error)

    def _fill_for_a_slice(self) -> None:
        source = self._traffic.source
        if self._cover_generation != source.cover_generation:
            self._cover_generation = source.cover_generation
            self.expire_covers()
        ends = clock() + SLICE
        is_full = False
        while not is_full and clock() < ends:
            is_full = True
            for kind in self._stocks:
                packet = source.next_packet(kind, clock()) if self.has_room(kind) else None
                if packet is not None:
                    self.offer(kind, packet)
                    is_full = False
        if not is_full:
            self.feed()
        elif not self._has_begun:
            self._has_begun = True
            self.begin()
            self._on_begun()
        self._traffic.on_fed()

    def has_room(self, kind: FrameKind) -> bool:
        """Whether the stock of this kind is to be filled."""
        return self.is_ready and self._stocks[kind].is_filling

    def offer(self, kind: FrameKind, ready: PreparedPacket) -> None:
        """Seal a packet for its slot; only after `has_room`."""
        frame, *others = self._machine.send(ready.packet, clock())
        if not isinstance(frame, Write):
            raise UsageError("the gateway machine sent no packet")
        self._stocks[kind].add(ready.token)
        self._carrier.offer(kind, ready.token, self._websocket.binary(frame.data))
        self._perform(others)

    def pace_delivery(self, messages: float, acks: float) -> None:
        """Ask the gateway to deliver at these rates (packets a second), whatever comes for us."""
        self._perform(self._machine.pace_delivery(messages, acks))

    def begin(self) -> None:
        """Let the streams run."""
        self._carrier.begin(self._rates)

    def expire_covers(self) -> None:
        """Have the covers in stock replaced."""
        self._stocks[FrameKind.COVER].clear()
        self._stocks[FrameKind.LOOP].clear()
        self._carrier.expire_covers()

    @property
    def unused(self) -> Unused:
        """Slots that carried nothing."""
        return self._carrier.unused

    @property
    def pacer_pid(self) -> int | None:
        """The pacer's process, where there is one."""
        return self._carrier.pid

    # --- what the carrier reports ------------------------------------------------------------------------------------

    def on_left(self, kind: FrameKind, serial: int, at: float) -> None:
        """See `CarrierUser`."""
        self._stocks[kind].discard(serial)
        self._left_since += 1
        if self._left_since >= SILENT_PACKETS and at - self._pushed_at > SILENCE and self.is_ready:
            self.was_silent = True
            self._end(LinkLostError(NothingComesBack(SILENCE)))
        try:
            self._traffic.on_departed(serial, at)
        except Exception as error:  # see `fail`
            self.fail(error)

    def on_end(self, reason: LinkBroke) -> None:
        """See `CarrierUser`."""
        self._end(LinkLostError(reason))

    def on_bytes(self, data: bytes) -> None:
        """See `CarrierUser`."""
        if self._ended.done():
            return
        try:
            for event in self._websocket.feed(data):
                match event:
                    case HandshakeDone():
                        self._opened.set()
                        self._perform(self._machine.start(clock()))  # now, for its answers may follow at once
                    case Message(content):
                        self._take_in(content)
                    case ControlFrame(answer):
                        self._control(answer)
                    case Closed():
                        self._end(LinkLostError(LinkBroke(LinkFault.CLOSED)))
        except WireError as error:
            self._end(LinkLostError(GatewayNotUnderstood(str(error))))
        except Exception as error:  # see `fail`
            self.fail(error)

    def _take_in(self, content: str | bytes) -> None:
        if self._ended.done():
            return
        try:
            if isinstance(content, bytes):
                self._perform(self._machine.feed_binary(content, clock()))
            else:
                self._perform(self._machine.feed_text(content, clock()))
        except WireError as error:
            if times := self._dropped.count(clock()):
                log.warning("dropped a message of the gateway: %s (times since the last such line: %d)", error, times)

    def _perform(self, effects: Iterable[object]) -> None:
        for effect in effects:
            match effect:
                case WriteText(text):
                    self._control(self._websocket.text(text))
                case Pushed(content):
                    self._pushed_at, self._left_since = clock(), 0
                    self._traffic.on_push(content)
                case DeliveryPaced(granted):
                    self.delivery_is_paced = granted
                case Ready():
                    self.is_ready = True
                    self._pushed_at = clock()
                    self._on_ready(effect)
                case Refused(reason):
                    self._end(LinkLostError(GatewayRefuses(reason)))
                case LinkGivenUp(reason):
                    self._end(LinkLostError(reason))
        self._waker.arm()

    def _control(self, frame: bytes) -> None:
        try:
            self._carrier.control(frame)
        except UsageError:
            self._end(LinkLostError(LinkBroke(LinkFault.NOT_TAKEN)))

    def fail(self, error: Exception) -> None:
        """End with an error that is our own: from an event loop's callback it would reach nobody otherwise."""
        self._end(error)

    def _end(self, error: Exception) -> None:
        self.is_ready = False
        if not self._ended.done():
            self._ended.set_exception(error)
