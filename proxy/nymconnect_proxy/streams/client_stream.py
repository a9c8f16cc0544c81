"""The client's end of a proxied connection. Mirrors nym-socks5-client-core 1.21 (`socks/client.rs`) and
nym-socks5-proxy-helpers 1.21 (`proxy_runner`); `flow` says where we differ and draws the states.

In anonymous mode (the default) every message carries reply SURBs: 20 with Connect and 3 with each Send, as the
reference does. They open the way back; what a long download needs beyond them the exit requests from the mixnet
client, which tops up without the stream knowing. Only where it has none left to request with, after losses, keep-alives
help it out. In identified mode Connect carries our address and nothing else carries SURBs.
"""

import math
import re
from dataclasses import dataclass
from enum import Enum

from nymconnect.errors import UsageError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.credit import Credit, Reserve
from nymconnect_proxy.protocol.requests import Connect, Send, encode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, StreamResponse
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import CURRENT, Versions
from nymconnect_proxy.socks.dialect import ReplyCode
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.streams.flow import (
    KEEP_ALIVE,
    READ_SIZE,
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
from nymconnect_proxy.streams.ordering import DEFAULT_MAX_BYTES

CONNECT_TIMEOUT = 60.0
FAILURE_GRACE = 3.0
CONNECT_SURBS = 20
SEND_SURBS = 3
WITHHOLD = 256 * 1024  # bytes for a program that does not read, at which an exit without credits gets no more SURBs


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Seconds, bytes and SURBs of a client's streams."""

    connect_timeout: float = CONNECT_TIMEOUT
    failure_grace: float = FAILURE_GRACE  # how long a closing sequence 0 waits for the text with the reason
    keep_alive: float = KEEP_ALIVE
    quiet: float = KEEP_ALIVE  # without a message, after which the exit gets reply SURBs, should it have none left
    ttl: float = TTL
    connect_surbs: int = CONNECT_SURBS
    send_surbs: int = SEND_SURBS
    early_data: int = READ_SIZE  # sent before the exit has answered
    reorder_bytes: int = DEFAULT_MAX_BYTES
    versions: Versions = CURRENT
    early_reply: bool = False  # tell the application that it is connected before the exit has said so

    def __post_init__(self) -> None:
        if self.connect_surbs < 1 or self.send_surbs < 1:
            raise UsageError("a message without reply SURBs carries no sender tag, so the exit cannot place it")


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """Tell the application that it is connected: the exit is, or with `early_reply` nobody has tried yet."""


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """The exit has not connected: tell the application, with this code."""

    code: ReplyCode


@dataclass(frozen=True, slots=True)
class Withhold:
    """Whether the exit is to get no reply SURBs but those that go with messages of its streams."""

    wanted: bool


ClientEffect = StreamEffect | StreamOpened | StreamRefused | Withhold


class ClientStreamState(Enum):
    OPENING = "opening"
    FAILING = "failing"
    OPEN = "open"
    ENDED = "ended"


class ClientStream(StreamEnd):
    """One connection of an application, by its id (u64, random). Identified mode if `return_address` is given."""

    def __init__(
        self,
        connection_id: int,
        target: Target,
        now: float,
        options: ClientOptions = ClientOptions(),
        return_address: Recipient | None = None,
        reserve: Reserve | None = None,
        unordered: Reserve | None = None,
    ) -> None:
        quiet = math.inf if return_address else options.quiet
        super().__init__(
            connection_id,
            Flow(now, options.keep_alive, options.ttl, options.reorder_bytes, quiet, reserve, unordered),
        )
        self.state = ClientStreamState.OPENING
        self._target = target
        self._options = options
        self._return_address = return_address
        self._withholds = False
        self._answer_due = now + options.connect_timeout
        self._early_bytes = 0
        self._told = False

    @property
    def deadline(self) -> float | None:
        if self.state is ClientStreamState.ENDED:
            return None
        if self.state is ClientStreamState.OPEN:
            return self._flow.deadline
        return min(self._answer_due, self._flow.deadline)

    @property
    def wants_data(self) -> bool:
        """Before the exit has answered, only as much as one read: the exit has to hold it in memory."""
        if self.local_closed or self.room == 0 or self.state in (ClientStreamState.ENDED, ClientStreamState.FAILING):
            return False
        return self.state is ClientStreamState.OPEN or self._early_bytes < self._options.early_data

    def open(self, now: float) -> list[ClientEffect]:
        """The first two messages: Connect, and the keep-alive that takes sequence 0."""
        connect = Connect(self.connection_id, str(self._target), self._return_address)
        message = encode_request(connect, self._options.versions)
        told = self._tell(StreamOpened()) if self._options.early_reply else []
        return [SendMessage(message, self._surbs(self._options.connect_surbs)), self._send(b"", now), *told]

    def feed_local(self, data: bytes, now: float) -> list[ClientEffect]:
        """Bytes from the application."""
        if self.local_closed or self.state is ClientStreamState.ENDED:
            raise UsageError("the local side has closed")
        if self.state is ClientStreamState.OPENING:
            self._early_bytes += len(data)
        return [self._send(data, now), *self._grant()]

    def local_eof(self, now: float) -> list[ClientEffect]:
        """The application sends nothing more; it may still read."""
        if self.local_closed or self.state is ClientStreamState.ENDED:
            return []
        return [self._close(now), *self._finish_if_over()]

    def abort(self, cause: Cause, now: float) -> list[ClientEffect]:
        """The application is gone, or the listener lets go of it."""
        if self.state is ClientStreamState.ENDED:
            return []
        refusal = self._tell(StreamRefused(ReplyCode.GENERAL_FAILURE))
        return [*refusal, self._close(now, cut=True), self._finish(cause, told=refusal)]

    def feed(self, message: StreamResponse, now: float) -> list[ClientEffect]:
        """A message from the exit, in whatever order."""
        if self.state is ClientStreamState.ENDED:
            return []
        if isinstance(message, Credit):
            self._flow.given(message, now)
            return self._grant()
        if isinstance(message, ConnectionFailure):
            return self._fail(reply_for(message.text), Cause.REPORTED)
        try:
            data = self._flow.accept(message.sequence, message.data, message.closed, message.cut, now)
        except UnusableError as error:
            return self.abort(error.cause, now)
        effects = self._note_answer(message, now)
        if self.state is not ClientStreamState.OPEN:
            return effects
        if data:
            effects.append(Deliver(data))
        if self._flow.take_eof():
            effects.append(DeliverEof())
        return effects + (self._finish_if_over() or self._grant())

    def wake(self, now: float) -> list[ClientEffect]:
        """Keep-alives and time-outs."""
        if self.state is ClientStreamState.ENDED:
            return []
        if self.state is ClientStreamState.FAILING and now >= self._answer_due:
            return self._fail(ReplyCode.REFUSED, Cause.NOT_CONNECTED)
        if self.state is ClientStreamState.OPENING and now >= self._answer_due:
            cut = self._close(now, cut=True)
            return [cut, *self._fail(ReplyCode.TTL_EXPIRED, Cause.UNANSWERED)]
        if self._flow.expired(now):
            return self.abort(Cause.EXPIRED, now)
        if not self._flow.keep_alive_due(now):
            return []
        return [*self._keep_alive(now)]

    def recognise(self) -> None:
        """The exit is of this software, so it understands credits, unless its messages have no place for them."""
        self._flow.window.recognised = self._options.versions.outer is not None

    def took(self, size: int, now: float) -> list[ClientEffect]:
        """The application has taken this number of bytes."""
        self._flow.took(size, now)
        return self._grant()

    def _grant(self) -> list[ClientEffect]:
        """Tell the exit to wait, or to go on: by a credit, or where it knows none by the reply SURBs that it gets."""
        if self.state is not ClientStreamState.OPEN:
            return []
        window = self._flow.window
        effects: list[ClientEffect] = [*self._credits()]
        low = WITHHOLD // 2 if self._withholds else WITHHOLD
        # Not what waits for an earlier message: without SURBs the exit could not send that one again.
        unread = window.held - self._flow.inbound.waiting_bytes
        if (withhold := not window.is_answered and unread >= low) is not self._withholds:
            self._withholds = withhold
            effects.append(Withhold(withhold))
        return effects

    def _fail(self, code: ReplyCode, cause: Cause) -> list[ClientEffect]:
        refusal = self._tell(StreamRefused(code))
        return [*refusal, self._finish(cause, told=refusal)]

    def _note_answer(self, message: NetworkData, now: float) -> list[ClientEffect]:
        """A closing sequence 0 is how an exit says that it could not connect; anything that does not close says it
        could. A later empty closing message may have overtaken sequence 0, so it says nothing."""
        if self.state is not ClientStreamState.OPENING:
            return []
        if message.data or not message.closed:
            self.state = ClientStreamState.OPEN
            return self._tell(StreamOpened())
        if message.sequence == 0:
            self.state = ClientStreamState.FAILING
            self._answer_due = now + self._options.failure_grace
        return []

    def _tell(self, what: StreamOpened | StreamRefused) -> list[ClientEffect]:
        """The application hears one of the two, once."""
        told, self._told = self._told, True
        return [] if told else [what]

    def _finish_if_over(self) -> list[ClientEffect]:
        """Only an open stream; one that fails has to tell why first."""
        if self.state is not ClientStreamState.OPEN or (finished := self._flow.over) is None:
            return []
        self.state = ClientStreamState.ENDED
        return [finished]

    def _finish(self, cause: Cause, told: list[ClientEffect]) -> Finished:
        """Before both sides have closed; that is in order only if the application has been `told` a refusal."""
        self.state = ClientStreamState.ENDED
        return Finished(cause, orderly=bool(told))

    def _send(self, data: bytes, now: float, closed: bool = False, cut: bool = False) -> SendMessage:
        return self._encoded(Send(self.connection_id, self._flow.number(now, len(data)), data, closed, cut))

    def _encoded(self, request: Send | Credit) -> SendMessage:
        return SendMessage(encode_request(request, self._options.versions), self._surbs(self._options.send_surbs))

    def _surbs(self, anonymous: int) -> int:
        if self._return_address is not None:
            return 0
        return 1 if self._withholds else anonymous


_QUOTED = re.compile(r'"[^"]*"')
_REPLY_BY_WORDS = (
    (("filter check", "policy", "not allowed"), ReplyCode.NOT_ALLOWED),
    (("refused",), ReplyCode.REFUSED),
    (("network unreachable", "network is unreachable"), ReplyCode.NETWORK_UNREACHABLE),
    (("ttl", "timed out", "timeout"), ReplyCode.TTL_EXPIRED),
    (("unreachable", "resolve", "host"), ReplyCode.HOST_UNREACHABLE),
)


def obstacle_in(text: str) -> Obstacle | None:
    """Which bound of the requester has been reached, if the text of a ConnectionError means that."""
    plain = _QUOTED.sub("", text).lower()
    if "too many " not in plain:
        return None
    return Obstacle.LOOKUPS_FULL if "lookups" in plain else Obstacle.REQUESTER_FULL


def reply_for(text: str) -> ReplyCode:
    """SOCKS5 code for the text of a ConnectionError; what stands in quotes (the target) does not count."""
    plain = _QUOTED.sub("", text).lower()
    for words, reply in _REPLY_BY_WORDS:
        if any(word in plain for word in words):
            return reply
    return ReplyCode.GENERAL_FAILURE
