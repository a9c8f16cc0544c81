"""What a directory serves."""

import json
from typing import Any

import pytest

from nymconnect.base58 import b58encode
from nymconnect.directory import documents
from nymconnect.directory.models import decode_node_list, decode_semi_skimmed_list, encode
from nymconnect.directory.network_state import SphinxKey
from tests.helpers.directories import ROTATION, START, identity_of, noise_of, small_state, sphinx_of

HOUR = 3600.0


def as_json(document: object) -> Any:
    return json.loads(encode(document))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (1_789_898_700.0, "2026-09-20 10:05:00.0 +00:00:00"),
        (1_789_898_700.25, "2026-09-20 10:05:00.25 +00:00:00"),
        (0.0, "1970-01-01 00:00:00.0 +00:00:00"),
    ],
)
def test_times_are_written_as_rust_writes_them(moment: float, text: str) -> None:
    assert documents.format_time(moment) == text


@pytest.mark.parametrize(
    ("role", "ids"),
    [
        ("active-mixnode", [1, 2, 3]),
        ("entry-gateway", [4, 5]),
        ("entry", [4, 5]),
        ("gateway", [4, 5]),
        ("exit-gateway", [5]),
        ("exit", [5]),
    ],
)
def test_role_filters(role: str, ids: list[int]) -> None:
    answer = documents.node_list(small_state(), START, documents.ROLE_FILTERS[role])
    assert [row.node_id for row in answer.nodes.data] == ids


def test_standby_mixnode_is_in_the_list_of_all_mixnodes_only() -> None:
    answer = documents.node_list(small_state(), START, documents.can_mix)
    assert [row.node_id for row in answer.nodes.data] == [1, 2, 3, 6]


def test_node_list_is_one_page_with_a_true_total() -> None:
    answer = as_json(documents.node_list(small_state(), START, documents.can_enter))
    assert answer["nodes"]["pagination"] == {"total": 2, "page": 0, "size": 2}
    assert answer["metadata"] == {
        "status": None,
        "absolute_epoch_id": 120,
        "rotation_id": ROTATION,
        "refreshed_at": documents.format_time(START),
    }
    assert answer["nodes"]["data"][0] == {
        "node_id": 4,
        "ed25519_identity_pubkey": b58encode(identity_of(4).public),
        "ip_addresses": ["127.0.0.1"],
        "mix_port": 1804,
        "x25519_sphinx_pubkey": b58encode(sphinx_of(4).public),
        "role": "EntryGateway",
        "supported_roles": {"mixnode": False, "entry": True, "exit_nr": False, "exit_ipr": False},
        "entry": {"hostname": None, "ws_port": 9004, "wss_port": None},
        "performance": "1",
    }


def test_node_list_has_no_updates_for_a_reader_of_this_epoch() -> None:
    state = small_state()
    answer = documents.node_list(state, START, documents.can_mix, known_epoch=120)
    assert answer.metadata.status == "no-updates"
    assert (answer.nodes.data, answer.nodes.pagination.total) == ([], 0)
    assert documents.node_list(state, START, documents.can_mix, known_epoch=119).nodes.data
    semi = documents.semi_skimmed_list(state, START, known_epoch=120)
    assert (semi.metadata.status, semi.nodes.data, semi.nodes.pagination.total) == ("no-updates", [], 0)


def test_lists_survive_the_decoders() -> None:
    state = small_state()
    skimmed = documents.node_list(state, START, documents.can_enter)
    semi = documents.semi_skimmed_list(state, START)
    assert decode_node_list(encode(skimmed)) == skimmed
    assert decode_semi_skimmed_list(encode(semi)) == semi
    assert semi.nodes.pagination.total == 6


def test_current_epoch_counts_in_intervals() -> None:
    calendar = small_state().calendar
    answer = as_json(documents.current_epoch(calendar, START + 700 * HOUR))
    assert answer == {
        "id": 1,
        "epochs_in_interval": 720,
        "current_epoch_start": "2026-10-20T18:13:20Z",
        "current_epoch_id": 100,
        "epoch_length": {"secs": 3600, "nanos": 0},
        "total_elapsed_epochs": 820,
    }


def test_health_has_whole_seconds() -> None:
    assert documents.health(12.9) == {"status": "up", "chain_status": "unknown", "uptime": 12}


def test_described_nodes_tell_their_keys() -> None:
    state = small_state()
    later = SphinxKey(ROTATION + 1, sphinx_of(4, ROTATION + 1).public)
    state.set_sphinx_keys(4, (SphinxKey(ROTATION, sphinx_of(4).public), later))
    answer = as_json(documents.described(state, START))
    assert answer["pagination"]["total"] == len(answer["data"]) == 6
    node = answer["data"][3]
    assert (node["node_id"], node["contract_node_type"]) == (4, "nym_node")
    assert node["description"]["host_information"] == {
        "ip_address": ["127.0.0.1"],
        "hostname": None,
        "keys": {
            "ed25519": b58encode(identity_of(4).public),
            "x25519": b58encode(sphinx_of(4).public),
            "current_x25519_sphinx_key": {"rotation_id": ROTATION, "public_key": b58encode(sphinx_of(4).public)},
            "pre_announced_x25519_sphinx_key": {
                "rotation_id": ROTATION + 1,
                "public_key": b58encode(later.public),
            },
            "x25519_versioned_noise": {"supported_version": 1, "x25519_pubkey": b58encode(noise_of(4).public)},
        },
    }
    assert node["description"]["mixnet_websockets"] == {"ws_port": 9004, "wss_port": None}
    assert node["description"]["auxiliary_details"]["announce_ports"]["mix_port"] == 1804
    assert node["description"]["network_requester"] is None


def test_network_details_name_this_directory_alone() -> None:
    network = documents.network_details("local", "http://127.0.0.1:8081/")["network"]
    assert network["network_name"] == "local"
    assert network["nym_api_urls"] == [{"url": "http://127.0.0.1:8081/", "front_hosts": None}]
    assert network["endpoints"][0]["api_url"] == "http://127.0.0.1:8081/"
    assert set(network["contracts"].values()) == {None}
