"""The window over the real thing: its own event loop, a real session, the practice network in a process of its own."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect.base58 import b58encode
from nymconnect.endpoints import Endpoint
from nymconnect_gui.app import Program
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from tests.helpers.gateway_process import GatewayProcess
from tests.helpers.stage import curl, eventually
from tests.helpers.targets import file_server
from tests.helpers.window import PATIENCE, home_of, live, on_qt, play, until

pytestmark = pytest.mark.timeout(600)
PAGE = b"hello through the mixnet" * 400


@contextlib.asynccontextmanager
async def network_with_gateway(files: Path) -> AsyncIterator[tuple[Settings, GatewayProcess]]:
    """A network whose entry gateway is a process of its own, and settings that lead there."""
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=1, gateways=1)
    await network.start()
    gateway = GatewayProcess(network.api_url, files, network.gateways[0].description.sphinx_keys[0].rotation_id)
    network.state.add(gateway.record)
    try:
        await gateway.start()
        await network._introduce_nodes()
        settings = Settings(
            socks=Endpoint("127.0.0.1", 0),
            network=OwnNetwork(network.api_url),
            requester=str(network.requester_address),
            gateway=b58encode(gateway.record.identity),
        )
        yield settings, gateway
    finally:
        await gateway.stop()
        await network.stop()


@contextlib.asynccontextmanager
async def target() -> AsyncIterator[int]:
    async with file_server({"/page": PAGE}) as port:
        yield port


async def fetch(program: Program, port: int) -> bytes:
    return (await fetch_through(program.bridge.status.socks, "localhost", port, "/page", PATIENCE)).body


async def is_closed(socks: Endpoint) -> bool:
    try:
        _, writer = await asyncio.open_connection(socks.host, socks.port)
    except OSError:
        return True
    writer.close()
    return False


def test_connect_fetch_disconnect(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        async with target() as port:
            home.ring.click()
            await until(program, State.CONNECTED)
            assert home.state.text() == "Connected"
            assert "no anonymity" in home.sentence.text()
            assert home.port.value == str(program.bridge.status.socks.port) != "0"
            assert await fetch(program, port) == PAGE
        await eventually(lambda: bool(program.bridge.history.samples), PATIENCE)
        program.bridge.look()
        assert program.bridge.status.bytes_down >= len(PAGE)
        assert program.bridge.status.counters["data_sent"] > 0
        socks = program.bridge.status.socks
        home.ring.click()
        await until(program, State.DISCONNECTED)
        assert home.state.text() == "Disconnected"
        assert await is_closed(socks)

    play(qapp, tmp_path, scenario)


def test_whoever_reads_the_guide_needs_three_clicks_to_a_page(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        program.window.show_page("diagnostics-guide")
        guide = program.window.page("diagnostics-guide")
        async with target() as port:
            for _ in range(3):
                guide.next.click()  # type: ignore[attr-defined]
            await until(program, State.CONNECTED)
            code, body, complaints = await curl(program.bridge.status.socks, f"http://localhost:{port}/page")
        assert (code, body) == (0, PAGE), complaints
        assert program.window.current == "home"

    play(qapp, tmp_path, scenario)


def test_a_network_that_is_killed_fails_truthfully_and_can_be_tried_again(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        home.ring.click()
        await until(program, State.CONNECTED)
        socks = program.bridge.status.socks
        session = program.bridge._session
        assert isinstance(session, Session)
        assert session.network_pid is not None
        os.kill(session.network_pid, signal.SIGKILL)
        await until(program, State.FAILED)
        assert home.state.text() == "Failed"
        assert "The practice network has ended" in home.sentence.text()
        assert not home.try_again.isHidden()
        assert not await is_closed(socks)  # it refuses; nothing goes around it
        async with target() as port:
            with pytest.raises(Exception, match="could not connect"):
                await fetch(program, port)
            home.try_again.click()
            assert program.window.focusWidget() is home.ring  # not wherever the button has left the keyboard
            await until(program, State.CONNECTED)
            assert program.bridge.status.socks == socks
            assert await fetch(program, port) == PAGE

    play(qapp, tmp_path, scenario)


def test_a_gateway_that_is_killed_is_told_and_used_again_once_it_is_back(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with network_with_gateway(tmp_path) as (settings, gateway), target() as port:

            async def day(program: Program) -> None:
                home = home_of(program)
                home.ring.click()
                await until(program, State.CONNECTED)
                assert await fetch(program, port) == PAGE
                await gateway.remember()
                await gateway.kill()
                await until(program, State.CONNECTING)
                assert home.state.text() == "Connecting…"
                assert home.time.isHidden()  # it does not count what does not work
                assert not await is_closed(program.bridge.status.socks)  # nothing goes around it meanwhile
                await gateway.start()
                await until(program, State.CONNECTED)
                assert home.state.text() == "Connected"
                assert await fetch(program, port) == PAGE
                socks = program.bridge.status.socks
                home.ring.click()
                await until(program, State.DISCONNECTED)
                assert await is_closed(socks)

            await live(qapp, tmp_path, day, settings)

    on_qt(qapp, scenario())


def test_quitting_while_connecting_leaves_nothing_behind(qapp: QApplication, tmp_path: Path) -> None:
    pids: list[int] = []

    async def scenario(program: Program) -> None:
        home_of(program).ring.click()
        await until(program, State.CONNECTING)

        def has_network() -> bool:
            session = program.bridge._session
            return isinstance(session, Session) and session.network_pid is not None

        await eventually(has_network, PATIENCE)
        session = program.bridge._session
        assert isinstance(session, Session)
        assert session.network_pid is not None
        pids.append(session.network_pid)

    play(qapp, tmp_path, scenario)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_port_in_use_is_said_and_another_one_offered(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        other = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        taken = other.sockets[0].getsockname()[1]
        program.bridge.change(Settings(socks=Endpoint("127.0.0.1", taken)))
        home.ring.click()
        await until(program, State.FAILED)
        assert f"127.0.0.1:{taken}" in home.sentence.text()
        offered = int(home.other_port.text().removeprefix("Use port "))
        assert offered > taken
        home.other_port.click()
        await until(program, State.CONNECTED)
        assert program.bridge.status.socks.port == offered
        other.close()

    play(qapp, tmp_path, scenario)
