"""`nymconnect control` and the window of another process: one truth about one session."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nymconnect.runtime.program import own_command
from nymconnect_proxy.commands.control import NO_WINDOW
from tests.helpers.command import environment, run
from tests.helpers.window import PATIENCE

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="runs the window without a display"),
]


@contextlib.contextmanager
def window(home: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`nymconnect gui`, once it answers."""
    command = [*own_command(), "gui", "--socks", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + PATIENCE
        while run(home, "control").returncode:
            assert process.poll() is None
            assert time.monotonic() < end, "it does not answer"
        yield process
    finally:
        process.kill()
        process.communicate()


def control(home: Path, *arguments: str) -> dict[str, Any]:
    """Its JSON."""
    done = run(home, "control", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["event"] == "state"
    return answer


def test_a_window_is_asked_and_ordered_about(tmp_path: Path) -> None:
    with window(tmp_path) as process:
        assert control(tmp_path)["state"] == "disconnected"
        connected = control(tmp_path, "connect")
        assert (connected["state"], connected["network"]) == ("connected", "embedded")
        host, _, port = connected["socks"].rpartition(":")
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
        said = run(tmp_path, "control", "status").stdout
        assert said.startswith(f"connected: SOCKS5 proxy on {host}:{port}, network embedded\n")
        assert control(tmp_path, "connect")["since"] == connected["since"]  # it is connected already
        assert control(tmp_path, "show")["state"] == "connected"
        assert control(tmp_path, "disconnect")["state"] == "disconnected"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=PATIENCE)
        assert run(tmp_path, "control", "quit").returncode == 0
        assert process.wait(PATIENCE) == 0


def test_why_it_does_not_connect_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with window(tmp_path, "--socks", f"127.0.0.1:{port}"):
            done = run(tmp_path, "control", "connect")
            assert done.returncode == 1
            assert done.stderr.startswith(f"nymconnect: cannot listen on 127.0.0.1:{port}: ")
            assert done.stderr.count("\n") == 1


def test_without_a_window_there_is_nobody_to_ask(tmp_path: Path) -> None:
    done = run(tmp_path, "control")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"nymconnect: {NO_WINDOW}\n"


def test_a_window_of_another_user_is_not_found(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with window(tmp_path):
        assert run(other, "control").returncode == 1
