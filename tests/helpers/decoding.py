"""One way to test every decoder: whole, truncated at every length, with trailing bytes, byte by byte."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nymconnect.errors import WireError

TRAILING = (b"\0", b"\x01", b"\xff" * 3)


def check_decoder(
    decode: Callable[[bytes], Any],
    encoded: bytes,
    expected: object,
    *,
    ignores_trailing: bool = False,
    shortest: int | None = None,
) -> None:
    """`decode` must yield `expected` from exactly `encoded` and raise WireError on every other length.

    `ignores_trailing`: bytes behind are skipped instead of refused. `shortest`: for formats that end in free bytes,
    the length from which a truncated input is a (different) valid value; below it nothing may decode.
    """
    assert decode(encoded) == expected
    for length in range(len(encoded)):
        if shortest is not None and length >= shortest:
            assert decode(encoded[:length]) != expected
            continue
        with pytest.raises(WireError):
            decode(encoded[:length])
    for tail in TRAILING:
        if ignores_trailing:
            assert decode(encoded + tail) == expected
        elif shortest is not None:
            assert decode(encoded + tail) != expected
        else:
            with pytest.raises(WireError):
                decode(encoded + tail)


def check_stream_decoder(
    new_feed: Callable[[], Callable[[bytes], Sequence[Any]]], stream: bytes, expected: Sequence[object]
) -> None:
    """A stream decoder must yield the same values however the stream is cut, and nothing before its last byte.

    `new_feed` makes a fresh decoder and returns its feed function; `stream` is the encoding of all of `expected`.
    """
    assert list(new_feed()(stream)) == list(expected)

    feed = new_feed()
    values: list[object] = []
    for index in range(len(stream)):
        if index == len(stream) - 1:
            assert values == list(expected[: len(values)])
            assert len(values) < len(expected)
        values += feed(stream[index : index + 1])
    assert values == list(expected)

    for cut in range(0, len(stream) + 1, max(1, len(stream) // 97)):
        feed = new_feed()
        early = list(feed(stream[:cut]))
        assert early == list(expected[: len(early)])
        assert early + list(feed(stream[cut:])) == list(expected)

    # A second copy behind the first, its last byte missing: the first still comes out, and only the first.
    feed = new_feed()
    assert list(feed(stream + stream[:-1])) == [*expected, *expected[:-1]]
    assert list(feed(stream[-1:])) == [expected[-1]]


def refuses_or_decodes(decode: Callable[[bytes], Any], data: bytes) -> bool:
    """Whether `decode` takes these arbitrary bytes; any exception but WireError fails the test."""
    try:
        decode(data)
    except WireError:
        return False
    return True
