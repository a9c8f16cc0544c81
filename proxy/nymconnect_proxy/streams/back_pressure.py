"""How far a sender may run ahead of what has left for the mixnet: every place where its bytes wait, and the bounds.

A program that sends takes for sent what its socket has taken, and shows it as such: so that has to be little. In all it
is about two seconds of what the preset carries, and never more than `MOST_BUFFERED`; what the kernel holds at least
comes on top of a slow preset's two seconds.

=========================  =======================================================================================
place                      bound
=========================  =======================================================================================
the sender's kernel        ten segments, twice: small segments make that little. Under BBR it grows beyond that.
our kernel                 `receive_buffer`, which Linux doubles
asyncio's reader           what it reads at once, and twice `reader_limit`: as much as fills one message
the pipe's outbox          one message: it reads again when that has gone (`pipe`)
the client's lane          half a second of the rate, 30 packets at most, and one message (`sending.transmission`)
the pacer's stock          a fifth of a second (`pacer.machine`)
=========================  =======================================================================================

What has left and waits for its ack does not count.
"""

import contextlib
import socket
from dataclasses import dataclass, replace

from nymconnect_proxy.streams.flow import READ_SIZE

MOST_BUFFERED = 256 * 1024  # bytes
SLOW = 16 * 1024  # bytes a second, below which segments and messages are small
MESSAGE_SECONDS = 0.75
LEAST_MESSAGE = 1_500  # bytes: about a packet
# Of a distant target a window of this much brings 300 kB in a second over 100 ms.
TARGET_BUFFER = 32 * 1024
# What our kernel holds for a reader that pauses, besides what we hold (`protocol.credit`); it would be 4 MB.
UNREAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Backlog:
    """Bounds in bytes: of our kernel's buffer, of a segment, and of what is read for one message."""

    receive_buffer: int = 4096
    segment: int = 1400
    message: int = READ_SIZE

    @property
    def reader_limit(self) -> int:
        """For asyncio, which pauses the socket beyond twice as much."""
        return self.message // 2

    def narrow(self, listening: socket.socket) -> None:
        """Bound what the kernel takes of the connections that `listening` will accept. Not every system lets one choose
        the segments."""
        # Here and not once accepted: the window is announced in the handshake, and accepted sockets inherit the bound.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
        with contextlib.suppress(OSError, AttributeError):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.segment)


NARROW = Backlog(2304, 400)
"""For a slow preset, and for the RPC address, behind which our own port is a second sender."""


def backlog_for(rate: float | None) -> Backlog:
    """For a sender whose bytes leave at `rate` a second, None if nobody knows."""
    if rate is None or rate >= SLOW:
        return Backlog()
    return replace(NARROW, message=message_for(rate))


def message_for(rate: float | None) -> int:
    """Bytes that are read at once where they leave at `rate` a second."""
    return READ_SIZE if rate is None else max(LEAST_MESSAGE, min(READ_SIZE, int(MESSAGE_SECONDS * rate)))


def narrow_target(connected: socket.socket) -> None:
    """Bound what the kernel takes of a target ahead of what has left."""
    with contextlib.suppress(OSError):  # reset already; the next read will see that
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TARGET_BUFFER)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
