"""The settings file behind the window: comments that survive, files that do not read, disks that are full."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from nymconnect_gui.app import Program
from nymconnect_gui.model.settings_file import SettingsFile, open_settings
from nymconnect_gui.model.window_memory import Remembered, Store
from nymconnect_proxy.settings.config import Settings, read_settings
from nymconnect_proxy.settings.networks import NamedNetwork
from nymconnect_proxy.settings.settings_document import CURRENT_VERSION, read_tables
from tests.helpers.fake_session import FakeSessions
from tests.helpers.settings_pages import wait_for

Find = Callable[[str], Any]


def test_comments_in_the_file_survive_a_change_in_the_window(page: Find, program: Program) -> None:
    path = program.keeper.path
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\n[proxy]\nsocks = '127.0.0.1:1090'  # my wallet's\n")
    page("settings").preset.buttons["high"].click()
    program.store.change(theme="dark")
    assert "# mine" in path.read_text()
    assert "# my wallet's" in path.read_text()
    assert read_tables(path)["desktop"] == {"theme": "dark"}
    assert read_settings(path).preset == "high"


BROKEN = ["[network\n", "[network]\nnetwork = 5\n", "\0\1", "version = 99\n", "[nonsense]\n"]


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_used_stays_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    opened = open_settings(path)
    assert opened.path is None
    assert opened.obstacle is not None
    assert str(path) in str(opened.obstacle)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def held_back(program: Program, text: str) -> Path:
    """The program after a start with this in its settings file."""
    assert program.keeper.path is not None
    path = program.keeper.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    program.keeper._path = program.store._path = None  # as `main` makes it then
    program.guard.hold_back(path, lambda: read_settings(path))
    return path


async def settle(program: Program) -> None:
    await wait_for(lambda: not program.bridge._tasks)


TYPO = "[network]\nnetwork = 'mainnet'\n[proxy]\nsocks = '127.0.0.1'\n"


async def test_a_typo_keeps_the_window_from_connecting_and_is_shown_with_its_line(
    page: Find, program: Program, sessions: FakeSessions
) -> None:
    path = held_back(program, TYPO)
    home = page("home")
    told = f"{path}, line 4: the value of socks is wrong."
    assert home.sentence.text() == told
    home.ring.click()
    await settle(program)
    program.bridge.reconnect()
    program.bridge.rest()
    await settle(program)
    assert sessions.made == []
    assert home.sentence.text() == told
    program.obey("connect")
    await settle(program)
    assert b"line 4" in program.obey("status")
    assert sessions.made == []
    program.change_settings(replace(program.bridge.settings, preset="high"))
    assert home.sentence.text() == told
    assert path.read_text() == TYPO
    home.help.click()
    assert program.window.current == "settings"
    settings = page("settings")
    assert settings.obstacle.isVisible()
    assert settings.why_not.text() == told
    assert not settings.reset.isVisible()


async def test_a_file_that_was_mended_is_used_by_the_next_press(
    page: Find, program: Program, sessions: FakeSessions
) -> None:
    path = held_back(program, TYPO)
    path.write_text(TYPO.replace("127.0.0.1", "127.0.0.1:1090") + "[desktop]\ntheme = 'dark'\n")
    page("home").ring.click()
    await settle(program)
    assert program.bridge.obstacle is None
    assert sessions.last.settings.network is NamedNetwork.MAINNET
    assert program.store.values.theme == "dark"
    assert program.keeper.path == path
    assert not page("settings").obstacle.isVisible()


async def test_it_can_be_read_again_and_shows_the_next_mistake(page: Find, program: Program) -> None:
    path = held_back(program, TYPO)
    settings = page("settings")
    path.write_text("[nonsense]\n")
    settings.read_again.click()
    await settle(program)
    assert settings.why_not.text() == f"{path}, line 1: no section is named nonsense."
    path.write_text("[network]\nnetwork = 'mainnet'\n")
    settings.read_again.click()
    await settle(program)
    assert not settings.obstacle.isVisible()
    assert program.bridge.settings.network is NamedNetwork.MAINNET
    assert program.bridge.problem is None


async def test_it_can_be_set_aside_for_the_defaults_and_nothing_is_lost(
    page: Find, program: Program, sessions: FakeSessions
) -> None:
    path = held_back(program, TYPO)
    page("settings").begin_anew.click()
    await settle(program)
    (kept,) = path.parent.glob("settings.toml.corrupt-*")
    assert kept.read_text() == TYPO
    assert kept.name in program.window.notice.text.text()
    assert program.bridge.settings == Settings()
    page("settings").preset.buttons["high"].click()
    assert read_settings(path).preset == "high"
    page("home").ring.click()
    await wait_for(lambda: bool(sessions.made))


async def test_a_file_that_cannot_be_set_aside_keeps_holding_back(
    page: Find, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = held_back(program, TYPO)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    page("settings").begin_anew.click()
    await settle(program)
    assert "cannot be renamed" in program.window.notice.text.text()
    assert program.bridge.obstacle is not None
    assert path.read_text() == TYPO


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"theme": "dark", "width": 500}, Remembered(theme="dark", width=500)),
        ({"theme": "pink", "width": -1, "text_scale": "big", "language": "../x"}, Remembered()),
        ({"language": "pt_BR"}, Remembered(language="pt_BR")),
        ({"unknown": 1, "keep_in_tray": True}, Remembered(keep_in_tray=True)),
        ({"in_keyring": ["a"]}, Remembered(in_keyring=("a",))),
    ],
)
def test_what_the_window_remembers_is_checked_entry_by_entry(
    table: dict[str, Any], expected: Remembered, tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(tomlkit.dumps({"desktop": table}))
    assert Store(path).values == expected


@pytest.mark.parametrize(
    ("code", "told"), [(errno.ENOSPC, "The disk is full. Make room"), (errno.EROFS, "nothing can be written there")]
)
def test_a_full_disk_is_one_sentence_and_the_change_counts_for_this_run(
    code: int, told: str, page: Find, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    page("settings").preset.buttons["high"].click()
    assert told in program.window.notice.text.text()
    assert program.bridge.settings.preset == "high"
    program.store.change(theme="dark")
    assert program.store.values.theme == "dark"


def test_a_folder_that_cannot_be_written_is_one_sentence(page: Find, program: Program, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("in the way")
    page("settings").preset.buttons["high"].click()
    assert "settings.toml" in program.window.notice.text.text()
    assert program.bridge.settings.preset == "high"


def test_a_file_of_an_older_version_is_read_and_written_as_today(page: Find, program: Program) -> None:
    path = program.keeper.path
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('[traffic]\npreset = "bulk"\n[desktop]\ntheme = "dark"\n')  # without a number
    assert open_settings(path) == SettingsFile(path)
    assert Store(path).values.theme == "dark"
    program.change_settings(read_settings(path))
    page("settings-looks").text_size.buttons["1.5"].click()
    program.theme.choose("system", 1.0)
    assert f"version = {CURRENT_VERSION}" in path.read_text()
    assert read_settings(path).preset == "bulk"
