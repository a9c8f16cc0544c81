"""The documents that a directory serves, made from its state.

Mirrors nym-api 1.21 (`nym-api/src/unstable_routes/v2`, `network`, `status`, `node_describe_cache`) in the members that
readers require. `described` and `network_details` say what is true for a network without a chain: no contracts, no
build information of nodes. All lists come as one page, and `pagination.total` is the number of rows served: a reader
asks for page after page until it holds that many.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nymconnect.base58 import b58encode
from nymconnect.directory.models import (
    NO_UPDATES,
    Metadata,
    NodeList,
    NodePage,
    Pagination,
    SemiSkimmedList,
    SemiSkimmedPage,
)
from nymconnect.directory.network_state import Calendar, NetworkState, NodeRecord

# Epochs of an interval of the mixnet contract; only reward tools count in intervals.
EPOCHS_IN_INTERVAL = 720
NODE_VERSION = "1.31.0"

Wanted = Callable[[NodeRecord], bool]


def is_active_mixnode(record: NodeRecord) -> bool:
    return record.assignment.is_mixing


def can_mix(record: NodeRecord) -> bool:
    return record.roles.mixnode


def can_enter(record: NodeRecord) -> bool:
    return record.roles.entry and record.entry is not None


def can_exit(record: NodeRecord) -> bool:
    return record.roles.exit_nr and record.roles.exit_ipr


# Values of the query parameter `role`, with the aliases that the reference takes.
ROLE_FILTERS: Mapping[str, Wanted] = {
    "active-mixnode": is_active_mixnode,
    "entry-gateway": can_enter,
    "entry": can_enter,
    "gateway": can_enter,
    "exit-gateway": can_exit,
    "exit": can_exit,
}


def node_list(state: NetworkState, now: float, wanted: Wanted, known_epoch: int | None = None) -> NodeList:
    """Skimmed rows of the nodes that are `wanted`; none if the reader already has epoch `known_epoch`."""
    if known_epoch == state.calendar.epoch_id(now):
        return NodeList(_metadata(state.calendar, now, NO_UPDATES), NodePage(_one_page([]), []))
    rows = state.rows(now, wanted)
    return NodeList(_metadata(state.calendar, now), NodePage(_one_page(rows), rows))


def semi_skimmed_list(state: NetworkState, now: float, known_epoch: int | None = None) -> SemiSkimmedList:
    """All nodes with their Noise keys; none if the reader already has epoch `known_epoch`."""
    if known_epoch == state.calendar.epoch_id(now):
        return SemiSkimmedList(_metadata(state.calendar, now, NO_UPDATES), SemiSkimmedPage(_one_page([]), []))
    rows = state.semi_skimmed_rows(now)
    return SemiSkimmedList(_metadata(state.calendar, now), SemiSkimmedPage(_one_page(rows), rows))


def _metadata(calendar: Calendar, now: float, status: str | None = None) -> Metadata:
    return Metadata(calendar.epoch_id(now), calendar.rotation_id(now), status, format_time(now))


def _one_page(rows: Sequence[object]) -> Pagination:
    return Pagination(total=len(rows), page=0, size=len(rows))


def format_time(now: float) -> str:
    """As Rust's `time` crate displays a moment: ``2026-09-20 10:05:00.0 +00:00:00``."""
    moment = datetime.fromtimestamp(now, UTC)
    fraction = f"{moment.microsecond:06}".rstrip("0") or "0"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{fraction} +00:00:00"


def current_epoch(calendar: Calendar, now: float) -> dict[str, Any]:
    """The epoch as the mixnet contract's `Interval`."""
    epoch_id = calendar.epoch_id(now)
    interval, within = divmod(epoch_id, EPOCHS_IN_INTERVAL)
    return {
        "id": interval,
        "epochs_in_interval": EPOCHS_IN_INTERVAL,
        "current_epoch_start": calendar.info(now).current_epoch_start,
        "current_epoch_id": within,
        "epoch_length": calendar.span,
        "total_elapsed_epochs": epoch_id,
    }


def health(uptime: float) -> dict[str, Any]:
    """There is no chain to be in step with, hence "unknown"."""
    return {"status": "up", "chain_status": "unknown", "uptime": int(uptime)}


def described(state: NetworkState, now: float) -> dict[str, Any]:
    """Self-descriptions of all nodes, first version of the document."""
    rotation_id = state.calendar.rotation_id(now)
    data = [_described(record, rotation_id, now) for record in state]
    return {"pagination": _one_page(data), "data": data}


def _described(record: NodeRecord, rotation_id: int, now: float) -> dict[str, Any]:
    requester = {"address": record.requester, "uses_exit_policy": True} if record.requester else None
    # Mix nodes announce a websocket as well (nym-node does); the port is the one that nodes use by default.
    sockets = {"ws_port": record.entry.ws_port, "wss_port": record.entry.wss_port} if record.entry else None
    return {
        "node_id": record.node_id,
        "contract_node_type": "nym_node",
        "description": {
            "last_polled": format_time(now),
            "host_information": _host_information(record, rotation_id),
            "declared_role": record.roles,
            "auxiliary_details": {
                "location": record.country,
                "announce_ports": {"verloc_port": None, "mix_port": record.mix_port},
                "accepted_operator_terms_and_conditions": False,
            },
            "build_information": _BUILD_INFORMATION,
            "network_requester": requester,
            "ip_packet_router": None,
            "authenticator": None,
            "wireguard": None,
            "mixnet_websockets": sockets or {"ws_port": 9000, "wss_port": None},
        },
    }


def _host_information(record: NodeRecord, rotation_id: int) -> dict[str, Any]:
    current = b58encode(record.sphinx_key(rotation_id))
    later = [key for key in record.sphinx_keys if key.rotation_id == rotation_id + 1]
    announced = {"rotation_id": later[0].rotation_id, "public_key": b58encode(later[0].public)} if later else None
    return {
        "ip_address": record.ips,
        "hostname": record.entry.hostname if record.entry else None,
        "keys": {
            "ed25519": b58encode(record.identity),
            "x25519": current,
            "current_x25519_sphinx_key": {"rotation_id": rotation_id, "public_key": current},
            "pre_announced_x25519_sphinx_key": announced,
            "x25519_versioned_noise": record.noise(),
        },
    }


_BUILD_INFORMATION = {
    "binary_name": "nymconnect-node",
    "build_timestamp": "",
    "build_version": NODE_VERSION,
    "commit_sha": "",
    "commit_timestamp": "",
    "commit_branch": "",
    "rustc_version": "",
    "rustc_channel": "",
    "cargo_profile": "",
    "cargo_triple": "",
}

_CONTRACTS = ("mixnet", "vesting", "performance", "ecash", "group", "multisig", "coconut_dkg", "node_families")


def network_details(name: str, api_url: str) -> dict[str, Any]:
    """What wallets read: this directory as the only API, no chain behind it."""
    return {
        "connected_nyxd": "",
        "network": {
            "network_name": name,
            "chain_details": {
                "bech32_account_prefix": "n",
                "mix_denom": {"base": "unym", "display": "nym", "display_exponent": 6},
                "stake_denom": {"base": "unyx", "display": "nyx", "display_exponent": 6},
            },
            "endpoints": [{"nyxd_url": "", "websocket_url": None, "api_url": api_url}],
            "contracts": {f"{contract}_contract_address": None for contract in _CONTRACTS},
            "nym_vpn_api_url": None,
            "nym_api_urls": [{"url": api_url, "front_hosts": None}],
            "nym_vpn_api_urls": None,
        },
    }
