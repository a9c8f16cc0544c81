"""Diagnostics: health, log, report, about, guide."""

import asyncio
import errno
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from nymconnect import __version__
from nymconnect.reasons import Words
from nymconnect_gui.app import Program
from nymconnect_gui.model import logs
from nymconnect_gui.pages.diagnostics.about import PARTS, installed
from nymconnect_gui.pages.diagnostics.overview import health
from nymconnect_proxy.commands.nonblocking_output import LogOutlet
from nymconnect_proxy.diagnostics.log_ring import MAX_LINES
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from tests.helpers.fake_session import GATEWAY, FakeSessions, snapshot

Show = Callable[[str], Any]


@pytest.fixture
def logger(program: Program) -> Iterator[logging.Logger]:
    made = logging.getLogger("nymconnect.test")
    made.setLevel(logging.DEBUG)
    made.addHandler(program.context.log)
    yield made
    made.removeHandler(program.context.log)


# --- health -----------------------------------------------------------------------------------------------------


def test_health_says_what_was_measured_and_only_that() -> None:
    assert "Nothing" in health(snapshot(State.DISCONNECTED))[0]
    assert health(snapshot(State.CONNECTED, loss=0.001, delay=0.02)) == (
        "It works well.",
        "0.1 % of the packets to itself were lost; the others took 20 ms longer than planned.",
    )
    assert "lost" in health(snapshot(State.CONNECTED, loss=0.2, delay=0.02))[0]
    assert "drops" in health(snapshot(State.CONNECTED, loss=0.2, delay=0.02, dropping=True))[0]


def test_every_row_leads_somewhere(page: Show, program: Program) -> None:
    for key, row in page("diagnostics").rows.items():
        row.click()
        assert program.window.current == key
        program.window.header.back.click()
        assert program.window.current == "diagnostics"


# --- log --------------------------------------------------------------------------------------------------------


def test_new_lines_come_while_it_is_seen(page: Show, logger: logging.Logger, qtbot: QtBot) -> None:
    shown = page("diagnostics-log")
    logger.info("the first")
    qtbot.waitUntil(lambda: "the first" in shown.text.toPlainText(), timeout=10_000)
    page("home")
    assert not shown._timer.isActive()


def test_levels_and_search_choose_the_lines(page: Show, logger: logging.Logger) -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "a line of %s", logging.getLevelName(level))
    shown = page("diagnostics-log")
    counts = {"debug": 4, "info": 3, "warning": 2, "error": 1}
    for key, count in counts.items():
        shown.level.buttons[key].click()
        assert len(shown.text.toPlainText().splitlines()) == count
    shown.level.buttons["debug"].click()
    shown.search.setText("WARN")
    assert len(shown.text.toPlainText().splitlines()) == 1
    shown.search.setText("nothing like it")
    assert shown.text.toPlainText() == ""


def test_the_view_is_bounded(page: Show, logger: logging.Logger) -> None:
    for number in range(MAX_LINES + 100):
        logger.info("line %d", number)
    shown = page("diagnostics-log")
    assert shown.text.blockCount() <= MAX_LINES
    assert f"line {MAX_LINES + 99}" in shown.text.toPlainText()


def test_clear_forgets(page: Show, logger: logging.Logger, program: Program) -> None:
    logger.error("gone soon")
    shown = page("diagnostics-log")
    shown.clear()
    assert shown.text.toPlainText() == ""
    assert program.context.log.after() == []


def test_what_is_recorded_is_a_setting_and_debug_is_warned_of(page: Show, program: Program) -> None:
    shown = page("diagnostics-log")
    assert not shown.warning.isVisible()
    shown.recorded.buttons["debug"].click()
    assert program.bridge.settings.log_level == "debug"
    assert not program.bridge.needs_reconnect
    assert shown.warning.isVisible()


def test_recording_a_level_keeps_the_terminal_and_loud_libraries_quiet() -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers), {name: logging.getLogger(name).level for name in logs.LOUD_LIBRARIES}
    terminal = LogOutlet(sys.stderr)
    root.handlers = [terminal]
    try:
        logs.record("info")
        assert root.level == logging.INFO
        assert terminal.level == logging.WARNING
        assert logging.getLogger("aiohttp").level == logging.ERROR
        logs.record("debug")
        assert logging.getLogger("aiohttp").level == logging.DEBUG
    finally:
        root.setLevel(before[0])
        root.handlers = before[1]
        for name, level in before[2].items():
            logging.getLogger(name).setLevel(level)


