"""What the window itself remembers: answers to questions asked once, looks, which notifications. Nothing of the mixnet.

A small document beside the settings file; `Store.change` writes it at once. Settings of the session are elsewhere
(`nymconnect.config`), so that a server without a desktop has one file to care for.
"""

import logging
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from nymconnect.errors import UserError
from nymconnect.storage import Document

log = logging.getLogger(__name__)

FILE = "window.json"


class Remembered(msgspec.Struct, frozen=True):
    """`keep_in_tray` None: nobody has been asked yet. `theme` is system, light or dark; `text_scale` a factor."""

    keep_in_tray: bool | None = None
    theme: str = "system"
    text_scale: float = 1.0
    width: int = 0
    height: int = 0
    notify_connected: bool = True
    notify_lost: bool = True
    notify_alarm: bool = True


class Store(QObject):
    """Holds it, and says when it has changed. Without a `directory` nothing outlives the program."""

    changed = Signal()

    def __init__(self, directory: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = Document(directory / FILE, Remembered) if directory is not None else None
        self._values = self._load()

    @property
    def values(self) -> Remembered:
        """A snapshot."""
        return self._values

    def _load(self) -> Remembered:
        try:
            return (self._document.load() if self._document else None) or Remembered()
        except UserError as error:  # a file of a newer version stays as it is
            log.warning("%s; the window uses its defaults and remembers nothing", error)
            self._document = None
            return Remembered()

    def change(self, **values: Any) -> None:
        """Remember fields of `Remembered`. That it cannot be written is logged, and no reason to stop."""
        after = msgspec.structs.replace(self._values, **values)
        if after == self._values:
            return
        self._values = after
        if self._document is not None:
            try:
                self._document.save(after)
            except UserError as error:
                log.warning("%s", error)
        self.changed.emit()
