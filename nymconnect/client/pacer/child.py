"""The pacer's own process: owns the socket to the gateway, so that nothing else that the program does moves a frame.

A Poisson sender on a busy event loop tells from its gaps whether its owner is active. This program is a select loop
around a `Pacer` and little more: it holds no keys, only sealed frames, masked for the websocket. It reads the gateway's
bytes for its client and does TLS where the gateway wants it, since only one process can write a TLS stream.

It ends when the connection or its client ends, whichever is first; the socket pair (`protocol`) tells either
side.
"""

import math
import os
import platform
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from nymconnect.client.pacer import protocol
from nymconnect.client.pacer.machine import FrameKind, Pacer, Unused
from nymconnect.errors import NymError
from nymconnect.reasons import LinkBroke, LinkFault

CHUNK = 65536
BACKLOG_LIMIT = 1 << 18  # bytes for the client; past this the gateway is not read
# Bytes that the system keeps besides those under way. What it has taken leaves at a moment of its own choice.
UNSENT_LIMIT = 16384
# Seconds for which the client need not hear that a cover has left, unless there is more to tell: each word wakes it.
LINGER = 0.1
# Seconds from one look at what the gateway has sent to the next, once the streams run: each wakes us and the client,
# where three pieces come for each packet that leaves. The same at all times, since TCP shows the line when we read.
READ_GAP = 0.02
TIME_SLICE = 100_000  # nanoseconds, the shortest that Linux gives
PR_SET_TIMERSLACK = 29  # of prctl(2); by default the system may wake us 50 µs late
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # numbers of the system call, for which Python has no function
# struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period, lowest and highest utilisation
SCHED_ATTRIBUTES = struct.Struct("=IIQiIQQQII")


class _ConnectionOverError(NymError):
    """The connection to the gateway has ended."""

    def __init__(self, fault: LinkFault, words: str = "") -> None:
        self.reason = LinkBroke(fault, words)
        super().__init__(str(self.reason))


