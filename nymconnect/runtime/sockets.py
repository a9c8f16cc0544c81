"""What listeners and outbound connections share: readers, ends of a connection, and which addresses are our own."""

import asyncio
import contextlib
import errno
import os
import socket
import sys

from nymconnect.errors import UserError
from nymconnect.reasons import SystemSays
from nymconnect.system_reasons import CannotListen

if sys.platform == "linux":
    import fcntl
    import termios

STREAM_LIMIT = 256 * 1024
_SO_NWRITE = 0x1024  # macOS: bytes that the system has still to send


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
    """What the system holds of the bytes written to a TCP connection and the other side's system has not acknowledged.
    None where the system does not tell; OSError if the connection is closed."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        raise OSError(errno.EBADF, "the connection is closed")
    if sys.platform == "linux":
        return int.from_bytes(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    if sys.platform == "darwin":
        return int(connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE))
    return None


def in_use(host: str, port: int, error: OSError, flag: str = "") -> UserError:
    """Why a listener cannot be opened; `flag` chooses its address, if a flag does."""
    if error.errno is None or isinstance(error, socket.gaierror):  # the numbers of a failed lookup are of another kind
        fault = SystemSays(None, error.strerror or str(error))
    else:
        fault = SystemSays(error.errno, os.strerror(error.errno))  # asyncio's text repeats the address
    return UserError(CannotListen(host, port, fault, flag))


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
