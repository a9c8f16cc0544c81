"""What mix nodes and gateways share: a mixer between inbound and outbound links, and the timer that wakes it.

::

    InboundListener ── Frame ──► Mixer ── SendTo, when the delay has ended ──► OutboundLinks
                                   └───── Push, at the last hop ───────────► the gateway's clients
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nymconnect.crypto import Rng
from nymconnect.directory.models import DeclaredRoles, EntryInfo
from nymconnect.directory.network_state import Assignment, NodeRecord, SphinxKey
from nymconnect.directory.topology import Topology
from nymconnect.effects import Effect, SendTo
from nymconnect.errors import UsageError, UserError
from nymconnect.node.inbound import InboundListener
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.node.mixer import Mixer
from nymconnect.node.outbound import OutboundLinks
from nymconnect.node.replay import ReplayFilter
from nymconnect.node.replay_store import ReplayKeeper
from nymconnect.node.routing_filter import NetworkView
from nymconnect.packet.framing import FRAME_V7, Frame
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.tasks import TaskSet, Waker

CRASHES = "crashes"  # a count: tasks that failed by our own fault
DROPPED_UNRECORDED = "dropped_unrecorded"  # packets whose replay tag could not be written


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where a node listens and what it announces. Port 0 takes a free one.

    `announce_ips` defaults to `host`. With a `state_directory` the memory of replays, and of a gateway's clients,
    survives a restart.
    """

    node_id: int
    host: str = "127.0.0.1"
    mix_port: int = 0
    ws_port: int = 0
    announce_ips: tuple[str, ...] = ()
    frame_version: int = FRAME_V7
    state_directory: Path | None = None

    @property
    def ips(self) -> tuple[str, ...]:
        return self.announce_ips or (self.host,)


class Relay:
    """The mixnet side of one node. Counts and the live keys survive `stop`; a stopped relay may be started again.

    `deliver` performs what the mixer wants at the last hop of a packet: a push to a client, and the ack of it.
    """

    def __init__(
        self,
        settings: NodeSettings,
        keys: NodeKeys,
        deliver: Callable[[Sequence[Effect]], None],
        *,
        forwards: bool,
        delivers: bool,
        rng: Rng = SYSTEM_RNG,
    ) -> None:
        name = f"node {settings.node_id}"
        self.settings = settings
        self.keys = keys
        self.view = NetworkView()
        self.links = OutboundLinks(self.view, keys.noise, rng, name, settings.frame_version)
        self._deliver = deliver
        self._keeper: ReplayKeeper | None = None
        self._unrecorded = 0
        self._sphinx = keys.sphinx
        self._mixer = Mixer(
            keys.sphinx, ReplayFilter(), rng, forwards=forwards, delivers=delivers, may_send_to=self.view.may_send_to
        )
        self._listener = InboundListener(self.view, keys.noise, rng, self.receive, name)
        self._waker = Waker(lambda: self._mixer.deadline, self._wake)
        self._tasks = TaskSet(name)
        self._port: int | None = None

    @property
    def mix_port(self) -> int:
        """The bound TCP port; UsageError unless started."""
        if self._port is None:
            raise UsageError("the node is not started")
        return self._port

    @property
    def counters(self) -> dict[str, int]:
        """All counts of mixer, listener and links, by name."""
        crashes = self._tasks.crashes + self._listener.crashes + self.links.tasks.crashes
        own = {DROPPED_UNRECORDED: self._unrecorded, CRASHES: crashes}
        return own | {
            str(name): count
            for counts in (self._mixer.counters, self._listener.counters, self.links.counters)
            for name, count in counts.items()
        }

    async def start(self) -> None:
        """Listen for packets. UserError if the port cannot be had."""
        if self._port is not None:
            raise UsageError("the node is started already")
        if self.settings.state_directory is not None:
            keeper = ReplayKeeper(self.settings.state_directory, self._drop)
            self._mixer.use_memory(await keeper.open([rotation_id for rotation_id, _ in self._sphinx.live]))
            self._keeper = keeper
        try:
            self._port = await self._listener.start(self.settings.host, self.settings.mix_port)
        except UserError:
            await self._close_keeper()
            raise
        if self._keeper is not None:
            self._tasks.keep(self._keeper.run, "save the replay memory")

    async def stop(self) -> None:
        """Stop listening, drop what is held, keep the memory of replays."""
        if self._port is None:
            return
        self._port = None
        await self._tasks.close()
        await self._listener.stop()
        self._waker.cancel()
        self._mixer.drop_held()
        await self._close_keeper()
        await self.links.close()

    async def _close_keeper(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.close()

    def update(self, topology: Topology) -> None:
        """Take a refreshed topology: the routing filter and the Noise keys."""
        self.view.update(topology)

    def rotate(self, sphinx: SphinxKeys) -> None:
        """Change the live Sphinx keys."""
        self._sphinx = sphinx
        self._mixer.rotate(sphinx)
        if self._keeper is not None:
            self._keeper.rotated()

    def receive(self, frame: Frame) -> None:
        """A packet came in over a link."""
        if self._keeper is not None and self._keeper.is_full:
            self._drop(1)
            return
        self._leave(self._deliver, self._mixer.feed(frame, clock()))
        self._waker.arm()

    def _wake(self) -> None:
        self._leave(self._forward, self._mixer.wake(clock()))

    def _leave(self, perform: Callable[[Sequence[Effect]], None], effects: Sequence[Effect]) -> None:
        """Nothing leaves before the tags of all that came are on disk."""
        if self._keeper is None:
            perform(effects)
        else:
            self._keeper.leave(perform, effects)

    def _drop(self, count: int) -> None:
        self._unrecorded += count

    def _forward(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendTo):
                self.links.send(effect.packet)

    def describe(self, roles: DeclaredRoles, entry: EntryInfo | None = None) -> NodeRecord:
        """This node for the directory, which decides on its assignment; UsageError unless started."""
        sphinx = [(self._sphinx.rotation_id, self._sphinx.primary)]
        if self._sphinx.secondary is not None and self._sphinx.secondary_is_next:
            sphinx.append((self._sphinx.secondary_id, self._sphinx.secondary))
        return NodeRecord(
            self.settings.node_id,
            self.keys.identity.public,
            tuple(SphinxKey(rotation_id, secret.public) for rotation_id, secret in sphinx),
            self.settings.ips,
            self.mix_port,
            Assignment.INACTIVE,
            roles,
            entry,
            self.keys.noise.public if self.keys.noise else None,
        )
