"""The exit's end of a proxied connection. Mirrors nym-network-requester 1.21 (`core.rs`, `socks5/tcp.rs`).

Our own rules: the name is resolved once, every address it has must be global, not the exit's own, and accepted by the
policy, and only those addresses are dialled, so that nothing can change between the check and the connection. Whatever
keeps the exit from connecting is answered with a ConnectionError and then with the empty closing sequence 0 that
reference clients act on. Replies have the versions of the Connect.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from nymconnect.errors import UsageError, WireError
from nymconnect_proxy.protocol.credit import Credit, Reserve
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, encode_response
from nymconnect_proxy.protocol.targets import Target, is_global, judged, parse_address
from nymconnect_proxy.protocol.versions import Versions
from nymconnect_proxy.streams.flow import (
    KEEP_ALIVE,
    TTL,
    Cause,
    Deliver,
    DeliverEof,
    Finished,
    Flow,
    SendMessage,
    StreamEffect,
    StreamEnd,
    UnusableError,
)

SETUP_TIMEOUT = 40.0  # below a client's own, so that the reason still gets there
MAX_ADDRESSES = 16
MAX_ECHOED = 300  # characters of the target that an error text repeats
MAX_EARLY_BYTES = 256 * 1024
MAX_REORDER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExitOptions:
    """Seconds and bytes of an exit's streams. Only with `allow_loopback` may a target be on this machine."""

    allow_loopback: bool = False
    setup_timeout: float = SETUP_TIMEOUT
    keep_alive: float = KEEP_ALIVE
    ttl: float = TTL
    early_bytes: int = MAX_EARLY_BYTES
    reorder_bytes: int = MAX_REORDER_BYTES


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look the target up, once; answer with `resolved` or `failed`."""

    target: Target


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to one of these literal addresses, best first; answer with `connected` or `failed`."""

    addresses: tuple[str, ...]
    port: int


ExitEffect = StreamEffect | Resolve | Dial


class SetupFailure(Enum):
    """What can keep an exit from connecting; the value is the text of the ConnectionError, `{}` the target."""

    POLICY = 'Domain "{}" failed filter check'
    UNRESOLVED = 'Host unreachable: cannot resolve "{}"'
    HOST_UNREACHABLE = 'Host unreachable: "{}"'
    NETWORK_UNREACHABLE = 'Network unreachable: "{}"'
    REFUSED = 'Connection refused: "{}"'
    TIMED_OUT = 'TTL expired: "{}" did not answer'
    LOOKUPS = 'Too many lookups, not connecting to "{}"'
    BUSY = 'Too many connections, not connecting to "{}"'
    OTHER = 'Failed to connect to "{}"'


class ExitStreamState(Enum):
    RESOLVING = "resolving"
    DIALING = "dialing"
    OPEN = "open"
    ENDED = "ended"


def failure_messages(connection_id: int, address: str, versions: Versions, failure: SetupFailure) -> list[bytes]:
    """The two messages that answer a Connect which came to nothing."""
    text = ConnectionFailure(connection_id, failure.value.format(address[:MAX_ECHOED]))
    closing = NetworkData(connection_id, 0, closed=True)
    return [encode_response(text, versions), encode_response(closing, versions)]


def _by_turns(addresses: Iterable[str]) -> tuple[str, ...]:
    """In the order of the resolver, but IPv6 and IPv4 by turns (RFC 8305): one of them may be broken as a whole."""
    families: dict[bool, list[str]] = {}
    for address in addresses:
        families.setdefault(":" in address, []).append(address)
    rounds = itertools.zip_longest(*families.values())
    return tuple(address for each in rounds for address in each if address is not None)


