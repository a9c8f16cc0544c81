"""Controls that all pages share. Each has a focus ring, a name for screen readers, and sizes that follow the font.

Nothing here says left or right: layouts and alignments turn around with the language.
"""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from nymconnect_gui.looks.painted_button import IconButton, NavItem, Painted, Switch, Symbol
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.text.reasons import breakable
from nymconnect_gui.text.words import translate

# Those painted by hand belong to the same set.
__all__ = [
    "Card",
    "CopyField",
    "IconButton",
    "NavItem",
    "Page",
    "Painted",
    "Switch",
    "Symbol",
    "button",
    "column",
    "label",
    "line",
    "section",
    "set_role",
]

COPIED_FOR = 2000  # milliseconds


def set_role(widget: QWidget, role: str, tone: str = "") -> None:
    """Give a widget one of the looks of `theme.style_sheet`."""
    if (widget.property("role"), widget.property("tone")) == (role, tone):
        return
    widget.setProperty("role", role)
    widget.setProperty("tone", tone)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def label(text: str, role: str = "", wrap: bool = True) -> QLabel:
    """Plain text, whatever is in it: names come from other people's computers."""
    made = WrapLabel(text) if wrap else QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        set_role(made, role)
    return made


class WrapLabel(QLabel):
    """Text in as many lines as it needs: addresses and paths are cut where they may be, and no last line is lost.

    What is shown may hold invisible places to cut; `text` and the name for screen readers do not.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = ""
        self.setWordWrap(True)
        self.setText(text)

    def text(self) -> str:
        """As it was given."""
        return self._text

    def setText(self, text: str) -> None:  # noqa: N802 -- Qt's name
        if text == self._text:  # often, once a second
            return
        self._text = text
        super().setText(breakable(text))
        self.setAccessibleName(text)
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 -- Qt's name
        super().resizeEvent(event)
        self._make_room()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 -- Qt's name
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._make_room()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        # Boxes within boxes ask a text for its height too early.
        if self.isVisible():
            self.setMinimumHeight(max(0, self.heightForWidth(self.width())))


def button(text: str, pressed: Callable[[], object], role: str = "") -> QPushButton:
    """`role` is empty, primary or link."""
    made = QPushButton(text)
    made.setAutoDefault(False)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.clicked.connect(lambda: pressed())
    if role:
        set_role(made, role)
    return made


def section(text: str) -> QLabel:
    """The heading above a group of cards."""
    return label(text, "section")


def line() -> QFrame:
    """A thin line between the rows of a card."""
    made = QFrame()
    set_role(made, "line")
    return made


class Card(QFrame):
    """A box with rounded corners; fill `rows`, a vertical layout."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._theme = theme
        self.rows = QVBoxLayout(self)
        self._space()
        theme.changed.connect(self._space)

    def _space(self) -> None:
        px = self._theme.px
        self.rows.setContentsMargins(px(14), px(12), px(14), px(12))
        self.rows.setSpacing(px(8))

    def add(self, *widgets: QWidget) -> None:
        """One row for each."""
        for widget in widgets:
            self.rows.addWidget(widget)

    def add_row(self, *widgets: QWidget, stretch: int = 0) -> QHBoxLayout:
        """One row for all; the widget number `stretch` takes the room that is left."""
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(8))
        for number, widget in enumerate(widgets):
            row.addWidget(widget, 1 if number == stretch else 0)
        self.rows.addLayout(row)
        return row


class Page(QScrollArea):
    """A page: one column that scrolls when it must, never sideways. Fill `column`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._theme = theme
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setWidget(body)
        self._space()
        theme.changed.connect(self._space)

    def _space(self) -> None:
        px = self._theme.px
        self.column.setContentsMargins(px(16), px(4), px(16), px(10))
        self.column.setSpacing(px(9))

    def add(self, *widgets: QWidget) -> None:
        """Below what is there."""
        for widget in widgets:
            self.column.addWidget(widget)


class CopyField(QWidget):
    """A value with its caption and a button that copies it, and says so for two seconds."""

    def __init__(self, theme: Theme, caption: str, value: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = caption
        self._value = label(value, "mono", wrap=False)
        self._value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._copy = IconButton(theme, "copy", self._offer())
        self._copy.clicked.connect(self.copy)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COPIED_FOR)
        self._timer.timeout.connect(lambda: self._copy.set_symbol("copy", self._offer()))
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(label(caption, "small", wrap=False))
        texts.addWidget(self._value)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(2))
        row.addLayout(texts)
        row.addWidget(self._copy)

    @property
    def value(self) -> str:
        """What is shown and copied."""
        return self._value.text()

    def set_value(self, value: str) -> None:
        """Show another value."""
        if value != self._value.text():
            self._value.setText(value)

    def copy(self) -> None:
        """To the clipboard."""
        QGuiApplication.clipboard().setText(self.value)
        self._copy.set_symbol("tick", translate("Controls", "Copied"))
        self._timer.start()

    def _offer(self) -> str:
        return translate("Controls", "Copy: {name}").format(name=self._caption)


def column(theme: Theme, widgets: Iterable[QWidget], spacing: int = 4) -> QVBoxLayout:
    """Widgets one below the other."""
    made = QVBoxLayout()
    made.setSpacing(theme.px(spacing))
    for widget in widgets:
        made.addWidget(widget)
    return made
