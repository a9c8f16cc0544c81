"""A long text in a page of its own, with buttons that copy and save it. Dialogs are opened, never executed."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from nymconnect.errors import UserError, reason_of
from nymconnect.storage import write_private
from nymconnect_gui.model.context import Context
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import button, set_role
from nymconnect_gui.widgets.flow import FlowLayout


class TextPage(QWidget):
    """Fill `column` above and `buttons` below the text."""

    def __init__(self, context: Context, name: str, file_name: str) -> None:
        super().__init__()
        self.context = context
        self._file_name = file_name
        self.dialog: QFileDialog | None = None
        self.column = QVBoxLayout(self)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(name)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        set_role(self.text, "log")
        self.buttons = FlowLayout(context.theme.px(8))
        self._space()
        context.theme.changed.connect(self._space)

    def _space(self) -> None:
        px = self.context.theme.px
        self.column.setContentsMargins(px(16), px(4), px(16), px(10))
        self.column.setSpacing(px(9))

    def add_button(self, text: str, pressed: Callable[[], object], role: str = "") -> QPushButton:
        """One more below the text."""
        made = button(text, pressed, role)
        self.buttons.addWidget(made)
        return made

    def copy(self) -> None:
        """All of the text, to the clipboard."""
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.context.tell(translate("Texts", "Copied."))

    def ask_where(self) -> None:
        """Ask for a file, then save."""
        if self.dialog is not None:
            return
        dialog = self.dialog = QFileDialog(self, translate("Texts", "Save as"), str(Path.home() / self._file_name))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.selectFile(self._file_name)
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.finished.connect(self._forget_dialog)
        dialog.open()

    def _forget_dialog(self) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.deleteLater()

    def save(self, path: Path) -> None:
        """Write the text, for this user's eyes only."""
        try:
            write_private(path, (self.text.toPlainText() + "\n").encode())
        except UserError as error:
            self.context.tell(advice(reason_of(error)).sentence)
            return
        self.context.tell(translate("Texts", "Saved as {file}.").format(file=path))
