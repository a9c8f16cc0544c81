"""A listening TCP port that cannot be filled from outside: what accepts connections for each of our services.

Each connection gets a place in the port's `Lobby` or is closed at once, before anything serves it. When the process
runs short of descriptors, a stranger of the port that has most of them goes for the newcomer, so that strangers at one
port take nothing from the clients and nodes at another.

asyncio's own servers cannot be used for that: they take in a hundred connections before our code is asked, and
where no descriptor is left, CPython 3.11 logs each of those hundred failures and schedules as many new attempts.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial
from weakref import WeakSet

from nymconnect.errors import UsageError
from nymconnect.lobby import Lobby
from nymconnect.runtime.clock import clock
from nymconnect.runtime.descriptors import is_spare, room
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.repeats import Repeats
from nymconnect.runtime.sockets import in_use
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

BACKLOG = 128  # connections that the kernel keeps until we have time for them
_ATTEMPTS = 5
RETRY = 0.1  # seconds after a failure to accept; what is missing then does not come back at once


class Visitor(asyncio.Protocol):
    """One accepted connection: hands everything on to the protocol that serves it, and can be sent away."""

    def __init__(self, address: str, serving: asyncio.Protocol, on_end: Callable[["Visitor"], None]) -> None:
        self.address = address
        self._serving = serving
        self._on_end = on_end
        self._transport: asyncio.Transport | None = None
        self._unwanted = False

    def abort(self) -> None:
        """Close the connection at once, whatever is under way."""
        self._unwanted = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._serving.connection_made(transport)
        if self._unwanted:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_end(self)
        self._serving.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._serving.data_received(data)

    def eof_received(self) -> bool | None:
        return self._serving.eof_received()

    def pause_writing(self) -> None:
        self._serving.pause_writing()

    def resume_writing(self) -> None:
        self._serving.resume_writing()


class Port:
    """Accepts for one service. `make` returns the protocol of a new connection; `is_known` says by its IP address
    whether it is no stranger; `on_refused` and `on_displaced` count; `prepare` sets options of the listening socket,
    which the accepted ones inherit. `flag` of the command line chooses the address, if one does."""

    def __init__(
        self,
        owner: str,
        make: Callable[[], asyncio.Protocol],
        lobby: Lobby[Visitor],
        *,
        is_known: Callable[[str], bool] = lambda _: False,
        on_refused: Callable[[], None] = lambda: None,
        on_displaced: Callable[[], None] = lambda: None,
        prepare: Callable[[socket.socket], None] = lambda _: None,
        flag: str = "",
    ) -> None:
        self.lobby = lobby
        self._owner = owner
        self._make = make
        self._is_known = is_known
        self._on_refused = on_refused
        self._on_displaced = on_displaced
        self._prepare = prepare
        self._flag = flag
        self._sockets: list[socket.socket] = []
        self._tasks = TaskSet(f"{owner} port")

    async def open(self, host: str, port: int) -> int:
        """Listen (0 = any free port) and return the bound port; UserError if the address cannot be had."""
        if self._sockets:
            raise UsageError(f"the port of {self._owner} is open already")
        try:
            # asyncio binds, as it knows every system's ways; it does not accept.
            server = await asyncio.get_running_loop().create_server(self._make, host, port, start_serving=False)
            self._sockets = [bound.dup() for bound in server.sockets]
            server.close()
            for listening in self._sockets:
                listening.setblocking(False)
                self._prepare(listening)
                listening.listen(BACKLOG)
        except OSError as error:
            await self.close()
            raise in_use(host, port, error, self._flag) from error
        for listening in self._sockets:
            self._tasks.keep(partial(self._accept, listening), "accept")
        if (most := room()) is not None:
            self.lobby.bound(most // 2)  # the known of one port leave some for other ports, and for strangers to begin
        _open.add(self)
        return int(self._sockets[0].getsockname()[1])

    @property
    def crashes(self) -> int:
        """Tasks that failed by our own fault."""
        return self._tasks.crashes

    async def close(self) -> None:
        """Take no further connections; those that are there stay."""
        _open.discard(self)
        await self._tasks.close()
        sockets, self._sockets = self._sockets, []
        for listening in sockets:
            listening.close()

    def promote(self, visitor: Visitor) -> bool:
        """A stranger has shown who it is; False, and its connection is closed, if no place among the known is left."""
        entry = self.lobby.promote(visitor, clock())
        if entry.leaving is not None:
            self.send_away(entry.leaving)
        if not entry.admitted:
            self._on_refused()
            visitor.abort()
        return entry.admitted

    def displace_late(self, patience: float) -> None:
        """Send away the strangers that said nothing whole for `patience` seconds."""
        for visitor in self.lobby.late(clock(), patience):
            visitor.abort()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, peer = await _next_connection(listening)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    _complain(f"{self._owner}: no descriptor is left for a new connection")
                if error.errno != errno.ECONNABORTED:  # that one has gone while it waited
                    await asyncio.sleep(RETRY)
                continue
            await self._take_in(connection, str(peer[0]))
            await asyncio.sleep(0)  # a flood of connections must not keep the others from being served

    async def _take_in(self, connection: socket.socket, address: str) -> None:
        if is_spare(connection.fileno()):
            _complain(f"{self._owner}: few descriptors are left, so strangers have to go or are refused")
            if not await _make_room():
                self._on_refused()
                connection.close()
                return
            with connection as high:  # a lower number, or numbers would tell no more how many are in use
                connection = high.dup()
        visitor = Visitor(address, self._make(), self.lobby.leave)
        if not self._find_place(visitor):
            self._on_refused()
            connection.close()
            return
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: visitor, connection)
        except BaseException as error:
            self.lobby.leave(visitor)
            connection.close()
            if not isinstance(error, OSError):
                raise

    def _find_place(self, visitor: Visitor) -> bool:
        entry = self.lobby.enter(visitor, visitor.address, clock(), known=self._is_known(visitor.address))
        if entry.leaving is not None:
            self.send_away(entry.leaving)
        return entry.admitted

    def send_away(self, visitor: Visitor) -> None:
        """Close a connection that has lost its place to another."""
        self._on_displaced()
        visitor.abort()


async def _next_connection(listening: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
    """Accepts in the turn in which it returns.

    `sock_accept` accepts a turn before; a task that is cancelled between the two leaves an open connection behind.
    """
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(BlockingIOError):
            connection, peer = listening.accept()
            connection.setblocking(False)
            return connection, peer
        ready: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(listening.fileno(), _resolve, ready)
        except NotImplementedError:  # Windows
            return await loop.sock_accept(listening)
        try:
            await ready
        finally:
            loop.remove_reader(listening.fileno())


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_open: WeakSet[Port] = WeakSet()
_short = Repeats()


def _complain(what: str) -> None:
    if times := _short.count(clock()):
        log.warning("%s (times since the last such line: %d)", what, times)


async def _make_room() -> bool:
    """Whether a descriptor that is not of the reserve is free; strangers go for it."""
    for _ in range(_ATTEMPTS):
        try:
            with socket.socket() as probe:
                spare = is_spare(probe.fileno())
        except OSError:
            spare = True
        if not spare:
            return True
        if not _displace_one():
            return False
        await asyncio.sleep(0)  # a transport closes its socket in the next turn
        await asyncio.sleep(0)
    return False


def _displace_one() -> bool:
    """Send away a stranger of the port that has most of them; False if there is none in this process."""
    port = max(_open, key=lambda one: one.lobby.strangers, default=None)
    visitor = port.lobby.displace() if port is not None else None
    if port is None or visitor is None:
        return False
    port.send_away(visitor)
    return True


async def dial_for_others(host: str, port: int, patience: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """`outbound.dial` for what others ask of us: they do not get the last descriptors. OSError if it fails."""
    if not await _make_room():
        _complain("few descriptors are left, so connections to targets are refused")
        raise OSError(errno.EMFILE, "few descriptors are left")
    return await dial(host, port, patience)


def visitor_of(transport: asyncio.BaseTransport | None) -> Visitor | None:
    """The visitor to whom a transport of a port's connection belongs; None for one that is gone."""
    if isinstance(transport, asyncio.Transport):
        with contextlib.suppress(AttributeError):  # a transport that has been closed may have let go of its protocol
            protocol = transport.get_protocol()
            return protocol if isinstance(protocol, Visitor) else None
    return None
