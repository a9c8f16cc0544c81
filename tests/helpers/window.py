"""A real program with a window, played by a test on Qt's event loop as a person would."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication

from nymconnect.endpoints import Endpoint
from nymconnect.storage import Directories
from nymconnect_gui.app import Program, RealSessions
from nymconnect_gui.pages.home import HomePage
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings

PATIENCE = 120.0  # a busy machine with two cores
Scenario = Callable[[Program], Awaitable[None]]


def on_qt(app: QApplication, work: Coroutine[None, None, None]) -> None:
    """Run it on Qt's event loop, as the program runs."""
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app, already_running=False)) as runner:
        runner.run(work)


def play(app: QApplication, files: Path, scenario: Scenario) -> None:
    """Run a program with a window on the practice network, and the scenario beside it; it ends by quitting."""
    on_qt(app, live(app, files, scenario, Settings(socks=Endpoint("127.0.0.1", 0))))


async def live(app: QApplication, files: Path, scenario: Scenario, settings: Settings) -> None:
    directories = Directories.under(files)
    program = Program(app, settings, directories, RealSessions(directories), directories.settings)
    program.start()
    running = asyncio.create_task(program.run())
    try:
        async with asyncio.timeout(PATIENCE * 2):
            await scenario(program)
    finally:
        program.quit()
        await running


def home_of(program: Program) -> HomePage:
    page = program.window.page("home")
    assert isinstance(page, HomePage)
    return page


async def until(program: Program, *states: State) -> None:
    """Wait for the signal, not for the clock."""
    reached = asyncio.Event()

    def look(_: object) -> None:
        if program.bridge.status.state in states or (program.bridge.problem and State.FAILED in states):
            reached.set()

    program.bridge.state_changed.connect(look)
    look(None)
    async with asyncio.timeout(PATIENCE):
        await reached.wait()
    program.bridge.state_changed.disconnect(look)
