"""What a service runs: no task skips its clean-up, and a crash shows and is got over."""

import asyncio

import pytest

from nymconnect.runtime import tasks as tasks_module
from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import TaskSet, Waker
from tests.helpers.early_ends import PATIENCE, cancelled_after_turns


async def test_a_task_that_has_not_begun_cleans_up_all_the_same() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("done")

    tasks = TaskSet("test")
    tasks.spawn(work(), "work")
    await tasks.close()
    assert cleaned == ["done"]
    assert len(tasks) == 0


async def test_whoever_is_cancelled_while_closing_tasks_has_cancelled_them() -> None:
    tasks = TaskSet("test")
    work = tasks.spawn(asyncio.Event().wait(), "work")
    closing = asyncio.create_task(tasks.close())
    await cancelled_after_turns(1, closing)
    await asyncio.gather(work, return_exceptions=True)
    assert work.cancelled()


async def test_work_that_is_kept_begins_anew_after_a_crash_and_ends_when_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks_module, "AFTER_CRASH", 0.0)
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 4:
            raise RuntimeError("our fault")

    crashed: list[BaseException] = []
    tasks = TaskSet("test", crashed.append)
    async with asyncio.timeout(PATIENCE):
        await tasks.keep(work, "work")
    assert (begun, tasks.crashes, crashed) == (4, 3, [])


async def test_a_crashed_task_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("our fault")

    crashed: list[BaseException] = []
    tasks = TaskSet("test", crashed.append)
    await asyncio.gather(tasks.spawn(work(), "work"), return_exceptions=True)
    await asyncio.sleep(0)
    assert [str(error) for error in crashed] == ["our fault"]
    assert tasks.crashes == 1
    assert "task test: work failed: RuntimeError: our fault" in caplog.text


async def test_a_timer_tells_of_a_crash_once_or_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_module, "AFTER_CRASH", 0.0)
    calls: list[str] = []
    again, told = asyncio.Event(), asyncio.Event()
    due = clock()

    def wake(name: str) -> None:
        calls.append(name)
        if calls.count("without") == 2:
            again.set()
        raise RuntimeError("our fault")

    with_ear = Waker(lambda: due, lambda: wake("with"), lambda _: told.set())
    without = Waker(lambda: due, lambda: wake("without"))
    with_ear.arm()
    without.arm()
    async with asyncio.timeout(PATIENCE):
        await told.wait()
        await again.wait()
    without.cancel()
    assert calls.count("with") == 1


async def test_a_timer_that_is_closed_is_not_armed_again() -> None:
    woken: list[str] = []
    waker = Waker(lambda: 0.0 if not woken else None, lambda: woken.append("woken"))
    waker.arm()
    waker.close()
    waker.arm()
    for _ in range(5):
        await asyncio.sleep(0)
    assert woken == []


async def test_what_crashes_for_each_stranger_is_told_a_few_times_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("our fault")

    crashes = 0
    for _ in range(100):
        tasks = TaskSet("one of many")
        await asyncio.gather(tasks.spawn(work(), "connection"), return_exceptions=True)
        await asyncio.sleep(0)
        crashes += tasks.crashes
    assert crashes == 100
    assert len(caplog.records) == tasks_module.LINES
