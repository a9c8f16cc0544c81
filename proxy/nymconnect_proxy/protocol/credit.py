"""How much of a stream may be under way to its reader: one that pauses is no error, so its far end is told to wait.

Ours alone, between two ends of this software (nym-socks5-requests 1.21 has nothing like it). As QUIC's MAX_STREAM_DATA
(RFC 9000) a credit counts from the beginning of a direction, so one that comes late or twice changes nothing::

    control  F1 Credit ‖ connection id 8 ‖ bytes taken 8 ‖ bytes beyond 4

in either direction, all integers big-endian, behind the version bytes (`versions`). The local program has taken
`taken` bytes of the direction that leads to it, and `beyond` more may come. A client's end begins, once its requester's
BinaryInfo names this software and `FIRST` bytes have gone or come; the other end answers with its own. The next ones
are due every half of a share, and with a keep-alive if a byte was taken since. Until an end has had one it sends as it
likes. Nobody but the two ends of a stream can give it credit: a request counts under the sender
tag of the stream, and an answer only over a reply SURB that was given to the stream's requester.

`Reserve` divides what all streams of one program may hold. Each is always granted `LEAST`; beyond that it gets a part
of what the others leave (Choudhury and Hahne, 1998), so that no number of paused streams stops another one. What comes
before the first credit, or from an end of others, may use what is left of the whole.
"""

from dataclasses import dataclass

from nymconnect.errors import WireError

CREDIT_TAG = 0xF1
_LENGTH = 21

FIRST = 64 * 1024
LEAST = 64 * 1024
MOST_CREDIT = 4 * 1024 * 1024
IN_ALL = 64 * 1024 * 1024
# A stream is promised so much of what others leave; the rest is for those that come later, and for what comes unbidden.
PART = 1 / 9
STREAMS = 512


@dataclass(frozen=True, slots=True)
class Credit:
    """Of this stream's direction to us our program has taken `taken` bytes, and `window` beyond them may come."""

    connection_id: int
    taken: int
    window: int

    def encode(self) -> bytes:
        """With its tag."""
        head = bytes([CREDIT_TAG]) + self.connection_id.to_bytes(8, "big")
        return head + self.taken.to_bytes(8, "big") + self.window.to_bytes(4, "big")

    @classmethod
    def decode(cls, body: bytes) -> "Credit":
        """From the tag on; WireError unless that is all there is."""
        if len(body) != _LENGTH or body[0] != CREDIT_TAG:
            raise WireError("a credit has 21 bytes")
        numbers = (int.from_bytes(body[start:end], "big") for start, end in ((1, 9), (9, 17), (17, 21)))
        return cls(*numbers)


class Reserve:
    """Bytes that the streams of one program hold for their readers, or have promised to hold: `stream` of one and
    `in_all` at most, with `streams` of them at once."""

    def __init__(
        self, stream: int = MOST_CREDIT, in_all: int = IN_ALL, streams: int = STREAMS, least: int = LEAST
    ) -> None:
        self._stream, self._pool, self._least = stream, in_all - streams * least, least
        self._extra = 0

    def share(self, mine: int) -> int:
        """What may be promised now to a stream that holds `mine` bytes."""
        return min(self._stream, self._least + int(PART * self._left(mine)))

    def bound(self, mine: int) -> int:
        """What a stream that holds `mine` bytes may hold in all, now."""
        return min(self._stream, self._least + self._left(mine))

    def _left(self, mine: int) -> int:
        return max(0, self._pool - self._extra + self._beyond(mine))

    def change(self, before: int, after: int) -> None:
        """A stream held so many bytes and now holds so many."""
        self._extra += self._beyond(after) - self._beyond(before)

    def _beyond(self, held: int) -> int:
        return max(0, held - self._least)


class Window:
    """The credits of one end of a stream: what it grants for the direction to it, and what it has for the other."""

    def __init__(self, reserve: Reserve) -> None:
        self.recognised = False
        """Whether the other end is known to understand credits."""
        self._reserve = reserve
        self._reserved = 0
        self._came = self._taken = self._granted = 0
        self._told = 0  # what the last credit said of the bytes taken
        self._sent = self._peer_taken = 0
        self._limit: int | None = None

    # --- the direction to us ---------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes that have come and that the local program has not taken."""
        return self._came - self._taken

    def has_room(self, size: int) -> bool:
        """Whether so many more bytes may be held."""
        return self._came + size <= max(self._granted, self._taken + self._reserve.bound(self._reserved))

    def came(self, size: int) -> None:
        """So many bytes are held from now on."""
        self._came += size
        self._settle()

    def took(self, size: int) -> None:
        """The local program has taken so many of them."""
        self._taken += size
        self._settle()

    def grant(self, connection_id: int) -> Credit | None:
        """What to tell the other end now, if anything."""
        share = self._reserve.share(self._reserved)
        is_first = not self._granted
        if not self.recognised or (is_first and self._limit is None and max(self._came, self._sent) < FIRST):
            return None
        if self._taken + share - self._granted < (1 if is_first else share // 2):
            return None
        return self._promise(connection_id, share)

    def remind(self, connection_id: int) -> Credit | None:
        """What to tell the other end with a keep-alive, so that it learns at last that nothing waits any more."""
        if not self._granted or self._told == self._taken:
            return None
        return self._promise(connection_id, self._reserve.share(self._reserved))

    def _promise(self, connection_id: int, share: int) -> Credit:
        self._granted = max(self._granted, self._taken + share)
        self._told = self._taken
        self._settle()
        return Credit(connection_id, self._taken, self._granted - self._taken)

    def _settle(self) -> None:
        now = max(self._granted - self._taken, self.held)
        self._reserve.change(self._reserved, now)
        self._reserved = now

    def release(self) -> None:
        """The stream is no more: others may have what it held."""
        self._reserve.change(self._reserved, 0)
        self._reserved = 0

    # --- the other direction ---------------------------------------------------------------------------------------

    def given(self, credit: Credit) -> None:
        """The other end has told how far we may go."""
        self.recognised = True
        self._peer_taken = max(self._peer_taken, min(credit.taken, self._sent))
        self._limit = max(self._limit or 0, credit.taken + credit.window)

    def sent(self, size: int) -> None:
        """So many bytes have been handed to the mixnet."""
        self._sent += size

    @property
    def is_answered(self) -> bool:
        """Whether the other end has ever given credit."""
        return self._limit is not None

    @property
    def room(self) -> int | None:
        """How many bytes may be sent now, None if nobody bounds them."""
        return None if self._limit is None else max(0, self._limit - self._sent)

    @property
    def is_awaited(self) -> bool:
        """Whether a program at either end has bytes to read, as far as we know."""
        return self.held > 0 or (self._limit is not None and self._peer_taken < self._sent)
