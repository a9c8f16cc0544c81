"""The settings file as the window uses it: opened whatever is in it, changed only where a person changed something."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from nymconnect.errors import UserError
from nymconnect.reasons import Reason
from nymconnect_proxy.settings.config import Settings, read_settings, write_settings


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The file to use. Where it cannot be used, None, and the `obstacle`: then nothing may connect, for nobody knows
    which network a person wanted."""

    path: Path | None
    obstacle: Reason | None = None


def open_settings(path: Path) -> SettingsFile:
    """Whether the file reads, or is not there; it stays as it is. Never an error."""
    try:
        read_settings(path)
    except UserError as error:
        return SettingsFile(None, error.reason)
    return SettingsFile(path)


def save_changes(path: Path, before: Settings, after: Settings) -> None:
    """Write the options in which `after` differs from `before`: these only, not what flags had said.

    UserError if the file cannot be read or written.
    """
    names = [field.name for field in fields(Settings)]
    changes = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
    if changes:
        write_settings(path, replace(read_settings(path), **changes))
