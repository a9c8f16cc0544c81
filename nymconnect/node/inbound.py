"""Inbound links of a node: connections that only read. Mirrors nym-node 1.31 (`node/mixnet/listener.rs`,
`handler.rs`) and nymnoise 1.21 (responder).

The source IP address decides whether a connection opens with Noise; the port says nothing. A frame or Noise error
costs that connection and nothing else. There is no keep-alive and no idle timeout on these links, so places are bounded
instead (`lobby`): addresses that the directory names have places of their own, which strangers cannot take. When those
are taken, the link that was silent the longest gives way, if that was for a minute or more; only whole frames count as
speaking.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from nymconnect.crypto import Rng, X25519Secret
from nymconnect.errors import WireError
from nymconnect.link.noise import HANDSHAKE_TIMEOUT, NoiseResponder
from nymconnect.lobby import Lobby, LobbyLimits
from nymconnect.node.routing_filter import NetworkView
from nymconnect.packet.framing import Frame, FrameDecoder
from nymconnect.runtime.clock import clock
from nymconnect.runtime.listening import Port, Visitor, visitor_of
from nymconnect.runtime.sockets import STREAM_LIMIT, hang_up
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

SPARED_SILENCE = 60.0  # seconds; a link of a known node that spoke more recently is never closed for another
# A node that the directory has just taken in is a stranger until our next look at it.
PLACES = LobbyLimits(strangers=1024, known=4096, per_address=8, spared=SPARED_SILENCE, shared=True)
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
        places: LobbyLimits = PLACES,
    ) -> None:
        self._view = view
        self._noise = noise
        self._rng = rng
        self._receive = receive
        self._tasks = TaskSet(f"{owner} listener")
        self._counts = dict.fromkeys(ListenerCount, 0)
        self._lobby: Lobby[Visitor] = Lobby(places)
        self._port = Port(
            owner,
            self._protocol,
            self._lobby,
            is_known=view.knows,
            on_refused=lambda: self._add(ListenerCount.REFUSED_FULL),
            on_displaced=lambda: self._add(ListenerCount.CLOSED_SILENT),
        )

    @property
    def counters(self) -> Mapping[ListenerCount, int]:
        """A snapshot that does not change any more."""
        return MappingProxyType(dict(self._counts))

    @property
    def crashes(self) -> int:
        """Connections that ended by our own fault."""
        return self._tasks.crashes

    @property
    def connections(self) -> int:
        """Open inbound connections."""
        return len(self._lobby)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the bound port. UserError if the address cannot be had."""
        return await self._port.open(host, port)

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self._port.close()
        await self._tasks.close()

    def _protocol(self) -> asyncio.Protocol:
        reader = asyncio.StreamReader(STREAM_LIMIT)
        return asyncio.StreamReaderProtocol(reader, self._accept)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._add(ListenerCount.ACCEPTED)
        self._tasks.spawn(self._serve(reader, writer), "connection")

    def _add(self, count: ListenerCount) -> None:
        self._counts[count] += 1

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
            if frames := decoder.feed(data):
                self._heard(writer)
            for frame in frames:
                self._receive(frame)
            data = await reader.read(_READ_SIZE)
            if not data:
                return
            if noise is not None:
                data = noise.feed(data)[0]

    def _heard(self, writer: asyncio.StreamWriter) -> None:
        if (visitor := visitor_of(writer.transport)) is None:
            return
        if self._lobby.is_stranger(visitor) and self._view.knows(visitor.address):  # the directory names it by now
            self._port.promote(visitor)
        self._lobby.heard(visitor, clock())


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
