"""What a directory knows, under a given time."""

from dataclasses import replace
from typing import Any

import pytest

from nymconnect.base58 import b58encode
from nymconnect.directory import network_state as state_module
from nymconnect.directory.models import MixLayer, MixnodeRole, RefreshRequest, encode
from nymconnect.directory.network_state import Assignment, Calendar, NetworkState, RefreshRefusedError, SphinxKey
from nymconnect.directory.topology import Feature
from nymconnect.errors import UsageError, WireError
from tests.helpers.directories import (
    ROTATION,
    START,
    gateway_record,
    identity_of,
    mix_record,
    noise_of,
    small_state,
    sphinx_of,
)

HOUR = 3600.0


def test_calendar_starts_in_rotation_one_by_default() -> None:
    info = Calendar(START).info(START)
    assert (info.current_absolute_epoch_id, info.rotation_id) == (24, 1)
    assert info.progress.current_key_rotation_id == 1
    assert info.current_epoch_start.timestamp() == START


@pytest.mark.parametrize(
    ("hours", "epoch", "rotation", "first", "last"),
    [
        (-5, 120, 5, 120, 143),
        (0, 120, 5, 120, 143),
        (0.99, 120, 5, 120, 143),
        (1, 121, 5, 120, 143),
        (23.99, 143, 5, 120, 143),
        (24, 144, 6, 144, 167),
        (241, 361, 15, 360, 383),
    ],
)
def test_calendar_counts_epochs_and_rotations(hours: float, epoch: int, rotation: int, first: int, last: int) -> None:
    calendar = Calendar(START, first_rotation=5)
    info = calendar.info(START + hours * HOUR)
    progress = info.progress
    assert (info.current_absolute_epoch_id, info.rotation_id) == (epoch, rotation)
    assert calendar.rotation_id(START + hours * HOUR) == progress.current_key_rotation_id == rotation
    assert (progress.current_rotation_starting_epoch, progress.current_rotation_ending_epoch) == (first, last)
    assert info.current_epoch_start.timestamp() == START + (epoch - 120) * HOUR


def test_calendar_takes_epochs_of_other_length() -> None:
    info = Calendar(START, epoch_duration=1.5, validity_epochs=2).info(START + 10)
    assert (info.current_absolute_epoch_id, info.rotation_id) == (8, 4)
    assert (info.epoch_duration.secs, info.epoch_duration.nanos) == (1, 500_000_000)
    assert info.next_rotation_at() == START + 12


@pytest.mark.parametrize("changes", [{"epoch_duration": 0.5}, {"validity_epochs": 0}, {"first_rotation": 0}], ids=str)
def test_calendar_refuses_what_it_cannot_count(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Calendar(START, **changes)


def test_rewarded_set_lists_ids_by_assignment() -> None:
    rewarded = small_state().rewarded_set(START)
    assert (rewarded.layer1, rewarded.layer2, rewarded.layer3) == ([1], [2], [3])
    assert (rewarded.entry_gateways, rewarded.exit_gateways, rewarded.standby) == ([4], [5], [6])
    assert rewarded.epoch_id == 120


def test_inactive_node_is_in_the_lists_but_not_rewarded() -> None:
    state = small_state()
    state.add(mix_record(9, Assignment.INACTIVE))
    rewarded = state.rewarded_set(START)
    assert 9 not in [*rewarded.layer1, *rewarded.layer2, *rewarded.layer3, *rewarded.standby]
    assert state.rows(START)[-1].role == "Inactive"


def test_rows_tell_keys_role_and_ports() -> None:
    rows = small_state().rows(START)
    assert [row.node_id for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[1].role == MixnodeRole(MixLayer(2))
    assert [row.role for row in rows[3:]] == ["EntryGateway", "ExitGateway", "Standby"]
    assert rows[3].x25519_sphinx_pubkey == b58encode(sphinx_of(4).public)
    assert rows[3].ed25519_identity_pubkey == b58encode(identity_of(4).public)
    assert rows[3].mix_port == 1804
    assert rows[3].entry is not None
    assert rows[3].entry.ws_port == 9004
    assert rows[0].entry is None


def test_rows_tell_what_only_our_own_nodes_can_do_and_nothing_of_the_others() -> None:
    state = small_state()
    record = next(record for record in state if record.node_id == 4)
    state.add(replace(record, features=frozenset({Feature.DROP_COVER})))
    rows = state.rows(START)
    assert b'"nymconnect":["drop-cover"]' in encode(rows[3])
    assert b"nymconnect" not in encode(rows[:3])


def test_semi_skimmed_rows_add_noise_keys() -> None:
    state = small_state()
    state.add(replace(mix_record(6, Assignment.STANDBY), noise_key=None))
    rows = state.semi_skimmed_rows(START)
    assert rows[0].x25519_noise_versioned_key is not None
    assert rows[0].x25519_noise_versioned_key.x25519_pubkey == b58encode(noise_of(1).public)
    assert rows[5].x25519_noise_versioned_key is None


def test_rows_take_the_key_of_the_rotation() -> None:
    state = small_state()
    later = SphinxKey(ROTATION + 1, sphinx_of(1, ROTATION + 1).public)
    state.set_sphinx_keys(1, (SphinxKey(ROTATION, sphinx_of(1).public), later))
    assert state.rows(START)[0].x25519_sphinx_pubkey == b58encode(sphinx_of(1).public)
    assert state.rows(START + 24 * HOUR)[0].x25519_sphinx_pubkey == b58encode(later.public)
    # Nothing announced for the one after: the current key stands in.
    assert state.rows(START + 48 * HOUR)[0].x25519_sphinx_pubkey == b58encode(sphinx_of(1).public)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.0, "0"), (0.5, "0.5"), (0.99999, "1"), (0.1234, "0.1234"), (0.00001, "0")]
)
def test_performance_is_a_decimal_text(value: float, text: str) -> None:
    state = small_state()
    state.add(replace(gateway_record(4), performance=value))
    assert state.rows(START)[3].performance == text


