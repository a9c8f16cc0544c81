"""Whether there is a tray to put an icon into, now: asked of the session bus first, and of Qt only then.

Qt finds out once, when first asked, whether the desktop has a StatusNotifier tray, and keeps that answer. So it is not
asked before one is there, or before it is plain that none will come: at login, programs start before the panel.
"""

import logging
import sys

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtDBus import QDBusConnection, QDBusConnectionInterface, QDBusServiceWatcher
from PySide6.QtWidgets import QSystemTrayIcon

log = logging.getLogger(__name__)

WATCHER = "org.kde.StatusNotifierWatcher"
GRACE = 5000  # milliseconds that a panel may take to appear
LOOK_INTERVAL = 3000


class TrayHost(QObject):
    """`changed` says when a tray comes or goes. `is_settled` is False while one may still be about to come."""

    changed = Signal(bool)

    def __init__(self, parent: QObject | None = None, grace: int = GRACE) -> None:
        super().__init__(parent)
        self._is_available = False
        self._was_told = False
        self.is_settled = False
        self._bus_watcher: QDBusServiceWatcher | None = None
        self._on_bus = False
        self._qt_uses_bus = False
        self._interface = self._session_bus()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_INTERVAL)
        self._timer.timeout.connect(self.look)
        if self._on_bus or self._interface is None:
            self._settle()
        else:
            QTimer.singleShot(grace, self, self._settle)

    @property
    def is_available(self) -> bool:
        """Whether an icon would be seen."""
        return self._is_available

    def _session_bus(self) -> QDBusConnectionInterface | None:
        """Follow the watcher's name on the bus; None where there is no bus, or no such thing as on other systems."""
        if sys.platform in ("win32", "darwin"):
            return None
        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            return None
        mode = QDBusServiceWatcher.WatchModeFlag
        self._bus_watcher = QDBusServiceWatcher(WATCHER, bus, mode.WatchForOwnerChange, self)
        self._bus_watcher.serviceOwnerChanged.connect(self._owner_changed)
        interface = bus.interface()
        self._on_bus = bool(interface.isServiceRegistered(WATCHER).value())
        return interface

    def _owner_changed(self, _name: str, _before: str, after: str) -> None:
        self._on_bus = bool(after)
        if self._on_bus:
            self._settle()
        else:
            self.look()

    def _settle(self) -> None:
        if not self.is_settled:
            self.is_settled = True
            self._qt_uses_bus = self._on_bus and QSystemTrayIcon.isSystemTrayAvailable()
            if not self._qt_uses_bus:
                self._timer.start()
        self.look()

    def look(self) -> None:
        """Find out again."""
        if not self.is_settled:
            return
        now = self._on_bus if self._qt_uses_bus else QSystemTrayIcon.isSystemTrayAvailable()
        if now != self._is_available or not self._was_told:
            self._is_available, self._was_told = now, True
            log.info("the desktop has %s", "a tray" if now else "no tray")
            self.changed.emit(now)
