"""The tray: it does all that the window does, says what matters, and comes and goes with the desktop's."""

import asyncio
import re
from typing import Any

import pytest
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from nymconnect.client.presets import PRESETS
from nymconnect.reasons import Words
from nymconnect_gui.app import Program
from nymconnect_gui.model.session_controller import clock
from nymconnect_gui.text import words
from nymconnect_gui.text.words import Mood
from nymconnect_gui.tray import tooltip, tray_icon
from nymconnect_proxy.session.alarms import PacketsDropped
from nymconnect_proxy.session.states import State
from tests.helpers.fake_session import FakeSessions, snapshot
from tests.helpers.panel import put_tray


def notifications(program: Program) -> list[str]:
    seen: list[str] = []
    program.tray.notifier.notify.connect(lambda title, text, warn: seen.append(title))
    return seen


async def connect(program: Program, sessions: FakeSessions) -> None:
    program.tray.toggle.trigger()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sessions.last.become(State.CONNECTED)


def test_without_a_tray_there_is_no_icon_and_with_one_there_is(program: Program) -> None:
    assert program.tray.icon is None
    assert not program.tray.is_available
    put_tray(program)
    assert program.tray.is_available
    assert program.tray.icon is not None
    assert program.tray.icon.isVisible()


def test_a_tray_that_goes_brings_a_hidden_window_back(program: Program) -> None:
    put_tray(program)
    program.start(hidden=True)
    assert not program.window.isVisible()
    put_tray(program, False)
    assert not program.tray.is_available
    assert program.window.isVisible()
    put_tray(program)
    assert program.tray.is_available


def test_hidden_without_a_tray_the_window_shows_all_the_same(program: Program) -> None:
    program.start(hidden=True)
    assert program.window.isVisible()


def test_the_window_says_that_there_is_no_tray(program: Program) -> None:
    program.start()
    assert program.window.has_tray_hint
    put_tray(program)
    assert not program.window.has_tray_hint


async def test_toggle_and_the_line_of_the_state(program: Program, sessions: FakeSessions) -> None:
    tray = program.tray
    assert (tray.toggle.text(), tray.state.text()) == ("Connect", "Disconnected · Practice network")
    await connect(program, sessions)
    assert (tray.toggle.text(), tray.state.text()) == ("Disconnect", "Connected · Practice network")
    tray.toggle.trigger()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sessions.last.calls == ["connect", "disconnect"]
    assert tray.toggle.text() == "Connect"


def test_toggle_waits_for_the_end(program: Program) -> None:
    program.bridge._take(snapshot(State.DISCONNECTING))
    assert not program.tray.toggle.isEnabled()
    program.bridge._take(snapshot(State.DISCONNECTED))
    assert program.tray.toggle.isEnabled()


def test_the_address_is_copied_with_its_scheme(program: Program) -> None:
    program.tray.copy.trigger()
    assert QGuiApplication.clipboard().text() == "socks5h://127.0.0.1:1080"


def test_show_window_brings_it_back_even_minimised(program: Program) -> None:
    program.window.showMinimized()
    program.tray.show_action.trigger()
    assert program.window.isVisible()
    assert not program.window.isMinimized()


def test_a_click_on_the_icon_shows_the_window(program: Program) -> None:
    put_tray(program)
    assert program.tray.icon is not None
    program.tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert program.window.isVisible()


def test_presets_are_chosen_and_remembered(program: Program) -> None:
    actions: dict[Any, QAction] = {action.data(): action for action in program.tray.choices.actions()}
    assert set(actions) == {"automatic", *PRESETS}
    assert actions["automatic"].isChecked()
    actions["high"].trigger()
    assert program.bridge.settings.preset == "high"
    assert program.context.directories is not None
    assert "high" in program.context.directories.settings.read_text()
    assert [name for name, action in actions.items() if action.isChecked()] == ["high"]


