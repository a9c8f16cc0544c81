"""When frames leave, apart from what they carry: the pacer of one gateway link, as a machine.

Two Poisson streams (Loopix, USENIX Security 2017, section 3.2): a slot of the main stream takes data if any is ready,
else cover; a slot of the loop stream takes a loop, so that what comes back of them does not depend on the data. The
producer keeps three bounded stocks of ready frames filled, and the pacer never waits for it: cover and loops stand in
for each other where one is missing, and a slot that finds no frame passes unused. So do the slots during which the link
takes no bytes, and those that come up late, because a burst afterwards would tell of the pause. Whether the owner is
active shows only in which frames leave, never in when.

A main stream that adapts (`sending_delay`) is the exception: the frames of slots during which the link takes no bytes
wait in a short queue, and while that is full the stream slows down.

This module, `sending_delay` and `poisson` are all that the pacer's own process needs of the mixnet.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from nymconnect.client.pacer.sending_delay import QUEUE_LIMIT, SendingDelay
from nymconnect.errors import UsageError
from nymconnect.poisson import PoissonStream

if TYPE_CHECKING:  # `crypto` would bring libraries into the pacer's process that it has no use for
    from nymconnect.crypto import Rng

DATA_LIMIT = 8  # ready data frames: few, for what is ready has passed the fair draw between lanes
COVER_LIMIT = 2048
CONTROL_LIMIT = 64
COVER_SECONDS = 2.5
SPARE_SECONDS = 0.5  # what a stock may lack of that before it is filled up: packets made together cost a quarter less
DATA_SECONDS = 0.1  # what a slow sender keeps ready, so that a stream that ends leaves little behind
# A slot older than this passes unused. Timers are late by less; a process that was kept waiting is late by more.
TOLERANCE = 0.1  # seconds


class FrameKind(IntEnum):
    """What a frame is to the pacer. The link cannot tell DATA, COVER and LOOP apart."""

    CONTROL = 0  # of the connection itself: leaves at once
    DATA = 1
    COVER = 2  # for slots of the main stream
    LOOP = 3  # for those of the loop stream


@dataclass(frozen=True, slots=True)
class SlotGaps:
    """Mean gaps in seconds. Without `main` data leaves at once; without `loop` there is no loop stream.

    `adaptive` lets the main stream slow down while the link takes no bytes.
    """

    main: float | None
    loop: float | None
    adaptive: bool = False

    @property
    def data_stock(self) -> int:
        """Data frames to keep ready."""
        return DATA_LIMIT if self.main is None else min(DATA_LIMIT, max(1, math.ceil(DATA_SECONDS / self.main)))

    @property
    def cover_stock(self) -> int:
        """Cover frames to keep ready."""
        return _stock_for(self.main)

    @property
    def loop_stock(self) -> int:
        """Loop frames to keep ready."""
        return _stock_for(self.loop)

    @property
    def cover_spare(self) -> int:
        """Cover frames that may be missing."""
        return _spare_for(self.main)

    @property
    def loop_spare(self) -> int:
        """Loop frames that may be missing."""
        return _spare_for(self.loop)


def _stock_for(gap: float | None) -> int:
    return 0 if gap is None else min(COVER_LIMIT, math.ceil(COVER_SECONDS / gap) + 1)


def _spare_for(gap: float | None) -> int:
    return 0 if gap is None else min(COVER_LIMIT // 4, math.floor(SPARE_SECONDS / gap))


@dataclass(frozen=True, slots=True)
class Departure:
    """A frame to write now."""

    kind: FrameKind
    serial: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Unused:
    """Slots that carried nothing: no frame was ready, the link took no bytes, or the pacer was held up."""

    empty: int = 0
    stalled: int = 0
    late: int = 0


class _Covers:
    """Ready frames, the oldest of which may be stale: each new frame takes the place of a stale one."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
        self._stale = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, serial: int, frame: bytes) -> None:
        if self._stale:
            self._frames.popleft()
            self._stale -= 1
        if len(self._frames) >= COVER_LIMIT:
            raise UsageError("the stock is full")
        self._frames.append((serial, frame))

    def take(self) -> tuple[int, bytes] | None:
        # The oldest frame leaves, and the stale ones are the oldest.
        self._stale = max(0, self._stale - 1)
        return self._frames.popleft() if self._frames else None

    def expire(self) -> None:
        self._stale = len(self._frames)


