"""Drives one stream machine: its socket, its timer, and its messages into the mixnet.

Effects are performed at once and in order; only messages wait, in an outbox that one task empties into the mixnet. The
socket is read when the machine wants data and the outbox is empty, so a slow mixnet slows the peer down and an outbox
never holds more than one read and a few keep-alives. What is delivered waits for the socket to take it, and the machine
hears of what it has taken: a peer that pauses is waited for, and the machine bounds what waits (`protocol.credit`).
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from nymconnect.errors import NymError
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet, Waker
from nymconnect_proxy.streams.back_pressure import message_for
from nymconnect_proxy.streams.flow import FROM_AFAR, Cause, Deliver, DeliverEof, Finished, SendMessage
from nymconnect_proxy.streams.socket_close import (
    end_then_reset,
    flush_then_reset,
    is_broken,
    linger_close,
    notice_death,
    reset_on_close,
)

log = logging.getLogger(__name__)

FAREWELL = 1.0
FAREWELL_OF_A_WHOLE = 5.0

Effect = TypeVar("Effect")


class StreamMachine(Protocol[Effect]):
    """What both ends of a stream have in common."""

    @property
    def deadline(self) -> float | None: ...

    @property
    def wants_data(self) -> bool: ...

    @property
    def room(self) -> int | None: ...

    @property
    def local_closed(self) -> bool: ...

    def feed_local(self, data: bytes, now: float) -> list[Effect]: ...

    def local_eof(self, now: float) -> list[Effect]: ...

    def took(self, size: int, now: float) -> list[Effect]: ...

    def abort(self, cause: Cause, now: float) -> list[Effect]: ...

    def wake(self, now: float) -> list[Effect]: ...


@dataclass(frozen=True, slots=True)
class PipeOptions:
    """Seconds for the last bytes, before a reset that this end itself has caused, and else, None for as long as the
    peer takes. Seconds between two looks whether a peer that is not read is still there."""

    flush_timeout: float = 30.0
    last_bytes: float | None = None
    look: float = 30.0
    linger: float = 1.0


class Pipe(Generic[Effect]):
    """One stream between a socket and the mixnet. `on_effect` performs what only one of the two ends knows."""

    def __init__(
        self,
        machine: StreamMachine[Effect],
        transmit: Callable[[SendMessage], Awaitable[None]],
        on_effect: Callable[[Effect], None],
        options: PipeOptions,
        rate: Callable[[], float | None],
    ) -> None:
        """`rate`: bytes a second that the mixnet takes of this end, None if nobody knows."""
        self._machine = machine
        self._transmit = transmit
        self._on_effect = on_effect
        self._options = options
        self._rate = rate
        self._outbox: asyncio.Queue[SendMessage] = asyncio.Queue()
        self._undelivered: deque[bytes | None] = deque()  # None is the end
        self._fresh = asyncio.Event()
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
        self._orderly = self._from_afar = self._eof_delivered = False
        self.hung_up = asyncio.Event()
        """Whether the socket has had its end."""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.bytes_read = self.bytes_written = 0  # at the local socket
        self._waker = Waker(lambda: machine.deadline, self._wake, self._crashed)
        self.flushed = True
        """Whether the mixnet has taken everything that the stream had to say; known when `run` has returned."""
        self._socket_tasks = TaskSet("stream socket", on_crash=self._crashed)
        self._send_tasks = TaskSet("stream outbox", on_crash=self._crashed)

    @property
    def finished(self) -> bool:
        return self._finished.is_set()

    @property
    def is_whole(self) -> bool:
        """Whether the socket is to have, or has, everything of a direction and its end."""
        return self._orderly or self._eof_delivered

    def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give the pipe its socket and begin to read it; the pipe closes it."""
        reset_on_close(writer.transport, True)
        notice_death(writer.transport)
        self._reader, self._writer = reader, writer
        self._socket_tasks.spawn(self._read(reader), "read")
        self._socket_tasks.spawn(self._write(writer), "write")

    async def run(self) -> None:
        """Run until the stream has ended, its last messages are in the mixnet and its socket is closed."""
        self._send_tasks.spawn(self._send(), "send")
        self._waker.arm()
        try:
            await self._finished.wait()
            self._waker.cancel()
            await self._close_socket()
            self.hung_up.set()
            await self._flush_outbox()
        finally:
            self._waker.cancel()
            await self._socket_tasks.close()
            await self._send_tasks.close()
            if self._writer is not None:
                self._writer.transport.abort()
            self.hung_up.set()

    def abort(self, cause: Cause) -> None:
        """Let go of the stream from outside."""
        self.perform(self._machine.abort(cause, clock()))

    def perform(self, effects: Sequence[Effect]) -> None:
        """Do what the machine asks for."""
        for effect in effects:
            if isinstance(effect, SendMessage):
                self._outbox.put_nowait(effect)
            elif isinstance(effect, Deliver):
                self._deliver(effect.data)
            elif isinstance(effect, DeliverEof):
                self._deliver_eof()
            elif isinstance(effect, Finished):
                log.debug("stream has ended: %s", effect.cause.value)
                self._orderly = effect.orderly
                self._from_afar = effect.cause in FROM_AFAR
                self._finished.set()
            else:
                self._on_effect(effect)
        self._changed.set()
        if not self.finished:
            self._waker.arm()

    def _crashed(self, error: BaseException) -> None:
        self.abort(Cause.CRASHED)

    def _wake(self) -> None:
        self.perform(self._machine.wake(clock()))

    def _deliver(self, data: bytes) -> None:
        if self.finished:
            return
        if self._writer is not None and self._writer.transport.is_closing():
            self.abort(Cause.SOCKET_BROKE)
            return
        self.bytes_written += len(data)
        self._undelivered.append(data)
        self._fresh.set()

    def _deliver_eof(self) -> None:
        self._eof_delivered = True
        self._undelivered.append(None)
        self._fresh.set()

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        """One piece after the other, each when the system has taken the one before."""
        writer.transport.set_write_buffer_limits(high=0)
        while True:
            while not self._undelivered:
                self._fresh.clear()
                await self._fresh.wait()
            data = self._undelivered.popleft()
            _put(writer, data)
            try:
                await writer.drain()
            except OSError:
                self.abort(Cause.SOCKET_BROKE)
                return
            if data is not None:
                self.perform(self._machine.took(len(data), clock()))

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                await self._transmit(message)
            except NymError as error:
                log.debug("message was not sent: %s", error)
                self.abort(Cause.UNSENT)
            finally:
                self._outbox.task_done()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        machine = self._machine
        while not (self.finished or machine.local_closed):
            await self._outbox.join()
            if not await self._until_wanted():
                return
            try:
                size, room = message_for(self._rate()), machine.room
                data = await reader.read(size if room is None else min(size, room))
            except OSError:
                self.abort(Cause.SOCKET_BROKE)
                return
            await self._feed(data)

    async def _feed(self, data: bytes) -> None:
        """Give the machine what was read, or the end. A first credit may have come meanwhile, for less than that: what
        exceeds it waits for the next one."""
        machine = self._machine
        while await self._until_wanted():
            size = len(data) if machine.room is None else machine.room
            piece, data = data[:size], data[size:]
            self.bytes_read += len(piece)
            self.perform(machine.feed_local(piece, clock()) if piece else machine.local_eof(clock()))
            if not data:
                return

    async def _until_wanted(self) -> bool:
        """Wait until the machine wants data; False if it never will."""
        machine = self._machine
        while not machine.wants_data:
            if self.finished or machine.local_closed:
                return False
            self._changed.clear()
            await self._until_changed()
        return True

    async def _until_changed(self) -> None:
        """Wait for the machine to want something else; a peer that is not read meanwhile may be gone."""
        try:
            async with asyncio.timeout(self._options.look):
                await self._changed.wait()
        except TimeoutError:
            if self._writer is not None and is_broken(self._writer.transport):
                self.abort(Cause.SOCKET_BROKE)

    async def _flush_outbox(self) -> None:
        try:
            async with asyncio.timeout(self._options.flush_timeout):
                await self._outbox.join()
        except TimeoutError:
            self.flushed = False

    async def _close_socket(self) -> None:
        """An end, or what was delivered and then a reset. Bytes that have had their own end are not hurried, nor those
        that came before a cut by the far end: by then the peer may have no other way to them."""
        options, reader, writer = self._options, self._reader, self._writer
        if reader is None or writer is None:
            return
        await self._socket_tasks.close()
        for data in self._undelivered:
            _put(writer, data)
        self._undelivered.clear()
        if self._orderly:
            await linger_close(reader, writer, options.last_bytes, options.linger)
        elif self._eof_delivered:
            await end_then_reset(reader, writer, options.last_bytes, options.linger)
        else:
            patience = options.last_bytes if self._from_afar else options.flush_timeout
            await flush_then_reset(writer.transport, patience, options.linger)


def _put(writer: asyncio.StreamWriter, data: bytes | None) -> None:
    """Give the socket bytes, or its end."""
    if data is not None:
        writer.write(data)
    elif not writer.transport.is_closing() and writer.can_write_eof():
        # The peer may reset the connection at this very moment; the read task will see it.
        with contextlib.suppress(OSError):
            writer.write_eof()


async def cut_off(pipes: Iterable[Pipe[Any]], cause: Cause) -> None:
    """End streams from outside, and wait a moment until their sockets have what was delivered before. Where that is the
    whole of a direction, its reader gets some seconds more."""
    cut = list(pipes)
    for pipe in cut:
        pipe.abort(cause)
    await asyncio.gather(*(_hung_up(pipe) for pipe in cut))


async def _hung_up(pipe: Pipe[Any]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_OF_A_WHOLE if pipe.is_whole else FAREWELL):
            await pipe.hung_up.wait()
