"""The client's end of a websocket, fed with frames that a server of any kind may send."""

import random
import struct
import sys
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request

from nymconnect.client.gateway.websocket import (
    MAXIMUM_MESSAGE,
    ClientWebSocket,
    Closed,
    ControlFrame,
    HandshakeDone,
    Message,
)
from nymconnect.errors import WireError
from tests.helpers.hostile_bytes import HTTP_ANSWERS, UPGRADE, mutants

TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9


def opened() -> ClientWebSocket:
    """A connection whose opening handshake is over."""
    client, server = ClientWebSocket("gateway.example:1"), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.opening())
    assert isinstance(next(server.events()), Request)
    assert client.feed(server.send(AcceptConnection())) == [HandshakeDone()]
    return client


def frame(kind: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """As a server sends it: not masked."""
    head = bytes([kind | (0x80 if last else 0)])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 1 << 16:
        return head + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return head + b"\x7f" + struct.pack(">Q", len(payload)) + payload


def feed_all(client: ClientWebSocket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        client.feed(piece)


@pytest.mark.parametrize(("kind", "whole"), [(TEXT, "grüße" * 300), (BINARY, bytes(range(256)) * 20)])
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_a_message_comes_together_however_it_is_cut(kind: int, whole: str | bytes, step: int) -> None:
    data = whole.encode() if isinstance(whole, str) else whole
    third = len(data) // 3
    stream = b"".join(
        (
            frame(kind, data[:third], last=False),
            frame(PING, b"between"),
            frame(CONTINUATION, data[third : 2 * third], last=False),
            frame(CONTINUATION, data[2 * third :]),
        )
    )
    client, events = opened(), []
    for start in range(0, len(stream), step):
        events += client.feed(stream[start : start + step])
    assert [event for event in events if isinstance(event, Message)] == [Message(whole)]
    assert sum(isinstance(event, ControlFrame) for event in events) == 1


@pytest.mark.parametrize("kind", [TEXT, BINARY])
def test_a_message_without_end_is_refused_at_the_limit(kind: int) -> None:
    client, piece = opened(), bytes(60_000)
    client.feed(frame(kind, piece, last=False))
    pieces = [frame(CONTINUATION, piece, last=False)] * (MAXIMUM_MESSAGE // len(piece))
    with pytest.raises(WireError, match="too long"):
        feed_all(client, pieces)


@pytest.mark.parametrize("kind", [TEXT, BINARY])
def test_empty_parts_without_end_take_no_memory(kind: int) -> None:
    client = opened()
    client.feed(frame(kind, b"x", last=False))
    stream = frame(CONTINUATION, last=False) * 1000
    client.feed(stream)
    before = held_by(client)
    for _ in range(20):
        client.feed(stream)
    assert held_by(client) == before
    assert client.feed(frame(CONTINUATION, b"y")) == [Message("xy" if kind == TEXT else b"xy")]


def test_a_frame_that_announces_more_than_the_limit_is_refused_before_it_has_come() -> None:
    client = opened()
    client.feed(b"\x82\x7f" + struct.pack(">Q", 1 << 40))
    with pytest.raises(WireError, match="too long"):
        feed_all(client, [bytes(60_000)] * (MAXIMUM_MESSAGE // 60_000 + 1))


@pytest.mark.parametrize(
    "data",
    [
        b"\x83\x00",  # a kind that does not exist
        b"\xf2\x00",  # reserved bits
        b"\x82\x80" + bytes(4),  # masked
        b"\x09\x00",  # a ping in parts
        b"\x89\x7e\x00\x80" + bytes(128),  # a ping that is too long
        b"\x80\x00",  # the rest of nothing
        b"\x01\x00\x02\x00",  # a message inside another
        frame(TEXT, b"\xff\xfe"),  # no UTF-8
        frame(CLOSE, b"\x00"),
    ],
)
def test_what_breaks_the_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        opened().feed(data)


def test_a_farewell_is_the_end() -> None:
    assert opened().feed(frame(CLOSE, struct.pack(">H", 1001))) == [Closed()]


def test_an_answer_to_the_opening_without_end_is_refused() -> None:
    client = ClientWebSocket("gateway.example:1")
    client.opening()
    client.feed(b"HTTP/1.1 101 Switching Protocols\r\n")
    with pytest.raises(WireError):
        feed_all(client, (b"x-%d: %s\r\n" % (number, b"y" * 50) for number in range(100_000)))


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_raise_wire_errors_only(seed: int) -> None:
    rng, client = random.Random(seed), opened()
    try:
        for _ in range(200):
            client.feed(rng.randbytes(rng.randrange(1, 40)))
    except WireError:
        return
    assert held_by(client) < 2 * MAXIMUM_MESSAGE


def held_by(client: ClientWebSocket) -> int:
    """Bytes that it keeps of an unfinished message."""
    return sum(sys.getsizeof(value) for value in vars(client).values())


def only_wire_errors(client: ClientWebSocket, data: bytes) -> None:
    try:
        client.feed(data)
    except WireError:
        return


def test_any_answer_to_the_upgrade_is_an_answer_or_a_wire_error() -> None:
    for answer in mutants(HTTP_ANSWERS, 400, random.Random(5)):
        client = ClientWebSocket("gateway.example:1")
        client.opening()
        only_wire_errors(client, answer)


@settings(max_examples=200)
@given(st.binary(max_size=300))
@example(UPGRADE.replace(b"Connection: Upgrade", b"Connection: \xff"))
def test_any_bytes_before_and_after_the_upgrade_are_frames_or_a_wire_error(data: bytes) -> None:
    new = ClientWebSocket("gateway.example:1")
    new.opening()
    only_wire_errors(new, data)
    only_wire_errors(opened(), data)