class Pacer:
    """See the module. Nothing but control frames leaves before `begin`."""

    def __init__(self, rng: "Rng") -> None:
        self._rng = rng
        self._rates: SlotGaps | None = None
        self._main: PoissonStream | None = None
        self._loop: PoissonStream | None = None
        self._control: deque[bytes] = deque()
        self._data: deque[tuple[int, bytes]] = deque()
        self._covers = {FrameKind.COVER: _Covers(), FrameKind.LOOP: _Covers()}
        self._multiplier: SendingDelay | None = None
        self._queue: deque[Departure] = deque()  # of an adaptive stream, in front of the link
        self._is_held = False  # the main stream found that queue full
        self._empty = self._stalled = self._late = 0

    # --- what the producer calls ----------------------------------------------------------------------------------

    def begin(self, rates: SlotGaps, now: float) -> None:
        """Let the streams run from now on."""
        self._rates = rates
        self._main = PoissonStream(rates.main, self._rng, now) if rates.main is not None else None
        self._loop = PoissonStream(rates.loop, self._rng, now) if rates.loop is not None else None
        self._multiplier = SendingDelay(now) if rates.adaptive and rates.main is not None else None

    def control(self, frame: bytes) -> None:
        """Have `frame` leave before everything else; UsageError when too many wait for the link."""
        if len(self._control) >= CONTROL_LIMIT:
            raise UsageError("too many control frames wait")
        self._control.append(frame)

    def offer(self, kind: FrameKind, serial: int, frame: bytes) -> None:
        """Add a ready frame to the stock of its kind; UsageError when that is full."""
        if kind is not FrameKind.DATA:
            self._covers[kind].add(serial, frame)
            return
        if len(self._data) >= DATA_LIMIT:
            raise UsageError("the stock is full")
        self._data.append((serial, frame))

    def expire_covers(self) -> None:
        """The covers in stock do not fit the network any more: each new one takes the place of one of them.

        Until then they leave as before, for an empty stock would show on the link.
        """
        for covers in self._covers.values():
            covers.expire()

    # --- time ------------------------------------------------------------------------------------------------------

    @property
    def unused(self) -> Unused:
        """Slots that carried nothing, so far."""
        return Unused(self._empty, self._stalled, self._late)

    @property
    def stocks(self) -> tuple[int, int, int]:
        """Ready frames of data, of cover and of loops."""
        return len(self._data), len(self._covers[FrameKind.COVER]), len(self._covers[FrameKind.LOOP])

    @property
    def deadline(self) -> float | None:
        """When `wake` has something to do if the link takes bytes; frames that leave at once are due at any time."""
        if self._control or self._queue or (self._leaves_at_once and self._data):
            return -math.inf
        stream = self._next()
        return stream.due if stream else None

    @property
    def next_slot(self) -> float | None:
        """When the next slot comes up, whether it can be used or not."""
        stream = self._next()
        return stream.due if stream else None

    def wake(self, now: float, *, writable: bool = True) -> list[Departure]:
        """What leaves now. Unless `writable` the link takes no bytes, and the slots that are due pass unused."""
        leaving: list[Departure] = []
        if writable:
            leaving += [Departure(FrameKind.CONTROL, 0, frame) for frame in self._control]
            self._control.clear()
            leaving += self._take_queued()
        is_open = writable and not self._queue
        while (stream := self._next()) is not None and stream.due <= now:  # in the order of their deadlines
            is_late = now - stream.due > TOLERANCE
            is_main = stream is self._main
            if is_main:
                self._adapt(now)
            # Spent, whatever becomes of it: a slot made up for later would leave at a time that is not drawn.
            stream.take(now)
            if not is_open and not self._may_queue(is_main=is_main):
                self._stalled += 1
            elif is_late:
                self._late += 1
            elif (departure := self._take(is_main=is_main)) is None:
                self._empty += 1
            else:
                (leaving if is_open else self._queue).append(departure)
        if self._leaves_at_once and writable:
            leaving += [Departure(FrameKind.DATA, serial, frame) for serial, frame in self._data]
            self._data.clear()
        return leaving

    # --- a main stream that adapts ---------------------------------------------------------------------------------

    def _take_queued(self) -> list[Departure]:
        """One at a time, so that packets that the link does not take yet wait here, where they count."""
        self._is_held = self._is_held and not self._queue
        return [self._queue.popleft()] if self._queue else []

    def _may_queue(self, *, is_main: bool) -> bool:
        if self._multiplier is None:
            return False
        has_room = len(self._queue) < QUEUE_LIMIT
        self._is_held = self._is_held or (is_main and not has_room)
        return has_room

    def _adapt(self, now: float) -> None:
        """A stream that waits for room in the queue looks at nothing until there is some."""
        if self._multiplier is None or self._is_held or self._rates is None or self._main is None:
            return
        assert self._rates.main is not None
        self._main.gap = self._rates.main * self._multiplier.look(len(self._queue), now)

    # --- slots and stocks ------------------------------------------------------------------------------------------

    @property
    def _leaves_at_once(self) -> bool:
        return self._rates is not None and self._rates.main is None

    def _next(self) -> PoissonStream | None:
        if self._main is None or self._loop is None:
            return self._main or self._loop
        return self._main if self._main.due <= self._loop.due else self._loop

    def _take(self, *, is_main: bool) -> Departure | None:
        if is_main and self._data:
            return Departure(FrameKind.DATA, *self._data.popleft())
        # The other kind fills in for a missing cover: on the line they look alike, and an empty slot would show.
        for kind in (FrameKind.COVER, FrameKind.LOOP) if is_main else (FrameKind.LOOP, FrameKind.COVER):
            if (cover := self._covers[kind].take()) is not None:
                return Departure(kind, *cover)
        return None
