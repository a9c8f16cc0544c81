"""The reorder buffer, against the reference's answers and against any order."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect_proxy.streams.ordering import WINDOW, ReorderBuffer
from tests.helpers.rust_vectors import load_file

RUST = load_file("rust-socks5.json")


@pytest.mark.parametrize("steps", RUST["ordering"])
def test_the_buffer_gives_what_the_reference_gives(steps: list[dict[str, Any]]) -> None:
    buffer = ReorderBuffer()
    for step in steps:
        sequence = step["sequence"]
        data = bytes([sequence % 256])
        try:
            buffer.insert(sequence, data, False)
        except WireError:
            assert not step["accepted"]
            assert sequence > WINDOW
        assert buffer.take().hex() == (step["read"] or "") if step["accepted"] else buffer.take() == b""


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=9), min_size=1, max_size=30), st.integers(0, 2**32))
def test_any_order_gives_the_same_bytes_and_one_end(pieces: list[bytes], seed: int) -> None:
    order = list(range(len(pieces)))
    random.Random(seed).shuffle(order)
    buffer = ReorderBuffer()
    out = b""
    for position, sequence in enumerate(order):
        assert not buffer.closed
        buffer.insert(sequence, pieces[sequence], sequence == len(pieces) - 1)
        out += buffer.take()
        assert buffer.closed == (position == len(order) - 1)
    assert out == b"".join(pieces)
    assert not buffer.abandoned


def test_repetitions_and_the_past_are_ignored() -> None:
    buffer = ReorderBuffer()
    buffer.insert(1, b"b", False)
    buffer.insert(1, b"X", False)
    buffer.insert(0, b"a", False)
    assert buffer.take() == b"ab"
    buffer.insert(0, b"X", False)
    assert buffer.take() == b""


def test_a_number_beyond_the_window_ends_the_stream() -> None:
    buffer = ReorderBuffer()
    buffer.insert(WINDOW, b"", False)
    with pytest.raises(WireError):
        buffer.insert(WINDOW + 1, b"", False)


def test_waiting_bytes_are_bounded() -> None:
    buffer = ReorderBuffer(max_bytes=10)
    buffer.insert(2, bytes(6), False)
    with pytest.raises(WireError):
        buffer.insert(1, bytes(5), False)
    buffer.insert(1, bytes(4), False)
    buffer.insert(0, b"", False)
    assert len(buffer.take()) == 10
    buffer.insert(4, bytes(10), False)


def test_keep_alives_behind_the_end_are_ignored() -> None:
    buffer = ReorderBuffer()
    buffer.insert(1, b"", True)
    buffer.insert(2, b"late", False)
    buffer.insert(5000, b"", False)
    buffer.insert(0, b"a", False)
    assert buffer.take() == b"a"
    assert buffer.closed


def test_what_waits_behind_the_end_is_forgotten() -> None:
    buffer = ReorderBuffer(max_bytes=4)
    buffer.insert(2, b"late", False)
    buffer.insert(0, b"", True)
    assert buffer.take() == b""
    assert buffer.closed


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_ends_mean_that_nothing_more_is_wanted(order: tuple[int, int]) -> None:
    buffer = ReorderBuffer()
    for sequence in order:
        buffer.insert(sequence, b"", True)
    assert buffer.abandoned
    assert not buffer.closed
    buffer.insert(0, b"data", False)
    assert buffer.take() == b"data"
    assert buffer.closed


@pytest.mark.parametrize("cuts", [(True, False), (False, True)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_ends_the_first_says_whether_the_bytes_are_the_whole(
    cuts: tuple[bool, bool], order: tuple[int, int]
) -> None:
    buffer = ReorderBuffer()
    for sequence in order:
        buffer.insert(sequence, b"", True, cuts[sequence])
    assert buffer.abandoned
    assert buffer.cut == cuts[0]


def test_a_cut_alone_means_that_nothing_more_is_wanted() -> None:
    buffer = ReorderBuffer()
    buffer.insert(0, b"", True, True)
    assert buffer.abandoned
    assert buffer.cut


def test_one_end_that_comes_twice_is_one_end() -> None:
    buffer = ReorderBuffer()
    buffer.insert(0, b"", True)
    buffer.insert(0, b"", True)
    assert not buffer.abandoned
