"""SOCKS4 and SOCKS4a, in any cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Close, Write
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.dialect import FrontEffect, ReplyCode, Requested, isolation_of
from nymconnect_proxy.socks.server_handshake import FrontDoor

REJECTED = b"\x00\x5b" + bytes(6)
TARGETS = {
    b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00": Target("1.2.3.4", 443),
    b"\x04\x01\x46\xa1\x00\x00\x00\x01\x00node.example.org\x00": Target("node.example.org", 18081),
    b"\x04\x01\x00\x50\x00\x00\x00\xff\x00" + b"a" * 255 + b"\x00": Target("a" * 255, 80),
    b"\x04\x01\x00\x50\x00\x00\x00\x00\x00": Target("0.0.0.0", 80),
}


def refused(effects: list[FrontEffect]) -> bool:
    return effects[0] == Write(REJECTED) and isinstance(effects[-1], Close)


@pytest.mark.parametrize("request_bytes", TARGETS)
def test_a_request_fed_whole_and_byte_by_byte(request_bytes: bytes) -> None:
    for step in (len(request_bytes), 1):
        door, effects = FrontDoor(0.0), list[FrontEffect]()
        for start in range(0, len(request_bytes), step):
            assert effects == []
            effects += door.feed(request_bytes[start : start + step], 0.0)
        assert effects == [Requested(TARGETS[request_bytes])]


def test_answers_have_eight_bytes() -> None:
    door = FrontDoor(0.0)
    door.feed(next(iter(TARGETS)), 0.0)
    assert door.succeed() == [Write(b"\x00\x5a\x00\x00\x7f\x00\x00\x01")]
    for code in ReplyCode:
        door = FrontDoor(0.0)
        door.feed(next(iter(TARGETS)), 0.0)
        if code:
            assert door.refuse(code)[0] == Write(REJECTED)


def test_a_user_id_isolates() -> None:
    door = FrontDoor(0.0)
    (requested,) = door.feed(b"\x04\x01\x01\xbb\x01\x02\x03\x04alice\x00", 0.0)
    assert requested == Requested(Target("1.2.3.4", 443), isolation_of(b"alice"))


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x04\x02\x01\xbb\x01\x02\x03\x04\x00",
        b"\x04\xf0\x01\xbb\x01\x02\x03\x04\x00",
        b"\x04\x01\x00\x00\x01\x02\x03\x04\x00",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00\x00",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a b\x00",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00\xff\xfe\x00",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01" + b"u" * 300,
        b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00" + b"n" * 256,
    ],
    ids=["bind", "resolve", "port 0", "no name", "blank", "not UTF-8", "long user", "long name"],
)
def test_what_cannot_be_served_is_rejected(request_bytes: bytes) -> None:
    assert refused(FrontDoor(0.0).feed(request_bytes, 0.0))


def test_where_a_password_is_demanded_there_is_no_socks4() -> None:
    assert refused(FrontDoor(0.0, password=b"secret").feed(b"\x04\x01\x01\xbb\x01\x02\x03\x04secret\x00", 0.0))


@settings(max_examples=40)
@given(st.sampled_from(list(TARGETS)), st.data())
def test_the_cut_of_the_stream_does_not_matter(request_bytes: bytes, data: st.DataObject) -> None:
    stream = request_bytes + b"rest"
    cut = data.draw(st.integers(0, len(stream)))
    door = FrontDoor(0.0)
    assert door.feed(stream[:cut], 0.0) + door.feed(stream[cut:], 0.0) == [Requested(TARGETS[request_bytes])]
    assert door.take_rest() == b"rest"
