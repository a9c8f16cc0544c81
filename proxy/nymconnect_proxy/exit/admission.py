"""Which connections an exit takes on, and what it keeps for those that are not there yet or any more.

A stream is known by its `StreamKey`: the sender tag of the messages and the connection id, so the id of another client
can neither collide nor be taken over. Messages of identified clients carry no tag and no address beyond the Connect;
for them the id alone has to do, as in nym-network-requester 1.21, but a Connect never replaces a stream that exists.

When an exit is full, the sender that has most streams loses the one that has been idle longest, for one that has at
least two fewer; so nobody loses its only stream. The last places are for senders that have none, who then need not take
anybody's. Tags cost nothing, so that is all the fairness there can be: who wants to keep others out needs a tag for
each two places, and streams that do something in each.

A Send may overtake its Connect through the mixnet, so it is held for a while; one for a stream that has ended is
dropped. Both memories are bounded by time and by size. A Send whose Connect never comes is an orphan: it belongs to a
stream that this exit has forgotten, most likely since it was started anew, and its client has to hear of that. When
there is no room, the stream that has waited longest is called an orphan before its time: a Connect is late by a second
or two, so no number of Sends without one keeps another's out.

Who has to go is found without looking at all (`ranking`): strangers choose how often that is asked.
"""

import itertools
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.exit.ranking import Idlest, Most, Rank
from nymconnect_proxy.protocol.requests import Connect, Send
from nymconnect_proxy.protocol.versions import CURRENT, Versions

SETTLE_TIME = 60.0
CLOSED_MEMORY = 600.0
MAX_CLOSED = 16_384
MAX_ORPHANS = 512


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Sender tag (16 bytes; empty for identified clients) and connection id."""

    sender_tag: bytes
    connection_id: int


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Connections in all, of these for senders that have none, and per sender; messages held for a Connect, per stream
    and in all, and seconds for which."""

    connections: int = 512
    connections_for_newcomers: int = 64
    connections_per_sender: int = 128
    held_streams: int = 4096
    held_messages: int = 64
    held_bytes: int = 256 * 1024
    held_bytes_in_all: int = 16 * 1024 * 1024
    settle: float = SETTLE_TIME


