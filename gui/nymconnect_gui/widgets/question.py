"""Questions in a box of their own. They are opened, never executed: a nested event loop would stop all tasks."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget


def make_question(parent: QWidget, title: str, text: str) -> QMessageBox:
    """Add its buttons, then open it."""
    question = QMessageBox(parent)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setWindowTitle("NymConnect")
    question.setText(title)
    question.setInformativeText(text)
    return question


def open_question(question: QMessageBox, answered: Callable[[QAbstractButton], None]) -> None:
    """Show it; `answered` hears which button was pressed."""
    for one in question.buttons():
        one.setIcon(QIcon())  # some styles bring theirs, in looks of their own
    question.buttonClicked.connect(answered)
    question.open()
