"""Every page in every state: nothing blank, nothing cut off, everything named and reachable by keyboard."""

import contextlib
from collections.abc import Iterator
from itertools import product

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAccessible, QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from nymconnect.reasons import Words
from nymconnect_gui.app import Program
from nymconnect_gui.looks import painted_button
from nymconnect_gui.looks.theme import WIDTH
from nymconnect_gui.text import words
from nymconnect_gui.text.words import Problem
from nymconnect_gui.widgets.controls import Page
from nymconnect_gui.widgets.forms import Choice
from nymconnect_gui.window import PAGES
from nymconnect_proxy.session.alarms import PacketsDropped
from nymconnect_proxy.session.states import State
from tests.helpers.fake_session import GATEWAY, snapshot

LEAST = 24  # pixels: what a finger or an unsteady hand can hit
LONG_REASON = "the gateway answers with something that no gateway should ever say; trying another gateway"


def settle(app: QApplication) -> None:
    """Let layouts find their sizes."""
    for _ in range(4):
        app.processEvents()


def show(program: Program, app: QApplication, page: str, state: State) -> None:
    reason = LONG_REASON if state in (State.CONNECTING, State.FAILED, State.WAITING) else ""
    alarms = (PacketsDropped(("10.0.0.1",)),)
    program.window.show_page(page)
    program.window.show()
    program.bridge._take(snapshot(state, reason=Words(reason), alarms=alarms if state is State.CONNECTED else ()))
    settle(app)


def labels(top: QWidget) -> Iterator[QLabel]:
    for one in top.findChildren(QLabel):
        if one.isVisible() and one.text():
            yield one


def clipped(one: QLabel) -> bool:
    """Whether the text needs more room than it has."""
    metrics, room = QFontMetrics(one.font()), one.contentsRect()
    if not one.wordWrap():
        return metrics.horizontalAdvance(one.text()) > room.width() + 1 or metrics.height() > room.height() + 1
    flags = int(Qt.TextFlag.TextWordWrap) | int(one.alignment())
    needed = metrics.boundingRect(QRect(0, 0, room.width(), 100_000), flags, one.text())
    return needed.height() > room.height() + 1 or needed.width() > room.width() + 1


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize(
    ("page", "state"),
    [*product(["home"], State), *product((spec.key for spec in PAGES if spec.key != "home"), [State.CONNECTED])],
)
def test_no_text_is_cut_off(program: Program, qapp: QApplication, page: str, state: State, scale: float) -> None:
    program.theme.choose("dark", text_scale=scale)
    program.window.resize(program.theme.px(WIDTH), 900)
    show(program, qapp, page, state)
    assert [one.text() for one in labels(program.window) if clipped(one)] == []


@pytest.mark.parametrize("page", [spec.key for spec in PAGES])
def test_a_page_never_needs_more_than_the_width_of_the_window(program: Program, qapp: QApplication, page: str) -> None:
    for scale in (1.0, 2.0):
        program.theme.choose("light", text_scale=scale)
        program.window.resize(program.theme.px(WIDTH), program.theme.px(700))
        show(program, qapp, page, State.CONNECTED)
        made = program.window.page(page)
        if isinstance(made, Page):
            assert made.widget().minimumSizeHint().width() <= made.viewport().width()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("page", [spec.key for spec in PAGES])
def test_pages_are_not_blank(program: Program, qapp: QApplication, page: str, theme: str) -> None:
    program.theme.choose(theme)
    show(program, qapp, page, State.CONNECTED)
    picture = program.window.page(page).grab().toImage()
    colors = {
        picture.pixelColor(x, y).name() for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)
    }
    assert len(colors) > 8


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_chip_keeps_its_text_whole_when_it_is_chosen(program: Program, qapp: QApplication, scale: float) -> None:
    program.theme.choose("light", text_scale=scale)
    choice = Choice(program.theme, "Colours", {name: name for name in ("Automatic", "Wavelength", "iii")})
    choice.resize(program.theme.px(WIDTH), program.theme.px(200))
    choice.show()
    for name, chip in choice.buttons.items():
        choice.set_current(name)
        settle(qapp)
        bold = QFont(chip.font())
        bold.setWeight(QFont.Weight.Bold)
        border_and_padding = 2 * program.theme.px(10)
        assert QFontMetrics(bold).horizontalAdvance(name) <= chip.width() - border_and_padding
    choice.deleteLater()


