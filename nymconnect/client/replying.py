"""Answers at a constant rate: sender tags that are answered at the slots of a Poisson stream, whatever there is to say.

It is option R2 of a covered way back: who holds reply SURBs uses them up at a promised rate, with data if there is any
and with cover if not, so that the line of whoever made them shows the same at all times. The promise ends by itself
unless it is renewed; then a tag is answered as any other. Ours alone: nym-client-core has nothing like it.
"""

from collections import deque
from dataclasses import dataclass

from nymconnect.client.poisson import PoissonStream
from nymconnect.crypto import Rng
from nymconnect.packet.addressing import SENDER_TAG_LENGTH

MAXIMUM_TAGS = 64
MAXIMUM_RATE = 300.0  # packets a second, of one tag
MAXIMUM_TOTAL_RATE = 1000.0  # of all tags together
MAXIMUM_SECONDS = 600.0
SLOT_LIMIT = 256
# A slot that found no room on the link for so long is over: a burst afterwards would tell of the pause.
SLOT_LIFE = 0.5  # seconds


@dataclass(slots=True)
class _Promise:
    stream: PoissonStream
    until: float

    @property
    def rate(self) -> float:
        return 1 / self.stream.gap


class PacedReplies:
    """Who is answered at a constant rate, and the slots that have come up and not been used yet."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._promises: dict[bytes, _Promise] = {}
        self._slots: deque[tuple[float, bytes]] = deque()
        self.unused = 0  # slots that passed because the link took nothing

    def __contains__(self, tag: object) -> bool:
        return tag in self._promises

    def __len__(self) -> int:
        return len(self._promises)

    def pace(self, tag: bytes, rate: float, seconds: float, now: float) -> bool:
        """Promise `rate` packets a second to `tag` (16 bytes) for so long; False if that is too much of anything.

        A promise to the same tag is replaced, and its slots go on without a break. A rate or time of 0 ends it.
        """
        if len(tag) != SENDER_TAG_LENGTH:
            return False
        if rate <= 0 or seconds <= 0:
            self._promises.pop(tag, None)
            return False
        promise = self._promises.get(tag)
        others = sum(other.rate for key, other in self._promises.items() if key != tag)
        is_full = promise is None and len(self._promises) >= MAXIMUM_TAGS
        if is_full or rate > MAXIMUM_RATE or others + rate > MAXIMUM_TOTAL_RATE:
            return False
        until = now + min(seconds, MAXIMUM_SECONDS)
        if promise is None:
            self._promises[tag] = _Promise(PoissonStream(1 / rate, self._rng, now), until)
        else:
            promise.stream.gap, promise.until = 1 / rate, until
        return True

    @property
    def deadline(self) -> float | None:
        """When `wake` has something to do."""
        return min((min(each.stream.due, each.until) for each in self._promises.values()), default=None)

    def wake(self, now: float) -> None:
        """Let slots come up, and forget promises that have ended."""
        for tag, promise in list(self._promises.items()):
            while promise.stream.due <= min(now, promise.until):
                self._come_up(promise.stream.due, tag)
                promise.stream.take(now)
            if now >= promise.until:
                del self._promises[tag]

    def _come_up(self, due: float, tag: bytes) -> None:
        if len(self._slots) >= SLOT_LIMIT:
            self._slots.popleft()
            self.unused += 1
        self._slots.append((due, tag))

    def take_slot(self, now: float) -> bytes | None:
        """The tag of the oldest slot that is not over; it counts as used then. None if there is none."""
        while self._slots:
            due, tag = self._slots.popleft()
            if tag in self._promises and now - due <= SLOT_LIFE:
                return tag
            self.unused += 1
        return None

    def forget_slots(self) -> None:
        """The link is gone: what came up for it is over."""
        self.unused += len(self._slots)
        self._slots.clear()

    def drop(self, tag: bytes) -> None:
        """Nobody answers `tag` any more."""
        self._promises.pop(tag, None)
