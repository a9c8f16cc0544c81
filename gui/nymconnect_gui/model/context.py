"""What every page is handed: the parts of the program that it may talk to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nymconnect.storage import Directories
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.model.session_controller import Bridge
from nymconnect_gui.model.settings_guard import SettingsGuard
from nymconnect_gui.model.settings_saver import Keeper
from nymconnect_gui.model.window_memory import Store
from nymconnect_gui.platform.autostart import Autostart, autostart
from nymconnect_proxy.diagnostics.log_ring import LogRing
from nymconnect_proxy.diagnostics.report import StateHistory
from nymconnect_proxy.settings.config import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """`navigate` shows the page with that key; `change_settings` saves them and hands them to the bridge; `tell` shows
    a sentence in the window until it is closed. `directories` is None where nothing may be kept.

    `keeper` knows where settings and passwords go, `guard` whether the settings file can be used; `log` and `states`
    hold what has happened.
    """

    bridge: Bridge
    theme: Theme
    store: Store
    navigate: Callable[[str], None]
    change_settings: Callable[[Settings], None]
    tell: Callable[[str], None]
    keeper: Keeper
    guard: SettingsGuard
    directories: Directories | None = None
    autostart: Autostart = field(default_factory=autostart)
    log: LogRing = field(default_factory=LogRing)
    states: StateHistory = field(default_factory=StateHistory)
