"""Changes that a person makes in the window, brought into the settings file: these only, not what flags had said."""

from dataclasses import fields, replace
from pathlib import Path

from nymconnect.config import Settings, read_settings, write_settings


def save_changes(path: Path, before: Settings, after: Settings) -> None:
    """Write the options in which `after` differs from `before`; UserError if the file cannot be read or written."""
    names = [field.name for field in fields(Settings)]
    changes = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
    if changes:
        write_settings(path, replace(read_settings(path), **changes))
