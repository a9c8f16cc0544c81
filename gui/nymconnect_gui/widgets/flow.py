"""A layout that puts widgets beside each other as far as they fit, and the rest into the next rows."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Rows begin at the leading edge, or are centred; with `justified` the last widget moves to the trailing edge, as
    long as one row is enough."""

    def __init__(self, spacing: int, *, centered: bool = False, justified: bool = False) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self._centered = centered
        self._justified = justified
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802 -- Qt's name
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 -- Qt asks beyond the end
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 -- Qt asks beyond the end
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802 -- Qt's name
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 -- Qt's name
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 -- Qt's name
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 -- Qt's name
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        shown = self._shown()
        wide = sum(item.sizeHint().width() for item in shown) + self.spacing() * max(0, len(shown) - 1)
        return QSize(wide, max((item.sizeHint().height() for item in shown), default=0))

    def minimumSize(self) -> QSize:  # noqa: N802 -- Qt's name
        size = QSize(0, 0)
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return size

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        rows: list[list[QLayoutItem]] = []
        used = 0
        for item in self._shown():
            wide = item.sizeHint().width()
            if not rows or used + self.spacing() + wide > width:
                rows.append([item])
                used = wide
            else:
                rows[-1].append(item)
                used += self.spacing() + wide
        return rows

    def _place(self, rect: QRect, *, move: bool) -> int:
        """The height that the rows take."""
        y = rect.y()
        rows = self._rows(rect.width())
        for row in rows:
            high = max(item.sizeHint().height() for item in row)
            free = rect.width() - sum(item.sizeHint().width() for item in row) - self.spacing() * (len(row) - 1)
            x = rect.x() + (free // 2 if self._centered else 0)
            for place, item in enumerate(row):
                size = item.sizeHint().boundedTo(QSize(rect.width(), high))
                if self._justified and len(rows) == 1 and place and place == len(row) - 1:
                    x += free
                if move:
                    at = QRect(QPoint(x, y + (high - size.height()) // 2), size)
                    item.setGeometry(self._mirrored(at, rect))
                x += size.width() + self.spacing()
            y += high + self.spacing()
        return max(0, y - rect.y() - self.spacing())

    def _mirrored(self, at: QRect, rect: QRect) -> QRect:
        parent = self.parentWidget()
        if isinstance(parent, QWidget) and parent.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            at.moveLeft(rect.left() + rect.right() - at.right())
        return at
