"""Leaves the mixnet while the window is in the tray and no program uses the proxy, if the person wants that.

The session is then replaced by one on demand: the port stays, and the next program that asks is held until it is
connected again. When the window is shown, the session becomes an ordinary one at the next connection.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from nymconnect_gui.model.session_controller import Bridge, clock
from nymconnect_gui.model.window_memory import Store
from nymconnect_proxy.session.states import State

LOOK_INTERVAL = 5000  # milliseconds


class Resting(QObject):
    """`is_seen` says whether the window can be seen."""

    def __init__(
        self, bridge: Bridge, store: Store, is_seen: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._store = store
        self._is_seen = is_seen
        self._quiet_since: float | None = None
        self._carried = 0
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_INTERVAL)
        self._timer.timeout.connect(self.look)
        store.changed.connect(self._begin)
        self._begin()

    def _begin(self) -> None:
        wanted = not self._store.values.keep_cover
        if wanted is not self._timer.isActive():
            (self._timer.start if wanted else self._timer.stop)()
            self._quiet_since = None

    def look(self) -> None:
        """Rest, if it has been quiet for long enough."""
        status, settings = self._bridge.peek(), self._bridge.used_settings
        carried = status.bytes_up + status.bytes_down
        quiet = status.state is State.CONNECTED and not status.streams and carried == self._carried
        self._carried = carried
        if self._is_seen() or settings.on_demand or not quiet:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = clock()
        elif clock() - self._quiet_since >= settings.idle_timeout:
            self._quiet_since = None
            self._bridge.rest()
