"""Fragments that were sent and whose ack has not come back. Mirrors nym-client-core 1.21 (`ack_controller`)."""

import heapq
from dataclasses import dataclass

from nymconnect.client.sending.lanes import Outgoing
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.addressing import NodeAddress


@dataclass(frozen=True, slots=True)
class Sent:
    """A fragment on its way: when it left, the mixes that it and its ack visit and the seconds that these are expected
    to hold the two, and when to give it up (seconds)."""

    outgoing: Outgoing
    path: tuple[NodeAddress, ...]
    at: float
    expected: float
    due: float


class PendingAcks:
    """A table by fragment id, with a heap of due times from which acked entries are dropped lazily."""

    def __init__(self) -> None:
        self._sent: dict[FragmentId, Sent] = {}
        self._heap: list[tuple[float, FragmentId]] = []

    def __len__(self) -> int:
        return len(self._sent)

    def add(self, sent: Sent) -> None:
        """Wait for the ack of `sent` until its due time."""
        fragment_id = sent.outgoing.fragment.fid
        self._sent[fragment_id] = sent
        heapq.heappush(self._heap, (sent.due, fragment_id))

    def acked(self, fragment_id: FragmentId) -> Sent | None:
        """The entry that this ack settles; None for an unknown or repeated ack."""
        return self._sent.pop(fragment_id, None)

    @property
    def deadline(self) -> float | None:
        """When the next entry falls due."""
        self._skip_settled()
        return self._heap[0][0] if self._heap else None

    def expired(self, now: float) -> list[Sent]:
        """Take the entries that fell due."""
        late: list[Sent] = []
        while self._skip_settled() and self._heap[0][0] <= now:
            late.append(self._sent.pop(heapq.heappop(self._heap)[1]))
        return late

    def _skip_settled(self) -> bool:
        """Bring a live entry to the top of the heap; False if there is none."""
        while self._heap:
            due, fragment_id = self._heap[0]
            sent = self._sent.get(fragment_id)
            if sent is not None and sent.due == due:
                return True
            heapq.heappop(self._heap)
        return False
