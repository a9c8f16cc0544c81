"""The SOCKS5 handshake, in any cut, and everything that is not one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Close, Write
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.dialect import FrontEffect, ReplyCode, Requested, isolation_of
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.socks.server_handshake import FrontDoor, FrontState

GREETING = b"\x05\x01\x00"
METHOD = Write(b"\x05\x00")
LOGIN = b"\x01\x05alice\x06secret"
IPV4 = b"\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"
NAME = b"\x05\x01\x00\x03\x0bnymtech.net\x01\xbb"
IPV6 = b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x50"
LONG = b"\x05\x01\x00\x03\xff" + b"a" * 255 + b"\x00\x50"
TARGETS = {
    IPV4: Target("1.2.3.4", 443),
    NAME: Target("nymtech.net", 443),
    IPV6: Target("2001:db8:0:0:0:0:0:1", 80),
    LONG: Target("a" * 255, 80),
}


def written(effects: list[FrontEffect]) -> bytes:
    return b"".join(effect.data for effect in effects if isinstance(effect, Write))


def closes(effects: list[FrontEffect]) -> bool:
    return isinstance(effects[-1], Close) if effects else False


def asked() -> FrontDoor:
    door = FrontDoor(0.0)
    door.feed(GREETING + IPV4, 0.0)
    return door


@pytest.mark.parametrize("request_bytes", TARGETS)
def test_a_handshake_fed_whole(request_bytes: bytes) -> None:
    door = FrontDoor(0.0)
    assert door.feed(GREETING + request_bytes, 0.0) == [METHOD, Requested(TARGETS[request_bytes])]
    assert door.deadline is None


@pytest.mark.parametrize("request_bytes", TARGETS)
@pytest.mark.parametrize("login", [b"", LOGIN], ids=["nobody", "alice"])
def test_a_handshake_fed_byte_by_byte(request_bytes: bytes, login: bytes) -> None:
    door = FrontDoor(0.0)
    stream = (b"\x05\x01\x02" + login if login else GREETING) + request_bytes
    effects: list[FrontEffect] = []
    for index in range(len(stream)):
        assert not any(isinstance(effect, Requested) for effect in effects)
        effects += door.feed(stream[index : index + 1], 0.0)
    isolation = isolation_of(b"alice", b"secret") if login else b""
    assert written(effects) == (b"\x05\x02\x01\x00" if login else b"\x05\x00")
    assert effects[-1] == Requested(TARGETS[request_bytes], isolation)


def test_success_has_ten_bytes() -> None:
    door = asked()
    assert door.succeed() == [Write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")]
    assert door.state is FrontState.DONE


@pytest.mark.parametrize("code", [code for code in ReplyCode if code])
def test_refusals_have_ten_bytes_and_end_the_connection(code: ReplyCode) -> None:
    effects = asked().refuse(code)
    assert written(effects) == bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
    assert closes(effects)


def test_a_port_that_does_not_serve_says_general_failure() -> None:
    assert written(asked().turn_away()) == bytes([5, 1, 0, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("obstacle", Obstacle)
def test_a_private_name_is_a_host_that_cannot_be_reached_and_all_else_a_general_failure(obstacle: Obstacle) -> None:
    code = {Obstacle.PRIVATE_NAME: 4, Obstacle.PRIVATE_ADDRESS: 2}.get(obstacle, 1)
    assert written(asked().turn_away(obstacle, 1)) == bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])


def test_data_behind_the_request_is_kept() -> None:
    door = FrontDoor(0.0)
    door.feed(GREETING + NAME + b"GET", 0.0)
    door.feed(b" /", 0.0)
    door.succeed()
    assert door.take_rest() == b"GET /"
    assert door.take_rest() == b""


@pytest.mark.parametrize("methods", [b"", b"\x01", b"\x01\xff"])
def test_a_client_that_wants_another_authentication_is_told(methods: bytes) -> None:
    effects = FrontDoor(0.0).feed(bytes([5, len(methods)]) + methods, 0.0)
    assert written(effects) == b"\x05\xff"
    assert closes(effects)


def test_a_name_is_asked_for_wherever_it_is_offered() -> None:
    assert FrontDoor(0.0).feed(b"\x05\x03\x02\x00\x01", 0.0) == [Write(b"\x05\x02")]


@pytest.mark.parametrize("login", [b"\x01\x01a\x00", b"\x01\x01b\x00", b"\x01\x00\x01b", b"\x01\x01a\x01b"])
def test_another_login_is_another_isolation(login: bytes) -> None:
    def isolation(of: bytes) -> bytes:
        requested = FrontDoor(0.0).feed(b"\x05\x01\x02" + of + NAME, 0.0)[-1]
        assert isinstance(requested, Requested)
        return requested.isolation

    others = {isolation(other) for other in (b"\x01\x00\x00", b"\x01\x02ab\x00", LOGIN)}
    assert isolation(login) == isolation(login)
    assert isolation(login) not in others


def test_an_empty_login_is_nobody() -> None:
    assert FrontDoor(0.0).feed(b"\x05\x01\x02\x01\x00\x00" + NAME, 0.0)[-1] == Requested(TARGETS[NAME])


@pytest.mark.parametrize(
    ("methods", "login", "isolation"),
    [
        (b"\x00\x02", b"\x01\x05alice\x00", b""),  # Java's SocksSocketImpl, with the system's user name
        (b"\x02\x00", b"\x01\x05alice\x00", b""),
        (b"\x00\x01\x02", b"\x01\x00\x00", b""),
        (b"\x02", b"\x01\x05alice\x00", isolation_of(b"alice")),
        (b"\x00\x02", b"\x01\x05alice\x010", isolation_of(b"alice", b"0")),  # Bitcoin Core, Tor Browser
        (b"\x00\x02", b"\x01\x00\x010", isolation_of(b"", b"0")),
    ],
)
def test_a_name_without_a_password_isolates_only_a_client_that_insists_on_a_login(
    methods: bytes, login: bytes, isolation: bytes
) -> None:
    effects = FrontDoor(0.0).feed(bytes([5, len(methods)]) + methods + login + NAME, 0.0)
    assert effects == [Write(b"\x05\x02"), Write(b"\x01\x00"), Requested(TARGETS[NAME], isolation)]


def test_a_login_of_another_version_ends_the_connection() -> None:
    assert closes(FrontDoor(0.0).feed(b"\x05\x01\x02\x05" + LOGIN[1:] + NAME, 0.0))


def test_a_password_is_demanded_where_one_is_set() -> None:
    for stream, answer in {
        GREETING + NAME: b"\x05\xff",
        b"\x05\x02\x00\x02" + LOGIN[:-1] + b"?" + NAME: b"\x05\x02\x01\x01",
        b"\x05\x01\x02\x01\x05alice\x00" + NAME: b"\x05\x02\x01\x01",
    }.items():
        effects = FrontDoor(0.0, password=b"secret").feed(stream, 0.0)
        assert written(effects) == answer
        assert closes(effects)


def test_with_the_right_password_the_name_alone_isolates() -> None:
    door = FrontDoor(0.0, password=b"secret")
    effects = door.feed(b"\x05\x01\x02" + LOGIN + NAME, 0.0)
    assert effects == [Write(b"\x05\x02"), Write(b"\x01\x00"), Requested(TARGETS[NAME], isolation_of(b"alice"))]
    assert "alice" not in repr(effects)


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"\x05\x02" + IPV4[2:], 7),
        (b"\x05\x03" + IPV4[2:], 7),
        (b"\x05\xf0" + NAME[2:], 7),
        (b"\x05\xf1" + IPV4[2:], 7),
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
    door = FrontDoor(0.0)
    effects = door.feed(GREETING + request_bytes, 0.0)
    assert effects[0] == METHOD
    assert written(effects[1:]) == bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
    assert closes(effects)
    assert door.feed(b"more", 0.0) == []


def test_a_name_that_is_a_literal_address_stays_as_it_is() -> None:
    door = FrontDoor(0.0)
    assert door.feed(GREETING + b"\x05\x01\x00\x03\x03::1\x00\x50", 0.0)[-1] == Requested(Target("::1", 80))


@settings(max_examples=40)
@given(st.sampled_from(list(TARGETS)), st.data())
def test_the_cut_of_the_stream_does_not_matter(request_bytes: bytes, data: st.DataObject) -> None:
    stream = GREETING + request_bytes + b"rest"
    cut = data.draw(st.integers(0, len(stream)))
    door = FrontDoor(0.0)
    effects = door.feed(stream[:cut], 0.0) + door.feed(stream[cut:], 0.0)
    assert effects == [METHOD, Requested(TARGETS[request_bytes])]
    assert door.take_rest() == b"rest"
