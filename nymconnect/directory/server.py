"""The directory service: nym-api's routes over a `NetworkState`, as clients and nodes of the network ask for them.

Mirrors nym-api 1.21 in the routes that nym-sdk, nym-socks5-client, nym-network-requester and nym-node call. Answers are
JSON whatever `output` asks for: readers decode by Content-Type. Every route stands under ``/`` and under ``/api/``, so
a base URL may end in either. Errors are ``{"message": …}``; a fault of our own is a bare 500 without a reason.

Everybody is a stranger here. A connection has `PATIENCE` seconds from its start, or from its last whole request, to
bring the next one and to take the answer; then it is closed, however busy it looks. A body has `BODY_TIMEOUT`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from nymconnect.directory import documents
from nymconnect.directory.documents import Wanted
from nymconnect.directory.models import decode_address_query, decode_refresh_request, encode
from nymconnect.directory.network_state import NetworkState, RefreshRefusedError
from nymconnect.errors import UsageError, UserError, WireError
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.runtime.clock import clock, unix_offset
from nymconnect.runtime.faults import FaultLog
from nymconnect.runtime.http_log import http_log
from nymconnect.runtime.listening import Port, Visitor, visitor_of
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

# 20 000 IPv6 addresses in a by-addresses request; nothing else that is posted is longer than a kilobyte.
MAX_REQUEST_BODY = 1024 * 1024
SHUTDOWN_TIMEOUT = 1.0
PATIENCE = 30.0  # our own readers wait no longer for an answer
BODY_TIMEOUT = 10.0
HOUSEKEEPING_INTERVAL = 1.0
PLACES = LobbyLimits(strangers=1024, known=0, per_address=32)
PREFIXES = ("", "/api")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def unix_time() -> float:
    return clock() + unix_offset()


class DirectoryServer:
    """Serves one network's state. Nothing is opened before `start`."""

    def __init__(
        self,
        state: NetworkState,
        network_name: str = "nymconnect",
        now: Callable[[], float] = unix_time,
        *,
        places: LobbyLimits = PLACES,
        patience: float = PATIENCE,
    ) -> None:
        self.state = state
        self._network_name = network_name
        self._now = now
        self._started = 0.0
        self._runner: web.AppRunner | None = None
        self._lobby: Lobby[Visitor] = Lobby(places)
        self._patience = patience
        self._door: Port | None = None
        self._port: int | None = None
        self._tasks = TaskSet("directory")
        self._faults = FaultLog(log)

    @property
    def port(self) -> int:
        """The bound TCP port; UsageError before `start`."""
        if self._port is None:
            raise UsageError("the directory is not started")
        return self._port

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0 picks a free one) and return the bound port; UserError if that fails."""
        if self._runner is not None:
            raise UsageError("the directory is started already")
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
            logger=http_log("directory", log),
        )
        await runner.setup()
        assert runner.server is not None
        door = Port("directory", runner.server, self._lobby, flag="--api")
        try:
            self._port = await door.open(host, port)
        except UserError:
            await runner.cleanup()
            raise
        self._runner, self._door, self._started = runner, door, self._now()
        self._tasks.keep(lambda: self._keep_house(door), "housekeeping")
        log.info("directory listens on %s:%d", host, self._port)
        return self._port

    async def stop(self) -> None:
        """Close the listener and every connection; does nothing if not started."""
        runner, self._runner, self._port = self._runner, None, None
        door, self._door = self._door, None
        await self._tasks.close()
        if door is not None:
            await door.close()
        if runner is not None:
            await runner.cleanup()

    async def _keep_house(self, door: Port) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_INTERVAL)
            door.displace_late(self._patience)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_REQUEST_BODY, middlewares=[self._errors_as_json])
        skimmed = "/v2/unstable/nym-nodes/skimmed"
        gets: dict[str, Handler] = {
            "/v1/epoch/key-rotation-info": self._key_rotation_info,
            "/v1/epoch/current": self._current_epoch,
            "/v1/nym-nodes/rewarded-set": self._rewarded_set,
            "/v1/nym-nodes/described": self._described,
            "/v1/api-status/health": self._health,
            "/v1/network/details": self._network_details,
            skimmed: self._skimmed,
            f"{skimmed}/mixnodes/active": self._list_of(documents.is_active_mixnode),
            f"{skimmed}/mixnodes/all": self._list_of(documents.can_mix),
            f"{skimmed}/entry-gateways": self._list_of(documents.can_enter),
            f"{skimmed}/exit-gateways": self._list_of(documents.can_exit),
            "/v2/unstable/nym-nodes/semi-skimmed": self._semi_skimmed,
        }
        posts: dict[str, Handler] = {
            "/v1/unstable/nym-nodes/by-addresses": self._by_addresses,
            "/v1/nym-nodes/refresh-described": self._refresh_described,
        }
        for prefix in PREFIXES:
            application.add_routes([web.get(prefix + path, handler) for path, handler in gets.items()])
            application.add_routes([web.post(prefix + path, handler) for path, handler in posts.items()])
        return application

    async def _key_rotation_info(self, _: web.Request) -> web.Response:
        return _json(self.state.calendar.info(self._now()))

    async def _current_epoch(self, _: web.Request) -> web.Response:
        return _json(documents.current_epoch(self.state.calendar, self._now()))

    async def _rewarded_set(self, _: web.Request) -> web.Response:
        return _json(self.state.rewarded_set(self._now()))

    async def _described(self, _: web.Request) -> web.Response:
        return _json(documents.described(self.state, self._now()))

    async def _health(self, _: web.Request) -> web.Response:
        return _json(documents.health(max(0.0, self._now() - self._started)))

    async def _network_details(self, request: web.Request) -> web.Response:
        prefix = request.path.removesuffix("v1/network/details")
        return _json(documents.network_details(self._network_name, f"http://{request.host}{prefix}"))

    async def _skimmed(self, request: web.Request) -> web.Response:
        role = request.query.get("role")
        if role is not None and role not in documents.ROLE_FILTERS:
            raise web.HTTPBadRequest(reason="unknown role")
        wanted: Wanted = documents.ROLE_FILTERS[role] if role else lambda _: True
        return _json(documents.node_list(self.state, self._now(), wanted, _known_epoch(request)))

    def _list_of(self, wanted: Wanted) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            return _json(documents.node_list(self.state, self._now(), wanted, _known_epoch(request)))

        return answer

    async def _semi_skimmed(self, request: web.Request) -> web.Response:
        return _json(documents.semi_skimmed_list(self.state, self._now(), _known_epoch(request)))

    async def _by_addresses(self, request: web.Request) -> web.Response:
        query = decode_address_query(await _body(request))
        return _json({"existence": self.state.existence(query.addresses)})

    async def _refresh_described(self, request: web.Request) -> web.Response:
        self.state.refresh(decode_refresh_request(await _body(request)), self._now())
        return _json(None)

    @web.middleware
    async def _errors_as_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every refusal as a JSON message; the peer's fault is 400, ours a 500 without details."""
        if (visitor := visitor_of(request.transport)) is not None:
            self._lobby.heard(visitor, clock())
        try:
            return await handler(request)
        except RefreshRefusedError as error:
            return _refusal(error.status, str(error))
        except WireError as error:
            return _refusal(400, str(error))
        except web.HTTPException as error:
            return _refusal(error.status, error.reason)
        except Exception as error:  # the last door: a traceback must not reach a peer
            self._faults.note("a directory request failed", error)
            return _refusal(500, "internal error")


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(body=encode(document), status=status, content_type="application/json")


async def _body(request: web.Request) -> bytes:
    """What was posted; 408 if it does not come in time."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error


def _known_epoch(request: web.Request) -> int | None:
    """The epoch that the reader has, from the query; None if it does not say."""
    text = request.query.get("epoch_id")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise web.HTTPBadRequest(reason="epoch_id is not a number")
    return int(text)


def _refusal(status: int, message: str) -> web.Response:
    return _json({"message": message}, status)
