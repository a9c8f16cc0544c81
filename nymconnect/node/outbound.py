"""Outbound links of a node: for every next hop one connection that only writes, and one bounded queue.

Mirrors nym-mixnet-client 1.21 (`client.rs`, `connection.rs`). A packet for a new hop opens the connection and waits in
the queue (2000 packets; a full one drops). A hop whose connecting timed out or whose Noise handshake failed n times in
a row is left alone for min(10 s · 2^n, 300 s); a refused connection is tried again with the next packet. Packets of a
connection that could not be made are lost: their senders send them again, and stale ones would only come late.

Noise decides the directory: with a key listed for the address we shake hands as initiator, else the link is plain.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from nymconnect.crypto import Rng, X25519Secret
from nymconnect.errors import WireError
from nymconnect.link.noise import HANDSHAKE_TIMEOUT, NoiseInitiator
from nymconnect.node.routing_filter import NetworkView
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import FRAME_V7, Frame, MixPacket
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

QUEUE_LENGTH = 2000  # packets
MAX_LINKS = 2048
CONNECT_TIMEOUT = 1.5
WRITE_TIMEOUT = 30.0
BACK_OFF_BASE = 10.0
BACK_OFF_LIMIT = 300.0
_BATCH_BYTES = 1024 * 1024  # what one write may take out of a queue
_READ_SIZE = 4096


class LinkCount(StrEnum):
    """What the outbound links count."""

    SENT = "link_sent"
    CONNECTED = "link_connected"
    REFUSED = "link_refused"
    TIMED_OUT = "link_timed_out"
    NOISE_FAILED = "link_noise_failed"
    DROPPED_QUEUE_FULL = "link_dropped_queue_full"
    DROPPED_TOO_MANY_LINKS = "link_dropped_too_many_links"
    DROPPED_BACKING_OFF = "link_dropped_backing_off"
    DROPPED_UNREACHABLE = "link_dropped_unreachable"
    DROPPED_BROKEN = "link_dropped_broken"


class BackOff:
    """How long a hop is left alone after connecting to it failed n times in a row."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def failed(self, now: float) -> None:
        self._failures = min(self._failures + 1, 10)  # the limit is reached long before
        self._until = now + min(BACK_OFF_BASE * 2**self._failures, BACK_OFF_LIMIT)

    def succeeded(self) -> None:
        self._failures, self._until = 0, 0.0

    def holds(self, now: float) -> bool:
        """Whether to leave the hop alone now."""
        return now < self._until


class OutboundLinks:
    """Sends packets to their next hops. `send` never waits; what cannot be sent is dropped and counted."""

    def __init__(
        self, view: NetworkView, noise: X25519Secret | None, rng: Rng, owner: str, frame_version: int = FRAME_V7
    ) -> None:
        self.view = view
        self.noise = noise
        self.rng = rng
        self.counts = dict.fromkeys(LinkCount, 0)
        self.tasks = TaskSet(f"{owner} links")
        self._frame_version = frame_version
        self._links: dict[NodeAddress, _Link] = {}

    @property
    def counters(self) -> Mapping[LinkCount, int]:
        """A snapshot that does not change any more."""
        return MappingProxyType(dict(self.counts))

    def send(self, packet: MixPacket) -> None:
        """Queue a packet for its next hop."""
        link = self._links.get(packet.next_hop) or self._open(packet.next_hop)
        if link is None:
            self.counts[LinkCount.DROPPED_TOO_MANY_LINKS] += 1
        else:
            link.offer(Frame.of(packet.packet, packet.rotation).encode(self._frame_version))

    def _open(self, address: NodeAddress) -> "_Link | None":
        if len(self._links) >= MAX_LINKS and not self._close_an_idle_one():
            return None
        link = self._links[address] = _Link(address, self)
        link.task = self.tasks.keep(link.run, str(address))
        return link

    def _close_an_idle_one(self) -> bool:
        idle = next((address for address, link in self._links.items() if link.is_idle), None)
        if idle is None:
            return False
        link = self._links.pop(idle)
        if link.task is not None:
            link.task.cancel()
        return True

    async def close(self) -> None:
        """Close every connection; what is still queued is lost."""
        await self.tasks.close()
        self._links.clear()


class _Link:
    """One next hop."""

    def __init__(self, address: NodeAddress, pool: OutboundLinks) -> None:
        self.task: asyncio.Task[None] | None = None
        self._address = address
        self._pool = pool
        self._queue: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._back_off = BackOff()

    @property
    def is_idle(self) -> bool:
        return not self._queue

    def offer(self, frame: bytes) -> None:
        if self._back_off.holds(clock()):
            self._count(LinkCount.DROPPED_BACKING_OFF)
        elif len(self._queue) >= QUEUE_LENGTH:
            self._count(LinkCount.DROPPED_QUEUE_FULL)
        else:
            self._queue.append(frame)
            self._more.set()

    async def run(self) -> None:
        """Connect as soon as something waits, send until the connection breaks, and again."""
        while True:
            await self._more.wait()
            try:
                reader, writer = await dial(self._address.host, self._address.port, CONNECT_TIMEOUT)
            except TimeoutError:
                self._unreachable(LinkCount.TIMED_OUT)
                self._back_off.failed(clock())
            except OSError:
                self._unreachable(LinkCount.REFUSED)
            else:
                await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watch: asyncio.Task[None] | None = None
        try:
            noise = await self._shake_hands(reader, writer)
            self._back_off.succeeded()
            self._count(LinkCount.CONNECTED)
            watch = self._pool.tasks.spawn(_close_when_gone(reader, writer), f"watch {self._address}")
            await self._pump(writer, noise)
        except (WireError, OSError, EOFError) as error:  # of the handshake: the pump keeps its own
            log.debug("no Noise with %s: %s", self._address, error)
            self._unreachable(LinkCount.NOISE_FAILED)
            self._back_off.failed(clock())
        finally:
            if watch is not None:
                watch.cancel()
            await hang_up(writer)

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> NoiseInitiator | None:
        """The established initiator, or None for a plain link; OSError, EOFError or WireError if it fails."""
        key = self._pool.view.noise_key(self._address)
        if key is None or self._pool.noise is None:
            return None
        noise = NoiseInitiator(self._pool.noise, key, self._pool.rng)
        writer.write(noise.start())
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            while not noise.established:
                data = await reader.read(_READ_SIZE)
                if not data:
                    raise EOFError("closed during the handshake")
                writer.write(noise.feed(data)[1])
        return noise

    async def _pump(self, writer: asyncio.StreamWriter, noise: NoiseInitiator | None) -> None:
        """Write whatever is queued, all of it at once, until the connection breaks."""
        while True:
            await self._more.wait()
            if writer.is_closing():
                return
            batch = self._take()
            data = b"".join(batch)
            try:
                writer.write(noise.seal(data) if noise else data)
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await writer.drain()
            except OSError:  # TimeoutError is one
                self._count(LinkCount.DROPPED_BROKEN, len(batch))
                writer.transport.abort()
                return
            self._count(LinkCount.SENT, len(batch))

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._queue and size < _BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1])
        if not self._queue:
            self._more.clear()
        return batch

    def _unreachable(self, why: LinkCount) -> None:
        self._count(why)
        self._count(LinkCount.DROPPED_UNREACHABLE, len(self._queue))
        self._queue.clear()
        self._more.clear()

    def _count(self, what: LinkCount, amount: int = 1) -> None:
        self._pool.counts[what] += amount


async def _close_when_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An acceptor never writes: whatever can be read, mostly the end, ends the connection."""
    with contextlib.suppress(OSError):
        await reader.read(1)
    writer.close()
