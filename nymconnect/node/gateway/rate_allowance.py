"""How much a gateway delivers at constant rates, and to which of its clients: a machine.

Padding costs the gateway what a packet does and its client nothing, so a client is granted what it keeps up itself: it
shows, by packets of its own, that it sends about as many a second. Our own client sends at a constant rate from the
moment when it is connected, so it has shown that after a few seconds, and goes on to show it whatever its user does.

All together get a fixed total. A wish is granted as a whole or not at all, for with less than it needs a client's mail
would pile up. A client that wants no more than a fair share is always granted it. Of the others, clients that have
their rate already come first, then clients that want less.
"""

import math
from dataclasses import dataclass

from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.packet.params import PacketSize

TOTAL_RATE = 2000.0  # messages and acks a second, to all clients
SHOWN_AFTER = 3.0  # seconds that a client is watched at least
MEMORY = 10.0  # seconds over which its rate is averaged
# A client asks for a little more than it sends, so that no queue grows; chance makes any Poisson stream uneven, and a
# computer that is busy sends less than it means to.
SLACK = 1.5
LASTING_SLACK = 3.0  # for one that has been granted its wish
REVIEW = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Granted:
    """What a client (identity, 32 bytes) gets from now on: 0 and 0 for mail as it comes."""

    client: bytes
    rates: DeliveryRates


NOTHING = DeliveryRates(0.0, 0.0)


@dataclass(slots=True)
class _Wish:
    rates: DeliveryRates
    since: float
    counted_at: float
    sent: float = 0.0  # packets, those of long ago counting less
    is_granted: bool = False

    @property
    def total(self) -> float:
        return self.rates.messages + self.rates.acks

    def count(self, packets: float, now: float) -> None:
        self.sent = self.sent * math.exp((self.counted_at - now) / MEMORY) + packets
        self.counted_at = now

    def is_shown(self, now: float) -> bool:
        """Whether the client sends about as much as it wants."""
        watched = now - self.since
        if watched < SHOWN_AFTER:
            return False
        self.count(0.0, now)
        rate = self.sent / (MEMORY * (1 - math.exp(-watched / MEMORY)))
        return rate * (LASTING_SLACK if self.is_granted else SLACK) >= max(self.rates.messages, self.rates.acks)


class DeliveryAllowance:
    """The wishes of a gateway's clients, and which of them are granted."""

    def __init__(self) -> None:
        self._wishes: dict[bytes, _Wish] = {}

    @property
    def granted(self) -> float:
        """Messages and acks a second that are promised now."""
        return sum(wish.total for wish in self._wishes.values() if wish.is_granted)

    def ask(self, client: bytes, rates: DeliveryRates, now: float) -> None:
        """`client` wants to be delivered to at these rates; a wish that changes is watched anew."""
        self._wishes[client] = _Wish(rates, now, now)

    def leave(self, client: bytes) -> None:
        """It is gone, or wants nothing of the kind any more."""
        self._wishes.pop(client, None)

    def sent(self, client: bytes, size: int, now: float) -> None:
        """A packet of `client` for the mixnet has come, with this number of bytes; a short one counts for its part."""
        if (wish := self._wishes.get(client)) is not None:
            wish.count(min(1.0, size / PacketSize.REGULAR.packet), now)

    def review(self, now: float) -> list[Granted]:
        """What changes; to be called each `REVIEW` seconds."""
        shown = [client for client, wish in self._wishes.items() if wish.is_shown(now)]
        fair = TOTAL_RATE / max(1, len(shown))
        left = TOTAL_RATE
        granted = set()
        for client in sorted(shown, key=lambda client: self._precedence(client, fair)):
            if (total := self._wishes[client].total) <= left:
                granted.add(client)
                left -= total
        changes = []
        for client, wish in self._wishes.items():
            if (client in granted) is not wish.is_granted:
                wish.is_granted = client in granted
                changes.append(Granted(client, wish.rates if wish.is_granted else NOTHING))
        return changes

    def _precedence(self, client: bytes, fair: float) -> tuple[bool, bool, float]:
        wish = self._wishes[client]
        return wish.total > fair, not wish.is_granted, wish.total
