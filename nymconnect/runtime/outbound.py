"""The only door through which a connection leaves this process; HTTP has one beside it (`http`).

A client never hands `dial` the target of a proxied stream; the requester does, at the exit. Every function takes an
`Upstream`, a proxy that resolves the name and opens the connection in our place; then nothing goes around it.
"""

import asyncio
import socket
import ssl
from typing import Any, cast

import python_socks
from python_socks.async_.asyncio import Proxy

from nymconnect.endpoints import Upstream
from nymconnect.runtime.sockets import PatientReader

HTTP_TIMEOUT = 30.0
# What is read of a connection that we opened while nobody takes it; asyncio allows twice as much, and one read more.
DIALLED_LIMIT = 8 * 1024
# Our bytes ahead of what a proxy has taken: at our own port, which waits for the mixnet, more would count as sent.
UPSTREAM_BUFFER = 8 * 1024


class UpstreamError(OSError):
    """The upstream proxy does not connect; the text is for a person."""


async def dial(
    host: str, port: int, patience: float, upstream: Upstream | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TCP connection within `patience` seconds; OSError (TimeoutError is one) if that fails."""
    async with asyncio.timeout(patience):
        if upstream is None:
            return await _open_stream(host=host, port=port)
        return await _open_stream(sock=await dial_upstream(host, port, upstream))


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
        return await dial_upstream(host, port, upstream)
    transport, _ = await asyncio.get_running_loop().create_connection(_Unread, host, port)
    try:
        duplicate: socket.socket = transport.get_extra_info("socket").dup()
        return duplicate
    finally:
        transport.abort()  # closes its own descriptor; the connection lives on with the other


class _Unread(asyncio.Protocol):
    """Leaves all that comes in to the next owner of the socket."""

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


async def dial_upstream(host: str, port: int, upstream: Upstream, patience: float = HTTP_TIMEOUT) -> socket.socket:
    """A socket that leads to `host` through the proxy, which also resolves the name; OSError if it does not."""
    kind = python_socks.ProxyType.SOCKS5 if upstream.scheme == "socks5" else python_socks.ProxyType.HTTP
    proxy = Proxy(kind, upstream.host, upstream.port, upstream.username, upstream.password, rdns=True)
    try:
        # Its own time-out counts for nothing here: callers have one around this.
        return await proxy.connect(host, port, timeout=patience)
    except (python_socks.ProxyError, python_socks.ProxyConnectionError, python_socks.ProxyTimeoutError) as error:
        raise UpstreamError(f"the upstream proxy {upstream} does not connect: {error}") from None
