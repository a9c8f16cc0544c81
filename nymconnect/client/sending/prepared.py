"""Packets that are built and wait in the pacer's stock for a slot: what is to be remembered of them until they leave.

The wait for an ack and the measuring of a loop begin when the packet has left, not when it was built.
"""

from dataclasses import dataclass

from nymconnect.client.sending.lanes import Outgoing
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket


@dataclass(frozen=True, slots=True)
class PreparedPacket:
    """A packet for the pacer; `token` is to be given back when it has left."""

    token: int
    packet: MixPacket


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The fragment inside, the mixes that it and its ack visit, and the seconds that those will hold the two."""

    outgoing: Outgoing
    path: tuple[NodeAddress, ...]
    expected: float


@dataclass(frozen=True, slots=True)
class PreparedCover:
    """By what the loop is known when it comes back, the mixes that it visits, and the seconds that those hold it.

    Drop cover has none of it, for it does not come back.
    """

    selector: bytes | None = None
    path: tuple[NodeAddress, ...] = ()
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class PreparedReplyCover:
    """Cover in place of an answer: there is nothing to remember."""


Prepared = PreparedData | PreparedCover | PreparedReplyCover


class PreparedPackets:
    """By token. As long as the pacer's stocks, which the one who fills them bounds."""

    def __init__(self) -> None:
        self._next_token = 0
        self._data: dict[int, PreparedData] = {}
        self._cover: dict[int, PreparedCover | PreparedReplyCover] = {}

    @property
    def data_count(self) -> int:
        """Fragments that wait."""
        return len(self._data)

    def add(self, packet: MixPacket, ready: Prepared) -> PreparedPacket:
        """Remember `ready` until its packet has left."""
        self._next_token += 1
        if isinstance(ready, PreparedData):
            self._data[self._next_token] = ready
        else:
            self._cover[self._next_token] = ready
        return PreparedPacket(self._next_token, packet)

    def take(self, token: int) -> Prepared | None:
        """What has left; None if it was forgotten."""
        return self._data.pop(token, None) or self._cover.pop(token, None)

    def take_fragment(self, fragment_id: FragmentId) -> Outgoing | None:
        """Forget a fragment; its packet leaves all the same, and counts for nothing."""
        for token, ready in self._data.items():
            if ready.outgoing.fragment.fid == fragment_id:
                del self._data[token]
                return ready.outgoing
        return None

    def take_all_data(self) -> list[Outgoing]:
        """Forget all data."""
        waiting = [ready.outgoing for ready in self._data.values()]
        self._data.clear()
        return waiting

    def forget_covers(self) -> None:
        """CoverTraffic that leave from now on measure nothing."""
        self._cover.clear()
