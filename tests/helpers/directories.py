"""Directory states and node rows for tests of both sides of the directory."""

from typing import Any

from nymconnect.base58 import b58encode
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.directory.models import DeclaredRoles, EntryInfo, NodeRow
from nymconnect.directory.network_state import (
    LAYER_ASSIGNMENTS,
    Assignment,
    Calendar,
    NetworkState,
    NodeRecord,
    SphinxKey,
)

START = 1_790_000_000.0
ROTATION = 5


def identity_of(node_id: int) -> Ed25519Secret:
    return Ed25519Secret(bytes([node_id]) * 32)


def sphinx_of(node_id: int, rotation: int = ROTATION) -> X25519Secret:
    return X25519Secret(bytes([node_id, rotation]) * 16)


def noise_of(node_id: int) -> X25519Secret:
    return X25519Secret(bytes([node_id, 200]) * 16)


def mix_record(node_id: int, assignment: Assignment, ip: str = "127.0.0.1") -> NodeRecord:
    return NodeRecord(
        node_id,
        identity_of(node_id).public,
        (SphinxKey(ROTATION, sphinx_of(node_id).public),),
        (ip,),
        1800 + node_id,
        assignment,
        DeclaredRoles(mixnode=True),
        noise_key=noise_of(node_id).public,
    )


def gateway_record(node_id: int, assignment: Assignment = Assignment.ENTRY, *, is_exit: bool = False) -> NodeRecord:
    return NodeRecord(
        node_id,
        identity_of(node_id).public,
        (SphinxKey(ROTATION, sphinx_of(node_id).public),),
        ("127.0.0.1",),
        1800 + node_id,
        assignment,
        DeclaredRoles(entry=True, exit_nr=is_exit, exit_ipr=is_exit),
        EntryInfo(9000 + node_id),
        noise_key=noise_of(node_id).public,
    )


def small_state() -> NetworkState:
    """Mix nodes 1 to 3 in their layers, entry gateway 4, exit gateway 5, standby mix node 6; rotation 5 at START."""
    state = NetworkState(Calendar(START, first_rotation=ROTATION))
    for node_id, assignment in enumerate((*LAYER_ASSIGNMENTS,), start=1):
        state.add(mix_record(node_id, assignment))
    state.add(gateway_record(4))
    state.add(gateway_record(5, Assignment.EXIT, is_exit=True))
    state.add(mix_record(6, Assignment.STANDBY))
    return state


def row(node_id: int, performance: str = "1", **changes: Any) -> NodeRow:
    """A mix node's row, with members changed by name."""
    members: dict[str, Any] = {
        "node_id": node_id,
        "ed25519_identity_pubkey": b58encode(identity_of(node_id).public),
        "ip_addresses": [f"10.0.0.{node_id}"],
        "mix_port": 1789,
        "x25519_sphinx_pubkey": b58encode(sphinx_of(node_id).public),
        "performance": performance,
        "supported_roles": DeclaredRoles(mixnode=True),
    }
    return NodeRow(**(members | changes))
