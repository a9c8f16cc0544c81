"""Which requester a stream goes to, where there are several, and which of them answer.

Destinations are spread by a keyed hash, so that one destination always goes to the same requester and none of them sees
all (each about one in k). The key is the profile's own: without it nobody knows which requester sees what. Nym 1.21 has
one requester for everything.

A requester has to answer a question now and then. One that does not is left out; its destinations, and only they, go to
the others, and come back when it answers again. It is asked again after half a minute, then after twice as long each
time. When none answers, all count as if they did: then a program hears the truth from the time-out of its stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from nymconnect.crypto import Rng, hmac_sha256
from nymconnect.errors import UsageError
from nymconnect.packet.addressing import Recipient

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0
# A stream without any answer may be the target's fault or the network's; it is no reason to ask all the time.
LEAST_BETWEEN_CHECKS = 60.0
MAX_IN_USE = 8


@dataclass(frozen=True, slots=True)
class KnownRequester:
    """A requester and what its user calls it."""

    name: str
    address: Recipient


class Health(Enum):
    """What is known of a requester; the value is its name in JSON."""

    UNKNOWN = "unknown"
    ANSWERS = "answers"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class RequesterState:
    """For status and logs. `refused` counts streams that its exit policy did not allow."""

    name: str
    address: str
    health: Health
    refused: int


class _Record:
    def __init__(self, known: KnownRequester, rank: bytes) -> None:
        self.known = known
        self.rank = rank
        self.health = Health.UNKNOWN
        self.check_due: float | None = 0.0
        self.checked_at = float("-inf")
        self.checking = False
        self.pause = FIRST_PAUSE
        self.refused = 0


class RequesterChoice:
    """Spreads destinations over at most `in_use` of the requesters. `key` (32 bytes) also says which those are."""

    def __init__(self, requesters: Sequence[KnownRequester], key: bytes, rng: Rng, in_use: int = MAX_IN_USE) -> None:
        if not requesters or len({known.address for known in requesters}) != len(requesters) or in_use < 1:
            raise UsageError("a choice is made among requesters that differ")
        self._key = key
        self._rng = rng
        self._in_use = in_use
        records = [_Record(known, hmac_sha256(key, b"rank" + known.address.encode())) for known in requesters]
        self._records = {r.known.address: r for r in sorted(records, key=lambda record: record.rank, reverse=True)}

    @property
    def in_use(self) -> list[KnownRequester]:
        """Those that streams go to now: the first ones that are not silent; if all are, the first ones."""
        return [record.known for record in self._active()]

    @property
    def is_silent(self) -> bool:
        """Whether none of those in use answers."""
        return all(record.health is Health.SILENT for record in self._active())

    def choose(self, host: str, isolation: bytes = b"") -> KnownRequester:
        """Where the streams of one isolation to `host` go."""
        place = isolation + host.lower().rstrip(".").encode()
        return max(
            self._active(), key=lambda record: hmac_sha256(self._key, record.known.address.encode() + place)
        ).known

    def snapshot(self) -> tuple[RequesterState, ...]:
        """Those in use, then those that are silent."""
        active = self._active()
        silent = [r for r in self._records.values() if r.health is Health.SILENT and r not in active]
        return tuple(
            RequesterState(r.known.name, str(r.known.address), r.health, r.refused) for r in (*active, *silent)
        )

    def note_refusal(self, address: Recipient) -> None:
        """Its exit policy has refused a stream; which shows, too, that it answers."""
        self._records[address].refused += 1

    # --- checks ------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When a check is due next."""
        dues = [r.check_due for r in self._watched() if r.check_due is not None and not r.checking]
        return min(dues, default=None)

    def take_due(self, now: float) -> list[KnownRequester]:
        """Whom to ask now; report each with `passed` or `failed`."""
        due = [r for r in self._watched() if r.check_due is not None and r.check_due <= now and not r.checking]
        for record in due:
            record.checking = True
            record.checked_at = now
        return [record.known for record in due]

    def passed(self, address: Recipient) -> bool:
        """It has answered; whether that is news."""
        record = self._records[address]
        was, record.health = record.health, Health.ANSWERS
        record.checking, record.check_due, record.pause = False, None, FIRST_PAUSE
        return was is Health.SILENT

    def failed(self, address: Recipient, now: float) -> bool:
        """It has not answered in time; whether that is news."""
        record = self._records[address]
        was, record.health = record.health, Health.SILENT
        record.checking, record.check_due = False, now + record.pause * (0.75 + self._rng.random() / 2)
        record.pause = min(record.pause * 2, LONGEST_PAUSE)
        return was is not Health.SILENT

    def suspect(self, address: Recipient, now: float) -> None:
        """A stream has heard nothing from it at all: ask it soon."""
        record = self._records[address]
        if record.check_due is None:
            record.check_due = max(now, record.checked_at + LEAST_BETWEEN_CHECKS)

    def _active(self) -> list[_Record]:
        records = list(self._records.values())
        return [r for r in records if r.health is not Health.SILENT][: self._in_use] or records[: self._in_use]

    def _watched(self) -> list[_Record]:
        """The requesters that are in use, and those that went silent in use: the rest of a long list is not watched."""
        active = self._active()
        return active + [r for r in self._records.values() if r.health is Health.SILENT and r not in active]