def test_node_that_is_down_has_no_performance() -> None:
    state = small_state()
    state.set_alive(2, False)
    assert [row.performance for row in state.rows(START)] == ["1", "0", "1", "1", "1", "1"]
    assert not state.is_alive(2)
    state.set_alive(2, True)
    assert state.rows(START)[1].performance == "1"
    assert not state.is_alive(99)


def test_add_replaces_a_record_and_its_identity() -> None:
    state = small_state()
    changed = replace(mix_record(1, Assignment.LAYER1), identity=identity_of(77).public)
    state.add(changed)
    assert len(state) == 6
    assert state.node(identity_of(77).public) == changed
    assert state.node(identity_of(1).public) is None


def test_add_refuses_an_identity_under_another_id() -> None:
    with pytest.raises(UsageError):
        small_state().add(replace(mix_record(9, Assignment.STANDBY), identity=identity_of(1).public))


def test_add_refuses_more_nodes_than_a_list_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MAX_NODES", 6)
    state = small_state()
    state.add(mix_record(1, Assignment.LAYER2))
    with pytest.raises(UsageError):
        state.add(mix_record(7, Assignment.STANDBY))


def test_remove_forgets_a_node() -> None:
    state = small_state()
    state.remove(3)
    state.remove(3)
    assert [record.node_id for record in state] == [1, 2, 4, 5, 6]
    assert state.rewarded_set(START).layer3 == []
    assert state.node(identity_of(3).public) is None


def test_keys_of_an_unknown_node_cannot_be_set() -> None:
    with pytest.raises(UsageError):
        small_state().set_sphinx_keys(99, (SphinxKey(1, bytes(32)),))


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": bytes(31)},
        {"sphinx_keys": ()},
        {"sphinx_keys": (SphinxKey(1, bytes(33)),)},
        {"ips": ()},
        {"mix_port": 0},
        {"mix_port": 65536},
        {"node_id": -1},
        {"performance": 1.5},
    ],
    ids=str,
)
def test_record_that_cannot_be_listed_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(mix_record(1, Assignment.LAYER1), **changes)


def test_existence_answers_in_the_texts_that_were_asked() -> None:
    state = NetworkState(Calendar(START))
    state.add(mix_record(1, Assignment.LAYER1, "10.0.0.1"))
    state.add(mix_record(2, Assignment.LAYER2, "2001:db8::2"))
    asked = ["10.0.0.1", "::ffff:10.0.0.1", "2001:DB8:0::2", "10.0.0.9", "nonsense"]
    assert state.existence(asked) == {
        "10.0.0.1": 1,
        "::ffff:10.0.0.1": 1,
        "2001:DB8:0::2": 2,
        "10.0.0.9": None,
        "nonsense": None,
    }


def test_refresh_marks_a_node_alive() -> None:
    state = small_state()
    state.set_alive(1, False)
    assert state.refresh(RefreshRequest.sign(identity_of(1), START), START + 1).node_id == 1
    assert state.is_alive(1)


@pytest.mark.parametrize(("age", "taken"), [(0, True), (30, True), (30.5, False), (-1, False)])
def test_refresh_is_taken_within_thirty_seconds(age: float, taken: bool) -> None:
    request = RefreshRequest.sign(identity_of(1), START)
    if taken:
        assert small_state().refresh(request, START + age).node_id == 1
    else:
        with pytest.raises(RefreshRefusedError) as caught:
            small_state().refresh(request, START + age)
        assert caught.value.status == 400


@pytest.mark.parametrize(("after", "status"), [(1, 429), (59, 429), (60, None)])
def test_refresh_is_granted_once_a_minute(after: int, status: int | None) -> None:
    state = small_state()
    state.refresh(RefreshRequest.sign(identity_of(1), START), START)
    state.refresh(RefreshRequest.sign(identity_of(2), START), START)
    again = RefreshRequest.sign(identity_of(1), START + after)
    if status is None:
        assert state.refresh(again, START + after).node_id == 1
    else:
        with pytest.raises(RefreshRefusedError) as caught:
            state.refresh(again, START + after)
        assert caught.value.status == status


def test_refresh_by_a_stranger_is_refused() -> None:
    with pytest.raises(RefreshRefusedError) as caught:
        small_state().refresh(RefreshRequest.sign(identity_of(99), START), START)
    assert caught.value.status == 404


def test_refresh_with_a_bad_signature_is_refused_and_costs_nothing() -> None:
    state = small_state()
    good = RefreshRequest.sign(identity_of(1), START)
    with pytest.raises(WireError):
        state.refresh(RefreshRequest(good.node_identity, good.request_timestamp, [0] * 64), START)
    assert state.refresh(good, START).node_id == 1
