"""Start at login: the file or entry of each system, and what a person may have done to it."""

import os
import plistlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest

from nymconnect.errors import UserError
from nymconnect_gui.platform import autostart as module
from nymconnect_gui.platform.autostart import (
    DesktopEntry,
    LaunchAgent,
    RunKey,
    autostart,
    desktop_command,
    start_command,
)

COMMAND = ["/opt/Nym Connect/nymconnect", "gui", "--minimized"]


class Registry:
    """As much of `winreg` as is used."""

    HKEY_CURRENT_USER, KEY_SET_VALUE, REG_SZ = 1, 2, 1

    def __init__(self, *, locked: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.locked = locked

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        return None

    def OpenKey(self, *_: Any) -> "Registry":  # noqa: N802 -- winreg's name
        return self

    def CreateKeyEx(self, *_: Any) -> "Registry":  # noqa: N802 -- winreg's name
        if self.locked:
            raise PermissionError(13, "Access is denied")
        return self

    def QueryValueEx(self, _key: Any, name: str) -> tuple[str, int]:  # noqa: N802 -- winreg's name
        if name not in self.values:
            raise FileNotFoundError(2, "no such value")
        return self.values[name], self.REG_SZ

    def SetValueEx(self, _key: Any, name: str, _zero: int, _kind: int, value: str) -> None:  # noqa: N802 -- winreg's
        self.values[name] = value

    def DeleteValue(self, _key: Any, name: str) -> None:  # noqa: N802 -- winreg's name
        if name not in self.values:
            raise FileNotFoundError(2, "no such value")
        del self.values[name]


@pytest.mark.parametrize(
    "make", [DesktopEntry, LaunchAgent, lambda _: RunKey(Registry())], ids=["xdg", "mac", "windows"]
)
def test_on_and_off_and_on_again(make: Any, tmp_path: Path) -> None:
    entry = make(tmp_path / "new folder")
    assert not entry.is_on()
    entry.turn_off()
    entry.turn_on(COMMAND)
    entry.turn_on(COMMAND)
    assert entry.is_on()
    entry.turn_off()
    assert not entry.is_on()


def test_the_desktop_entry_reads_as_the_specification_says(tmp_path: Path) -> None:
    DesktopEntry(tmp_path).turn_on(COMMAND)
    lines = (tmp_path / "nymconnect.desktop").read_text().splitlines()
    assert lines[0] == "[Desktop Entry]"
    assert "Type=Application" in lines
    assert 'Exec="/opt/Nym Connect/nymconnect" gui --minimized' in lines
    assert (tmp_path / "nymconnect.desktop").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "word", ["plain", "with space", 'qu"ote', "dollar$HOME", "back\\slash", "tick`", "per%cent", "semi;colon", ""]
)
def test_every_word_survives_the_quoting_of_exec(word: str) -> None:
    value = desktop_command(["/bin/program", word])
    unescaped = value.removeprefix("/bin/program ").replace("\\\\", "\\")  # what the file format undoes first
    if unescaped.startswith('"'):
        unescaped = re.sub(r"\\(.)", r"\1", unescaped[1:-1])
    assert unescaped.replace("%%", "%") == word


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_that_a_desktop_has_switched_off_is_off(line: str, tmp_path: Path) -> None:
    DesktopEntry(tmp_path).turn_on(COMMAND)
    path = tmp_path / "nymconnect.desktop"
    text = path.read_text().replace("X-GNOME-Autostart-enabled=true", line)
    path.write_text(text)
    assert not DesktopEntry(tmp_path).is_on()
    DesktopEntry(tmp_path).turn_on(COMMAND)
    assert DesktopEntry(tmp_path).is_on()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"[Other]\n"])
def test_a_file_that_does_not_read_is_off(content: bytes, tmp_path: Path) -> None:
    for path, entry in (
        (tmp_path / "nymconnect.desktop", DesktopEntry(tmp_path)),
        (tmp_path / f"{module.LABEL}.plist", LaunchAgent(tmp_path)),
    ):
        path.write_bytes(content)
        assert not entry.is_on()


def test_the_launch_agent_runs_the_command_at_load(tmp_path: Path) -> None:
    LaunchAgent(tmp_path).turn_on(COMMAND)
    content = plistlib.loads((tmp_path / f"{module.LABEL}.plist").read_bytes())
    assert content["ProgramArguments"] == COMMAND
    assert content["RunAtLoad"] is True


def test_the_run_key_quotes_for_windows_and_says_when_it_may_not() -> None:
    registry = Registry()
    RunKey(registry).turn_on(COMMAND)
    assert registry.values == {"NymConnect": '"/opt/Nym Connect/nymconnect" gui --minimized'}
    with pytest.raises(UserError, match="Access is denied"):
        RunKey(Registry(locked=True)).turn_on(COMMAND)


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        DesktopEntry(tmp_path / "file" / "autostart").turn_on(COMMAND)


@pytest.mark.parametrize(
    ("system", "kind"), [("linux", DesktopEntry), ("freebsd14", DesktopEntry), ("darwin", LaunchAgent)]
)
def test_each_system_has_its_own(system: str, kind: type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform=system))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    entry = autostart()
    assert isinstance(entry, kind)
    if isinstance(entry, DesktopEntry):
        entry.turn_on(COMMAND)
        assert (tmp_path / "autostart" / "nymconnect.desktop").exists()


def test_a_relative_config_folder_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    autostart().turn_on(COMMAND)
    assert (tmp_path / ".config" / "autostart" / "nymconnect.desktop").exists()


def test_the_command_is_that_of_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPIMAGE", raising=False)
    assert start_command(minimised=False) == [sys.executable, "-P", "-m", "nymconnect_proxy", "gui"]
    assert start_command(minimised=True)[-1] == "--minimized"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert start_command(minimised=False) == [sys.executable, "gui"]
    monkeypatch.setenv("APPIMAGE", os.sep + "x.AppImage")
    assert start_command(minimised=True) == [os.sep + "x.AppImage", "gui", "--minimized"]
