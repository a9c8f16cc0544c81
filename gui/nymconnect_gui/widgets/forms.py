"""Controls for settings: rows that lead on, switches with a sentence, choices as chips, text checked as typed."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from nymconnect_gui.looks import icons
from nymconnect_gui.looks.painted_button import Painted, Switch
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import button, label, set_role
from nymconnect_gui.widgets.flow import FlowLayout

COMMIT_AFTER = 900  # milliseconds without a key


class RowButton(Painted):
    """A row that leads to another page: caption at the beginning, value and an arrow at the end."""

    def __init__(self, theme: Theme, caption: str, pressed: Callable[[], object]) -> None:
        super().__init__(theme, caption)
        self.setText(caption)
        self._value = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: pressed())

    @property
    def value(self) -> str:
        """What is shown at the end."""
        return self._value

    def set_value(self, value: str) -> None:
        """Show another value; what does not fit is cut, and told whole by the tooltip."""
        self._value = value
        self.setAccessibleName(f"{self.text()}: {value}" if value else self.text())
        self.setToolTip(value)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + self.theme.px(90), self.theme.px(34))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + self.theme.px(24), self.theme.px(34))

    def draw(self, painter: QPainter) -> None:
        px, tokens, metrics = self.theme.px, self.theme.tokens, self.fontMetrics()
        reads_left = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        arrow, high = px(14), float(self.height())
        caption = metrics.horizontalAdvance(self.text()) + px(10)
        room = self.width() - caption - arrow - px(6)
        value = metrics.elidedText(self._value, Qt.TextElideMode.ElideMiddle, max(0, int(room)))

        def place(x: float, width: float) -> QRectF:
            return QRectF(self.width() - x - width if reads_left else x, 0, width, high)

        centre = Qt.AlignmentFlag.AlignVCenter
        # Painters turn these around by themselves.
        leading, trailing = Qt.AlignmentFlag.AlignLeading, Qt.AlignmentFlag.AlignTrailing
        painter.setPen(tokens.color("accent" if self.is_hovered else "text"))
        painter.drawText(place(0, caption), leading | centre, self.text())
        painter.setPen(tokens.color("muted"))
        painter.drawText(place(caption, room), trailing | centre, value)
        where = place(self.width() - arrow, arrow)
        where.setTop((high - arrow) / 2)
        where.setHeight(arrow)
        icons.paint(painter, "back" if reads_left else "forward", where, tokens.color("muted"))
        self.draw_focus(painter, px(6))


class SwitchRow(QWidget):
    """A caption, a sentence below it if need be, and a switch; a press anywhere on it counts."""

    toggled = Signal(bool)

    def __init__(self, theme: Theme, caption: str, hint: str = "", on: bool = False) -> None:
        super().__init__()
        self.switch = Switch(theme, caption, on)
        self.switch.clicked.connect(self.toggled)
        self.hint = label(hint, "small")
        if not hint:
            self.hint.hide()
        else:
            self.switch.setAccessibleDescription(hint)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(label(caption))
        texts.addWidget(self.hint)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(10))
        row.addLayout(texts, 1)
        row.addWidget(self.switch)

    def set_on(self, on: bool) -> None:
        """Show it, without telling."""
        if self.switch.isChecked() is not on:
            self.switch.setChecked(on)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 -- Qt's name
        if self.switch.isEnabled() and self.rect().contains(event.position().toPoint()):
            self.switch.click()


class Chip(QPushButton):
    """Wide enough for the bold text that it has once it is chosen: Qt's style sheets do not reckon with that."""

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.Bold)
        more = QFontMetrics(bold).horizontalAdvance(self.text()) - self.fontMetrics().horizontalAdvance(self.text())
        return super().sizeHint() + QSize(max(0, more), 0)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return self.sizeHint()


