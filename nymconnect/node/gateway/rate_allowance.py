"""How much a gateway delivers at constant rates, and to which of its clients: a machine.

Padding costs the gateway what a packet does and its client nothing, so a client is granted no more bytes than it sends
itself, counted since it asked: what it sends is credit, and what it wants, while it gets that, is taken from it. It has
to show for some seconds that it sends enough; it keeps its wish until the credit is used up, which a computer that is
busy for a moment does not do. Our own client sends at a constant rate from the moment when it is connected, and wants
73 bytes for each 100 that it sends: contents have no Sphinx headers, and acks are short. Since short frames cost work
all the same, no more than two acks for each packet are granted.

All together get a fixed total. A wish is granted as a whole or not at all, for with less than it needs a client's mail
would pile up. A client that wants no more than a fair share is always granted it. Of the others, clients that have
their rate already come first, then clients that want less.
"""

import math
from dataclasses import dataclass

from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize

TOTAL_RATE = 2000.0  # messages and acks a second, to all clients
SHOWN_AFTER = 3.0  # seconds that a client is watched at least
MEMORY = 10.0  # seconds over which its rate is averaged, and for which credit lasts
MOST_ACKS = 2.0  # for each packet
PUSH_OVERHEAD = 36  # bytes of the frame and the seal around a content
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
    sent: float = 0.0  # bytes, those of long ago counting less
    credit: float = 0.0  # bytes
    is_granted: bool = False

    @property
    def total(self) -> float:
        return self.rates.messages + self.rates.acks

    @property
    def need(self) -> float:
        """Bytes a second that a client must send for it."""
        messages = self.rates.messages * (PacketSize.REGULAR.message + PUSH_OVERHEAD)
        acks = self.rates.acks * (ACK_CONTENT_LENGTH + PUSH_OVERHEAD)
        return max(messages + acks, self.rates.acks / MOST_ACKS * PacketSize.REGULAR.packet)

    def count(self, size: float, now: float) -> None:
        passed = now - self.counted_at
        self.counted_at = now
        self.sent = self.sent * math.exp(-passed / MEMORY) + size
        spent = self.need * passed if self.is_granted else 0.0
        # Bounded: a client that has sent much once does not live on it for ever.
        self.credit = min(self.credit - spent + size, MEMORY * self.need)

    def is_shown(self, now: float) -> bool:
        """Whether the client sends as much as it wants."""
        self.count(0.0, now)
        if self.is_granted:
            return self.credit >= 0
        watched = now - self.since
        if watched < SHOWN_AFTER or self.credit < SHOWN_AFTER * self.need:
            return False
        # `sent` decays with MEMORY: after a short watch it holds only a part of what the same rate adds up to.
        return self.sent / (MEMORY * (1 - math.exp(-watched / MEMORY))) >= self.need


class DeliveryAllowance:
    """The wishes of a gateway's clients, and which of them are granted."""

    def __init__(self) -> None:
        self._wishes: dict[bytes, _Wish] = {}

    def ask(self, client: bytes, rates: DeliveryRates, now: float) -> None:
        """`client` wants to be delivered to at these rates; a wish that changes is watched anew."""
        self._wishes[client] = _Wish(rates, now, now)

    def leave(self, client: bytes) -> None:
        """It is gone, or wants nothing of the kind any more."""
        self._wishes.pop(client, None)

    def sent(self, client: bytes, size: int, now: float) -> None:
        """A packet of `client` for the mixnet of this many bytes has come; a long one counts as a regular one."""
        if (wish := self._wishes.get(client)) is not None:
            wish.count(min(size, PacketSize.REGULAR.packet), now)

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
        # Those within a fair share first; among them those that have theirs already, so that grants do not flap.
        return wish.total > fair, not wish.is_granted, wish.total
