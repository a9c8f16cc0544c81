"""What this computer does not let the program do: reasons about files and about ports that are to be listened on.

The operating system's error is kept by its number (`SystemSays`), so that each place that shows it has words of its own
for it.
"""

import errno
import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nymconnect.reasons import Reason, SystemSays


class FileUse(Enum):
    """What was to be done with a file; the value is the English for it."""

    USE = "use"
    USE_DIRECTORY = "use directory"
    READ = "read"
    WRITE = "write"
    WRITE_TO = "write to"


@dataclass(frozen=True, slots=True)
class FileUnusable(Reason):
    """A file or folder; `fault` is what the system says, or the library that works with it."""

    path: Path
    use: FileUse
    fault: Reason

    @classmethod
    def of(cls, path: Path, use: FileUse, error: OSError) -> "FileUnusable":
        return cls(path, use, SystemSays.of(error))

    def __str__(self) -> str:
        return f"cannot {self.use.value} {self.path}: {self.fault}"


@dataclass(frozen=True, slots=True)
class NewerFile(Reason):
    """A later release of this program has written it."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path} was written by a newer version of this program; update, or move it away"


def closing_command(path: Path) -> str:
    """For a shell: takes a file away from the other users of this computer."""
    return f"chmod 600 {shlex.quote(str(path))}"


@dataclass(frozen=True, slots=True)
class OpenToOthers(Reason):
    """Other users of this computer may read or write the secrets in a file; `what` is the English for its kind."""

    path: Path
    what: str = "file"

    @property
    def command(self) -> str:
        """Takes it away from them."""
        return closing_command(self.path)

    def __str__(self) -> str:
        return (
            f"{self.what} {self.path} is open to other users of this computer; delete it for new keys, or keep them "
            f"by: {self.command}"
        )


@dataclass(frozen=True, slots=True)
class CannotListen(Reason):
    """A port that cannot be opened; `flag` chooses its address, if a flag does."""

    host: str
    port: int
    fault: SystemSays
    flag: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether another program has it."""
        return self.fault.number == errno.EADDRINUSE

    def __str__(self) -> str:
        if not self.is_taken:
            return f"cannot listen on {self.host}:{self.port}: {self.fault}"
        return (
            f"cannot listen on {self.host}:{self.port}: another program, perhaps NymConnect itself, uses it; end that "
            f"one, or choose another port{self.flag and f' with {self.flag}'}"
        )
