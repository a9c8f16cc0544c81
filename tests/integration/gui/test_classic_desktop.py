"""The program on a classic X11 desktop: a window manager, a panel with a tray of the old kind, mouse and keyboard."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nymconnect.runtime.program import own_command
from tests.helpers.command import environment
from tests.helpers.desktop import missing_programs, running, x_server
from tests.helpers.targets import unused_port

PATIENCE = 120.0  # a busy machine with two cores
MISSING = missing_programs("Xvfb", "openbox", "trayer", "xdotool", "xwininfo")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="X11 is Linux's here"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]


@dataclass
class Desktop:
    """One X display, with what a person does on it."""

    display: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """For programs on it. There is no session bus, so that only the classic tray counts."""
        return environment(self.home) | {
            "DISPLAY": self.display,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "QT_QPA_PLATFORM": "xcb",
        }

    def tool(self, *arguments: str) -> str:
        """What xdotool prints; empty if it finds nothing."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip()

    def windows(self, title: str = "^NymConnect$") -> list[str]:
        """Visible windows with that title."""
        return self.tool("search", "--onlyvisible", "--name", title).split()

    def tree(self) -> str:
        """All windows there are, as one text."""
        return subprocess.run(
            ["xwininfo", "-root", "-tree"], env=self.environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def key(self, window: str, keys: str) -> None:
        """Press keys in a window that has the focus."""
        self.tool("windowactivate", "--sync", window, "key", "--clearmodifiers", keys)

    def click(self, window: str) -> None:
        """Click into the middle of a window."""
        self.tool("mousemove", "--window", window, "8", "8", "click", "1")


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    with x_server() as display:
        made = Desktop(display, tmp_path)
        with running("openbox", environment=made.environment):
            eventually(lambda: '"Openbox"' in made.tree())
            yield made


@contextlib.contextmanager
def panel(desktop: Desktop) -> Iterator[subprocess.Popen[bytes]]:
    """A tray at the edge of the screen."""
    with running("trayer", "--edge", "top", "--width", "20", "--height", "28", environment=desktop.environment) as made:
        eventually(lambda: '"panel"' in desktop.tree())
        yield made


def eventually(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Other programs do not call back."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def serves(port: int) -> bool:
    """Whether a SOCKS5 request gets as far as the target's refusal; a session that is not connected answers 1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as probe:
        probe.sendall(b"\x05\x01\x00")
        if probe.recv(2) != b"\x05\x00":
            return False
        probe.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x09")
        return probe.recv(10)[1:2] == b"\x05"
    return False


@contextlib.contextmanager
def program(desktop: Desktop, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`nymconnect gui`, killed if it is left over; `variables` are added to its environment."""
    process = subprocess.Popen(
        [*own_command(), "gui", *arguments],
        env=desktop.environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """Ask it to end; what it complained about."""
    os.kill(process.pid, number)
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    return complaints


def warnings(complaints: str) -> list[str]:
    """All but two: the test asks before there is a connection, and a busy machine may miss the promised rate."""
    expected = ("was turned away", "of the packets that should leave")
    found = [line for line in complaints.splitlines() if "WARNING" in line]
    return [line for line in found if not any(words in line for words in expected)]


def test_a_day_with_a_tray(desktop: Desktop) -> None:
    port = unused_port()
    with panel(desktop) as tray, program(desktop, "--socks", f"127.0.0.1:{port}") as process:
        eventually(desktop.windows)
        window = desktop.windows()[0]
        desktop.key(window, "ctrl+d")
        eventually(lambda: serves(port))

        desktop.key(window, "alt+F4")  # asked once
        eventually(lambda: len(desktop.windows()) > 1)
        question = next(one for one in desktop.windows() if one != window)
        desktop.key(question, "Return")
        eventually(lambda: not desktop.windows())
        assert serves(port)

        icon = tray_icon(desktop)
        desktop.click(icon)
        eventually(desktop.windows)
        desktop.key(desktop.windows()[0], "alt+F4")  # remembered
        eventually(lambda: not desktop.windows())

        with program(desktop) as second:  # it finds the first one, shows it, and ends
            assert second.wait(PATIENCE) == 0
        eventually(desktop.windows)
        assert serves(port)
        desktop.key(desktop.windows()[0], "alt+F4")
        eventually(lambda: not desktop.windows())

        tray.terminate()  # a window in a tray that has gone would be lost
        eventually(desktop.windows)
        assert warnings(end(process)) == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def tray_icon(desktop: Desktop) -> str:
    """The window that the program has put into the panel."""

    def found() -> list[str]:
        inside = desktop.tree().partition('"panel"')[2].splitlines()[1:8]
        return [line.split()[0] for line in inside if '"nymconnect")' in line and "x" in line]

    eventually(found)
    return found()[0]


def test_a_day_without_a_tray(desktop: Desktop) -> None:
    port = unused_port()
    with program(desktop, "--minimized", "--socks", f"127.0.0.1:{port}") as process:
        eventually(desktop.windows)  # nothing could bring it back, so it is shown
        window = desktop.windows()[0]
        desktop.key(window, "ctrl+d")
        eventually(lambda: serves(port))
        desktop.key(window, "alt+F4")
        eventually(lambda: len(desktop.windows()) > 1)
        question = next(one for one in desktop.windows() if one != window)
        desktop.key(question, "Escape")
        eventually(lambda: len(desktop.windows()) == 1)
        assert serves(port)
        desktop.key(window, "alt+F4")
        eventually(lambda: len(desktop.windows()) > 1)
        question = next(one for one in desktop.windows() if one != window)
        desktop.key(question, "alt+q")
        _, complaints = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert warnings(complaints) == []


def test_a_tray_that_comes_later_is_used(desktop: Desktop) -> None:
    with program(desktop, "--socks", "127.0.0.1:0") as process:
        eventually(desktop.windows)
        with panel(desktop):
            tray_icon(desktop)
        end(process, signal.SIGINT)


def test_folders_that_cannot_be_used_are_no_reason_not_to_connect(desktop: Desktop) -> None:
    in_the_way = desktop.home / "file"
    in_the_way.touch()
    port = unused_port()
    places = {f"XDG_{name}_HOME": str(in_the_way / name) for name in ("CONFIG", "DATA", "CACHE")}
    with program(desktop, "--socks", f"127.0.0.1:{port}", **places) as process:
        eventually(desktop.windows)
        desktop.key(desktop.windows()[0], "ctrl+d")
        eventually(lambda: serves(port))
        end(process)


def test_a_display_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    desktop = Desktop(":987", tmp_path)
    with program(desktop, "--socks", "127.0.0.1:0") as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == ("nymconnect: the display :987 does not answer: serving without a window\n")
        assert process.stdout.readline() == "connecting\n"
        end(process)
