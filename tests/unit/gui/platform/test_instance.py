"""One window for each user: who is first, what the second says, and what a crash leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtNetwork import QLocalSocket
from pytestqt.qtbot import QtBot

from nymconnect.storage import Directories
from nymconnect_gui.platform.instance import SingleInstance
from nymconnect_proxy.commands.control_line import server_name

CALL = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from nymconnect.storage import Directories
from nymconnect_gui.platform.instance import SingleInstance
app = QCoreApplication([])
second = SingleInstance(Directories.under(Path(sys.argv[1])))
print(second.acquire(), second.call_first(show=sys.argv[2] == "show"))
"""


def start_second(root: Path, word: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CALL, str(root), word],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize(("word", "shows"), [("show", True), ("stay", False)])
def test_a_second_start_is_heard_by_the_first(word: str, shows: bool, qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(Directories.under(tmp_path))
    wanted: list[bool] = []
    first.wanted.connect(lambda: wanted.append(True))
    assert first.acquire()
    second = start_second(tmp_path, word)
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=30_000)
    assert second.communicate()[0].split() == ["False", "True"]
    assert bool(wanted) is shows
    first.release()


def test_two_users_do_not_meet(qtbot: QtBot, tmp_path: Path) -> None:
    one, other = (SingleInstance(Directories.under(tmp_path / name)) for name in ("one", "other"))
    assert one.acquire()
    assert other.acquire()
    one.release()
    other.release()


def test_after_the_end_of_the_first_another_one_is_first(qtbot: QtBot, tmp_path: Path) -> None:
    for _ in range(2):
        instance = SingleInstance(Directories.under(tmp_path))
        assert instance.acquire()
        assert not SingleInstance(Directories.under(tmp_path)).acquire()
        instance.release()


def test_a_socket_that_a_crash_has_left_is_no_obstacle(qtbot: QtBot, tmp_path: Path) -> None:
    directories = Directories.under(tmp_path)
    directories.create()
    Path(server_name(directories)).touch()
    instance = SingleInstance(directories)
    assert instance.acquire()
    second = start_second(tmp_path, "show")
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=30_000)
    assert second.communicate()[0].split() == ["False", "True"]
    instance.release()


def test_a_first_one_that_does_not_answer_is_told_from_one_that_does(qtbot: QtBot, tmp_path: Path) -> None:
    assert not SingleInstance(Directories.under(tmp_path)).call_first(show=True)


def test_the_socket_is_in_a_folder_of_the_users_own(qtbot: QtBot, tmp_path: Path) -> None:
    directories = Directories.under(tmp_path)
    instance = SingleInstance(directories)
    assert instance.acquire()
    path = Path(server_name(directories))
    assert path.parent == directories.cache
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.exists()
    instance.release()


def test_a_path_that_is_too_long_becomes_a_name_of_its_own(tmp_path: Path) -> None:
    names = {server_name(Directories.under(tmp_path / ("x" * 120) / name)) for name in ("one", "other")}
    assert len(names) == 2
    assert all(os.sep not in name for name in names)


@pytest.mark.parametrize(
    ("pieces", "obeyed", "answer"),
    [
        ((b"status\n",), ["status"], b"{}\n"),
        ((b"sta", b"tus\n"), ["status"], b"{}\n"),
        ((b"explode\n",), [], b""),
        ((b"x" * 1000,), [], b""),
        ((b"\xff\n",), [], b""),
    ],
)
def test_orders_are_words_and_anything_else_ends_the_line(
    pieces: tuple[bytes, ...], obeyed: list[str], answer: bytes, qtbot: QtBot, tmp_path: Path
) -> None:
    heard: list[str] = []
    instance = SingleInstance(Directories.under(tmp_path))

    def obey(order: str) -> bytes:
        heard.append(order)
        return b"{}\n"

    instance.obey = obey
    assert instance.acquire()
    line = QLocalSocket()
    line.connectToServer(server_name(Directories.under(tmp_path)))
    assert line.waitForConnected(5000)
    for piece in pieces:
        line.write(piece)
        line.flush()
        QCoreApplication.processEvents()
    qtbot.waitUntil(lambda: line.state() is QLocalSocket.LocalSocketState.UnconnectedState, timeout=10_000)
    assert heard == obeyed
    assert line.readAll().data() == answer
    instance.release()
