"""Somebody in front of a window of another process (`tests.helpers.played_window`), on any machine and of any user."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.helpers.command import environment

GRACE = 60.0  # seconds to end


def environment_at(home: Path) -> dict[str, str]:
    """All folders of a user below `home`, no display, no session bus."""
    own = environment(home) | {"QT_QPA_PLATFORM": "offscreen", "TMPDIR": "/tmp"}
    foreign = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    return {name: value for name, value in own.items() if name not in foreign}


class Person:
    """A context with the program in it; `prefix` is the machine or user, `report` a file for its complaints."""

    def __init__(self, home: Path, report: Path, *arguments: str, prefix: Sequence[str] = ()) -> None:
        self._report = report
        with report.open("w") as complaints:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "tests.helpers.played_window", *arguments],
                env=environment_at(home),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )

    def __enter__(self) -> "Person":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Of the program itself, for prefixes become what they run."""
        return self._process.pid

    @property
    def complaints(self) -> str:
        """All it wrote so far."""
        return self._report.read_text()

    def do(self, order: str) -> Mapping[str, Any]:
        """Give an order, and see what there is to see afterwards."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.complaints
        seen: Mapping[str, Any] = json.loads(line)
        return seen

    def quit(self) -> None:
        """Go away; the program ends well, and has nothing to say of a defect."""
        self._process.communicate(timeout=GRACE)
        assert self._process.returncode == 0, self.complaints
        assert "Traceback" not in self.complaints
