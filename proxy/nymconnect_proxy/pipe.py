"""Drives one stream machine: its socket, its timer, and its messages into the mixnet.

Effects are performed at once and in order; only messages wait, in an outbox that one task empties into the mixnet.
The socket is read when the machine wants data and the outbox is empty, so a slow mixnet slows the peer down and an
outbox never holds more than one read and a few keep-alives. What is delivered goes into the socket's own buffer: a
peer that does not read it is cut off once the buffer is full, or has not moved for long.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from nymconnect.errors import NymError
from nymconnect.runtime import TaskSet, Waker, clock
from nymconnect_proxy.streams import READ_SIZE, Deliver, DeliverEof, Finished, SendMessage

log = logging.getLogger(__name__)

Effect = TypeVar("Effect")


class StreamMachine(Protocol[Effect]):
    """What both ends of a stream have in common."""

    @property
    def deadline(self) -> float | None: ...

    @property
    def wants_data(self) -> bool: ...

    @property
    def local_closed(self) -> bool: ...

    def feed_local(self, data: bytes, now: float) -> list[Effect]: ...

    def local_eof(self, now: float) -> list[Effect]: ...

    def abort(self, reason: str, now: float) -> list[Effect]: ...

    def wake(self, now: float) -> list[Effect]: ...


@dataclass(frozen=True, slots=True)
class PipeOptions:
    """Bounds of the local socket: bytes that wait for it, seconds without movement, seconds for the last bytes."""

    max_buffered: int = 32 * 1024 * 1024
    stuck_timeout: float = 300.0
    flush_timeout: float = 30.0
    linger: float = 1.0


class Pipe(Generic[Effect]):
    """One stream between a socket and the mixnet. `on_effect` performs what only one of the two ends knows."""

    def __init__(
        self,
        machine: StreamMachine[Effect],
        transmit: Callable[[SendMessage], Awaitable[None]],
        on_effect: Callable[[Effect], None],
        options: PipeOptions,
    ) -> None:
        self._machine = machine
        self._transmit = transmit
        self._on_effect = on_effect
        self._options = options
        self._outbox: asyncio.Queue[SendMessage] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
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

    def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give the pipe its socket and begin to read it; the pipe closes it."""
        self._reader, self._writer = reader, writer
        self._socket_tasks.spawn(self._read(reader), "read")
        self._socket_tasks.spawn(self._watch(writer), "watch")

    async def run(self) -> None:
        """Until the stream is over, its last messages are in the mixnet and its socket is closed."""
        self._send_tasks.spawn(self._send(), "send")
        self._waker.arm()
        try:
            await self._finished.wait()
            self._waker.cancel()
            await self._close_socket()
            await self._flush_outbox()
        finally:
            self._waker.cancel()
            await self._socket_tasks.close()
            await self._send_tasks.close()
            if self._writer is not None:
                self._writer.transport.abort()

    def abort(self, reason: str) -> None:
        """Let go of the stream from outside."""
        self.perform(self._machine.abort(reason, clock()))

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
                log.debug("stream is over: %s", effect.reason)
                self._finished.set()
            else:
                self._on_effect(effect)
        self._changed.set()
        if not self.finished:
            self._waker.arm()

    def _crashed(self, error: BaseException) -> None:
        self.abort("internal error")

    def _wake(self) -> None:
        self.perform(self._machine.wake(clock()))

    def _deliver(self, data: bytes) -> None:
        writer = self._writer
        if writer is None or self.finished:
            return
        if writer.transport.is_closing():
            self.abort("the local socket is gone")
            return
        writer.write(data)
        self.bytes_written += len(data)
        if writer.transport.get_write_buffer_size() > self._options.max_buffered:
            self.abort("the local socket does not read")

    def _deliver_eof(self) -> None:
        writer = self._writer
        if writer is not None and not writer.transport.is_closing() and writer.can_write_eof():
            # The peer may reset the connection at this very moment; the read task will see it.
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                await self._transmit(message)
            except NymError as error:
                log.debug("message was not sent: %s", error)
                self.abort("the mixnet does not take messages")
            finally:
                self._outbox.task_done()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        machine = self._machine
        while not (self.finished or machine.local_closed):
            await self._outbox.join()
            self._changed.clear()
            if not machine.wants_data:
                await self._changed.wait()
                continue
            try:
                data = await reader.read(READ_SIZE)
            except OSError:
                self.abort("the local socket broke")
                return
            if not machine.wants_data:
                return
            self.bytes_read += len(data)
            self.perform(machine.feed_local(data, clock()) if data else machine.local_eof(clock()))

    async def _watch(self, writer: asyncio.StreamWriter) -> None:
        """Cuts off a peer whose buffer holds bytes and has not moved between two looks."""
        seen = -1
        while not self.finished:
            await asyncio.sleep(self._options.stuck_timeout)
            waiting = writer.transport.get_write_buffer_size()
            moved = self.bytes_written - waiting
            if waiting and moved == seen:
                self.abort("the local socket is stuck")
            seen = moved

    async def _flush_outbox(self) -> None:
        try:
            async with asyncio.timeout(self._options.flush_timeout):
                await self._outbox.join()
        except TimeoutError:
            self.flushed = False

    async def _close_socket(self) -> None:
        if self._reader is None or self._writer is None:
            return
        await self._socket_tasks.close()
        await linger_close(self._reader, self._writer, self._options.flush_timeout, self._options.linger)


async def linger_close(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flush_timeout: float, linger: float
) -> None:
    """Flush, say goodbye, and read on for a moment: bytes left unread would reset the connection, and the peer would
    lose what was written last."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(flush_timeout):
            if writer.can_write_eof() and not writer.transport.is_closing():
                writer.write_eof()
            writer.transport.set_write_buffer_limits(high=0)
            await writer.drain()
        async with asyncio.timeout(linger):
            while await reader.read(READ_SIZE):
                pass
    with contextlib.suppress(OSError):
        writer.close()
