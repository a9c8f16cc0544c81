"""What breaks in a network, and what a session makes of it: streams survive, or the port refuses; nothing leaks."""

import asyncio
import os
import random
import signal
from dataclasses import replace
from functools import partial

import pytest
from python_socks import ProxyError

from nymconnect.client.gateway import topology_refresh
from nymconnect.endpoints import Endpoint
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.streams.client_stream import ClientOptions
from tests.helpers.faults import lose_packets
from tests.helpers.stage import (
    CURL_PROXY_ERROR,
    FAST,
    PATIENCE,
    Stage,
    curl,
    eventually,
    reach,
    replacement,
    socks_code,
    stage,
    started,
)
from tests.helpers.targets import echo, file_server, tcp_server

LOSS = 0.05
# More fragments may wait, so that more SURBs are asked for: under loss that is what bounds the speed.
WIDE = replace(FAST, lane_limit=100, window=80)
# A quarter of the packets for the same bytes: what is lost and sent again is packets, whatever their size.
WIDE_AND_LARGE = replace(WIDE, packet_size=PacketSize.EXTENDED8, ack_wait_addition=0.8)


def content(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


def received(on: Stage) -> int:
    """Fragments that have reached the session's client."""
    return on.session.status.counters.get("data_received", 0)


# --- lost packets, a dead mix node -----------------------------------------------------------------------------------


@pytest.mark.timeout(600)
async def test_a_megabyte_survives_lost_packets_and_a_dead_mix_node() -> None:
    body = content(1_000_000)
    async with file_server({"/file": body}) as port, stage(WIDE_AND_LARGE) as on:
        losses = lose_packets(on.network, LOSS)
        download = asyncio.create_task(on.fetch(port, "/file", patience=500))
        await eventually(lambda: received(on) > 50, 400)
        assert not download.done()
        await on.network.mixnodes[0].stop()
        assert await download == body
        assert losses.lost > 40


@pytest.mark.timeout(600)
async def test_twenty_downloads_survive_lost_packets_and_a_dead_mix_node(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = partial(ClientOptions, connect_timeout=500.0)  # on a busy machine the last of them waits for its turn
    monkeypatch.setattr("nymconnect_proxy.session.connector.ClientOptions", patient)
    files = {f"/{number}": content(20_000, number) for number in range(20)}
    async with file_server(files) as port, stage(WIDE) as on:
        lose_packets(on.network, LOSS, seed=2)
        downloads = [asyncio.create_task(on.fetch(port, path, patience=500)) for path in files]
        await eventually(lambda: received(on) > 100, 400)
        assert not all(download.done() for download in downloads)
        await on.network.mixnodes[4].stop()
        assert await asyncio.gather(*downloads) == list(files.values())


# --- the gateway -----------------------------------------------------------------------------------------------------


async def test_without_its_gateway_a_session_refuses_and_comes_back_with_it() -> None:
    async with file_server({"/file": content(3000)}) as port, stage() as on:
        gateway = on.network.gateways[0]
        again = replacement(gateway)
        await gateway.stop()
        await reach(on.session, State.CONNECTING)
        assert on.session.status.reason
        code, _, errors = await on.curl(f"http://localhost:{port}/file")
        assert (code, socks_code(errors)) == (CURL_PROXY_ERROR, 1)
        async with started(again, on.network):
            await reach(on.session, State.CONNECTED)
            assert await on.fetch(port, "/file") == content(3000)


async def test_an_open_stream_survives_the_restart_of_a_gateway() -> None:
    async with tcp_server(echo) as port, stage() as on, asyncio.timeout(PATIENCE):
        reader, writer = await on.open(port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        gateway = on.network.gateways[0]
        again = replacement(gateway)
        await gateway.stop()
        await reach(on.session, State.CONNECTING)
        writer.write(b"while it was away")
        async with started(again, on.network):
            assert await reader.readexactly(17) == b"while it was away"
            writer.close()


async def test_the_exit_comes_back_after_the_restart_of_its_gateway() -> None:
    async with file_server({"/file": content(3000)}) as port, stage() as on:
        gateway = on.network.gateways[1]
        again = replacement(gateway)
        await gateway.stop()
        download = asyncio.create_task(on.fetch(port, "/file"))
        await eventually(lambda: on.session.status.counters.get("retransmitted", 0) > 0)
        async with started(again, on.network):
            assert await download == content(3000)
            assert on.session.status.state is State.CONNECTED


# --- the exit, the directory, the child process ----------------------------------------------------------------------


async def test_an_exit_that_is_gone_is_told_as_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "nymconnect_proxy.session.connector.ClientOptions", lambda **_: ClientOptions(connect_timeout=1.0)
    )
    async with stage() as on:
        await on.requester.stop()
        with pytest.raises(ProxyError) as failure:
            await on.open(80)
        assert failure.value.error_code == 6


async def test_a_session_goes_on_without_the_directory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(topology_refresh, "REFRESH", 0.1)
    monkeypatch.setattr(topology_refresh, "RETRY", 0.1)
    async with file_server({"/file": content(30_000)}) as port, stage() as on:
        await on.network._directory.stop()
        await eventually(lambda: "keeping the old topology" in caplog.text)
        assert await on.fetch(port, "/file") == content(30_000)
        assert on.session.status.state is State.CONNECTED


async def test_a_session_fails_with_its_practice_network_and_can_begin_again() -> None:
    session = Session(Settings(socks=Endpoint("127.0.0.1", 0)), traffic=FAST)
    async with file_server({"/file": content(3000)}) as port, asyncio.timeout(PATIENCE):
        try:
            await session.connect()
            await reach(session, State.CONNECTED)
            pid = session.network_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            status = await session.wait(State.FAILED)
            assert str(status.reason) == "the practice network has ended"
            code, _, errors = await curl(status.socks, f"http://localhost:{port}/file")
            assert (code, socks_code(errors)) == (CURL_PROXY_ERROR, 1)
            await session.connect()
            await session.wait(State.CONNECTED)
            assert session.network_pid not in (None, pid)
            assert session.status.socks == status.socks
            fetched = await fetch_through(status.socks, "localhost", port, "/file", PATIENCE)
            assert fetched.body == content(3000)
        finally:
            await session.disconnect()
        assert session.network_pid is None
