"""Each process that a download passes is killed in the middle of it: nothing wrong is delivered, what is cut is seen as
cut, and what can go on goes on unaided."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from python_socks import ProxyError
from python_socks.async_.asyncio import Proxy

from nymconnect.base58 import b58encode
from nymconnect.endpoints import Endpoint
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from nymconnect_proxy.streams import flow
from tests.helpers.process_network import PartProcess, ProcessNetwork
from tests.helpers.stage import eventually, reach
from tests.helpers.targets import tcp_server

BODY = random.Random(9).randbytes(300_000)
LITTLE = BODY[:20_000]
BEFORE = 60_000  # bytes that have arrived when the process is killed
PATIENCE = 200.0  # seconds
LOST_AFTER = 20.0  # seconds; what died with a process though it was acked is missed for that long only
CONNECT_TIMEOUT = 60.0


async def send_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says its length nowhere: only the end of the connection tells a reader that this was all of it."""
    writer.write(BODY)
    await writer.drain()


async def send_little(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """For a look whether anything arrives at all."""
    writer.write(LITTLE)
    await writer.drain()


class Download:
    """One connection through the SOCKS port that is read to its end."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.was_reset = False

    async def run(self, socks: Endpoint, port: int) -> None:
        """Python_socks.ProxyError if the port refuses."""
        proxy = Proxy.from_url(f"socks5://{socks}", rdns=True)
        sock = await proxy.connect("localhost", port, timeout=CONNECT_TIMEOUT)
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            while data := await reader.read(65536):
                self.received += data
        except ConnectionError:
            self.was_reset = True
        finally:
            writer.transport.abort()

    @property
    def is_whole(self) -> bool:
        return bytes(self.received) == BODY and not self.was_reset

    @property
    def is_cut(self) -> bool:
        """A right beginning, and an end that no program takes for the end of the file."""
        return self.was_reset and BODY.startswith(bytes(self.received))


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Session]:
    session = Session(settings)
    try:
        await session.connect()
        await reach(session, State.CONNECTED)
        yield session
    finally:
        await session.disconnect()


async def through(
    session: Session, port: int, hurt: Callable[[], Awaitable[None]], patience: float = PATIENCE
) -> Download:
    """A download in the middle of which `hurt` happens."""
    download = Download()
    async with asyncio.timeout(patience):
        running = asyncio.create_task(download.run(session.status.socks, port))
        try:
            await eventually(lambda: len(download.received) >= BEFORE)
            await hurt()
            await running
        finally:
            running.cancel()
    return download


async def serves_again(session: Session) -> bool:
    """Whether a new, small download arrives whole; a port that still refuses is asked again."""
    download = Download()
    async with asyncio.timeout(PATIENCE), tcp_server(send_little) as port:
        while bytes(download.received) != LITTLE or download.was_reset:
            download = Download()
            try:
                await download.run(session.status.socks, port)
            except (ProxyError, OSError):
                await asyncio.sleep(1.0)
    return True


@pytest.mark.timeout(600)
async def test_whichever_process_of_a_network_dies_what_is_cut_is_seen_as_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "LOST_AFTER", LOST_AFTER)
    async with tcp_server(send_body) as port, ProcessNetwork(tmp_path) as network:
        settings = Settings(
            socks=Endpoint("127.0.0.1", 0),
            network=OwnNetwork(network.api_url),
            requester=network.requester_address,
            gateway=b58encode(network.entry_identity),
        )
        async with connected(settings) as session:
            mix, gateway = network.mixes[0], network.gateways[0]
            assert (await through(session, port, mix.kill)).is_whole, "the mix that died was not gone around"
            await mix.start()

            async def restart(process: PartProcess) -> None:
                await process.kill()
                await process.start()

            download = await through(session, port, lambda: restart(gateway))
            assert download.is_whole or download.is_cut
            assert await serves_again(session)

            download = await through(session, port, lambda: restart(network.requester))
            assert download.is_cut, "the exit has forgotten the stream, so nobody can end it in order"
            assert await serves_again(session)

            async def kill_the_pacer() -> None:
                assert session.pacer_pid is not None
                os.kill(session.pacer_pid, signal.SIGKILL)

            download = await through(session, port, kill_the_pacer)
            assert download.is_whole or download.is_cut
            assert await serves_again(session)


@pytest.mark.timeout(240)
async def test_when_the_process_of_the_practice_network_dies_streams_are_reset_and_the_session_fails() -> None:
    async with tcp_server(send_body) as port, connected(Settings(socks=Endpoint("127.0.0.1", 0))) as session:

        async def kill_the_network() -> None:
            assert session.network_pid is not None
            os.kill(session.network_pid, signal.SIGKILL)

        assert (await through(session, port, kill_the_network)).is_cut
        await reach(session, State.FAILED)
        with pytest.raises((ProxyError, OSError)):
            await Download().run(session.status.socks, port)
        await session.connect()
        await reach(session, State.CONNECTED)
        assert await serves_again(session)
