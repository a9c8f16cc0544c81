"""`nymconnect …` as a child process, as a shell would start it; its lines are read by threads."""

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nymconnect.runtime.program import MAIN, own_command

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
Event = dict[str, Any]


def environment(home: Path) -> dict[str, str]:
    """That of a user who has no settings, with the sources of this checkout in front."""
    sources = os.pathsep.join(str(ROOT / part) for part in ("", "proxy", "gui", "resources"))
    return {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "PYTHONPATH": sources}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command from its start to its end."""
    return subprocess.run(
        [*own_command(), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(home),
        check=False,
    )


class Command:
    """A command that serves; a context that kills what is left of it.

    `folder` is where it stands, `prefix` another program that runs it by replacing itself, such as one that changes the
    network namespace.
    """

    def __init__(
        self,
        home: Path,
        *arguments: str,
        module: str = MAIN,
        prefix: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [*prefix, *own_command(module), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(home),
            cwd=folder,
            start_new_session=True,  # its own process group, as in a terminal
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._complaints: list[str] = []
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._complaints.extend, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> "Command":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next line of its output; fails with its complaints if there is none any more."""
        line = self._lines.get(timeout=PATIENCE)
        assert line is not None, "".join(self._complaints)
        return line

    def event(self, name: str, **wanted: object) -> Event:
        """The next event of this name with these values; others before it are skipped."""
        while True:
            event: Event = json.loads(self.line())
            if event["event"] == name and wanted.items() <= event.items():
                return event

    def news(self) -> list[str]:
        """The lines of its output that nobody has read yet, and all complaints; waits for none."""
        lines = []
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                lines.append(line)
        return lines + self._complaints

    def interrupt(self) -> None:
        """Ctrl-C: to the whole process group."""
        os.killpg(self.pid, signal.SIGINT)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Wait for its end: exit code and complaints."""
        code = self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        return code, "".join(self._complaints)


def children_of(pid: int) -> dict[str, int]:
    """Process ids of its children by what they are, "network" or "pacer", as Linux tells them."""
    children = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            after_name = (process / "stat").read_text().rpartition(")")[2]
            if int(after_name.split()[1]) == pid:
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                children["network" if b"network" in arguments else "pacer"] = int(process.name)
    return children


class Watch:
    """Sees the end of a process that is none of our children; take it while that lives."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def ended(self) -> bool:
        """Whether it ends in time."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        ended = bool(poll.poll(PATIENCE * 1000))
        os.close(self._descriptor)
        return ended
