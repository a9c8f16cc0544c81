"""Answers at a constant rate: sender tags that are answered at the slots of a Poisson stream, whatever there is to say.

It is option R2 of a covered way back: who holds reply SURBs uses them up at a promised rate, with data if there is any
and with cover if not, so that the line of their maker shows the same at all times. The promise ends by itself
unless it is renewed; then a tag is answered as any other. Ours alone: nym-client-core has nothing like it.

A promise is worth the SURBs that come for it. What all tags may have together is divided among those that supply, none
getting more than its fair share while others want more; a tag that has just begun gets what they leave, for it has had
no time to show anything. A tag that stops supplying loses its promise soon.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nymconnect.crypto import Rng
from nymconnect.packet.addressing import SENDER_TAG_LENGTH
from nymconnect.poisson import PoissonStream

MAXIMUM_TAGS = 64
MAXIMUM_RATE = 300.0  # packets a second, of one tag
MAXIMUM_TOTAL_RATE = 1000.0  # of all tags together
MAXIMUM_SECONDS = 600.0
TRIAL = 30.0  # seconds until a tag must have shown that it supplies
REVIEW = 2.0  # seconds between divisions
# SURBs come in packets of several, and some are lost: half of what a rate needs shows that it is meant.
HEADROOM = 2.0
LEAST_SHARE = 0.25  # of the rate that was wanted; with less, a tag does better without a promise
SLOT_LIMIT = 256
# Seconds after which a slot that found no room on the link is given up: a burst afterwards would tell of the pause.
SLOT_LIFE = 0.5


@dataclass(slots=True)
class _Promise:
    stream: PoissonStream
    wanted: float
    until: float
    since: float

    @property
    def rate(self) -> float:
        return 1 / self.stream.gap


def fair_shares(wanted: Mapping[bytes, float], total: float) -> dict[bytes, float]:
    """Of `total`, what each gets: all that it wants, or as much as any other that does not get all."""
    shares = {}
    # The smallest wish first: what it leaves of its equal part is there for all others.
    for done, (tag, amount) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        shares[tag] = min(amount, max(0.0, total) / (len(wanted) - done))
        total -= shares[tag]
    return shares


class PacedReplies:
    """The tags that are answered at a constant rate, and the slots that have come up and not been used yet.

    `supplied(tag, now)` says how many SURBs a second a tag has given lately.
    """

    def __init__(self, rng: Rng, supplied: Callable[[bytes, float], float]) -> None:
        self._rng, self._supplied = rng, supplied
        self._review_due = 0.0
        self._promises: dict[bytes, _Promise] = {}
        self._slots: deque[tuple[float, bytes]] = deque()
        self.unused = 0  # slots that passed because the link took nothing

    def __contains__(self, tag: object) -> bool:
        return tag in self._promises

    def __len__(self) -> int:
        return len(self._promises)

    def pace(self, tag: bytes, rate: float, seconds: float, now: float) -> float:
        """Promise `tag` (16 bytes) up to `rate` packets a second for `seconds`; returns the rate granted, or 0.

        A promise to the same tag is replaced, and its slots go on without a break. A rate or time of 0 ends it.
        """
        if len(tag) != SENDER_TAG_LENGTH or rate > MAXIMUM_RATE:
            return 0.0
        if rate <= 0 or seconds <= 0:
            self._promises.pop(tag, None)
            return 0.0
        until = now + min(seconds, MAXIMUM_SECONDS)
        promise = self._promises.get(tag)
        if promise is not None:
            promise.wanted, promise.until = rate, until
        elif self._has_place(tag, now):
            self._promises[tag] = _Promise(PoissonStream(1 / rate, self._rng, now), rate, until, now)
        self._divide(now)
        promise = self._promises.get(tag)
        return promise.rate if promise is not None else 0.0

    def _has_place(self, tag: bytes, now: float) -> bool:
        """Whether there is a place for one more; the tag that supplies least leaves its own to one that gives more."""
        if len(self._promises) < MAXIMUM_TAGS:
            return True
        least = min(self._promises, key=lambda other: self._supplied(other, now))
        if self._supplied(least, now) >= self._supplied(tag, now):
            return False
        del self._promises[least]
        return True

    def _divide(self, now: float) -> None:
        """Give each tag its share; one for whom that is not worth it leaves it to the others."""
        self._review_due = now + REVIEW
        promises = self._promises
        shown = {tag: min(each.wanted, HEADROOM * self._supplied(tag, now)) for tag, each in promises.items()}
        while True:
            shares = self._shares(shown, now)
            too_small = [tag for tag, share in shares.items() if share < LEAST_SHARE * promises[tag].wanted]
            if not too_small:
                break
            # One at a time: what it leaves may be enough for the next one.
            last = min(too_small, key=lambda tag: (shown[tag], -promises[tag].since))
            del promises[last], shown[last]
        for tag, share in shares.items():
            promises[tag].stream.gap = 1 / share

    def _shares(self, shown: Mapping[bytes, float], now: float) -> dict[bytes, float]:
        """What each tag gets for what it has `shown`, and of what that leaves, for what it may still show."""
        shares = fair_shares(shown, MAXIMUM_TOTAL_RATE)
        on_trial = {tag: each.wanted - shown[tag] for tag, each in self._promises.items() if now - each.since < TRIAL}
        for tag, more in fair_shares(on_trial, MAXIMUM_TOTAL_RATE - sum(shares.values())).items():
            shares[tag] += more
        return shares

    def rate_of(self, tag: object) -> float | None:
        """Packets a second that are promised to `tag`, None if nothing is."""
        promise = self._promises.get(tag) if isinstance(tag, bytes) else None
        return promise.rate if promise is not None else None

    @property
    def deadline(self) -> float | None:
        """When `wake` has something to do."""
        if not self._promises:
            return None
        return min(self._review_due, *(min(each.stream.due, each.until) for each in self._promises.values()))

    def wake(self, now: float) -> None:
        """Let slots come up, and forget promises that have ended."""
        for tag, promise in list(self._promises.items()):
            while promise.stream.due <= min(now, promise.until):
                self._come_up(promise.stream.due, tag)
                promise.stream.take(now)
            if now >= promise.until:
                del self._promises[tag]
        if self._promises and now >= self._review_due:
            self._divide(now)

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
        """The link is gone: forget the slots that came up for it."""
        self.unused += len(self._slots)
        self._slots.clear()

    def drop(self, tag: bytes) -> None:
        """Nobody answers `tag` any more."""
        self._promises.pop(tag, None)
