"""The reply SURBs that we give away: to whom, how many are still owed, and the keys that open what comes back.

Each correspondent knows us by a random tag of his own. SURBs are made only when there is a slot for them, so that their
routes are fresh and a greedy request costs no more than the slots that it waits for. Mirrors nym-client-core 1.21
(`replies/reply_storage`, `message_handler.rs`), with every table bounded.

Who answers at a constant rate (`paced_replies`) is supplied at a constant rate, whatever it asks for: else our own
slots, in which SURBs take the place of cover, would show what it sends.

A requester is given more SURBs than it uses, and the key of each waits for an answer that may never come. One of this
software uses the oldest first and throws away what exceeds its stock. So an answer over one SURB tells that the keys of
those long before it are of no use any more.
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from nymconnect.client.monitor.mix_health import Suspects
from nymconnect.client.parameters import STEADY_SURPLUS, SurbParameters
from nymconnect.client.surbs.aliases import real
from nymconnect.crypto import Rng
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, Recipient
from nymconnect.packet.replies import ReplySurb, reply_digest

MAXIMUM_CORRESPONDENTS = 1024
# A key takes 350 bytes. A day of answers at 50 a second, of which a hundredth is lost, leaves 43,000.
MAXIMUM_KEYS = 50_000
STEADY_BURST = 2.0  # seconds of supply that may be owed at once
# A requester that is supplied steadily uses the oldest SURB first and holds a bounded stock. So a key is of no use any
# more when a whole stock of SURBs was given after it, and the SURBs of STEADY_GRACE seconds besides, for the packet
# that carried it may have had to be repeated; or when it is older than STEADY_KEY_AGE.
STEADY_GRACE = 120.0  # seconds
STEADY_KEY_AGE = 600.0  # seconds
# SURBs are given in one order and arrive in another: they wait with the messages of their streams. No stream waits as
# long as this, in seconds, for an answer.
USE_GRACE = 600.0


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The key (16 bytes) of a SURB that is still out, to whom it was given, and how many seconds ago."""

    key: bytes = field(repr=False)
    given_to: Recipient
    age: float


@dataclass(slots=True)
class _Correspondent:
    tag: bytes
    owed: int = 0
    is_withheld: bool = False


@dataclass(slots=True)
class _Steady:
    rate: float  # SURBs a second
    due: float  # SURBs
    counted_at: float

    def keys_of_use(self, holder: SurbParameters) -> int:
        """How many of the last SURBs may still come back from a holder of these `parameters`."""
        return holder.most_held + math.ceil(STEADY_GRACE * self.rate)


