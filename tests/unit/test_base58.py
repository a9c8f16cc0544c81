"""Base58 against published answers, Python's integers and hostile text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.base58 import ALPHABET, MAX_TEXT_LENGTH, b58decode, b58encode
from nymconnect.errors import WireError

# The base58 draft of the IETF (draft-msporny-base58), section "Test Vectors".
PUBLISHED = [
    (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (
        b"The quick brown fox jumps over the lazy dog.",
        "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
    ),
    (bytes.fromhex("0000287fb4cd"), "11233QC4"),
]


@pytest.mark.parametrize(("data", "text"), PUBLISHED)
def test_published_answers_hold_both_ways(data: bytes, text: str) -> None:
    assert b58encode(data) == text
    assert b58decode(text) == data


def test_empty_is_empty() -> None:
    assert b58encode(b"") == ""
    assert b58decode("") == b""


@pytest.mark.parametrize("zeros", [1, 2, 32])
def test_leading_zeros_become_ones(zeros: int) -> None:
    assert b58encode(bytes(zeros)) == "1" * zeros
    assert b58decode("1" * zeros) == bytes(zeros)
    assert b58encode(bytes(zeros) + b"\x3a") == "1" * zeros + "21"


@given(st.binary(max_size=96))
@settings(max_examples=60)
def test_any_bytes_survive_the_round_trip(data: bytes) -> None:
    assert b58decode(b58encode(data), len(data)) == data


@given(st.text(ALPHABET, max_size=60))
@settings(max_examples=60)
def test_any_text_of_the_alphabet_survives_the_round_trip(text: str) -> None:
    assert b58encode(b58decode(text)) == text


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "a b", "abc\n", " abc", "ä", "٣", "a+b", "a/b="])
def test_foreign_characters_are_refused(text: str) -> None:
    with pytest.raises(WireError, match="not a base58 text"):
        b58decode(text)


@pytest.mark.parametrize("length", [31, 33, 0])
def test_a_wrong_length_is_refused(length: int) -> None:
    text = b58encode(b"\xff" * 32)
    assert b58decode(text, 32) == b"\xff" * 32
    with pytest.raises(WireError, match="holds 32 bytes"):
        b58decode(text, length)


def test_text_is_bounded() -> None:
    assert len(b58decode("1" * MAX_TEXT_LENGTH)) == MAX_TEXT_LENGTH
    with pytest.raises(WireError, match="too long"):
        b58decode("1" * (MAX_TEXT_LENGTH + 1))
