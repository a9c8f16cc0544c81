"""Files of this program: where they are, how they are written so that a crash loses nothing, what happens to bad ones.

Everything is private to the user: directories 0700, files 0600 (on Windows the profile's own access list does that).
A file is replaced as a whole: written beside its place, synced, renamed. A document that does not read back is set
aside under another name and reported, never overwritten and never fatal. A document that holds keys and that other
users may read or write is refused: who has the keys is then unknown, and a person has to say what becomes of them.
"""

import contextlib
import logging
import os
import secrets
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import platformdirs

from nymconnect.errors import UserError
from nymconnect.system_reasons import FileUnusable, FileUse, NewerFile, OpenToOthers

log = logging.getLogger(__name__)

APPLICATION = "nymconnect"
SETTINGS_FILE = "settings.toml"
MAX_DOCUMENT_LENGTH = 64 * 1024 * 1024  # bytes
PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
_POSIX = os.name == "posix"

Migration = Callable[[dict[str, Any]], dict[str, Any]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Directories:
    """Where one profile keeps its files."""

    config: Path
    data: Path
    cache: Path

    @classmethod
    def of_user(cls) -> "Directories":
        """The places that the operating system has for this."""
        places = platformdirs.PlatformDirs(APPLICATION, appauthor=False)
        return cls(places.user_config_path, places.user_data_path, places.user_cache_path)

    @classmethod
    def under(cls, root: Path) -> "Directories":
        """A profile of its own, all below `root`."""
        return cls(root / "config", root / "data", root / "cache")

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.config / SETTINGS_FILE

    def create(self) -> None:
        """Make what does not exist yet; UserError if that is impossible."""
        for path in (self.config, self.data, self.cache):
            make_private_directory(path)


def make_private_directory(path: Path) -> None:
    """Create `path`, or take an existing one away from other users; parents keep their own modes."""
    try:
        path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        if _POSIX and stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(PRIVATE_DIRECTORY)
    except OSError as error:
        raise UserError(FileUnusable.of(path, FileUse.USE_DIRECTORY, error)) from error


def write_private(path: Path, data: bytes) -> None:
    """Replace the file at `path` by `data` as one step; UserError if that is impossible, the old file then stays."""
    target = Path(os.path.realpath(path))  # a settings file may be a link into somebody's dotfiles
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        _write_synced(beside, data)
        os.replace(beside, target)
        _sync_directory(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise UserError(FileUnusable.of(path, FileUse.WRITE, error)) from error


def _write_synced(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, PRIVATE_FILE), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Make a rename durable; Windows cannot open directories and journals renames itself."""
    if not _POSIX:
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rights_of_others(path: Path) -> int:
    """The bits of the mode that other users of this computer have, of group and world; 0 on Windows, where the access
    list of the profile's folder decides, and for a file that is not there. UserError if it cannot be known."""
    if not _POSIX:
        return 0
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o077
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise UserError(FileUnusable.of(path, FileUse.READ, error)) from error


def refuse_open_to_others(path: Path, what: str = "file") -> None:
    """UserError if other users may read or write the secrets in `path`; a file that is not there is harmless."""
    if rights_of_others(path):
        raise UserError(OpenToOthers(path, what))


# --- documents --------------------------------------------------------------------------------------------------


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document(Generic[_T]):
    """A JSON file ``{"version": …, "content": …}`` that holds one `model` (a msgspec struct).

    `migrations[n]` turns a content of version n into one of version n + 1; the current version is one more than the
    last of them. With `holds_keys`, a file that is open to other users is not read.
    """

    path: Path
    model: type[_T]
    migrations: tuple[Migration, ...] = ()
    holds_keys: bool = False

    @property
    def version(self) -> int:
        """What `save` writes; versions count from 1."""
        return len(self.migrations) + 1

    def load(self) -> _T | None:
        """None if there is no file, or a bad one, which is then set aside; UserError if the file is from the future, or
        holds keys and is open to others."""
        if self.holds_keys:
            refuse_open_to_others(self.path, "key file")
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_DOCUMENT_LENGTH + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(FileUnusable.of(self.path, FileUse.READ, error)) from error
        try:
            envelope = msgspec.json.decode(data, type=_Envelope)
            if envelope.version > self.version:
                raise UserError(NewerFile(self.path))
            return msgspec.convert(self._migrate(envelope), self.model)
        except (msgspec.MsgspecError, RecursionError, LookupError, TypeError) as error:
            set_aside(self.path, str(error))
            return None

    def _migrate(self, envelope: _Envelope) -> dict[str, Any]:
        if envelope.version < 1:
            raise msgspec.ValidationError("versions count from 1")
        content = envelope.content
        for migration in self.migrations[envelope.version - 1 :]:
            content = migration(content)
        return content

    def save(self, value: _T) -> None:
        """Replace the file; UserError if that is impossible."""
        envelope = _Envelope(self.version, msgspec.to_builtins(value))
        write_private(self.path, msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n")


def set_aside(path: Path, why: str) -> Path | None:
    """Rename a bad file so that nothing is lost, and say so. None if it could not be renamed."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    try:
        os.replace(path, kept)
    except OSError as error:
        log.warning("%s does not read (%s) and could not be set aside: %s", path, why, error)
        return None
    log.warning("%s does not read (%s); kept as %s, starting afresh", path, why, kept.name)
    return kept


# --- locks ------------------------------------------------------------------------------------------------------


class Lock:
    """A file that one process at a time may hold. It lets go of it when it ends, however that happens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """False if somebody holds it, this object included; UserError if the file cannot be made."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        except OSError as error:
            raise UserError(FileUnusable.of(self._path, FileUse.USE, error)) from error
        try:
            _lock_descriptor(descriptor)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go; the file stays, for removing it would race with the next holder."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _lock_descriptor(descriptor: int) -> None:
    """OSError if another one has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
