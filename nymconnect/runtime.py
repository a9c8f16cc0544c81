"""The rim between pure machines and the operating system: clock, randomness, tasks, and the only outbound doors.

No other module of the mixnet opens an outbound connection: TCP goes through `dial` and `dial_socket`, HTTP through
`http_client`. A client never hands `dial` the target of a proxied stream; the requester does, at the exit. Both take an
`Upstream`, a proxy that resolves the name and opens the connection in our place; then nothing goes around it.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import aiohttp
import python_socks
from aiohttp.client_proto import ResponseHandler
from python_socks.async_.asyncio import Proxy

from nymconnect import __version__
from nymconnect.crypto import Rng
from nymconnect.errors import UserError
from nymconnect.options import Upstream

if sys.platform == "linux":
    import fcntl
    import termios

log = logging.getLogger(__name__)

SYSTEM_RNG: Rng = random.SystemRandom()
HTTP_TIMEOUT = 30.0
STREAM_LIMIT = 256 * 1024
AFTER_CRASH = 1.0  # seconds before what crashed is tried again
# What is read of a connection that we opened while nobody takes it; asyncio allows twice as much, and one read more.
DIALLED_LIMIT = 8 * 1024
# Bytes of ours ahead of what a proxy has taken: at our own port, which waits for the mixnet, more would count as sent.
UPSTREAM_BUFFER = 8 * 1024


def clock() -> float:
    """Seconds on a clock that never goes back; the `now` of every machine."""
    return time.monotonic()


def unix_offset() -> float:
    """Unix time minus `clock()`, for the few formats that carry a date."""
    return time.time() - time.monotonic()


class PatientReader(asyncio.StreamReader):
    """Gives all bytes that came before a connection broke, and only then the error: they are what was said, and the
    parent would forget them."""

    _broke: Exception | None = None

    def set_exception(self, exc: Exception) -> None:
        self._broke = exc
        self.feed_eof()

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        if self._broke is not None and n and not data:
            raise self._broke
        return data


class TaskSet:
    """Named tasks with one owner. A task that crashes is logged with its name and never lost in silence."""

    def __init__(self, owner: str, on_crash: Callable[[BaseException], None] | None = None) -> None:
        self._owner = owner
        self._on_crash = on_crash
        self._tasks: set[asyncio.Task[None]] = set()
        self.crashes = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start `work` as a task of this set."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        """Start a task that a service cannot do without: a crash is logged and counted, and `work` begins anew."""
        return self.spawn(self._again_and_again(work, name), name)

    async def _again_and_again(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        while True:
            try:
                return await work()
            except Exception as error:
                self.crashes += 1
                _log_crash(f"{self._owner}: {name}", error)
            await asyncio.sleep(AFTER_CRASH)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.crashes += 1
        _log_crash(task.get_name(), error)
        if self._on_crash is not None:
            self._on_crash(error)

    async def close(self) -> None:
        """Cancel every task and wait until the last one has ended."""
        current = asyncio.current_task()
        try:
            await asyncio.sleep(0)  # a task that is cancelled before it has begun does not even clean up after itself
        finally:
            tasks = [task for task in self._tasks if task is not current]
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_crash(name: str, error: BaseException) -> None:
    words = f"{type(error).__name__}: {error}"
    log.error("task %s failed: %s", name, words, exc_info=error if log.isEnabledFor(logging.DEBUG) else None)


class Waker:
    """Calls `wake` when a machine's deadline has come. Call `arm` after everything that may have moved it.

    A crash in `wake` is logged. `on_crash` hears of it and then nothing wakes the machine; without `on_crash` the clock
    runs on after a second.
    """

    def __init__(
        self,
        deadline: Callable[[], float | None],
        wake: Callable[[], None],
        on_crash: Callable[[Exception], None] | None = None,
    ) -> None:
        self._deadline = deadline
        self._wake = wake
        self._on_crash = on_crash
        self._handle: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def arm(self) -> None:
        """Schedule the next call; keeps an earlier one, which re-arms itself."""
        due = self._deadline()
        if due is None or (self._due is not None and self._due <= due):
            return
        self.cancel()
        self._due = due
        self._handle = asyncio.get_running_loop().call_later(max(0.0, due - clock()), self._fire)

    def _fire(self) -> None:
        self._handle = self._due = None
        due = self._deadline()
        if due is not None and due <= clock():
            try:
                self._wake()
            except Exception as error:
                self._crashed(error)
                return
        self.arm()

    def _crashed(self, error: Exception) -> None:
        _log_crash("timer", error)
        self.cancel()
        if self._on_crash is not None:
            self._on_crash(error)
            return
        self._due = clock() + AFTER_CRASH
        self._handle = asyncio.get_running_loop().call_later(AFTER_CRASH, self._fire)

    def cancel(self) -> None:
        """Forget the scheduled call."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._due = None


