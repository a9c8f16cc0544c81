"""Documents of the directory become nodes and a `Topology`.

Mirrors nym-client-core 1.21 (`topology_control/nym_api_provider.rs`) and nym-topology 1.21 (`node.rs`): layers come
from the rewarded set only, nodes below 50 % performance are left out, an id without a row is skipped. We also skip a
row whose keys, addresses or host name cannot be used: one operator's bad entry must not take the network from everybody
else, and a Sphinx key of low order would fail every packet that is routed by it. `Topology.left_out` counts such rows.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from nymconnect.base58 import b58decode
from nymconnect.crypto import KEY_LENGTH, x25519_exchange
from nymconnect.directory.models import (
    NOISE_KEY_VERSION,
    EntryInfo,
    Metadata,
    NodeRow,
    NoiseKey,
    RewardedSet,
    SemiSkimmedRow,
)
from nymconnect.directory.topology import EntryPoint, Feature, Layer, Node, Roles, Topology, canonical_ip
from nymconnect.errors import WireError
from nymconnect.packet.addressing import NodeAddress

# In per cent. The reference cuts the decimals off before it compares, which comes to the same.
MINIMUM_PERFORMANCE = 50
_PERFORMANCE = re.compile(r"0+(\.[0-9]{1,18})?|0*1(\.0{1,18})?", re.ASCII)
_ANY_SCALAR = bytes(range(KEY_LENGTH))
MAX_HOST_NAME = 253  # RFC 1035, as text without the closing dot
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?", re.ASCII)

_Row = TypeVar("_Row")


def build_topology(
    metadata: Metadata, rewarded: RewardedSet, mixnodes: Iterable[NodeRow], gateways: Iterable[NodeRow]
) -> Topology:
    """What a client routes by: well performing mix nodes in their layers, and well performing gateways."""
    (mixes, bad_mixes), (entries, bad_entries) = _read(mixnodes, usable_node), _read(gateways, usable_node)
    mixes = [node for node in mixes if performs(node)]
    entries = [node for node in entries if performs(node)]
    # A client knows both lists by one id space; where a row stands in both, the gateway's wins, as it came last.
    return _topology(metadata, rewarded, [*mixes, *entries], entries, left_out=bad_mixes + bad_entries)


def build_node_topology(metadata: Metadata, rewarded: RewardedSet, rows: Iterable[SemiSkimmedRow]) -> Topology:
    """What a node forwards by: every node with its Noise key; those that perform badly are known, but not routed by."""
    nodes, left_out = _read(rows, with_noise_key)
    usable = [node for node in nodes if performs(node)]
    entries = [node for node in usable if node.entry is not None and node.roles.entry]
    return _topology(metadata, rewarded, usable, entries, tuple(nodes), left_out=left_out)


def _topology(
    metadata: Metadata,
    rewarded: RewardedSet,
    usable: Sequence[Node],
    gateways: Sequence[Node],
    others: tuple[Node, ...] = (),
    *,
    left_out: int,
) -> Topology:
    by_id = {node.node_id: node for node in usable}

    def layer(ids: list[int]) -> Layer:
        return tuple(by_id[node_id] for node_id in dict.fromkeys(ids) if node_id in by_id)

    layers = (layer(rewarded.layer1), layer(rewarded.layer2), layer(rewarded.layer3))
    return Topology(
        layers,
        {node.identity: node for node in gateways},
        metadata.rotation_id,
        metadata.absolute_epoch_id,
        others,
        bool(rewarded.entry_gateways or rewarded.exit_gateways),
        left_out,
    )


def performs(node: Node) -> bool:
    """Whether a node is good enough to be routed through."""
    return node.performance * 100 >= MINIMUM_PERFORMANCE


def _read(rows: Iterable[_Row], read: Callable[[_Row], Node | None]) -> tuple[list[Node], int]:
    """The usable nodes, and how many rows are none."""
    nodes = [read(row) for row in rows]
    return list(_unique(nodes)), sum(node is None for node in nodes)


def _unique(nodes: Iterable[Node | None]) -> Iterable[Node]:
    ids: set[int] = set()
    identities: set[bytes] = set()
    for node in nodes:
        if node is None or node.node_id in ids or node.identity in identities:
            continue
        ids.add(node.node_id)
        identities.add(node.identity)
        yield node


def usable_node(row: NodeRow) -> Node | None:
    """`node_from` a row, or None if the row cannot be used."""
    try:
        return node_from(row)
    except WireError:
        return None


def with_noise_key(row: SemiSkimmedRow) -> Node | None:
    """A row for nodes, or None if it cannot be used."""
    try:
        return node_from(row.basic, _noise_key(row.x25519_noise_versioned_key))
    except WireError:
        return None


def node_from(row: NodeRow, noise_key: bytes | None = None) -> Node:
    """One row as a node; WireError if a key, an address, the port or the performance cannot be used."""
    if not row.ip_addresses or not row.mix_port:
        raise WireError("node has no address")
    ips = tuple(dict.fromkeys(map(_ip, row.ip_addresses)))
    roles = row.supported_roles
    return Node(
        row.node_id,
        b58decode(row.ed25519_identity_pubkey, KEY_LENGTH),
        _sphinx_key(row.x25519_sphinx_pubkey),
        NodeAddress(ips[0], row.mix_port),
        ips,
        _entry_point(row.entry, ips) if row.entry else None,
        noise_key,
        _performance(row.performance),
        Roles(roles.mixnode, roles.entry, roles.exit_nr and roles.exit_ipr),
        frozenset(feature for feature in Feature if feature in (row.features or ())),
    )


def _sphinx_key(text: str) -> bytes:
    key = b58decode(text, KEY_LENGTH)
    x25519_exchange(_ANY_SCALAR, key)  # WireError if the point has low order
    return key


def _ip(text: str) -> str:
    try:
        return canonical_ip(str(ipaddress.ip_address(text)))
    except ValueError as error:
        raise WireError("node address is not an IP address") from error


def _entry_point(entry: EntryInfo, ips: tuple[str, ...]) -> EntryPoint:
    if entry.hostname and not is_host(entry.hostname):
        raise WireError("gateway has a host name that is none")
    return EntryPoint(entry.hostname or None, entry.ws_port, entry.wss_port or None, ips)


def is_host(text: str) -> bool:
    """Whether `text` is written like a host name (RFC 1035, and `_`) or is an IP address without a zone."""
    if _HOST_NAME.fullmatch(text):
        return len(text.rstrip(".")) <= MAX_HOST_NAME
    try:
        return "%" not in str(ipaddress.ip_address(text))
    except ValueError:
        return False


def _noise_key(key: NoiseKey | None) -> bytes | None:
    """A key of a later version is used as one of version 1 (nymnoise `config.rs`); version 0 never existed."""
    if key is None or key.supported_version < NOISE_KEY_VERSION:
        return None
    return b58decode(key.x25519_pubkey, KEY_LENGTH)


def _performance(text: str) -> float:
    if not _PERFORMANCE.fullmatch(text):
        raise WireError("node performance is not a decimal between 0 and 1")
    return float(text)
