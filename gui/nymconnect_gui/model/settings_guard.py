"""What stands between a settings file that cannot be used and a connection by settings that nobody has chosen.

While there is an obstacle, the bridge connects nowhere and the file stays as it is. A person mends it and lets it be
read again, which every press on *Connect* does as well, or has it set aside and begins with the defaults.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from nymconnect.errors import UserError
from nymconnect.storage import set_aside
from nymconnect_gui.model.session_controller import Bridge
from nymconnect_gui.model.settings_file import open_settings
from nymconnect_gui.model.settings_saver import Keeper
from nymconnect_gui.model.window_memory import Store
from nymconnect_proxy.settings.config import Settings


class SettingsGuard(QObject):
    """`mended` says that the file is in use now. Does nothing until `hold_back`."""

    mended = Signal()

    def __init__(self, bridge: Bridge, store: Store, keeper: Keeper, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._store = store
        self._keeper = keeper
        self._path: Path | None = None
        self._load: Callable[[], Settings] = Settings

    def hold_back(self, path: Path, load: Callable[[], Settings]) -> None:
        """Connect nowhere until the file at `path` can be used; `load` then makes the settings of it."""
        self._path, self._load = path, load
        self._bridge.obstacle = open_settings(path).obstacle
        self._bridge.reread = self._reread

    def read_again(self) -> None:
        """Look whether the file has been mended."""
        self._bridge.look_again()

    def set_aside(self) -> Path | None:
        """Rename the file, and go on with the defaults; its new name, or None if that was not possible."""
        if self._path is None or self._bridge.obstacle is None:
            return None
        kept = set_aside(self._path, str(self._bridge.obstacle))
        self.read_again()
        return kept

    async def _reread(self) -> None:
        if self._path is None or self._bridge.obstacle is None:
            return
        opened = open_settings(self._path)
        if opened.path is None:
            self._bridge.obstacle = opened.obstacle
            return
        try:
            settings = self._load()
        except UserError as error:  # it was changed at this very moment
            self._bridge.obstacle = error.reason
            return
        self._store.use(opened.path)
        self._keeper.use(opened.path)
        self._bridge.change(settings)
        self._bridge.change(await self._keeper.open(lambda: self._bridge.settings))
        self._bridge.obstacle = None
        self.mended.emit()
