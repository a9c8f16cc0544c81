"""How a local socket ends: what is whole with a FIN, everything else with an RST.

A stream's socket is set to reset from its beginning, so whatever ends a task, or the process, is seen as a cut at the
other side of the socket. Only an orderly end cancels that. The reference ends both alike, with a FIN.

A reset throws away what the system still has to send, and on some systems what the peer has not read. So a cut waits
until the peer's system has what was delivered, and gives the peer a moment more where that has had its own end.
"""

import asyncio
import contextlib
import socket
import struct
import sys

from nymconnect.runtime.sockets import unconfirmed_bytes
from nymconnect_proxy.streams.flow import READ_SIZE

FIRST_LOOK, LAST_LOOK = 0.002, 0.25  # seconds between two looks at a socket's buffers; each is twice the one before
_LINGER = "hh" if sys.platform == "win32" else "ii"


def reset_on_close(transport: asyncio.BaseTransport, wanted: bool) -> None:
    """Whether closing this socket, by whatever way, resets the connection."""
    with contextlib.suppress(OSError):  # closed already
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, wanted, 0)
        )


def notice_death(transport: asyncio.BaseTransport) -> None:
    """Have the system find out whether a silent peer is still there; none of our timers tells a pause from that."""
    with contextlib.suppress(OSError):  # closed already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def is_broken(transport: asyncio.BaseTransport) -> bool:
    """Whether the connection is gone; asyncio does not notice it of a socket that it does not read."""
    try:
        return transport.is_closing() or bool(
            transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        )
    except OSError:
        return True


async def linger_close(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flush_timeout: float | None, linger: float
) -> None:
    """Flush, say goodbye, and read on for a moment: bytes left unread would reset the connection, and the peer would
    lose what was written last. What cannot be flushed in time is not the whole, so it gets no end of file."""
    if await _end(writer, flush_timeout):
        await _read_on(reader, linger)
        writer.close()


async def end_then_reset(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flush_timeout: float | None, linger: float
) -> None:
    """For a peer that has been given its end: let it have that, and a moment to read, and then reset the connection,
    since what it sends itself goes nowhere."""
    if await _end(writer, flush_timeout):
        await _arrive(writer.transport, flush_timeout, linger)
        await _read_on(reader, linger)
    reset(writer.transport)


async def flush_then_reset(transport: asyncio.WriteTransport, flush_timeout: float | None, linger: float) -> None:
    """Let what was written arrive, and reset the connection."""
    await _arrive(transport, flush_timeout, linger)
    reset(transport)


def reset(transport: asyncio.WriteTransport) -> None:
    """Reset the connection at once."""
    reset_on_close(transport, True)
    transport.abort()


async def _end(writer: asyncio.StreamWriter, patience: float | None) -> bool:
    """Whether the system has taken everything and the FIN, and so delivers them even if this process ends."""
    try:
        async with asyncio.timeout(patience):
            if writer.can_write_eof() and not writer.transport.is_closing():
                writer.write_eof()
            # So that `drain` returns only when the system has taken the last byte.
            writer.transport.set_write_buffer_limits(high=0)
            await writer.drain()
    except OSError:  # TimeoutError is one
        return False
    # From here on the system delivers by itself, and closing the socket must not discard that.
    reset_on_close(writer.transport, False)
    return True


async def _arrive(transport: asyncio.WriteTransport, patience: float | None, linger: float) -> None:
    """Until the peer's system has everything that was written, or the connection is gone. Where the system does not
    say, `linger` seconds after it has taken everything."""
    pause = FIRST_LOOK
    with contextlib.suppress(OSError):  # TimeoutError is one, and so is what a closed socket says
        async with asyncio.timeout(patience):
            while not transport.is_closing():
                waiting = unconfirmed_bytes(transport)
                if not transport.get_write_buffer_size() and not waiting:
                    await asyncio.sleep(linger if waiting is None else 0)
                    return
                # No system wakes us when the peer has acknowledged, so look, and ever more rarely.
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_LOOK)


async def _read_on(reader: asyncio.StreamReader, linger: float) -> None:
    """Read to the end, at most for this number of seconds; nobody wants the bytes."""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(linger):
            while await reader.read(READ_SIZE):
                pass
