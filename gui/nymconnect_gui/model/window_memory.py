"""What the window itself remembers: answers to questions asked once, looks, how it starts. Nothing of the mixnet.

It is the table ``[desktop]`` of the settings file, so that a person has one file to keep and to copy; `Store.change`
writes it at once. An entry that does not read counts as its default and is reported in the log.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomlkit
from PySide6.QtCore import QObject, Signal

from nymconnect.errors import UserError
from nymconnect_proxy.settings.config import DESKTOP_SECTION
from nymconnect_proxy.settings.settings_document import change_document, read_tables

log = logging.getLogger(__name__)

Language = Annotated[str, msgspec.Meta(pattern=r"^(system|[a-z]{2,3}(_[A-Z]{2})?)$")]
Pixels = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class Remembered(msgspec.Struct, frozen=True):
    """`keep_in_tray` None: nobody has been asked yet. `text_scale` is a factor, `language` a code or system.

    `keep_cover`: whether cover continues while the window is in the tray and no program uses the proxy.
    """

    keep_in_tray: bool | None = None
    theme: Literal["system", "light", "dark"] = "system"
    text_scale: Annotated[float, msgspec.Meta(ge=0.5, le=4.0)] = 1.0
    language: Language = "system"
    width: Pixels = 0
    height: Pixels = 0
    notify_connected: bool = True
    notify_lost: bool = True
    notify_alarm: bool = True
    start_minimised: bool = False
    connect_on_start: bool = False
    keep_cover: bool = True
    guide_seen: bool = False
    in_keyring: tuple[str, ...] = ()


class Store(QObject):
    """Holds it, and says when it has changed, or could not be written. Without a `path` nothing is kept."""

    changed = Signal()
    trouble = Signal(object)

    def __init__(self, path: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._values = self._load()

    @property
    def values(self) -> Remembered:
        """A snapshot."""
        return self._values

    def use(self, path: Path) -> None:
        """Remember in this file from now on, and take what it holds."""
        self._path = path
        self._values = self._load()
        self.changed.emit()

    def _load(self) -> Remembered:
        if self._path is None:
            return Remembered()
        try:
            table = read_tables(self._path).get(DESKTOP_SECTION, {})
        except UserError as error:
            log.warning("%s; the window uses its defaults", error)
            return Remembered()
        return remembered(table if isinstance(table, Mapping) else {})

    def change(self, **values: Any) -> None:
        """Remember fields of `Remembered`. A failure to write is reported, and ends nothing."""
        before, after = self._values, msgspec.structs.replace(self._values, **values)
        if after == before:
            return
        self._values = after
        if self._path is not None:
            try:
                change_document(self._path, lambda document: _write(document, after))
            except UserError as error:
                log.warning("%s", error)
                self.trouble.emit(error.reason)
        self.changed.emit()


def remembered(table: Mapping[str, object]) -> Remembered:
    """From the table of the file; what is not of its kind is left out."""
    values: dict[str, Any] = {}
    for name, raw in table.items():
        if name not in Remembered.__struct_fields__:
            continue
        try:
            values[name] = getattr(msgspec.convert({name: raw}, Remembered), name)
        except msgspec.ValidationError as error:
            log.warning("[%s] %s: %s; the default is used", DESKTOP_SECTION, name, error)
    return Remembered(**values)


def _write(document: tomlkit.TOMLDocument, values: Remembered) -> None:
    """What differs from the default, and what is there already."""
    default = Remembered()
    for name in Remembered.__struct_fields__:
        value = getattr(values, name)
        table = document.get(DESKTOP_SECTION, {})
        if value is None:
            if name in table:
                del table[name]
        elif name in table or value != getattr(default, name):
            document.setdefault(DESKTOP_SECTION, tomlkit.table())[name] = (
                list(value) if isinstance(value, tuple) else value
            )
