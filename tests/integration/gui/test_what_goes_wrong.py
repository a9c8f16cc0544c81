"""What goes wrong for real, and what the window makes of it: one clear sentence, and a way on."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect.base58 import b58encode
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect_gui.app import Program
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from tests.helpers.stage import eventually
from tests.helpers.targets import file_server
from tests.helpers.tls import certificate
from tests.helpers.window import home_of, live, on_qt, play, until

pytestmark = pytest.mark.timeout(600)
SETTINGS = Settings(socks=Endpoint("127.0.0.1", 0), connect_timeout=5.0)
Case = Callable[[Path], AbstractAsyncContextManager[Settings]]


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@contextlib.asynccontextmanager
async def nobody_there(files: Path) -> AsyncIterator[Settings]:
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    yield replace(SETTINGS, network=OwnNetwork(f"http://127.0.0.1:{port}"))


@contextlib.asynccontextmanager
async def name_of_nobody(files: Path) -> AsyncIterator[Settings]:
    yield replace(SETTINGS, network=OwnNetwork("https://nobody.invalid/api"))


@contextlib.asynccontextmanager
async def some_web_site(files: Path) -> AsyncIterator[Settings]:
    async with file_server({"/": b"<html>welcome</html>"}) as port:
        yield replace(SETTINGS, network=OwnNetwork(f"http://127.0.0.1:{port}"))


@contextlib.asynccontextmanager
async def certificate_of_nobody(files: Path) -> AsyncIterator[Settings]:
    context = certificate(files).server_context()
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        yield replace(SETTINGS, network=OwnNetwork(f"https://localhost:{server.sockets[0].getsockname()[1]}"))


@contextlib.asynccontextmanager
async def another_certificate(files: Path) -> AsyncIterator[Settings]:
    async with certificate_of_nobody(files) as settings:
        yield replace(settings, network=replace(settings.network, fingerprint="ab" * 32))


@contextlib.asynccontextmanager
async def upstream_of_nobody(files: Path) -> AsyncIterator[Settings]:
    async with nobody_there(files) as settings:
        port = int(settings.network.url.rpartition(":")[2])
        yield replace(
            SETTINGS,
            network=OwnNetwork("https://mixnet.example.org/api"),
            upstream=Upstream("socks5", "127.0.0.1", port),
        )


@contextlib.asynccontextmanager
async def key_of_nobody(files: Path) -> AsyncIterator[Settings]:
    yield replace(SETTINGS, gateway=b58encode(bytes(range(32))))


@pytest.mark.parametrize(
    ("case", "sentence", "page"),
    [
        (nobody_there, "Check the address of the directory.", "settings-network"),
        (name_of_nobody, "https://nobody.invalid/api/ was not found.", "settings-network"),
        (some_web_site, "is not the directory of a mixnet.", "settings-network"),
        (certificate_of_nobody, "cannot prove who it is.", "settings-network"),
        (another_certificate, "shows a different certificate from the one that you named.", "settings-network"),
        (upstream_of_nobody, "The proxy on the way to the gateway does not connect.", "settings-network"),
        (key_of_nobody, "The network does not list the gateway that you chose.", "settings-exits"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_wrong_setting_is_one_sentence_and_leads_to_where_it_is_mended(
    case: Case, sentence: str, page: str, qapp: QApplication, tmp_path: Path
) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        home.ring.click()
        await until(program, State.FAILED)
        assert sentence in home.sentence.text().replace("\u200b", "")
        assert "\n" not in home.sentence.text()
        assert not home.try_again.isHidden()
        home.help.click()
        assert program.window.current == page

    async def work() -> None:
        async with case(tmp_path) as settings:
            await live(qapp, tmp_path / "profile", scenario, settings)

    on_qt(qapp, work())


def test_a_crash_inside_is_told_and_the_next_press_connects(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        home.ring.click()
        await until(program, State.CONNECTED)
        session = program.bridge._session
        assert session is not None

        async def crash() -> None:
            raise RuntimeError("a defect")

        session._tasks.spawn(crash(), "something")  # type: ignore[attr-defined]
        await until(program, State.FAILED)
        assert "Something went wrong inside NymConnect." in home.sentence.text()
        assert home.help.text() == "Problem report"
        home.try_again.click()
        await until(program, State.CONNECTED)

    play(qapp, tmp_path, scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the process in /proc")
def test_a_pacer_that_is_killed_is_replaced(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        home = home_of(program)
        home.ring.click()
        await until(program, State.CONNECTED)
        pids = children("client.pacer.child")
        assert len(pids) == 1
        os.kill(pids[0], signal.SIGKILL)
        await until(program, State.CONNECTING, State.FAILED)
        if program.bridge.status.state is State.FAILED:
            home.try_again.click()
        await until(program, State.CONNECTED)
        await eventually(lambda: len(children("client.pacer.child")) == 1)

    play(qapp, tmp_path, scenario)


def children(name: str) -> list[int]:
    """Child processes whose command has `name` in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == os.getpid() and name.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
