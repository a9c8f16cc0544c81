"""What carries a connection's frames to its gateway, and the carrier that does so in this process.

A carrier hosts a `Pacer`. `LocalCarrier` runs it on our event loop: for clients that send without pacing, whose timing
hides nothing anyway. Paced clients have `parent.ChildCarrier`.
"""

import asyncio
import socket
from typing import Protocol, cast

from nymconnect.client.pacer.machine import FrameKind, Pacer, SlotGaps, Unused
from nymconnect.reasons import LinkBroke, LinkFault
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.outbound import adopt
from nymconnect.runtime.tasks import Waker

WRITE_BUFFER = 1 << 16  # bytes that wait for the socket; past this the link counts as stalled


class CarrierUser(Protocol):
    """Whom a carrier tells."""

    def on_bytes(self, data: bytes) -> None:
        """The gateway has sent this piece of its stream."""

    def on_left(self, kind: FrameKind, serial: int, at: float) -> None:
        """An offered frame has left at `at` on the driver's clock."""

    def on_end(self, reason: LinkBroke) -> None:
        """The connection has ended."""


class Carrier(Protocol):
    """Open it once with a connected TCP socket, which it owns from then on. UsageError when a stock is full."""

    async def open(self, connected: socket.socket, tls_host: str) -> None:
        """Take the socket; TLS if `tls_host` names the gateway. OSError if that fails."""

    def begin(self, rates: SlotGaps) -> None:
        """Let the streams run."""

    def control(self, frame: bytes) -> None:
        """Send at once."""

    def offer(self, kind: FrameKind, serial: int, frame: bytes) -> None:
        """Add to a stock."""

    def expire_covers(self) -> None:
        """Replace the covers in stock by those that are offered from now on."""

    @property
    def unused(self) -> Unused:
        """Slots that carried nothing."""

    @property
    def pid(self) -> int | None:
        """The process that paces, if it is another."""

    async def close(self) -> None:
        """End it, whatever state it is in."""


class LocalCarrier(asyncio.Protocol):
    """The pacer on our own event loop."""

    pid = None

    def __init__(self, user: CarrierUser, patience: float) -> None:
        self._user, self._patience = user, patience
        self._pacer = Pacer(SYSTEM_RNG)
        self._transport: asyncio.Transport | None = None
        self._is_writable = True
        self._waker = Waker(self._deadline, self._wake, self._crashed)
        self._stall: asyncio.TimerHandle | None = None

    async def open(self, connected: socket.socket, tls_host: str) -> None:
        """See `Carrier`."""
        await adopt(connected, self, tls_host)

    @property
    def unused(self) -> Unused:
        """See `Carrier`."""
        return self._pacer.unused

    def begin(self, rates: SlotGaps) -> None:
        """See `Carrier`."""
        self._pacer.begin(rates, clock())
        self._wake()

    def control(self, frame: bytes) -> None:
        """See `Carrier`."""
        self._pacer.control(frame)
        self._wake()

    def offer(self, kind: FrameKind, serial: int, frame: bytes) -> None:
        """See `Carrier`."""
        self._pacer.offer(kind, serial, frame)
        self._wake()

    def expire_covers(self) -> None:
        """See `Carrier`."""
        self._pacer.expire_covers()

    async def close(self) -> None:
        """See `Carrier`."""
        self._waker.cancel()
        self._forget_stall()
        if (transport := self._transport) is not None:
            transport.close()
            try:
                await asyncio.sleep(0)  # the farewell goes out with the loop's next turn, if it can
            finally:
                transport.abort()

    # --- the event loop's side -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)

    def data_received(self, data: bytes) -> None:
        self._user.on_bytes(data)

    def pause_writing(self) -> None:
        self._is_writable = False
        self._stall = asyncio.get_running_loop().call_later(self._patience, self._give_up)

    def resume_writing(self) -> None:
        self._is_writable = True
        self._forget_stall()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._waker.cancel()
        self._forget_stall()
        self._transport = None
        self._user.on_end(LinkBroke(LinkFault.BROKEN, str(error)) if error else LinkBroke(LinkFault.CLOSED))

    def _crashed(self, error: Exception) -> None:
        self._user.on_end(LinkBroke(LinkFault.PACER_CRASHED, type(error).__name__))

    def _give_up(self) -> None:
        self._user.on_end(LinkBroke(LinkFault.NOT_TAKEN))

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _deadline(self) -> float | None:
        return self._pacer.deadline if self._is_writable else self._pacer.next_slot

    def _wake(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        for departure in self._pacer.wake(clock(), writable=self._is_writable):
            self._transport.write(departure.frame)
            if departure.kind is not FrameKind.CONTROL:
                self._user.on_left(departure.kind, departure.serial, clock())
        self._waker.arm()
