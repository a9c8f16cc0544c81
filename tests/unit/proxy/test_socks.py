"""The SOCKS5 handshake, in any cut, and everything that is not one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Close, Write
from nymconnect.errors import UsageError
from nymconnect_proxy.addresses import Target
from nymconnect_proxy.socks import (
    HANDSHAKE_TIMEOUT,
    MAX_BUFFERED,
    Reply,
    Requested,
    SocksEffect,
    SocksServer,
    SocksState,
)

GREETING = b"\x05\x01\x00"
METHOD = Write(b"\x05\x00")
IPV4 = b"\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"
NAME = b"\x05\x01\x00\x03\x0bnymtech.net\x01\xbb"
IPV6 = b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x50"
TARGETS = {
    IPV4: Target("1.2.3.4", 443),
    NAME: Target("nymtech.net", 443),
    IPV6: Target("2001:db8:0:0:0:0:0:1", 80),
}


def written(effects: list[SocksEffect]) -> bytes:
    return b"".join(effect.data for effect in effects if isinstance(effect, Write))


def closes(effects: list[SocksEffect]) -> bool:
    return isinstance(effects[-1], Close) if effects else False


def asked() -> SocksServer:
    server = SocksServer(0.0)
    server.feed(GREETING + IPV4, 0.0)
    return server


@pytest.mark.parametrize("request_bytes", TARGETS)
def test_a_handshake_fed_whole(request_bytes: bytes) -> None:
    server = SocksServer(0.0)
    assert server.feed(GREETING + request_bytes, 0.0) == [METHOD, Requested(TARGETS[request_bytes])]
    assert server.deadline is None


@pytest.mark.parametrize("request_bytes", TARGETS)
def test_a_handshake_fed_byte_by_byte(request_bytes: bytes) -> None:
    server = SocksServer(0.0)
    stream = GREETING + request_bytes
    effects: list[SocksEffect] = []
    for index in range(len(stream)):
        assert Requested(TARGETS[request_bytes]) not in effects
        effects += server.feed(stream[index : index + 1], 0.0)
    assert effects == [METHOD, Requested(TARGETS[request_bytes])]


def test_success_has_ten_bytes() -> None:
    server = asked()
    assert server.succeed() == [Write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")]
    assert server.state is SocksState.DONE


@pytest.mark.parametrize("code", [code for code in Reply if code])
def test_refusals_have_ten_bytes_and_end_the_connection(code: Reply) -> None:
    effects = asked().refuse(code)
    assert written(effects) == bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
    assert closes(effects)


def test_data_behind_the_request_is_kept() -> None:
    server = SocksServer(0.0)
    server.feed(GREETING + NAME + b"GET", 0.0)
    server.feed(b" /", 0.0)
    server.succeed()
    assert server.take_rest() == b"GET /"
    assert server.take_rest() == b""


@pytest.mark.parametrize("methods", [b"", b"\x01", b"\x02", b"\x01\x02\xff"])
def test_a_client_that_insists_on_authentication_is_told(methods: bytes) -> None:
    effects = SocksServer(0.0).feed(bytes([5, len(methods)]) + methods, 0.0)
    assert written(effects) == b"\x05\xff"
    assert closes(effects)


def test_no_authentication_is_chosen_among_others() -> None:
    assert SocksServer(0.0).feed(b"\x05\x03\x02\x00\x01", 0.0) == [METHOD]


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"\x05\x02" + IPV4[2:], 7),
        (b"\x05\x03" + IPV4[2:], 7),
        (b"\x05\xf0" + IPV4[2:], 7),
        (b"\x05\x01\x00\x02" + IPV4[4:], 8),
        (b"\x05\x01\x00\x00" + IPV4[4:], 8),
        (b"\x04\x01" + IPV4[2:], 1),
        (IPV4[:-2] + b"\0\0", 1),
        (b"\x05\x01\x00\x03\x00\x01\xbb", 1),
        (b"\x05\x01\x00\x03\x02\xff\xfe\x01\xbb", 1),
        (b"\x05\x01\x00\x03\x03a b\x01\xbb", 1),
        (b"\x05\x01\x00\x03\x03a\0b\x01\xbb", 1),
        (b"\x05\x01\x00\x03\x03a\nb\x01\xbb", 1),
    ],
)
def test_bad_requests_are_refused_with_a_code(request_bytes: bytes, code: int) -> None:
    server = SocksServer(0.0)
    effects = server.feed(GREETING + request_bytes, 0.0)
    assert effects[0] == METHOD
    assert written(effects[1:]) == bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
    assert closes(effects)
    assert server.feed(b"more", 0.0) == []


def test_a_name_that_is_a_literal_address_stays_as_it_is() -> None:
    server = SocksServer(0.0)
    assert server.feed(GREETING + b"\x05\x01\x00\x03\x03::1\x00\x50", 0.0)[-1] == Requested(Target("::1", 80))


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"CONNECT a:443 HTTP/1.1\r\n", b"POST /", b"O"])
def test_http_gets_an_answer_that_says_what_this_port_is(start: bytes) -> None:
    effects = SocksServer(0.0).feed(start, 0.0)
    assert written(effects).startswith(b"HTTP/1.1 501 ")
    assert b"SOCKS5" in written(effects)
    assert closes(effects)


def test_socks4_gets_its_own_refusal() -> None:
    effects = SocksServer(0.0).feed(b"\x04\x01\x00\x50\x01\x02\x03\x04\x00", 0.0)
    assert written(effects) == b"\x00\x5b" + bytes(6)
    assert closes(effects)


@pytest.mark.parametrize("first", [0, 1, 3, 6, 0x16, 0x80, 0xC0, 0xFF])
def test_anything_else_is_closed_without_a_word(first: int) -> None:
    effects = SocksServer(0.0).feed(bytes([first]), 0.0)
    assert len(effects) == 1
    assert closes(effects)


@pytest.mark.parametrize("so_far", [b"", b"\x05", GREETING, GREETING + NAME[:7]])
def test_a_slow_handshake_is_ended(so_far: bytes) -> None:
    server = SocksServer(100.0)
    server.feed(so_far, 100.0)
    assert server.deadline == 100.0 + HANDSHAKE_TIMEOUT
    assert server.wake(100.0 + HANDSHAKE_TIMEOUT - 0.1) == []
    assert closes(server.wake(100.0 + HANDSHAKE_TIMEOUT))
    assert server.deadline is None


def test_a_complete_request_has_no_deadline() -> None:
    assert asked().wake(1e9) == []


def test_buffered_data_is_bounded() -> None:
    server = asked()
    assert server.feed(bytes(MAX_BUFFERED), 0.0) == []
    assert closes(server.feed(b"x", 0.0))


@pytest.mark.parametrize("early", [b"", GREETING])
def test_answering_without_a_request_is_a_bug(early: bytes) -> None:
    server = SocksServer(0.0)
    server.feed(early, 0.0)
    for answer in (server.succeed, lambda: server.refuse(Reply.REFUSED)):
        with pytest.raises(UsageError):
            answer()


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=30), max_size=6), st.booleans())
def test_no_input_raises(pieces: list[bytes], greet: bool) -> None:
    server = SocksServer(0.0)
    if greet:
        server.feed(GREETING, 0.0)
    for piece in pieces:
        server.feed(piece, 0.0)


@settings(max_examples=40)
@given(st.sampled_from(list(TARGETS)), st.data())
def test_the_cut_of_the_stream_does_not_matter(request_bytes: bytes, data: st.DataObject) -> None:
    stream = GREETING + request_bytes + b"rest"
    cut = data.draw(st.integers(0, len(stream)))
    server = SocksServer(0.0)
    effects = server.feed(stream[:cut], 0.0) + server.feed(stream[cut:], 0.0)
    assert effects == [METHOD, Requested(TARGETS[request_bytes])]
    assert server.take_rest() == b"rest"
