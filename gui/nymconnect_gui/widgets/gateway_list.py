"""The gateways as a list to choose from: what is shown of each, and how it is painted. It knows no session.

One stop for the Tab key: arrows move, Enter or Space chooses. A list of Qt's, because a network may have hundreds.
"""

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.text import words
from nymconnect_gui.text.words import translate
from nymconnect_proxy.session.status import KnownGateway

Index = QModelIndex | QPersistentModelIndex
TITLE, DETAILS, FIGURE, CHOSEN = (Qt.ItemDataRole.UserRole + number for number in range(1, 5))
SMALL = 11.5 / 13  # of the body text, as the style sheet has it


def in_order(gateways: Iterable[KnownGateway]) -> tuple[KnownGateway, ...]:
    """The best performance first; of equals, by country and name."""
    return tuple(sorted(gateways, key=lambda one: (-_per_cent(one), one.country or "~", one.host, one.identity)))


def matching(gateways: Iterable[KnownGateway], text: str) -> tuple[KnownGateway, ...]:
    """Those with every word of `text` in their name, address or country, or at the beginning of their key."""
    wanted = text.split()
    return tuple(one for one in gateways if all(_has(one, word) for word in wanted))


def _has(gateway: KnownGateway, word: str) -> bool:
    country = gateway.country and QLocale.territoryToString(QLocale.codeToTerritory(gateway.country))
    texts = (gateway.host, gateway.country, country)
    return gateway.identity.startswith(word) or any(word.casefold() in text.casefold() for text in texts)


def _per_cent(gateway: KnownGateway) -> int:
    return 0 if gateway.performance is None else int(gateway.performance * 100 + 1e-9)  # never rounded up


class GatewayModel(QAbstractListModel):
    """*Automatic*, then the gateways. `can_choose`: whether one of them can be taken, and not *Automatic* alone."""

    def __init__(self) -> None:
        super().__init__()
        self.gateways: tuple[KnownGateway, ...] = ()
        self.chosen: str | None = None
        self.can_choose = True

    def show(self, gateways: tuple[KnownGateway, ...], chosen: str | None, *, can_choose: bool) -> None:
        """Bring it up to date; the place in the list is lost only if it has become another one."""
        if gateways != self.gateways:
            self.beginResetModel()
            self.gateways, self.chosen, self.can_choose = gateways, chosen, can_choose
            self.endResetModel()
        elif (chosen, can_choose) != (self.chosen, self.can_choose):
            self.chosen, self.can_choose = chosen, can_choose
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def identity(self, index: Index) -> str | None:
        """Key of the gateway in that row, None for *Automatic*."""
        return self.gateways[index.row() - 1].identity if index.row() else None

    def row_of(self, identity: str | None) -> int | None:
        """Where it stands, if it does."""
        if identity is None:
            return 0
        return next((row for row, one in enumerate(self.gateways, 1) if one.identity == identity), None)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 -- Qt's name
        return 0 if parent is not None and parent.isValid() else len(self.gateways) + 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.row() and not self.can_choose:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        gateway = self.gateways[index.row() - 1] if index.row() else None
        title, details, figure = _texts(gateway)
        is_chosen = self.chosen == (gateway.identity if gateway else None)
        if role == CHOSEN:
            return is_chosen
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{gateway.host}\n{gateway.identity}" if gateway else ""
        if role == Qt.ItemDataRole.AccessibleTextRole:
            performance = translate("Gateways", "performance {figure}").format(figure=figure) if figure else ""
            chosen = translate("Gateways", "chosen") if is_chosen else ""
            return ", ".join(text for text in (title, details, performance, chosen) if text)
        shown = {Qt.ItemDataRole.DisplayRole: title, TITLE: title, DETAILS: details, FIGURE: figure}
        return shown.get(role)


def _texts(gateway: KnownGateway | None) -> tuple[str, str, str]:
    if gateway is None:
        return translate("Gateways", "Automatic"), translate("Gateways", "Chosen at random once, then kept"), ""
    details = f"{gateway.country} · " if gateway.country else ""
    figure = "" if gateway.performance is None else f"{words.number(_per_cent(gateway))} %"
    return gateway.host, details + words.short(gateway.identity), figure


