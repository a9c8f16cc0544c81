"""Who may stay connected when not all can: places for strangers, and places of their own for those who are known.

A stranger is a connection that has proven nothing yet. Strangers share their places among addresses: of one address
(IPv4 /32, IPv6 /64) only a few stay, and when all places are taken, one of the address that has most of them goes, the
one heard of the longest ago. So who opens many connections displaces himself. This machine's own addresses have no
quota: a practice network, and the clients behind a reverse proxy, are all there.

Someone known never gives way to a stranger. When the places of the known are taken, the one that was silent the longest
goes, if that was for `spared` seconds or more; else the newcomer is refused.
"""

import ipaddress
import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Guest = TypeVar("Guest", bound=Hashable)

IPV6_SITE = 64  # bits: what one customer of a provider has at least


@dataclass(frozen=True, slots=True)
class Places:
    """Bounds of a lobby, in connections and seconds."""

    strangers: int
    known: int
    per_address: int
    spared: float = math.inf


@dataclass(frozen=True, slots=True)
class Entry(Generic[Guest]):
    """Whether a newcomer may stay, and who has to go for that."""

    admitted: bool
    leaving: Guest | None = None


class Lobby(Generic[Guest]):
    """The guests of one port. `now` never goes back."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._strangers: dict[Guest, tuple[str, float]] = {}  # address and when heard of; the most silent first
        self._known: dict[Guest, float] = {}  # likewise
        self._by_address: dict[str, dict[Guest, None]] = {}
        self._by_count: dict[int, dict[str, None]] = {}  # addresses by how many strangers they have

    @property
    def strangers(self) -> int:
        return len(self._strangers)

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def bound(self, known: int) -> None:
        """No more than so many of the known, whatever the places say."""
        self._places = replace(self._places, known=min(self._places.known, known))

    def enter(self, guest: Guest, address: str, now: float, *, known: bool = False) -> Entry[Guest]:
        """A connection has come in from an IP address; the one that goes for it has left the lobby already."""
        if known:
            return self._seat(guest, now)
        key, quota = _origin(address)
        leaving = None
        if quota and len(self._by_address.get(key, ())) >= self._places.per_address:
            leaving = next(iter(self._by_address[key]))
            self.leave(leaving)
        elif len(self._strangers) >= self._places.strangers:
            leaving = self.displace()
        if len(self._strangers) >= self._places.strangers:
            return Entry(admitted=False)
        self._add(guest, key, now)
        return Entry(True, leaving)

    def promote(self, guest: Guest, now: float) -> Entry[Guest]:
        """A stranger has shown who it is: its place is free, and it has one among the known if there is one."""
        if guest in self._known:
            return Entry(admitted=True)
        self.leave(guest)
        return self._seat(guest, now)

    def is_stranger(self, guest: Guest) -> bool:
        return guest in self._strangers

    def heard(self, guest: Guest, now: float) -> None:
        """The guest has said something whole."""
        if guest in self._known:
            del self._known[guest]
            self._known[guest] = now
        elif guest in self._strangers:
            address, _ = self._strangers[guest]
            self.leave(guest)
            self._add(guest, address, now)

    def leave(self, guest: Guest) -> None:
        """The connection is over; harmless for one that is not here."""
        self._known.pop(guest, None)
        if (stranger := self._strangers.pop(guest, None)) is not None:
            address, _ = stranger
            guests = self._by_address[address]
            self._count(address, len(guests), len(guests) - 1)
            del guests[guest]
            if not guests:
                del self._by_address[address]

    def displace(self) -> Guest | None:
        """Take one stranger out, of the address that has most; None if there is none."""
        if not self._strangers:
            return None
        address = next(iter(self._by_count[max(self._by_count)]))
        guest = next(iter(self._by_address[address]))
        self.leave(guest)
        return guest

    def late(self, now: float, patience: float) -> list[Guest]:
        """Take out the strangers that nothing was heard of for so many seconds."""
        late = []
        for guest, (_, heard) in self._strangers.items():
            if now - heard < patience:
                break
            late.append(guest)
        for guest in late:
            self.leave(guest)
        return late

    def _seat(self, guest: Guest, now: float) -> Entry[Guest]:
        leaving = None
        if len(self._known) >= self._places.known:
            leaving, heard = next(iter(self._known.items()), (None, now))
            if leaving is None or now - heard < self._places.spared:
                return Entry(admitted=False)
            del self._known[leaving]
        self._known[guest] = now
        return Entry(True, leaving)

    def _add(self, guest: Guest, address: str, now: float) -> None:
        guests = self._by_address.setdefault(address, {})
        self._count(address, len(guests), len(guests) + 1)
        guests[guest] = None
        self._strangers[guest] = address, now

    def _count(self, address: str, before: int, after: int) -> None:
        if before:
            addresses = self._by_count[before]
            del addresses[address]
            if not addresses:
                del self._by_count[before]
        if after:
            self._by_count.setdefault(after, {})[address] = None


def is_this_machine(address: str) -> bool:
    """Whether an IP address is one of loopback; ValueError if it is none."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _origin(address: str) -> tuple[str, bool]:
    """What counts as one address, and whether it has a quota."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address, True
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            network = ipaddress.IPv6Network((int(ip), IPV6_SITE), strict=False)
            return str(network.network_address), not ip.is_loopback
        ip = ip.ipv4_mapped
    return str(ip), not ip.is_loopback
