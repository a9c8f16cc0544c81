"""The bytes of a log of replay tags: whole, cut anywhere, damaged."""

import random

import pytest

from nymconnect.node.replay import RECORD_LENGTH, ReplayFilter
from nymconnect.node.replay_log import MAX_BATCH, MAX_BATCH_LENGTH, decode_log, encode_batches

RNG = random.Random(5)


def records(count: int) -> list[bytes]:
    return [RNG.randbytes(RECORD_LENGTH) for _ in range(count)]


@pytest.mark.parametrize("counts", [[], [1], [3, 1, 2], [MAX_BATCH + 1]])
def test_what_was_appended_is_read_in_order(counts: list[int]) -> None:
    batches = [records(count) for count in counts]
    content = decode_log(b"".join(map(encode_batches, batches)))
    assert content.records == b"".join(record for batch in batches for record in batch)
    assert content.unread == 0


def test_a_log_cut_anywhere_keeps_every_whole_batch_and_is_not_damaged() -> None:
    first, second = records(2), records(3)
    whole = encode_batches(first)
    data = whole + encode_batches(second)
    for length in range(len(data)):
        content = decode_log(data[:length])
        assert content.records == (b"".join(first) if length >= len(whole) else b"")
        assert content.unread == (length - len(whole) if length >= len(whole) else length)
        assert not content.damaged


def test_a_changed_byte_is_found_and_what_stands_before_it_is_kept() -> None:
    first, second = records(2), records(3)
    whole = encode_batches(first)
    data = whole + encode_batches(second)
    for position in range(len(whole), len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        assert decode_log(bytes(changed)).records == b"".join(first)


def test_more_than_a_batch_that_does_not_read_is_damage() -> None:
    data = bytearray(encode_batches(records(MAX_BATCH + 2)))
    assert not decode_log(bytes(data)).damaged
    data[10] ^= 1
    assert decode_log(bytes(data)).damaged
    assert decode_log(bytes(MAX_BATCH_LENGTH + 1)).damaged


def test_random_bytes_never_raise() -> None:
    for length in range(200):
        assert decode_log(RNG.randbytes(length)).unread == length


def test_a_filter_that_remembers_a_record_refuses_its_tags() -> None:
    tags = [RNG.randbytes(32) for _ in range(25_000)]  # more than the first stage holds
    source = ReplayFilter(keeps_record=True)
    source.keep([4, 5])
    for number, tag in enumerate(tags):
        source.admit(4 + number % 2, tag)
    taken = b"".join(source.take_record())
    assert source.take_record() == []
    restored = ReplayFilter()
    restored.keep([5])
    restored.remember(taken)
    assert len(restored) == len(taken) // RECORD_LENGTH // 2
    assert not any(restored.admit(5, tag) for tag in tags[1::2])
    assert all(restored.admit(5, tag) for tag in tags[0:200:2])


def test_above_its_capacity_a_filter_still_remembers_every_record() -> None:
    source, restored = ReplayFilter(keeps_record=True), ReplayFilter(capacity=100)
    source.keep([1])
    restored.keep([1])
    tags = [RNG.randbytes(32) for _ in range(11_000)]
    for tag in tags:
        source.admit(1, tag)
    restored.remember(b"".join(source.take_record()))
    assert not any(restored.admit(1, tag) for tag in tags)


def test_a_filter_that_keeps_no_record_gathers_none() -> None:
    replay = ReplayFilter()
    replay.keep([1])
    replay.admit(1, bytes(32))
    assert (replay.recorded, replay.take_record()) == (0, [])
