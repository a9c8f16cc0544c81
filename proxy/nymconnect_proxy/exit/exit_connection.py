"""One stream at the exit, from the Connect to its last byte: the name is resolved, the target dialled, and then the
pipe has the bytes. Mirrors nym-network-requester 1.21 (`socks5/tcp.rs`).
"""

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nymconnect.errors import UsageError
from nymconnect.packet.addressing import Recipient
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.exit.admission import sender_of
from nymconnect_proxy.exit.happy_eyeballs import Dialling, NoAddressAnsweredError
from nymconnect_proxy.exit.resolver import BoundedResolver, TooManyLookupsError
from nymconnect_proxy.protocol.credit import Credit
from nymconnect_proxy.protocol.requests import Send
from nymconnect_proxy.streams.back_pressure import narrow_target
from nymconnect_proxy.streams.exit_stream import Dial, ExitEffect, ExitStream, Resolve, SetupFailure
from nymconnect_proxy.streams.flow import Cause, SendMessage
from nymconnect_proxy.streams.mixnet import Mixnet
from nymconnect_proxy.streams.pipe import Pipe, PipeOptions
from nymconnect_proxy.streams.socket_close import reset

_FAILURE_BY_ERRNO = {
    errno.ECONNREFUSED: SetupFailure.REFUSED,
    errno.ETIMEDOUT: SetupFailure.TIMED_OUT,
    errno.EHOSTUNREACH: SetupFailure.HOST_UNREACHABLE,
    errno.ENETUNREACH: SetupFailure.NETWORK_UNREACHABLE,
}
# Of several addresses the most telling failure is reported: a missing IPv6 route must not hide a refused IPv4 port.
_MOST_TELLING = (*_FAILURE_BY_ERRNO.values(), SetupFailure.OTHER)


@dataclass(frozen=True, slots=True)
class WaysOut:
    """What the streams of an exit share: how names are resolved, within `resolve_timeout` seconds, and targets dialled.
    `is_own` is True for an address that leads to this machine."""

    names: BoundedResolver
    dialling: Dialling
    is_own: Callable[[str], bool]
    pipes: PipeOptions
    resolve_timeout: float


@dataclass(frozen=True, slots=True)
class Peer:
    """The way back to a client: its address if it gave one, else its tag."""

    mixnet: Mixnet
    sender_tag: bytes | None
    return_address: Recipient | None
    lane: int

    @property
    def sender(self) -> bytes:
        """To whom is counted what this client uses."""
        return sender_of(self.return_address, self.sender_tag)

    @property
    def rate(self) -> float | None:
        """Bytes a second that the answers can carry, None if nobody knows."""
        return self.mixnet.reply_rate(self.sender_tag) if self.sender_tag is not None else None

    async def transmit(self, message: SendMessage) -> None:
        if self.return_address is not None:
            await self.mixnet.send(self.return_address, message.data, lane=self.lane)
        elif self.sender_tag is not None:
            await self.mixnet.reply(self.sender_tag, message.data, lane=self.lane)
        else:
            raise UsageError("a peer without address or tag")


class ExitConnection:
    """One stream with its target: resolves, dials, then leaves the bytes to the pipe."""

    def __init__(self, stream: ExitStream, peer: Peer, ways: WaysOut) -> None:
        self.task: asyncio.Task[None] | None = None
        """What runs it."""
        self._stream = stream
        self._peer = peer
        self._ways = ways
        self._setup = TaskSet("requester setup", on_crash=lambda error: self.pipe.abort(Cause.CRASHED))
        self.pipe: Pipe[ExitEffect] = Pipe(stream, peer.transmit, self._on_effect, ways.pipes, lambda: peer.rate)

    async def run(self, held: Sequence[Send]) -> None:
        """From the Connect to the end of the stream; `held` came before the Connect."""
        try:
            self.pipe.perform(self._stream.open(clock()))
            for message in held:
                self.feed(message)
            await self.pipe.run()
        finally:
            await self._setup.close()
            self._stream.release()
            if self._stream.unwanted or not self.pipe.flushed:
                self._peer.mixnet.close_lane(self._peer.lane)

    @property
    def lane(self) -> int:
        return self._peer.lane

    @property
    def last_active(self) -> float:
        return self._stream.last_active

    def feed(self, message: Send | Credit) -> None:
        stream = self._stream
        try:
            if isinstance(message, Credit):
                self.pipe.perform(stream.credit(message, clock()))
            else:
                self.pipe.perform(stream.feed(message, clock()))
        except Exception:
            self.pipe.abort(Cause.CRASHED)
            raise

    def _on_effect(self, effect: ExitEffect) -> None:
        if isinstance(effect, Resolve):
            self._setup.spawn(self._look_up(effect), "resolve")
        elif isinstance(effect, Dial):
            self._setup.spawn(self._connect(effect), "dial")

    async def _look_up(self, request: Resolve) -> None:
        try:
            async with asyncio.timeout(self._ways.resolve_timeout):
                addresses = await self._ways.names.addresses(self._peer.sender, request.target.host)
        except TooManyLookupsError:
            self.pipe.perform(self._stream.failed(SetupFailure.LOOKUPS, clock()))
        except OSError:
            self.pipe.perform(self._stream.failed(SetupFailure.UNRESOLVED, clock()))
        else:
            self.pipe.perform(self._stream.resolved(addresses, clock(), self._ways.is_own))

    async def _connect(self, request: Dial) -> None:
        try:
            reader, writer = await self._ways.dialling.connect(self._peer.sender, request.addresses, request.port)
        except NoAddressAnsweredError as error:
            failures = [_failure_of(failure) for failure in error.failures]
            self.pipe.perform(self._stream.failed(min(failures, key=_MOST_TELLING.index), clock()))
            return
        if self.pipe.finished:
            reset(writer.transport)
            return
        narrow_target(writer.get_extra_info("socket"))
        self.pipe.attach(reader, writer)
        self.pipe.perform(self._stream.connected(clock()))


def _failure_of(error: OSError) -> SetupFailure:
    if isinstance(error, TimeoutError):
        return SetupFailure.TIMED_OUT
    return _FAILURE_BY_ERRNO.get(error.errno or 0, SetupFailure.OTHER)
