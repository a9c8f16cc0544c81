"""The tray icon as a modern desktop sees it: a real program, a session bus of its own, and a panel at the other end."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nymconnect.endpoints import Endpoint
from nymconnect.runtime.program import own_command
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from tests.helpers.command import environment
from tests.helpers.desktop import Panel, clients, missing_programs, session_bus, x_server
from tests.helpers.stage import eventually
from tests.helpers.targets import file_server, unused_port

PATIENCE = 120.0  # a busy machine with two cores
MISSING = missing_programs("dbus-daemon", "Xvfb")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="a session bus is Linux's"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]


@contextlib.asynccontextmanager
async def window(home: Path, bus: str, display: str, *arguments: str) -> AsyncIterator[Process]:
    """`nymconnect gui` on that bus and display."""
    process = await asyncio.create_subprocess_exec(
        *own_command(),
        "gui",
        *arguments,
        env=environment(home) | {"DBUS_SESSION_BUS_ADDRESS": bus, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def icon(panel: Panel) -> str:
    """The service that has put an icon into the tray."""
    async with asyncio.timeout(PATIENCE):
        return await panel.items.get()


async def labels(panel: Panel, service: str) -> list[str]:
    return [entry.label for entry in await panel.menu(service)]


async def until_label(panel: Panel, service: str, label: str) -> None:
    """Until the menu has a line that begins so."""
    async with asyncio.timeout(PATIENCE):
        while not any(line.startswith(label) for line in await labels(panel, service)):  # noqa: ASYNC110 -- a panel asks
            await asyncio.sleep(0.1)


@pytest.fixture
def display() -> Iterator[str]:
    with x_server() as name:
        yield name


async def test_the_tray_does_everything_and_says_what_matters(tmp_path: Path, display: str) -> None:
    port = unused_port()
    async with session_bus(tmp_path) as bus, file_server({"/page": b"x" * 5000}) as target:
        panel = await Panel.appear(bus)
        async with window(tmp_path, bus, display, "--minimized", "--socks", f"127.0.0.1:{port}") as process:
            service = await icon(panel)
            assert await panel.item(service, "Title") in ("nymconnect", "NymConnect")
            entries = await panel.menu(service)
            assert [entry.label for entry in entries if entry.label] == [
                "Disconnected · Practice network",
                "Connect",
                "Copy proxy address",
                "Preset",
                "Show window",
                "Quit",
            ]
            assert not entries[0].enabled
            presets = next(entry for entry in entries if entry.label == "Preset").children
            assert [entry.label for entry in presets if entry.checked] == ["Automatic"]
            assert len(presets) == 7
            before = await panel.item(service, "IconPixmap")

            await panel.press(service, "Connect")
            await until_label(panel, service, "Connected")
            fetched = await fetch_through(Endpoint("127.0.0.1", port), "localhost", target, "/page", PATIENCE)
            assert fetched.body == b"x" * 5000
            assert await panel.item(service, "IconPixmap") != before
            async with asyncio.timeout(PATIENCE):  # a machine that is busy may show an alarm for a while
                while not any("Connected" in str(part) for part in await panel.item(service, "ToolTip")):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await eventually(lambda: bool(panel.notifications), PATIENCE)
            assert panel.notifications[0][0] == "Connected"
            assert "no anonymity" in panel.notifications[0][1]

            await panel.press(service, "High")
            await until_label(panel, service, "Preset (from the next connection on)")

            await panel.press(service, "Disconnect")
            await until_label(panel, service, "Disconnected")
            with pytest.raises(OSError, match="Connect"):
                await asyncio.open_connection("127.0.0.1", port)

            await panel.press(service, "Connect")
            await until_label(panel, service, "Connected")
            await panel.press(service, "Quit")
            async with asyncio.timeout(PATIENCE):
                _, complaints = await process.communicate()
            assert process.returncode == 0
            assert "qt" not in complaints.decode().lower(), complaints.decode()
        await panel.go()


async def test_a_tray_that_appears_late_or_goes_and_comes_back_gets_its_icon(tmp_path: Path, display: str) -> None:
    async with session_bus(tmp_path) as bus, window(tmp_path, bus, display, "--socks", "127.0.0.1:0") as process:
        await clients(bus, 1)  # the panel starts after the program, as at login
        panel = await Panel.appear(bus)
        service = await icon(panel)
        assert "Quit" in await labels(panel, service)
        await panel.go()
        panel = await Panel.appear(bus)
        service = await icon(panel)
        assert "Quit" in await labels(panel, service)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await process.wait()
        assert process.returncode == 0
        await panel.go()
