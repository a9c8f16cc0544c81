"""Leaving the mixnet while the window is in the tray and nothing uses the proxy, if that is wanted."""

import asyncio
from collections.abc import Callable

import pytest

from nymconnect_gui.app import Program
from nymconnect_gui.model import idle_disconnect as module
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from tests.helpers.fake_session import FakeSessions


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(module, "clock", lambda: time[0])
    return time


async def connected(program: Program, sessions: FakeSessions) -> None:
    program.bridge.connect_now()
    await until(lambda: bool(sessions.made))
    sessions.last.become(State.CONNECTED)


async def test_after_a_quiet_while_in_the_tray_the_session_is_one_on_demand(
    program: Program, sessions: FakeSessions, now: list[float]
) -> None:
    program.store.change(keep_cover=False)
    await connected(program, sessions)
    program.resting.look()
    now[0] = 299.0
    program.resting.look()
    assert len(sessions.made) == 1
    now[0] = 301.0
    program.resting.look()
    await until(lambda: len(sessions.made) == 2)
    assert sessions.last.settings.on_demand
    assert not program.bridge.settings.on_demand
    assert not program.bridge.needs_reconnect
    program.resting.look()
    await program.bridge.close()


@pytest.mark.parametrize("what", ["window", "stream", "bytes", "connecting"])
async def test_whatever_is_in_use_does_not_rest(
    what: str, program: Program, sessions: FakeSessions, now: list[float]
) -> None:
    program.store.change(keep_cover=False)
    await connected(program, sessions)
    if what == "window":
        program.window.show()
    for step in range(5):
        now[0] += 200.0
        if what == "stream":
            sessions.last.become(State.CONNECTED, streams=1)
        elif what == "bytes":
            sessions.last.become(State.CONNECTED, bytes_down=step + 1)
        elif what == "connecting":
            sessions.last.become(State.CONNECTING)
        program.resting.look()
        await asyncio.sleep(0)
    assert len(sessions.made) == 1
    await program.bridge.close()


async def test_with_cover_nobody_looks(program: Program) -> None:
    assert not program.resting._timer.isActive()
    program.store.change(keep_cover=False)
    assert program.resting._timer.isActive()
    program.store.change(keep_cover=True)
    assert not program.resting._timer.isActive()


@pytest.mark.parametrize("settings", [Settings(on_demand=True)])
async def test_a_session_on_demand_rests_by_itself(program: Program, sessions: FakeSessions, now: list[float]) -> None:
    program.store.change(keep_cover=False)
    await connected(program, sessions)
    for _ in range(4):
        now[0] += 200.0
        program.resting.look()
        await asyncio.sleep(0)
    assert len(sessions.made) == 1
    await program.bridge.close()


async def test_the_next_press_on_connect_makes_an_ordinary_session(program: Program, sessions: FakeSessions) -> None:
    await connected(program, sessions)
    program.bridge.rest()
    await until(lambda: len(sessions.made) == 2)
    program.bridge.disconnect_now()
    await until(lambda: program.bridge.status.state is State.DISCONNECTED)
    program.bridge.connect_now()
    await until(lambda: len(sessions.made) == 3)
    assert not sessions.last.settings.on_demand
    await program.bridge.close()
