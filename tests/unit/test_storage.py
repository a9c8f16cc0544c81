"""Files: private, replaced as a whole, never lost."""

import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nymconnect import storage
from nymconnect.errors import UserError
from nymconnect.storage import (
    Directories,
    Document,
    make_private_directory,
    write_private,
)

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")


class Note(msgspec.Struct, frozen=True):
    text: str
    count: int


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# --- directories and atomic writes ---


def test_directories_of_a_profile_lie_below_its_root_and_are_private(tmp_path: Path) -> None:
    directories = Directories.under(tmp_path / "profile")
    directories.create()
    for path in (directories.config, directories.data, directories.cache):
        assert path.is_relative_to(tmp_path / "profile")
        assert path.is_dir()
        assert os.name != "posix" or mode(path) == 0o700
    assert directories.settings.parent == directories.config


def test_the_users_directories_carry_the_programs_name() -> None:
    directories = Directories.of_user()
    assert all("nymconnect" in str(path) for path in (directories.config, directories.data, directories.cache))


@posix_only
def test_an_open_directory_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_directory(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_directory_that_is_a_file_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot use directory"):
        make_private_directory(tmp_path / "file")


@posix_only
def test_a_written_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_private(tmp_path / "new" / "file", b"data")
    finally:
        os.umask(old)
    assert (mode(tmp_path / "new" / "file"), mode(tmp_path / "new")) == (0o600, 0o700)


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for data in (b"long first content", b"second"):
        write_private(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert names(tmp_path) == ["file"]


def test_data_is_synced_before_it_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(storage.os, "fsync", lambda fd: (calls.append("sync"), sync(fd)))
    monkeypatch.setattr(storage.os, "replace", lambda a, b: (calls.append("replace"), rename(a, b)))
    write_private(tmp_path / "file", b"data")
    assert calls[:2] == ["sync", "replace"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    write_private(tmp_path / "file", b"old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, step, fail)
    with pytest.raises(UserError, match="No space left on device"):
        write_private(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@posix_only
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_private(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


# --- documents ---


def test_a_document_reads_back(tmp_path: Path) -> None:
    document = Document(tmp_path / "note.json", Note)
    assert document.load() is None
    document.save(Note("hello", 3))
    assert document.load() == Note("hello", 3)
    assert json.loads(document.path.read_bytes()) == {"version": 1, "content": {"text": "hello", "count": 3}}


def add_count(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "count": 0}


def rename_text(content: dict[str, Any]) -> dict[str, Any]:
    return {"text": content["body"], "count": content["count"]}


@pytest.mark.parametrize(
    ("version", "content"),
    [(1, {"body": "old"}), (2, {"body": "old", "count": 0}), (3, {"text": "old", "count": 0})],
)
def test_every_older_version_is_migrated_step_by_step(tmp_path: Path, version: int, content: dict[str, Any]) -> None:
    document = Document(tmp_path / "note.json", Note, (add_count, rename_text))
    document.path.write_text(json.dumps({"version": version, "content": content}))
    assert document.version == 3
    assert document.load() == Note("old", 0)


def test_a_file_from_the_future_is_left_alone(tmp_path: Path) -> None:
    document = Document(tmp_path / "note.json", Note)
    document.path.write_text('{"version": 2, "content": {}}')
    with pytest.raises(UserError, match="newer version"):
        document.load()
    assert names(tmp_path) == ["note.json"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"version": 0, "content": {}}',
        b'{"version": 1, "content": {"text": 1, "count": 1}}',
        b'{"version": 1, "content": {}, "more": 1}',
        b"[" * 100_000,
    ],
)
def test_a_bad_document_is_set_aside_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    document = Document(tmp_path / "note.json", Note)
    document.path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert document.load() is None
    (kept,) = names(tmp_path)
    assert kept.startswith("note.json.corrupt-")
    assert (tmp_path / kept).read_bytes() == data
    assert kept in caplog.text
    document.save(Note("fresh", 1))
    assert document.load() == Note("fresh", 1)


def test_a_migration_that_finds_nothing_to_work_on_sets_the_file_aside(tmp_path: Path) -> None:
    document = Document(tmp_path / "note.json", Note, (rename_text,))
    document.path.write_text('{"version": 1, "content": {}}')
    assert document.load() is None
    assert "corrupt" in names(tmp_path)[0]


def test_two_bad_files_in_a_row_are_both_kept(tmp_path: Path) -> None:
    document = Document(tmp_path / "note.json", Note)
    for data in (b"one", b"two"):
        document.path.write_bytes(data)
        document.load()
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"one", b"two"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=80))
def test_random_bytes_are_never_fatal(tmp_path: Path, data: bytes) -> None:
    document = Document(tmp_path / "note.json", Note)
    document.path.write_bytes(data)
    assert document.load() is None


def test_a_document_that_is_a_directory_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        Document(tmp_path, Note).load()


# --- keys ---


@posix_only
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_document_with_keys_that_others_can_reach_is_refused_and_stays(tmp_path: Path, bits: int) -> None:
    document = Document(tmp_path / "a note.json", Note, holds_keys=True)
    document.save(Note("secret", 1))
    document.path.chmod(bits)
    with pytest.raises(UserError, match="open to other users") as caught:
        document.load()
    assert str(caught.value).endswith(f"chmod 600 '{document.path}'")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    document.path.chmod(0o600)
    assert document.load() == Note("secret", 1)


@posix_only
def test_a_document_without_keys_may_be_open(tmp_path: Path) -> None:
    document = Document(tmp_path / "note.json", Note)
    document.save(Note("text", 1))
    document.path.chmod(0o644)
    assert document.load() == Note("text", 1)


def test_a_document_with_keys_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert Document(tmp_path / "note.json", Note, holds_keys=True).load() is None
