"""nym-api-requests, nym-topology, nym-node-requests 1.21 and 2.0: the bodies of the directory API, read and written."""

import json
from typing import Any

import pytest

from nymconnect.base58 import b58decode, b58encode
from nymconnect.crypto import Ed25519Secret, ed25519_verify
from nymconnect.directory import models
from nymconnect.directory.assembly import build_node_topology, build_topology, node_from, performs, with_noise_key
from nymconnect.errors import WireError
from tests.helpers.rust_vectors import OLD, cases, each_line, load, unhex

Vector = dict[str, Any]
DECODERS = {
    "key_rotation_info": models.decode_key_rotation_info,
    "rewarded_set": models.decode_rewarded_set,
    "skimmed": models.decode_node_list,
}


def text(section: str, line: str = OLD) -> bytes:
    return str(load("directory", line)[section]).encode()


def same_json(ours: object, theirs: bytes | str) -> None:
    assert json.loads(models.encode(ours)) == json.loads(theirs)


@cases("directory", "key_rotation_info")
def test_the_rotation_info_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    info = models.decode_key_rotation_info(vector["text"].encode())
    assert info.rotation_id == vector["rotation_id"] == info.progress.current_key_rotation_id
    assert info.current_absolute_epoch_id == vector["epoch"]
    assert info.current_epoch_start.timestamp() == vector["start"]
    assert info.epoch_duration.seconds == 3600.5
    first = info.key_rotation_state.first_epoch_of(info.rotation_id)
    assert first == info.progress.current_rotation_starting_epoch
    assert first + vector["validity"] - 1 == info.progress.current_rotation_ending_epoch
    same_json(info, vector["text"])


@each_line
def test_the_rewarded_set_is_read_and_written_as_by_the_crate(line: str) -> None:
    rewarded = models.decode_rewarded_set(text("rewarded_set", line))
    assert rewarded == models.RewardedSet([4, 6], [5], [1, 11], [2], [3], [9], 130)
    same_json(rewarded, text("rewarded_set", line))


@each_line
def test_a_page_of_nodes_is_read_and_written_as_by_the_crate(line: str) -> None:
    page = models.decode_node_list(text("skimmed", line))
    assert [row.node_id for row in page.nodes.data] == list(range(1, 8))
    same_json(page, text("skimmed", line))


@each_line
def test_a_page_of_nodes_with_noise_keys_is_read_and_written_as_by_the_crate(line: str) -> None:
    page = models.decode_semi_skimmed_list(text("semi_skimmed", line))
    keys = [row.x25519_noise_versioned_key for row in page.nodes.data]
    assert [key and key.supported_version for key in keys] == [1, None, 2]
    same_json(page, text("semi_skimmed", line))


@cases("directory", "routing_nodes")
def test_a_row_becomes_the_crates_routing_node(vector: Vector) -> None:
    rows = {row.node_id: row for row in models.decode_node_list(text("skimmed")).nodes.data}
    node = node_from(rows[vector["node_id"]])
    assert str(node.mix_address) == vector["mix_host"]
    assert node.identity.hex() == vector["identity"]
    assert node.sphinx_key.hex() == vector["sphinx_key"]
    assert node.roles.entry == vector["entry"]
    assert node.roles.exit == vector["exit"]
    assert performs(node) == (vector["percent"] >= 50)
    assert (node.entry is None) == (vector["ws"] is None)


@each_line
def test_the_layers_come_from_the_crates_documents(line: str) -> None:
    page = models.decode_node_list(text("skimmed", line))
    rewarded = models.decode_rewarded_set(text("rewarded_set", line))
    rows = {row.node_id: row for row in page.nodes.data}
    topology = build_topology(page.metadata, rewarded, [rows[1], rows[2], rows[3]], [rows[5], rows[6]])
    assert [[node.node_id for node in layer] for layer in topology.layers] == [[1], [2], []]  # node 3 has 49 %
    assert {node.node_id for node in topology.gateways.values()} == {5, 6}
    assert (topology.rotation_id, topology.epoch_id) == (5, 130)


@each_line
def test_a_nodes_topology_takes_the_crates_noise_keys(line: str) -> None:
    page = models.decode_semi_skimmed_list(text("semi_skimmed", line))
    nodes = [with_noise_key(row) for row in page.nodes.data]
    assert [bool(node and node.noise_key) for node in nodes] == [True, False, True]
    rewarded = models.decode_rewarded_set(text("rewarded_set", line))
    topology = build_node_topology(page.metadata, rewarded, page.nodes.data)
    assert topology.epoch_id == 130


@pytest.mark.parametrize("index", range(3))
@each_line
def test_every_status_of_a_list_is_read(index: int, line: str) -> None:
    status = load("directory", line)["statuses"][index]
    document = json.loads(text("skimmed", line))
    document["metadata"] = json.loads(status)
    page = models.decode_node_list(json.dumps(document).encode())
    assert page.metadata.agrees_with(page.metadata)
    same_json(page.metadata, status)


@each_line
def test_questions_for_addresses_are_read_and_written_as_by_the_crate(line: str) -> None:
    vector = load("directory", line)["by_addresses"]
    query = models.decode_address_query(vector["request"].encode())
    assert query.addresses == ["10.0.0.4", "2001:db8::5"]
    same_json(query, vector["request"])
    known = models.decode_address_reply(vector["response"].encode())
    assert known.existence == {"10.0.0.4": 4}
    same_json(known, vector["response"])
    assert models.decode_address_reply(vector["unknown"].encode()).existence == {"10.0.0.9": None}


@each_line
def test_a_request_to_refresh_is_signed_and_checked_as_by_the_crate(line: str) -> None:
    vector = load("directory", line)["refresh"]
    identity = Ed25519Secret(unhex(vector["seed"]))
    theirs = models.decode_refresh_request(vector["text"].encode())
    assert theirs.verify() == identity.public
    ours = models.RefreshRequest.sign(identity, 1_700_000_000.9)
    assert bytes(ours.signature).hex() == vector["signature"]
    same_json(ours, vector["text"])


@cases("directory", "host_information")
def test_host_information_is_signed_over_its_compact_json(vector: Vector) -> None:
    signed = json.loads(vector["text"])
    plaintext = json.dumps(signed["data"], separators=(",", ":"), ensure_ascii=False)
    assert plaintext == vector["plaintext"]
    identity = Ed25519Secret(unhex(vector["seed"]))
    assert b58encode(identity.sign(plaintext.encode())) == vector["signature"]
    ed25519_verify(identity.public, b58decode(signed["signature"], 64), plaintext.encode())


# Where ours differs, on purpose or because the difference cannot matter.
WE_REFUSE = ('"nanos":0 → "nanos":1000000000',)
WE_TAKE = (
    '"role":"EntryGateway" → "role":"Unheard"',  # roles are for people
    '"status":null → "status":"other"',
    '"10.0.0.4" → "10.0.0.256"',  # leaves out that row, not the page
    '"performance":"0" → "performance":"1.1"',
    '"performance":"0" → "performance":"-0.1"',
    '"performance":"0" → "performance":"0.12345678901234567891"',
)


@cases("directory", "readings")
def test_a_body_is_read_where_the_crate_reads_it(vector: Vector) -> None:
    accepted = vector["accepted"]
    if vector["edit"] in WE_REFUSE:
        accepted = False
    if vector["edit"] in WE_TAKE:
        accepted = True
    decode = DECODERS[vector["kind"]]
    if accepted:
        decode(vector["text"].encode())
    else:
        with pytest.raises(WireError):
            decode(vector["text"].encode())