async def dial(
    host: str, port: int, patience: float, upstream: Upstream | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TCP connection within `patience` seconds; OSError (TimeoutError is one) if that fails."""
    async with asyncio.timeout(patience):
        if upstream is None:
            return await _open_stream(host=host, port=port)
        return await _open_stream(sock=await _dial_upstream(host, port, upstream))


async def _open_stream(**where: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As `asyncio.open_connection`, with a reader that is patient."""
    loop = asyncio.get_running_loop()
    reader = PatientReader(DIALLED_LIMIT, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, **where)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def dial_socket(host: str, port: int, upstream: Upstream | None = None) -> socket.socket:
    """A connected, non-blocking TCP socket that nothing reads yet; OSError if it fails. Callers bound the time."""
    if upstream is not None:
        return await _dial_upstream(host, port, upstream)
    transport, _ = await asyncio.get_running_loop().create_connection(_Unread, host, port)
    try:
        duplicate: socket.socket = transport.get_extra_info("socket").dup()
        return duplicate
    finally:
        transport.abort()  # closes its own descriptor; the connection lives on with the other


class _Unread(asyncio.Protocol):
    """Leaves all that comes in to whoever takes the socket over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


async def adopt(connected: socket.socket, protocol: asyncio.Protocol, tls_host: str = "") -> None:
    """Let the event loop serve a connected socket, with TLS if `tls_host` names its peer; OSError if that fails."""
    context = ssl.create_default_context() if tls_host else None
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: protocol, sock=connected, ssl=context, server_hostname=tls_host or None
        )
    except BaseException:
        connected.close()
        raise


async def _dial_upstream(host: str, port: int, upstream: Upstream, patience: float = HTTP_TIMEOUT) -> socket.socket:
    """A socket that leads to `host` through the proxy, which also resolves the name; OSError if it does not."""
    kind = python_socks.ProxyType.SOCKS5 if upstream.scheme == "socks5" else python_socks.ProxyType.HTTP
    proxy = Proxy(kind, upstream.host, upstream.port, upstream.username, upstream.password, rdns=True)
    try:
        # Its own time-out counts for nothing here: callers have one around this.
        return await proxy.connect(host, port, timeout=patience)
    except (python_socks.ProxyError, python_socks.ProxyConnectionError, python_socks.ProxyTimeoutError) as error:
        raise OSError(f"the upstream proxy {upstream} does not connect: {error}") from None


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a stream and wait for it, whatever state the peer is in; cancelled meanwhile, it is closed all the same."""
    try:
        with contextlib.suppress(OSError, TimeoutError):
            writer.close()
            async with asyncio.timeout(1.0):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


def unconfirmed_bytes(transport: asyncio.BaseTransport) -> int | None:
    """What the kernel holds of the bytes written to a TCP connection and the other side's kernel has not confirmed.
    None if the connection is closed; 0 where the system does not tell, which Linux does."""
    connection = transport.get_extra_info("socket")
    descriptor = -1 if connection is None else connection.fileno()
    if descriptor < 0:
        return None
    if sys.platform != "linux":
        return 0
    answer = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def http_client(upstream: Upstream | None = None, patience: float = HTTP_TIMEOUT) -> aiohttp.ClientSession:
    """A session for directory requests, gateway websockets and calls through our own port; `patience` is in seconds.

    It ignores proxy variables of the environment, and keeps no cookies by which a server would know it again.
    """
    return aiohttp.ClientSession(
        connector=_UpstreamConnector(upstream, patience) if upstream is not None else None,
        timeout=aiohttp.ClientTimeout(total=patience),
        headers={"User-Agent": f"nymconnect/{__version__}"},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class _UpstreamConnector(aiohttp.BaseConnector):
    """Opens every connection through a proxy. aiohttp's own support sends plain HTTP and websockets as requests to the
    proxy, which then could read them and would have to know websockets; a tunnel needs neither."""

    def __init__(self, upstream: Upstream, patience: float) -> None:
        super().__init__()
        self._upstream = upstream
        self._patience = patience

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- the parent's signature
    ) -> ResponseHandler:
        host, port = req.url.raw_host, req.url.port
        if host is None or port is None:
            raise aiohttp.InvalidURL(req.url)
        pinned = req.ssl if isinstance(req.ssl, aiohttp.Fingerprint) else None
        tls = _tls(verified=pinned is None) if req.is_ssl() else None
        sock = await _dial_upstream(host, port, self._upstream, self._patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UPSTREAM_BUFFER)
        try:
            # The name is that of the server; only with TLS may one be given.
            transport, protocol = await self._loop.create_connection(
                self._factory, sock=sock, ssl=tls, server_hostname=host if tls else None
            )
        except BaseException:
            sock.close()
            raise
        transport.set_write_buffer_limits(UPSTREAM_BUFFER)
        if pinned is not None:
            try:
                pinned.check(transport)
            except BaseException:
                transport.abort()
                raise
        return protocol


def _tls(*, verified: bool) -> ssl.SSLContext:
    """For a client. Not `verified`: whoever uses it looks at the certificate itself."""
    made = ssl.create_default_context()
    if not verified:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def in_use(host: str, port: int, error: OSError) -> UserError:
    """The one line for a listener that cannot be opened."""
    return UserError(f"cannot listen on {host}:{port}: {error.strerror or error}")


def address_towards(ip: str) -> str | None:
    """Our own address on the way to `ip`, None without a way. A datagram socket asks the routing table and sends
    nothing."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((ip, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def is_own_address(ip: str) -> bool:
    """Whether `ip` leads to this machine. The system is asked each time, for addresses come and go: the way to an
    address of our own begins at that address, or a socket can have it, where not every address can be had (Linux's
    `ip_nonlocal_bind`). Untested on Windows and macOS."""
    nobodys = "2001:db8::" if ":" in ip else "192.0.2.0"  # for documentation
    return address_towards(ip) == ip or (_can_be_had(ip) and not _can_be_had(nobodys))


def _can_be_had(ip: str) -> bool:
    """Whether a socket may bind to `ip`."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((ip, 0))
    except OSError:
        return False
    return True
