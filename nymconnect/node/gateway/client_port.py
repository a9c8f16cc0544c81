"""The websocket port of a gateway: upgrades what asks for it, and closes connections that do not ask in time, or do not
say in time who they are.

A connection is a stranger until `admit`; strangers share their places (`lobby`), and no client's session gives way to
one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from nymconnect.errors import UsageError, UserError
from nymconnect.link.gateway import frames, messages
from nymconnect.link.gateway.server import STRANGER_TIMEOUT
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.runtime.faults import FaultLog
from nymconnect.runtime.http_log import http_log
from nymconnect.runtime.listening import Port, visitor_of

log = logging.getLogger(__name__)

MAX_MESSAGE = max(messages.MAX_TEXT, frames.MAX_FRAME_LENGTH)
UPGRADE_TIMEOUT = 1.5
LAST_WORDS = 3.0  # seconds beyond a stranger's deadline to tell it so, or to look for its other session
_CLOSE_TIMEOUT = 1.0

Serve = Callable[[web.WebSocketResponse, asyncio.WriteTransport], Awaitable[None]]


class Doorman:
    """Hands every websocket to `serve`, which ends its connection before it returns."""

    def __init__(
        self,
        owner: str,
        serve: Serve,
        places: LobbyLimits,
        on_refused: Callable[[], None] = lambda: None,
        on_displaced: Callable[[], None] = lambda: None,
    ) -> None:
        self._owner = owner
        self._serve = serve
        self._places = places
        self._on_refused = on_refused
        self._on_displaced = on_displaced
        self._crashes = 0
        self._faults = FaultLog(log)
        self._port: Port | None = None
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._upgraded: set[web.RequestHandler] = set()
        self._first_seen: dict[web.RequestHandler, float] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the bound port. UserError if the address cannot be had."""
        if self._runner is not None:
            raise UsageError("the websocket port is open already")
        server = web.Server(self._answer, access_log=None, logger=http_log(self._owner, log))
        runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_TIMEOUT)
        await runner.setup()
        self._port = Port(
            self._owner, server, Lobby(self._places), on_refused=self._on_refused, on_displaced=self._on_displaced
        )
        try:
            bound = await self._port.open(host, port)
        except UserError:
            await runner.cleanup()
            raise
        self._server, self._runner = server, runner
        return bound

    async def close_port(self) -> None:
        """Take no further connections."""
        port, self._port = self._port, None
        if port is not None:
            await port.close()
            self._crashes += port.crashes

    @property
    def crashes(self) -> int:
        """Tasks and requests that failed by our own fault."""
        return self._crashes + (self._port.crashes if self._port is not None else 0)

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self.close_port()
        runner, self._runner, self._server = self._runner, None, None
        if runner is not None:
            await runner.cleanup()
        self._first_seen.clear()

    def admit(self, transport: asyncio.BaseTransport) -> bool:
        """The connection belongs to a client now; False, and it is closed, if all places of clients are taken."""
        visitor = visitor_of(transport)
        return self._port is None or visitor is None or self._port.promote(visitor)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._upgrade(request)
        except OSError as error:
            log.debug("a client connection broke: %r", error)
        except Exception as error:
            self._crashes += 1
            self._faults.note("serving a client failed", error)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # to nobody, but aiohttp wants an answer

    async def _upgrade(self, request: web.BaseRequest) -> web.StreamResponse:
        # Named or not, a sub-protocol changes nothing here; browsers insist on getting one that they asked for.
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        socket = web.WebSocketResponse(
            timeout=_CLOSE_TIMEOUT,
            autoping=False,  # pongs must be seen, see `ClientSession.is_alive`
            protocols=[name for name in offered if name],
            compress=False,
            max_msg_size=MAX_MESSAGE,
        )
        try:
            upgrades = socket.can_prepare(request).ok
        except ValueError:  # a header that is no text, or a key that is none
            return _last_words(400)
        if not upgrades:
            return _last_words(426, {"Upgrade": "websocket"})
        try:
            await socket.prepare(request)
        except ConnectionResetError:
            return _last_words(400)  # to a connection that is gone already
        connection, transport = request.protocol, request.transport
        if transport is None:  # gone already
            return socket
        self._upgraded.add(connection)
        try:
            await self._serve(socket, transport)
        finally:
            self._upgraded.discard(connection)
        return socket

    def close_idlers(self, now: float) -> int:
        """Close connections that have not become websockets in time; how many. Call it about every second."""
        if self._server is None:
            return 0
        waiting = [connection for connection in self._server.connections if connection not in self._upgraded]
        # Made anew each time, so that it forgets connections that are gone.
        self._first_seen = {connection: self._first_seen.get(connection, now) for connection in waiting}
        late = [connection for connection, seen in self._first_seen.items() if now - seen >= UPGRADE_TIMEOUT]
        for connection in late:
            connection.force_close()
        if self._port is not None:
            self._port.displace_late(STRANGER_TIMEOUT + LAST_WORDS)
        return len(late)


def _last_words(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer after which the connection ends."""
    response = web.Response(status=status, headers=headers)
    response.force_close()
    return response
