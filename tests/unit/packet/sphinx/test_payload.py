"""Payload padding and its layers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.crypto import lioness_decrypt
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.sphinx.payload import pad, seal_payload, unpad
from tests.helpers.decoding import refuses_or_decodes


def test_a_plain_payload_is_zeros_message_terminator_zeros() -> None:
    assert pad(b"hello", 40) == bytes(16) + b"hello\x01" + bytes(18)


@pytest.mark.parametrize(
    "message", [b"", b"\0", b"\x01", b"\x01" * 21, b"ends in zero\0", b"ends in one\x01", b"\xff" * 21]
)
def test_any_message_comes_back(message: bytes) -> None:
    assert unpad(pad(message, 38)) == message


@pytest.mark.parametrize(("length", "most"), [(33, 16), (38, 21), (2065, 2048)])
def test_a_message_may_fill_all_but_seventeen_bytes(length: int, most: int) -> None:
    padded = pad(b"\0" * most, length)
    assert len(padded) == length
    assert padded[-1] == 1
    assert unpad(padded) == bytes(most)
    with pytest.raises(UsageError):
        pad(bytes(most + 1), length)


@pytest.mark.parametrize("length", [0, 17, 32])
def test_a_payload_has_at_least_33_bytes(length: int) -> None:
    with pytest.raises(UsageError):
        pad(b"", length)


def test_the_last_terminator_counts_and_the_tail_is_not_looked_at() -> None:
    assert unpad(bytes(16) + b"ab\x01cd\x01" + b"\x02\x03") == b"ab\x01cd"


@pytest.mark.parametrize("position", [0, 7, 15])
def test_a_prefix_that_is_not_zero_is_refused(position: int) -> None:
    payload = bytearray(pad(b"hello", 40))
    payload[position] = 1
    with pytest.raises(WireError, match="damaged"):
        unpad(bytes(payload))


@pytest.mark.parametrize("payload", [b"", bytes(15), bytes(16), bytes(40), bytes(16) + b"\x02" * 24])
def test_a_payload_without_terminator_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        unpad(payload)


def test_a_one_inside_the_prefix_is_no_terminator() -> None:
    with pytest.raises(WireError):
        unpad(bytes(15) + b"\x01" + bytes(24))


def test_layers_come_off_in_the_opposite_order() -> None:
    layer_keys = [bytes([i]) * 192 for i in range(4)]
    payload = seal_payload(b"hello", 100, layer_keys)
    assert len(payload) == 100
    for key in reversed(layer_keys):
        payload = lioness_decrypt(key, payload)
    assert payload == pad(b"hello", 100)


@given(st.binary(max_size=80))
@settings(max_examples=60)
def test_random_bytes_unpad_or_are_refused(data: bytes) -> None:
    refuses_or_decodes(unpad, data)
    refuses_or_decodes(unpad, bytes(16) + data)
