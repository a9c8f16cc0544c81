"""The client's side of a pacer process: starts it for one connection, passes it the socket and its frames, ends it.

The child holds the only open descriptor of the gateway socket. So however it ends, the connection ends with it, and the
client is no longer connected. A child that hangs is given up as well: it says something every few seconds. Looks at
that are counted, not seconds, so nothing is held against it while this process does not run itself.
"""

import asyncio
import contextlib
import logging
import socket
import sys
from asyncio.subprocess import Process
from typing import cast

from nymconnect.client.pacer import protocol
from nymconnect.client.pacer.machine import FrameKind, SlotGaps, Unused
from nymconnect.client.pacer.transport import CarrierUser
from nymconnect.errors import WireError
from nymconnect.reasons import LinkBroke, LinkFault
from nymconnect.runtime.outbound import adopt
from nymconnect.runtime.program import own_command

log = logging.getLogger(__name__)

MODULE = "nymconnect.client.pacer.child"
STOP_TIMEOUT = 1.0
LOOK, SILENT_LOOKS = 1.0, 15  # seconds from look to look, and after how many a silent child is given up


class ChildCarrier(asyncio.Protocol):
    """The pacer in a process of its own; see `transport.Carrier`."""

    def __init__(self, user: CarrierUser, patience: float) -> None:
        self._user, self._patience = user, patience
        self._process: Process | None = None
        self._transport: asyncio.Transport | None = None
        self._inbox = protocol.Inbox()
        self._has_ended = False
        self._silent_looks = 0
        self._next_look: asyncio.TimerHandle | None = None
        self.unused = Unused()

    @property
    def pid(self) -> int | None:
        """Process id of the child while it is ours."""
        return self._process.pid if self._process else None

    async def open(self, connected: socket.socket, tls_host: str) -> None:
        """See `Carrier`."""
        ours, theirs = socket.socketpair()
        try:
            with connected, theirs:
                self._process = await _start(theirs, connected)
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        await adopt(ours, self)
        self._look()
        self._send(protocol.Setup(self._patience, tls_host))

    def begin(self, rates: SlotGaps) -> None:
        """See `Carrier`."""
        self._send(protocol.Begin(rates))

    def control(self, frame: bytes) -> None:
        """See `Carrier`; if too many wait, the connection ends."""
        self._send(protocol.Control(frame))

    def offer(self, kind: FrameKind, serial: int, frame: bytes) -> None:
        """See `Carrier`; the one who offers keeps count."""
        self._send(protocol.Offer(kind, serial, frame))

    def expire_covers(self) -> None:
        """See `Carrier`."""
        self._send(protocol.Expire())

    async def close(self) -> None:
        """See `Carrier`."""
        self._has_ended = True
        if self._next_look is not None:
            self._next_look.cancel()
        if self._transport is not None:
            self._transport.close()
        try:
            await self._end_process()
        finally:
            if self._transport is not None:
                self._transport.abort()

    async def _end_process(self) -> None:
        """It ends by itself when it has lost us; being cancelled while waiting for that does not leave it behind."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            log.debug("the pacer does not end")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    # --- the event loop's side -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._silent_looks = 0
        try:
            for message in self._inbox.feed(data):
                self._take(message)
        except WireError as error:
            self._end(LinkBroke(LinkFault.PACER_NOT_UNDERSTOOD, str(error)))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._end(LinkBroke(LinkFault.PACER_ENDED))

    def _take(self, message: protocol.Message) -> None:
        match message:
            case protocol.Incoming(data):
                self._user.on_bytes(data)
            case protocol.Departed(kind, serial, at):
                self._user.on_left(kind, serial, at)
            case protocol.Slots(unused):
                self.unused = unused
            case protocol.Ended(reason):
                self._end(reason)

    def _look(self) -> None:
        if self._has_ended:
            return
        self._silent_looks += 1
        if self._silent_looks > SILENT_LOOKS:
            self._end(LinkBroke(LinkFault.PACER_SILENT))
            return
        self._next_look = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _end(self, reason: LinkBroke) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._user.on_end(reason)

    def _send(self, message: protocol.Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message.encode())


async def _start(channel: socket.socket, gateway: socket.socket) -> Process:
    """The child with these two sockets. Ctrl-C goes to a whole process group; the child shall end when we let it."""
    if sys.platform == "win32":  # after the documentation of `socket.share`; not tested
        process = await asyncio.create_subprocess_exec(*own_command(MODULE), stdin=asyncio.subprocess.PIPE)
        assert process.stdin is not None
        shares = [each.share(process.pid) for each in (channel, gateway)]
        process.stdin.write(b"".join(len(share).to_bytes(4, "big") for share in shares) + b"".join(shares))
        await process.stdin.drain()
        return process
    numbers = channel.fileno(), gateway.fileno()
    return await asyncio.create_subprocess_exec(
        *own_command(MODULE),
        *map(str, numbers),
        pass_fds=numbers,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
