"""The settings file as a document: versions, migrations, what is left alone, and what cannot be written."""

import errno
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect_proxy.settings import settings_document
from nymconnect_proxy.settings.config import Settings, needs_reconnect, read_settings, write_settings
from nymconnect_proxy.settings.settings_document import BrokenFileError, NewerVersionError, change_document, read_tables


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_without_a_version_is_read_and_gets_one_when_written(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "# mine\n[log]\nlog_level = 'error'  # quiet\n")
    assert read_settings(path) == Settings(log_level="error")
    assert path.read_text() == "# mine\n[log]\nlog_level = 'error'  # quiet\n"
    write_settings(path, Settings(log_level="error", preset="wallet"))
    text = path.read_text()
    assert text.startswith("# mine\nversion = 1\n")
    assert "# quiet" in text
    assert read_settings(path) == Settings(log_level="error", preset="wallet")


def test_a_version_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    for preset in ("wallet", "bulk", "high"):
        write_settings(path, Settings(preset=preset))
    assert path.read_text() == 'version = 1\n\n[traffic]\npreset = "high"\n'


def test_migrations_are_applied_in_order_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename_section(document: MutableMapping[str, Any]) -> None:
        document["log"] = document.pop("logging")

    def rename_option(document: MutableMapping[str, Any]) -> None:
        document["log"]["log_level"] = document["log"].pop("level")

    monkeypatch.setattr(settings_document, "MIGRATIONS", (lambda _: None, rename_section, rename_option))
    path = write(tmp_path / "settings.toml", "version = 1\n[logging]\nlevel = 'error'\n")
    assert read_settings(path) == Settings(log_level="error")
    write_settings(path, Settings(log_level="debug"))
    assert read_tables(path) == {"log": {"log_level": "debug"}}
    assert "version = 3" in path.read_text()


@pytest.mark.parametrize("version", ["2", "99"])
def test_a_file_of_a_newer_version_is_left_alone(version: str, tmp_path: Path) -> None:
    text = f"version = {version}\n[new]\nthings = 1\n"
    path = write(tmp_path / "settings.toml", text)
    with pytest.raises(NewerVersionError, match="newer version"):
        read_settings(path)
    with pytest.raises(NewerVersionError):
        write_settings(path, Settings(preset="high"))
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "version = 'one'\n",
        "version = true\n",
        "version = -1\n",
        "[log\n",
        "[log]\nlog_level = 'loud'\n",
        "x = 1\n",
        "\0",
    ],
)
def test_a_broken_file_is_told_from_one_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", text)
    with pytest.raises(BrokenFileError, match=r"settings\.toml"):
        read_settings(path)
    with pytest.raises(UserError) as caught:
        read_settings(tmp_path)  # a directory
    assert not isinstance(caught.value, BrokenFileError)


def test_bytes_that_are_no_text_are_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BrokenFileError):
        read_settings(path)


def test_the_windows_own_section_is_nobody_elses_business(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "[desktop]\nwhatever = [1, 2]\n")
    assert read_settings(path) == Settings()
    write_settings(path, Settings(preset="high"))
    assert read_tables(path)["desktop"] == {"whatever": [1, 2]}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "settings.toml", "version = 1\n")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_settings(path, Settings(preset="high"))
    assert path.read_text() == "version = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_change_that_fails_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "version = 1\n")

    def change(document: tomlkit.TOMLDocument) -> None:
        document["half"] = 1
        raise UserError("no")

    with pytest.raises(UserError):
        change_document(path, change)
    assert path.read_text() == "version = 1\n"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, False),
        ({"log_level": "debug"}, False),
        ({"preset": "high"}, True),
        ({"log_level": "debug", "gateway": None}, False),
    ],
)
def test_what_needs_a_reconnect(changes: dict[str, Any], wanted: bool) -> None:
    assert needs_reconnect(Settings(), Settings(**changes)) is wanted
    assert needs_reconnect(Settings(), Settings(socks=Endpoint("127.0.0.1", 9), **changes))
