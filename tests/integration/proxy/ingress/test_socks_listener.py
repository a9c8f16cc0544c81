"""The SOCKS port itself, with real sockets: where it opens, whom it turns away, and how."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from nymconnect.errors import UsageError, UserError
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.protocol.credit import Reserve
from nymconnect_proxy.protocol.requests import Connect, Send, decode_request
from nymconnect_proxy.protocol.responses import ConnectionFailure, NetworkData, encode_response
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.streams.client_stream import ClientOptions
from nymconnect_proxy.streams.ordering import WINDOW
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair, only

PIPES = PipeOptions(linger=0.2, flush_timeout=1.0)
QUIET = ExchangeOptions(pipes=PIPES, check_timeout=None)  # no questions between what a test sends
GREETING = b"\x05\x01\x00"
REQUEST = b"\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"
SUCCESS = b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"
REFUSAL = b"\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"


@asynccontextmanager
async def listening(options: ListenerOptions | None = None) -> AsyncIterator[tuple[SocksListener, int, MixnetEnd]]:
    """A listener that serves, its port, and the exit's end of its mixnet."""
    client, exit_ = mixnet_pair(3)
    listener = SocksListener(options or ListenerOptions(QUIET), random.Random(1))
    port = await listener.start(port=0)
    listener.attach(client, only(exit_.address))
    listener.set_serving(True)
    try:
        yield listener, port, exit_
    finally:
        await listener.stop()


@asynccontextmanager
async def application(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the SOCKS port; it is gone at the end, whatever happens."""
    reader, writer = await dial("127.0.0.1", port, 5.0)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await hang_up(writer)


async def talk(port: int, data: bytes) -> bytes:
    """Everything that the listener answers to `data` until it closes."""
    async with application(port) as (reader, writer):
        writer.write(data)
        return await asyncio.wait_for(reader.read(-1), 5)


async def read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- counters of a service, which have no event to wait for
            await asyncio.sleep(0.01)


async def opened(exit_: MixnetEnd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Open a stream for an application; its connection id at the exit."""
    writer.write(GREETING + REQUEST)
    while True:
        _, request = decode_request((await exit_.receive()).data)
        if isinstance(request, Send):
            break
    await reply(exit_, NetworkData(request.connection_id, 0))
    assert await asyncio.wait_for(reader.readexactly(len(SUCCESS)), 5) == SUCCESS
    return request.connection_id


async def reply(exit_: MixnetEnd, message: NetworkData | ConnectionFailure) -> None:
    (tag,) = exit_.tags
    await exit_.reply(tag, encode_response(message))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
async def test_the_port_opens_on_loopback_only(host: str) -> None:
    with pytest.raises(UserError, match="reachable from other machines"):
        await SocksListener().start(host, 0)


async def test_the_port_opens_on_ipv6_as_well() -> None:
    listener = SocksListener(ListenerOptions(QUIET))
    try:
        reader, writer = await dial("::1", await listener.start("::1", 0), 5.0)
        writer.write(GREETING + REQUEST)
        assert await asyncio.wait_for(reader.read(-1), 5) == REFUSAL
        await hang_up(writer)
    finally:
        await listener.stop()


async def test_the_address_is_never_looked_up() -> None:
    with pytest.raises(UserError, match="literal"):
        await SocksListener().start("localhost", 0)


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with listening() as (_, port, _):
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1:{port}"):
            await SocksListener().start(port=port)


async def test_serving_without_a_mixnet_is_a_bug() -> None:
    with pytest.raises(UsageError):
        SocksListener().set_serving(True)


async def test_a_listener_serves_nothing_from_the_start() -> None:
    listener = SocksListener(ListenerOptions(QUIET))
    port = await listener.start(port=0)
    try:
        assert await talk(port, GREETING + REQUEST) == REFUSAL
    finally:
        await listener.stop()


async def test_a_browser_that_speaks_http_is_told() -> None:
    async with listening() as (_, port, _):
        answer = await talk(port, b"GET http://example.org/ HTTP/1.1\r\nX: y\r\n\r\n" + bytes(60_000))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"SOCKS5" in answer


@pytest.mark.parametrize(
    "sent",
    [
        # As Chromium sends them for fetch() with no-cors, its preflight, and a WebSocket, with fewer headers.
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0\r\n"
        b"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty\r\n\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\nAccess-Control-Request-Method: PUT\r\nOrigin: null\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\nUpgrade: websocket\r\nOrigin: null\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example:1080\r\n\r\n",  # a name that a page owns and has pointed here
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000),
        b"GET /" + b"a" * 200_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # the beginning of TLS
    ],
)
@pytest.mark.parametrize("serving", [True, False])
async def test_a_web_page_hears_nothing(sent: bytes, serving: bool) -> None:
    async with listening() as (listener, port, exit_):
        listener.set_serving(serving)
        assert await talk(port, sent) == b""
        assert exit_.tags == {}


