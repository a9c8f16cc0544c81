"""The JSON documents of the directory API, as structs with `decode_…` functions that raise WireError only.

Mirrors nym-api-requests 1.21 (`models/mixnet.rs`, `nym_nodes.rs`, `pagination.rs`, `models/utility.rs`). Unknown
members are ignored, as serde ignores them. Documents are bounded: 16 MiB of text, 20 000 rows. Keys stay base58 text
here; `assembly` makes nodes of rows and leaves unusable rows out.

==========================  ====================================================
document                    route
==========================  ====================================================
KeyRotationInfo             GET v1/epoch/key-rotation-info
RewardedSet                 GET v1/nym-nodes/rewarded-set
NodeList                    GET v2/unstable/nym-nodes/skimmed…
SemiSkimmedList             GET v2/unstable/nym-nodes/semi-skimmed
DescribedList               GET v1/nym-nodes/described
AddressQuery, AddressReply  POST v1/unstable/nym-nodes/by-addresses
RefreshRequest              POST v1/nym-nodes/refresh-described
==========================  ====================================================
"""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from nymconnect.base58 import b58decode, b58encode
from nymconnect.crypto import KEY_LENGTH, SIGNATURE_LENGTH, Ed25519Secret, ed25519_verify
from nymconnect.errors import WireError

MAX_DOCUMENT_LENGTH = 16 * 1024 * 1024
MAX_NODES = 20_000
MAX_IPS_PER_NODE = 64
NOISE_KEY_VERSION = 1
NO_UPDATES = "no-updates"
REFRESH_LABEL = b"describe-cache-refresh-request"

U8 = Annotated[int, Meta(ge=0, le=2**8 - 1)]
Port = Annotated[int, Meta(ge=0, le=2**16 - 1)]
U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
I64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # msgspec bounds nothing beyond int64
Text = Annotated[str, Meta(max_length=512)]
Utc = Annotated[datetime, Meta(tz=True)]
NodeIds = Annotated[list[U32], Meta(max_length=MAX_NODES)]
Features = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=16)]

_Document = TypeVar("_Document")


# --- epochs and key rotation ------------------------------------------------------------------------------------


class Span(Struct, frozen=True):
    """A Rust `Duration`."""

    secs: Count
    nanos: Annotated[int, Meta(ge=0, lt=1_000_000_000)]

    @property
    def seconds(self) -> float:
        return self.secs + self.nanos / 1e9


class KeyRotationState(Struct, frozen=True):
    """How many epochs a Sphinx key lives, and the epoch from which rotations are counted."""

    validity_epochs: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    initial_epoch_id: U32

    def rotation_id(self, epoch_id: int) -> int:
        return max(0, epoch_id - self.initial_epoch_id) // self.validity_epochs

    def first_epoch_of(self, rotation_id: int) -> int:
        return self.initial_epoch_id + rotation_id * self.validity_epochs


class RotationProgress(Struct, frozen=True):
    """The same facts, worked out for people; mandatory all the same."""

    current_key_rotation_id: U32
    current_rotation_starting_epoch: U32
    current_rotation_ending_epoch: U32


class KeyRotationInfo(Struct, frozen=True):
    """Where the network stands in its epochs and key rotations."""

    key_rotation_state: KeyRotationState
    current_absolute_epoch_id: U32
    current_epoch_start: Utc
    epoch_duration: Span
    progress: RotationProgress

    @property
    def rotation_id(self) -> int:
        return self.key_rotation_state.rotation_id(self.current_absolute_epoch_id)

    def epoch_starts_at(self, epoch_id: int) -> float:
        """Unix time at which an epoch starts, or started."""
        passed = epoch_id - self.current_absolute_epoch_id
        return self.current_epoch_start.timestamp() + passed * self.epoch_duration.seconds

    def next_rotation_at(self) -> float:
        """Unix time at which the next rotation starts."""
        return self.epoch_starts_at(self.key_rotation_state.first_epoch_of(self.rotation_id + 1))


