"""How long to wait for an ack before a fragment is sent again.

As nym-client-core 1.21 waits (`acknowledgement_control/sent_notification_listener.rs`): a multiple of the drawn delays
and a little more. That is the least. Where acks take longer, on a crowded way or over a SURB whose delays only its
maker knows, we learn it as TCP does (RFC 6298): smoothed times of the acks of fragments sent once (Karn's rule), and a
wait that is doubled, once in a while, until such an ack has come. Else a slow network would drown in repetitions.
"""

from collections import OrderedDict
from dataclasses import dataclass

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.sending.lanes import Destination
from nymconnect.client.sending.pending_acks import Sent
from nymconnect.crypto import Rng

MAXIMUM_DESTINATIONS = 1024
MAXIMUM_WAIT = 60.0  # seconds
# Few: a packet that is lost as an outage ends is missed for the whole of the doubled wait.
MAXIMUM_DOUBLINGS = 3


@dataclass(slots=True)
class _Way:
    """What is known of one destination: seconds beyond the expected ones, smoothed, and their mean deviation."""

    beyond: float | None = None
    deviation: float = 0.0
    doublings: int = 0
    doubled_at: float = 0.0


class RetransmissionTimeout:
    """By destination, of which the latest are remembered."""

    def __init__(self, parameters: TrafficParameters, rng: Rng) -> None:
        self._parameters, self._rng = parameters, rng
        self._ways: OrderedDict[Destination, _Way] = OrderedDict()

    def wait(self, destination: Destination, expected: float, attempt: int) -> float:
        """Seconds from the departure; the mixes are expected to take `expected` of them.

        Longer after each failed attempt, and jittered so that repeats do not line up.
        """
        least = expected * self._parameters.ack_wait_multiplier + self._parameters.ack_wait_addition
        way = self._ways.get(destination)
        wait = least
        if way is not None:
            if way.beyond is not None:
                wait = max(least, expected + way.beyond + 4 * way.deviation)
            if not attempt:
                wait *= 2**way.doublings
        if attempt:
            wait *= (1 + min(attempt, 6) / 2) * (0.75 + self._rng.random() / 2)
        return min(wait, max(MAXIMUM_WAIT, least))

    def acked(self, sent: Sent, now: float) -> None:
        """The ack of `sent` has come. Of a fragment sent more than once it does not say which one it is for."""
        if sent.outgoing.attempt:
            return
        way, beyond = self._way(sent.outgoing.destination), now - sent.at - sent.expected
        way.doublings = 0
        if way.beyond is None:
            way.beyond, way.deviation = beyond, abs(beyond) / 2
        else:
            way.deviation += (abs(beyond - way.beyond) - way.deviation) / 4
            way.beyond += (beyond - way.beyond) / 8

    def failed(self, sent: Sent, now: float) -> None:
        """`sent` has waited in vain. Those that left before the last doubling tell nothing new."""
        if sent.outgoing.attempt:
            return
        way = self._way(sent.outgoing.destination)
        if sent.at >= way.doubled_at and way.doublings < MAXIMUM_DOUBLINGS:
            way.doublings, way.doubled_at = way.doublings + 1, now

    def link_lost(self) -> None:
        """A packet that does not come back from now on counts nothing against the way."""
        for way in self._ways.values():
            way.doublings = 0

    def _way(self, destination: Destination) -> _Way:
        way = self._ways.setdefault(destination, _Way())
        self._ways.move_to_end(destination)
        if len(self._ways) > MAXIMUM_DESTINATIONS:
            self._ways.popitem(last=False)
        return way