async def test_a_preset_chosen_while_connected_says_when_it_counts(program: Program, sessions: FakeSessions) -> None:
    await connect(program, sessions)
    next(action for action in program.tray.choices.actions() if action.data() == "high").trigger()
    assert "next connection" in program.tray.presets.title()
    program.tray.toggle.trigger()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert program.tray.presets.title() == "Preset"


async def test_quit_disconnects_first(program: Program, sessions: FakeSessions) -> None:
    await connect(program, sessions)
    running = asyncio.ensure_future(program.run())
    await asyncio.sleep(0)
    program.tray.quit.trigger()
    await running
    assert sessions.last.calls == ["connect", "disconnect"]


@pytest.mark.parametrize("mood", Mood)
def test_each_state_has_an_icon_of_its_own(qapp: QApplication, mood: Mood) -> None:
    others = [tray_icon(other).pixmap(22).toImage() for other in Mood if other is not mood]
    mine = tray_icon(mood).pixmap(22).toImage()
    assert not mine.isNull()
    assert all(mine != other for other in others)


def test_the_tooltip_says_state_address_and_gateway() -> None:
    status = snapshot(State.CONNECTED)
    lines = tooltip(status, words.mood_of(status)).splitlines()
    assert lines[0] == "NymConnect: Connected"
    assert "127.0.0.1:1080" in lines[1]
    assert lines[2].startswith("Gateway ")
    assert tooltip(snapshot(State.DISCONNECTED), Mood.OFF) == "NymConnect: Disconnected"


async def test_the_tooltip_says_since_when_it_works_and_does_not_jitter(
    program: Program, sessions: FakeSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tray(program)
    await connect(program, sessions)
    assert program.tray.icon is not None
    tip = program.tray.icon.toolTip()
    assert re.search(r"\nSince \d+:\d\d", tip)
    monkeypatch.setattr("nymconnect_gui.tray.clock", lambda: clock() + 59.0)
    program.bridge.look()
    assert program.tray.icon.toolTip() == tip
    sessions.last.become(State.CONNECTING)
    assert "Since" not in program.tray.icon.toolTip()


def test_nothing_is_told_twice_to_the_desktop(program: Program) -> None:
    put_tray(program)
    changes: list[None] = []
    program.tray.toggle.changed.connect(lambda: changes.append(None))
    program.tray.presets.menuAction().changed.connect(lambda: changes.append(None))
    for _ in range(3):
        program.tray.refresh()
    assert changes == []


# --- notifications ------------------------------------------------------------------------------------------------


def test_a_connection_a_loss_a_failure_and_an_alarm_are_told(program: Program) -> None:
    told = notifications(program)
    for status in (
        snapshot(State.CONNECTING),
        snapshot(State.CONNECTED),
        snapshot(State.CONNECTED, alarms=(PacketsDropped(),)),
        snapshot(State.CONNECTED, alarms=(PacketsDropped(("10.0.0.1:1789",)),), reason=Words("again")),
        snapshot(State.CONNECTING, reason=Words("the gateway is gone")),
        snapshot(State.FAILED),
    ):
        program.bridge._take(status)
    assert told == ["Connected", "Warning", "Connection lost", "Failed"]


def test_nothing_is_told_of_what_the_user_did(program: Program) -> None:
    told = notifications(program)
    for state in (State.CONNECTING, State.DISCONNECTING, State.DISCONNECTED):
        program.bridge._take(snapshot(state))
    assert told == []


def test_notifications_can_be_switched_off(program: Program) -> None:
    program.store.change(notify_connected=False, notify_lost=False, notify_alarm=False)
    told = notifications(program)
    for status in (
        snapshot(State.CONNECTED),
        snapshot(State.CONNECTED, alarms=(PacketsDropped(),)),
        snapshot(State.FAILED),
    ):
        program.bridge._take(status)
    assert told == []


def test_nobody_is_told_who_looks_at_the_window(program: Program, monkeypatch: Any) -> None:
    told = notifications(program)
    program.window.show()
    monkeypatch.setattr(QApplication, "activeWindow", lambda: program.window)
    program.bridge._take(snapshot(State.CONNECTED))
    assert told == []
