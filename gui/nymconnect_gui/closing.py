"""What closing the window means: hide to the tray, or quit. Asked once where there is a tray, then remembered.

Without a tray a hidden window would be lost, so closing quits; if a session runs, after a question.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from nymconnect_gui.text.words import translate
from nymconnect_gui.tray import Tray
from nymconnect_gui.widgets.question import make_question, open_question
from nymconnect_gui.window import MainWindow
from nymconnect_proxy.session.states import State


class Closing(QObject):
    """Listens to the window's wish to close."""

    def __init__(self, window: MainWindow, tray: Tray, quit_program: Callable[[], None]) -> None:
        super().__init__(window)
        self._window = window
        self._tray = tray
        self._quit = quit_program
        self.question: QMessageBox | None = None
        window.closing.connect(self._asked_to_close)

    def _asked_to_close(self) -> None:
        context = self._window.context
        keep = context.store.values.keep_in_tray
        if not self._tray.is_available:
            if context.bridge.status.state is State.DISCONNECTED:
                self._quit()
            else:
                self._ask_to_quit()
        elif keep is None:
            self._ask_to_keep()
        elif keep:
            self._window.hide()
        else:
            self._quit()

    def _ask_to_keep(self) -> None:
        question = make_question(
            self._window,
            translate("Closing", "Keep NymConnect in the tray?"),
            translate("Closing", "Programs keep using the mixnet while the window is closed. You are asked only once."),
        )
        keep = question.addButton(translate("Closing", "&Keep in the tray"), QMessageBox.ButtonRole.AcceptRole)
        leave = question.addButton(translate("Closing", "&Quit"), QMessageBox.ButtonRole.DestructiveRole)
        question.addButton(QMessageBox.StandardButton.Cancel)
        question.setDefaultButton(keep)

        def answered(pressed: QAbstractButton) -> None:
            if pressed in (keep, leave):
                self._window.context.store.change(keep_in_tray=pressed is keep)
            if pressed is keep:
                self._window.hide()
            elif pressed is leave:
                self._quit()

        self._open(question, answered)

    def _ask_to_quit(self) -> None:
        question = make_question(
            self._window,
            translate("Closing", "Quit NymConnect?"),
            translate(
                "Closing", "This desktop has no tray to stay in. Programs that use the proxy lose their connections."
            ),
        )
        leave = question.addButton(translate("Closing", "&Quit"), QMessageBox.ButtonRole.AcceptRole)
        stay = question.addButton(QMessageBox.StandardButton.Cancel)
        question.setDefaultButton(stay)

        def answered(pressed: QAbstractButton) -> None:
            if pressed is leave:
                self._quit()

        self._open(question, answered)

    def _open(self, question: QMessageBox, answered: Callable[[QAbstractButton], None]) -> None:
        if self.question is not None:
            return
        self.question = question
        question.finished.connect(self._forget)
        open_question(question, answered)

    def _forget(self) -> None:
        self.question = None
