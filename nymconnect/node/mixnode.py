"""A mix node: packets in, packets out. Mirrors nym-node 1.31 in its mode ``mixnode``."""

from nymconnect.crypto import Rng
from nymconnect.directory.models import DeclaredRoles
from nymconnect.directory.network_state import NodeRecord
from nymconnect.directory.topology import Topology
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.relay import NodeSettings, Relay
from nymconnect.runtime.clock import SYSTEM_RNG


class MixNode:
    """The service. Until the first `update` it knows no other node and drops whatever it should forward."""

    def __init__(self, settings: NodeSettings, keys: NodeKeys, rng: Rng = SYSTEM_RNG) -> None:
        # It is nobody's gateway, so nothing is ever delivered.
        self._relay = Relay(settings, keys, lambda _effects: None, forwards=True, delivers=False, rng=rng)

    @property
    def mix_port(self) -> int:
        """The bound TCP port; UsageError unless started."""
        return self._relay.mix_port

    @property
    def description(self) -> NodeRecord:
        """This node for the directory, without an assignment; UsageError unless started."""
        return self._relay.describe(DeclaredRoles(mixnode=True))

    @property
    def counters(self) -> dict[str, int]:
        """Counts by name; no secrets, no addresses."""
        return self._relay.counters

    async def start(self) -> None:
        """Listen for packets; UserError if the port cannot be had."""
        await self._relay.start()

    async def stop(self) -> None:
        """Close everything; does nothing if not started."""
        await self._relay.stop()

    def update(self, topology: Topology) -> None:
        """Take a refreshed topology."""
        self._relay.update(topology)

    def rotate(self, sphinx: SphinxKeys) -> None:
        """Change the live Sphinx keys."""
        self._relay.rotate(sphinx)
