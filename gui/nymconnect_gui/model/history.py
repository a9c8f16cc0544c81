"""The last two minutes of traffic, from the counters of the session: how much was data, how much cover, each way."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from nymconnect.client.counters import ClientCount

SPAN = 120.0  # seconds that are kept
MOST_SAMPLES = 240  # samples, however often somebody looks
_UP_DATA = (ClientCount.DATA_SENT, ClientCount.RETRANSMITTED)
# Of what is sent as data, the SURBs for a steady downlink go whether the person does anything or not.
_UP_STEADY = (ClientCount.STEADY_SUPPLY_SENT,)
_UP_COVER = (ClientCount.COVER_SENT, ClientCount.REPLY_COVER_SENT)
_DOWN_DATA = (ClientCount.DATA_RECEIVED,)
_DOWN_COVER = (ClientCount.COVER_RECEIVED, ClientCount.REPLY_COVER_RECEIVED, ClientCount.PADDING_RECEIVED)


@dataclass(frozen=True, slots=True)
class PacketRates:
    """Packets a second, one way."""

    data: float = 0.0
    cover: float = 0.0

    @property
    def total(self) -> float:
        """All that an observer sees."""
        return self.data + self.cover


@dataclass(frozen=True, slots=True)
class Sample:
    """What flowed in the `seconds` up to `end` (`runtime.clock`)."""

    end: float
    seconds: float
    up: PacketRates
    down: PacketRates


class History:
    """Feed it each snapshot's counters. A client that is replaced starts its counters again, which is no traffic."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        self._before: tuple[float, Mapping[str, int]] | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Oldest first."""
        return tuple(self._samples)

    def add(self, counters: Mapping[str, int], now: float) -> None:
        """Take a snapshot in; `counters` without packets mean that no client runs."""
        if ClientCount.DATA_SENT not in counters:
            self._before = None
        elif self._before is None:
            self._before = now, dict(counters)
        elif now > self._before[0]:
            self._append(counters, now)
        while self._samples and self._samples[0].end < now - SPAN:
            self._samples.popleft()

    def _append(self, counters: Mapping[str, int], now: float) -> None:
        assert self._before is not None
        then, before = self._before
        seconds = now - then

        def rate(names: tuple[str, ...]) -> float:
            grown = sum(counters.get(name, 0) - before.get(name, 0) for name in names)
            return max(0.0, grown / seconds)

        steady = rate(_UP_STEADY)
        up = PacketRates(max(0.0, rate(_UP_DATA) - steady), rate(_UP_COVER) + steady)
        self._samples.append(Sample(now, seconds, up, PacketRates(rate(_DOWN_DATA), rate(_DOWN_COVER))))
        self._before = now, dict(counters)

    def clear(self) -> None:
        """Forget all: another session begins."""
        self._samples.clear()
        self._before = None