class ExitStream(StreamEnd):
    """One connection to a target, on behalf of a client."""

    def __init__(
        self,
        connect: Connect,
        versions: Versions,
        policy: AddressPolicy,
        now: float,
        options: ExitOptions = ExitOptions(),
        reserve: Reserve | None = None,
        unordered: Reserve | None = None,
    ) -> None:
        super().__init__(
            connect.connection_id,
            Flow(now, options.keep_alive, options.ttl, options.reorder_bytes, reserve=reserve, unordered=unordered),
        )
        self.state = ExitStreamState.RESOLVING
        self.last_active = now
        """When the stream was made, or has carried data last."""
        self._connect = connect
        self._versions = versions
        self._policy = policy
        self._options = options
        self._setup_due = now + options.setup_timeout
        self._port = 0
        self._early = bytearray()

    @property
    def deadline(self) -> float | None:
        if self.state is ExitStreamState.ENDED:
            return None
        return self._flow.deadline if self.state is ExitStreamState.OPEN else self._setup_due

    @property
    def wants_data(self) -> bool:
        return self.state is ExitStreamState.OPEN and not self.local_closed and self.room != 0

    @property
    def unwanted(self) -> bool:
        """Whether the client has said that it wants nothing more."""
        return self._flow.inbound.abandoned

    def open(self, now: float) -> list[ExitEffect]:
        """Begin with the lookup; a target that does not parse is refused as one that does not pass the policy."""
        if self.state is not ExitStreamState.RESOLVING:
            return []
        try:
            target = Target.parse(self._connect.address)
        except WireError:
            return self._fail(SetupFailure.POLICY)
        self._port = target.port
        return [Resolve(target)]

    def resolved(
        self, addresses: Sequence[str], now: float, is_own: Callable[[str], bool] = lambda _address: False
    ) -> list[ExitEffect]:
        """All addresses of the target, as text, and how to tell the exit's own. One that may not be reached refuses
        them all."""
        if self.state is not ExitStreamState.RESOLVING:
            return []
        if not addresses:
            return self._fail(SetupFailure.UNRESOLVED)
        unique = _by_turns(dict.fromkeys(addresses))
        if not all(self._may_reach(address, is_own) for address in unique):
            return self._fail(SetupFailure.POLICY)
        self.state = ExitStreamState.DIALING
        return [Dial(unique[:MAX_ADDRESSES], self._port)]

    def _may_reach(self, text: str, is_own: Callable[[str], bool]) -> bool:
        try:
            address = parse_address(text)
        except WireError:
            return False
        may_be_here = self._options.allow_loopback and address.is_loopback
        if not may_be_here and (not is_global(address) or any(is_own(str(each)) for each in judged(address))):
            return False
        return all(self._policy.accepts(each, self._port) for each in judged(address))

    def failed(self, failure: SetupFailure, now: float) -> list[ExitEffect]:
        """The lookup or the connection failed."""
        return self._fail(failure) if self.state in (ExitStreamState.RESOLVING, ExitStreamState.DIALING) else []

    def connected(self, now: float) -> list[ExitEffect]:
        """The target has answered: sequence 0 tells the client, and what it sent early goes out."""
        if self.state is not ExitStreamState.DIALING:
            return []
        self.state = ExitStreamState.OPEN
        early = bytes(self._early)
        self._early.clear()
        return [self._send(b"", now), *self._deliver(early)]

    def feed(self, message: Send, now: float) -> list[ExitEffect]:
        """A message from the client, in whatever order."""
        if self.state is ExitStreamState.ENDED:
            return []
        try:
            data = self._flow.accept(message.sequence, message.data, message.closed, message.cut, now)
        except UnusableError as error:
            return self.abort(error.cause, now)
        if message.data:
            self.last_active = now
        if self.state is ExitStreamState.OPEN:
            return self._deliver(data)
        self._early += data
        if self._flow.inbound.abandoned and self._flow.inbound.closed:
            return [self._finish(Cause.GIVEN_UP)]
        return self._fail(SetupFailure.OTHER) if len(self._early) > self._options.early_bytes else []

    def credit(self, credit: Credit, now: float) -> list[ExitEffect]:
        """The client reports how far it reads; from now on we report how far the target does."""
        self._flow.given(credit, now)
        return self._grant()

    def took(self, size: int, now: float) -> list[ExitEffect]:
        """The target has taken this number of bytes."""
        self.last_active = now
        self._flow.took(size, now)
        return self._grant()

    def _grant(self) -> list[ExitEffect]:
        return [*self._credits()] if self.state is ExitStreamState.OPEN else []

    def feed_local(self, data: bytes, now: float) -> list[ExitEffect]:
        """Bytes from the target."""
        if not self.wants_data:
            raise UsageError("the local side has closed")
        self.last_active = now
        return [self._send(data, now), *self._grant()]

    def local_eof(self, now: float) -> list[ExitEffect]:
        """The target sends nothing more; it may still read."""
        if self.state is not ExitStreamState.OPEN or self.local_closed:
            return []
        return [self._close(now), *self._finish_if_over()]

    def abort(self, cause: Cause, now: float) -> list[ExitEffect]:
        """The connection to the target is broken, or the exit lets go of it."""
        if self.state is ExitStreamState.ENDED:
            return []
        if self.state is not ExitStreamState.OPEN:
            return self._fail(SetupFailure.OTHER)
        return [self._close(now, cut=True), self._finish(cause)]

    def wake(self, now: float) -> list[ExitEffect]:
        """Keep-alives and time-outs."""
        if self.state is ExitStreamState.ENDED:
            return []
        if self.state is not ExitStreamState.OPEN:
            return self._fail(SetupFailure.TIMED_OUT) if now >= self._setup_due else []
        if self._flow.expired(now):
            return self.abort(Cause.EXPIRED, now)
        if not self._flow.keep_alive_due(now):
            return []
        return [*self._keep_alive(now)]

    def _deliver(self, data: bytes) -> list[ExitEffect]:
        effects: list[ExitEffect] = [Deliver(data)] if data else []
        if self._flow.take_eof():
            effects.append(DeliverEof())
        return effects + self._finish_if_over()

    def _finish_if_over(self) -> list[ExitEffect]:
        if (finished := self._flow.over) is None:
            return []
        self.state = ExitStreamState.ENDED
        return [finished]

    def _finish(self, cause: Cause) -> Finished:
        """Before both sides have closed."""
        self.state = ExitStreamState.ENDED
        self._early.clear()
        return Finished(cause)

    def _fail(self, failure: SetupFailure) -> list[ExitEffect]:
        connect = self._connect
        messages = failure_messages(self.connection_id, connect.address, self._versions, failure)
        return [*(SendMessage(message) for message in messages), self._finish(Cause.NOT_CONNECTED)]

    def _send(self, data: bytes, now: float, closed: bool = False, cut: bool = False) -> SendMessage:
        return self._encoded(NetworkData(self.connection_id, self._flow.number(now, len(data)), data, closed, cut))

    def _encoded(self, response: NetworkData | Credit) -> SendMessage:
        return SendMessage(encode_response(response, self._versions))
