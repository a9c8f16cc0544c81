"""The log: filtered by level, searched, bounded, to copy and to save."""

import logging
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLineEdit

from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import level_names
from nymconnect_gui.pages.texts import TextPage
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import label
from nymconnect_gui.widgets.forms import Choice
from nymconnect_proxy.diagnostics.log_ring import MAX_LINES, LogLine
from nymconnect_proxy.diagnostics.report import level_name

LOOK_INTERVAL = 500  # milliseconds


class LogPage(TextPage):
    """Shows new lines while it is seen."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, translate("Log", "Log"), "nymconnect-log.txt")
        theme = context.theme
        self._last = 0
        self.text.setMaximumBlockCount(MAX_LINES)
        self.search = QLineEdit()
        self.search.setPlaceholderText(translate("Log", "Search"))
        self.search.setAccessibleName(translate("Log", "Search in the log"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self.fill())
        self.level = Choice(theme, translate("Log", "Lowest level to show"), level_names(), "info")
        self.level.chosen.connect(lambda _: self.fill())
        self.recorded = Choice(theme, translate("Log", "Lowest level to record"), level_names())
        self.recorded.chosen.connect(self._record)
        self.warning = label(translate("Log", "Debug also records which servers programs ask for."), "warn")
        self.column.addWidget(label(translate("Log", "Record"), "small"))
        self.column.addWidget(self.recorded)
        self.column.addWidget(self.warning)
        self.column.addWidget(label(translate("Log", "Show"), "small"))
        self.column.addWidget(self.level)
        self.column.addWidget(self.search)
        self.column.addWidget(self.text, 1)
        self.column.addLayout(self.buttons)
        self.add_button(translate("Log", "Copy"), self.copy)
        self.add_button(translate("Log", "Save…"), self.ask_where)
        self.add_button(translate("Log", "Clear"), self.clear)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_INTERVAL)
        self._timer.timeout.connect(self.look)
        context.bridge.settings_changed.connect(self._show_recorded)
        self._show_recorded()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self.fill()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 -- Qt's name
        super().hideEvent(event)
        self._timer.stop()

    def fill(self) -> None:
        """Everything that passes, anew."""
        self._last = 0
        self.text.clear()
        self.look()

    def look(self) -> None:
        """What has come since; the view stays where it is, unless it is at the end."""
        lines = self.context.log.after(self._last)
        if not lines:
            return
        self._last = lines[-1].number
        shown = [line_text(line) for line in lines if self._passes(line)]
        bar = self.text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        if shown:
            self.text.appendPlainText("\n".join(shown))
        if at_end:
            bar.setValue(bar.maximum())

    def clear(self) -> None:
        """Forget all lines."""
        self.context.log.clear()
        self.fill()

    def _passes(self, line: LogLine) -> bool:
        wanted = self.search.text().strip().casefold()
        least = logging.getLevelNamesMapping()[(self.level.current or "info").upper()]
        return line.level >= least and (not wanted or wanted in line_text(line).casefold())

    def _record(self, level: str) -> None:
        self.context.change_settings(replace(self.context.bridge.settings, log_level=level))

    def _show_recorded(self, _: object = None) -> None:
        level = self.context.bridge.settings.log_level
        self.recorded.set_current(level)
        self.warning.setVisible(level == "debug")


def line_text(line: LogLine) -> str:
    """A line as it is shown, in local time."""
    return f"{datetime.fromtimestamp(line.time):%H:%M:%S} {level_name(line.level)} {line.logger}: {line.text}"
