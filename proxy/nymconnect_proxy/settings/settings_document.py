"""The settings file as a document: read in whole, changed in place, so that comments and order stay; and its version.

A file without ``version`` is of version 0, as older releases wrote it. ``MIGRATIONS[n]`` brings a document from version
n to n + 1; it is brought up to date whenever it is read, and written so when it is written next. A file of a later
version is left alone.
"""

import re
import tomllib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from nymconnect.errors import UserError
from nymconnect.reasons import Words
from nymconnect.storage import write_private
from nymconnect.system_reasons import FileUnusable, FileUse, NewerFile
from nymconnect_proxy.settings.reasons import OptionWrong, SettingsBroken, TooLong, ValueProblem, ValueWrong

MAX_SETTINGS_LENGTH = 256 * 1024  # bytes
VERSION_KEY = "version"
_HEADER = re.compile(r"\s*\[\s*[\"']?([^\"'\]\s]+)[\"']?\s*\]")
_ENTRY = re.compile(r"\s*[\"']?([^\"'=\s]+)[\"']?\s*=")

Migration = Callable[[MutableMapping[str, Any]], None]


def _unnumbered(_: MutableMapping[str, Any]) -> None:
    """From 0 to 1 only the number is new."""


MIGRATIONS: tuple[Migration, ...] = (_unnumbered,)
CURRENT_VERSION = len(MIGRATIONS)


class BrokenFileError(UserError):
    """The file can be read, and its content is not what it should be."""


class NewerVersionError(UserError):
    """The file was written by a later release of this program, and is fine."""


def read_tables(path: Path) -> dict[str, Any]:
    """The tables by name, up to date and without the version; an absent file has none. UserError names the file."""
    try:
        data = _read(path)
    except (FileNotFoundError, NotADirectoryError):  # the latter where a file is in the way of its folder
        return {}
    except OSError as error:
        raise UserError(FileUnusable.of(path, FileUse.READ, error)) from error
    try:
        tables = tomllib.loads(data.decode())
        _migrate(tables, path)
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BrokenFileError(SettingsBroken(path, Words(str(error)))) from error
    del tables[VERSION_KEY]
    return tables


def line_of(path: Path, section: str, entry: str = "") -> int:
    """The line in which a table begins, or an entry of it stands; 0 if it is not found. A help for a person only."""
    try:
        lines = _read(path).decode().split("\n")
    except (OSError, UserError, UnicodeDecodeError):
        return 0
    table, wanted = "", f"{section}.{entry}" if entry else section
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table, here = header[1], header[1]
        else:
            found = _ENTRY.match(line)
            here = "" if found is None else f"{table}.{found[1]}" if table else found[1]
        if here == wanted:
            return number
    return 0


def change_document(path: Path, change: Callable[[tomlkit.TOMLDocument], None]) -> None:
    """Let `change` work on the document at `path`, a new one if there is none, and write it as one step.

    UserError if the file there does not read, or cannot be written: then it stays as it is.
    """
    read_tables(path)
    try:
        document = tomlkit.parse(_read(path)) if path.exists() else tomlkit.document()
    except OSError as error:
        raise UserError(FileUnusable.of(path, FileUse.READ, error)) from error
    except TOMLKitError as error:
        raise BrokenFileError(SettingsBroken(path, Words(str(error)))) from error
    _migrate(document, path)
    change(document)
    write_private(path, tomlkit.dumps(document).encode())


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_SETTINGS_LENGTH + 1)
    if len(data) > MAX_SETTINGS_LENGTH:
        raise BrokenFileError(SettingsBroken(path, TooLong(MAX_SETTINGS_LENGTH)))
    return data


def _migrate(document: MutableMapping[str, Any], path: Path) -> None:
    version = document.get(VERSION_KEY, 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        wrong = OptionWrong(VERSION_KEY, ValueWrong(ValueProblem.KIND, version, "version number"))
        raise BrokenFileError(SettingsBroken(path, wrong))
    if version > len(MIGRATIONS):
        raise NewerVersionError(NewerFile(path))
    for migration in MIGRATIONS[version:]:
        migration(document)
    if version != len(MIGRATIONS):
        document[VERSION_KEY] = len(MIGRATIONS)
