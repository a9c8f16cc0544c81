"""The bridge: one truth for window, tray and notifications."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from nymconnect.errors import UserError
from nymconnect.system_reasons import CannotListen
from nymconnect_gui.model.session_controller import Bridge, idle_status, with_port
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.config import Settings
from tests.helpers.fake_session import FakeSessions, counters, port_in_use


async def settle() -> None:
    """Let the bridge's tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


def record(signal: Any) -> list[Any]:
    seen: list[Any] = []
    signal.connect(seen.append)
    return seen


def test_an_idle_status_says_where_the_proxy_would_be(settings: Settings) -> None:
    status = idle_status(settings)
    assert status.state is State.DISCONNECTED
    assert (status.socks, status.network) == (settings.socks, settings.network)


async def test_toggle_connects_and_disconnects(bridge: Bridge, sessions: FakeSessions) -> None:
    states = record(bridge.state_changed)
    bridge.toggle()
    await settle()
    sessions.last.become(State.CONNECTED)
    assert bridge.connected_for is not None
    bridge.toggle()
    await settle()
    assert [status.state for status in states] == [
        State.CONNECTING,
        State.CONNECTED,
        State.DISCONNECTING,
        State.DISCONNECTED,
    ]
    assert sessions.last.calls == ["connect", "disconnect"]
    assert bridge.connected_for is None


async def test_two_presses_in_a_row_make_one_session(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.connect_now()
    bridge.connect_now()
    await settle()
    assert len(sessions.made) == 1


async def test_toggle_cancels_an_attempt(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.toggle()
    await settle()
    assert bridge.status.state is State.CONNECTING
    bridge.toggle()
    await settle()
    assert bridge.status.state is State.DISCONNECTED


async def test_the_first_press_is_answered_before_anything_is_loaded(bridge: Bridge, sessions: FakeSessions) -> None:
    states = record(bridge.state_changed)
    sessions.loaded = asyncio.Event()
    bridge.toggle()
    await settle()
    assert bridge.status.state is State.CONNECTING
    assert sessions.made == []
    sessions.loaded.set()
    await settle()
    assert sessions.last.calls == ["connect"]
    assert [status.state for status in states] == [State.CONNECTING]


async def test_what_cannot_be_loaded_is_a_defect_and_leaves_nothing_connecting(
    bridge: Bridge, sessions: FakeSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: FakeSessions) -> None:
        raise ImportError("no such module")

    sessions.loaded = asyncio.Event()
    monkeypatch.setattr(FakeSessions, "prepare", fail)
    bridge.toggle()
    await settle()
    assert bridge.status.state is State.DISCONNECTED
    assert bridge.problem is not None
    assert "no such module" in str(bridge.problem.reason)


async def test_trying_again_keeps_the_port_of_the_session_that_failed(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.toggle()
    await settle()
    sessions.last.become(State.FAILED)
    bridge.toggle()
    await settle()
    assert sessions.last.calls == ["connect", "connect"]
    assert len(sessions.made) == 1


async def test_trying_again_with_other_settings_makes_another_session(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.toggle()
    await settle()
    sessions.last.become(State.FAILED)
    bridge.change(with_port(bridge.settings, 4321))
    bridge.toggle()
    await settle()
    assert [session.calls for session in sessions.made] == [["connect", "disconnect"], ["connect"]]
    assert bridge.status.socks.port == 4321


async def test_a_port_in_use_is_a_problem_with_an_address(bridge: Bridge, sessions: FakeSessions) -> None:
    sessions.refusal = port_in_use()
    bridge.toggle()
    await settle()
    assert bridge.problem is not None
    assert bridge.problem.busy == bridge.settings.socks
    assert bridge.status.state is State.DISCONNECTED


async def test_another_port_in_use_is_not_taken_for_that_of_the_proxy(bridge: Bridge, sessions: FakeSessions) -> None:
    taken = port_in_use().reason
    assert isinstance(taken, CannotListen)
    sessions.refusal = UserError(replace(taken, port=8332))
    bridge.toggle()
    await settle()
    assert bridge.problem is not None
    assert bridge.problem.busy is None


async def test_another_refusal_is_a_problem_without_one_and_ends_with_the_next_attempt(
    bridge: Bridge, sessions: FakeSessions
) -> None:
    sessions.refusal = UserError("the files cannot be read")
    bridge.toggle()
    await settle()
    assert bridge.problem is not None
    assert bridge.problem.busy is None
    sessions.refusal = None
    bridge.toggle()
    await settle()
    assert bridge.problem is None
    assert bridge.status.state is State.CONNECTING


async def test_a_defect_of_ours_is_said_and_logged(
    bridge: Bridge, sessions: FakeSessions, caplog: pytest.LogCaptureFixture
) -> None:
    sessions.refusal = ZeroDivisionError("oh")
    bridge.toggle()
    await settle()
    assert bridge.problem is not None
    assert "internal error" in str(bridge.problem.reason)
    assert "ZeroDivisionError" in caplog.text


async def test_settings_count_from_the_next_connection_on(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.toggle()
    await settle()
    bridge.change(replace(bridge.settings, preset="high"))
    assert bridge.needs_reconnect
    assert sessions.last.settings.preset == "automatic"
    bridge.reconnect()
    await settle()
    assert sessions.last.settings.preset == "high"
    assert not bridge.needs_reconnect


def test_settings_of_an_idle_program_show_at_once(bridge: Bridge) -> None:
    seen = record(bridge.settings_changed)
    bridge.change(with_port(bridge.settings, 4321))
    assert bridge.status.socks.port == 4321
    assert seen == [bridge.settings]
    assert not bridge.needs_reconnect


def test_it_looks_only_while_somebody_watches(bridge: Bridge, qtbot: QtBot) -> None:
    timer = bridge._timer
    assert not timer.isActive()
    bridge.watch("window", True)
    bridge.watch("tray", True)
    bridge.watch("window", False)
    assert timer.isActive()
    assert timer.interval() == 1000
    bridge.watch("tray", False)
    assert not timer.isActive()


async def test_looking_tells_of_new_numbers_but_of_no_change_of_state(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.toggle()
    await settle()
    sessions.last.become(State.CONNECTED)
    states, snapshots = record(bridge.state_changed), record(bridge.status_changed)
    sessions.last._status = replace(sessions.last._status, loss=0.5, counters=counters(101))
    bridge.look()
    assert states == []
    assert [status.loss for status in snapshots] == [0.5]
    assert isinstance(snapshots[0], Status)


async def test_closing_disconnects(bridge: Bridge, sessions: FakeSessions) -> None:
    bridge.watch("window", True)
    bridge.toggle()
    await settle()
    await bridge.close()
    assert sessions.last.calls == ["connect", "disconnect"]
    assert not bridge._timer.isActive()