async def test_a_private_name_is_refused_in_every_language_and_no_requester_hears_it() -> None:
    host = b"Hidden.ONION."
    asked = {
        GREETING + b"\x05\x01\x00\x03" + bytes([len(host)]) + host + b"\x00\x50": b"\x05\x00\x05\x04\x00\x01"
        + bytes(6),
        b"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + host + b"\x00": b"\x00\x5b" + bytes(6),
        b"CONNECT " + host + b":80 HTTP/1.1\r\n\r\n": b"HTTP/1.1 502 ",
    }
    async with listening() as (listener, port, exit_):
        for serving in (True, False):
            listener.set_serving(serving)
            for sent, answer in asked.items():
                assert (await talk(port, sent)).startswith(answer)
        assert listener.snapshot().turned_away == {Obstacle.PRIVATE_NAME: 6}
        assert listener.snapshot().refused == 6
        assert exit_.tags == {}


async def test_an_address_of_a_private_network_is_refused_at_once_by_the_code_of_a_policy() -> None:
    asked = {
        GREETING + b"\x05\x01\x00\x01\xc0\xa8\x01\x01\x00\x50": b"\x05\x00\x05\x02\x00\x01" + bytes(6),
        GREETING + b"\x05\x01\x00\x04\xfc" + bytes(14) + b"\x01\x00\x50": b"\x05\x00\x05\x02\x00\x01" + bytes(6),
        b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00": b"\x00\x5b" + bytes(6),
        b"CONNECT [fe80::1]:80 HTTP/1.1\r\n\r\n": b"HTTP/1.1 403 ",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n": b"HTTP/1.1 403 ",
    }
    async with listening() as (listener, port, exit_):
        for serving in (True, False):
            listener.set_serving(serving)
            for sent, answer in asked.items():
                assert (await talk(port, sent)).startswith(answer)
        assert listener.snapshot().turned_away == {Obstacle.PRIVATE_ADDRESS: 10}
        assert exit_.tags == {}


