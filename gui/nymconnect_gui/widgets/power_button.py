"""The one large button, and the way of a packet below it: every state has a shape of its own, colour comes on top.

==============  ==========================================  =============
state           ring                                        sign inside
==============  ==========================================  =============
Disconnected    one thin line                               power, hollow
Waiting         dashes                                      power
Connecting      a thin line with an arc that moves          power
Connected       a full, thick line around a filled disc     power
Disconnecting   an arc that moves the other way             power
Failed          two thick halves with gaps                  !
==============  ==========================================  =============
"""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QStyle, QWidget

from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.text.words import Mood, action, translate, word
from nymconnect_gui.widgets.controls import Painted

FRAME = 33  # milliseconds
STEP = 6  # degrees a frame
_COLORS = {
    Mood.OFF: "muted",
    Mood.WAITING: "accent",
    Mood.CONNECTING: "warn",
    Mood.CONNECTED: "accent",
    Mood.STOPPING: "warn",
    Mood.FAILED: "bad",
}


class PowerRing(Painted):
    """Shows a mood and is pressed to change it. Only what can be seen moves, and only if the system wants movement."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", parent)
        self._mood = Mood.OFF
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._step)
        self._name()

    @property
    def mood(self) -> Mood:
        """What it shows."""
        return self._mood

    @property
    def is_moving(self) -> bool:
        """Whether it repaints by itself."""
        return self._timer.isActive()

    def set_mood(self, mood: Mood) -> None:
        """Show another state."""
        self._mood = mood
        self.setEnabled(mood is not Mood.STOPPING)
        self._name()
        self._move_or_rest()
        self.update()

    def _name(self) -> None:
        self.setAccessibleName(
            translate("Home", "{action} (now: {state})").format(action=action(self._mood), state=word(self._mood))
        )
        self.setToolTip(action(self._mood) if self._mood is not Mood.STOPPING else "")

    def _move_or_rest(self) -> None:
        wants = self.style().styleHint(QStyle.StyleHint.SH_Widget_Animate, None, self) != 0
        if self._mood.moves and wants and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _step(self) -> None:
        self._angle = (self._angle + (STEP if self._mood is Mood.CONNECTING else -STEP)) % 360
        self.update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._move_or_rest()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 -- Qt's name
        super().hideEvent(event)
        self._timer.stop()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 -- Qt's name
        super().changeEvent(event)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        side = self.theme.px(156)
        return QSize(side, side)

    def draw(self, painter: QPainter) -> None:
        px, tokens, mood = self.theme.px, self.theme.tokens, self._mood
        inset = px(7)
        ring = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        disc = ring.adjusted(px(15), px(15), -px(15), -px(15))
        color = tokens.color(_COLORS[mood])
        painter.setPen(QPen(tokens.color("line"), px(1)))
        painter.setBrush(tokens.color("soft" if mood is Mood.CONNECTED else "line" if self.isDown() else "card"))
        painter.drawEllipse(disc)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.is_hovered and self.isEnabled():
            painter.setPen(QPen(color, px(1.5)))
            painter.drawEllipse(disc)
        self._draw_ring(painter, ring)
        side = px(52)
        sign = QRectF(ring.center().x() - side / 2, ring.center().y() - side / 2, side, side)
        icons.paint(painter, "alert" if mood is Mood.FAILED else "power", sign, color)
        if self.has_keyboard:
            edge = px(2) / 2
            painter.setPen(QPen(tokens.color("text"), px(2), Qt.PenStyle.DotLine))
            painter.drawEllipse(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge))

    def _draw_ring(self, painter: QPainter, ring: QRectF) -> None:
        px, tokens, mood = self.theme.px, self.theme.tokens, self._mood
        pen = QPen(tokens.color(_COLORS[mood]), px(4))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        match mood:
            case Mood.OFF:
                pen.setWidthF(px(1.5))
                painter.setPen(pen)
                painter.drawEllipse(ring)
            case Mood.WAITING:
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                for start in range(0, 360, 20):
                    painter.drawArc(ring, start * 16, 11 * 16)
            case Mood.CONNECTING | Mood.STOPPING:
                painter.setPen(QPen(tokens.color("cover"), px(1.5)))
                painter.drawEllipse(ring)
                painter.setPen(pen)
                painter.drawArc(ring, (90 - self._angle) * 16, -(90 if mood is Mood.CONNECTING else 45) * 16)
            case Mood.CONNECTED:
                painter.setPen(pen)
                painter.drawEllipse(ring)
            case Mood.FAILED:
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawArc(ring, 20 * 16, 140 * 16)
                painter.drawArc(ring, 200 * 16, 140 * 16)


class HopStrip(QWidget):
    """The hops of a packet, from this computer to the site. A filled dot is a hop that packets pass now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lit = 0
        theme.changed.connect(self.updateGeometry)

    @staticmethod
    def hops() -> list[str]:
        """Their names, in order."""
        mix = translate("Home", "Mix")
        return [
            translate("Home", "You"),
            translate("Home", "Gateway"),
            mix,
            mix,
            mix,
            translate("Home", "Exit"),
            translate("Home", "Site"),
        ]

    @property
    def lit(self) -> int:
        """How many hops from this computer on are in use."""
        return self._lit

    def light(self, count: int) -> None:
        """Packets pass the first `count` hops."""
        self._lit = count
        names = self.hops()
        text = translate("Home", "in use up to: {hop}").format(hop=names[count - 1]) if count else ""
        self.setAccessibleName(translate("Home", "The way of a packet: {hops}").format(hops=", ".join(names)))
        self.setAccessibleDescription(text)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self._theme.px(280), self._theme.px(40))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        px, tokens = self._theme.px, self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = self.hops()
        wide = self.width() / len(names)
        y, radius = px(12), px(5)
        centers = [QPointF(wide * (number + 0.5), y) for number in range(len(names))]
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            centers.reverse()
        font = self.font()
        font.setPixelSize(px(10.5))
        painter.setFont(font)
        for number, center in enumerate(centers):
            is_lit = number < self._lit
            color = tokens.color("accent" if is_lit else "cover")
            if number:
                painter.setPen(QPen(color, px(2) if is_lit else px(1)))
                before = centers[number - 1]
                gap = radius + px(3) if center.x() > before.x() else -radius - px(3)
                painter.drawLine(QPointF(before.x() + gap, y), QPointF(center.x() - gap, y))
        for number, center in enumerate(centers):
            is_lit = number < self._lit
            color = tokens.color("accent" if is_lit else "cover")
            painter.setPen(QPen(color, px(2)))
            is_end = number in (0, len(names) - 1)
            painter.setBrush(color if is_lit and not is_end else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(center, radius, radius)
            painter.setPen(tokens.color("text" if is_lit else "muted"))
            box = QRectF(center.x() - wide / 2, y + radius + px(5), wide, px(16))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, names[number])
        painter.end()
