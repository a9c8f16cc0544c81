"""What a gateway pushes to a client that asked for a constant rate: its mail at slots of Poisson streams, or padding.

It is option R3 of a covered way back, as providers do it in Loopix (USENIX Security 2017, section 3.2): neither when
something came for the client nor how much shows on its line. Acks have a stream of their own, since their size tells
them apart: they come back at the rate at which the client sends, but when each does would tell of its way. Padding is
zeros, sealed like everything else; a client that did not ask for it would drop it as content that nobody can open.

Mail that finds no room stays with the caller, in order. A gateway that was held up makes up for a second of slots at
most: that tells of the gateway and not of the mail, and its queues must not grow.
"""

from collections import deque
from collections.abc import Iterable

from nymconnect.crypto import Rng
from nymconnect.link.gateway.events import DeliveryRates
from nymconnect.node.gateway.mailbox import Mail
from nymconnect.packet.params import ACK_CONTENT_LENGTH, PacketSize
from nymconnect.poisson import PoissonStream

QUEUE_LIMIT = 256  # contents of each kind
_PADDING = Mail(0, bytes(PacketSize.REGULAR.message))
_ACK_PADDING = Mail(0, bytes(ACK_CONTENT_LENGTH))


class _Stream:
    """One kind of content."""

    def __init__(self, rate: float, padding: Mail, rng: Rng, now: float) -> None:
        self.slots = PoissonStream(1 / rate, rng, now)
        self.waiting: deque[Mail] = deque()
        self.padding = padding

    def wake(self, now: float) -> Iterable[tuple[float, Mail]]:
        """When each slot that is due came up, and what fills it."""
        while (due := self.slots.due) <= now:
            self.slots.take(now)
            yield due, self.waiting.popleft() if self.waiting else self.padding


class PacedDelivery:
    """See the module."""

    def __init__(self, rates: DeliveryRates, rng: Rng, now: float) -> None:
        self._messages = _Stream(rates.messages, _PADDING, rng, now)
        self._acks = _Stream(rates.acks, _ACK_PADDING, rng, now)

    def take_in(self, mail: Mail) -> bool:
        """Queue what has come for the client; False if there is no room for it."""
        waiting = self._queue_for(mail)
        if len(waiting) >= QUEUE_LIMIT:
            return False
        waiting.append(mail)
        return True

    @property
    def room(self) -> int:
        """Contents of whatever kind that can still be taken in."""
        return QUEUE_LIMIT - max(len(self._messages.waiting), len(self._acks.waiting))

    @property
    def deadline(self) -> float:
        """When the next slot comes up."""
        return min(self._messages.slots.due, self._acks.slots.due)

    def wake(self, now: float) -> list[Mail]:
        """What to push now, in the order of its slots; padding is no message, so its number is 0."""
        slots = [*self._messages.wake(now), *self._acks.wake(now)]
        # Merged by time: one kind after the other would make an order that no slot has drawn.
        return [mail for _, mail in sorted(slots, key=lambda slot: slot[0])]

    @property
    def waiting(self) -> list[Mail]:
        """What has not been pushed."""
        return [*self._messages.waiting, *self._acks.waiting]

    def _queue_for(self, mail: Mail) -> deque[Mail]:
        return (self._acks if len(mail.content) == ACK_CONTENT_LENGTH else self._messages).waiting