@pytest.mark.parametrize("page", [spec.key for spec in PAGES])
def test_what_takes_the_keyboard_has_a_name_and_a_size(program: Program, qapp: QApplication, page: str) -> None:
    show(program, qapp, page, State.CONNECTED)
    nameless, small = [], []
    for widget in program.window.findChildren(QWidget):
        if not widget.isVisible() or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if not interface.text(QAccessible.Text.Name):
            nameless.append(repr(widget))
        if min(widget.width(), widget.height()) < LEAST:
            small.append(f"{widget!r} {widget.size()}")
    assert nameless == []
    assert small == []


@pytest.mark.parametrize("page", [spec.key for spec in PAGES])
def test_the_keyboard_reaches_every_button(program: Program, qapp: QApplication, page: str) -> None:
    show(program, qapp, page, State.CONNECTED)
    program.window.activateWindow()
    wanted = {
        one
        for one in program.window.findChildren(QAbstractButton)
        if one.isVisible() and one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus
    }
    reached: set[QWidget] = set()
    at: QWidget = program.window
    for _ in range(500):
        at = at.nextInFocusChain()
        reached.add(at)
    assert wanted <= reached


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
@pytest.mark.parametrize("page", [spec.key for spec in PAGES])
def test_enter_and_space_press_the_button_that_has_the_keyboard(
    program: Program, qapp: QApplication, page: str, key: Qt.Key
) -> None:
    show(program, qapp, page, State.CONNECTED)
    made = program.window.page(page)
    buttons = [one for one in made.findChildren(QAbstractButton) if one.isVisible() and one.isEnabled()]
    for one in buttons:
        pressed: list[None] = []
        with contextlib.suppress(RuntimeError, RuntimeWarning):  # some have nothing to do
            one.clicked.disconnect()
        one.clicked.connect(lambda *_, pressed=pressed: pressed.append(None))
        one.setFocus()
        QTest.keyClick(one, key)
        assert pressed == [None], one


def test_the_ring_is_a_button_to_a_screen_reader(program: Program, qapp: QApplication) -> None:
    show(program, qapp, "home", State.CONNECTED)
    ring = program.window.page("home").ring  # type: ignore[attr-defined]
    interface = QAccessible.queryAccessibleInterface(ring)
    assert interface.role() in (QAccessible.Role.Button, QAccessible.Role.PushButton)
    assert interface.text(QAccessible.Text.Name) == "Disconnect (now: Connected)"


def test_right_to_left_turns_everything_around(program: Program, qapp: QApplication) -> None:
    show(program, qapp, "home", State.CONNECTED)
    home = program.window.page("home")
    host, set_up = home.host, home.set_up  # type: ignore[attr-defined]
    assert host.x() < set_up.x() or host.y() < set_up.y()
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        settle(qapp)
        assert host.x() > host.parentWidget().width() - host.geometry().right() - 1
        assert home.grab().toImage() != home.grab().toImage().flipped(Qt.Orientation.Horizontal)
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_a_switch_is_a_checkbox_with_two_shapes(program: Program, qapp: QApplication) -> None:
    switch = painted_button.Switch(program.theme, "Start at login")
    interface = QAccessible.queryAccessibleInterface(switch)
    assert interface.text(QAccessible.Text.Name) == "Start at login"
    assert interface.state().checkable
    off = switch.grab().toImage()
    switch.click()
    assert switch.isChecked()
    assert switch.grab().toImage() != off


def test_details_and_a_busy_port_fit_as_well(program: Program, qapp: QApplication) -> None:
    show(program, qapp, "home", State.CONNECTED)
    home = program.window.page("home")
    home.more.click()  # type: ignore[attr-defined]
    settle(qapp)
    assert [one.text() for one in labels(home) if clipped(one)] == []
    program.bridge._problem = Problem(Words("cannot listen"), program.bridge.settings.socks)
    program.bridge._take(snapshot(State.DISCONNECTED, gateway=GATEWAY))
    settle(qapp)
    assert home.state.text() == words.word(words.Mood.FAILED)  # type: ignore[attr-defined]
    assert [one.text() for one in labels(home) if clipped(one)] == []
