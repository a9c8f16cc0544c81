"""Who may stay connected when not all can: places for strangers, and places of their own for those who are known.

A stranger is a connection that has proven nothing yet. Strangers share their places among addresses: of one address
(IPv4 /32, IPv6 /64) only a few stay, and when all places are taken, one of the address that has most of them goes, the
one heard of the longest ago. So who opens many connections displaces himself. This machine's own addresses have no
quota: a practice network, and the clients behind a reverse proxy, are all there.

Someone known never gives way to a stranger. When the places of the known are taken, the one that was silent the longest
goes, if that was for `spared` seconds or more; else the newcomer is refused. Where those places are `shared`, one goes
of the address that has most of them before that, if the newcomer's address has fewer: an address may register
as many clients as it likes, and fills no gateway with them.
"""

import ipaddress
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Generic, TypeVar

from nymconnect.endpoints import unmapped

Guest = TypeVar("Guest", bound=Hashable)

IPV6_SITE = 64  # bits: what one customer of a provider has at least


@dataclass(frozen=True, slots=True)
class LobbyLimits:
    """Bounds of a lobby, in connections and seconds."""

    strangers: int
    known: int
    per_address: int
    spared: float = math.inf
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Admission(Generic[Guest]):
    """Whether a newcomer may stay, and who has to go for that."""

    admitted: bool
    leaving: Guest | None = None


class Lobby(Generic[Guest]):
    """The guests of one port. `now` never goes back."""

    def __init__(self, places: LobbyLimits) -> None:
        self._places = places
        self._strangers: _Crowd[Guest] = _Crowd()
        self._known: _Crowd[Guest] = _Crowd()

    @property
    def strangers(self) -> int:
        return len(self._strangers)

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def bound(self, known: int) -> None:
        """Keep at most this number of the known, whatever the places say."""
        self._places = replace(self._places, known=min(self._places.known, known))

    def enter(self, guest: Guest, address: str, now: float, *, known: bool = False) -> Admission[Guest]:
        """A connection has come in from an IP address; the one that goes for it has left the lobby already."""
        origin = _origin(address)
        if known:
            return self._seat(guest, origin, now)
        leaving = None
        if origin.has_quota and self._strangers.count(origin) >= self._places.per_address:
            leaving = self._strangers.most_silent_of(origin)
        elif len(self._strangers) >= self._places.strangers:
            leaving = self._strangers.most_silent_of(self._strangers.fullest)
        if leaving is not None:
            self._strangers.remove(leaving)
        if len(self._strangers) >= self._places.strangers:
            return Admission(admitted=False)
        self._strangers.add(guest, origin, now)
        return Admission(True, leaving)

    def promote(self, guest: Guest, now: float) -> Admission[Guest]:
        """A stranger has shown who it is: its place is free, and it has one among the known if there is one."""
        if guest in self._known:
            return Admission(admitted=True)
        if (origin := self._strangers.remove(guest)) is None:  # it had to go a moment ago
            return Admission(admitted=False)
        return self._seat(guest, origin, now)

    def is_stranger(self, guest: Guest) -> bool:
        return guest in self._strangers

    def heard(self, guest: Guest, now: float) -> None:
        """The guest has said something whole."""
        crowd = self._known if guest in self._known else self._strangers
        if (origin := crowd.remove(guest)) is not None:
            crowd.add(guest, origin, now)

    def leave(self, guest: Guest) -> None:
        """The connection has ended; harmless for one that is not here."""
        self._known.remove(guest)
        self._strangers.remove(guest)

    def displace(self) -> Guest | None:
        """Take one stranger out, of the address that has most; None if there is none."""
        guest = self._strangers.most_silent_of(self._strangers.fullest)
        if guest is not None:
            self._strangers.remove(guest)
        return guest

    def late(self, now: float, patience: float) -> list[Guest]:
        """Take out the strangers that were silent for `patience` seconds."""
        late = list(self._strangers.silent_since(now - patience))
        for guest in late:
            self._strangers.remove(guest)
        return late

    def _seat(self, guest: Guest, origin: "_Origin", now: float) -> Admission[Guest]:
        leaving = None
        if len(self._known) >= self._places.known:
            leaving = self._who_makes_room_for(origin, now)
            if leaving is None:
                return Admission(admitted=False)
            self._known.remove(leaving)
        self._known.add(guest, origin, now)
        return Admission(True, leaving)

    def _who_makes_room_for(self, origin: "_Origin", now: float) -> Guest | None:
        fullest = self._known.fullest if self._places.shared else None
        if fullest is not None and fullest.has_quota and self._known.count(fullest) > self._known.count(origin) + 1:
            return self._known.most_silent_of(fullest)
        return next(self._known.silent_since(now - self._places.spared), None)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What counts as one address. One without a quota is of this machine."""

    address: str
    has_quota: bool


class _Crowd(Generic[Guest]):
    """Guests with their addresses, the most silent first, and the addresses by how many guests they have."""

    def __init__(self) -> None:
        self._guests: dict[Guest, tuple[_Origin, float]] = {}
        self._by_origin: dict[_Origin, dict[Guest, None]] = {}
        self._by_count: dict[int, dict[_Origin, None]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def __contains__(self, guest: Guest) -> bool:
        return guest in self._guests

    def count(self, origin: _Origin) -> int:
        return len(self._by_origin.get(origin, ()))

    @property
    def fullest(self) -> _Origin | None:
        """The address that has most guests; of several with as many, the one that reached that number first."""
        return next(iter(self._by_count[max(self._by_count)])) if self._by_count else None

    def most_silent_of(self, origin: _Origin | None) -> Guest | None:
        return None if origin is None else next(iter(self._by_origin.get(origin, ())), None)

    def silent_since(self, moment: float) -> Iterator[Guest]:
        """Those that were last heard of then or before, the most silent first."""
        return takewhile(lambda guest: self._guests[guest][1] <= moment, self._guests)

    def add(self, guest: Guest, origin: _Origin, now: float) -> None:
        guests = self._by_origin.setdefault(origin, {})
        self._recount(origin, len(guests), len(guests) + 1)
        guests[guest] = None
        self._guests[guest] = origin, now

    def remove(self, guest: Guest) -> _Origin | None:
        """Its address; None if it is not here."""
        if (known := self._guests.pop(guest, None)) is None:
            return None
        origin, _ = known
        guests = self._by_origin[origin]
        self._recount(origin, len(guests), len(guests) - 1)
        del guests[guest]
        if not guests:
            del self._by_origin[origin]
        return origin

    def _recount(self, origin: _Origin, before: int, after: int) -> None:
        if before:
            origins = self._by_count[before]
            del origins[origin]
            if not origins:
                del self._by_count[before]
        if after:
            self._by_count.setdefault(after, {})[origin] = None


def _origin(address: str) -> _Origin:
    try:
        ip = unmapped(ipaddress.ip_address(address))
    except ValueError:
        return _Origin(address, True)
    site = ipaddress.IPv6Network((int(ip), IPV6_SITE), strict=False).network_address if ip.version == 6 else ip
    return _Origin(str(site), not ip.is_loopback)