# --- report and saving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(gateway=GATEWAY)])
def test_the_report_is_shown_whole_and_holds_no_secret(
    page: Show, program: Program, logger: logging.Logger, tmp_path: Path
) -> None:
    logger.error("no answer from %s at 203.0.113.5:9000", GATEWAY)
    shown = page("diagnostics-report")
    text = shown.text.toPlainText()
    assert __version__ in text
    assert "no answer from" in text
    assert GATEWAY not in text
    assert "203.0.113.5" not in text
    shown.copy()
    assert QGuiApplication.clipboard().text() == text
    shown.save(tmp_path / "report.txt")
    assert (tmp_path / "report.txt").read_text() == text + "\n"
    assert stat.S_IMODE((tmp_path / "report.txt").stat().st_mode) == 0o600
    assert "report.txt" in program.window.notice.text.text()


def test_a_report_that_cannot_be_saved_is_one_sentence(
    page: Show, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    page("diagnostics-report").save(tmp_path / "report.txt")
    assert program.window.notice.text.text() == "The disk is full. Make room, then try again."
    assert not (tmp_path / "report.txt").exists()


def test_the_question_where_to_save_is_opened_once_and_never_blocks(page: Show, qtbot: QtBot, tmp_path: Path) -> None:
    shown = page("diagnostics-report")
    shown.ask_where()
    dialog = shown.dialog
    assert dialog is not None
    shown.ask_where()
    assert shown.dialog is dialog
    dialog.fileSelected.emit(str(tmp_path / "chosen.txt"))
    dialog.reject()
    assert (tmp_path / "chosen.txt").exists()
    assert shown.dialog is None


def test_the_report_tells_what_has_happened(page: Show, program: Program) -> None:
    program.bridge._take(snapshot(State.CONNECTING, reason=Words("asking the directory")))
    program.bridge._take(snapshot(State.FAILED))
    program.bridge._take(snapshot(State.DISCONNECTED))
    text = page("diagnostics-report").text.toPlainText()
    assert text.index("connecting: asking") < text.index("failed: no gateway answers")


# --- about and guide --------------------------------------------------------------------------------------------


def test_every_part_that_is_named_is_installed_and_has_a_licence(page: Show) -> None:
    page("diagnostics-about")
    assert all(installed(name) and licence for name, licence in PARTS)
    assert installed("no-such-library") == ""


async def test_the_guide_has_three_pages_and_ends_with_connecting(
    page: Show, program: Program, sessions: FakeSessions
) -> None:
    guide = page("diagnostics-guide")
    assert guide.slides.count() == 3
    guide.next.click()
    guide.back.click()
    assert guide.slides.currentIndex() == 0
    for _ in range(2):
        guide.next.click()
    assert not program.store.values.guide_seen
    assert guide.next.text() == "Connect"
    guide.next.click()
    assert program.store.values.guide_seen
    assert program.window.current == "home"
    assert guide.slides.currentIndex() == 0
    for _ in range(3):
        await asyncio.sleep(0)
    assert sessions.last.calls == ["connect"]


async def test_the_guide_does_not_disturb_a_session_that_runs(
    page: Show, program: Program, sessions: FakeSessions
) -> None:
    program.bridge.connect_now()
    for _ in range(3):
        await asyncio.sleep(0)
    guide = page("diagnostics-guide")
    for _ in range(2):
        guide.next.click()
    assert guide.next.text() == "Done"
    guide.next.click()
    assert sessions.last.calls == ["connect"]
    assert program.window.current == "home"


@pytest.mark.parametrize("way_out", ["skip", "another page"])
def test_the_guide_comes_once_however_it_is_left(way_out: str, page: Show, program: Program) -> None:
    guide = page("diagnostics-guide")
    assert guide.back.text() == "Skip"
    if way_out == "skip":
        guide.back.click()
        assert program.window.current == "home"
    else:
        program.window.show_page("settings")
    assert program.store.values.guide_seen


def test_closing_the_window_is_no_way_out_of_the_guide(page: Show, program: Program) -> None:
    page("diagnostics-guide")
    program.window.hide()
    assert not program.store.values.guide_seen
