"""The tray icon: a shape for each state, a menu that does everything, and notifications of what matters.

It keeps no state: it shows what the bridge tells, and comes and goes with the desktop's tray (`tray_host`).
"""

import sys
from dataclasses import replace

from PySide6.QtCore import QDateTime, QLocale, QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from nymconnect.client.presets import AUTOMATIC, PRESETS
from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import DARK, LIGHT
from nymconnect_gui.model.context import Context
from nymconnect_gui.model.session_controller import clock
from nymconnect_gui.platform.tray_host import TrayHost
from nymconnect_gui.text import words
from nymconnect_gui.text.alarms import alarm_text
from nymconnect_gui.text.words import Mood, translate
from nymconnect_proxy.session.alarms import AlarmNews
from nymconnect_proxy.session.status import Status

TRAY = "tray"  # the name under which it watches the bridge


class Tray(QObject):
    """`show_window` and `quit_wanted` are for the owner of window and program."""

    show_window = Signal()
    quit_wanted = Signal()
    appeared = Signal(bool)

    def __init__(self, context: Context, host: TrayHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = context.bridge
        self._host = host
        self.menu = QMenu()
        self._build_menu()
        self.icon: QSystemTrayIcon | None = None
        self._shown: tuple[Mood, bool] | None = None
        self._began = (float("nan"), "")
        self.notifier = Notifier(context, self)
        self.notifier.notify.connect(self._notify)
        self._bridge.status_changed.connect(lambda _: self.refresh())
        self._bridge.state_changed.connect(lambda _: self.refresh())
        self._bridge.settings_changed.connect(lambda _: self.refresh())
        context.theme.changed.connect(self.refresh)
        host.changed.connect(self._host_changed)
        self._host_changed(host.is_available)
        self.refresh()

    @property
    def is_available(self) -> bool:
        """Whether the icon can be seen, so that a hidden window is not lost."""
        return self.icon is not None and self._host.is_available

    # --- coming and going --------------------------------------------------------------------------------------------

    def _host_changed(self, available: bool) -> None:
        if available and self.icon is None:
            self.icon = QSystemTrayIcon(self)
            self.icon.setContextMenu(self.menu)
            self.icon.activated.connect(self._activated)
            self.icon.messageClicked.connect(self.show_window)
            self._shown = None
            self.refresh()
            self.icon.show()
        self._bridge.watch(TRAY, available)
        self.appeared.emit(available)

    def _notify(self, title: str, text: str, warn: bool) -> None:
        if self.icon is not None:
            kind = QSystemTrayIcon.MessageIcon
            self.icon.showMessage(title, text, kind.Warning if warn else kind.Information)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.show_window.emit()

    def remove(self) -> None:
        """Take the icon away: the program ends."""
        if self.icon is not None:
            self.icon.hide()

    # --- menu --------------------------------------------------------------------------------------------------------

    def _build_menu(self) -> None:
        self.state = QAction(self)
        self.state.setEnabled(False)
        self.toggle = QAction(self)
        self.toggle.triggered.connect(self._bridge.toggle)
        self.copy = QAction(self)
        self.copy.triggered.connect(self._copy_address)
        self.show_action = QAction(self)
        self.show_action.triggered.connect(self.show_window)
        self.quit = QAction(self)
        self.quit.triggered.connect(self.quit_wanted)
        self.presets = QMenu(self.menu)
        self.choices = QActionGroup(self)
        for name in (AUTOMATIC, *PRESETS):
            choice = QAction(self)
            choice.setCheckable(True)
            choice.setData(name)
            self.choices.addAction(choice)
            self.presets.addAction(choice)
        self.choices.triggered.connect(self._choose_preset)
        self.menu.addAction(self.state)
        self.menu.addAction(self.toggle)
        self.menu.addAction(self.copy)
        self.menu.addMenu(self.presets)
        self.menu.addSeparator()
        self.menu.addAction(self.show_action)
        self.menu.addAction(self.quit)
        self.name_actions()

    def name_actions(self) -> None:
        """In the language in force."""
        self.copy.setText(translate("Tray", "Copy proxy address"))
        self.presets.setTitle(translate("Tray", "Preset"))
        for choice in self.choices.actions():
            choice.setText(words.preset_title(choice.data()))
        self.show_action.setText(translate("Tray", "Show window"))
        self.quit.setText(translate("Tray", "Quit"))

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(f"socks5h://{self._bridge.status.socks}")

    def _choose_preset(self, choice: QAction) -> None:
        self._context.change_settings(replace(self._bridge.settings, preset=choice.data()))

    # --- looks -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the bridge tells; what has not changed is left alone, for each change is a message on the bus."""
        status, problem = self._bridge.status, self._bridge.problem
        mood = words.mood_of(status, problem)
        self._set_text(self.state, f"{words.word(mood)} · {words.network_name(status.network)}")
        self._set_text(self.toggle, words.action(mood))
        if self.toggle.isEnabled() is (mood is Mood.STOPPING):
            self.toggle.setEnabled(mood is not Mood.STOPPING)
        for choice in self.choices.actions():
            chosen = choice.data() == self._bridge.settings.preset
            if choice.isChecked() != chosen:
                choice.setChecked(chosen)
        waits = translate("Tray", "Preset (from the next connection on)")
        title = waits if self._bridge.needs_reconnect else translate("Tray", "Preset")
        if self.presets.title() != title:
            self.presets.setTitle(title)
        if self.icon is not None:
            look = (mood, _on_dark())
            if look != self._shown:
                self._shown = look
                self.icon.setIcon(tray_icon(mood))
            tip = tooltip(status, mood, self._time_of(status.since))
            if self.icon.toolTip() != tip:
                self.icon.setToolTip(tip)

    def _time_of(self, moment: float) -> str:
        """The time of day at a moment of the bridge's clock; worked out once, or the tooltip would jitter."""
        if self._began[0] != moment:
            passed = round(clock() - moment)
            when = QDateTime.currentDateTime().addSecs(-passed).time()
            self._began = moment, QLocale().toString(when, QLocale.FormatType.ShortFormat)
        return self._began[1]

    @staticmethod
    def _set_text(action: QAction, text: str) -> None:
        if action.text() != text:
            action.setText(text)


class Notifier(QObject):
    """Says it when a connection works, is lost or fails, and passes each alarm on once: `notify` has title, text and
    whether it is a warning."""

    notify = Signal(str, str, bool)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._mood = Mood.OFF
        self._news = AlarmNews()
        context.bridge.state_changed.connect(self._changed)

    def _changed(self, status: Status) -> None:
        before, self._mood = self._mood, words.mood_of(status, self._context.bridge.problem)
        alarms, _ = self._news.look(status.alarms)
        wanted = self._context.store.values
        sentence = words.sentence(status, self._context.bridge.problem)
        if self._mood is not before:
            if self._mood is Mood.CONNECTED and wanted.notify_connected:
                self._say(words.word(self._mood), sentence)
            lost = before is Mood.CONNECTED and self._mood is Mood.CONNECTING
            if lost and wanted.notify_lost:
                self._say(translate("Tray", "Connection lost"), sentence, warn=True)
            if self._mood is Mood.FAILED and wanted.notify_lost:
                self._say(words.word(self._mood), sentence, warn=True)
        if wanted.notify_alarm:
            for alarm in alarms:
                self._say(translate("Tray", "Warning"), alarm_text(alarm), warn=True)

    def _say(self, title: str, text: str, *, warn: bool = False) -> None:
        """Only to somebody who is not looking at the window already."""
        active = QApplication.activeWindow()
        if active is None or not active.isVisible():
            self.notify.emit(title, text, warn)


def _on_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark


def tray_icon(mood: Mood) -> QIcon:
    """A symbol, light or dark as the desktop is, with a rim for panels that are not; macOS colours it by itself."""
    ink, rim = (DARK, LIGHT) if _on_dark() else (LIGHT, DARK)
    made = icons.outlined(f"tray-{mood.value}", ink.color("text"), rim.color("text"))
    made.setIsMask(sys.platform == "darwin")
    return made


def tooltip(status: Status, mood: Mood, began: str = "") -> str:
    """State, address, gateway, and since when it works."""
    lines = [f"NymConnect: {words.word(mood)}"]
    if not mood.is_off:
        lines.append(f"{words.network_name(status.network)}, {status.socks}")
    if status.gateway and mood is Mood.CONNECTED:
        lines.append(translate("Tray", "Gateway {name}").format(name=words.short(status.gateway)))
    if began and mood is Mood.CONNECTED:
        lines.append(translate("Tray", "Since {time}").format(time=began))
    return "\n".join(lines)
