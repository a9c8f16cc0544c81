"""Inbound links of a node: connections that only read. Mirrors nym-node 1.31 (`node/mixnet/listener.rs`,
`handler.rs`) and nymnoise 1.21 (responder).

The source IP address decides whether a connection opens with Noise; the port says nothing. A frame or Noise error
costs that connection and nothing else. There is no keep-alive and no idle timeout on these links, so slots are bounded
instead: when all are taken, the connection that was silent the longest gives way, if that was for a minute or more.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from nymconnect.crypto import Rng, X25519Secret
from nymconnect.errors import UsageError, WireError
from nymconnect.link.noise import HANDSHAKE_TIMEOUT, NoiseResponder
from nymconnect.node.view import NetworkView
from nymconnect.packet.framing import Frame, FrameDecoder
from nymconnect.runtime import STREAM_LIMIT, TaskSet, clock, hang_up, in_use

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 4096
SPARED_SILENCE = 60.0  # seconds; a connection that spoke more recently is never closed for another
_READ_SIZE = 64 * 1024


class ListenerCount(StrEnum):
    """What the inbound side counts."""

    ACCEPTED = "listener_accepted"
    REFUSED_FULL = "listener_refused_full"
    CLOSED_SILENT = "listener_closed_silent"
    CLOSED_BAD_BYTES = "listener_closed_bad_bytes"
    CLOSED_BAD_NOISE = "listener_closed_bad_noise"


class InboundListener:
    """Accepts links and hands every frame to `receive`, which must not raise."""

    def __init__(
        self,
        view: NetworkView,
        noise: X25519Secret | None,
        rng: Rng,
        receive: Callable[[Frame], None],
        owner: str,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._view = view
        self._noise = noise
        self._rng = rng
        self._receive = receive
        self._max_connections = max_connections
        self._tasks = TaskSet(f"{owner} listener")
        self._server: asyncio.Server | None = None
        self._last_heard: dict[asyncio.StreamWriter, float] = {}  # the most silent first
        self._counts = dict.fromkeys(ListenerCount, 0)

    @property
    def counters(self) -> Mapping[ListenerCount, int]:
        """A snapshot that does not change any more."""
        return MappingProxyType(dict(self._counts))

    @property
    def connections(self) -> int:
        """Open inbound connections."""
        return len(self._last_heard)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the bound port. UserError if the address cannot be had."""
        if self._server is not None:
            raise UsageError("the listener is started already")
        try:
            self._server = await asyncio.start_server(self._accept, host, port, limit=STREAM_LIMIT)
        except OSError as error:
            raise in_use(host, port, error) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._tasks.close()
        if server is not None:
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # accepted while stopping
            writer.transport.abort()
            return
        if len(self._last_heard) >= self._max_connections and not self._close_a_silent_one():
            self._counts[ListenerCount.REFUSED_FULL] += 1
            writer.transport.abort()
            return
        self._counts[ListenerCount.ACCEPTED] += 1
        self._last_heard[writer] = clock()
        self._tasks.spawn(self._serve(reader, writer), "connection")

    def _close_a_silent_one(self) -> bool:
        writer, heard = next(iter(self._last_heard.items()))
        if clock() - heard < SPARED_SILENCE:
            return False
        self._counts[ListenerCount.CLOSED_SILENT] += 1
        del self._last_heard[writer]
        writer.transport.abort()
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            noise = self._responder(writer)
            if noise is None:
                await self._read_frames(reader, writer, None, b"")
            else:
                await self._read_frames(reader, writer, noise, await _shake_hands(reader, writer, noise))
        except (_BadNoiseError, TimeoutError):
            self._counts[ListenerCount.CLOSED_BAD_NOISE] += 1
        except WireError as error:
            log.debug("closing a link: %s", error)
            self._counts[ListenerCount.CLOSED_BAD_BYTES] += 1
        except OSError:
            pass  # the peer is gone, which is its business
        finally:
            self._last_heard.pop(writer, None)
            await hang_up(writer)

    def _responder(self, writer: asyncio.StreamWriter) -> NoiseResponder | None:
        peer = writer.get_extra_info("peername")
        if self._noise is None or not peer or not self._view.expects_noise(str(peer[0])):
            return None
        return NoiseResponder(self._noise, self._rng)

    async def _read_frames(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        noise: NoiseResponder | None,
        first: bytes,
    ) -> None:
        """Every frame until the stream ends; `first` is what came along with the handshake."""
        decoder = FrameDecoder()
        data = first
        while True:
            for frame in decoder.feed(data):
                self._receive(frame)
            data = await reader.read(_READ_SIZE)
            if not data:
                return
            self._heard(writer)
            if noise is not None:
                data = noise.feed(data)[0]

    def _heard(self, writer: asyncio.StreamWriter) -> None:
        if self._last_heard.pop(writer, None) is not None:
            self._last_heard[writer] = clock()


class _BadNoiseError(Exception):
    pass


async def _shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noise: NoiseResponder) -> bytes:
    """Answer the handshake; returns the plaintext that came right behind it."""
    plaintext = b""
    async with asyncio.timeout(HANDSHAKE_TIMEOUT):
        while not noise.established:
            data = await reader.read(_READ_SIZE)
            if not data:
                raise _BadNoiseError
            try:
                plaintext, answer = noise.feed(data)
            except WireError as error:
                log.debug("closing a link: %s", error)
                raise _BadNoiseError from error
            writer.write(answer)
    return plaintext
