"""The websocket port: what is no upgrade is answered, a crash shows, and no address of a peer is logged."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from nymconnect.lobby import LobbyLimits
from nymconnect.node.gateway.client_port import Doorman
from tests.helpers.stage import eventually

PLACES = LobbyLimits(strangers=2, known=2, per_address=2)
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
GOOD_KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"


class Stage:
    port: int

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.displaced = 0
        self.doorman = Doorman("gateway", self._serve, PLACES, on_displaced=self._displace)

    def _displace(self) -> None:
        self.displaced += 1

    async def _serve(self, _socket: web.WebSocketResponse, transport: asyncio.WriteTransport) -> None:
        if self.error is not None:
            raise self.error
        transport.close()

    async def ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read(), 10.0)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    opened = Stage()
    opened.port = await opened.doorman.start("127.0.0.1", 0)
    yield opened
    await opened.doorman.stop()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (UPGRADE + GOOD_KEY, b"101"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"426"),
        (UPGRADE + b"Sec-WebSocket-Key: \xff\r\n\r\n", b"400"),
        (UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n" + GOOD_KEY, b"101"),
        (b"\x16\x03\x01 no HTTP\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nbad header\xff\r\n\r\n", b"400"),
    ],
)
async def test_what_a_stranger_sends_is_answered_and_logged_without_his_address(
    stage: Stage, caplog: pytest.LogCaptureFixture, request_bytes: bytes, status: bytes
) -> None:
    caplog.set_level(logging.INFO)
    assert (await stage.ask(request_bytes)).split(b" ")[1] == status
    is_http = b"bad header" not in request_bytes  # aiohttp passes over a beginning of TLS by itself
    assert [record.levelno for record in caplog.records] == ([] if is_http else [logging.WARNING])
    assert "127.0.0.1" not in caplog.text
    assert stage.doorman.crashes == 0


async def test_strangers_that_speak_no_http_write_one_line(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(30):
        await stage.ask(b"GET / HTTP/1.1\r\nbad header\xff\r\n\r\n")
    (line,) = caplog.records
    assert "no HTTP" in line.getMessage()


async def test_a_crash_that_strangers_cause_at_will_is_one_line(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.error = RuntimeError("ours")
    for _ in range(10):
        await stage.ask(UPGRADE + GOOD_KEY)
    assert (len(caplog.records), stage.doorman.crashes) == (1, 10)


async def test_a_connection_that_breaks_is_no_error(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage.error = ConnectionResetError("gone")
    await stage.ask(UPGRADE + GOOD_KEY)
    assert (caplog.records, stage.doorman.crashes) == ([], 0)


async def test_a_crash_is_counted_and_logged_without_an_address(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.error = KeyError("ours")
    await stage.ask(UPGRADE + GOOD_KEY)
    await eventually(lambda: stage.doorman.crashes == 1)
    assert "KeyError: 'ours'" in caplog.text
    assert "127.0.0.1" not in caplog.text
    await stage.doorman.stop()
    assert stage.doorman.crashes == 1


async def test_who_is_displaced_is_counted(stage: Stage) -> None:
    connections = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(3)]
    await eventually(lambda: stage.displaced == 1)
    for _, writer in connections:
        writer.close()
