"""Builds and drives `reference/`: the published sphinx-packet crate in plain loops, in a process of its own."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

SOURCE = Path(__file__).resolve().parent / "reference"
PROGRAM = "nymconnect-sphinx-reference"
BUILD_TIMEOUT = 600.0


class ReferenceUnavailableError(Exception):
    """The crate cannot be measured here; the text says why."""


def target_directory() -> Path:
    """Where cargo builds: outside the checkout."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "nymconnect" / "bench-target"


class Reference:
    """The running program; a context manager that ends it."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    def build(cls) -> Self:
        """Compile it in release mode, or find it compiled; ReferenceUnavailableError if that cannot be done."""
        cargo = shutil.which("cargo") or shutil.which(str(Path.home() / ".cargo/bin/cargo"))
        if cargo is None:
            raise ReferenceUnavailableError("cargo is not installed")
        target = target_directory()
        command = [cargo, "build", "--release", "--quiet", "--manifest-path", str(SOURCE / "Cargo.toml")]
        try:
            subprocess.run(
                command,
                env={**os.environ, "CARGO_TARGET_DIR": str(target)},
                check=True,
                capture_output=True,
                text=True,
                timeout=BUILD_TIMEOUT,
            )
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ReferenceUnavailableError(f"cargo cannot build it: {last}") from error
        except subprocess.TimeoutExpired as error:
            raise ReferenceUnavailableError(f"cargo took more than {BUILD_TIMEOUT:.0f} seconds") from error
        return cls(target / "release" / PROGRAM)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([self._program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def nanoseconds(self, work: str, count: int) -> int:
        """CPU time that `count` times `process` or `build` took there."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{work} {count}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())
