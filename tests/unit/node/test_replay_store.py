"""The files of the replay memory, and that nothing leaves before its tag is in one."""

import asyncio
import os
import random
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from nymconnect.effects import Close, Effect
from nymconnect.errors import UserError
from nymconnect.node import replay_store
from nymconnect.node.replay import ReplayFilter
from nymconnect.node.replay_log import decode_log
from nymconnect.node.replay_store import REPLAY_FILE, ReplayFiles, ReplayKeeper
from tests.helpers.stage import eventually

RNG = random.Random(6)


def tags(count: int) -> list[bytes]:
    return [RNG.randbytes(32) for _ in range(count)]


def admit(memory: ReplayFilter, some: list[bytes], rotation_id: int = 5) -> list[bytes]:
    assert all(memory.admit(rotation_id, tag) for tag in some)
    return memory.take_record()


def logs(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.log*"))


def test_tags_of_every_log_and_of_the_snapshot_are_known_to_the_next_run(tmp_path: Path) -> None:
    some = tags(30)
    for run in range(3):
        files = ReplayFiles(tmp_path)
        memory = files.load([5])
        assert not any(memory.admit(5, tag) for tag in some[: 10 * run])
        files.append(admit(memory, some[10 * run : 10 * run + 10]))
        if run == 1:
            files.roll()
            files.checkpoint(memory.freeze())
        files.close()  # and no word more, as after a kill
    assert not any(ReplayFiles(tmp_path).load([5]).admit(5, tag) for tag in some)


def test_a_checkpoint_removes_the_logs_before_it_and_is_wanted_after_a_crash(tmp_path: Path) -> None:
    first = ReplayFiles(tmp_path)
    first.append(admit(first.load([5]), tags(3)))
    assert not first.needs_checkpoint
    second = ReplayFiles(tmp_path)
    memory = second.load([5])
    assert second.needs_checkpoint
    second.roll()
    second.checkpoint(memory.freeze())
    assert not second.needs_checkpoint
    assert logs(tmp_path) == ["replay-3.log"]


def test_the_tags_of_keys_that_are_gone_are_gone_with_the_next_checkpoint(tmp_path: Path) -> None:
    files = ReplayFiles(tmp_path)
    memory = files.load([5])
    old = tags(1)
    files.append(admit(memory, old))
    memory.keep([6])
    files.roll()
    files.checkpoint(memory.freeze())
    files.close()
    assert ReplayFiles(tmp_path).load([5, 6]).admit(5, old[0])


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    files = ReplayFiles(directory)
    files.append(admit(files.load([5]), tags(1)))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert (stat.S_IMODE(directory.stat().st_mode), modes) == (0o700, {0o600})


def test_a_damaged_log_is_set_aside_and_its_sound_part_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    some = tags(1)
    files = ReplayFiles(tmp_path)
    files.append(admit(files.load([5]), some))
    files.close()
    with (tmp_path / "replay-1.log").open("ab") as file:
        file.write(bytes(100_000))
    assert not ReplayFiles(tmp_path).load([5]).admit(5, some[0])
    assert "replay-1.log does not read" in caplog.text
    assert logs(tmp_path)[0].startswith("replay-1.log.corrupt-")
    assert not ReplayFiles(tmp_path).load([5]).admit(5, some[0])  # killed at once, and started again


def test_a_damaged_snapshot_is_set_aside_and_the_logs_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    some = tags(1)
    files = ReplayFiles(tmp_path)
    files.append(admit(files.load([5]), some))
    (tmp_path / REPLAY_FILE).write_bytes(b"rubbish")
    assert not ReplayFiles(tmp_path).load([5]).admit(5, some[0])
    assert f"{REPLAY_FILE} does not read" in caplog.text


def test_a_write_that_broke_off_spoils_nothing_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ReplayFiles(tmp_path)
    memory = files.load([5])
    write = os.write

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 20:
            raise OSError("the disk is full")
        return write(descriptor, data[: len(data) // 2])

    records = admit(memory, tags(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="full"):
            files.append(records)
    files.append(records)
    assert decode_log((tmp_path / "replay-1.log").read_bytes()).records == b"".join(records)


def test_logs_stop_at_their_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ReplayFiles(tmp_path)
    memory = files.load([5])
    monkeypatch.setattr(replay_store, "MAX_LOG_LENGTH", 100)
    files.append(admit(memory, tags(3)))
    with pytest.raises(OSError, match="full"):
        files.append(admit(memory, tags(3)))
    assert (tmp_path / "replay-1.log").stat().st_size <= 100


# --- what may leave ---------------------------------------------------------------------------------------------


class Stage:
    """A keeper, its memory, and what it let go; `written` is what the log holds at that moment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.left: list[Effect] = []
        self.written: list[int] = []
        self.dropped = 0
        self.keeper = ReplayKeeper(directory, self._drop)

    async def open(self) -> None:
        self.memory = await self.keeper.open([5])

    def perform(self, effects: Sequence[Effect]) -> None:
        self.left += effects
        self.written.append(len(decode_log((self.directory / "replay-1.log").read_bytes()).records) // 20)

    def _drop(self, count: int) -> None:
        self.dropped += count

    async def settled(self, count: int) -> None:
        await eventually(lambda: len(self.left) + self.dropped >= count)


async def test_two_nodes_do_not_share_a_folder_and_the_next_one_may_have_it(tmp_path: Path) -> None:
    first, second = Stage(tmp_path), Stage(tmp_path)
    await first.open()
    with pytest.raises(UserError, match=r"another node runs in .*; give this one a folder of its own"):
        await second.open()
    assert logs(tmp_path) == ["replay-1.log"]  # the second has touched nothing
    await first.keeper.close()
    await second.open()
    await second.keeper.close()


async def test_a_node_that_cannot_read_its_memory_holds_the_folder_no_longer(tmp_path: Path) -> None:
    first, second = Stage(tmp_path), Stage(tmp_path)
    (tmp_path / REPLAY_FILE).mkdir()
    with pytest.raises(UserError, match="cannot read"):
        await first.open()
    (tmp_path / REPLAY_FILE).rmdir()
    await second.open()
    await second.keeper.close()


async def test_an_effect_leaves_only_once_all_tags_before_it_are_in_the_file(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    expected: list[Effect] = [Close(str(number)) for number in range(50)]
    for number, effect in enumerate(expected):
        assert stage.memory.admit(5, RNG.randbytes(32))
        stage.keeper.leave(stage.perform, [effect])
        assert len(stage.left) <= number
        if number % 7 == 0:
            await stage.settled(number + 1)
    await stage.settled(50)
    assert stage.left == expected
    assert all(written > number for number, written in enumerate(stage.written))
    await stage.keeper.close()


async def test_with_nothing_to_write_an_effect_leaves_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    stage.keeper.leave(stage.perform, [Close()])
    assert stage.left == [Close()]
    await stage.keeper.close()


async def test_a_tag_is_written_also_if_nothing_leaves_yet(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    tag = RNG.randbytes(32)
    stage.memory.admit(5, tag)
    stage.keeper.leave(stage.perform, [])
    await eventually(lambda: bool(decode_log((tmp_path / "replay-1.log").read_bytes()).records))
    await stage.keeper.close()


async def test_nothing_leaves_while_the_disk_is_full_and_all_is_written_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    with monkeypatch.context() as patch:
        patch.setattr(replay_store, "MAX_LOG_LENGTH", 10)
        for number in range(3):
            stage.memory.admit(5, RNG.randbytes(32))
            stage.keeper.leave(stage.perform, [Close()])
            await stage.settled(number + 1)
    assert (stage.left, stage.dropped) == ([], 3)
    assert caplog.text.count("replay log cannot be written") == 1
    stage.keeper.leave(stage.perform, [Close("from the mixer")])
    await stage.settled(4)
    assert (stage.left, stage.written) == ([Close("from the mixer")], [3])
    await stage.keeper.close()


async def test_a_node_whose_disk_stands_takes_in_no_more_than_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    monkeypatch.setattr(replay_store, "MAX_WAITING", 5)
    for _ in range(5):
        assert not stage.keeper.is_full
        stage.memory.admit(5, RNG.randbytes(32))
        stage.keeper.leave(stage.perform, [Close()])
    assert stage.keeper.is_full
    await stage.settled(5)
    assert not stage.keeper.is_full
    await stage.keeper.close()


async def test_a_snapshot_under_way_when_the_node_ends_does_not_replace_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_store, "SYNC_INTERVAL", 0.01)
    begun, may_go_on, done = threading.Event(), threading.Event(), threading.Event()
    write = replay_store.write_private

    def first_is_slow(path: Path, data: bytes) -> None:
        if begun.is_set():
            write(path, data)
            return
        begun.set()
        may_go_on.wait(30.0)
        write(path, data)
        done.set()

    monkeypatch.setattr(replay_store, "write_private", first_is_slow)
    stage = Stage(tmp_path)
    await stage.open()
    stage.keeper.rotated()
    task = asyncio.create_task(stage.keeper.run())
    await eventually(begun.is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    tag = RNG.randbytes(32)
    assert stage.memory.admit(5, tag)
    stage.keeper.leave(stage.perform, [Close()])
    closing = asyncio.create_task(stage.keeper.close())
    await asyncio.wait([closing], timeout=0.5)
    may_go_on.set()
    await closing
    await eventually(done.is_set)
    assert not ReplayFiles(tmp_path).load([5]).admit(5, tag)


async def test_a_log_is_not_closed_while_it_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_store, "SYNC_INTERVAL", 0.01)
    begun, may_go_on = threading.Event(), threading.Event()
    outcome: list[OSError | None] = []
    sync = os.fsync

    def slow(descriptor: int) -> None:
        begun.set()
        may_go_on.wait(30.0)
        try:
            sync(descriptor)
        except OSError as error:
            outcome.append(error)
        else:
            outcome.append(None)

    stage = Stage(tmp_path)
    await stage.open()
    assert stage.memory.admit(5, RNG.randbytes(32))
    stage.keeper.leave(stage.perform, [Close()])
    await stage.settled(1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", slow)
        task = asyncio.create_task(stage.keeper.run())
        await eventually(begun.is_set)
        task.cancel()
        patch.setattr(os, "fsync", sync)
        closing = asyncio.create_task(stage.keeper.close())
        await asyncio.wait([closing], timeout=0.5)
        may_go_on.set()
        await closing
        await eventually(lambda: bool(outcome))
    assert outcome == [None]


async def test_an_orderly_end_leaves_a_snapshot_and_an_empty_log(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.open()
    stage.memory.admit(5, RNG.randbytes(32))
    stage.keeper.leave(stage.perform, [Close()])
    await stage.keeper.close()
    assert stage.left == [Close()]
    assert len(ReplayFilter.restore((tmp_path / REPLAY_FILE).read_bytes())) == 1
    assert [(tmp_path / name).stat().st_size for name in logs(tmp_path)] == [0]


async def test_a_change_of_keys_makes_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_store, "SYNC_INTERVAL", 0.01)
    stage = Stage(tmp_path)
    await stage.open()
    task = asyncio.create_task(stage.keeper.run())
    assert not (tmp_path / REPLAY_FILE).exists()
    stage.keeper.rotated()
    await eventually((tmp_path / REPLAY_FILE).exists)
    task.cancel()
    await stage.keeper.close()
