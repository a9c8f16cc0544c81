"""The listener and the requester, joined by a mixnet in memory that shuffles messages; real sockets at both ends."""

import asyncio
import contextlib
import gc
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from python_socks import ProxyError
from python_socks.async_.asyncio import Proxy

from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED, Versions
from nymconnect_proxy.socks.server_handshake import FrontDoor
from nymconnect_proxy.streams.client_stream import ClientOptions, ClientStream
from nymconnect_proxy.streams.exit_stream import ExitStream
from nymconnect_proxy.streams.pipe import Pipe
from nymconnect_proxy.streams.socket_close import reset
from tests.helpers.mixnet_pair import mixnet_pair, only
from tests.helpers.proxy_loop import CURL, CURL_PROXY_ERROR, QUIET, Loop, proxy_loop
from tests.helpers.targets import unused_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CURL_RECEIVE_ERROR = 56
needs_curl = pytest.mark.skipif(CURL is None, reason="curl is not installed")


@contextlib.asynccontextmanager
async def target(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server on loopback; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def http_server(body: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return handle


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- counters of services, which have no event to wait for
            await asyncio.sleep(0.01)


@needs_curl
@pytest.mark.parametrize("anonymous", [True, False])
async def test_a_megabyte_arrives_byte_for_byte_through_curl(anonymous: bool) -> None:
    body = random.Random(7).randbytes(1_000_000)
    async with target(http_server(body)) as port, proxy_loop(anonymous=anonymous) as loop:
        code, output, errors = await loop.curl(f"http://localhost:{port}/file")

        assert (code, errors) == (0, "")
        assert hashlib.sha256(output).digest() == hashlib.sha256(body).digest()
        assert all((surbs > 0) == anonymous for _, surbs in loop.client_mixnet.sent)
        assert loop.client_mixnet.sent[0][1] == (20 if anonymous else 0)
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)


@needs_curl
@pytest.mark.parametrize("is_broken", [True, False])
async def test_curl_knows_whether_an_answer_without_a_length_is_the_whole(is_broken: bool) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(50_000))
        if is_broken:
            await writer.drain()
            reset(writer.transport)

    async with target(handle) as port, proxy_loop() as loop:
        code, output, _ = await loop.curl(f"http://localhost:{port}/")
        assert len(output) == 50_000
        assert code == (CURL_RECEIVE_ERROR if is_broken else 0)


async def test_an_upload_arrives_in_order() -> None:
    body = random.Random(8).randbytes(300_000)
    received = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.read(-1))

    async with target(handle) as port, proxy_loop() as loop:
        _, writer = await loop.open(port)
        writer.write(body)
        writer.write_eof()
        assert await asyncio.wait_for(received, 20) == body
        writer.close()


async def test_a_half_closed_stream_still_gets_its_answer() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(-1)
        await asyncio.sleep(0.3)
        writer.write(question[::-1] * 5000)
        await writer.drain()

    async with target(handle) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        writer.write(b"question")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), 20) == b"noitseuq" * 5000
        writer.close()
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)


async def test_a_target_that_has_said_all_still_hears_the_rest() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"goodbye")
        writer.write_eof()
        heard.set_result(await reader.read(-1))

    async with target(handle) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        assert await asyncio.wait_for(reader.read(-1), 10) == b"goodbye"
        writer.write(b"and another thing")
        writer.write_eof()
        assert await asyncio.wait_for(heard, 10) == b"and another thing"
        writer.close()
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)


@pytest.mark.parametrize("versions", [CURRENT, MIXED, LEGACY], ids=["versioned", "mixed", "legacy"])
async def test_both_generations_of_messages_carry_streams_and_refusals(versions: Versions) -> None:
    policy = AddressPolicy.parse("ExitPolicy reject *:25\nExitPolicy accept *:*\n")
    async with (
        target(http_server(b"old and new")) as port,
        proxy_loop(policy, ClientOptions(versions=versions)) as loop,
    ):
        reader, writer = await loop.open(port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(-1), 10)).endswith(b"old and new")
        writer.close()
        with pytest.raises(ProxyError) as failure:
            await loop.open(25)
        assert failure.value.error_code == 2


@needs_curl
@pytest.mark.parametrize("language", ["socks5h", "socks5", "http"])
async def test_a_target_is_reached_at_its_ipv6_address(language: str) -> None:
    async with target(http_server(b"over there"), "::1") as port, proxy_loop() as loop:
        tunnel = ("--proxytunnel", "--proxy", f"{language}://127.0.0.1:{loop.port}")
        assert await loop.curl(*tunnel, f"http://[::1]:{port}/") == (0, b"over there", "")
        assert loop.dialled == ["::1"]


async def test_an_early_reply_comes_before_anybody_has_tried() -> None:
    async with proxy_loop(streams=ClientOptions(early_reply=True)) as loop:
        reader, writer = await loop.open(unused_port())
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(-1), 10)
        writer.close()


async def test_many_streams_at_once_do_not_mix() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()

    async def one(loop: Loop, port: int, number: int) -> None:
        reader, writer = await loop.open(port)
        text = random.Random(number).randbytes(30_000)
        writer.write(text)
        writer.write_eof()
        assert await reader.read(-1) == text
        writer.close()

    async with target(echo) as port, proxy_loop() as loop:
        await asyncio.wait_for(asyncio.gather(*(one(loop, port, number) for number in range(12))), 30)


@needs_curl
async def test_a_refused_port_is_told_to_curl() -> None:
    async with proxy_loop() as loop:
        code, _, errors = await loop.curl(f"http://127.0.0.1:{unused_port()}/")

    assert code == CURL_PROXY_ERROR
    assert "(5)" in errors


