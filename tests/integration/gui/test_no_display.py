"""`nymconnect gui` on a machine without a display: it says so in one line, and serves like `connect`."""

import sys
from pathlib import Path

import pytest

from nymconnect.endpoints import Endpoint
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from tests.helpers.command import Command
from tests.helpers.targets import file_server
from tests.helpers.window import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")


async def test_without_a_display_it_serves_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with Command(tmp_path, "gui", "--socks", "127.0.0.1:0") as command:
        assert command.line() == "connecting\n"
        said = command.line()
        assert said.startswith("connected: SOCKS5 proxy on 127.0.0.1:")
        port = int(said.split()[4].rpartition(":")[2])
        async with file_server({"/page": b"hello"}) as target:
            fetched = await fetch_through(Endpoint("127.0.0.1", port), "localhost", target, "/page", PATIENCE)
            assert fetched.body == b"hello"
        command.interrupt()
        assert command.end() == (0, "nymconnect: there is no display: serving without a window\n")
