"""Starting: what is loaded before the first paint, what is said where no window can be, and how signals end it."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMessageLogContext, QtMsgType
from PySide6.QtWidgets import QApplication, QMessageBox

from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_gui import app as app_module
from nymconnect_gui.platform import preflight
from nymconnect_gui.platform.instance import SingleInstance
from nymconnect_proxy import cli
from nymconnect_proxy.commands import gui

ROOT = Path(__file__).parents[3]


def test_the_window_is_there_before_the_network_stack_is_loaded() -> None:
    check = "import sys, nymconnect_gui.app, nymconnect_gui.pages.home; print('aiohttp' in sys.modules)"
    path = [str(ROOT / part) for part in ("", "proxy", "gui", "resources")]
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {check}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stdout == "False\n"


def test_without_a_display_it_says_so() -> None:
    assert preflight.obstacle({}) == "there is no display"


def test_a_display_that_does_not_answer_is_named() -> None:
    assert preflight.obstacle({"DISPLAY": ":98765"}) == "the display :98765 does not answer"
    gone = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": "/nowhere"}
    assert preflight.obstacle(gone) == "the display wayland-7 does not answer"


def test_a_wayland_display_that_answers_will_do(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "wayland-0"))
        server.listen()
        assert preflight.obstacle({"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}) is None


def test_a_platform_that_needs_no_display_is_taken_as_it_is() -> None:
    assert preflight.obstacle({"QT_QPA_PLATFORM": "offscreen"}) is None


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise OSError("libxcb-cursor.so.0: cannot open shared object file")

    monkeypatch.setattr(preflight, "_answers_x11", lambda display: True)
    monkeypatch.setattr("ctypes.CDLL", fail)
    sentence = preflight.obstacle({"DISPLAY": ":0"})
    assert sentence is not None
    assert "libxcb-cursor" in sentence


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [
        (lambda: "there is no display", "there is no display: serving without a window"),
        (lambda: (_ for _ in ()).throw(ImportError("libEGL.so.1")), "Qt cannot be loaded (libEGL.so.1): serving"),
    ],
)
def test_without_a_window_it_serves_after_one_line(
    obstacle: Callable[[], Any], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[argparse.Namespace] = []

    async def serve(flags: argparse.Namespace) -> int:
        served.append(flags)
        return 0

    monkeypatch.setattr(preflight, "obstacle", obstacle)
    monkeypatch.setattr(gui, "run", serve)
    assert cli.main(["gui", "--log-level", "error"]) == 0
    assert len(served) == 1
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1


def test_with_a_display_the_window_gets_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[argparse.Namespace] = []

    def main(flags: argparse.Namespace) -> int:
        given.append(flags)
        return 0

    monkeypatch.setattr(preflight, "obstacle", lambda: None)
    monkeypatch.setattr(app_module, "main", main)
    assert cli.main(["gui", "--minimized", "--socks", "127.0.0.1:4321"]) == 0
    assert given[0].minimized
    assert str(given[0].socks) == "127.0.0.1:4321"


def test_folders_that_cannot_be_used_are_one_sentence_and_no_end(qapp: QApplication, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    instance, trouble = app_module.become_first(Directories.under(tmp_path))
    assert instance is None
    assert "cannot be used: a file is in the way." in trouble
    assert trouble.endswith("NymConnect works, but keeps nothing when it ends.")


def test_the_first_one_is_first_and_the_second_is_not(qapp: QApplication, tmp_path: Path) -> None:
    first, trouble = app_module.become_first(Directories.under(tmp_path))
    second, _ = app_module.become_first(Directories.under(tmp_path))
    assert first is not None
    assert second is not None
    assert (first.is_first, second.is_first, trouble) == (True, False, "")
    first.release()


@pytest.mark.parametrize(("show", "boxes"), [(True, 1), (False, 0)])
def test_a_first_one_that_hangs_is_said_in_a_box_and_on_the_terminal(
    show: bool, boxes: int, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(QMessageBox, "critical", lambda _parent, _title, text: said.append(text))
    lock = SingleInstance(Directories.under(tmp_path))._lock
    assert lock.acquire()  # as by a program whose event loop stands still: the lock is held, and nobody listens
    second, _ = app_module.become_first(Directories.under(tmp_path))
    assert second is not None
    with pytest.raises(UserError, match="does not answer"):
        app_module.call_first(second, show=show)
    assert len(said) == boxes
    assert all("End it" in text for text in said)
    lock.release()


IN_GERMAN = """
import argparse, os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from PySide6.QtWidgets import QMessageBox
from nymconnect.errors import UserError
from nymconnect.storage import Directories
from nymconnect_gui import app
from nymconnect_gui.platform.instance import SingleInstance
directories = Directories.under(Path({folder!r}))
Directories.of_user = staticmethod(lambda: directories)
assert SingleInstance(directories)._lock.acquire()
directories.settings.write_text('[desktop]\\nlanguage = "de"\\n')
QMessageBox.critical = lambda parent, title, text: print(text)
try:
    app.main(argparse.Namespace(settings=None, minimized=False))
except UserError as error:
    print(error)
"""


def test_what_is_said_before_there_is_a_window_is_in_the_chosen_language(tmp_path: Path) -> None:
    path = [str(ROOT / part) for part in ("", "proxy", "gui", "resources")]
    answer = subprocess.run(
        [sys.executable, "-c", IN_GERMAN.format(path=path, folder=str(tmp_path))],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=True,
        timeout=60,
    )
    assert answer.stdout.startswith("NymConnect läuft schon und antwortet nicht.")
    assert "runs already" in answer.stdout


def test_what_qt_says_becomes_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    context = QMessageLogContext()
    with caplog.at_level(logging.DEBUG):
        app_module.log_qt(QtMsgType.QtWarningMsg, context, "something is odd")
    assert [(record.name, record.levelname) for record in caplog.records] == [("qt", "WARNING")]
    assert "something is odd" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_do_what_quit_does(number: signal.Signals) -> None:
    stopped = asyncio.Event()
    app_module.on_signals(stopped.set)
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stopped.wait()
    finally:
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
