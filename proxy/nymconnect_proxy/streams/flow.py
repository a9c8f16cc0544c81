"""One proxied connection: what its two ends share. `client_stream` and `exit_stream` are the ends.

Each direction numbers its messages on its own (`ordering`). Ours beyond nym-socks5-proxy-helpers 1.21:

- Any message, keep-alives included, resets the time-out (`ttl`), so idle and one-way streams live.
- The end of one direction leaves the other open. A stream ends when both have ended, or by the time-out.
- An end that has closed its direction keeps the other alive only while data still comes in; so a stream whose
  application is gone, and whose target never closes, ends after two time-outs at most.
- An end whose program pauses holds bytes for it, and tells the other end how many more may come (`protocol.credit`).
  While either program has something to read, as far as an end knows, keep-alives go on; no timer ends such a stream.
- A message that stays away while later ones keep coming is lost for good: a gateway acks what it has handed to a
  connection, and what is in there is gone if its far side dies. Nobody sends it again, and keep-alives
  would feed the time-out for ever; so the stream is cut (`LOST_AFTER`).
- A client's end that hears nothing for a while sends a keep-alive early: its reply SURBs let an exit go on whose last
  ones were lost, so that it could not even ask for more. Each one doubles the time to the next.
- An end whose local socket broke, or that lets go for any other reason, cuts the stream: its closing message says
  so, and has the next number even where this direction has closed before. It wants nothing more; the other end writes
  what came before, and resets its socket. A direction that has closed before is whole all the same. The reference
  takes a cut for an end, and says nothing but an end itself. Two of its closing messages mean that it wants no more.

::

    client end   OPENING ──first NetworkData──► OPEN ──both closed, ttl, abort──► ENDED
                    │ ──closing sequence 0──► FAILING ──grace over, ConnectionError──► ENDED
                    └──ConnectionError, time-out────────────────────────────────────► ENDED

    exit end     RESOLVING ──checked──► DIALING ──connected──► OPEN ──both closed, ttl, abort──► ENDED
                    └──refused──► ENDED   └──failed──► ENDED
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum

from nymconnect.errors import WireError
from nymconnect_proxy.protocol.credit import Credit, Reserve, Window
from nymconnect_proxy.streams.ordering import DEFAULT_MAX_BYTES, ReorderBuffer

KEEP_ALIVE = 60.0
TTL = 300.0
# Seconds that a message may be later than one that was sent after it. A sender repeats what is not acked, at the latest
# after 60 seconds (`retransmission_timeout`).
LOST_AFTER = 90.0
# The reference reads 16 KiB with Regular packets, which leaves the last of eleven fragments half empty; this fills it.
READ_SIZE = 17_600


@dataclass(frozen=True, slots=True)
class SendMessage:
    """A message for the other end, with this number of reply SURBs."""

    data: bytes
    surbs: int = 0


@dataclass(frozen=True, slots=True)
class Deliver:
    """Stream bytes for the local socket, in order."""

    data: bytes


@dataclass(frozen=True, slots=True)
class DeliverEof:
    """The other end has closed its direction: end the local socket's sending side after what was delivered."""


class Cause(Enum):
    """Why a stream has ended; the value is for our own log."""

    CLOSED = "both sides have closed"
    NOT_CONNECTED = "the exit has not connected"
    UNANSWERED = "the exit did not answer"
    REPORTED = "the exit reported an error"
    GIVEN_UP = "the other end wants nothing more"
    EXPIRED = "nothing came for too long"
    UNORDERED = "what came cannot be put in order"
    LOST = "an earlier message does not come"
    UNDELIVERED = "a message could not be delivered"
    UNSENT = "the mixnet does not take messages"
    SOCKET_BROKE = "the local socket broke"
    NOT_READ = "the local socket does not read"
    DISPLACED = "its place was needed for a sender with fewer streams"
    DISCONNECTED = "disconnected"
    CRASHED = "internal error"


FROM_AFAR = frozenset({Cause.GIVEN_UP, Cause.REPORTED, Cause.EXPIRED, Cause.LOST, Cause.UNDELIVERED})
"""What the far end, or the way to it, has broken off. Nobody here has to hurry, so what came before waits for its
reader."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The stream has ended. `orderly`: the local socket has been given all there was to say, so it is closed. Otherwise
    it is reset, once it has what was delivered."""

    cause: Cause
    orderly: bool = False


StreamEffect = SendMessage | Deliver | DeliverEof | Finished