@needs_curl
async def test_the_policy_is_told_to_curl() -> None:
    async with target(http_server(b"secret")) as port:
        policy = AddressPolicy.parse(f"ExitPolicy reject *:{port}\nExitPolicy accept *:*\n")
        async with proxy_loop(policy) as loop:
            code, output, errors = await loop.curl(f"http://127.0.0.1:{port}/")
            assert loop.dialled == []

    assert (code, output) == (CURL_PROXY_ERROR, b"")
    assert "(2)" in errors


async def test_a_private_address_is_refused_by_default() -> None:
    async with target(http_server(b"secret")) as port, proxy_loop(allow_loopback=False) as loop:
        with pytest.raises(ProxyError) as failure:
            await loop.open(port, "localhost")
        assert loop.dialled == []

    assert failure.value.error_code == 2


@needs_curl
async def test_a_target_that_never_answers_is_told_to_curl() -> None:
    async def never(host: str, port: int, patience: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    async with proxy_loop(streams=ClientOptions(connect_timeout=0.5), dial=never) as loop:
        code, _, errors = await loop.curl("http://127.0.0.1:80/")
        await until(lambda: not loop.requester.snapshot().active)

    assert code == CURL_PROXY_ERROR
    assert "(6)" in errors


async def test_an_exit_that_never_answers_times_out() -> None:
    async with proxy_loop(streams=ClientOptions(connect_timeout=0.3)) as loop:
        await loop.requester.stop()
        with pytest.raises(ProxyError) as failure:
            await loop.open(80)

    assert failure.value.error_code == 6


async def test_an_unknown_name_is_host_unreachable() -> None:
    async with proxy_loop() as loop:
        with pytest.raises(ProxyError) as failure:
            await loop.open(80, "does-not-exist.invalid")

    assert failure.value.error_code == 4


async def test_a_target_that_resets_ends_the_stream_for_the_application() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer.transport)

    async with target(handle) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)


async def test_an_application_that_goes_away_stops_the_download() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async with target(endless) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        await reader.readexactly(100_000)
        writer.transport.abort()
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)
        assert loop.exit_mixnet.closed_lanes == [1]


async def test_streams_that_are_over_leave_nothing_behind() -> None:
    async def one(loop: Loop, port: int) -> None:
        reader, writer = await loop.open(port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read(-1)
        writer.close()

    def parts() -> list[object]:
        gc.collect()
        return [thing for thing in gc.get_objects() if isinstance(thing, (FrontDoor, ClientStream, ExitStream, Pipe))]

    others = parts()  # of a test that failed, say, whose traceback holds them
    async with target(http_server(b"x")) as port, proxy_loop() as loop:
        tasks = len(asyncio.all_tasks())
        for _ in range(8):
            await asyncio.gather(*(one(loop, port) for _ in range(25)))
        await until(lambda: not loop.requester.snapshot().active and not loop.listener.snapshot().connections)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert [type(thing).__name__ for thing in parts() if not any(thing is other for other in others)] == []


async def test_nothing_is_served_outside_connected() -> None:
    async with target(http_server(b"x")) as port, proxy_loop() as loop:
        loop.listener.set_serving(False)
        with pytest.raises(ProxyError) as failure:
            await loop.open(port)
        assert failure.value.error_code == 1
        assert loop.client_mixnet.sent == []


async def test_detaching_ends_open_and_waiting_streams() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with target(silent) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        await loop.listener.detach()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(-1), 5)
        with pytest.raises(ProxyError):
            await loop.open(port)
        writer.close()


async def test_a_mixnet_that_stops_refuses_what_waits() -> None:
    async with proxy_loop() as loop:
        loop.client_mixnet.stopped = True
        with pytest.raises(ProxyError) as failure:
            await loop.open(80)

    assert failure.value.error_code == 1


async def test_two_clients_of_one_exit_share_ids_without_harm() -> None:
    """Same seed, so the same connection ids, from clients with different tags."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(-1))
        await writer.drain()

    async def ask(port: int, target_port: int, text: bytes) -> bytes:
        sock = await Proxy.from_url(f"socks5://127.0.0.1:{port}").connect("127.0.0.1", target_port, timeout=10)
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(text)
        writer.write_eof()
        answer = await reader.read(-1)
        writer.close()
        return answer

    async with target(echo) as port, proxy_loop(seed=1) as loop:
        other, _ = mixnet_pair(99)
        other.peers[loop.exit_mixnet.address] = loop.exit_mixnet
        listener = SocksListener(ListenerOptions(QUIET, localhost=True), random.Random(1))
        other_port = await listener.start(port=0)
        listener.attach(other, only(loop.exit_mixnet.address))
        listener.set_serving(True)
        try:
            answers: Sequence[bytes] = await asyncio.gather(
                ask(loop.port, port, b"first" * 4000), ask(other_port, port, b"second" * 4000)
            )
        finally:
            await listener.stop()
        assert answers == [b"first" * 4000, b"second" * 4000]


@pytest.mark.parametrize("side", ["client", "exit"])
async def test_a_stream_whose_message_was_given_up_is_broken_and_does_not_hang(side: str) -> None:
    async def say_one_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"word")
        await reader.read(-1)

    async with target(say_one_word) as port, proxy_loop() as loop:
        reader, writer = await loop.open(port)
        assert await reader.readexactly(4) == b"word"
        mixnet = loop.client_mixnet if side == "client" else loop.exit_mixnet
        for lane in mixnet.lanes:
            mixnet.on_undelivered(lane)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