class RewardedSet(Struct, frozen=True):
    """Which node does what in this epoch: lists of node ids."""

    entry_gateways: NodeIds
    exit_gateways: NodeIds
    layer1: NodeIds
    layer2: NodeIds
    layer3: NodeIds
    standby: NodeIds
    epoch_id: U32 = 0


# --- node lists -------------------------------------------------------------------------------------------------


class DeclaredRoles(Struct, frozen=True):
    """The roles that a node offers."""

    mixnode: bool = False
    entry: bool = False
    exit_nr: bool = False
    exit_ipr: bool = False


class EntryInfo(Struct, frozen=True):
    """A gateway's websocket."""

    ws_port: Port
    hostname: Text | None = None
    wss_port: Port | None = None


class MixLayer(Struct, frozen=True):
    layer: U8


class MixnodeRole(Struct, frozen=True):
    """Role of an active mix node: ``{"Mixnode": {"layer": 1}}``; the other roles are plain texts."""

    mixnode: MixLayer = field(name="Mixnode")


class NodeRow(Struct, frozen=True):
    """One skimmed node. `role` is for people: layers come from the rewarded set only.

    `features` is ours alone: what a node of our own software can do beyond the protocol (`topology.Feature`).
    """

    node_id: U32
    ed25519_identity_pubkey: Text
    ip_addresses: Annotated[list[Text], Meta(max_length=MAX_IPS_PER_NODE)]
    mix_port: Port
    x25519_sphinx_pubkey: Text
    performance: Text
    role: MixnodeRole | Text = "Inactive"
    supported_roles: DeclaredRoles = DeclaredRoles()
    entry: EntryInfo | None = None
    features: Features | UnsetType = field(default=UNSET, name="nymconnect")


class NoiseKey(Struct, frozen=True):
    supported_version: U8
    x25519_pubkey: Text


class SemiSkimmedRow(Struct, frozen=True):
    """A skimmed node and its Noise key, for nodes."""

    basic: NodeRow
    x25519_noise_versioned_key: NoiseKey | None = None


class Metadata(Struct, frozen=True):
    """State of the network that a list belongs to; `refreshed_at` differs from list to list and is not looked at."""

    absolute_epoch_id: U32
    rotation_id: U32
    status: str | dict[str, Any] | None = None
    refreshed_at: str = ""

    def agrees_with(self, other: "Metadata") -> bool:
        """Whether two lists belong to one refresh."""
        return (self.status, self.absolute_epoch_id, self.rotation_id) == (
            other.status,
            other.absolute_epoch_id,
            other.rotation_id,
        )


class Pagination(Struct, frozen=True):
    total: Count
    page: U32
    size: Count


class NodePage(Struct, frozen=True):
    pagination: Pagination
    data: Annotated[list[NodeRow], Meta(max_length=MAX_NODES)]


class SemiSkimmedPage(Struct, frozen=True):
    pagination: Pagination
    data: Annotated[list[SemiSkimmedRow], Meta(max_length=MAX_NODES)]


class NodeList(Struct, frozen=True):
    """One page of skimmed nodes."""

    metadata: Metadata
    nodes: NodePage


class SemiSkimmedList(Struct, frozen=True):
    """One page of semi-skimmed nodes."""

    metadata: Metadata
    nodes: SemiSkimmedPage


# --- what nodes say of themselves -------------------------------------------------------------------------------


class RequesterInfo(Struct, frozen=True):
    """The network requester that a node runs, by its Nym address."""

    address: Text


class HostKeys(Struct, frozen=True):
    ed25519: Text


class HostInformation(Struct, frozen=True):
    keys: HostKeys


class AuxiliaryDetails(Struct, frozen=True):
    """`location` is a country's code, or anything else that an operator has typed."""

    location: Any = None


class Description(Struct, frozen=True):
    """Of all that a node says of itself, what a client wants to know."""

    network_requester: RequesterInfo | None = None
    host_information: HostInformation | None = None
    auxiliary_details: AuxiliaryDetails | None = None


