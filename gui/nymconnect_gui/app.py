"""The program: Qt and asyncio on one event loop, the session in the same process, everything wired in one place.

The pacer and the practice network keep processes of their own. SIGINT and SIGTERM do what *Quit* does: disconnect, then
end. What Qt complains about becomes a line of the log.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import qasync
from PySide6.QtCore import QCoreApplication, QMessageLogContext, QObject, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QMessageBox

from nymconnect import __version__
from nymconnect.errors import UserError
from nymconnect.reasons import Reason
from nymconnect.storage import Directories
from nymconnect_gui.closing import Closing
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.model import logs
from nymconnect_gui.model.context import Context
from nymconnect_gui.model.idle_disconnect import Resting
from nymconnect_gui.model.session_controller import Bridge, SessionFactory, SessionLike, clock
from nymconnect_gui.model.settings_file import SettingsFile, open_settings
from nymconnect_gui.model.settings_guard import SettingsGuard
from nymconnect_gui.model.settings_saver import Keeper
from nymconnect_gui.model.window_memory import Store
from nymconnect_gui.platform.instance import SingleInstance
from nymconnect_gui.platform.tray_host import TrayHost
from nymconnect_gui.text import i18n
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_gui.tray import Tray
from nymconnect_gui.window import MainWindow, program_icon
from nymconnect_proxy.commands import control_line
from nymconnect_proxy.diagnostics.log_ring import LogRing
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.session.status_json import snapshot
from nymconnect_proxy.settings.config import Settings, settings_from

log = logging.getLogger(__name__)
qt_log = logging.getLogger("qt")

PREPARE_AFTER = 0.3  # seconds: the window is painted first

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Program(QObject):
    """All parts of a running program. Make it with an application and, for starting sessions, a running loop."""

    def __init__(
        self,
        app: QApplication,
        settings: Settings,
        directories: Directories | None,
        make_session: SessionFactory,
        settings_path: Path | None = None,
        log_ring: LogRing | None = None,
    ) -> None:
        super().__init__()
        self._app = app
        self.ended = asyncio.Event()
        self.store = Store(settings_path, self)
        self.keeper = Keeper(settings_path, self.store, parent=self)
        self.theme = Theme(app, self.store.values.theme, self.store.values.text_scale)
        self.bridge = Bridge(settings, make_session, self)
        self.guard = SettingsGuard(self.bridge, self.store, self.keeper, self)
        self.guard.mended.connect(self._use_what_is_mended)
        bare = Context(
            self.bridge,
            self.theme,
            self.store,
            lambda _: None,
            self.change_settings,
            lambda _: None,
            self.keeper,
            self.guard,
            directories,
            log=log_ring or LogRing(),
        )
        i18n.install(app, self.store.values.language)
        self._language = self.store.values.language
        self.window = MainWindow(bare)
        self.context = self.window.context
        self.keeper.trouble.connect(self._tell_unsaved)
        self.bridge.state_changed.connect(bare.states.note)
        self.host = TrayHost(self)
        self.tray = Tray(self.context, self.host, self)
        self.tray.show_window.connect(self.window.bring_to_front)
        self.tray.quit_wanted.connect(self.quit)
        self.host.changed.connect(lambda _: self._hint())
        self.closing = Closing(self.window, self.tray, self.quit)
        self.resting = Resting(self.bridge, self.store, lambda: self.window.isVisible(), self)
        self.store.changed.connect(self._speak)
        app.commitDataRequest.connect(lambda _: self.quit())  # the desktop session ends

    def start(self, *, hidden: bool = False) -> None:
        """Show the window; hidden is possible only where a tray can bring it back."""
        self._hint()
        self.tray.appeared.connect(self._show_if_lost)
        if not hidden:
            self.window.show()
        elif self.host.is_settled:
            self._show_if_lost(self.host.is_available)

    def _hint(self) -> None:
        self.window.show_tray_hint(self.host.is_settled and not self.host.is_available)

    def _show_if_lost(self, available: bool) -> None:
        if not available and not self.window.isVisible():
            self.window.bring_to_front()

    def change_settings(self, settings: Settings) -> None:
        """Save them and hand them to the bridge; if they cannot be saved, they count for this run only."""
        before = self.bridge.settings
        self.bridge.change(settings)
        if settings.log_level != before.log_level:
            logs.record(settings.log_level)
        self.keeper.save(before, settings)

    def _use_what_is_mended(self) -> None:
        self.theme.choose(self.store.values.theme, self.store.values.text_scale)
        logs.record(self.bridge.settings.log_level)

    def _speak(self) -> None:
        """Another language, if one was chosen: everything is made again in it."""
        language = self.store.values.language
        if language != self._language:
            self._language = language
            i18n.install(self._app, language)
            self.window.rebuild()
            self.tray.name_actions()
            self.tray.refresh()
            self._hint()

    def _tell_unsaved(self, reason: Reason) -> None:
        text = translate("Program", "The settings were not saved and last until the program ends: {reason}")
        self.context.tell(text.format(reason=advice(reason).sentence))

    def obey(self, order: str) -> bytes:
        """Do what another program of this user wants (`commands.control_line`); the state as a line of JSON."""
        match order:
            case control_line.CONNECT:
                self.bridge.connect_now()
            case control_line.DISCONNECT:
                self.bridge.disconnect_now()
            case control_line.QUIT:
                self.quit()
        status = self.bridge.peek()
        is_old = self.bridge.is_beginning and status.state in (State.DISCONNECTED, State.FAILED)
        if is_old:  # who waits for the outcome must not take the last one for it
            status = replace(status, state=State.CONNECTING, since=clock(), reason=None, crash=None)
        values = snapshot(status, time.time() - clock())
        if self.bridge.problem is not None and not is_old:
            values["problem"] = str(self.bridge.problem.reason)
        return json.dumps(values).encode() + b"\n"

    def quit(self) -> None:
        """Disconnect, then end."""
        self.ended.set()

    async def run(self) -> None:
        """Until somebody quits."""
        soon = asyncio.get_running_loop().call_later(PREPARE_AFTER, self.bridge.prepare)
        try:
            self.bridge.change(await self.keeper.open(lambda: self.bridge.settings))
            if self.store.values.connect_on_start:
                self.bridge.connect_now()
            await self.ended.wait()
        finally:
            soon.cancel()
            await self.bridge.close()
            await self.keeper.close()
            self.tray.remove()
            self.window.hide()


def main(flags: argparse.Namespace) -> int:
    """`nymconnect gui`, once it is known that a window can be opened; the exit code."""
    directories = Directories.of_user()
    path = Path(flags.settings) if flags.settings else directories.settings
    app = make_application()
    i18n.install(app, Store(path).values.language)  # for what is to be said before there is a window
    instance, trouble = become_first(directories)
    if instance is not None and not instance.is_first:
        call_first(instance, show=not flags.minimized)
        return 0
    opened = open_settings(path)
    settings = settings_from(flags, opened.path)
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    logs.record(settings.log_level)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app, already_running=False)) as runner:
        kept = directories if instance is not None else None
        program = partial(Program, app, settings, kept, RealSessions(kept), opened.path, ring)
        load = partial(settings_from, flags, path)
        runner.run(_run(program, opened, path, load, instance, trouble, hidden=flags.minimized))
    if instance is not None:
        instance.release()
    return 0


def call_first(instance: SingleInstance, *, show: bool) -> None:
    """Let the first one show its window. If it does not answer, say so in a box, for not everybody has a terminal."""
    if instance.call_first(show=show):
        return
    if show:
        text = translate("Program", "NymConnect is already running, but does not answer. End it, then start it again.")
        QMessageBox.critical(None, "NymConnect", text)
    raise UserError("NymConnect runs already, and does not answer; end it first")


def become_first(directories: Directories) -> tuple[SingleInstance | None, str]:
    """The instance, first or not; where this user's folders cannot be used, none, and a sentence that says why.

    A person who starts the program from a menu sees no terminal; so that is no reason not to open the window.
    """
    try:
        instance = SingleInstance(directories)
        instance.acquire()
    except UserError as error:
        text = translate("Program", "{reason} NymConnect works, but keeps nothing when it ends.")
        return None, text.format(reason=advice(error.reason).sentence)
    return instance, ""


async def _run(
    make_program: Callable[[], Program],
    opened: SettingsFile,
    path: Path,
    load: Callable[[], Settings],
    instance: SingleInstance | None,
    trouble: str,
    *,
    hidden: bool,
) -> None:
    program = make_program()
    if opened.obstacle is not None:
        program.guard.hold_back(path, load)
    if instance is not None:
        instance.wanted.connect(program.window.bring_to_front)
        instance.obey = program.obey
    if not program.store.values.guide_seen and opened.obstacle is None:
        program.context.navigate("diagnostics-guide")
    if trouble:
        program.context.tell(trouble)
    on_signals(program.quit)
    program.start(hidden=hidden and opened.obstacle is None)
    await program.run()


def make_application() -> QApplication:
    """Qt, named and quiet."""
    qInstallMessageHandler(log_qt)
    QCoreApplication.setApplicationName("nymconnect")
    QCoreApplication.setApplicationVersion(__version__)
    app = QApplication(["nymconnect"])  # on X11, also the class of its windows
    app.setApplicationDisplayName("NymConnect")
    app.setDesktopFileName("nymconnect")
    app.setWindowIcon(program_icon())
    app.setQuitOnLastWindowClosed(False)  # else the event loop would end with a dialog
    return app


class RealSessions:
    """Sessions as the command line has them. Their module brings the network stack, a second's work for a slow machine:
    not before the first paint, and in a thread, so that the window stays alive."""

    def __init__(self, directories: Directories | None) -> None:
        self._directories = directories
        self._loading: asyncio.Task[ModuleType] | None = None

    @property
    def is_ready(self) -> bool:
        return self._loading is not None and self._loading.done()

    async def prepare(self) -> None:
        """May be called as often as one likes; it is loaded once."""
        if self._loading is None:
            work = asyncio.to_thread(import_module, "nymconnect_proxy.session.session")
            self._loading = asyncio.create_task(work, name="window: load sessions")
        await asyncio.shield(self._loading)

    def __call__(self, settings: Settings, told: Callable[[Status], None]) -> SessionLike:
        from nymconnect_proxy.session.session import Session

        return Session(settings, told, directories=self._directories)


def on_signals(stop: Callable[[], None]) -> None:
    """Let Ctrl-C and the system's wish to end do what *Quit* does."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)


def log_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt's own messages, as lines of our log."""
    qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s: %s", context.category or "default", message)
