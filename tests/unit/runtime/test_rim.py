"""What the rim promises whoever ends something early: no task skips its clean-up, and no transport stays open."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from nymconnect.client.pacer.machine import Kind
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.pacer.transport import LocalCarrier
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import adopt, dial_socket
from nymconnect.runtime.sockets import address_towards, hang_up, is_own_address
from nymconnect.runtime.tasks import TaskSet, Waker

PATIENCE = 20.0
MORE_THAN_BUFFERS_TAKE = 64 * 1024 * 1024


class Silent:
    """A carrier's user that does nothing."""

    def on_bytes(self, data: bytes) -> None: ...

    def on_left(self, kind: Kind, serial: int, at: float) -> None: ...

    def on_end(self, reason: str) -> None: ...


@contextlib.asynccontextmanager
async def deaf_server() -> AsyncIterator[int]:
    """Accepts and never reads: what is written to it stays in the buffers."""
    accepted: list[asyncio.BaseTransport] = []

    class Deaf(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            accepted.append(transport)

    server = await asyncio.get_running_loop().create_server(Deaf, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for transport in accepted:
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        await asyncio.sleep(0)


async def cancelled_after_turns(turns: int, task: asyncio.Task[None]) -> None:
    """Let `task` run for some turns of the loop, then cancel it and see it end."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(task, return_exceptions=True)


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


@pytest.mark.parametrize("turns", range(4))
async def test_hanging_up_closes_the_transport_whenever_it_is_cancelled(turns: int) -> None:
    async with deaf_server() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes(MORE_THAN_BUFFERS_TAKE))

        async def work() -> None:
            try:
                await asyncio.sleep(0)
            finally:
                await hang_up(writer)

        await cancelled_after_turns(turns, asyncio.create_task(work()))
        if turns:  # else it has not begun, which is what `TaskSet` is for
            assert writer.transport.get_write_buffer_size() == 0
        writer.transport.abort()


@pytest.mark.parametrize("turns", range(1, 12))
async def test_a_connection_whose_making_is_cancelled_leaves_no_descriptor(turns: int) -> None:
    """At whatever point: while dialling, and while the loop takes the socket over."""
    async with deaf_server() as port:
        made: list[socket.socket] = []

        class Adopting(asyncio.Protocol):
            transport: asyncio.BaseTransport | None = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

        async def work() -> None:
            protocol = Adopting()
            made.append(await dial_socket("127.0.0.1", port))
            await adopt(made[0], protocol)
            assert protocol.transport is not None
            protocol.transport.close()

        await cancelled_after_turns(turns, asyncio.create_task(work()))
        await asyncio.sleep(0)
        assert all(connected.fileno() == -1 for connected in made)


@pytest.mark.parametrize("turns", range(1, 4))
@pytest.mark.parametrize("kind", [LocalCarrier, ChildCarrier])
async def test_a_carrier_is_closed_even_if_its_closing_is_cancelled(
    kind: type[LocalCarrier] | type[ChildCarrier], turns: int
) -> None:
    async with deaf_server() as port:
        carrier = kind(Silent(), PATIENCE)
        await carrier.open(await dial_socket("127.0.0.1", port), "")
        transport = carrier._transport
        assert transport is not None
        transport.write(bytes(MORE_THAN_BUFFERS_TAKE))
        await cancelled_after_turns(turns, asyncio.create_task(carrier.close()))
        await asyncio.sleep(0)
        assert carrier._transport is None
        assert transport.get_write_buffer_size() == 0


# --- crashes --------------------------------------------------------------------------------------------------------


async def test_work_that_is_kept_begins_anew_after_a_crash_and_ends_when_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nymconnect.runtime.tasks.AFTER_CRASH", 0.0)
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
    monkeypatch.setattr("nymconnect.runtime.tasks.AFTER_CRASH", 0.0)
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


def test_addresses_of_this_machine_are_known_as_its_own() -> None:
    assert is_own_address("127.0.0.1")
    assert is_own_address("127.1.2.3")
    here = address_towards("192.0.2.9")
    assert here is None or is_own_address(here)
    assert not is_own_address("198.51.100.9")
    assert not is_own_address("2001:db8::9")
    assert not is_own_address("not an address")


async def test_a_timer_that_is_closed_is_not_armed_again() -> None:
    woken: list[str] = []
    waker = Waker(lambda: 0.0 if not woken else None, lambda: woken.append("woken"))
    waker.arm()
    waker.close()
    waker.arm()
    for _ in range(5):
        await asyncio.sleep(0)
    assert woken == []
