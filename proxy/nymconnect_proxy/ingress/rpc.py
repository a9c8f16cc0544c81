"""A plain HTTP address on this machine that leads to one https server, for wallets that can only be given an RPC URL.

TLS ends here: the server's certificate is checked with the system's store, and what the mixnet and the requester carry
is encrypted for the server. Each connection goes through our own SOCKS port like the connection of any program, so it
is refused when the port refuses, and the server's name is resolved by the requester alone.

Any web page can make a browser send requests to this machine. So a request must not come from a page: browsers say so
in `Origin` and `Sec-Fetch-Site`. The second they send only where they take the address for this computer's
(``localhost``, 127.0.0.0/8, ``[::1]``), and a GET often has no `Origin`; so a caller by another address, be it
``0.0.0.0``, ``[::ffff:127.0.0.1]`` or this computer's own in its network, has to send the password. No call by a name
is accepted, for a page could own the name and let it point here. Others are closed without an answer, since any answer
would show the page that this program runs. Browser extensions, which wallets may be, are let in.

Only what a call needs is passed on, in both directions: method, path, body and its type; no cookies, no other headers.
"""

import binascii
import ipaddress
import logging
import ssl
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from nymconnect.crypto import equal
from nymconnect.endpoints import Endpoint, IpAddress, Upstream, is_loopback
from nymconnect.errors import UsageError, UserError
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.runtime.clock import clock
from nymconnect.runtime.http import http_client
from nymconnect.runtime.listening import Port, Visitor, visitor_of
from nymconnect_proxy.ingress.reasons import LocalPort, NotAnAddress, ReachableByOthers
from nymconnect_proxy.settings.options import Server
from nymconnect_proxy.streams.back_pressure import NARROW
from nymconnect_proxy.streams.socket_close import flush_then_reset, reset_on_close

log = logging.getLogger(__name__)

MAX_REQUEST = 4 * 1024 * 1024
MAX_RESPONSE = 64 * 1024 * 1024
MAX_AT_ONCE = 32
PATIENCE = 120.0  # seconds for a call, from its connection to its last byte
# Most connections wait for a wallet's next call; one that is in a call is never closed for another.
PLACES = LobbyLimits(strangers=64, known=256, per_address=16, spared=PATIENCE + 10.0)
USER = "nymconnect-rpc"
CHUNK = 64 * 1024
FLUSH_TIMEOUT = 5.0  # for what a wallet gets of an answer that broke off
LINGER = 0.5
_METHODS = ("GET", "POST")
_EXTENSIONS = ("chrome-extension", "moz-extension", "safari-web-extension")
_USER_AGENT = "Mozilla/5.0"  # says nothing; servers turn away those who leave it out
_PASSED_ON = ("Accept", "Content-Type")
# Addresses of this computer that browsers take for it, and so say of each request whether a page makes it.
_HERE: frozenset[IpAddress] = frozenset(map(ipaddress.ip_address, ("127.0.0.1", "::1")))
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class RpcOptions:
    """Where calls go, and who may make them. Seconds and bytes."""

    server: Server
    password: bytes | None = field(default=None, repr=False)
    allow_remote: bool = False
    patience: float = PATIENCE
    max_response: int = MAX_RESPONSE


