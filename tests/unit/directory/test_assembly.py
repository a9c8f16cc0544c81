"""Rows and a rewarded set become a topology."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from nymconnect.base58 import b58encode
from nymconnect.directory.assembly import build_node_topology, build_topology, is_host, node_from
from nymconnect.directory.models import (
    DeclaredRoles,
    EntryInfo,
    Metadata,
    NodeRow,
    NoiseKey,
    RewardedSet,
    SemiSkimmedRow,
)
from nymconnect.directory.topology import Node
from nymconnect.errors import WireError
from nymconnect.packet.addressing import NodeAddress
from tests.helpers.directories import identity_of, noise_of, row, sphinx_of
from tests.helpers.hostile_bytes import HOSTILE_HOSTS

METADATA = Metadata(130, 5)
REWARDED = RewardedSet([4], [], [1], [2], [3], [])
MIXES = [row(1), row(2), row(3)]


def gateway_row(node_id: int, performance: str = "1", **changes: Any) -> NodeRow:
    members = {"supported_roles": DeclaredRoles(entry=True), "entry": EntryInfo(9000)} | changes
    return row(node_id, performance, **members)


def ids(nodes: Iterable[Node]) -> list[int]:
    return [node.node_id for node in nodes]


def test_topology_has_layers_of_the_rewarded_set_and_gateways() -> None:
    topology = build_topology(METADATA, REWARDED, MIXES, [gateway_row(4)])
    assert [ids(layer) for layer in topology.layers] == [[1], [2], [3]]
    assert ids(topology.gateways.values()) == [4]
    assert (topology.rotation_id, topology.epoch_id) == (5, 130)
    assert topology.is_routable()


@pytest.mark.parametrize(
    ("features", "is_place"), [(UNSET, False), ([], False), (["later"], False), (["later", "drop-cover"], True)]
)
def test_a_network_is_ours_if_a_gateway_takes_drop_cover(features: list[str] | UnsetType, is_place: bool) -> None:
    rows = [gateway_row(4), gateway_row(5, features=features), gateway_row(6, "0.1", features=["drop-cover"])]
    topology = build_topology(METADATA, REWARDED, MIXES, rows)
    assert topology.drop_places == ((identity_of(5).public,) if is_place else ())
    assert topology.is_ours is is_place


def test_topology_ignores_the_role_in_rows() -> None:
    swapped = RewardedSet([4], [], [3], [1], [2], [])
    topology = build_topology(METADATA, swapped, [row(1, role="EntryGateway"), row(2), row(3)], [gateway_row(4)])
    assert [ids(layer) for layer in topology.layers] == [[3], [1], [2]]


def test_topology_leaves_out_mixnodes_that_are_not_rewarded() -> None:
    topology = build_topology(METADATA, REWARDED, [*MIXES, row(7)], [gateway_row(4)])
    assert topology.node_of(identity_of(7).public) is None


def test_topology_skips_rewarded_ids_without_a_row() -> None:
    rewarded = RewardedSet([4], [], [1, 99], [98], [3, 3], [])
    topology = build_topology(METADATA, rewarded, MIXES, [gateway_row(4)])
    assert [ids(layer) for layer in topology.layers] == [[1], [], [3]]
    assert not topology.is_routable()


@pytest.mark.parametrize(
    ("performance", "stays"),
    [("0.5", True), ("00.5", True), ("01", True), ("0.4999", False), ("0.495", False), ("0", False), ("00", False)],
)
def test_topology_leaves_out_what_performs_below_half(performance: str, stays: bool) -> None:
    rewarded = RewardedSet([4], [], [1, 6], [2], [3], [])
    topology = build_topology(METADATA, rewarded, [*MIXES, row(6, performance)], [gateway_row(4, performance)])
    assert (6 in ids(topology.layers[0])) == stays
    assert (4 in ids(topology.gateways.values())) == stays


@pytest.mark.parametrize(
    ("entry", "exits", "routable"), [([4], [], True), ([], [4], True), ([77], [], True), ([], [], False)]
)
def test_topology_is_routable_if_some_gateway_is_rewarded(entry: list[int], exits: list[int], routable: bool) -> None:
    topology = build_topology(METADATA, RewardedSet(entry, exits, [1], [2], [3], []), MIXES, [gateway_row(4)])
    assert topology.is_routable() == routable


def test_first_ip_address_is_the_mix_address() -> None:
    node = node_from(row(1, ip_addresses=["2001:0DB8::1", "10.0.0.1"]))
    assert node.mix_address == NodeAddress("2001:db8::1", 1789)
    assert node.ips == ("2001:db8::1", "10.0.0.1")
    assert node.sphinx_key == sphinx_of(1).public


def test_entry_point_has_the_ips_of_its_node() -> None:
    entry = node_from(gateway_row(4, entry=EntryInfo(9000, "gate.example", 9001))).entry
    assert entry is not None
    assert (entry.hostname, entry.ws_port, entry.wss_port, entry.ips) == ("gate.example", 9000, 9001, ("10.0.0.4",))


@pytest.mark.parametrize(("nr", "ipr", "is_exit"), [(True, True, True), (True, False, False), (False, True, False)])
def test_exit_needs_both_services(nr: bool, ipr: bool, is_exit: bool) -> None:
    assert node_from(row(1, supported_roles=DeclaredRoles(exit_nr=nr, exit_ipr=ipr))).roles.exit == is_exit


BAD = [
    {"ip_addresses": []},
    {"ip_addresses": ["node.example"]},
    {"ip_addresses": ["10.0.0.1", "10.0.0.256"]},
    {"mix_port": 0},
    {"ed25519_identity_pubkey": "0"},
    {"ed25519_identity_pubkey": b58encode(bytes(31))},
    {"x25519_sphinx_pubkey": b58encode(bytes(33))},
    {"x25519_sphinx_pubkey": b58encode(bytes(32))},
    {"performance": "1.01"},
    {"performance": "-0.5"},
    {"performance": "nan"},
    {"performance": "1e-1"},
    {"performance": "+0.5"},
    {"performance": "10"},
    {"performance": "01.1"},
    {"performance": "0.1234567890123456789"},
    {"performance": ""},
]


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_bad_row_is_refused_alone_and_skipped_in_a_list(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        node_from(row(1, **changes))
    topology = build_node_topology(METADATA, REWARDED, [semi(row(1, **changes)), semi(row(2))])
    assert ids(topology.others) == [2]


def test_second_row_of_an_id_or_identity_is_skipped() -> None:
    twin = row(2, ed25519_identity_pubkey=b58encode(identity_of(1).public))
    rows = [row(1), row(1, ip_addresses=["10.9.9.9"]), twin, row(3)]
    topology = build_node_topology(METADATA, REWARDED, list(map(semi, rows)))
    assert sorted(ids(topology.others)) == [1, 3]
    assert not topology.known_ip("10.9.9.9")


def semi(node: NodeRow, key: NoiseKey | None = None) -> SemiSkimmedRow:
    return SemiSkimmedRow(node, key)


def noise(node_id: int, version: int = 1) -> NoiseKey:
    return NoiseKey(version, b58encode(noise_of(node_id).public))


@pytest.mark.parametrize(("version", "used"), [(0, False), (1, True), (2, True)])
def test_node_topology_has_noise_keys_of_version_one_or_later(version: int, used: bool) -> None:
    rows = [*map(semi, MIXES), semi(gateway_row(4), noise(4, version))]
    topology = build_node_topology(METADATA, REWARDED, rows)
    node = topology.node_at(NodeAddress("10.0.0.4", 1789))
    assert node is not None
    assert node.noise_key == (noise_of(4).public if used else None)
    assert topology.expects_noise("10.0.0.4") == used
    assert not topology.expects_noise("10.0.0.1")


def test_node_topology_knows_nodes_that_it_does_not_route_by() -> None:
    rows = [*map(semi, MIXES), semi(gateway_row(4)), semi(row(6, "0")), semi(gateway_row(7, "0.1"))]
    rewarded = RewardedSet([4], [], [1, 6], [2], [3], [])
    topology = build_node_topology(METADATA, rewarded, rows)
    assert topology.known_ip("10.0.0.6")
    assert topology.known_ip("10.0.0.7")
    assert ids(topology.layers[0]) == [1]
    assert ids(topology.gateways.values()) == [4]


def test_node_topology_skips_rows_with_a_bad_noise_key() -> None:
    rows = [*map(semi, MIXES), semi(gateway_row(4), NoiseKey(1, "0OIl"))]
    assert not build_node_topology(METADATA, REWARDED, rows).known_ip("10.0.0.4")


@pytest.mark.parametrize("host", HOSTILE_HOSTS, ids=ascii)
def test_a_gateway_whose_host_name_is_none_is_left_out_and_counted_and_the_others_stay(host: str) -> None:
    rows = [gateway_row(4), gateway_row(5, entry=EntryInfo(9000, host))]
    topology = build_topology(METADATA, REWARDED, MIXES, rows)
    assert ids(topology.gateways.values()) == [4]
    assert topology.left_out == 1
    assert topology.is_routable()
    for_nodes = build_node_topology(METADATA, REWARDED, [SemiSkimmedRow(one, None) for one in [*MIXES, *rows]])
    assert sorted(ids(for_nodes.others)) == [1, 2, 3, 4]
    assert for_nodes.left_out == 1


@pytest.mark.parametrize(
    "host", ["gateway.example", "gateway.example.", "localhost", "a_b.x-y.example", "a" * 63 + ".b", "192.0.2.1", "::1"]
)
def test_a_gateway_with_a_usual_host_name_stays(host: str) -> None:
    topology = build_topology(METADATA, REWARDED, MIXES, [gateway_row(4, entry=EntryInfo(9000, host))])
    assert [node.entry.hostname for node in topology.gateways.values() if node.entry] == [host]
    assert topology.left_out == 0


def test_a_host_name_has_at_most_253_characters() -> None:
    longest = ".".join(["a" * 49] * 5) + ".a.b"
    assert len(longest) == 253
    assert is_host(longest)
    assert not is_host("a" + longest)
