"""The front door: which language is spoken, how long it may take, and that nothing whatever makes it fail."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Close, Write
from nymconnect.errors import UsageError
from nymconnect_proxy.socks.dialect import ReplyCode, Requested
from nymconnect_proxy.socks.server_handshake import HANDSHAKE_TIMEOUT, MAX_BUFFERED, FrontDoor, FrontState

GREETING = b"\x05\x01\x00"
SOCKS5 = GREETING + b"\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"
SOCKS4 = b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00name\x00"
HTTP = b"CONNECT name:443 HTTP/1.1\r\nX: y\r\n\r\n"


def asked(stream: bytes = SOCKS5) -> FrontDoor:
    door = FrontDoor(0.0)
    assert isinstance(door.feed(stream, 0.0)[-1], Requested)
    return door


@pytest.mark.parametrize(
    ("stream", "answer"),
    [(SOCKS5, b"\x05\x00"), (SOCKS4, b"\x00\x5a"), (HTTP, b"HTTP/1.1 200 ")],
    ids=["SOCKS5", "SOCKS4a", "HTTP"],
)
def test_the_first_byte_says_which_language_is_spoken(stream: bytes, answer: bytes) -> None:
    (written,) = asked(stream).succeed()
    assert isinstance(written, Write)
    assert written.data.startswith(answer)


@pytest.mark.parametrize("first", [0, 1, 3, 6, 0x16, 0x30, 0x5B, 0x80, 0xC0, 0xFF])
def test_anything_else_is_closed_without_a_word(first: int) -> None:
    (effect,) = FrontDoor(0.0).feed(bytes([first]), 0.0)
    assert isinstance(effect, Close)


@pytest.mark.parametrize("so_far", [b"", b"\x05", GREETING, SOCKS5[:8], SOCKS4[:-1], HTTP[:-1]])
def test_a_slow_handshake_is_ended(so_far: bytes) -> None:
    door = FrontDoor(100.0)
    door.feed(so_far, 100.0)
    assert door.deadline == 100.0 + HANDSHAKE_TIMEOUT
    assert door.wake(100.0 + HANDSHAKE_TIMEOUT - 0.1) == []
    assert isinstance(door.wake(100.0 + HANDSHAKE_TIMEOUT)[-1], Close)
    assert door.deadline is None


def test_a_complete_request_has_no_deadline() -> None:
    assert asked().wake(1e9) == []


def test_buffered_data_is_bounded() -> None:
    door = asked()
    assert door.feed(bytes(MAX_BUFFERED), 0.0) == []
    assert isinstance(door.feed(b"x", 0.0)[-1], Close)
    assert door.take_rest() == b""


@pytest.mark.parametrize("early", [b"", GREETING, SOCKS4[:9], HTTP[:9]])
def test_answering_without_a_request_is_a_bug(early: bytes) -> None:
    door = FrontDoor(0.0)
    door.feed(early, 0.0)
    for answer in (door.succeed, door.turn_away, lambda: door.refuse(ReplyCode.REFUSED)):
        with pytest.raises(UsageError):
            answer()


@pytest.mark.parametrize("stream", [SOCKS5, SOCKS4, HTTP], ids=["SOCKS5", "SOCKS4a", "HTTP"])
def test_a_request_is_answered_once(stream: bytes) -> None:
    door = asked(stream)
    door.refuse(ReplyCode.REFUSED)
    assert door.state is FrontState.DONE
    with pytest.raises(UsageError):
        door.succeed()


_STARTS = [b"", GREETING, b"\x05\x01\x02\x01", b"\x04\x01\x00\x50\x00\x00\x00\x01", b"CONNECT ", HTTP[:-2]]


@settings(max_examples=60)
@given(
    st.sampled_from(_STARTS),
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b"\r\n\r\n", b"\0", b":"])), max_size=8),
    st.sampled_from([None, b"secret"]),
)
def test_no_input_raises_or_is_answered_twice(start: bytes, pieces: list[bytes], password: bytes | None) -> None:
    door = FrontDoor(0.0, password=password)
    effects = door.feed(start, 0.0)
    for piece in pieces:
        effects += door.feed(piece, 0.0)
    assert sum(isinstance(effect, Requested | Close) for effect in effects) <= 1
    assert (door.state is FrontState.READING) == (door.deadline is not None)
