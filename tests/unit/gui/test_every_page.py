"""What holds for every page: names for screen readers, the keyboard, languages, both directions, large text."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QWidget,
)

from nymconnect_gui.app import Program
from nymconnect_gui.looks.painted_button import Painted, Switch
from nymconnect_gui.model.session_controller import Bridge
from nymconnect_gui.text.i18n import install
from nymconnect_gui.widgets.forms import RowButton
from nymconnect_gui.window import PAGES
from nymconnect_proxy.diagnostics.checkup import Finding, Result, Stage
from nymconnect_proxy.session.alarms import PacketsDropped
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import NamedNetwork
from tests.helpers.fake_session import snapshot
from tests.helpers.four_gateways import GATEWAYS

KEYS = [spec.key for spec in PAGES] + ["apps:electrum", "apps:git", "settings-network:own", "settings-exits:own"]
KEYS += ["settings-exits:mainnet", "settings-gateways:list"]
ROUNDING = 2  # pixels
SCROLL_BAR = 24


@pytest.fixture
def spoken(qapp: QApplication) -> Iterator[Callable[[str], None]]:
    """Choose a language; English comes back."""
    yield lambda code: install(qapp, code)
    install(qapp, "en")


@pytest.fixture
def direction(qapp: QApplication) -> Iterator[Callable[[Qt.LayoutDirection], None]]:
    yield qapp.setLayoutDirection
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def show(program: Program, key: str) -> QWidget:
    """The page with that key, in a state where it has much to show."""
    key, _, more = key.partition(":")
    program.bridge._take(snapshot(State.CONNECTED, alarms=(PacketsDropped(),)))
    program.window.show()
    program.window.activateWindow()
    QTest.qWaitForWindowActive(program.window)
    program.window.show_page(key)
    page: Any = program.window.page(key)
    if key == "apps" and more:
        page.open(more)
        fill(page.checkup)
    elif key == "diagnostics":
        fill(page.checkup)
    elif key == "settings-network" and more:
        page.network.buttons["own"].click()
        QTest.keyClicks(page.url.edit, "nonsense")
    elif key == "settings-gateways" and more:
        program.bridge._gateways = {NamedNetwork.MAINNET: GATEWAYS}
        program.bridge.change(Settings(network=NamedNetwork.MAINNET, gateway=GATEWAYS[0].identity))
    elif more == "mainnet":
        program.bridge.change(Settings(network=NamedNetwork.MAINNET))
        QTest.keyClicks(page.gateway_country.edit, "nowhere")
    elif key == "settings-exits" and more:
        page.gateway.buttons["own"].click()
        page.exits.buttons["own"].click()
        QTest.keyClicks(page.addresses.edit, "nobody")
    settle()
    return program.window


def fill(checkup: Any) -> None:
    checkup._clear()
    for stage in Stage:
        checkup.show_result(Result(stage, Finding.TARGET_SILENT, 1.0, "a-server-with-a-long-name.example.org:50002"))


def settle() -> None:
    """Layouts take a few rounds."""
    for _ in range(5):
        QApplication.processEvents()


def shown(window: QWidget, kind: type[QWidget]) -> list[Any]:
    return [widget for widget in window.findChildren(kind) if widget.isVisible()]


def name_of(widget: QWidget) -> str:
    interface: QAccessibleInterface | None = QAccessible.queryAccessibleInterface(widget)
    assert interface is not None
    return interface.text(QAccessible.Text.Name)


def takes_keys(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus.value) and widget.isEnabled()


# --- screen readers and keyboard --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_everything_that_takes_the_keyboard_has_a_name(key: str, program: Program) -> None:
    window = show(program, key)
    found = [widget for widget in shown(window, QWidget) if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus]
    assert found
    nameless = [widget for widget in found if not name_of(widget).strip()]
    assert nameless == []


@pytest.mark.parametrize("key", KEYS)
def test_no_two_fields_or_switches_have_the_same_name(key: str, program: Program) -> None:
    window = show(program, key)
    names = [name_of(widget) for kind in (QLineEdit, Switch) for widget in shown(window, kind)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", KEYS)
def test_every_control_is_reached_with_the_tab_key_and_none_keeps_it(key: str, program: Program) -> None:
    window = show(program, key)
    wanted = {
        widget
        for kind in (QAbstractButton, QLineEdit, QPlainTextEdit)
        for widget in shown(window, kind)
        if takes_keys(widget) and not isinstance(widget.parent(), QLineEdit)
    }
    assert wanted
    reached: set[QWidget] = set()
    for _ in range(3 * len(wanted) + 20):
        focused = QApplication.focusWidget()
        if focused is not None:
            reached.add(focused)
        QTest.keyClick(focused or window, Qt.Key.Key_Tab)
    # Of chips that exclude each other, the keyboard stops at one, and arrows go on.
    missed = {widget for widget in wanted - reached if not _is_beside_a_reached_one(widget, reached)}
    assert missed == set()


def _is_beside_a_reached_one(widget: QWidget, reached: set[QWidget]) -> bool:
    if not isinstance(widget, QAbstractButton):
        return False
    group = widget.group()
    beside = group.buttons() if group is not None else []
    if widget.autoExclusive() and widget.parentWidget() is not None:
        beside = [one for one in widget.parentWidget().findChildren(QAbstractButton) if one.autoExclusive()]
    return any(one in reached for one in beside)


def test_chips_are_chosen_with_the_arrow_keys(program: Program) -> None:
    show(program, "settings")
    preset: Any = program.window.page("settings")
    first = preset.preset.buttons["automatic"]
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Right)
    assert program.bridge.settings.preset == "balanced"


@pytest.mark.parametrize("key", [spec.key for spec in PAGES if not spec.in_bar])
def test_escape_goes_back(key: str, program: Program) -> None:
    window: Any = show(program, key)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.current == next(spec.parent for spec in PAGES if spec.key == key)


class Windows(QObject):
    """Notes every window that opens."""

    def __init__(self, app: QApplication) -> None:
        super().__init__()
        self.opened: list[QWidget] = []
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 -- Qt's name
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.opened.append(watched)
        return False


@pytest.mark.parametrize("key", KEYS)
def test_no_part_of_a_page_opens_as_a_window_of_its_own(
    key: str, program: Program, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows(qapp)
    monkeypatch.setattr(Bridge, "needs_reconnect", property(lambda _: True))
    show(program, key)
    qapp.removeEventFilter(windows)
    assert windows.opened == [program.window]


# --- nothing is cut off -----------------------------------------------------------------------------------------


def cut(window: QWidget) -> list[str]:
    """Texts that do not fit into their widgets, and widgets that reach out of their pages sideways."""
    found = []
    for text in shown(window, QLabel):
        if not text.text() or text.pixmap().width():
            continue
        needed = text.heightForWidth(text.width()) if text.wordWrap() else text.sizeHint().height()
        if needed > text.height() + ROUNDING:
            found.append(f"too low: {text.text()}")
        if not text.wordWrap() and text.sizeHint().width() > text.width() + ROUNDING:
            found.append(f"too narrow: {text.text()}")
        if text.wordWrap() and _longest_word(text) > text.contentsRect().width() + ROUNDING:
            found.append(f"word too long: {text.text()}")
    for pressed in shown(window, QPushButton):
        if pressed.sizeHint().width() > pressed.width() + ROUNDING:
            found.append(f"too narrow: {pressed.text()}")
    for painted in shown(window, Painted):
        if painted.minimumSizeHint().width() > painted.width() + ROUNDING:
            found.append(f"too narrow: {painted.accessibleName()}")
    for area in shown(window, QScrollArea):
        if area.widget().width() > area.viewport().width():
            found.append(f"page too wide: {area.widget().width()} in {area.viewport().width()}")
    for widget in shown(window, QWidget):
        left = widget.mapTo(window, QPoint(0, 0)).x()
        if left < -ROUNDING or left + widget.width() > window.width() + ROUNDING:
            found.append(f"outside: {type(widget).__name__} {widget.accessibleName()}")
    return found


def _longest_word(text: QLabel) -> int:
    words = QLabel.text(text).replace("\u200b", " ").split()
    return max((text.fontMetrics().horizontalAdvance(word) for word in words), default=0)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("code", ["en", "de"])
def test_every_text_fits_on_every_page(
    code: str, scale: float, program: Program, spoken: Callable[[str], None]
) -> None:
    program.theme.choose("light", scale)
    try:
        spoken(code)
        program.window.rebuild()
        program.window.resize(program.window.minimumWidth(), program.window.minimumHeight())
        found = {key: cut(show(program, key)) for key in KEYS}
        assert {key: texts for key, texts in found.items() if texts} == {}
    finally:
        program.theme.choose("system", 1.0)


def test_from_right_to_left_everything_is_mirrored_and_fits(
    program: Program, direction: Callable[[Qt.LayoutDirection], None]
) -> None:
    wrong: dict[str, list[str]] = {}
    for key in KEYS:
        direction(Qt.LayoutDirection.LeftToRight)
        window = show(program, key)
        places = {one: one.mapTo(window, QPoint(0, 0)).x() for one in shown(window, QAbstractButton)}
        direction(Qt.LayoutDirection.RightToLeft)
        settle()
        wrong[key] = cut(window)
        for one, before in places.items():
            mirrored = window.width() - before - one.width()
            if one.isVisible() and abs(one.mapTo(window, QPoint(0, 0)).x() - mirrored) > SCROLL_BAR:
                wrong[key].append(f"not mirrored: {one.accessibleName() or one.text()}")
        window.grab()
    assert {key: texts for key, texts in wrong.items() if texts} == {}


@pytest.mark.parametrize("way", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_the_value_of_a_row_stands_by_its_arrow(
    way: Qt.LayoutDirection, program: Program, direction: Callable[[Qt.LayoutDirection], None]
) -> None:
    direction(way)
    row = RowButton(program.theme, "Network", lambda: None)
    row.resize(400, 34)
    plain = row.grab().toImage()
    row.set_value("mainnet")
    shown = row.grab().toImage()
    changed = [x for x in range(400) if any(plain.pixel(x, y) != shown.pixel(x, y) for y in range(34))]
    place = 400 - max(changed) if way is Qt.LayoutDirection.LeftToRight else min(changed)
    assert place < 40


@pytest.mark.parametrize("code", ["en", "de"])
def test_the_names_of_the_hops_do_not_touch(code: str, program: Program, spoken: Callable[[str], None]) -> None:
    spoken(code)
    window = show(program, "home")
    way: Any = program.window.page("home").way  # type: ignore[attr-defined]
    window.resize(window.minimumSize())
    settle()
    font = way.font()
    font.setPixelSize(program.theme.px(10.5))
    widths = [QFontMetrics(font).horizontalAdvance(name) for name in way.hops()]
    assert all(sum(pair) / 2 + 2 < way.width() / len(widths) for pair in pairwise(widths))
