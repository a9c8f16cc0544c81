"""JSON documents of the directory API: known examples, bad input, bounds."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import Ed25519Secret
from nymconnect.directory import models
from nymconnect.directory.models import (
    MixLayer,
    MixnodeRole,
    NoiseKey,
    RefreshRequest,
    decode_address_query,
    decode_address_reply,
    decode_described_list,
    decode_key_rotation_info,
    decode_node_list,
    decode_refresh_request,
    decode_rewarded_set,
    decode_semi_skimmed_list,
    encode,
)
from nymconnect.errors import WireError

ROTATION_INFO = {
    "key_rotation_state": {"validity_epochs": 24, "initial_epoch_id": 0},
    "current_absolute_epoch_id": 130,
    "current_epoch_start": "2026-09-20T10:00:00Z",
    "epoch_duration": {"secs": 3600, "nanos": 0},
    "progress": {
        "current_key_rotation_id": 5,
        "current_rotation_starting_epoch": 120,
        "current_rotation_ending_epoch": 143,
    },
}
REWARDED = {
    "epoch_id": 130,
    "entry_gateways": [4],
    "exit_gateways": [],
    "layer1": [1],
    "layer2": [2],
    "layer3": [3],
    "standby": [],
}
ROW = {
    "node_id": 4,
    "ed25519_identity_pubkey": "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu",
    "ip_addresses": ["127.0.0.1"],
    "mix_port": 1804,
    "x25519_sphinx_pubkey": "CaSdBTVh3N8thsoQZpvu4aYm8be3VMQj2vRUCjiienpS",
    "role": "EntryGateway",
    "supported_roles": {"mixnode": False, "entry": True, "exit_nr": False, "exit_ipr": False},
    "entry": {"hostname": None, "ws_port": 9004, "wss_port": None},
    "performance": "1",
}
METADATA = {
    "status": None,
    "absolute_epoch_id": 130,
    "rotation_id": 5,
    "refreshed_at": "2026-09-20 10:05:00.0 +00:00:00",
}
NODES = {"metadata": METADATA, "nodes": {"pagination": {"total": 1, "page": 0, "size": 1}, "data": [ROW]}}
NOISE: dict[str, Any] = {"supported_version": 1, "x25519_pubkey": "BDRdiNCkfPYPe5fngXDNajU1CL5zLwWGo3hhXcJtiyFp"}
SEMI = {
    "metadata": METADATA,
    "nodes": {
        "pagination": {"total": 2, "page": 0, "size": 2},
        "data": [
            {"basic": ROW, "x25519_noise_versioned_key": None},
            {"basic": ROW, "x25519_noise_versioned_key": NOISE},
        ],
    },
}
REFRESH = {"node_identity": ROW["ed25519_identity_pubkey"], "request_timestamp": 1700000000, "signature": [0] * 64}
DOCUMENTS: list[tuple[Callable[[bytes], object], dict[str, Any]]] = [
    (decode_key_rotation_info, ROTATION_INFO),
    (decode_rewarded_set, REWARDED),
    (decode_node_list, NODES),
    (decode_semi_skimmed_list, SEMI),
    (
        decode_described_list,
        {
            "pagination": {"total": 2, "page": 0, "size": 2},
            "data": [
                {
                    "description": {
                        "network_requester": {"address": "a.b@c"},
                        "host_information": {"keys": {"ed25519": "abc"}},
                        "auxiliary_details": {"location": "CH"},
                    }
                },
                {
                    "description": {
                        "network_requester": None,
                        "host_information": None,
                        "auxiliary_details": {"location": None},
                    }
                },
            ],
        },
    ),
    (decode_address_query, {"addresses": ["127.0.0.1"]}),
    (decode_address_reply, {"existence": {"127.0.0.1": 4, "127.0.0.2": None}}),
    (decode_refresh_request, REFRESH),
]
DOCUMENTS += [(decode_node_list, NODES | {"nodes": NODES["nodes"] | {"data": [ROW | {"nymconnect": ["drop-cover"]}]}})]
each_document = pytest.mark.parametrize(
    ("decode", "document"), DOCUMENTS, ids=[decode.__name__ for decode, _ in DOCUMENTS]
)


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def changed(document: dict[str, Any], path: str, value: object) -> bytes:
    """`document` with the member at the dotted `path` set."""
    copy = json.loads(json.dumps(document))
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[last] = value
    return as_json(copy)


@each_document
def test_document_decodes_and_encodes_to_the_same_json(
    decode: Callable[[bytes], object], document: dict[str, Any]
) -> None:
    assert json.loads(encode(decode(as_json(document)))) == document


@each_document
def test_document_cut_short_is_refused(decode: Callable[[bytes], object], document: dict[str, Any]) -> None:
    data = as_json(document)
    for length in range(len(data)):
        with pytest.raises(WireError):
            decode(data[:length])


@each_document
def test_document_with_trailing_bytes_is_refused(decode: Callable[[bytes], object], document: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        decode(as_json(document) + b"{}")


@each_document
def test_document_without_a_required_member_is_refused(
    decode: Callable[[bytes], object], document: dict[str, Any]
) -> None:
    optional = {"epoch_id"}
    for name in document.keys() - optional:
        rest = {key: value for key, value in document.items() if key != name}
        with pytest.raises(WireError):
            decode(as_json(rest))


@each_document
def test_document_takes_unknown_members(decode: Callable[[bytes], object], document: dict[str, Any]) -> None:
    assert decode(as_json(document | {"later": [1, {"a": None}]})) == decode(as_json(document))


@each_document
@pytest.mark.parametrize("member", [b'"\xfd":1', b'"more":"\xfd"', b'"more":{"x":["\xc3\x28"]}'])
def test_document_is_text_even_where_it_is_not_read(
    decode: Callable[[bytes], object], document: dict[str, Any], member: bytes
) -> None:
    with pytest.raises(WireError):
        decode(b"{" + member + b"," + as_json(document)[1:])


@each_document
@given(data=st.binary(max_size=200))
@settings(max_examples=40)
def test_random_bytes_are_refused(decode: Callable[[bytes], object], document: dict[str, Any], data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@each_document
@given(data=st.data())
@settings(max_examples=40)
def test_document_with_a_changed_byte_decodes_or_is_refused(
    decode: Callable[[bytes], object], document: dict[str, Any], data: st.DataObject
) -> None:
    text = bytearray(as_json(document))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        assert decode(bytes(text)) is not None


@each_document
def test_document_that_is_too_long_is_refused(
    decode: Callable[[bytes], object], document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = as_json(document)
    monkeypatch.setattr(models, "MAX_DOCUMENT_LENGTH", len(data) - 1)
    with pytest.raises(WireError, match="too long"):
        decode(data)


def test_deeply_nested_document_is_refused() -> None:
    with pytest.raises(WireError):
        decode_rewarded_set(b'{"x":' + b"[" * 100_000)


def test_key_rotation_state_takes_unknown_members() -> None:
    later = decode_key_rotation_info(changed(ROTATION_INFO, "key_rotation_state.later", 1))
    assert later == decode_key_rotation_info(as_json(ROTATION_INFO))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("key_rotation_state.validity_epochs", 0),
        ("key_rotation_state.validity_epochs", -1),
        ("current_absolute_epoch_id", 2**32),
        ("current_absolute_epoch_id", 1.5),
        ("current_epoch_start", "2026-09-20T10:00:00"),
        ("current_epoch_start", "yesterday"),
        ("current_epoch_start", 1700000000),
        ("epoch_duration.nanos", 1_000_000_000),
        ("epoch_duration", {"secs": 3600}),
        ("epoch_duration", 3600),
        ("progress", None),
    ],
)
def test_key_rotation_info_out_of_range_is_refused(path: str, value: object) -> None:
    with pytest.raises(WireError):
        decode_key_rotation_info(changed(ROTATION_INFO, path, value))


def test_key_rotation_info_works_out_the_calendar() -> None:
    info = decode_key_rotation_info(as_json(ROTATION_INFO))
    start = 1_789_898_400  # 2026-09-20 10:00 UTC
    assert info.rotation_id == 5
    assert info.epoch_starts_at(130) == start
    assert info.epoch_starts_at(129) == start - 3600
    assert info.next_rotation_at() == start + 14 * 3600


def test_key_rotation_info_counts_from_the_initial_epoch() -> None:
    info = decode_key_rotation_info(changed(ROTATION_INFO, "key_rotation_state.initial_epoch_id", 100))
    assert info.rotation_id == 1
    assert info.next_rotation_at() == info.epoch_starts_at(148)


def test_rewarded_set_without_epoch_is_taken() -> None:
    rest = {key: value for key, value in REWARDED.items() if key != "epoch_id"}
    assert decode_rewarded_set(as_json(rest)).layer2 == [2]


def test_rewarded_set_with_too_many_ids_is_refused() -> None:
    with pytest.raises(WireError):
        decode_rewarded_set(changed(REWARDED, "layer1", [1] * (models.MAX_NODES + 1)))


def test_mixnode_role_is_an_object() -> None:
    answer = decode_node_list(changed(NODES, "nodes.data.0.role", {"Mixnode": {"layer": 2}}))
    assert answer.nodes.data[0].role == MixnodeRole(MixLayer(2))
    assert b'"role":{"Mixnode":{"layer":2}}' in encode(answer)


def test_row_under_the_older_name_of_its_role_is_taken() -> None:
    row = {key: value for key, value in ROW.items() if key not in ("role", "supported_roles", "entry")}
    answer = decode_node_list(changed(NODES, "nodes.data", [row | {"epoch_role": "Standby"}]))
    assert answer.nodes.data[0].entry is None
    assert not answer.nodes.data[0].supported_roles.entry


@pytest.mark.parametrize("refreshed_at", ["2026-09-20T10:05:00Z", "yesterday", ""])
def test_refreshed_at_may_be_anything(refreshed_at: str) -> None:
    answer = decode_node_list(changed(NODES, "metadata.refreshed_at", refreshed_at))
    assert answer.metadata.agrees_with(decode_node_list(as_json(NODES)).metadata)


@pytest.mark.parametrize(
    ("member", "value"),
    [("status", "no-updates"), ("status", {"fresh": {"id": 1}}), ("absolute_epoch_id", 131), ("rotation_id", 6)],
)
def test_metadata_of_another_refresh_does_not_agree(member: str, value: object) -> None:
    answer = decode_node_list(changed(NODES, f"metadata.{member}", value))
    assert not answer.metadata.agrees_with(decode_node_list(as_json(NODES)).metadata)
    assert answer.metadata.agrees_with(answer.metadata)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nodes.data.0.mix_port", 65536),
        ("nodes.data.0.node_id", -1),
        ("nodes.data.0.performance", 1),
        ("nodes.data.0.ip_addresses", ["127.0.0.1"] * 65),
        ("nodes.data.0.ed25519_identity_pubkey", "1" * 513),
        ("nodes.data.0.entry", {"hostname": None}),
        ("nodes.pagination.total", -1),
        ("nodes.pagination.page", 2**32),
        ("nodes.data", {}),
        ("metadata.rotation_id", None),
    ],
)
def test_node_list_out_of_range_is_refused(path: str, value: object) -> None:
    with pytest.raises(WireError):
        decode_node_list(changed(NODES, path, value))


def test_node_list_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WireError):
        decode_node_list(changed(NODES, "nodes.data", [ROW] * (models.MAX_NODES + 1)))


def test_semi_skimmed_rows_hold_noise_keys() -> None:
    rows = decode_semi_skimmed_list(as_json(SEMI)).nodes.data
    assert [row.x25519_noise_versioned_key for row in rows] == [None, NoiseKey(1, NOISE["x25519_pubkey"])]


def test_refresh_request_has_the_known_signature() -> None:
    request = RefreshRequest.sign(Ed25519Secret(b"\x02" * 32), 1700000000.9)
    assert request.node_identity == ROW["ed25519_identity_pubkey"]
    assert bytes(request.signature).hex() == (
        "c3ce8566b7b2bc008b991fcabc2805a88e99767376ed865b91d59a5d8f12cec0"
        "834ac2c20353b28ace531d6a0fb10dde917dc85e9a4d86f54f10ac12a7af3307"
    )
    assert request.verify() == Ed25519Secret(b"\x02" * 32).public


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request_timestamp", 1700000001),
        ("node_identity", "1" * 32),
        ("node_identity", "0OIl"),
        ("signature", [1] * 64),
    ],
)
def test_refresh_request_that_was_changed_does_not_verify(path: str, value: object) -> None:
    good = json.loads(encode(RefreshRequest.sign(Ed25519Secret(b"\x02" * 32), 1700000000)))
    with pytest.raises(WireError):
        decode_refresh_request(changed(good, path, value)).verify()


@pytest.mark.parametrize("length", [0, 63, 65])
def test_refresh_request_with_a_signature_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        decode_refresh_request(changed(REFRESH, "signature", [0] * length))
