"""HTTP CONNECT: what opens a tunnel, what each refusal says, and where the bounds are."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.effects import Close, Write
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.dialect import FrontEffect, ReplyCode, Requested, isolation_of
from nymconnect_proxy.socks.http_connect import MAX_HEAD, MAX_LINES
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.socks.server_handshake import FrontDoor

TUNNEL = b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nUser-Agent: curl\r\n\r\n"
LOGIN = b"CONNECT a:1 HTTP/1.1\r\nproxy-authorization: bAsIc " + b64encode(b"alice:secret") + b"\r\n\r\n"


def answer(effects: list[FrontEffect]) -> bytes:
    """What is written before the connection is closed; the statement of its length holds."""
    data = b"".join(effect.data for effect in effects if isinstance(effect, Write))
    assert isinstance(effects[-1], Close)
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    return data


def status(effects: list[FrontEffect]) -> int:
    return int(answer(effects).split(b" ")[1])


@pytest.mark.parametrize(
    ("stream", "target"),
    [
        (TUNNEL, Target("example.org", 443)),
        (b"CONNECT 1.2.3.4:80 HTTP/1.0\r\n\r\n", Target("1.2.3.4", 80)),
        (b"CONNECT [2001:db8::1]:8333 HTTP/1.1\r\n\r\n", Target("2001:db8::1", 8333)),
        (b"CONNECT " + b"a" * 255 + b":1 HTTP/1.1\r\n\r\n", Target("a" * 255, 1)),
    ],
)
def test_a_tunnel_is_asked_for(stream: bytes, target: Target) -> None:
    for step in (len(stream), 1):
        door, effects = FrontDoor(0.0), list[FrontEffect]()
        for start in range(0, len(stream), step):
            assert effects == []
            effects += door.feed(stream[start : start + step], 0.0)
        assert effects == [Requested(target)]
        assert door.succeed() == [Write(b"HTTP/1.1 200 Connection established\r\n\r\n")]


def test_data_behind_the_head_is_kept() -> None:
    door = FrontDoor(0.0)
    door.feed(TUNNEL + b"\x16\x03\r\n\r\n", 0.0)
    assert door.take_rest() == b"\x16\x03\r\n\r\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ReplyCode.NOT_ALLOWED, 403),
        (ReplyCode.REFUSED, 502),
        (ReplyCode.HOST_UNREACHABLE, 502),
        (ReplyCode.NETWORK_UNREACHABLE, 502),
        (ReplyCode.GENERAL_FAILURE, 502),
        (ReplyCode.TTL_EXPIRED, 504),
    ],
)
def test_the_status_says_what_failed(code: ReplyCode, expected: int) -> None:
    door = FrontDoor(0.0)
    door.feed(TUNNEL, 0.0)
    effects = door.refuse(code)
    assert status(effects) == expected
    assert b"example.org" not in answer(effects)


def test_a_port_that_does_not_serve_is_unavailable() -> None:
    door = FrontDoor(0.0)
    door.feed(TUNNEL, 0.0)
    assert status(door.turn_away()) == 503


@pytest.mark.parametrize("obstacle", Obstacle)
def test_whoever_is_turned_away_is_told_what_is_in_the_way(obstacle: Obstacle) -> None:
    door = FrontDoor(0.0)
    door.feed(TUNNEL, 0.0)
    said = answer(door.turn_away(obstacle, 512))
    status = {Obstacle.PRIVATE_NAME: b"502", Obstacle.PRIVATE_ADDRESS: b"403"}.get(obstacle, b"503")
    assert said.startswith(b"HTTP/1.1 " + status)
    assert obstacle.sentence(512).encode() in said


def test_lines_may_end_with_a_line_feed_alone() -> None:
    for head in (TUNNEL.replace(b"\r\n", b"\n"), TUNNEL[:-4] + b"\n\r\n", TUNNEL[:-4] + b"\r\n\n"):
        for step in (len(head), 1):
            door, effects = FrontDoor(0.0), list[FrontEffect]()
            for start in range(0, len(head), step):
                assert effects == []
                effects += door.feed(head[start : start + step], 0.0)
            assert effects == [Requested(Target("example.org", 443))]
            assert door.take_rest() == b""
    assert status(FrontDoor(0.0).feed(b"GET http://example.org/ HTTP/1.1\n\n", 0.0)) == 405
    assert status(FrontDoor(0.0).feed(b"CONNECT a:1 HTTP/1.1\nno colon\n\n", 0.0)) == 400


@pytest.mark.parametrize(
    "line",
    [b"GET http://example.org/ HTTP/1.1", b"POST https://example.org/ HTTP/1.1", b"OPTIONS ftp://a/ HTTP/1.0"],
)
def test_only_tunnels_are_opened(line: bytes) -> None:
    effects = FrontDoor(0.0).feed(line + b"\r\nHost: example.org\r\n\r\n", 0.0)
    assert status(effects) == 405
    assert b"\r\nAllow: CONNECT\r\n" in answer(effects)


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT example.org HTTP/1.1",
        b"CONNECT example.org:0 HTTP/1.1",
        b"CONNECT example.org:65536 HTTP/1.1",
        b"CONNECT :80 HTTP/1.1",
        b"CONNECT a:+1 HTTP/1.1",
        b"CONNECT  a:1 HTTP/1.1",
        b"CONNECT a:1 HTTP/2",
        b"CONNECT a:1",
        b"CONNECT a\xc3\xa9:1 HTTP/1.1",
        b"CONNECT a:1 HTTP/1.1\r\nno colon",
        b"CONNECT a:1 HTTP/1.1\r\n: nameless",
        b"CONNECT a:1 HTTP/1.1\r\nName : blank",
        b"CONNECT a:1 HTTP/1.1\r\n folded: line",
        b"CONNECT a:1 HTTP/1.1\r\nName: a\nb",
        b"CONNECT a:1 HTTP/1.1\r\nName: a\0b",
        b"CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic ???",
        b"CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic YQ==\r\nProxy-Authorization: Basic YQ==",
    ],
)
def test_what_is_no_request_is_a_bad_one(head: bytes) -> None:
    assert status(FrontDoor(0.0).feed(head + b"\r\n\r\n", 0.0)) == 400


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET /" + b"a" * 30,  # of a path that would not end
        b"POST /login HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"HEAD / HTTP/1.0\n",
        b"connect a:1 HTTP/1.1\r\n",
        b"CONN3CT a:1 HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"a" * 40,
    ],
)
def test_what_is_not_for_a_proxy_is_closed_without_a_word_and_before_its_end(start: bytes) -> None:
    (effect,) = FrontDoor(0.0).feed(start, 0.0)
    assert isinstance(effect, Close)


@pytest.mark.parametrize(
    "header",
    [
        b"Origin: https://evil.example",
        b"origin:null",
        b"Origin:",
        b"Sec-Fetch-Site: cross-site",
        b"sec-fetch-mode: no-cors",
        b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==",
        b"Access-Control-Request-Method: POST",
    ],
)
@pytest.mark.parametrize("line", [b"GET http://example.org/ HTTP/1.1", b"CONNECT example.org:443 HTTP/1.1"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_what_a_web_page_has_caused_is_closed_without_a_word(line: bytes, header: bytes, end: bytes) -> None:
    (effect,) = FrontDoor(0.0).feed(end.join((line, b"Host: example.org", header, b"", b"")), 0.0)
    assert isinstance(effect, Close)
    (effect,) = FrontDoor(0.0).feed(end.join((line, header, b"Long: " + b"a" * MAX_HEAD)), 0.0)
    assert isinstance(effect, Close)


def test_the_words_of_a_browser_in_data_behind_the_head_do_not_count() -> None:
    door = FrontDoor(0.0)
    assert door.feed(TUNNEL + b"GET / HTTP/1.1\r\nOrigin: null\r\n\r\n", 0.0) == [Requested(Target("example.org", 443))]


def test_a_browser_with_this_port_as_its_proxy_gets_its_tunnel() -> None:
    head = b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nProxy-Connection: keep-alive\r\n"
    head += b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0\r\n\r\n"
    assert FrontDoor(0.0).feed(head, 0.0) == [Requested(Target("example.org", 443))]


def test_the_head_is_bounded() -> None:
    assert FrontDoor(0.0).feed(b"CONNECT " + b"a" * (MAX_HEAD - 9), 0.0) == []
    assert status(FrontDoor(0.0).feed(b"CONNECT " + b"a" * MAX_HEAD, 0.0)) == 431
    lines = b"CONNECT a:1 HTTP/1.1\r\n" + b"N: v\r\n" * MAX_LINES + b"\r\n"
    assert status(FrontDoor(0.0).feed(lines, 0.0)) == 431


def test_a_login_isolates() -> None:
    assert FrontDoor(0.0).feed(LOGIN, 0.0) == [Requested(Target("a", 1), isolation_of(b"alice", b"secret"))]


def test_a_password_is_demanded_where_one_is_set() -> None:
    for head in (TUNNEL, LOGIN):
        effects = FrontDoor(0.0, password=b"other").feed(head, 0.0)
        assert status(effects) == 407
        assert b"\r\nProxy-Authenticate: Basic " in answer(effects)
    assert FrontDoor(0.0, password=b"secret").feed(LOGIN, 0.0) == [Requested(Target("a", 1), isolation_of(b"alice"))]


def test_another_scheme_is_no_login() -> None:
    head = b"CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Negotiate abc\r\n\r\n"
    assert FrontDoor(0.0).feed(head, 0.0) == [Requested(Target("a", 1))]


@settings(max_examples=40)
@given(st.sampled_from([TUNNEL, LOGIN]), st.data())
def test_the_cut_of_the_stream_does_not_matter(head: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(head)))
    door, whole = FrontDoor(0.0), FrontDoor(0.0)
    assert door.feed(head[:cut], 0.0) + door.feed(head[cut:], 0.0) == whole.feed(head, 0.0)