async def test_a_practice_network_is_asked_for_loopback_and_for_no_other_private_address() -> None:
    async with listening(ListenerOptions(QUIET, localhost=True)) as (_, port, exit_), application(port) as (_, writer):
        assert (await talk(port, b"CONNECT 192.168.1.1:80 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403 ")
        assert exit_.tags == {}
        writer.write(b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(exit_.receive(), 5)


async def test_a_private_name_wakes_no_session_that_stands_by() -> None:
    held = asyncio.Event()

    async def hold() -> None:
        held.set()

    listener = SocksListener(ListenerOptions(QUIET), hold=hold)
    port = await listener.start(port=0)
    try:
        assert (await talk(port, b"CONNECT printer.local:631 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 502 ")
        assert not held.is_set()
    finally:
        await listener.stop()


async def test_a_practice_network_is_asked_for_this_computer() -> None:
    localhost = b"CONNECT localhost:80 HTTP/1.1\r\n\r\n"
    async with listening() as (_, port, exit_):
        assert (await talk(port, localhost)).startswith(b"HTTP/1.1 502 ")
        assert exit_.tags == {}
    async with listening(ListenerOptions(QUIET, localhost=True)) as (_, port, exit_), application(port) as (_, writer):
        writer.write(localhost)
        await asyncio.wait_for(exit_.receive(), 5)


async def test_a_refusal_survives_data_that_was_sent_behind_the_request() -> None:
    async with listening() as (listener, port, _):
        listener.set_serving(False)
        assert await talk(port, GREETING + REQUEST + bytes(60_000)) == REFUSAL


async def test_a_handshake_that_takes_too_long_is_ended() -> None:
    async with listening(ListenerOptions(QUIET, handshake_timeout=0.1)) as (listener, port, _):
        assert await talk(port, GREETING[:1]) == b""
        assert await talk(port, b"") == b""
        assert listener.snapshot().refused == 2


async def test_connections_are_bounded() -> None:
    full = listening(ListenerOptions(QUIET, max_connections=1))
    async with full as (listener, port, exit_), application(port) as (reader, writer):
        await opened(exit_, reader, writer)
        assert await talk(port, GREETING + REQUEST) == REFUSAL
        assert b"at most 1 connections" in await talk(port, b"CONNECT a.example:80 HTTP/1.1\r\n\r\n")
        assert await talk(port, b"GET / HTTP/1.1\r\n\r\n") == b""
        assert listener.snapshot().refused == 3
        assert listener.snapshot().turned_away == {Obstacle.PORT_FULL: 2}


async def test_data_behind_the_request_goes_to_the_exit() -> None:
    async with listening() as (_, port, exit_), application(port) as (_, writer):
        writer.write(GREETING + REQUEST + b"early")
        requests = [decode_request((await exit_.receive()).data)[1] for _ in range(3)]
        assert {request.data for request in requests if isinstance(request, Send)} == {b"", b"early"}


async def test_messages_for_nobody_are_counted_or_ignored() -> None:
    async with listening() as (listener, port, exit_), application(port) as (reader, writer):
        connection_id = await opened(exit_, reader, writer)
        (tag,) = exit_.tags
        await exit_.reply(tag, b"\3")
        await reply(exit_, NetworkData(connection_id + 1, 0, b"for another"))
        await until(lambda: listener.snapshot().bad_messages == 1)
        await reply(exit_, NetworkData(connection_id, 1, b"for us", closed=True))
        assert await asyncio.wait_for(reader.read(-1), 5) == b"for us"


async def test_an_application_that_does_not_read_is_cut_off_when_more_comes_than_is_held_for_it() -> None:
    pipes = PipeOptions(linger=0.1, flush_timeout=0.2)
    options = ListenerOptions(replace(QUIET, pipes=pipes, reserve=lambda: Reserve(stream=1_000_000)))
    async with listening(options) as (listener, port, exit_), application(port) as (reader, writer):
        connection_id = await opened(exit_, reader, writer)
        for number in range(1, 40):
            await reply(exit_, NetworkData(connection_id, number, bytes(60_000)))
        await until(lambda: listener.snapshot().connections == 0)
        with pytest.raises(ConnectionResetError):
            await read_on(reader)


@pytest.mark.parametrize(
    ("message", "streams"),
    [
        (NetworkData(0, 3, closed=True), ClientOptions(ttl=0.3)),
        (NetworkData(0, 2 + WINDOW + 1), ClientOptions()),
        (NetworkData(0, 3, bytes(1001)), ClientOptions(reorder_bytes=1000)),
        (NetworkData(0, 2, closed=True, cut=True), ClientOptions()),
        (ConnectionFailure(0, "Connection refused"), ClientOptions()),
    ],
    ids=["a piece is missing", "window overrun", "buffer full", "cut by the exit", "error of the exit"],
)
async def test_an_answer_that_breaks_off_is_reset_after_what_has_come(
    message: NetworkData | ConnectionFailure, streams: ClientOptions
) -> None:
    options = ListenerOptions(replace(QUIET, streams=streams))
    async with listening(options) as (_, port, exit_), application(port) as (reader, writer):
        connection_id = await opened(exit_, reader, writer)
        await reply(exit_, NetworkData(connection_id, 1, b"half"))
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"half"
        await reply(exit_, replace(message, connection_id=connection_id))
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)


async def test_the_application_is_read_only_as_fast_as_the_mixnet_sends() -> None:
    async with listening() as (listener, port, exit_), application(port) as (reader, writer):
        (client,) = exit_.peers.values()
        await opened(exit_, reader, writer)
        client.lane_capacity = 0
        client._lanes.clear()
        before = len(client.sent)
        writer.write(bytes(1_000_000))
        await asyncio.sleep(0.2)
        assert len(client.sent) - before == 1
        assert listener.snapshot().streams == 1


async def test_other_machines_without_the_password_take_no_place_of_those_that_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nymconnect_proxy.ingress.listener.is_loopback", lambda _: False)  # all come from elsewhere
    monkeypatch.setattr("nymconnect_proxy.ingress.listener.MAX_STRANGERS", 3)
    options = ListenerOptions(QUIET, allow_remote=True, password=b"secret")
    login = b"\x05\x01\x02" + b"\x01\x01u\x06secret"
    async with AsyncExitStack() as stack:
        listener, port, exit_ = await stack.enter_async_context(listening(options))

        async def crowd() -> None:
            for _ in range(6):
                await stack.enter_async_context(application(port))

        await crowd()
        _, writer = await stack.enter_async_context(application(port))
        writer.write(login + REQUEST)
        request = decode_request((await asyncio.wait_for(exit_.receive(), 5)).data)[1]
        assert isinstance(request, Connect | Send)
        await crowd()
        await until(lambda: listener.snapshot().connections == 1 + 3)
        assert listener.snapshot().streams == 1
        assert not writer.is_closing()
