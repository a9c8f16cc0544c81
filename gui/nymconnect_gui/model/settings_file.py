"""The settings file as the window uses it: opened whatever is in it, changed only where a person changed something."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from nymconnect.errors import UserError, reason_of
from nymconnect.storage import set_aside
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_proxy.settings.config import Settings, read_settings, write_settings
from nymconnect_proxy.settings.settings_document import BrokenFileError


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The file to use, None if there is none that may be written, and what a person should know about it."""

    path: Path | None
    notice: str = ""


def open_settings(path: Path) -> SettingsFile:
    """Make sure that the file reads, or is not there; a broken one is set aside. Never an error."""
    try:
        read_settings(path)
    except BrokenFileError as error:
        kept = set_aside(path, str(error))
        if kept is None:
            text = translate(
                "Settings", "{file} is damaged and cannot be set aside. Defaults are used, and changes are not kept."
            )
            return SettingsFile(None, text.format(file=path))
        text = translate("Settings", "The settings could not be read and were set aside as {file}. Defaults are used.")
        return SettingsFile(path, text.format(file=kept.name))
    except UserError as error:
        text = translate("Settings", "The settings could not be read. {reason} Changes last for this run only.")
        return SettingsFile(None, text.format(reason=advice(reason_of(error)).sentence))
    return SettingsFile(path)


def save_changes(path: Path, before: Settings, after: Settings) -> None:
    """Write the options in which `after` differs from `before`: these only, not what flags had said.

    UserError if the file cannot be read or written.
    """
    names = [field.name for field in fields(Settings)]
    changes = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
    if changes:
        write_settings(path, replace(read_settings(path), **changes))
