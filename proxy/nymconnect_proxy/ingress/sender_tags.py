"""Under which sender tag a stream goes to its requester: what the requester can take for one user.

A requester sees the target of each stream and the tag of its client. With one tag for all (Nym 1.21) it sees who
connects to what, all session long. Here streams to different hosts have different tags, and a tag that nothing has used
for a while is never used again. Each tag costs reply SURBs, so there are few at a time: further hosts share those that
are in use, drawn at random among those that can take one more. Streams of different isolation never share one, unless
all share one by the settings.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from nymconnect.client.surbs.aliases import Alias
from nymconnect.crypto import Rng
from nymconnect.packet.addressing import Recipient

MAX_TAGS = 8  # for one requester and one isolation
MAX_IDLE = 64  # for all of them
IDLE_TIME = 120.0


class TagUse(Enum):
    """What shares a sender tag; the value is its name in the settings."""

    DESTINATION = "destination"
    STREAM = "stream"
    USER = "user"  # of a program: its user name; what comes without one shares the plain address
    ONE = "one"


@dataclass(slots=True)
class _Tag:
    alias: Alias
    streams: int = 0
    idle_since: float = 0.0


# By requester and isolation, then by host: the tags that may be used.
_Group = tuple[Recipient, bytes]


class SenderTags:
    """Lends an alias to each stream. A correspondent without an alias is left to questions about the requester."""

    def __init__(self, use: TagUse, rng: Rng, capacity: int) -> None:
        """`capacity` is how many streams a requester carries for one tag."""
        self._capacity = capacity
        self._use = use
        self._rng = rng
        self._numbers: Iterator[int] = itertools.count(1)
        self._groups: dict[_Group, dict[str, _Tag]] = {}
        self._by_alias: dict[Alias, tuple[_Group, str]] = {}
        self._retired: list[Alias] = []

    def are_several(self, now: float) -> bool:
        """Whether streams have had a tag beside the plain address lately."""
        self._purge(now)
        return self._use in (TagUse.DESTINATION, TagUse.STREAM) or self.live > 0

    @property
    def live(self) -> int:
        """Tags that streams use, or may use again."""
        return len(self._by_alias)

    def lend(self, to: Recipient, host: str, isolation: bytes, now: float) -> Recipient:
        """Whom a stream to `host` writes to; give it back when the stream has ended."""
        self._purge(now)
        if self._use is TagUse.ONE or (self._use is TagUse.USER and not isolation):
            return to
        if self._use is TagUse.STREAM:
            return Alias.of(to, next(self._numbers))
        place = "" if self._use is TagUse.USER else host.lower().rstrip(".")
        tag = self._tag(to, place, isolation)
        tag.streams += 1
        return tag.alias

    def give_back(self, alias: Recipient, now: float) -> None:
        """The stream has ended."""
        if not isinstance(alias, Alias):
            return
        if self._use is TagUse.STREAM:
            self._retired.append(alias)
        elif (place := self._by_alias.get(alias)) is not None:
            tag = self._groups[place[0]][place[1]]
            tag.streams -= 1
            tag.idle_since = now
            self._purge(now)

    def take_retired(self) -> list[Alias]:
        """Aliases that are never lent again, each once."""
        retired, self._retired = self._retired, []
        return retired

    def _tag(self, to: Recipient, host: str, isolation: bytes) -> _Tag:
        key = to, isolation
        group = self._groups.get(key, {})
        if host in group:
            return group[host]
        if len(group) >= MAX_TAGS:
            idle = [tag for tag in group.values() if not tag.streams]
            if not idle:
                with_room = [tag for tag in group.values() if tag.streams < self._capacity]
                return self._rng.choice(with_room or list(group.values()))
            self._forget(min(idle, key=lambda tag: tag.idle_since))
        tag = _Tag(Alias.of(to, next(self._numbers)))
        self._groups.setdefault(key, {})[host] = tag
        self._by_alias[tag.alias] = key, host
        return tag

    def _purge(self, now: float) -> None:
        idle = sorted(
            (tag for group in self._groups.values() for tag in group.values() if not tag.streams),
            key=lambda tag: tag.idle_since,
        )
        for number, tag in enumerate(idle, start=1):
            if tag.idle_since + IDLE_TIME <= now or len(idle) - number >= MAX_IDLE:
                self._forget(tag)

    def _forget(self, tag: _Tag) -> None:
        key, host = self._by_alias.pop(tag.alias)
        self._retired.append(tag.alias)
        del self._groups[key][host]
        if not self._groups[key]:
            del self._groups[key]
