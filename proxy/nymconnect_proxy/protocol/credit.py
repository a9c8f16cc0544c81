"""How much of a stream may be under way to its reader: a reader that pauses is no error: its far end has to wait.

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
before the first credit, or from an end of others, may use what is left of the whole. Where strangers are served, the
same rule comes first between senders, and then between the streams of one; so what a sender holds lowers another's part
by an eighth at most, and the sender that holds most is the first whose bytes find no room.

A `Window` has two of them: one for what its program has not taken, or is promised, and one for what waits for an
earlier message, beyond any promise. A packet that is late is nobody's fault; so what came behind it stays in the second
until the program has taken it, and paused readers leave it alone. But who never sends the first message can fill it. So
a client divides it, too, between its requesters: each gets half of what the others leave.
"""

from dataclasses import dataclass
from weakref import WeakValueDictionary

from nymconnect.errors import WireError

CREDIT_TAG = 0xF1
_LENGTH = 21

FIRST = 64 * 1024
LEAST = 64 * 1024
MOST_CREDIT = 4 * 1024 * 1024
IN_ALL = 64 * 1024 * 1024
# A stream is promised so much of what others leave; the rest is for those that come later, and for what comes unbidden.
PART = 1 / 9
# What a sender may hold of that which other senders leave, and what a stream is promised of that which its sender's
# other streams leave.
SENDERS_PART = 1 / 8
REQUESTERS_PART = 1 / 2  # of that which other requesters leave: a client has few, and most often one
PART_OF_SENDERS = 1 / 2
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
    `in_all` at most, with `streams` of them at once. A sender may hold `senders_part` of what others leave."""

    def __init__(
        self,
        stream: int = MOST_CREDIT,
        in_all: int = IN_ALL,
        streams: int = STREAMS,
        least: int = LEAST,
        senders_part: float = SENDERS_PART,
    ) -> None:
        self.senders_part = senders_part
        self.stream = stream
        self.least = least
        self._pool = in_all - streams * least
        self._part = PART
        self._extra = 0
        self._senders: WeakValueDictionary[bytes, Reserve] = WeakValueDictionary()

    def of(self, sender: bytes) -> "Reserve":
        """The part of one sender, which all its streams share."""
        part = self._senders.get(sender)
        if part is None:
            part = self._senders[sender] = _SendersReserve(self)
        return part

    def share(self, mine: int) -> int:
        """What may be promised now to a stream that holds `mine` bytes."""
        return min(self.stream, self.least + int(self._part * self.left(self.beyond(mine))))

    def bound(self, mine: int) -> int:
        """What a stream that holds `mine` bytes may hold in all, now."""
        return min(self.stream, self.least + self.left(self.beyond(mine)))

    def left(self, own: int) -> int:
        """What there is for an owner of `own` bytes beyond the least, these included."""
        return max(0, self._pool - self._extra + own)

    def change(self, before: int, after: int) -> None:
        """The number of bytes that a stream holds has changed from the first figure to the second."""
        self._extra += self.beyond(after) - self.beyond(before)

    def beyond(self, held: int) -> int:
        """What of it is not the least, which each stream has for itself."""
        return max(0, held - self.least)


class _SendersReserve(Reserve):
    """The part of one sender in a `whole`."""

    def __init__(self, whole: Reserve) -> None:
        super().__init__(whole.stream, 0, 0, whole.least)
        self._part = PART_OF_SENDERS
        self._whole = whole

    def left(self, own: int) -> int:
        # What the other senders leave, of it this sender's part, and of that what its own other streams leave.
        return max(0, int(self._whole.senders_part * self._whole.left(self._extra)) - self._extra + own)

    def change(self, before: int, after: int) -> None:
        super().change(before, after)
        self._whole.change(before, after)


class Window:
    """The credits of one end of a stream: what it grants for the direction to it, and what it has for the other."""

    def __init__(self, reserve: Reserve, unordered: Reserve) -> None:
        """`reserve` is for what the local program has not taken, `unordered` for what waits for an earlier message."""
        self.recognised = False
        """Whether the other end is known to understand credits."""
        self._reserve, self._unordered_reserve = reserve, unordered
        self._reserved = self._unordered = 0
        self._came = self._taken = self._granted = 0
        self._waiting = 0  # for an earlier message
        self._late = 0  # has waited for one, and the program has not taken it
        self._told = 0  # what the last credit said of the bytes taken
        self._sent = self._peer_taken = 0
        self._limit: int | None = None

    # --- the direction to us ---------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes that have come and that the local program has not taken."""
        return self._came - self._taken

    def has_room(self, size: int, *, in_order: bool) -> bool:
        """Whether a stream may hold this number of further bytes. `in_order` bytes are for the program; others wait."""
        # These bytes were promised: a promise holds, whatever others have taken since.
        if not size or self._came + size <= self._granted:
            return True
        reserved = self._promised_or_held(size if in_order else 0)
        unordered = self.held + size - reserved
        return (
            self.held + size <= self._reserve.stream
            and reserved <= max(self._reserved, self._reserve.bound(self._reserved))
            and unordered <= max(self._unordered, self._unordered_reserve.bound(self._unordered))
        )

    def came(self, size: int, waiting: int = 0, late: int = 0) -> None:
        """`size` further bytes are held from now on. Of all, `waiting` wait for an earlier message; `late` bytes have
        waited until now."""
        self._came += size
        self._waiting = waiting
        self._late += late
        self._settle()

    def took(self, size: int) -> None:
        """The local program has taken this number of them."""
        self._taken += size
        self._settle()

    def grant(self, connection_id: int) -> Credit | None:
        """What to tell the other end now, if anything."""
        share = self._reserve.share(self._reserved)
        is_first = not self._granted
        if not self.recognised or (is_first and self._limit is None and max(self._came, self._sent) < FIRST):
            return None
        # Not for every byte: each credit is a message, and takes a slot or a SURB.
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

    def _promised_or_held(self, more: int = 0) -> int:
        return max(self._granted - self._taken, self.held - self._waiting - self._late + more)

    def _settle(self) -> None:
        self._late = min(self._late, self.held - self._waiting)
        reserved = self._promised_or_held()
        self._account(reserved, max(0, self.held - reserved))

    def _account(self, reserved: int, unordered: int) -> None:
        self._reserve.change(self._reserved, reserved)
        self._unordered_reserve.change(self._unordered, unordered)
        self._reserved, self._unordered = reserved, unordered

    def release(self) -> None:
        """The stream is no more: others may have what it held."""
        self._account(0, 0)

    # --- the other direction ---------------------------------------------------------------------------------------

    def given(self, credit: Credit) -> None:
        """The other end has told how far we may go."""
        self.recognised = True
        # The peer's word: it cannot have taken more than was sent, nor less than it said before.
        self._peer_taken = max(self._peer_taken, min(credit.taken, self._sent))
        self._limit = max(self._limit or 0, credit.taken + credit.window)

    def sent(self, size: int) -> None:
        """`size` bytes have been handed to the mixnet."""
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