class IssuedSurbs:
    """Tags, debts and keys; `make` draws one SURB with a fresh route around suspects."""

    def __init__(self, parameters: SurbParameters, make: Callable[[Suspects], ReplySurb], rng: Rng) -> None:
        self._parameters = parameters
        self._make = make
        self._rng = rng
        self._correspondents: OrderedDict[Recipient, _Correspondent] = OrderedDict()
        self._keys = ReplyKeys(parameters.maximum_key_age)
        self._thrifty: OrderedDict[Recipient, None] = OrderedDict()
        self._thrifty_keys: dict[Recipient, ReplyKeys] = {}
        self._steady: dict[Recipient, _Steady] = {}
        self._steady_keys: dict[Recipient, ReplyKeys] = {}  # also for a while after the supply has ended

    def tag_for(self, to: Recipient) -> bytes:
        """The tag (16 bytes) by which `to` knows us."""
        return self._correspondent(to).tag

    def give(self, to: Recipient, amount: int, now: float, suspects: Suspects) -> tuple[ReplySurb, ...]:
        """SURBs that leave for `to` now and come back around `suspects`. RouteError if none can be made."""
        surbs = tuple(self._make(suspects) for _ in range(amount))
        keys = self._keys
        if (steady := self._steady.get(to)) is not None:
            keys = self._steady_keys.setdefault(to, ReplyKeys(min(self._parameters.maximum_key_age, STEADY_KEY_AGE)))
            keys.maximum_newer = steady.keys_of_use(self._parameters)
        elif real(to) in self._thrifty:
            keys = self._thrifty_keys.setdefault(to, ReplyKeys(self._parameters.maximum_key_age))
            keys.stock = self._parameters.most_held
            tables = self._thrifty_keys.values()
            max(tables, key=len).drop_oldest(sum(map(len, tables)) + amount - MAXIMUM_KEYS)
        for surb in surbs:
            keys.add(surb, to, now)
        return surbs

    def expect_oldest_first(self, holder: Recipient) -> None:
        """`holder`, whatever the alias, is of this software."""
        self._thrifty[holder] = None
        if len(self._thrifty) > MAXIMUM_CORRESPONDENTS:
            self._thrifty.popitem(last=False)

    def promise(self, to: Recipient, amount: int) -> None:
        """Owe `to` this many more; a steady supply takes no notice."""
        if to not in self._steady:
            self._correspondent(to).owed += amount

    def grant(self, to: Recipient, amount: int) -> bool:
        """Owe what `to` has asked for, within the bound; False if we never wrote to `to`."""
        correspondent = self._correspondents.get(to)
        if correspondent is None:
            return False
        if to in self._steady:
            return True
        correspondent.owed = min(correspondent.owed + amount, self._parameters.maximum_answered)
        return True

    def forget(self, to: Recipient) -> None:
        """Nothing is expected from `to` any more: drop tag, debt and keys; what still comes over them is not read."""
        self._correspondents.pop(to, None)
        self._thrifty_keys.pop(to, None)
        self._keys.forget(to)

    def withhold(self, to: Recipient, withheld: bool) -> None:
        """Whether what is owed to `to` is not paid for the time being: so it can say no more than it has SURBs for. A
        steady supply takes no notice."""
        if (correspondent := self._correspondents.get(to)) is not None:
            correspondent.is_withheld = withheld

    def settle(self, to: Recipient, amount: int) -> None:
        """`amount` of the owed SURBs have been given."""
        self._correspondent(to).owed -= amount

    @property
    def debts(self) -> list[tuple[Recipient, int]]:
        """The recipients to be paid SURBs now, and how many each."""
        return [
            (to, correspondent.owed)
            for to, correspondent in self._correspondents.items()
            if correspondent.owed and not correspondent.is_withheld
        ]

    def supply_steadily(self, to: Recipient, rate: float, now: float) -> None:
        """Give `to` what it needs to answer at `rate` packets a second, and nothing beyond; 0 ends that."""
        if rate <= 0:
            self._steady.pop(to, None)
            return
        self._correspondent(to).owed = 0
        known = self._steady.get(to)
        if known is None:
            self._steady[to] = _Steady(rate * STEADY_SURPLUS, rate * STEADY_BURST, now)
        else:
            known.rate = rate * STEADY_SURPLUS

    def is_steady(self, to: object) -> bool:
        """Whether `to` is supplied at a constant rate."""
        return to in self._steady

    def steadily_due(self, amount: int, now: float) -> list[Recipient]:
        """Whose steady supply owes at least `amount` SURBs now."""
        for steady in self._steady.values():
            steady.due += (now - steady.counted_at) * steady.rate
            # Not less than one packet's worth: it would never come together.
            steady.due = min(steady.due, max(steady.rate * STEADY_BURST, 2.0 * amount))
            steady.counted_at = now
        return [to for to, steady in self._steady.items() if steady.due >= amount]

    def settle_steadily(self, to: Recipient, amount: int) -> None:
        """`amount` of the steady supply have been given."""
        self._steady[to].due -= amount

    def take_key(self, digest: bytes) -> tuple[bytes, Recipient] | None:
        """The key (16 bytes) of the SURB with this digest, once, and to whom it was given."""
        for keys in (*self._steady_keys.values(), *self._thrifty_keys.values()):
            if (entry := keys.take(digest)) is not None:
                return entry
        return self._keys.take(digest)

    @property
    def keys_held(self) -> int:
        """Keys of the SURBs that are out."""
        return sum(map(len, (self._keys, *self._steady_keys.values(), *self._thrifty_keys.values())))

    def purge(self, now: float) -> None:
        """Drop what is too old."""
        self._keys.purge(now)
        for to, keys in list(self._steady_keys.items()):
            keys.purge(now)
            if not keys and to not in self._steady:
                del self._steady_keys[to]
        for to, keys in list(self._thrifty_keys.items()):
            keys.purge(now)
            if not keys:
                del self._thrifty_keys[to]

    def issued(self, now: float) -> list[IssuedKey]:
        """What a later run needs to read the answers that are still to come, oldest first.

        Tags and debts are left out: who holds our SURBs shall not see that two runs are of one client. So are the keys
        of a steady supply: it brings cover, and answers to streams that end with this run.
        """
        tables = (self._keys, *self._thrifty_keys.values())
        return sorted((key for keys in tables for key in keys.issued(now)), key=lambda key: -key.age)

    def reinstate(self, keys: Iterable[IssuedKey], now: float) -> None:
        """Take in what `issued` gave an earlier run, before any SURB of this one; what is too old stays out."""
        self._keys.reinstate(keys, now)

    def _correspondent(self, to: Recipient) -> _Correspondent:
        if to not in self._correspondents:
            self._correspondents[to] = _Correspondent(self._rng.randbytes(SENDER_TAG_LENGTH))
            if len(self._correspondents) > MAXIMUM_CORRESPONDENTS:
                self._correspondents.popitem(last=False)
        self._correspondents.move_to_end(to)
        return self._correspondents[to]