class Verdict(Enum):
    """What becomes of a Connect."""

    ADMITTED = "admitted"
    DUPLICATE = "duplicate"
    UNANSWERABLE = "unanswerable"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A stream that is unknown here, and the `versions` in which its client speaks."""

    key: StreamKey
    versions: Versions


@dataclass(frozen=True, slots=True)
class InPlaceOf:
    """The Connect is admitted, and the stream `displaced` has to go for it."""

    displaced: StreamKey


class _Held:
    """Messages that wait for one Connect."""

    def __init__(self, rank: Rank, versions: Versions) -> None:
        """`rank`: when it expires, and its number among those that expire then."""
        self.rank = rank
        self.versions = versions
        self.messages: list[Send] = []
        self.size = 0

    @property
    def expires(self) -> float:
        return self.rank[0]


class Admissions:
    """The streams of one exit. Every method forgets what has expired. `last_active` tells when a stream has carried
    data last; of streams equally idle the oldest counts as idle longest."""

    def __init__(
        self,
        limits: AdmissionLimits = AdmissionLimits(),
        last_active: Callable[[StreamKey], float] = lambda _key: 0.0,
    ) -> None:
        self._limits = limits
        self._last_active = last_active
        self._numbers = itertools.count()
        self._senders: dict[StreamKey, bytes] = {}
        self._streams_by_sender: dict[bytes, Idlest[StreamKey]] = {}
        self._most_streams: Most[bytes] = Most(lambda sender: self._streams_by_sender[sender].rank())
        # By age: every entry lives equally long.
        self._held: OrderedDict[StreamKey, _Held] = OrderedDict()
        self._held_by_tag: dict[bytes, OrderedDict[StreamKey, _Held]] = {}
        self._held_bytes = 0
        self._most_held: Most[bytes] = Most(self._longest_wait)
        self._most_held_bytes: Most[bytes] = Most(self._longest_wait)
        self._closed: dict[StreamKey, None] = {}
        self._closed_expiry: deque[tuple[float, StreamKey]] = deque()
        self._orphans: list[Orphan] = []

    def __len__(self) -> int:
        return len(self._senders)

    def admit(self, connect: Connect, sender_tag: bytes | None, now: float) -> Verdict | InPlaceOf:
        """Register the stream of a Connect, unless it exists, cannot be answered, or there are too many."""
        self._purge(now)
        if sender_tag is None and connect.return_address is None:
            return Verdict.UNANSWERABLE
        key = StreamKey(sender_tag or b"", connect.connection_id)
        if key in self._senders or key in self._closed:
            return Verdict.DUPLICATE
        sender = sender_of(connect.return_address, sender_tag)
        own = self._most_streams.amount(sender)
        # A sender that has a stream already does not get the last places.
        places = self._limits.connections - (self._limits.connections_for_newcomers if own else 0)
        displaced = None
        if own >= self._limits.connections_per_sender or (
            len(self._senders) >= places and (displaced := self._who_yields(own)) is None
        ):
            # Messages that came early would wait in vain, and what still comes for the stream is to be dropped.
            self._forget_held(key)
            self._remember_closed(key, now)
            return Verdict.BUSY
        if displaced is not None:
            self.release(displaced, now)
        self._senders[key] = sender
        streams = self._streams_by_sender.setdefault(sender, Idlest(self._last_active, self._numbers))
        streams.add(key)
        self._most_streams.change(sender, len(streams))
        return Verdict.ADMITTED if displaced is None else InPlaceOf(displaced)

    def _who_yields(self, own: int) -> StreamKey | None:
        """The sender whose place one with `own` streams may take: one that then still has as many."""
        most = self._most_streams.top()
        # At least two fewer: else the two senders could take one place from each other without end.
        if most is None or self._most_streams.amount(most) <= own + 1:
            return None
        return self._streams_by_sender[most].first()

    def hold(self, key: StreamKey, message: Send, now: float, versions: Versions = CURRENT) -> bool:
        """Keep a Send, which has these `versions`, until its Connect comes; False if it was dropped."""
        self._purge(now)
        if key in self._closed or key in self._senders:
            return False
        held = self._held.get(key) or _Held((now + self._limits.settle, next(self._numbers)), versions)
        size = len(message.data)
        if held.size + size > self._limits.held_bytes or len(held.messages) >= self._limits.held_messages:
            return False
        if key not in self._held:
            self._begin_to_hold(key, held)
        held.messages.append(message)
        held.size += size
        self._held_bytes += size
        self._most_held_bytes.change(key.sender_tag, self._most_held_bytes.amount(key.sender_tag) + size)
        while len(self._held) > self._limits.held_streams:
            self._give_up_oldest_of(self._most_held.top(), now)
        while self._held_bytes > self._limits.held_bytes_in_all:
            self._give_up_oldest_of(self._most_held_bytes.top(), now)
        # It may itself have been given up to make room.
        return key in self._held

    def _begin_to_hold(self, key: StreamKey, held: _Held) -> None:
        self._held[key] = held
        of_tag = self._held_by_tag.setdefault(key.sender_tag, OrderedDict())
        of_tag[key] = held
        self._most_held.change(key.sender_tag, len(of_tag))

    def _longest_wait(self, sender_tag: bytes) -> Rank:
        return next(iter(self._held_by_tag[sender_tag].values())).rank

    def _give_up_oldest_of(self, sender_tag: bytes | None, now: float) -> None:
        """Of the sender tag that holds most, what waits longest: nobody's flood ends the beginnings of others."""
        assert sender_tag is not None
        self._give_up(next(iter(self._held_by_tag[sender_tag])), now)

    @property
    def deadline(self) -> float | None:
        """When `take_orphans` has something to give, unless a Connect comes."""
        return 0.0 if self._orphans else next((held.expires for held in self._held.values()), None)

    def take_orphans(self, now: float) -> list[Orphan]:
        """Streams for which no Connect has come in time. Only those that can be answered, and each once."""
        self._purge(now)
        taken, self._orphans = self._orphans, []
        return taken

    def take_held(self, key: StreamKey) -> list[Send]:
        """The messages that came before the Connect, in the order of arrival."""
        held = self._forget_held(key)
        return held.messages if held else []

    def release(self, key: StreamKey, now: float) -> None:
        """The stream has ended; what still comes for it will be dropped."""
        sender = self._senders.pop(key, None)
        if sender is None:
            return
        streams = self._streams_by_sender[sender]
        streams.remove(key)
        if streams:
            self._most_streams.change(sender, len(streams))
        else:
            del self._streams_by_sender[sender]
            self._most_streams.forget(sender)
        self._remember_closed(key, now)
        self._purge(now)

    def _remember_closed(self, key: StreamKey, now: float) -> None:
        self._closed[key] = None
        self._closed_expiry.append((now + CLOSED_MEMORY, key))

    def _forget_held(self, key: StreamKey) -> _Held | None:
        held = self._held.pop(key, None)
        if held is None:
            return None
        tag = key.sender_tag
        self._held_bytes -= held.size
        del self._held_by_tag[tag][key]
        if self._held_by_tag[tag]:
            self._most_held.change(tag, len(self._held_by_tag[tag]))
            self._most_held_bytes.change(tag, self._most_held_bytes.amount(tag) - held.size)
        else:
            del self._held_by_tag[tag]
            self._most_held.forget(tag)
            self._most_held_bytes.forget(tag)
        return held

    def _purge(self, now: float) -> None:
        while self._closed_expiry and (self._closed_expiry[0][0] <= now or len(self._closed_expiry) > MAX_CLOSED):
            self._closed.pop(self._closed_expiry.popleft()[1], None)
        while self._held:
            key, held = next(iter(self._held.items()))
            if held.expires > now:
                return
            self._give_up(key, now)

    def _give_up(self, key: StreamKey, now: float) -> None:
        """No Connect has come, or there is no more room to wait for it."""
        held = self._forget_held(key)
        # An untagged stream cannot be answered, and of one that its client has closed nobody waits to hear.
        if held is None or not key.sender_tag or any(message.closed for message in held.messages):
            return
        if len(self._orphans) < MAX_ORPHANS:
            self._orphans.append(Orphan(key, held.versions))
        self._remember_closed(key, now)


def sender_of(return_address: Recipient | None, sender_tag: bytes | None) -> bytes:
    """To whom a stream is counted: the address that its answers go to, else the tag."""
    return return_address.encode() if return_address else sender_tag or b""
