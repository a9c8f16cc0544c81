"""Why a request is turned away before a requester has tried anything, as a value, in words, and counted."""

from collections import Counter
from collections.abc import Mapping
from enum import Enum

from nymconnect.runtime.repeats import Repeats


class Obstacle(Enum):
    """The value is its name in JSON."""

    NOT_CONNECTED = "not_connected"
    PRIVATE_NAME = "private_name"
    PRIVATE_ADDRESS = "private_address"
    PORT_FULL = "port_connections"
    SENDER_FULL = "sender_streams"
    REQUESTER_FULL = "requester_streams"
    LOOKUPS_FULL = "requester_lookups"

    def sentence(self, bound: int = 0) -> str:
        """For a person; `bound` is the number that has been reached, where the bound is our own."""
        return _SENTENCES[self].format(bound)


_SENTENCES = {
    Obstacle.NOT_CONNECTED: "NymConnect is not connected to the mixnet.",
    Obstacle.PRIVATE_NAME: "No public network knows this name, so no requester has been asked.",
    Obstacle.PRIVATE_ADDRESS: (
        "This address is not on the public Internet but in a private network, so no requester has been asked."
    ),
    Obstacle.PORT_FULL: "This port carries at most {} connections at once.",
    Obstacle.SENDER_FULL: "A requester carries at most {} connections of one sender at once; none has ended in time.",
    Obstacle.REQUESTER_FULL: "The requester has no place for another connection.",
    Obstacle.LOOKUPS_FULL: "The requester looks up too many names already.",
}


class TurnedAway:
    """Counts, and says when a line in the log is due: a program that insists does not fill it."""

    def __init__(self) -> None:
        self._counts: Counter[Obstacle] = Counter()
        self._repeats = {obstacle: Repeats() for obstacle in Obstacle}

    @property
    def counts(self) -> Mapping[Obstacle, int]:
        return dict(self._counts)

    def note(self, obstacle: Obstacle, now: float) -> bool:
        """Once more; whether the log should say so."""
        self._counts[obstacle] += 1
        return self._repeats[obstacle].count(now) > 0
