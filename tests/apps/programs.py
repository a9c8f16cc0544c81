"""Runs other people's programs, to their end or beside a test, without anybody's settings."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from tests.apps.world import Machine

PATIENCE = 90.0


def needed(*programs: str) -> None:
    """Skip the test where a program is not installed; the run of the whole check, which installs them, fails."""
    if missing := absent(*programs):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not installed: {', '.join(missing)}")


def absent(*programs: str) -> list[str]:
    """Those that are not installed."""
    path = environment(Path())["PATH"]
    return [program for program in programs if shutil.which(program, path=path) is None]


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of a new user without proxy settings."""
    path = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", **(more or {})}


@dataclass(frozen=True)
class Ended:
    """What a program left behind."""

    code: int
    output: bytes
    complaints: str

    def checked(self) -> bytes:
        """Its output; AssertionError with its complaints if it failed."""
        assert self.code == 0, (
            f"exit code {self.code}: {self.complaints}\n{self.output[-2000:].decode(errors='replace')}"
        )
        return self.output


async def run(
    machine: Machine,
    home: Path,
    *command: str,
    more: Mapping[str, str] | None = None,
    feed: bytes = b"",
    patience: float = PATIENCE,
) -> Ended:
    """From its start to its end; `feed` is what it reads. What takes too long is killed: TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *machine.command(*command),
        cwd=home,
        env=environment(home, more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience):
            output, complaints = await process.communicate(feed)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Ended(process.returncode or 0, output, complaints.decode(errors="replace"))


class Running:
    """A program beside the test, a context that ends it with its children; what it prints goes to the file `log`."""

    def __init__(
        self, machine: Machine, home: Path, *command: str, more: Mapping[str, str] | None = None, name: str = ""
    ) -> None:
        self.log = home / f"{name or Path(command[0]).name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                machine.command(*command),
                cwd=home,
                env=environment(home, more),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ask its process group to end, then make it."""
        assert self.process.stdin is not None
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                break
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def say(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def until(self, text: str, patience: float = PATIENCE) -> None:
        """Wait until it has printed this."""
        await self.wait_for(lambda: text in self.said, patience, f"{text!r}")

    async def listens(self, machine: Machine, address: str, port: int, patience: float = PATIENCE) -> None:
        """Wait until a port is open, as seen from `machine`."""
        await self.wait_for(lambda: is_open(machine, address, port), patience, f"port {port}")

    async def wait_for(self, condition: Callable[[], bool], patience: float, what: str) -> None:
        """Wait until something is so; fails with what the program said if it ends first."""
        try:
            async with asyncio.timeout(patience):
                while not condition():
                    assert self.process.poll() is None, f"it ended before {what}: {self.said[-3000:]}"
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"no {what} in time: {self.said[-3000:]}")


def is_open(machine: Machine, address: str, port: int) -> bool:
    with machine.entered():
        probe = socket.socket()
    probe.settimeout(2.0)
    with probe:
        return probe.connect_ex((address, port)) == 0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait in a fixture that cannot be async; AssertionError after `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"no {what} in time"
        time.sleep(0.1)
