"""Which mix nodes to route around.

A packet and its ack visit six mixes; when the ack does not come, one of the six may be dead. A living node is cleared
by the next success that visits it, a dead one never is: after `SUSPECT_AFTER` failures in a row without a success a
node is avoided, and after `PROBATION` seconds it is given another chance. The route drawer ignores the advice where
it would leave a layer empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nymconnect.packet.addressing import NodeAddress

SUSPECT_AFTER = 12
PROBATION = 60.0

Suspects = frozenset[NodeAddress]  # mixes that data goes around


@dataclass(slots=True)
class _FailureRecord:
    failures: int = 0
    suspected_at: float | None = None


class MixHealth:
    """Failures in a row, by node; bounded by the number of nodes in the topology."""

    def __init__(self) -> None:
        self._records: dict[NodeAddress, _FailureRecord] = {}

    def succeeded(self, path: Iterable[NodeAddress]) -> None:
        """An ack came back over these nodes."""
        for node in path:
            self._records.pop(node, None)

    def failed(self, path: Iterable[NodeAddress], now: float) -> None:
        """No ack came back over these nodes in time."""
        for node in path:
            record = self._records.setdefault(node, _FailureRecord())
            record.failures += 1
            if record.failures >= SUSPECT_AFTER and record.suspected_at is None:
                record.suspected_at = now

    def suspects(self, now: float) -> Suspects:
        """Nodes to avoid; those whose probation has ended are let in again, with half their failures forgotten."""
        suspected = set()
        for node, record in self._records.items():
            if record.suspected_at is None:
                continue
            if now - record.suspected_at > PROBATION:
                record.suspected_at, record.failures = None, SUSPECT_AFTER // 2
            else:
                suspected.add(node)
        return frozenset(suspected)

    def keep_only(self, nodes: Iterable[NodeAddress]) -> None:
        """Forget nodes that left the network."""
        known = set(nodes)
        self._records = {node: record for node, record in self._records.items() if node in known}
