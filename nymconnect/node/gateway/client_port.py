"""The websocket port of a gateway: upgrades what asks for it, and closes connections that do not ask in time, or do not
say in time who they are.

A connection is a stranger until `admit`; strangers share their places (`lobby`), and no client's session gives way to
one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from nymconnect.errors import UsageError, UserError
from nymconnect.link.gateway import frames, messages
from nymconnect.link.gateway.server import STRANGER_TIMEOUT
from nymconnect.lobby import Lobby, Places
from nymconnect.runtime.listening import Port, visitor_of

MAX_MESSAGE = max(messages.MAX_TEXT, frames.MAX_FRAME_LENGTH)
UPGRADE_TIMEOUT = 1.5
LAST_WORDS = 3.0  # seconds beyond a stranger's deadline to tell it so, or to look for its other session
_CLOSE_TIMEOUT = 1.0

Serve = Callable[[web.WebSocketResponse, asyncio.WriteTransport], Awaitable[None]]


class Doorman:
    """Hands every websocket to `serve`, which ends its connection before it returns."""

    def __init__(self, owner: str, serve: Serve, places: Places, on_refused: Callable[[], None]) -> None:
        self._owner = owner
        self._serve = serve
        self._places = places
        self._on_refused = on_refused
        self._port: Port | None = None
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._upgraded: set[web.RequestHandler] = set()
        self._first_seen: dict[web.RequestHandler, float] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the bound port. UserError if the address cannot be had."""
        if self._runner is not None:
            raise UsageError("the websocket port is open already")
        server = web.Server(self._answer, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_TIMEOUT)
        await runner.setup()
        self._port = Port(self._owner, server, Lobby(self._places), on_refused=self._on_refused)
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

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self.close_port()
        runner, self._runner, self._server = self._runner, None, None
        if runner is not None:
            await runner.cleanup()
        self._first_seen.clear()

    def admit(self, transport: asyncio.BaseTransport) -> bool:
        """The connection is that of a client now; False, and it is closed, if all places of clients are taken."""
        visitor = visitor_of(transport)
        return self._port is None or visitor is None or self._port.promote(visitor)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        # Named or not, a sub-protocol changes nothing here; browsers insist on getting one that they asked for.
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        socket = web.WebSocketResponse(
            timeout=_CLOSE_TIMEOUT,
            autoping=False,  # pongs must be seen, see `ClientSession.is_alive`
            protocols=[name for name in offered if name],
            compress=False,
            max_msg_size=MAX_MESSAGE,
        )
        if not socket.can_prepare(request):
            return web.Response(status=426, headers={"Upgrade": "websocket", "Connection": "close"})
        await socket.prepare(request)
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
        self._first_seen = {connection: self._first_seen.get(connection, now) for connection in waiting}
        late = [connection for connection, seen in self._first_seen.items() if now - seen >= UPGRADE_TIMEOUT]
        for connection in late:
            connection.force_close()
        if self._port is not None:
            self._port.displace_late(STRANGER_TIMEOUT + LAST_WORDS)
        return len(late)