class Choice(QWidget):
    """One of a few, as chips beside each other. `chosen` tells the key of the one that was pressed."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, caption: str, options: Mapping[str, str], current: str = "") -> None:
        super().__init__()
        self.setAccessibleName(caption)
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        row = FlowLayout(theme.px(6))
        for key, text in options.items():
            made = self.buttons[key] = Chip(text)
            made.setCheckable(True)
            made.setAutoDefault(False)
            made.setAccessibleName(f"{caption}: {text}")
            made.setCursor(Qt.CursorShape.PointingHandCursor)
            set_role(made, "choice")
            self._group.addButton(made)
            made.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            row.addWidget(made)
        self.setLayout(row)
        self.set_current(current)

    def event(self, event: QEvent) -> bool:
        # Boxes of Qt ask a nested layout for its height too early, and would cut off its last row.
        taken = super().event(event)
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self.setMinimumHeight(self.heightForWidth(self.width()))
        return taken

    @property
    def current(self) -> str:
        """Key of the one that is chosen, empty if none is."""
        return next((key for key, made in self.buttons.items() if made.isChecked()), "")

    def set_current(self, key: str) -> None:
        """Show it, without telling."""
        if key in self.buttons and not self.buttons[key].isChecked():
            self.buttons[key].setChecked(True)


class TextField(QWidget):
    """A line of text with its caption; the sentence below says what is wrong while it is.

    `check` gives that sentence, or nothing. `accepted` carries a text that passes, when the person pauses or leaves.
    """

    accepted = Signal(str)

    def __init__(
        self, theme: Theme, caption: str, check: Callable[[str], str], *, hint: str = "", example: str = "", **more: Any
    ) -> None:
        super().__init__()
        self._check = check
        self._last = ""
        self.edit = QLineEdit()
        self.edit.setAccessibleName(caption)
        self.edit.setPlaceholderText(example)
        self.caption = label(caption, "small")
        self.caption.setBuddy(self.edit)
        self.hint = label(hint, "small")
        if not hint:  # showing it before it has a place would open a window
            self.hint.hide()
        self.error = label("", "bad")
        self.error.hide()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.px(4))
        rows.addWidget(self.caption)
        line = QHBoxLayout()
        line.setSpacing(theme.px(6))
        line.addWidget(self.edit, 1)
        rows.addLayout(line)
        rows.addWidget(self.error)
        rows.addWidget(self.hint)
        if more.get("secret"):
            self._hide_text(line)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COMMIT_AFTER)
        self._timer.timeout.connect(self.commit)
        self.edit.textEdited.connect(self._typed)
        self.edit.editingFinished.connect(self.commit)

    def _hide_text(self, line: QHBoxLayout) -> None:
        mode = QLineEdit.EchoMode
        self.edit.setEchoMode(mode.Password)
        self.edit.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhHiddenText)

        def turn() -> None:
            hidden = self.edit.echoMode() is mode.Password
            self.edit.setEchoMode(mode.Normal if hidden else mode.Password)
            show.setText(translate("Forms", "Hide") if hidden else translate("Forms", "Show"))
            show.setAccessibleName(f"{show.text()}: {self.edit.accessibleName()}")

        show = button(translate("Forms", "Show"), turn)
        show.setAccessibleName(f"{show.text()}: {self.edit.accessibleName()}")
        line.addWidget(show)

    @property
    def text(self) -> str:
        """What stands there."""
        return self.edit.text().strip()

    @property
    def problem(self) -> str:
        """What is wrong with it, or nothing."""
        return self._check(self.text)

    def set_text(self, text: str) -> None:
        """Show it, without telling, unless the person is typing."""
        self._last = text
        if not self.edit.hasFocus() and self.edit.text() != text:
            self.edit.setText(text)
            self.show_problem()

    def show_problem(self) -> None:
        """Say what is wrong, or no longer."""
        problem = self.problem if self.text or not self.edit.placeholderText() else ""
        self.error.setText(problem)
        self.error.setVisible(bool(problem))
        self.edit.setAccessibleDescription(problem or self.hint.text())

    def commit(self) -> None:
        """Take the text, if it is good and another one than before."""
        self._timer.stop()
        self.show_problem()
        if not self.problem and self.text != self._last:
            self._last = self.text
            self.accepted.emit(self.text)

    def _typed(self) -> None:
        self.show_problem()
        self._timer.start()
