"""Windows without a display, one bridge with a session that does what the test says."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)  # the tray of whoever runs the tests is none of ours

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication

from nymconnect.storage import Directories
from nymconnect_gui.app import Program
from nymconnect_gui.model.session_controller import Bridge
from nymconnect_proxy.settings.config import Settings
from tests.helpers.fake_session import FakeSessions


@pytest.fixture(autouse=True)
def nothing_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What starts at login is none of a test's business."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def sessions() -> FakeSessions:
    return FakeSessions()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def program(qapp: QApplication, sessions: FakeSessions, settings: Settings, tmp_path: Path) -> Iterator[Program]:
    """The whole program, with files of its own."""
    directories = Directories.under(tmp_path)
    made = Program(qapp, settings, directories, sessions, directories.settings)
    yield made
    made.window.hide()
    made.tray.remove()
    # At once, or every later style sheet would be worked out for all the windows of all the tests before.
    shiboken6.delete(made.window)
    shiboken6.delete(made.theme)
    shiboken6.delete(made)


@pytest.fixture
def bridge(program: Program) -> Bridge:
    return program.bridge


@pytest.fixture
def page(program: Program) -> Callable[[str], Any]:
    """Shows a page and gives it."""
    program.window.show()

    def show(key: str) -> Any:
        program.window.show_page(key)
        return program.window.page(key)

    return show
