"""The replay memory on disk: no packet leaves before the tag that it brought is in a file.

A snapshot (`replay.bin`) and logs of what was admitted since (`replay-N.log`). Every tag is handed to the kernel before
anything that its packet causes leaves the node, so a process that is killed at any moment admits no packet twice. A
packet waits in the mixer longer than that takes. Logs are synced every second: a power failure forgets the tags of the
last second or two, and packets recorded then can be replayed once. The reference loses ten minutes.

A log that has grown to CHECKPOINT_LENGTH, a change of keys and the end of the process make a new snapshot, and the logs
before it go. If nothing can be written, nothing leaves: the packets are dropped, counted, and said once a minute.

One node at a time uses the files: two would remove each other's logs, and forget what is in them.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from nymconnect.effects import Effect
from nymconnect.errors import UserError, WireError
from nymconnect.node.replay import FrozenFilter, ReplayFilter
from nymconnect.node.replay_log import decode_log, encode_batches
from nymconnect.runtime.clock import clock
from nymconnect.runtime.repeats import Repeats
from nymconnect.storage import PRIVATE_FILE, Lock, make_private_directory, set_aside, write_private
from nymconnect.system_reasons import FileUnusable, FileUse

log = logging.getLogger(__name__)

REPLAY_FILE = "replay.bin"
LOCK_FILE = "replay.lock"
SYNC_INTERVAL = 1.0
CHECKPOINT_LENGTH = 32 * 1024 * 1024  # bytes: about 1.6 million tags, or as few as a million in batches of one
MAX_LOG_LENGTH = 8 * CHECKPOINT_LENGTH  # bytes in all logs; reached only if no snapshot can be written
CHECKPOINT_PATIENCE = 60.0  # seconds until one that failed is tried again
MAX_WAITING = 20_000  # packets that wait for the disk
_Perform = Callable[[Sequence[Effect]], None]
_LOG_NAME = "replay-{}.log"
_LOG_PATTERN = "replay-*.log"


class ReplayFiles:
    """The files of one node. Its functions block; `append` and `roll` are for one thread."""

    def __init__(self, directory: Path) -> None:
        """Touches nothing until `load`."""
        self._directory = directory
        self._descriptor: int | None = None
        self._number = 0
        self._is_torn = False  # the log ends with part of a batch
        self._earlier = 0  # bytes in logs before the present one
        self.length = 0  # bytes in the present log
        self.is_dirty = False

    def load(self, live: Collection[int]) -> ReplayFilter:
        """What earlier runs admitted under the `live` rotations, and a new log behind it. UserError if that fails."""
        make_private_directory(self._directory)
        memory = self._load_snapshot()
        memory.keep(live)
        damaged: list[tuple[Path, int]] = []
        for path in self._logs():
            content = decode_log(_read(path))
            memory.remember(content.records)
            self._number = max(self._number, _number(path))
            self._earlier += path.stat().st_size
            if content.damaged:
                damaged.append((path, content.unread))
        try:
            self.roll()
        except OSError as error:
            raise UserError(FileUnusable.of(self._directory, FileUse.WRITE_TO, error)) from error
        if damaged:
            # What could be read of it must be elsewhere before the next start does not look at it any more.
            write_private(self._directory / REPLAY_FILE, memory.freeze().encode())
            for path, unread in damaged:
                set_aside(path, f"{unread} bytes at its end")
            self._remove_earlier_logs()
        return memory

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the logs are long enough, or from an earlier run."""
        return self._earlier > 0 or self.length >= CHECKPOINT_LENGTH

    def append(self, records: Sequence[bytes]) -> None:
        """Hand the records to the kernel; OSError if that fails."""
        if self._descriptor is None:
            raise OSError("the log is closed")
        data = memoryview(encode_batches(records))
        if self._is_torn:
            os.ftruncate(self._descriptor, self.length)
            self._is_torn = False
        if self._earlier + self.length + len(data) > MAX_LOG_LENGTH:
            raise OSError("the log is full, and no snapshot could be written")
        self._is_torn = True
        written = 0
        while written < len(data):
            written += os.write(self._descriptor, data[written:])
        self._is_torn = False
        self.length += len(data)
        self.is_dirty = True

    def sync(self) -> None:
        """Have the disk keep what was appended."""
        self.is_dirty = False
        try:
            if self._descriptor is not None:
                os.fsync(self._descriptor)
        except OSError:
            self.is_dirty = True
            raise

    def roll(self) -> None:
        """Go on in a new log."""
        path = self._directory / _LOG_NAME.format(self._number + 1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, PRIVATE_FILE)
        self.close()
        self._descriptor, self._number = descriptor, self._number + 1
        self._earlier += self.length
        self.length, self._is_torn = 0, False

    def checkpoint(self, frozen: FrozenFilter) -> None:
        """Write the snapshot of a filter that was frozen after `roll`; the logs before go. UserError if that fails."""
        write_private(self._directory / REPLAY_FILE, frozen.encode())
        self._remove_earlier_logs()

    def _remove_earlier_logs(self) -> None:
        for path in self._logs():
            if _number(path) < self._number:
                with contextlib.suppress(OSError):
                    path.unlink()
        self._earlier = 0

    def close(self) -> None:
        """Close the present log."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _load_snapshot(self) -> ReplayFilter:
        path = self._directory / REPLAY_FILE
        try:
            return ReplayFilter.restore(path.read_bytes(), keeps_record=True)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UserError(FileUnusable.of(path, FileUse.READ, error)) from error
        except WireError as error:
            set_aside(path, str(error))
        return ReplayFilter(keeps_record=True)

    def _logs(self) -> list[Path]:
        return sorted(self._directory.glob(_LOG_PATTERN), key=_number)


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(FileUnusable.of(path, FileUse.READ, error)) from error


class ReplayKeeper:
    """Writes down what the filter admits, in a thread of its own, and lets packets leave behind that.

    Batches make themselves: while one is being written, the next one collects. `dropped` hears how many effects were
    given up because nothing could be written.
    """

    def __init__(self, directory: Path, dropped: Callable[[int], None]) -> None:
        self._directory = directory
        self._lock = Lock(directory / LOCK_FILE)
        self._files = ReplayFiles(directory)
        self._memory = ReplayFilter(keeps_record=True)
        self._dropped = dropped
        self._thread = ThreadPoolExecutor(1, "replay log")
        self._waiting: list[tuple[_Perform, Sequence[Effect]]] = []
        self._unwritten: list[bytes] = []  # records of writes that failed
        self._writing: asyncio.Future[None] | None = None
        self._saving: asyncio.Future[None] | None = None  # a sync or a snapshot, which no cancelling ends
        self._is_due = False
        self._rotated = False
        self._alarms = Repeats()

    async def open(self, live: Collection[int]) -> ReplayFilter:
        """Read the files; returns the filter that this object now keeps. UserError if another node uses them, or they
        cannot be used."""
        self._memory = await asyncio.to_thread(self._load, live)
        return self._memory

    def _load(self, live: Collection[int]) -> ReplayFilter:
        make_private_directory(self._directory)
        if not self._lock.acquire():
            raise UserError(f"another node runs in {self._directory}; give this one a folder of its own")
        try:
            return self._files.load(live)
        except BaseException:
            self._lock.release()
            raise

    @property
    def is_full(self) -> bool:
        """Whether the disk is so far behind that no more packets should be taken in."""
        return max(len(self._waiting), len(self._unwritten) + self._memory.recorded) >= MAX_WAITING

    def leave(self, perform: _Perform, effects: Sequence[Effect]) -> None:
        """Perform `effects` once all that was admitted until now is written; never if that fails."""
        if self._is_idle and not self._unrecorded:
            perform(effects)
            return
        if effects:
            self._waiting.append((perform, effects))
        if self._is_idle:
            # What else came with the same read of a socket is part of this batch.
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._write)

    def rotated(self) -> None:
        """Keys have changed: forget the tags of the ones that are gone."""
        self._rotated = True

    async def run(self) -> None:
        """Sync, and make snapshots, until cancelled."""
        not_before = 0.0
        while True:
            await asyncio.sleep(SYNC_INTERVAL)
            if self._is_idle and self._unwritten:
                self._write()
            try:
                if self._files.is_dirty:
                    await self._save(self._files.sync)
                if (self._files.needs_checkpoint or self._rotated) and clock() >= not_before:
                    not_before = clock() + CHECKPOINT_PATIENCE
                    await self._checkpoint()
                    not_before = 0.0
            except (OSError, UserError) as error:
                self._alarm("the memory of replays cannot be saved: %s", error)

    async def close(self) -> None:
        """Finish, with a snapshot."""
        await asyncio.sleep(0)  # a batch that is due begins
        while self._writing is not None:
            await asyncio.wait([self._writing])
        if self._saving is not None:  # `run` was cancelled, but its snapshot is older than the one to come
            await asyncio.gather(self._saving, return_exceptions=True)
        try:
            await self._checkpoint()
        except (OSError, UserError) as error:
            self._alarm("the memory of replays cannot be saved: %s", error)
        await asyncio.to_thread(self._thread.shutdown)
        self._files.close()
        self._lock.release()

    async def _checkpoint(self) -> None:
        self._rotated = False
        await asyncio.get_running_loop().run_in_executor(self._thread, self._files.roll)
        # What is in the logs before was admitted before it was written, so the filter has it.
        await self._save(partial(self._files.checkpoint, self._memory.freeze()))

    async def _save(self, work: Callable[[], None]) -> None:
        self._saving = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.shield(self._saving)

    @property
    def _is_idle(self) -> bool:
        return self._writing is None and not self._is_due

    @property
    def _unrecorded(self) -> bool:
        """Whether something was admitted that is in no file."""
        return bool(self._unwritten or self._memory.recorded)

    def _write(self) -> None:
        self._is_due = False
        waiting, self._waiting = self._waiting, []
        records, self._unwritten = self._unwritten + self._memory.take_record(), []
        self._writing = asyncio.get_running_loop().run_in_executor(self._thread, self._files.append, records)
        self._writing.add_done_callback(lambda done: self._written(done, records, waiting))

    def _written(
        self, done: asyncio.Future[None], records: list[bytes], waiting: list[tuple[_Perform, Sequence[Effect]]]
    ) -> None:
        self._writing = None
        error = done.exception()
        if error is not None:  # packets of these records may still wait in the mixer: the next write has to have them
            self._unwritten = records
            self._dropped(sum(len(effects) for _, effects in waiting))
            self._alarm("the replay log cannot be written, so packets do not leave: %s", error)
        if self._waiting or (error is None and self._unrecorded):
            self._write()
        if error is None:
            for perform, effects in waiting:
                perform(effects)

    def _alarm(self, message: str, error: BaseException) -> None:
        if self._alarms.count(clock()):
            log.error(message, error)
