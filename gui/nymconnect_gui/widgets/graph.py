"""The last two minutes on the wire: own data inside the constant rate, sent above and received below.

An observer sees the outline only. Data is filled, cover is hatched, so that the two differ without colour.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.model.history import SPAN, PacketRates, Sample
from nymconnect_gui.text.words import translate

HEADROOM = 1.4  # leaves a place for the words above the line
SMOOTH = 3  # samples: sending times are random, and one second says little


class TrafficGraph(QWidget):
    """Give it samples with `show_samples`; it paints when it can be seen."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._samples: tuple[Sample, ...] = ()
        self._now = 0.0
        self._rate: float | None = None
        self.paints = 0
        theme.changed.connect(self.updateGeometry)
        self.setAccessibleName(translate("Home", "Traffic of the last two minutes"))

    def show_samples(self, samples: Sequence[Sample], now: float, rate: float | None) -> None:
        """`rate` is the rate in packets a second that sending keeps whatever happens, None if it follows the data."""
        self._samples, self._now, self._rate = tuple(samples), now, rate
        if samples:
            up, down = mean(samples, lambda one: one.up), mean(samples, lambda one: one.down)
            text = translate(
                "Home",
                "{up:.0f} packets a second sent, {up_data:.0f} of them your data; "
                "{down:.0f} received, {down_data:.0f} of them your data",
            )
            self.setAccessibleDescription(
                text.format(up=up.total, up_data=up.data, down=down.total, down_data=down.data)
            )
        else:
            self.setAccessibleDescription(translate("Home", "nothing on the wire"))
        if self.isVisible():
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self._theme.px(280), self._theme.px(80))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return QSize(self._theme.px(120), self._theme.px(80))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        self.paints += 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        half = self.height() / 2
        lanes: tuple[tuple[Callable[[Sample], PacketRates], float], ...] = (
            (lambda sample: sample.up, -1.0),
            (lambda sample: sample.down, 1.0),
        )
        top = max((flow(one).total for flow, _ in lanes for one in self._samples), default=0.0)
        top = max(top, (self._rate or 0.0)) * HEADROOM or 1.0
        scale = (half - self._theme.px(2)) / top
        for flow, sign in lanes:
            self._draw_lane(painter, flow, half + sign, sign * scale)
        tokens = self._theme.tokens
        painter.setPen(QPen(tokens.color("cover"), 1))
        painter.drawLine(QPointF(0, half), QPointF(self.width(), half))
        if self._rate and self._samples:
            painter.setPen(QPen(tokens.color("muted"), 1, Qt.PenStyle.DashLine))
            y = half - self._rate * scale
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))
        font = self.font()
        font.setPixelSize(self._theme.px(10.5))
        painter.setFont(font)
        painter.setPen(tokens.color("muted"))
        margin = self._theme.px(3)
        box = QRectF(margin, 0, self.width() - 2 * margin, self.height())
        side = Qt.AlignmentFlag.AlignLeading
        painter.drawText(box, side | Qt.AlignmentFlag.AlignTop, translate("Home", "sent"))
        painter.drawText(box, side | Qt.AlignmentFlag.AlignBottom, translate("Home", "received"))
        painter.end()

    def _draw_lane(self, painter: QPainter, flow: Callable[[Sample], PacketRates], base: float, scale: float) -> None:
        """`scale` in pixels for a packet a second, negative for upwards."""
        if not self._samples:
            return
        tokens = self._theme.tokens
        totals: list[QPointF] = []
        datas: list[QPointF] = []
        for number, sample in enumerate(self._samples):
            average = mean(self._samples[: number + 1], flow)
            x = self._x(sample.end)
            totals.append(QPointF(x, base + average.total * scale))
            datas.append(QPointF(x, base + average.data * scale))
        outline = _closed(totals, base)
        hatch(painter, outline, tokens.color("cover"), self._theme.px(5))
        painter.setPen(QPen(tokens.color("cover"), self._theme.px(1)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolygon(outline)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("accent"))
        painter.drawPolygon(_closed(datas, base))

    def _x(self, when: float) -> float:
        share = (when - self._now) / SPAN + 1
        return self.width() * (1 - share if self.layoutDirection() == Qt.LayoutDirection.RightToLeft else share)


def _closed(outline: list[QPointF], base: float) -> QPolygonF:
    """The area between an outline and its base line."""
    return QPolygonF([QPointF(outline[0].x(), base), *outline, QPointF(outline[-1].x(), base)])


def hatch(painter: QPainter, area: QPolygonF, color: QColor, gap: float) -> None:
    """Diagonal lines, `gap` pixels apart. Qt's own patterns are finer the finer the screen, until nobody sees them."""
    box, path = area.boundingRect(), QPainterPath()
    path.addPolygon(area)
    first, last = (box.left() + box.top()) // gap, (box.right() + box.bottom()) // gap
    painter.save()
    painter.setClipPath(path)
    painter.setPen(QPen(color, gap / 4))
    for place in range(int(first), int(last) + 1):  # where x + y is a multiple of the gap, so that they stand still
        at = place * gap
        painter.drawLine(QPointF(at - box.bottom(), box.bottom()), QPointF(at - box.top(), box.top()))
    painter.restore()


def mean(samples: Sequence[Sample], flow: Callable[[Sample], PacketRates]) -> PacketRates:
    """Of the last few of them, by their length."""
    last = samples[-SMOOTH:]
    seconds = sum(sample.seconds for sample in last)
    if not seconds:
        return PacketRates()
    data = sum(flow(sample).data * sample.seconds for sample in last) / seconds
    return PacketRates(data, sum(flow(sample).cover * sample.seconds for sample in last) / seconds)


class Legend(QWidget):
    """What filled and hatched mean."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        theme.changed.connect(self.updateGeometry)

    def _texts(self) -> tuple[str, str]:
        return translate("Home", "your data"), translate("Home", "cover")

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        px = self._theme.px
        wide = sum(self.fontMetrics().horizontalAdvance(text) for text in self._texts())
        return QSize(wide + 2 * px(18) + px(14), self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        px, tokens = self._theme.px, self._theme.tokens
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(px(11.5))
        painter.setFont(font)
        side = px(9)
        colors = (tokens.color("accent"), tokens.color("cover"))
        is_mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        x = 0.0
        for number, (text, color) in enumerate(zip(self._texts(), colors, strict=True)):
            wide = painter.fontMetrics().horizontalAdvance(text) + 1
            at = self.width() - x - side if is_mirrored else x
            box = QRectF(at, (self.height() - side) / 2, side, side)
            if number:
                hatch(painter, QPolygonF(box), color, px(4))
            painter.setPen(QPen(color, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush if number else color)
            painter.drawRect(box)
            painter.setPen(tokens.color("muted"))
            left = self.width() - x - px(14) - wide if is_mirrored else x + px(14)
            painter.drawText(QRectF(left, 0, wide, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            x += px(14) + wide + px(12)
        painter.end()