class _RefusedError(Exception):
    """An answer of our own: an HTTP status and a sentence for the reader of the wallet's log."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class _StrangerError(Exception):
    """Perhaps a web page, which is to hear nothing."""


class RpcDoor:
    """Serves until stopped. `socks` is our own port; nothing leaves but through it."""

    def __init__(self, options: RpcOptions, socks: Endpoint) -> None:
        self._options = options
        base = urlsplit(options.server.url)
        login, _, netloc = base.netloc.rpartition("@")
        self._base = base._replace(netloc=netloc)
        self._login = {"Authorization": f"Basic {b64encode(unquote(login).encode()).decode()}"} if login else {}
        # Without a user name calls share the sender tag of what else comes without one, where that is one for all.
        password = options.password.decode() if options.password else None
        user = USER if password else None
        self._socks = Upstream("socks5", _ANY_ADDRESS.get(socks.host, socks.host), socks.port, user, password)
        self._runner: web.AppRunner | None = None
        self._port: Port | None = None
        self._lobby: Lobby[Visitor] = Lobby(PLACES)
        self._http: aiohttp.ClientSession | None = None
        self._at_once = 0
        self._trusted = _HERE

    async def start(self, host: str, port: int) -> int:
        """Open the address (port 0 = any free one) and return its port; UserError if that is not possible."""
        self._check_host(host)
        bound_to = ipaddress.ip_address(host)
        self._trusted = _HERE | {bound_to} if bound_to.is_loopback else _HERE
        application = web.Application(client_max_size=MAX_REQUEST)
        application.router.add_route("*", "/{path:.*}", self._handle)
        # aiohttp answers a line that is too long by itself, a web page's as well, so it is given room for any.
        runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=0.5,
            max_line_size=MAX_REQUEST,
            read_bufsize=NARROW.receive_buffer,
        )
        await runner.setup()
        assert runner.server is not None
        opened = Port(
            "RPC address", runner.server, self._lobby, is_known=is_loopback, prepare=NARROW.narrow, flag="--rpc-listen"
        )
        try:
            bound = await opened.open(host, port)
        except UserError:
            await runner.cleanup()
            raise
        self._port = opened
        self._http = http_client(self._socks, self._options.patience)
        self._runner = runner
        return bound

    async def stop(self) -> None:
        """Close the address and every call."""
        port, self._port = self._port, None
        if port is not None:
            await port.close()
        runner, self._runner = self._runner, None
        http, self._http = self._http, None
        if runner is not None:
            await runner.cleanup()
        if http is not None:
            await http.close()

    def _check_host(self, host: str) -> None:
        try:
            loopback = is_loopback(host)
        except ValueError as error:
            raise UserError(NotAnAddress(LocalPort.RPC, host)) from error
        if not loopback and not (self._options.allow_remote and self._options.password):
            raise UserError(ReachableByOthers(LocalPort.RPC, host))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._admit(request)
            self._keep_place(request)
            if self._at_once >= MAX_AT_ONCE:
                raise _RefusedError(503, f"Too many calls at once: this address carries {MAX_AT_ONCE}.")
            self._at_once += 1
            try:
                return await self._forward(request)
            finally:
                self._at_once -= 1
        except _RefusedError as refusal:
            log.debug("RPC call refused: %s", refusal)
            return web.Response(text=f"{refusal}\n", status=refusal.status, headers=refusal.headers)
        except _StrangerError as stranger:
            log.debug("RPC call closed without an answer: %s", stranger)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # to a connection that is closed

    # --- who may come in -----------------------------------------------------------------------------------------

    def _admit(self, request: web.Request) -> None:
        called = _address_in(request.headers.get("Host", ""))
        if called is None:
            raise _StrangerError("it does not name this machine by its number or as localhost")
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if origin.partition("://")[0] not in _EXTENSIONS if origin is not None else site != "none":
            raise _StrangerError("it comes from a web page")
        is_proven = self._options.password is not None and _knows(self._options.password, request)
        if not is_proven and called not in self._trusted:
            raise _StrangerError("it calls this machine by an address from which browsers do not say that they call")
        if self._options.password is not None and not is_proven:
            wanted = {"WWW-Authenticate": 'Basic realm="NymConnect"'}
            raise _RefusedError(401, "This address demands a password.", wanted)
        if request.method not in _METHODS:
            raise _RefusedError(405, "Only GET and POST are passed on.", {"Allow": ", ".join(_METHODS)})

    def _keep_place(self, request: web.Request) -> None:
        """Who may make calls is no stranger, and has just been heard of."""
        visitor = visitor_of(request.transport)
        if self._port is None or visitor is None:
            return
        if self._lobby.is_stranger(visitor):
            self._port.promote(visitor)
        self._lobby.heard(visitor, clock())

    # --- onwards -------------------------------------------------------------------------------------------------

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._http is not None
        length = request.content_length
        if length is not None and length > MAX_REQUEST:
            raise _too_long()
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if request.method == "POST" and length is not None:
            headers["Content-Length"] = str(length)
        headers |= {"User-Agent": _USER_AGENT, **self._login}
        try:
            async with self._http.request(
                request.method,
                self._url(request.raw_path),
                data=_Body(request) if request.method == "POST" else None,
                headers=headers,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
            ) as response:
                if 300 <= response.status < 400:
                    raise _RefusedError(502, "The server sends calls to another address: put that one into rpc_url.")
                return await self._pass_back(request, response)
        except TimeoutError as error:
            raise _RefusedError(504, "The server has not answered in time.") from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__, _RefusedError):  # of the body, while it went on
                raise error.__cause__ from None
            raise _RefusedError(502, _reason(error)) from error

    def _url(self, asked: str) -> str:
        """The server's URL with what the wallet asks for behind its path."""
        path, mark, query = asked.partition("?")
        if path in ("", "/") and not mark:
            return urlunsplit(self._base)
        return urlunsplit(self._base._replace(path=self._base.path.rstrip("/") + path, query=query))

    async def _pass_back(self, request: web.Request, response: aiohttp.ClientResponse) -> web.StreamResponse:
        answer = web.StreamResponse(status=response.status)
        if "Content-Type" in response.headers:
            answer.headers["Content-Type"] = response.headers["Content-Type"]
        first = await response.content.readany()  # an error before this can still be told
        if (transport := request.transport) is None:
            return answer  # the wallet has gone
        reset_on_close(transport, True)  # what is cut short must not look whole, on either side's part
        await answer.prepare(request)
        try:
            size = len(first)
            await answer.write(first)
            async for chunk in response.content.iter_chunked(CHUNK):
                size += len(chunk)
                if size > self._options.max_response:
                    raise aiohttp.ClientPayloadError("too long")
                await answer.write(chunk)
            await answer.write_eof()
            reset_on_close(transport, False)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.debug("RPC answer broke off: %s", type(error).__name__)
            await flush_then_reset(transport, FLUSH_TIMEOUT, LINGER)
        return answer


class _Body(aiohttp.Payload):
    """A body, passed on piece by piece, each when the one before has gone: bytes that are read count as sent."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request.content)
        self._pieces = request.content

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise UsageError("a body that passes through is not kept")

    async def write(self, writer: AbstractStreamWriter) -> None:
        size = 0
        while piece := await self._pieces.readany():
            size += len(piece)
            if size > MAX_REQUEST:
                raise _too_long()
            await writer.write(piece)
            await writer.drain()


def _too_long() -> _RefusedError:
    return _RefusedError(413, f"A call has at most {MAX_REQUEST} bytes.")


def _address_in(host: str) -> IpAddress | None:
    """The address that a Host header names, localhost included; None for a name, which a page could own."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return ipaddress.ip_address("127.0.0.1" if name == "localhost" else name)
    except ValueError:
        return None


def _knows(password: bytes, request: web.Request) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        return equal(b64decode(encoded, validate=True).partition(b":")[2], password)
    except (binascii.Error, ValueError):
        return False


def _reason(error: Exception) -> str:
    """A sentence without a name in it; the certificate is the one cause that a person can do something about."""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "The server's certificate is not trusted."
    return "NymConnect could not reach the server: it is not connected, or the requester cannot connect there."
