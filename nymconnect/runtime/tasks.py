"""Tasks with an owner, and a timer that follows a machine's deadline."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from nymconnect.runtime.clock import clock
from nymconnect.runtime.faults import FaultLog

log = logging.getLogger(__name__)

AFTER_CRASH = 1.0  # seconds before what crashed is tried again
LINES = 5  # a minute of one owner's crashes: who can cause one can often cause many
_faults: dict[str, FaultLog] = {}


class TaskSet:
    """Named tasks with one owner. A task that crashes is logged with its name and never lost in silence."""

    def __init__(self, owner: str, on_crash: Callable[[BaseException], None] | None = None) -> None:
        self._owner = owner
        self._on_crash = on_crash
        self._tasks: set[asyncio.Task[None]] = set()
        self.crashes = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start `work` as a task of this set."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        """Start a task that a service cannot do without: a crash is logged and counted, and `work` begins anew."""
        return self.spawn(self._again_and_again(work, name), name)

    async def _again_and_again(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        while True:
            try:
                return await work()
            except Exception as error:
                self.crashes += 1
                _log_crash(self._owner, name, error)
            await asyncio.sleep(AFTER_CRASH)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.crashes += 1
        _log_crash(self._owner, task.get_name().removeprefix(f"{self._owner}: "), error)
        if self._on_crash is not None:
            self._on_crash(error)

    async def close(self) -> None:
        """Cancel every task and wait until the last one has ended."""
        current = asyncio.current_task()
        try:
            await asyncio.sleep(0)  # a task that is cancelled before it has begun does not even clean up after itself
        finally:
            tasks = [task for task in self._tasks if task is not current]
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_crash(owner: str, name: str, error: BaseException) -> None:
    # By owner, for of some there is one for each stranger's connection.
    faults = _faults.setdefault(owner, FaultLog(log, LINES))
    faults.note(f"task {owner}: {name} failed", error)


class Waker:
    """Calls `wake` when a machine's deadline has come. Call `arm` after everything that may have moved it.

    A crash in `wake` is logged. `on_crash` hears of it and then nothing wakes the machine; without `on_crash` the clock
    runs on after a second.
    """

    def __init__(
        self,
        deadline: Callable[[], float | None],
        wake: Callable[[], None],
        on_crash: Callable[[Exception], None] | None = None,
    ) -> None:
        self._deadline = deadline
        self._wake = wake
        self._on_crash = on_crash
        self._handle: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._closed = False

    def arm(self) -> None:
        """Schedule the next call; keeps an earlier one, which re-arms itself."""
        due = self._deadline()
        if self._closed or due is None or (self._due is not None and self._due <= due):
            return
        self.cancel()
        self._due = due
        self._handle = asyncio.get_running_loop().call_later(max(0.0, due - clock()), self._fire)

    def _fire(self) -> None:
        self._handle = self._due = None
        due = self._deadline()
        if due is not None and due <= clock():
            try:
                self._wake()
            except Exception as error:
                self._crashed(error)
                return
        self.arm()

    def _crashed(self, error: Exception) -> None:
        _log_crash("timer", getattr(self._wake, "__qualname__", "wake"), error)
        self.cancel()
        if self._on_crash is not None:
            self._on_crash(error)
            return
        self._due = clock() + AFTER_CRASH
        self._handle = asyncio.get_running_loop().call_later(AFTER_CRASH, self._fire)

    def cancel(self) -> None:
        """Forget the scheduled call."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._due = None

    def close(self) -> None:
        """Forget the scheduled call, and schedule no other one, whatever calls `arm`."""
        self._closed = True
        self.cancel()
