"""What every page is handed: the parts of the program that it may talk to."""

from collections.abc import Callable
from dataclasses import dataclass

from nymconnect.config import Settings
from nymconnect.storage import Directories
from nymconnect_gui.bridge import Bridge
from nymconnect_gui.store import Store
from nymconnect_gui.theme import Theme


@dataclass(frozen=True, slots=True)
class Context:
    """`navigate` shows the page with that key; `change_settings` saves them and hands them to the bridge; `tell` shows
    a sentence in the window until it is closed. `directories` is None where nothing may be kept."""

    bridge: Bridge
    theme: Theme
    store: Store
    navigate: Callable[[str], None]
    change_settings: Callable[[Settings], None]
    tell: Callable[[str], None]
    directories: Directories | None = None
