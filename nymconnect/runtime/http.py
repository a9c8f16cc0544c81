"""The one way to an HTTP server: directory requests, gateway websockets, and calls through our own port."""

import asyncio
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from nymconnect import __version__
from nymconnect.endpoints import Upstream
from nymconnect.runtime.outbound import HTTP_TIMEOUT, UPSTREAM_BUFFER, dial_upstream


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
    proxy, which then could read them and would have to know websockets; a tunnel needs neither.

    An answer that only the end of the connection ends is whole if the server has said so with TLS's close_notify, and
    broken off without it: the end of the connection below may be anybody's."""

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
        sock = await dial_upstream(host, port, self._upstream, self._patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UPSTREAM_BUFFER)
        try:
            # The name of the server; only with TLS may one be given.
            transport, protocol = await self._loop.create_connection(
                lambda: _HonestEnd(self._loop), sock=sock, ssl=tls, server_hostname=host if tls else None
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


class _HonestEnd(ResponseHandler):
    """aiohttp takes each end of the connection for the end of an answer without a length, and asyncio reports a missing
    close_notify like one that has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._has_ended = False

    def eof_received(self) -> None:
        self._has_ended = self.transport is not None and _has_close_notify(self.transport)
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self._has_ended and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("the connection broke off"))
        super().connection_lost(exc)


def _has_close_notify(transport: asyncio.BaseTransport) -> bool:
    """Whether the server has ended the TLS stream; only for one from which all has been read."""
    stream: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if stream is None:
        return False
    try:
        return stream.read(1) == b""
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:  # it waits for more
        return False


def _tls(*, verified: bool) -> ssl.SSLContext:
    """For a client. Not `verified`: the caller looks at the certificate itself."""
    made = ssl.create_default_context()
    if not verified:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