class UnusableError(WireError):
    """What has come cannot be used, so the stream ends; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Flow:
    """Numbers, timers and ordering of one end; knows nothing of message formats."""

    def __init__(
        self,
        now: float,
        keep_alive: float = KEEP_ALIVE,
        ttl: float = TTL,
        max_bytes: int = DEFAULT_MAX_BYTES,
        quiet: float = math.inf,
        reserve: Reserve | None = None,
        unordered: Reserve | None = None,
    ):
        """Seconds and bytes. After `quiet` without a message of either end a keep-alive is due as well; for the next
        one, unless there was data, it takes twice as long."""
        self.inbound = ReorderBuffer(max_bytes)
        self.window = Window(reserve or Reserve(), unordered or Reserve())
        self.local_closed = False
        self._eof_taken = False
        self._keep_alive = keep_alive
        self._first_quiet = self._quiet = quiet
        self._ttl = ttl
        self._sequence = 0
        self._last_sent = self._last_heard = self._last_data = now
        self._missing_since: float | None = None  # the message that later ones wait for

    def number(self, now: float, size: int = 0) -> int:
        """Number of the message that is sent now with this much data; restarts the keep-alive timer."""
        sequence = self._sequence
        self._sequence += 1
        self.window.sent(size)
        if now >= self._quiet_until:
            self._quiet *= 2
        self._last_sent = now
        return sequence

    def accept(self, sequence: int, data: bytes, closing: bool, cut: bool, now: float) -> bytes:
        """Bytes that a message from the other end puts in order; UnusableError is final."""
        self._hear(now)
        if data:
            self._last_data = now
            self._quiet = self._first_quiet
        in_order = sequence == self.inbound.expected
        if not self.window.has_room(len(data), in_order=in_order):
            raise UnusableError(Cause.NOT_READ if in_order else Cause.UNORDERED)
        waited = self.inbound.waiting_bytes
        try:
            self.inbound.insert(sequence, data, closing, cut)
        except WireError as error:
            raise UnusableError(Cause.UNORDERED) from error
        ready = self.inbound.take()
        self._look_for_losses(in_order, now)
        waiting = self.inbound.waiting_bytes
        self.window.came(waiting + len(ready) - waited, waiting, late=max(0, len(ready) - len(data)))
        return ready

    def _hear(self, now: float) -> None:
        """Something has come from the other end, be it a message or a credit."""
        if self._missing_since is not None and now - self._last_heard > 1.25 * self._keep_alive:
            self._missing_since = now  # after an outage all that was under way needs its time again
        self._last_heard = now

    def _look_for_losses(self, advanced: bool, now: float) -> None:
        if not self.inbound.is_waiting:
            self._missing_since = None
        elif self._missing_since is None or advanced:
            self._missing_since = now
        elif now - self._missing_since >= LOST_AFTER:
            raise UnusableError(Cause.LOST)

    def took(self, size: int, now: float) -> None:
        """The local program has taken this number of the accepted bytes."""
        self.window.took(size)
        if self.inbound.closed:
            self._last_heard = now  # until now it was not the other end that we waited for

    def given(self, credit: Credit, now: float) -> None:
        """The other end tells how far it reads."""
        self._hear(now)
        self.window.given(credit)

    def take_eof(self) -> bool:
        """True once, when everything that the other end will send has been accepted, and that is the whole."""
        taken, self._eof_taken = self._eof_taken, self.inbound.closed and not self.inbound.cut
        return self._eof_taken and not taken

    @property
    def over(self) -> Finished | None:
        """Once nothing is left to do: everything came in, and nothing more goes out or is wanted."""
        inbound = self.inbound
        if not inbound.closed or not (self.local_closed or inbound.abandoned):
            return None
        if inbound.cut or not self.local_closed:
            return Finished(Cause.GIVEN_UP)
        return Finished(Cause.CLOSED, orderly=True)

    @property
    def deadline(self) -> float:
        expiry = self._expiry
        keep_alive = self._keep_alive_time
        return expiry if keep_alive is None else min(expiry, keep_alive)

    @property
    def _keep_alive_time(self) -> float | None:
        due = min(self._last_sent + self._keep_alive, self._quiet_until)
        is_idle = due > self._last_data + self._ttl and not self.window.is_awaited
        return None if self.local_closed and is_idle else due

    @property
    def _expiry(self) -> float:
        """A program that has not read yet what came in full waits for nobody."""
        return math.inf if self.inbound.closed and self.window.held else self._last_heard + self._ttl

    @property
    def _quiet_until(self) -> float:
        return math.inf if self.inbound.closed else max(self._last_sent, self._last_heard) + self._quiet

    def keep_alive_due(self, now: float) -> bool:
        return self._keep_alive_time is not None and now >= self._keep_alive_time

    def expired(self, now: float) -> bool:
        return now >= self._expiry


class StreamEnd(ABC):
    """What the two ends of a stream do alike. Each encodes its messages by itself."""

    def __init__(self, connection_id: int, flow: Flow) -> None:
        self.connection_id, self._flow = connection_id, flow

    @property
    def local_closed(self) -> bool:
        return self._flow.local_closed

    @property
    def room(self) -> int | None:
        """Bytes that the other end is ready for, None if it has not said."""
        return self._flow.window.room

    def release(self) -> None:
        """Nothing is held for this stream any more."""
        self._flow.window.release()

    @abstractmethod
    def _send(self, data: bytes, now: float, closed: bool = False, cut: bool = False) -> SendMessage:
        """The next message of the stream."""

    @abstractmethod
    def _encoded(self, credit: Credit) -> SendMessage:
        """A credit for the other end."""

    def _close(self, now: float, cut: bool = False) -> SendMessage:
        self._flow.local_closed = True
        return self._send(b"", now, closed=True, cut=cut)

    def _credits(self) -> list[SendMessage]:
        """What to tell the other end now of how far we read."""
        credit = self._flow.window.grant(self.connection_id)
        return [] if credit is None else [self._encoded(credit)]

    def _keep_alive(self, now: float) -> list[SendMessage]:
        """An empty message, and what the other end has not been told yet."""
        credit = self._flow.window.remind(self.connection_id)
        return [self._send(b"", now), *([] if credit is None else [self._encoded(credit)])]
