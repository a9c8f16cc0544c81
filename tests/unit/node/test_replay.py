"""The replay memory: no replay passes, few honest packets are refused, snapshots come back whole."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect.node.replay import FIRST_STAGE, ReplayFilter


def tags(count: int, seed: int = 1) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(32) for _ in range(count)]


def filter_for(*rotation_ids: int, capacity: int = 1_000_000) -> ReplayFilter:
    replay = ReplayFilter(capacity)
    replay.keep(rotation_ids)
    return replay


def test_tag_is_admitted_once_per_rotation() -> None:
    replay = filter_for(5, 6)
    (tag,) = tags(1)
    assert replay.admit(5, tag)
    assert not replay.admit(5, tag)
    assert replay.admit(6, tag)
    assert len(replay) == 2


def test_unknown_rotation_is_refused() -> None:
    assert not filter_for(5).admit(6, bytes(32))
    assert not ReplayFilter().admit(0, bytes(32))


def test_keep_forgets_other_rotations_and_keeps_the_rest() -> None:
    replay = filter_for(5)
    old, new = tags(2)
    replay.admit(5, old)
    replay.keep([6, 5])
    replay.admit(6, new)
    assert not replay.admit(5, old)
    replay.keep([6])
    assert not replay.admit(6, new)
    replay.keep([6, 5])
    assert replay.admit(5, old)  # forgotten with its rotation


def test_no_replay_passes_over_several_stages_and_few_honest_packets_are_refused() -> None:
    replay = filter_for(5)
    seen = tags(6 * FIRST_STAGE)
    refused = sum(not replay.admit(5, tag) for tag in seen)
    assert refused <= 6  # expected 0.6 at the most: 1e-5 of 60,000
    assert not any(replay.admit(5, tag) for tag in seen)


def test_no_replay_passes_above_the_capacity() -> None:
    replay = filter_for(5, capacity=100)
    seen = tags(2 * FIRST_STAGE)
    for tag in seen:
        replay.admit(5, tag)
    assert not any(replay.admit(5, tag) for tag in seen)


def test_snapshot_restores_every_tag_and_goes_on() -> None:
    replay = filter_for(5, 6)
    first, second = tags(FIRST_STAGE + 500), tags(10, seed=2)
    for tag in first:
        replay.admit(5, tag)
    for tag in second:
        replay.admit(6, tag)
    restored = ReplayFilter.restore(replay.freeze().encode())
    assert len(restored) == len(replay)
    assert not any(restored.admit(5, tag) for tag in first)
    assert not any(restored.admit(6, tag) for tag in second)
    assert restored.admit(6, bytes(32))


def test_empty_snapshot_restores() -> None:
    assert len(ReplayFilter.restore(ReplayFilter().freeze().encode())) == 0


@pytest.mark.parametrize("damage", [0, 1, 6, 100, -40, -1])
def test_damaged_snapshot_is_refused(damage: int) -> None:
    replay = filter_for(5)
    replay.admit(5, bytes(32))
    snapshot = bytearray(replay.freeze().encode())
    snapshot[damage] ^= 1
    with pytest.raises(WireError):
        ReplayFilter.restore(bytes(snapshot))


def test_truncated_or_longer_snapshot_is_refused() -> None:
    replay = filter_for(5)
    snapshot = replay.freeze().encode()
    for length in range(len(snapshot)):
        with pytest.raises(WireError):
            ReplayFilter.restore(snapshot[:length])
    with pytest.raises(WireError):
        ReplayFilter.restore(snapshot + b"\0")


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_arbitrary_bytes_are_no_snapshot(data: bytes) -> None:
    with pytest.raises(WireError):
        ReplayFilter.restore(data)


def test_the_memory_of_replays_is_flat_from_the_second_change_of_keys() -> None:
    replay, sizes = ReplayFilter(), []
    for rotation in range(12):
        replay.keep((rotation - 1, rotation))
        for tag in tags(3 * FIRST_STAGE, seed=rotation):
            replay.admit(rotation, tag)
        sizes.append(replay.size)
    assert sizes[1] == 2 * sizes[0] < 400_000
    assert len(set(sizes[1:])) == 1
