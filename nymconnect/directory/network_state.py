"""What a directory knows: the nodes, their places in the network, and the calendar of epochs and key rotations.

Takes the place of nym-api's caches and of the mixnet contract (`nym-mixnet-contract-common` 1.21, `key_rotation.rs`,
`interval.rs`). Nodes are added by the program that runs the network; nothing here can be changed through HTTP, except
that a node may say that it is there. Pure: `now` is Unix time in seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from msgspec import UNSET

from nymconnect.base58 import b58encode
from nymconnect.crypto import KEY_LENGTH
from nymconnect.directory.models import (
    MAX_NODES,
    NOISE_KEY_VERSION,
    DeclaredRoles,
    EntryInfo,
    KeyRotationInfo,
    KeyRotationState,
    MixLayer,
    MixnodeRole,
    NodeRow,
    NoiseKey,
    RefreshRequest,
    RewardedSet,
    RotationProgress,
    SemiSkimmedRow,
    Span,
)
from nymconnect.directory.topology import Feature, canonical_ip
from nymconnect.errors import NymError, UsageError

EPOCH_DURATION = 3600.0
VALIDITY_EPOCHS = 24
REFRESH_MAX_AGE = 30.0
REFRESH_INTERVAL = 60.0


class Assignment(Enum):
    """The part of a node in the current epoch; the value is the member of the rewarded set, "" for none."""

    LAYER1 = "layer1"
    LAYER2 = "layer2"
    LAYER3 = "layer3"
    ENTRY = "entry_gateways"
    EXIT = "exit_gateways"
    STANDBY = "standby"
    INACTIVE = ""

    @property
    def is_mixing(self) -> bool:
        return self in _LAYER_NUMBER

    @property
    def role(self) -> MixnodeRole | str:
        """As node rows tell it."""
        if self in _LAYER_NUMBER:
            return MixnodeRole(MixLayer(_LAYER_NUMBER[self]))
        return _ROLE_NAME[self]


_LAYER_NUMBER = {Assignment.LAYER1: 1, Assignment.LAYER2: 2, Assignment.LAYER3: 3}
_ROLE_NAME = {
    Assignment.ENTRY: "EntryGateway",
    Assignment.EXIT: "ExitGateway",
    Assignment.STANDBY: "Standby",
    Assignment.INACTIVE: "Inactive",
}
LAYER_ASSIGNMENTS = (Assignment.LAYER1, Assignment.LAYER2, Assignment.LAYER3)


@dataclass(frozen=True, slots=True)
class SphinxKey:
    """A node's public Sphinx key (32 bytes) and the rotation that it is for."""

    rotation_id: int
    public: bytes


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node as the directory lists it.

    `sphinx_keys` holds the current key first, then a pre-announced one if there is one. A gateway has `entry`;
    `requester` is the Nym address of the network requester that it runs, if it runs one. `performance` is 0 to 1.
    `country` is the code of the country in which it says that it stands.
    """

    node_id: int
    identity: bytes
    sphinx_keys: tuple[SphinxKey, ...]
    ips: tuple[str, ...]
    mix_port: int
    assignment: Assignment
    roles: DeclaredRoles
    entry: EntryInfo | None = None
    noise_key: bytes | None = None
    requester: str | None = None
    performance: float = 1.0
    features: frozenset[Feature] = frozenset()
    country: str | None = None

    def __post_init__(self) -> None:
        keys = [self.identity, *(key.public for key in self.sphinx_keys)]
        if not self.sphinx_keys or not self.ips or not 0 < self.mix_port < 2**16 or not 0 <= self.node_id < 2**32:
            raise UsageError("a node has an id, a Sphinx key, an IP address and a port")
        if any(len(key) != KEY_LENGTH for key in keys) or not 0 <= self.performance <= 1:
            raise UsageError("a node's keys have 32 bytes and its performance is between 0 and 1")

    def sphinx_key(self, rotation_id: int) -> bytes:
        """The key for a rotation; the current one if none was announced for it."""
        announced = {key.rotation_id: key.public for key in self.sphinx_keys}
        return announced.get(rotation_id, self.sphinx_keys[0].public)

    def row(self, rotation_id: int, *, alive: bool = True) -> NodeRow:
        """As it stands in the skimmed lists; a node that is not alive has performance 0, so nobody routes by it."""
        return NodeRow(
            self.node_id,
            b58encode(self.identity),
            list(self.ips),
            self.mix_port,
            b58encode(self.sphinx_key(rotation_id)),
            format_performance(self.performance if alive else 0.0),
            self.assignment.role,
            self.roles,
            self.entry if self.roles.entry else None,
            sorted(self.features) or UNSET,
        )

    def noise(self) -> NoiseKey | None:
        """As it stands in the semi-skimmed list."""
        return NoiseKey(NOISE_KEY_VERSION, b58encode(self.noise_key)) if self.noise_key else None


def format_performance(value: float) -> str:
    """Decimal text without an exponent or useless zeros: ``1``, ``0.5``, ``0``."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Epochs and key rotations, counted from `start` (Unix time). `start` lies in rotation `first_rotation` ≥ 1.

    Rotation id 0 means "unknown" on the wire, so a network never begins there.
    """

    start: float
    epoch_duration: float = EPOCH_DURATION
    validity_epochs: int = VALIDITY_EPOCHS
    first_rotation: int = 1

    def __post_init__(self) -> None:
        if self.epoch_duration < 1 or self.validity_epochs < 1 or self.first_rotation < 1:
            raise UsageError("an epoch lasts a second or more, and rotations count from 1")

    def epoch_id(self, now: float) -> int:
        """Absolute number of the epoch at `now`; before the start it is the first one."""
        return self.first_rotation * self.validity_epochs + max(0, int((now - self.start) // self.epoch_duration))

    def epoch_start(self, epoch_id: int) -> float:
        """Unix time at which an epoch starts."""
        return self.start + (epoch_id - self.first_rotation * self.validity_epochs) * self.epoch_duration

    def rotation_id(self, now: float) -> int:
        return self._state.rotation_id(self.epoch_id(now))

    @property
    def _state(self) -> KeyRotationState:
        return KeyRotationState(self.validity_epochs, initial_epoch_id=0)

    @property
    def span(self) -> Span:
        """Length of an epoch as documents give it."""
        nanoseconds = round(self.epoch_duration * 1_000_000_000)
        return Span(*divmod(nanoseconds, 1_000_000_000))

    def info(self, now: float) -> KeyRotationInfo:
        """The document that clients and nodes follow."""
        epoch_id = self.epoch_id(now)
        rotation_id = self._state.rotation_id(epoch_id)
        first = self._state.first_epoch_of(rotation_id)
        return KeyRotationInfo(
            self._state,
            epoch_id,
            datetime.fromtimestamp(self.epoch_start(epoch_id), UTC),
            self.span,
            RotationProgress(rotation_id, first, first + self.validity_epochs - 1),
        )


class RefreshRefusedError(NymError):
    """A request to refresh a description that is not granted; `status` is the HTTP status that says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NetworkState:
    """The nodes of one network, and where it stands in time."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._nodes: dict[int, NodeRecord] = {}
        self._id_of: dict[bytes, int] = {}
        self._down: set[int] = set()
        self._last_refresh: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[NodeRecord]:
        """All nodes in the order of their ids."""
        return iter([self._nodes[node_id] for node_id in sorted(self._nodes)])

    def add(self, record: NodeRecord) -> None:
        """List a node, or replace the record with its id; UsageError if another id has its identity."""
        if self._id_of.get(record.identity, record.node_id) != record.node_id:
            raise UsageError("this identity is listed under another node id")
        if record.node_id in self._nodes:
            del self._id_of[self._nodes[record.node_id].identity]
        elif len(self._nodes) >= MAX_NODES:
            raise UsageError(f"a directory lists at most {MAX_NODES} nodes")
        self._nodes[record.node_id] = record
        self._id_of[record.identity] = record.node_id

    def remove(self, node_id: int) -> None:
        """Forget a node; nothing happens if it is not listed."""
        record = self._nodes.pop(node_id, None)
        if record is not None:
            del self._id_of[record.identity]
            self._down.discard(node_id)
            self._last_refresh.pop(node_id, None)

    def node(self, identity: bytes) -> NodeRecord | None:
        """The node with this identity."""
        node_id = self._id_of.get(identity)
        return None if node_id is None else self._nodes[node_id]

    def set_sphinx_keys(self, node_id: int, keys: tuple[SphinxKey, ...]) -> None:
        """Publish a node's current and pre-announced keys after a rotation; UsageError if it is not listed."""
        if node_id not in self._nodes:
            raise UsageError(f"node {node_id} is not listed")
        self._nodes[node_id] = replace(self._nodes[node_id], sphinx_keys=keys)

    def set_requester(self, node_id: int, address: str) -> None:
        """Publish the requester that a node runs; UsageError if it is not listed."""
        if node_id not in self._nodes:
            raise UsageError(f"node {node_id} is not listed")
        self._nodes[node_id] = replace(self._nodes[node_id], requester=address)

    def set_alive(self, node_id: int, alive: bool) -> None:
        """Say whether a node answers; senders leave out one that does not."""
        if alive:
            self._down.discard(node_id)
        elif node_id in self._nodes:
            self._down.add(node_id)

    def is_alive(self, node_id: int) -> bool:
        return node_id in self._nodes and node_id not in self._down

    def rewarded_set(self, now: float) -> RewardedSet:
        """Ids by assignment."""
        ids: dict[Assignment, list[int]] = {assignment: [] for assignment in Assignment}
        for record in self:
            ids[record.assignment].append(record.node_id)
        lists = {assignment.value: ids[assignment] for assignment in Assignment if assignment.value}
        return RewardedSet(**lists, epoch_id=self.calendar.epoch_id(now))

    def rows(self, now: float, wanted: Callable[[NodeRecord], bool] = lambda _: True) -> list[NodeRow]:
        """Skimmed rows of the nodes that are `wanted`."""
        rotation_id = self.calendar.rotation_id(now)
        return [record.row(rotation_id, alive=self.is_alive(record.node_id)) for record in self if wanted(record)]

    def semi_skimmed_rows(self, now: float) -> list[SemiSkimmedRow]:
        """Rows of all nodes with their Noise keys."""
        return [SemiSkimmedRow(row, record.noise()) for row, record in zip(self.rows(now), self, strict=True)]

    def existence(self, addresses: list[str]) -> dict[str, int | None]:
        """Node id by IP address, None where no node announces it; keys are the texts as asked."""
        known = {canonical_ip(ip): record.node_id for record in self for ip in record.ips}
        return {address: known.get(canonical_ip(address)) for address in addresses}

    def refresh(self, request: RefreshRequest, now: float) -> NodeRecord:
        """A node says that it is there: mark it alive. RefreshRefusedError, or WireError on a bad signature."""
        if not 0 <= now - request.request_timestamp <= REFRESH_MAX_AGE:
            raise RefreshRefusedError(400, "the request is stale or from the future")
        record = self.node(request.verify())
        if record is None:
            raise RefreshRefusedError(404, "this node is not listed")
        last = self._last_refresh.get(record.node_id)
        if last is not None and 0 <= now - last < REFRESH_INTERVAL:
            raise RefreshRefusedError(429, "this node was refreshed less than a minute ago")
        self._last_refresh[record.node_id] = now
        self.set_alive(record.node_id, True)
        return record
