"""The main window: a header, the pages, and the bar below. `PAGES` lists the pages; each is made when first shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import cast

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QHideEvent,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import HEIGHT, WIDTH
from nymconnect_gui.model.context import Context
from nymconnect_gui.text import words
from nymconnect_gui.text.words import Mood, translate
from nymconnect_gui.widgets.controls import Card, IconButton, NavItem, Symbol, label, set_role
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.networks import OwnNetwork

WINDOW = "window"  # the name under which it watches the bridge


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page: `title` is asked for each time, for the language may change; `module` and `widget` name its class.

    Pages that are not `in_bar` are reached with `Context.navigate` and have a way back to their `parent`.
    """

    key: str
    title: Callable[[], str]
    module: str
    widget: str
    symbol: str = ""
    in_bar: bool = True
    parent: str = "home"

    def make(self, context: Context) -> QWidget:
        """The page; its module is loaded only now."""
        return cast(QWidget, getattr(import_module(self.module), self.widget)(context))


def _below(group: str, name: str, title: Callable[[], str], widget: str, parent: str = "") -> PageSpec:
    """A page that is reached from the first one of its group, or from the page `parent`."""
    module = f"nymconnect_gui.pages.{group}.{name}"
    return PageSpec(f"{group}-{name}", title, module, widget, in_bar=False, parent=parent or group)


PAGES: tuple[PageSpec, ...] = (
    PageSpec("home", lambda: translate("Pages", "Home"), "nymconnect_gui.pages.home", "HomePage", "home"),
    PageSpec("apps", lambda: translate("Pages", "Apps"), "nymconnect_gui.pages.apps", "AppsPage", "apps"),
    PageSpec(
        "settings",
        lambda: translate("Pages", "Settings"),
        "nymconnect_gui.pages.settings.overview",
        "SettingsPage",
        "settings",
    ),
    PageSpec(
        "diagnostics",
        lambda: translate("Pages", "Diagnostics"),
        "nymconnect_gui.pages.diagnostics.overview",
        "DiagnosticsPage",
        "diagnostics",
    ),
    _below("settings", "network", lambda: translate("Pages", "Network"), "NetworkSettingsPage"),
    _below("settings", "exits", lambda: translate("Pages", "Gateway and exits"), "ExitSettingsPage"),
    _below("settings", "gateways", lambda: translate("Pages", "Gateways"), "GatewaysPage", "settings-exits"),
    _below("settings", "proxy", lambda: translate("Pages", "Proxy"), "ProxySettingsPage"),
    _below("settings", "start", lambda: translate("Pages", "Start and tray"), "StartSettingsPage"),
    _below("settings", "looks", lambda: translate("Pages", "Appearance"), "LooksSettingsPage"),
    _below("settings", "log", lambda: translate("Pages", "Log"), "LogSettingsPage"),
    _below("diagnostics", "log", lambda: translate("Pages", "Log"), "LogPage"),
    _below("diagnostics", "report", lambda: translate("Pages", "Problem report"), "ReportPage"),
    _below("diagnostics", "about", lambda: translate("Pages", "About"), "AboutPage"),
    _below("diagnostics", "guide", lambda: translate("Pages", "How it works"), "GuidePage"),
)


