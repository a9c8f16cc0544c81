"""The program's own symbols: SVG files of `nymconnect_resources` that are drawn in any colour and at any size."""

import re
from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from nymconnect_resources import read_text

SIZES = (16, 22, 24, 32, 48, 64)
VIEW = 24  # the side of our drawings, in their own units
RIM = 2.6
_INK = "currentColor"


@cache
def _source(name: str) -> str:
    return read_text(f"icons/{name}.svg")


def paint(painter: QPainter, name: str, where: QRectF, color: QColor) -> None:
    """Draw the symbol `name` into `where`."""
    _render(painter, _source(name), where, color)


def _render(painter: QPainter, source: str, where: QRectF, color: QColor) -> None:
    QSvgRenderer(QByteArray(source.replace(_INK, color.name()).encode())).render(painter, where)


def _blank(side: int) -> QPixmap:
    picture = QPixmap(QSize(side, side))
    picture.fill(Qt.GlobalColor.transparent)
    return picture


def pixmap(name: str, size: int, color: QColor, ratio: float = 1.0) -> QPixmap:
    """A picture of `size` × `size` device-independent pixels, transparent around the symbol."""
    picture = _blank(round(size * ratio))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter, name, QRectF(0, 0, picture.width(), picture.height()), color)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def outlined(name: str, color: QColor, outline: QColor) -> QIcon:
    """The symbol in all usual sizes, with a rim in another colour, so that it can be seen on light and on dark."""
    rim = re.sub(r'stroke-width="([\d.]+)"', lambda found: f'stroke-width="{float(found[1]) + RIM}"', _source(name))
    made = QIcon()
    for size in SIZES:
        picture = _blank(size)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for source, ink in ((rim, outline), (_source(name), color)):
            # A little smaller than the picture, or the rim would be cut off.
            edge = size * RIM / 2 / VIEW
            _render(painter, source, QRectF(edge, edge, size - 2 * edge, size - 2 * edge), ink)
        painter.end()
        made.addPixmap(picture)
    return made
