"""Messages for clients that are not there: what a gateway would have pushed, kept for a day.

Mirrors nym-gateway-storage 1.21 (`inboxes.rs`) and its stale message cleaner: content exactly as pushed, in order,
dropped after 24 hours, also for destinations that never registered. The reference keeps everything on disk without a
bound; here every client, all strangers together and the whole have one, and the newest message gives way.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

EXPIRY = 24 * 3600.0
_OVERHEAD = 128  # bytes that Python spends on an entry besides its content
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """Bytes, an entry counting as its content and 128 more. `strangers` is the share of unregistered clients."""

    per_client: int = 16 * _MIB
    strangers: int = 32 * _MIB
    total: int = 256 * _MIB


DEFAULT_LIMITS = MailboxLimits()


class Mailbox:
    """Bounded first-in first-out store per client identity (32 bytes)."""

    def __init__(self, limits: MailboxLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._boxes: dict[bytes, _Box] = {}
        self._used = 0
        self._used_by_strangers = 0
        self.refused = 0
        self.expired = 0

    def __len__(self) -> int:
        """Messages held."""
        return sum(len(box.entries) for box in self._boxes.values())

    @property
    def used(self) -> int:
        """Bytes held, with overhead."""
        return self._used

    def store(self, client: bytes, content: bytes, now: float, *, registered: bool = True) -> bool:
        """Keep `content`; False, and counted, if there is no room for it."""
        size = len(content) + _OVERHEAD
        box = self._boxes.get(client)
        strangers_full = not registered and self._used_by_strangers + size > self._limits.strangers
        if strangers_full or self._used + size > self._limits.total or _used(box) + size > self._limits.per_client:
            self.refused += 1
            return False
        if box is None:
            box = self._boxes[client] = _Box(stranger=not registered)
        box.entries.append((now, content))
        self._charge(box, size)
        return True

    def put_back(self, client: bytes, contents: Iterable[bytes], now: float) -> None:
        """Messages that were taken but not sent: they come before all that are stored. Over a limit they are lost."""
        waiting = self._remove(client)
        stored_first = waiting[0][0] if waiting else now  # ages must not fall along the queue
        for content in contents:
            self.store(client, content, stored_first)
        for stored_at, content in waiting:
            self.store(client, content, stored_at)

    def take(self, client: bytes, now: float, limit: int) -> list[bytes]:
        """The oldest messages of `client`, at most `limit`; they leave the store."""
        box = self._boxes.get(client)
        if box is None:
            return []
        self._expire(box, now)
        taken = [box.entries.popleft()[1] for _ in range(min(limit, len(box.entries)))]
        self._charge(box, -sum(len(content) + _OVERHEAD for content in taken))
        if not box.entries:
            del self._boxes[client]
        return taken

    def purge(self, now: float) -> None:
        """Drop what has expired."""
        for client, box in list(self._boxes.items()):
            self._expire(box, now)
            if not box.entries:
                del self._boxes[client]

    def forget(self, client: bytes) -> None:
        """Drop everything of a client."""
        self._remove(client)

    def _remove(self, client: bytes) -> list[tuple[float, bytes]]:
        box = self._boxes.pop(client, None)
        if box is None:
            return []
        entries = list(box.entries)
        self._charge(box, -box.used)
        return entries

    def _expire(self, box: "_Box", now: float) -> None:
        while box.entries and box.entries[0][0] + EXPIRY <= now:
            self._charge(box, -len(box.entries.popleft()[1]) - _OVERHEAD)
            self.expired += 1

    def _charge(self, box: "_Box", size: int) -> None:
        box.used += size
        self._used += size
        if box.stranger:
            self._used_by_strangers += size


@dataclass(slots=True)
class _Box:
    """(stored at, content), oldest first; `used` in bytes."""

    stranger: bool
    used: int = 0
    entries: deque[tuple[float, bytes]] = field(default_factory=deque)


def _used(box: _Box | None) -> int:
    return box.used if box else 0