class Header(QWidget):
    """Where we are, and which network, at one glance."""

    def __init__(self, context: Context, go_back: Callable[[], None]) -> None:
        super().__init__()
        px = context.theme.px
        self._theme = context.theme
        self._is_brief = False
        self.back = IconButton(context.theme, "back", translate("Pages", "Back"))
        self.back.clicked.connect(lambda: go_back())
        self.title = label("", "title")
        self.chip = label("", "chip", wrap=False)
        self._network = ""
        self._time = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(10), px(16), px(6))
        row.addWidget(self.back)
        row.addWidget(self.title, 1)
        row.addWidget(self.chip, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_page(self, spec: PageSpec) -> None:
        """Name the page; Home is named after the program."""
        self.title.setText("NymConnect" if spec.key == "home" else spec.title())
        self.back.setVisible(not spec.in_bar)
        self._is_brief = not spec.in_bar  # their titles are longer

    def show_status(self, status: Status, mood: Mood, seconds: float | None) -> None:
        """The network, and for how long it has worked."""
        network = status.network
        name = (network.host if isinstance(network, OwnNetwork) else "") or words.network_name(network)
        if status.is_practice:
            set_role(self.chip, "chip", "warn")
        else:
            set_role(self.chip, "chip", "good" if mood is Mood.CONNECTED else "")
        self._network, self._time = name, "" if seconds is None or self._is_brief else f" · {words.duration(seconds)}"
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 -- Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The time only where there is room for it; Home tells it anyway."""
        metrics, px = self.chip.fontMetrics(), self._theme.px
        name = metrics.elidedText(self._network, Qt.TextElideMode.ElideMiddle, px(150))
        title = self.title.fontMetrics().horizontalAdvance(self.title.text())
        room = self.width() - px(2 * 16 + 2 * 9 + 10) - title - (px(32) if self._is_brief else 0)
        fits = metrics.horizontalAdvance(name + self._time) <= room
        self.chip.setText(name + self._time if fits else name)


class Notice(Card):
    """A sentence across the window, until it is closed."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        set_role(self, "card", "warn")
        self.text = label("", "warn")
        close = IconButton(context.theme, "close", translate("Pages", "Close this message"))
        close.clicked.connect(self.hide)
        self.add_row(Symbol(context.theme, "warning", "warn"), self.text, close, stretch=1)
        self.hide()

    def tell(self, sentence: str) -> None:
        """Show it."""
        self.text.setText(sentence)
        self.show()


class MainWindow(QMainWindow):
    """`closing` is emitted when the user closes the window; the owner decides what that means."""

    closing = Signal()

    def __init__(self, context: Context, pages: Iterable[PageSpec] = PAGES) -> None:
        super().__init__()
        self.context = replace(context, navigate=self.show_page, tell=self.tell)
        self._specs = {spec.key: spec for spec in pages}
        self._made: dict[str, QWidget] = {}
        self._current = ""
        self.setWindowTitle("NymConnect")
        self.setWindowIcon(program_icon())
        self._restore_size()
        self._build()
        for number, spec in enumerate((spec for spec in self._specs.values() if spec.in_bar), 1):
            QShortcut(QKeySequence(f"Alt+{number}"), self).activated.connect(lambda key=spec.key: self.show_page(key))
        QShortcut(QKeySequence("Esc"), self).activated.connect(self._escape)
        QShortcut(QKeySequence("Ctrl+D"), self).activated.connect(context.bridge.toggle)
        context.bridge.status_changed.connect(lambda _: self._show_status())
        context.bridge.state_changed.connect(lambda _: self._show_status())
        context.theme.changed.connect(self._limit_size)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._show_status)

    def _restore_size(self) -> None:
        self._limit_size()
        px, remembered = self.context.theme.px, self.context.store.values
        self.resize(remembered.width or px(WIDTH), remembered.height or px(HEIGHT))

    def _limit_size(self) -> None:
        px = self.context.theme.px
        screen = self.screen().availableSize() if self.screen() is not None else QSize(px(WIDTH), px(HEIGHT))
        self.setMinimumSize(min(px(352), screen.width()), min(px(420), screen.height()))

    def _build(self) -> None:
        px = self.context.theme.px
        self.header = Header(self.context, self.go_back)
        self.notice = Notice(self.context)
        self.stack = QStackedWidget()
        self.tray_hint = label(
            translate("Pages", "No tray on this desktop: closing this window quits NymConnect."), "small"
        )
        self.tray_hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tray_hint.setContentsMargins(px(16), px(2), px(16), px(4))
        self.tray_hint.setVisible(False)
        self.bar = QFrame()
        set_role(self.bar, "bar")
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(px(8), 0, px(8), px(4))
        row.setSpacing(px(2))
        self.items: dict[str, NavItem] = {}
        for spec in self._specs.values():
            if spec.in_bar:
                item = self.items[spec.key] = NavItem(self.context.theme, spec.symbol, spec.title())
                item.clicked.connect(lambda _=False, key=spec.key: self.show_page(key))
                row.addWidget(item)
        notice_row = QHBoxLayout()
        notice_row.setContentsMargins(px(16), 0, px(16), 0)
        notice_row.addWidget(self.notice)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addLayout(notice_row)
        column.addWidget(self.stack, 1)
        column.addWidget(self.tray_hint)
        column.addWidget(self.bar)
        self.setCentralWidget(whole)
        self.show_page(self._current or "home")
        self._show_status()

    def rebuild(self) -> None:
        """Make everything again: another language is in force."""
        self._made.clear()
        self._build()

    # --- pages -----------------------------------------------------------------------------------------------------

    @property
    def current(self) -> str:
        """Key of the page that is shown."""
        return self._current

    def page(self, key: str) -> QWidget:
        """The page, made if need be."""
        if key not in self._made:
            self._made[key] = self._specs[key].make(self.context)
            self.stack.addWidget(self._made[key])
        return self._made[key]

    def show_page(self, key: str) -> None:
        """Go there; nothing happens if there is no such page."""
        if key not in self._specs:
            return
        self._current = key
        self.stack.setCurrentWidget(self.page(key))
        self.header.show_page(self._specs[key])
        self._show_status()
        while not self._specs[key].in_bar:
            key = self._specs[key].parent
        for name, item in self.items.items():
            item.setChecked(name == key)

    @property
    def has_tray_hint(self) -> bool:
        """Whether the window shows that there is no tray."""
        return not self.tray_hint.isHidden()

    def show_tray_hint(self, missing: bool) -> None:
        """Say that closing the window ends the program, on a desktop without a tray."""
        self.tray_hint.setVisible(missing)

    def go_back(self) -> None:
        """To the page from which this one is reached."""
        self.show_page(self._specs[self._current].parent)

    def _escape(self) -> None:
        """Out of what is open: a part of the page, or the page."""
        step_back = getattr(self.page(self._current), "step_back", lambda: False)
        if not step_back() and not self._specs[self._current].in_bar:
            self.go_back()

    def tell(self, sentence: str) -> None:
        """Show a sentence until it is closed."""
        self.notice.tell(sentence)

    # --- state -----------------------------------------------------------------------------------------------------

    def _show_status(self) -> None:
        bridge = self.context.bridge
        self.header.show_status(bridge.status, words.mood_of(bridge.status, bridge.problem), bridge.connected_for)

    def bring_to_front(self) -> None:
        """Show the window, wherever it is."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 -- Qt's name
        """Enter presses the button that has the keyboard, as Space does: Qt does so in dialogs only."""
        focused = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(focused, QPushButton):
            focused.click()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 -- Qt's name
        super().hideEvent(event)
        self._watch()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 -- Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self._watch()

    def _watch(self) -> None:
        can_be_seen = self.isVisible() and not self.isMinimized()
        self.context.bridge.watch(WINDOW, can_be_seen)
        if can_be_seen:
            self._clock.start()
        else:
            self._clock.stop()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 -- Qt's name
        self.context.store.change(width=self.width(), height=self.height())
        event.ignore()
        self.closing.emit()


def program_icon() -> QIcon:
    """The program's own picture."""
    made = QIcon()
    for size in icons.SIZES:
        made.addPixmap(icons.pixmap("nymconnect", size, QColor()))  # it brings its own colours
    return made
