"""Files: private, replaced as a whole, never lost."""

import json
import logging
import os
import random
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nymconnect import storage
from nymconnect.errors import UsageError, UserError
from nymconnect.storage import (
    Directories,
    Document,
    load_or_create_key,
    make_private_directory,
    read_key,
    write_key,
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


def test_a_key_is_made_once_and_then_kept(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = load_or_create_key(path, "ed25519", random.Random(1).randbytes)
    assert first == random.Random(1).randbytes(32)
    assert load_or_create_key(path, "ed25519", random.Random(2).randbytes) == first
    assert os.name != "posix" or mode(path) == 0o600


@posix_only
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "identity.key"
    write_key(path, "ed25519", bytes(32))
    path.chmod(bits)
    with pytest.raises(UserError, match="open to other users"):
        read_key(path, "ed25519")


def test_one_kind_of_key_is_not_taken_for_another(tmp_path: Path) -> None:
    write_key(tmp_path / "key", "x25519", bytes(32))
    with pytest.raises(UserError, match="does not hold a ed25519 key"):
        read_key(tmp_path / "key", "ed25519")


@pytest.mark.parametrize("cut", [0, 10, 30, 60])
def test_a_damaged_key_is_an_error_and_is_not_replaced(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "key"
    write_key(path, "ed25519", bytes(range(32)))
    damaged = path.read_bytes()[:cut]
    write_private(path, damaged)
    with pytest.raises(UserError):
        load_or_create_key(path, "ed25519", random.Random(1).randbytes)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"nymconnect key 1 ed25519 " + b"zz" * 32 + b"\n", b"\xff" * 89])
def test_a_key_error_never_shows_the_content(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "key", content)
    with pytest.raises(UserError) as caught:
        read_key(tmp_path / "key", "ed25519")
    assert "zz" not in str(caught.value)


def test_only_whole_secrets_are_written(tmp_path: Path) -> None:
    for kind, secret in (("ed25519", b"short"), ("two words", bytes(32))):
        with pytest.raises(UsageError):
            write_key(tmp_path / "key", kind, secret)
    assert names(tmp_path) == []
