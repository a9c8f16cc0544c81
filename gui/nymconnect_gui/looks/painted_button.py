"""Controls that are painted by hand: the base of all of them, a switch, symbols, a place in the bar.

They show a focus ring after use of the keyboard, and have a name for screen readers.
"""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import Theme

_BY_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)


class Painted(QAbstractButton):
    """A button that is painted by hand. Subclasses give `sizeHint` and `draw`."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.is_hovered = False
        self.has_keyboard = False
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._restyled)

    def _restyled(self) -> None:
        self.updateGeometry()
        self.update()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 -- Qt's name
        self.is_hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 -- Qt's name
        self.is_hovered = False
        self.update()
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 -- Qt's name
        # Somebody who has just clicked sees where; the ring is for the keyboard.
        self.has_keyboard = event.reason() in _BY_KEYBOARD
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 -- Qt's name
        self.has_keyboard = False
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 -- Qt's name
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.draw(painter)
        painter.end()

    def draw(self, painter: QPainter) -> None:
        """Paint everything, the focus ring included."""
        raise NotImplementedError

    def draw_focus(self, painter: QPainter, radius: float) -> None:
        """A ring around the whole control while it has the keyboard."""
        if not self.has_keyboard:
            return
        painter.setPen(QPen(self.theme.tokens.color("accent"), self.theme.px(2)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inset = self.theme.px(2) / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), radius, radius)


class Switch(Painted):
    """On or off, told by the place of the knob and a tick."""

    def __init__(self, theme: Theme, name: str, on: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self.setCheckable(True)
        self.setChecked(on)

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self.theme.px(44), self.theme.px(28))

    def draw(self, painter: QPainter) -> None:
        px, tokens = self.theme.px, self.theme.tokens
        track = QRectF(self.rect()).adjusted(px(4), px(4), -px(4), -px(4))
        on = self.isChecked()
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        painter.setPen(QPen(tokens.color("accent" if on else "muted"), 1.5))
        painter.setBrush(tokens.color("accent" if on else "card"))
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        side = track.height() - px(6)
        at_end = on is not (self.layoutDirection() == Qt.LayoutDirection.RightToLeft)
        x = track.right() - side - px(3) if at_end else track.left() + px(3)
        knob = QRectF(x, track.top() + px(3), side, side)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("on_accent" if on else "muted"))
        painter.drawEllipse(knob)
        if on:
            icons.paint(painter, "tick", knob, tokens.color("accent"))
        painter.setOpacity(1.0)
        self.draw_focus(painter, self.height() / 2)


class IconButton(Painted):
    """A symbol to press; `name` is also its tooltip."""

    def __init__(self, theme: Theme, symbol: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self._symbol = symbol
        self.setToolTip(name)

    def set_symbol(self, symbol: str, name: str) -> None:
        """Another symbol, with another name."""
        self._symbol = symbol
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self.theme.px(26), self.theme.px(26))

    def draw(self, painter: QPainter) -> None:
        px, tokens = self.theme.px, self.theme.tokens
        if self.is_hovered or self.isDown():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("line"))
            painter.drawRoundedRect(QRectF(self.rect()), px(8), px(8))
        side = px(16)
        where = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        icons.paint(painter, self._symbol, where, tokens.color("text" if self.is_hovered else "muted"))
        self.draw_focus(painter, px(8))


class NavItem(Painted):
    """One page in the bottom bar: symbol over word; the current one has a bar above as well."""

    def __init__(self, theme: Theme, symbol: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, text, parent)
        self._symbol = symbol
        self.setText(text)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        px = self.theme.px
        return QSize(max(px(64), self.fontMetrics().horizontalAdvance(self.text()) + px(8)), px(54))

    def draw(self, painter: QPainter) -> None:
        px, tokens = self.theme.px, self.theme.tokens
        color = tokens.color("text" if self.isChecked() or self.is_hovered else "muted")
        side = px(20)
        icons.paint(painter, self._symbol, QRectF((self.width() - side) / 2, px(9), side, side), color)
        font = self.font()
        font.setPixelSize(px(11))
        font.setBold(self.isChecked())
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(QRectF(0, px(31), self.width(), px(17)), Qt.AlignmentFlag.AlignCenter, self.text())
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("accent"))
            painter.drawRoundedRect(QRectF(self.width() / 2 - px(14), 0, px(28), px(3)), px(1.5), px(1.5))
        self.draw_focus(painter, px(8))


class Symbol(QWidget):
    """A symbol beside a text that says the same; screen readers pass over it."""

    def __init__(self, theme: Theme, symbol: str, color: str = "muted", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._symbol = symbol
        self._color = color
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self._theme.px(18), self._theme.px(18))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        icons.paint(painter, self._symbol, QRectF(self.rect()), self._theme.tokens.color(self._color))
        painter.end()