class _Given(NamedTuple):  # a tuple, for there are many
    key: bytes
    to: Recipient
    at: float
    number: int  # how many had been given by then, this one included


class ReplyKeys:
    """Keys of the SURBs that we gave away, by digest (32 bytes); each opens one reply and is then forgotten.

    They are forgotten, too, `maximum_age` seconds after they were given, or when more than `maximum_newer` were given
    after them; where the holder has a `stock` and uses the oldest first, also once an answer has come over a SURB that
    was given a whole stock and USE_GRACE seconds later.
    """

    def __init__(self, maximum_age: float) -> None:
        self.maximum_newer: float = math.inf
        self.stock: float = math.inf
        self._answered: _Given | None = None  # the last that was used
        self._maximum_age = maximum_age
        self._keys: dict[bytes, _Given] = {}
        self._given = 0

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, surb: ReplySurb, given_to: Recipient, now: float) -> None:
        """Remember the key of a SURB that leaves now."""
        self._given += 1
        self._keys[surb.digest] = _Given(surb.key, given_to, now, self._given)
        if len(self._keys) > MAXIMUM_KEYS:
            del self._keys[next(iter(self._keys))]

    def take(self, digest: bytes) -> tuple[bytes, Recipient] | None:
        """The key (16 bytes) and to whom its SURB was given; None if we gave out no SURB with this digest."""
        entry = self._keys.pop(digest, None)
        if entry is None:
            return None
        if self._answered is None or entry.number > self._answered.number:
            self._answered = entry
        return entry.key, entry.to

    def forget(self, given_to: Recipient) -> None:
        """Drop the keys of all SURBs that one correspondent still holds."""
        for digest in [digest for digest, entry in self._keys.items() if entry.to == given_to]:
            del self._keys[digest]

    def purge(self, now: float) -> None:
        """Drop keys beyond the limits; entries stand in the order of their age."""
        while self._keys:
            digest, entry = next(iter(self._keys.items()))
            if self._is_of_use(entry, now):
                return
            del self._keys[digest]

    def _is_of_use(self, entry: _Given, now: float) -> bool:
        if now - entry.at > self._maximum_age or self._given - entry.number > self.maximum_newer:
            return False
        used = self._answered
        return used is None or used.number - entry.number <= self.stock or used.at - entry.at <= USE_GRACE

    def drop_oldest(self, amount: int) -> None:
        """Drop the `amount` oldest keys, none if it is negative."""
        for digest in list(itertools.islice(self._keys, max(0, amount))):
            del self._keys[digest]

    def issued(self, now: float) -> list[IssuedKey]:
        """Every key that is not too old, oldest first."""
        self.purge(now)
        return [IssuedKey(entry.key, entry.to, now - entry.at) for entry in self._keys.values()]

    def reinstate(self, keys: Iterable[IssuedKey], now: float) -> None:
        """Put keys of an earlier run in front of the table, which is ordered by age."""
        for each in sorted(keys, key=lambda each: -each.age):
            if each.age <= self._maximum_age and len(self._keys) < MAXIMUM_KEYS:
                self._keys[reply_digest(each.key)] = _Given(each.key, each.given_to, now - each.age, 0)
