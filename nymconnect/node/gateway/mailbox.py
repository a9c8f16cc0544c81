"""Messages that a client has not got yet: order, quotas and age, and what of it has to go to disk next.

Mirrors nym-gateway-storage 1.21 (`inboxes.rs`) and its stale message cleaner: content exactly as pushed, in order,
dropped after 24 hours, also for destinations that never registered. The reference keeps everything on disk without a
bound. Here the newest message gives way, and how much a box may hold depends on what is free:

- three quarters of the space: an eighth of what is free of them, and no more than `per_client`;
- the last quarter is for boxes that hold little: one part in PLACES of what is free, and a whole packet at least.

What was acknowledged cannot be dropped, so registrations that cost nothing can fill any space. By default it takes
9,215 that each fill what they may: the last ones have room for one packet, and then nobody who is away has room for
more until something is fetched or a day old. A client that is *connected* still gets its mail: what does not fit is
kept in memory while it is on the way, in an account of its own. Nobody else's use lowers that below IN_FLIGHT_LEAST.
Such a message is not safe before the client has it, so its ack has to wait until then (`is_in_flight`), and it ends
with the connection.

A message stands here until its client has it. A durable mailbox has each in one of three places::

    fresh, content in memory ──close_group──► being written ──committed──► on disk, content only there
          │ handed                                  │ failed
          ▼                                         ▼
    in the kernel's buffers for the client        given up, or fresh again if it was handed over once: its ack has left

Most messages are handed to a connected client before a group is closed, and never touch the disk.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from nymconnect.packet.params import PacketSize

EXPIRY = 24 * 3600.0
_OVERHEAD = 128  # bytes that a message is charged besides its content
_MIB = 1024 * 1024
_SHARE = 8  # a client may have 1/_SHARE of the free bytes
_RESERVE = 4  # 1/_RESERVE of all bytes is for boxes that hold little
PLACES = 2048  # the last quarter of the mailbox gives a client one part in PLACES of what is free
_PACKET = PacketSize.REGULAR.message + _OVERHEAD
IN_FLIGHT_LEAST = 16 * 1024  # bytes on the way to a connected client for which there is always room
IN_FLIGHT_MOST = 512 * 1024
MAX_FRESH = 64 * _MIB  # bytes that wait to be written; more only if the disk stands still
MAX_HANDED = 32 * _MIB  # bytes of those in the buffers of slow clients; beyond, they are written to disk


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """Bytes, an entry counting as its content and 128 more. `strangers` is the share of unregistered clients."""

    per_client: int = 16 * _MIB
    strangers: int = 32 * _MIB
    total: int = 256 * _MIB
    in_flight: int = 64 * _MIB  # beside `total`, and beside the least of each connected client


DEFAULT_LIMITS = MailboxLimits()


@dataclass(frozen=True, slots=True)
class Mail:
    """One message for a client. Numbers rise; what is no message of anybody has 0."""

    number: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailRow:
    """A message as it goes to disk; `stored_at` in Unix seconds."""

    number: int
    client: bytes
    registered: bool
    stored_at: float
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailSummary:
    """What is known of a message on disk without reading it."""

    number: int
    client: bytes
    registered: bool
    stored_at: float
    length: int


@dataclass(frozen=True, slots=True)
class MailGroup:
    """What goes to disk in one transaction: messages to add, and numbers of messages that are done."""

    rows: tuple[MailRow, ...]
    gone: tuple[int, ...]


class _Place(Enum):
    FRESH = "fresh"
    HANDED = "handed"
    IN_FLIGHT = "in flight"  # in memory only, in an account of its own
    BEING_WRITTEN = "being written"
    ON_DISK = "on disk"


@dataclass(slots=True)
class _Entry:
    client: bytes
    stored_at: float
    size: int
    content: bytes | None
    place: _Place
    is_promised: bool = False  # it was handed over once, so its ack may have left


@dataclass(slots=True)
class _Box:
    """The messages of a client by number, oldest first; `used` and `in_flight` in bytes."""

    stranger: bool
    used: int = 0
    in_flight: int = 0
    entries: dict[int, _Entry] = field(default_factory=dict)


class Mailbox:
    """Bounded first-in first-out store per client identity (32 bytes). `now` is Unix time."""

    def __init__(self, limits: MailboxLimits = DEFAULT_LIMITS, *, durable: bool = False) -> None:
        self._limits = limits
        self._durable = durable
        self._boxes: dict[bytes, _Box] = {}
        self._fresh: dict[int, _Entry] = {}  # oldest first; those handed over as well
        self._gone: list[int] = []
        self._next = 1
        self._used = 0
        self._used_by_strangers = 0
        self._in_flight = 0
        self._fresh_bytes = 0
        self._handed_bytes = 0
        self.refused = 0
        self.expired = 0
        self.failed_writes = 0

    def __len__(self) -> int:
        """Messages held."""
        return sum(len(box.entries) for box in self._boxes.values())

    @property
    def used(self) -> int:
        """Bytes held, with overhead; not what is in flight."""
        return self._used

    def store(
        self, client: bytes, content: bytes, now: float, *, registered: bool = True, connected: bool = False
    ) -> Mail | None:
        """Keep `content`; None, and counted, if there is no room for it. `connected`: the client can take it now."""
        size = len(content) + _OVERHEAD
        box = self._boxes.get(client)
        used, in_flight = (box.used, box.in_flight) if box else (0, 0)
        if used + size <= self._quota(stranger=not registered) and not self._is_behind(size):
            place = _Place.FRESH
        elif connected and in_flight + size <= self._quota_in_flight():
            place = _Place.IN_FLIGHT
        else:
            self.refused += 1
            return None
        number, self._next = self._next, self._next + 1
        entry = _Entry(client, now, size, content, place)
        self._add(number, entry, stranger=not registered)
        if self._durable and place is _Place.FRESH:
            self._fresh[number] = entry
            self._fresh_bytes += size
        return Mail(number, content)

    def is_in_flight(self, client: bytes, number: int) -> bool:
        """Whether the message is safe only once the client has it."""
        box = self._boxes.get(client)
        entry = box.entries.get(number) if box else None
        return entry is not None and entry.place is _Place.IN_FLIGHT

    def waiting(self, client: bytes, behind: int, now: float, limit: int) -> list[int]:
        """Numbers of the oldest messages of `client` that are greater than `behind`, at most `limit`."""
        box = self._boxes.get(client)
        if box is None:
            return []
        self._expire(box, now)
        found: list[int] = []
        for number in box.entries:
            if len(found) >= limit:
                break
            if number > behind:
                found.append(number)
        self._close_if_empty(client, box)
        return found

    def content(self, client: bytes, number: int) -> bytes | None:
        """The message if it is in memory; None if it is on disk, or nowhere."""
        box = self._boxes.get(client)
        entry = box.entries.get(number) if box else None
        return entry.content if entry else None

    def handed(self, client: bytes, number: int) -> None:
        """The kernel has it, but not yet the client: it need not go to disk now."""
        entry = self._fresh.get(number)
        if entry is None or entry.client != client or entry.place is not _Place.FRESH:
            return
        if self._handed_bytes + entry.size <= MAX_HANDED:
            entry.place, entry.is_promised = _Place.HANDED, True
            self._handed_bytes += entry.size

    def take_back(self, client: bytes) -> None:
        """The client's connection has ended: the next one gets what is not confirmed, but not what was in flight."""
        box = self._boxes.get(client)
        if box is None:
            return
        for number, entry in list(box.entries.items()):
            if entry.place is _Place.HANDED:
                entry.place = _Place.FRESH
                self._handed_bytes -= entry.size
            elif entry.place is _Place.IN_FLIGHT:
                self._drop(box, number)
        self._close_if_empty(client, box)

    def delete(self, client: bytes, number: int) -> None:
        """The client has it."""
        box = self._boxes.get(client)
        if box is not None and number in box.entries:
            self._drop(box, number)
            self._close_if_empty(client, box)

    def purge(self, now: float) -> None:
        """Drop what has expired."""
        for client, box in list(self._boxes.items()):
            self._expire(box, now)
            self._close_if_empty(client, box)

    def forget(self, client: bytes) -> None:
        """Drop everything of a client."""
        box = self._boxes.get(client)
        if box is not None:
            for number in list(box.entries):
                self._drop(box, number)
            self._close_if_empty(client, box)

    # --- the disk -----------------------------------------------------------------------------------------------

    def load(self, messages: Iterable[MailSummary], now: float) -> None:
        """Start with what is on disk, in the order of its numbers, and nothing else."""
        self._boxes.clear()
        self._fresh.clear()
        self._gone.clear()
        self._used = self._used_by_strangers = self._in_flight = self._fresh_bytes = self._handed_bytes = 0
        for message in messages:
            # A clock that has been set back since must not keep a message for longer than a day.
            stored_at = min(message.stored_at, now)
            entry = _Entry(message.client, stored_at, message.length + _OVERHEAD, None, _Place.ON_DISK)
            self._add(message.number, entry, stranger=not message.registered)
            self._next = max(self._next, message.number + 1)

    def close_group(self) -> MailGroup:
        """What is to be written now. Report with `committed` or `failed` before the next one."""
        rows = []
        for number, entry in self._fresh.items():
            if entry.place is _Place.FRESH and entry.content is not None:
                entry.place = _Place.BEING_WRITTEN
                stranger = self._boxes[entry.client].stranger
                rows.append(MailRow(number, entry.client, not stranger, entry.stored_at, entry.content))
        gone, self._gone = self._gone, []
        return MailGroup(tuple(rows), tuple(gone))

    def committed(self, group: MailGroup) -> None:
        """The group is on disk."""
        for row in group.rows:
            if entry := self._leave_fresh(row.number):
                entry.content, entry.place = None, _Place.ON_DISK

    def failed(self, group: MailGroup) -> None:
        """The group is not on disk: its messages are given up, their senders hear nothing and send them again.

        Those of which a sender may have heard already wait for the next group.
        """
        self._gone = [*group.gone, *self._gone]
        for row in group.rows:
            box = self._boxes.get(row.client)
            if box is not None and row.number in self._fresh:
                self._fresh[row.number].place = _Place.FRESH  # it is in no file, so there is nothing to delete
                if self._fresh[row.number].is_promised:
                    continue
                self._drop(box, row.number)
                self._close_if_empty(row.client, box)
                self.failed_writes += 1

    # --- accounts -----------------------------------------------------------------------------------------------

    def _quota(self, *, stranger: bool) -> int:
        """Bytes that one client may have now."""
        free = self._limits.total - self._used
        reserve = self._limits.total // _RESERVE
        if stranger:
            return min(
                self._limits.per_client,
                (free - reserve) // _SHARE,
                (self._limits.strangers - self._used_by_strangers) // _SHARE,
            )
        little = max(min(free, reserve) // PLACES, min(free, _PACKET))
        return min(self._limits.per_client, max((free - reserve) // _SHARE, little))

    def _quota_in_flight(self) -> int:
        """Bytes that may be on the way to one client now."""
        return max(IN_FLIGHT_LEAST, min(IN_FLIGHT_MOST, (self._limits.in_flight - self._in_flight) // _SHARE))

    def _is_behind(self, size: int) -> bool:
        return self._durable and self._fresh_bytes - self._handed_bytes + size > MAX_FRESH

    def _add(self, number: int, entry: _Entry, *, stranger: bool) -> None:
        box = self._boxes.get(entry.client)
        if box is None:
            box = self._boxes[entry.client] = _Box(stranger)
        box.entries[number] = entry
        self._charge(box, entry, entry.size)

    def _drop(self, box: _Box, number: int) -> None:
        entry = box.entries.pop(number)
        self._charge(box, entry, -entry.size)
        self._leave_fresh(number)
        if entry.place in (_Place.BEING_WRITTEN, _Place.ON_DISK):
            self._gone.append(number)

    def _leave_fresh(self, number: int) -> _Entry | None:
        entry = self._fresh.pop(number, None)
        if entry is not None:
            self._fresh_bytes -= entry.size
            if entry.place is _Place.HANDED:
                self._handed_bytes -= entry.size
        return entry

    def _expire(self, box: _Box, now: float) -> None:
        while box.entries:
            number, entry = next(iter(box.entries.items()))
            if entry.stored_at + EXPIRY > now:
                return
            self._drop(box, number)
            self.expired += 1

    def _close_if_empty(self, client: bytes, box: _Box) -> None:
        if not box.entries:
            del self._boxes[client]

    def _charge(self, box: _Box, entry: _Entry, size: int) -> None:
        if entry.place is _Place.IN_FLIGHT:
            box.in_flight += size
            self._in_flight += size
            return
        box.used += size
        self._used += size
        if box.stranger:
            self._used_by_strangers += size
