"""The websocket port of a gateway: upgrades what asks for it, and closes connections that do not ask in time."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from nymconnect.errors import UsageError
from nymconnect.link.gateway import frames, messages
from nymconnect.runtime import in_use

MAX_MESSAGE = max(messages.MAX_TEXT, frames.MAX_FRAME_LENGTH)
UPGRADE_TIMEOUT = 1.5
_CLOSE_TIMEOUT = 1.0

Serve = Callable[[web.WebSocketResponse, asyncio.WriteTransport], Awaitable[None]]


class Doorman:
    """Hands every websocket to `serve`, which ends its connection before it returns."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._site: web.TCPSite | None = None
        self._upgraded: set[web.RequestHandler] = set()
        self._first_seen: dict[web.RequestHandler, float] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the bound port. UserError if the address cannot be had."""
        if self._runner is not None:
            raise UsageError("the websocket port is open already")
        server = web.Server(self._answer, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_TIMEOUT)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise in_use(host, port, error) from error
        self._server, self._runner, self._site = server, runner, site
        return int(runner.addresses[0][1])

    async def close_port(self) -> None:
        """Take no further connections."""
        site, self._site = self._site, None
        if site is not None:
            await site.stop()

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self.close_port()
        runner, self._runner, self._server = self._runner, None, None
        if runner is not None:
            await runner.cleanup()
        self._first_seen.clear()

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
        return len(late)
