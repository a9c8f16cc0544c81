"""Start at login, for this user only: a file or an entry where each desktop looks for such, and nothing else changed.

===========  ==================================================  =========================================
system       where                                               tested
===========  ==================================================  =========================================
Linux, BSD   ``autostart/nymconnect.desktop``, as freedesktop's  yes
             Desktop Application Autostart Specification says
macOS        ``~/Library/LaunchAgents/<label>.plist``            the file; never on a Mac
Windows      ``Run`` key of the user's registry                  with a stand-in; never on Windows
===========  ==================================================  =========================================

Whether it is on is asked of the system each time, for a person may change it there.
"""

import contextlib
import os
import plistlib
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from importlib import import_module
from pathlib import Path
from subprocess import list2cmdline
from typing import Any, Protocol

from nymconnect.errors import UserError
from nymconnect.reasons import SystemSays
from nymconnect.runtime.program import own_command
from nymconnect.storage import write_private
from nymconnect_gui.reasons import AutostartRefused

NAME = "NymConnect"
LABEL = "net.nymconnect.NymConnect"
ENTRY = "nymconnect.desktop"
MINIMIZED = "--minimized"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


class Autostart(Protocol):
    """Of one system."""

    def is_on(self) -> bool:
        """Whether the program starts at the next login."""

    def turn_on(self, command: Sequence[str]) -> None:
        """Start `command` at login, or this command instead of another one; UserError if that is impossible."""

    def turn_off(self) -> None:
        """Do not; UserError if that is impossible."""


def autostart() -> Autostart:
    """That of this system."""
    if sys.platform == "win32":
        return RunKey(import_module("winreg"))
    if sys.platform == "darwin":
        return LaunchAgent(Path.home() / "Library" / "LaunchAgents")
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return DesktopEntry((Path(config) if os.path.isabs(config) else Path.home() / ".config") / "autostart")


def start_command(*, minimised: bool) -> list[str]:
    """How this very program is started with a window."""
    image = os.environ.get("APPIMAGE")
    own = [*([image] if image else own_command()), "gui"]
    return [*own, MINIMIZED] if minimised else own


class DesktopEntry:
    """A ``.desktop`` file in the user's autostart folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ENTRY

    def is_on(self) -> bool:
        """Desktops have two ways to switch an entry off and leave it there."""
        parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",))
        try:
            parser.read_string(self._path.read_text(encoding="utf-8"))
            entry = parser["Desktop Entry"]
        except (OSError, UnicodeDecodeError, ConfigError, KeyError):
            return False
        return (
            entry.get("Hidden", "false").lower() != "true"
            and entry.get("X-GNOME-Autostart-enabled", "true").lower() != "false"
        )

    def turn_on(self, command: Sequence[str]) -> None:
        lines = [
            "[Desktop Entry]",
            "Type=Application",
            f"Name={NAME}",
            "Comment=Proxy programs through a mixnet",
            f"Exec={desktop_command(command)}",
            "Icon=nymconnect",
            "Terminal=false",
            "X-GNOME-Autostart-enabled=true",
        ]
        write_private(self._path, "\n".join([*lines, ""]).encode())

    def turn_off(self) -> None:
        _remove(self._path)


def desktop_command(command: Sequence[str]) -> str:
    """The value of ``Exec``: reserved characters quoted, ``%`` doubled, all escaped once more as every string is."""
    return " ".join(_desktop_word(word) for word in command)


def _desktop_word(word: str) -> str:
    word = word.replace("%", "%%")
    if word and not _RESERVED & set(word):
        return word
    for character in '\\"`$':
        word = word.replace(character, f"\\{character}")
    return '"' + word.replace("\\", "\\\\") + '"'


class LaunchAgent:
    """A property list that launchd reads at login."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{LABEL}.plist"

    def is_on(self) -> bool:
        try:
            content = plistlib.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(content, dict) and bool(content.get("RunAtLoad")) and not content.get("Disabled")

    def turn_on(self, command: Sequence[str]) -> None:
        content = {"Label": LABEL, "ProgramArguments": list(command), "RunAtLoad": True, "ProcessType": "Interactive"}
        write_private(self._path, plistlib.dumps(content))

    def turn_off(self) -> None:
        _remove(self._path)


class RunKey:
    """A value of the ``Run`` key in this user's registry. `registry` is the module `winreg`, or a stand-in for it."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def is_on(self) -> bool:
        with contextlib.suppress(OSError), self._open() as key:
            return bool(self._registry.QueryValueEx(key, NAME)[0])
        return False

    def turn_on(self, command: Sequence[str]) -> None:
        try:
            with self._open(write=True) as key:
                self._registry.SetValueEx(key, NAME, 0, self._registry.REG_SZ, list2cmdline(command))
        except OSError as error:
            raise _refused(error) from error

    def turn_off(self) -> None:
        try:
            with contextlib.suppress(FileNotFoundError), self._open(write=True) as key:
                self._registry.DeleteValue(key, NAME)
        except OSError as error:
            raise _refused(error) from error

    def _open(self, *, write: bool = False) -> Any:
        registry = self._registry
        if write:
            return registry.CreateKeyEx(registry.HKEY_CURRENT_USER, _RUN_KEY, 0, registry.KEY_SET_VALUE)
        return registry.OpenKey(registry.HKEY_CURRENT_USER, _RUN_KEY)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> UserError:
    return UserError(AutostartRefused(SystemSays.of(error)))