class DescribedNode(Struct, frozen=True):
    description: Description


class DescribedList(Struct, frozen=True):
    """One page of nodes that have described themselves."""

    pagination: Pagination
    data: Annotated[list[DescribedNode], Meta(max_length=MAX_NODES)]


# --- requests ---------------------------------------------------------------------------------------------------


class AddressQuery(Struct, frozen=True):
    """IP addresses that a node asks about."""

    addresses: Annotated[list[Text], Meta(max_length=MAX_NODES)]


class AddressReply(Struct, frozen=True):
    """Node id by IP address; None where no node announces it."""

    existence: dict[str, U32 | None]


class RefreshRequest(Struct, frozen=True):
    """A node's signed wish that the directory reads its description anew."""

    node_identity: Text
    request_timestamp: I64
    signature: Annotated[list[U8], Meta(min_length=SIGNATURE_LENGTH, max_length=SIGNATURE_LENGTH)]

    @classmethod
    def sign(cls, identity: Ed25519Secret, unix_time: float) -> "RefreshRequest":
        timestamp = int(unix_time)
        signature = identity.sign(_refresh_message(identity.public, timestamp))
        return cls(b58encode(identity.public), timestamp, list(signature))

    def verify(self) -> bytes:
        """Identity (32 bytes) of the node that signed; WireError if it did not."""
        identity = b58decode(self.node_identity, KEY_LENGTH)
        ed25519_verify(identity, bytes(self.signature), _refresh_message(identity, self.request_timestamp))
        return identity


def _refresh_message(identity: bytes, timestamp: int) -> bytes:
    return identity + timestamp.to_bytes(8, "big", signed=True) + REFRESH_LABEL


# --- decoding ---------------------------------------------------------------------------------------------------

_KEY_ROTATION_INFO = msgspec.json.Decoder(KeyRotationInfo)
_REWARDED_SET = msgspec.json.Decoder(RewardedSet)
_NODE_LIST = msgspec.json.Decoder(NodeList)
_SEMI_SKIMMED_LIST = msgspec.json.Decoder(SemiSkimmedList)
_DESCRIBED_LIST = msgspec.json.Decoder(DescribedList)
_ADDRESS_QUERY = msgspec.json.Decoder(AddressQuery)
_ADDRESS_REPLY = msgspec.json.Decoder(AddressReply)
_REFRESH_REQUEST = msgspec.json.Decoder(RefreshRequest)


def _decode(decoder: msgspec.json.Decoder[_Document], data: bytes) -> _Document:
    if len(data) > MAX_DOCUMENT_LENGTH:
        raise WireError("directory document is too long")
    try:
        return decoder.decode(data.decode())  # msgspec does not look at what it skips
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"directory document does not decode: {error}") from error


def decode_key_rotation_info(data: bytes) -> KeyRotationInfo:
    return _decode(_KEY_ROTATION_INFO, data)


def decode_rewarded_set(data: bytes) -> RewardedSet:
    return _decode(_REWARDED_SET, data)


def decode_node_list(data: bytes) -> NodeList:
    return _decode(_NODE_LIST, data)


def decode_semi_skimmed_list(data: bytes) -> SemiSkimmedList:
    return _decode(_SEMI_SKIMMED_LIST, data)


def decode_described_list(data: bytes) -> DescribedList:
    return _decode(_DESCRIBED_LIST, data)


def decode_address_query(data: bytes) -> AddressQuery:
    return _decode(_ADDRESS_QUERY, data)


def decode_address_reply(data: bytes) -> AddressReply:
    return _decode(_ADDRESS_REPLY, data)


def decode_refresh_request(data: bytes) -> RefreshRequest:
    return _decode(_REFRESH_REQUEST, data)


def encode(document: object) -> bytes:
    """Compact JSON of any struct above, or of plain containers."""
    return msgspec.json.encode(document)