class _Layer(Protocol):
    """What lies between frames and socket."""

    is_open: bool

    def wrap(self, data: bytes) -> bytes: ...

    def unwrap(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes for the client, and bytes that go back to the gateway."""
        ...


class _Plain:
    is_open = True

    def wrap(self, data: bytes) -> bytes:
        return data

    def unwrap(self, data: bytes) -> tuple[bytes, bytes]:
        return data, b""


class _Tls:
    """A TLS client whose bytes we carry ourselves. Nothing is wrapped before the handshake is complete."""

    def __init__(self, host: str) -> None:
        import ssl  # large, and most gateways do without

        self.is_open = False
        self._ssl = ssl
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def wrap(self, data: bytes) -> bytes:
        self._object.write(data)
        return self._outgoing.read()

    def unwrap(self, data: bytes) -> tuple[bytes, bytes]:
        self._incoming.write(data)
        plain = bytearray()
        try:
            if not self.is_open:
                self._object.do_handshake()
                self.is_open = True
            while piece := self._object.read(CHUNK):
                plain += piece
        except self._ssl.SSLWantReadError:
            pass
        except self._ssl.SSLError as error:
            raise _ConnectionOverError(LinkFault.NO_TLS, str(error)) from error
        return bytes(plain), self._outgoing.read()


class PacerProcess:
    """Drives a `Pacer` between two connected sockets until one of them ends."""

    def __init__(self, channel: socket.socket, gateway: socket.socket) -> None:
        self._channel, self._gateway = channel, gateway
        self._pacer = Pacer(random.SystemRandom())
        self._inbox = protocol.Inbox()
        self._layer: _Layer | None = None
        self._patience = 0.0
        self._to_gateway = bytearray()
        self._to_client = bytearray()
        self._tell_at = math.inf  # when `_to_client` is due
        self._leaving: list[tuple[FrameKind, int]] = []
        self._blocked_since = 0.0
        self._told = Unused()
        self._beat_at = 0.0
        self._read_gap = 0.0
        self._read_at = 0.0  # when the gateway is to be read next

    def run(self) -> None:
        """Return when the client is gone or has been told that the connection is."""
        self._channel.setblocking(False)
        self._gateway.setblocking(False)
        try:
            while self._turn():
                pass
        except _ConnectionOverError as error:
            self._say_farewell(error.reason)
        except NymError as error:
            self._say_farewell(LinkBroke(LinkFault.PACER_CRASHED, str(error)))
        except OSError as error:
            self._say_farewell(LinkBroke(LinkFault.BROKEN, str(error)))

    def _turn(self) -> bool:
        """Wait for one of the sockets or the next slot; False when the client is gone."""
        readable, writable = self._wait()
        if self._gateway in writable:
            self._flush_gateway()
        self._pace()
        if self._channel in readable and not self._hear_client():
            return False
        if self._gateway in readable:
            self._hear_gateway()
        return self._flush_client()

    def _wait(self) -> tuple[list[socket.socket], list[socket.socket]]:
        now = time.monotonic()
        readers = [self._channel]
        writers = [self._gateway] if self._to_gateway else []
        moments = [self._pacer.deadline if self._is_writable else self._pacer.next_slot]
        if self._layer is not None and len(self._to_client) < BACKLOG_LIMIT:
            if self._read_at <= now:
                readers.append(self._gateway)
            else:
                moments.append(self._read_at)
        if self._tell_at <= now:
            writers.append(self._channel)
        else:
            moments.append(self._tell_at if self._to_client else self._beat_at)
        if self._to_gateway:
            moments.append(self._blocked_since + self._patience)
        due = min((moment for moment in moments if moment is not None), default=None)
        readable, writable, _ = select.select(readers, writers, (), None if due is None else self._until(due))
        return readable, writable

    @staticmethod
    def _until(due: float) -> float:
        return max(0.0, due - time.monotonic())

    @property
    def _is_writable(self) -> bool:
        return not self._to_gateway and self._layer is not None and self._layer.is_open

    # --- to the gateway --------------------------------------------------------------------------------------------

    def _pace(self) -> None:
        now = time.monotonic()
        if self._to_gateway and now >= self._blocked_since + self._patience:
            raise _ConnectionOverError(LinkFault.NOT_TAKEN)
        leaving = self._pacer.wake(now, writable=self._is_writable)
        if leaving and self._layer is not None:
            self._leaving = [(departure.kind, departure.serial) for departure in leaving]
            self._write(self._layer.wrap(b"".join(departure.frame for departure in leaving)))

    def _write(self, data: bytes) -> None:
        if not self._to_gateway:
            self._blocked_since = time.monotonic()
        self._to_gateway += data
        self._flush_gateway()

    def _flush_gateway(self) -> None:
        try:
            sent = self._gateway.send(self._to_gateway)
        except BlockingIOError:
            return
        at = time.monotonic()
        del self._to_gateway[:sent]
        self._blocked_since = at
        if not self._to_gateway:
            for kind, serial in self._leaving:
                if kind is not FrameKind.CONTROL:
                    self._tell(protocol.Departed(kind, serial, at), at if kind is FrameKind.DATA else at + LINGER)
            self._leaving = []

    def _hear_gateway(self) -> None:
        self._read_at = time.monotonic() + self._read_gap
        try:
            data = self._gateway.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise _ConnectionOverError(LinkFault.CLOSED)
        if self._layer is not None:
            plain, answer = self._layer.unwrap(data)
            if plain:
                self._tell(protocol.Incoming(plain))
            if answer:
                self._write(answer)

    # --- to the client ---------------------------------------------------------------------------------------------

    def _hear_client(self) -> bool:
        try:
            data = self._channel.recv(CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for message in self._inbox.feed(data):
            self._obey(message)
        return bool(data)

    def _obey(self, message: protocol.Message) -> None:
        match message:
            case protocol.Setup(patience, tls_host):
                self._patience = patience
                self._layer = _Tls(tls_host) if tls_host else _Plain()
                if tls_host and (greeting := self._layer.unwrap(b"")[1]):
                    self._write(greeting)
            case protocol.Begin(rates):
                self._pacer.begin(rates, time.monotonic())
                self._read_gap = READ_GAP
            case protocol.Control(frame):
                self._pacer.control(frame)
            case protocol.Offer(kind, serial, frame):
                self._pacer.offer(kind, serial, frame)
            case protocol.Expire():
                self._pacer.expire_covers()

    def _tell(self, message: protocol.Message, due: float = 0.0) -> None:
        self._to_client += message.encode()
        self._tell_at = min(self._tell_at, due)

    def _flush_client(self) -> bool:
        now = time.monotonic()
        if not self._to_client and (self._pacer.unused != self._told or now >= self._beat_at):
            self._told, self._beat_at = self._pacer.unused, now + protocol.HEARTBEAT
            self._tell(protocol.Slots(self._told))
        if self._tell_at <= now:
            try:
                del self._to_client[: self._channel.send(self._to_client)]
            except BlockingIOError:
                pass
            except OSError:
                return False
            if not self._to_client:
                self._tell_at = math.inf
        return True

    def _say_farewell(self, reason: LinkBroke) -> None:
        self._to_client += protocol.Ended(reason).encode()
        self._channel.settimeout(1.0)
        try:
            self._channel.sendall(self._to_client)
        except OSError:
            return


def main(arguments: Sequence[str]) -> int:
    """Run as a process. `arguments`: descriptors of the channel and of the gateway; on Windows none, see `inherit`."""
    channel, gateway = inherit(arguments)
    ask_for_prompt_wakeups()
    for level, option, value in _socket_options():
        try:
            gateway.setsockopt(level, option, value)
        except OSError:  # not a TCP socket, or a system without this option
            continue
    PacerProcess(channel, gateway).run()
    gateway.close()
    channel.close()
    return 0


def inherit(arguments: Sequence[str]) -> tuple[socket.socket, socket.socket]:
    """The two sockets from our parent: inherited by number, or on Windows as two shared descriptions on stdin.

    The way of Windows is written after the documentation and not tested.
    """
    if sys.platform == "win32":
        lengths = [int.from_bytes(sys.stdin.buffer.read(4), "big") for _ in range(2)]
        channel, gateway = (socket.fromshare(sys.stdin.buffer.read(length)) for length in lengths)
        return channel, gateway
    channel, gateway = (socket.socket(fileno=int(number)) for number in arguments)
    return channel, gateway


def ask_for_prompt_wakeups() -> None:
    """Be woken in time, and before programs that use their time slices up, by asking for a short one ourselves (EEVDF,
    Linux 6.12).

    Anyone may ask, and older systems ignore it. With two programs for each core, nine wake-ups in ten came within
    0.15 ms of their time instead of 1.2 ms; a better nice value changed nothing. Without slack in the timers they come
    0.03 ms sooner.
    """
    number = SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return
    import ctypes  # only for this

    library = ctypes.CDLL(None)
    library.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = SCHED_ATTRIBUTES.pack(SCHED_ATTRIBUTES.size, 0, 0, niceness, 0, TIME_SLICE, 0, 0, 0, 0)
    library.syscall(number, 0, attributes, 0)


def _socket_options() -> list[tuple[int, int, int]]:
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT))
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
