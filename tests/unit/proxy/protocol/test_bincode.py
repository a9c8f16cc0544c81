"""The bincode subset: boundary values, and everything that is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect_proxy.protocol.bincode import BincodeReader, encode_integer, encode_text


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (250, "fa"),
        (251, "fb00fb"),
        (65535, "fbffff"),
        (65536, "fc00010000"),
        (2**32 - 1, "fcffffffff"),
        (2**32, "fd0000000100000000"),
        (2**64 - 1, "fdffffffffffffffff"),
    ],
)
def test_integers_take_the_shortest_form(value: int, encoded: str) -> None:
    assert encode_integer(value).hex() == encoded
    reader = BincodeReader(bytes.fromhex(encoded))
    assert reader.integer(2**64 - 1) == value
    reader.finish()


@pytest.mark.parametrize("value", [-1, 2**64])
def test_integers_outside_64_bits_are_refused(value: int) -> None:
    with pytest.raises(UsageError):
        encode_integer(value)


@pytest.mark.parametrize("data", ["", "fb", "fb00", "fc000000", "fd", "fe", "ff", "fb0100"])
def test_bad_integers_are_wire_errors(data: str) -> None:
    with pytest.raises(WireError):
        BincodeReader(bytes.fromhex(data)).integer(255)


@pytest.mark.parametrize("data", ["03666f", "02c328", "fdffffffffffffffff", "fbffff61"])
def test_bad_texts_are_wire_errors(data: str) -> None:
    with pytest.raises(WireError):
        BincodeReader(bytes.fromhex(data)).text()


def test_a_flag_is_zero_or_one() -> None:
    assert BincodeReader(b"\1").flag() is True
    with pytest.raises(WireError):
        BincodeReader(b"\2").flag()


def test_trailing_bytes_are_refused() -> None:
    reader = BincodeReader(b"\0\0")
    reader.flag()
    with pytest.raises(WireError):
        reader.finish()


@given(st.text(max_size=400))
def test_texts_survive(text: str) -> None:
    reader = BincodeReader(encode_text(text))
    assert reader.text() == text
    reader.finish()