class GatewayRow(QStyledItemDelegate):
    """Name and details below each other, the figure at the end, a tick where it is chosen."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 -- Qt's name
        high = QFontMetrics(option.font).height() + QFontMetrics(self._small(option.font)).height()
        return QSize(0, high + self._theme.px(12))

    def _small(self, font: QFont) -> QFont:
        made = QFont(font)
        made.setPixelSize(max(1, round(self._theme.body * SMALL)))
        return made

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setLayoutDirection(option.direction)
        self._paint_ground(painter, option, index)
        self._paint_texts(painter, option, index)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        px, tokens, state = self._theme.px, self._theme.tokens, option.state
        inner = option.rect.adjusted(px(2), px(1), -px(2), -px(1))
        hovered = state & QStyle.StateFlag.State_MouseOver and state & QStyle.StateFlag.State_Enabled
        painter.setPen(Qt.PenStyle.NoPen)
        if index.data(CHOSEN) or hovered:
            painter.setBrush(tokens.color("soft" if index.data(CHOSEN) else "line"))
            painter.drawRoundedRect(inner, px(8), px(8))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(tokens.color("accent"), px(2)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(inner, px(8), px(8))

    def _paint_texts(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        px, tokens = self._theme.px, self._theme.tokens
        whole: QRect = option.rect.adjusted(px(10), px(6), -px(10), -px(6))
        enabled = bool(option.state & QStyle.StateFlag.State_Enabled)
        font: QFont = option.font
        metrics, tick, figure = QFontMetrics(font), px(16), str(index.data(FIGURE))
        end = metrics.horizontalAdvance(figure) + px(6) if figure else 0

        def place(x: int, y: int, width: int, height: int) -> QRect:
            inside = QRect(whole.left() + x, whole.top() + y, max(0, width), height)
            return QStyle.visualRect(option.direction, whole, inside)

        room, centre = whole.width() - end - tick - px(8), Qt.AlignmentFlag.AlignVCenter
        leading, trailing = Qt.AlignmentFlag.AlignLeading, Qt.AlignmentFlag.AlignTrailing
        painter.setFont(font)
        painter.setPen(tokens.color("text" if enabled else "muted"))
        title = metrics.elidedText(str(index.data(TITLE)), Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(place(0, 0, room, metrics.height()), leading | centre, title)
        painter.setPen(tokens.color("text" if index.data(CHOSEN) else "muted"))  # to be read on its ground, too
        painter.drawText(place(whole.width() - end - tick, 0, end, whole.height()), trailing | centre, figure)
        painter.setFont(self._small(font))
        below = QFontMetrics(painter.font())
        details = below.elidedText(str(index.data(DETAILS)), Qt.TextElideMode.ElideRight, room)
        painter.drawText(place(0, metrics.height(), room, below.height()), leading | centre, details)
        if index.data(CHOSEN):
            where = place(whole.width() - tick + px(4), (whole.height() - tick) // 2, tick, tick)
            icons.paint(painter, "tick", where.toRectF(), tokens.color("accent"))


class GatewayList(QListView):
    """`chosen` tells the key of the gateway that a person took, None for *Automatic*."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.rows = GatewayModel()
        self.setModel(self.rows)
        self.setItemDelegate(GatewayRow(theme, self))
        self.setAccessibleName(name)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)  # for the row under the pointer
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.clicked.connect(self._take)
        self.activated.connect(self._take)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_chosen(self) -> None:
        """Scroll to what is chosen, and let the keyboard begin there."""
        row = self.rows.row_of(self.rows.chosen)
        self.setCurrentIndex(self.rows.index(row or 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 -- Qt's name
        if event.key() == Qt.Key.Key_Space:
            self._take(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _take(self, index: QModelIndex) -> None:
        if index.isValid() and index.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.chosen.emit(self.rows.identity(index))

    def _restyle(self) -> None:
        self.setMinimumHeight(self._theme.px(150))
        self.scheduleDelayedItemsLayout()
