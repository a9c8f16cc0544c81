"""The program's own symbols: SVG files of `nymconnect_resources` that are drawn in any colour and at any size."""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from nymconnect_resources import read_text

SIZES = (16, 22, 24, 32, 48, 64)
_INK = "currentColor"


@cache
def _source(name: str) -> str:
    return read_text(f"icons/{name}.svg")


def paint(painter: QPainter, name: str, where: QRectF, color: QColor) -> None:
    """Draw the symbol `name` into `where`."""
    renderer = QSvgRenderer(QByteArray(_source(name).replace(_INK, color.name()).encode()))
    renderer.render(painter, where)


def pixmap(name: str, size: int, color: QColor, ratio: float = 1.0) -> QPixmap:
    """A picture of `size` × `size` device-independent pixels, transparent around the symbol."""
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter, name, QRectF(0, 0, picture.width(), picture.height()), color)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, color: QColor) -> QIcon:
    """The symbol in all usual sizes."""
    made = QIcon()
    for size in SIZES:
        made.addPixmap(pixmap(name, size, color))
    return made
