"""Files and streams through the whole chain: SOCKS port, client, gateways, mix nodes, requester, target, and back."""

import asyncio
import hashlib
import random
import socket
from dataclasses import replace

import pytest
from python_socks import ProxyError

from nymconnect_proxy.session.states import State
from nymconnect_proxy.streams.socket_close import reset
from tests.helpers.stage import CURL_PROXY_ERROR, FAST, PATIENCE, eventually, reach, socks_code, stage
from tests.helpers.targets import answer_after_the_end, echo, file_server, tcp_server, unused_port


def content(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


@pytest.mark.timeout(300)
async def test_a_megabyte_arrives_byte_for_byte_through_curl() -> None:
    body = content(1_000_000)
    async with file_server({"/file": body}) as port, stage() as on:
        code, output, errors = await on.curl(f"http://localhost:{port}/file")
        assert (code, errors) == (0, "")
        assert hashlib.sha256(output).digest() == hashlib.sha256(body).digest()
        await eventually(lambda: not on.open_streams)


async def test_twenty_downloads_at_once_arrive_byte_for_byte() -> None:
    files = {f"/{number}": content(20_000, number) for number in range(20)}
    async with file_server(files) as port, stage() as on:
        bodies = await asyncio.gather(*(on.fetch(port, path, patience=200) for path in files))
        assert bodies == list(files.values())
        await eventually(lambda: not on.open_streams)


async def test_an_upload_arrives_byte_for_byte() -> None:
    body = content(300_000)
    async with tcp_server(answer_after_the_end) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        writer.write(body)
        writer.write_eof()
        assert await reader.read(-1) == f"300000 {hashlib.sha256(body).hexdigest()}".encode()
        writer.close()
        await eventually(lambda: not on.open_streams)


async def test_a_half_closed_stream_still_gets_its_answer() -> None:
    answer = content(60_000)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read(-1) == b"question"
        writer.write(answer)
        await writer.drain()

    async with tcp_server(handle) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        writer.write(b"question")
        writer.write_eof()
        assert await reader.read(-1) == answer
        writer.close()


async def test_a_target_that_half_closes_still_hears_what_comes() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"that is all")
        writer.write_eof()
        heard.set_result(await reader.read(-1))

    async with tcp_server(handle) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        assert await reader.read(-1) == b"that is all"
        writer.write(content(40_000))
        writer.write_eof()
        assert await heard == content(40_000)
        writer.close()


async def test_both_directions_at_once() -> None:
    body = content(100_000)
    async with tcp_server(echo) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)

        async def send() -> None:
            for start in range(0, len(body), 5000):
                writer.write(body[start : start + 5000])
                await writer.drain()
            writer.write_eof()

        _, received = await asyncio.gather(send(), reader.read(-1))
        assert received == body
        writer.close()


async def test_paced_traffic_carries_a_file_among_cover() -> None:
    """As the default preset sends: data and cover share the slots of one Poisson stream."""
    body = content(50_000)
    paced = replace(FAST, paced=True, message_sending_average_delay=0.040)
    async with file_server({"/file": body}) as port, stage(paced) as on:
        assert await on.fetch(port, "/file") == body
        counters = on.session.status.counters
        assert counters["cover_sent"] > 0
        assert counters["cover_received"] > 0


# --- what is refused, and how curl is told ---------------------------------------------------------------------------


async def test_refusals_come_back_with_their_own_code() -> None:
    async with stage() as on:
        targets = {
            f"http://127.0.0.1:{unused_port()}/": 5,
            "http://does-not-exist.invalid/": 4,
            "http://1.1.1.1:25/": 2,  # a port that the policy does not list
            "http://192.168.77.1/": 2,  # a private network that is not this machine
        }
        answers = await asyncio.gather(*(on.curl(url) for url in targets))
        assert [code for code, _, _ in answers] == [CURL_PROXY_ERROR] * len(targets)
        assert [socks_code(errors) for _, _, errors in answers] == list(targets.values())
        await eventually(lambda: not on.open_streams)


async def test_a_target_that_resets_resets_the_stream() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer.transport)

    async with tcp_server(handle) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        writer.close()
        await eventually(lambda: not on.open_streams)


async def test_an_application_that_goes_away_ends_the_stream() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(16384))
            await writer.drain()

    async with tcp_server(endless) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        await reader.readexactly(50_000)
        writer.transport.abort()
        await eventually(lambda: not on.open_streams)


# --- the session around it -------------------------------------------------------------------------------------------


async def test_a_session_can_be_left_and_taken_up_again() -> None:
    async with file_server({"/file": content(5000)}) as port, stage() as on, asyncio.timeout(PATIENCE):
        first = on.socks
        reader, writer = await on.open(port)
        await on.session.disconnect()
        assert on.session.status.state is State.DISCONNECTED
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        writer.close()
        with pytest.raises(ConnectionRefusedError), socket.create_connection((first.host, first.port)):
            pass
        await on.session.connect()
        await reach(on.session, State.CONNECTED)
        assert await on.fetch(port, "/file") == content(5000)


async def test_nothing_is_served_before_the_session_is_connected() -> None:
    async with file_server({"/file": b"x"}) as port, stage() as on, asyncio.timeout(PATIENCE):
        await on.session.disconnect()
        await on.session.connect()
        assert on.session.status.state is State.CONNECTING
        with pytest.raises(ProxyError) as failure:
            await on.open(port)
        assert failure.value.error_code == 1
