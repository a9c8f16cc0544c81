"""Colours, sizes and one style sheet, light and dark. Everything that is painted by hand asks here as well.

Sizes are in pixels at 96 dots an inch and grow with the system's font and with `text_scale`; Qt scales them for the
screen. No control tells anything by colour alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

BODY = 13  # pixels
RADIUS = 12
WIDTH, HEIGHT = 392, 736  # room for Home when it is connected, without a scroll bar


@dataclass(frozen=True, slots=True)
class Tokens:
    """One set of colours. Texts keep a contrast of at least 4.5 to what they stand on."""

    page: str
    card: str
    line: str
    text: str
    muted: str
    accent: str
    soft: str
    on_accent: str
    warn: str
    bad: str
    cover: str

    def color(self, name: str) -> QColor:
        """A token by name, for painters."""
        return QColor(getattr(self, name))


DARK = Tokens(
    page="#12161d",
    card="#1b212b",
    line="#2a3240",
    text="#eef2f7",
    muted="#93a0b3",
    accent="#2bd48a",
    soft="#12382a",
    on_accent="#06130c",
    warn="#f0b44c",
    bad="#ef6a6a",
    cover="#56657c",
)
LIGHT = Tokens(
    page="#f5f7fa",
    card="#ffffff",
    line="#dfe5ee",
    text="#141a23",
    muted="#5c697c",
    accent="#087a49",
    soft="#d9f3e6",
    on_accent="#ffffff",
    warn="#8a5800",
    bad="#b93434",
    cover="#a9b5c6",
)


class Theme(QObject):
    """The look of the application; `changed` comes after the style sheet is in force."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str = "system", text_scale: float = 1.0) -> None:
        super().__init__(app)
        self._app = app
        self._choice = choice
        self._text_scale = text_scale
        self._system_font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    @property
    def is_dark(self) -> bool:
        """As chosen, else as the system has it."""
        if self._choice == "system":
            return system_scheme(self._app) is Qt.ColorScheme.Dark
        return self._choice == "dark"

    @property
    def tokens(self) -> Tokens:
        """The colours in force."""
        return DARK if self.is_dark else LIGHT

    @property
    def body(self) -> int:
        """Height of the body text in pixels."""
        return max(8, round(max(BODY, self._system_pixels()) * self._text_scale))

    def px(self, length: float) -> int:
        """A length that was drawn for body text of 13 pixels, at today's size."""
        return max(1, round(length * self.body / BODY))

    def _system_pixels(self) -> float:
        if self._system_font.pixelSize() > 0:
            return float(self._system_font.pixelSize())
        return self._system_font.pointSizeF() * self._app.primaryScreen().logicalDotsPerInch() / 72

    def use_font(self, family: str) -> None:
        """Another font than the system's, if there is one of that name: for pictures."""
        if family in QFontDatabase.families():
            self._system_font.setFamily(family)
            self._apply()

    def choose(self, choice: str, text_scale: float | None = None) -> None:
        """`choice` is `system`, `light` or `dark`."""
        self._choice = choice
        self._text_scale = self._text_scale if text_scale is None else text_scale
        self._apply()

    def _system_changed(self, _: Qt.ColorScheme) -> None:
        if self._choice == "system":
            self._apply()

    def _apply(self) -> None:
        font = QFont(self._system_font)
        font.setPixelSize(self.body)
        self._app.setFont(font)
        self._app.setPalette(palette(self.tokens))
        self._app.setStyleSheet(style_sheet(self.tokens, self.px))
        self.changed.emit()


def system_scheme(app: QApplication) -> Qt.ColorScheme:
    """Light or dark, as the desktop has it, or unknown."""
    return app.styleHints().colorScheme()


def palette(tokens: Tokens) -> QPalette:
    """For what no style sheet reaches."""
    made = QPalette()
    role = QPalette.ColorRole
    for color, roles in (
        (tokens.page, (role.Window,)),
        (tokens.card, (role.Base, role.AlternateBase, role.Button, role.ToolTipBase)),
        (tokens.text, (role.WindowText, role.Text, role.ButtonText, role.ToolTipText)),
        (tokens.muted, (role.PlaceholderText,)),
        (tokens.accent, (role.Highlight, role.Link, role.Accent)),
        (tokens.on_accent, (role.HighlightedText,)),
        (tokens.line, (role.Mid, role.Midlight)),
    ):
        for one in roles:
            made.setColor(one, QColor(color))
    for one in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, one, QColor(tokens.muted))
    return made


def style_sheet(tokens: Tokens, px: Callable[[float], int]) -> str:
    """The one style sheet. Widgets ask for a look with the dynamic property `role` (`controls.set_role`)."""
    t = tokens
    return f"""
QWidget {{ color: {t.text}; }}
QMainWindow, QDialog, QScrollArea, QScrollArea > QWidget > QWidget, QStackedWidget {{ background: {t.page}; }}
QScrollArea {{ border: none; }}
QToolTip {{ background: {t.card}; color: {t.text}; border: 1px solid {t.line}; padding: {px(4)}px; }}
QLabel {{ background: transparent; }}
QLabel[role="state"] {{ font-size: {px(22)}px; font-weight: 700; }}
QLabel[role="title"] {{ font-size: {px(15)}px; font-weight: 700; }}
QLabel[role="section"] {{ font-size: {px(13)}px; font-weight: 700; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {t.muted}; }}
QLabel[role="small"] {{ color: {t.muted}; font-size: {px(11.5)}px; }}
QLabel[role="warn"] {{ color: {t.warn}; font-weight: 600; }}
QLabel[role="bad"] {{ color: {t.bad}; font-weight: 600; }}
QLabel[role="mono"] {{ font-family: "DejaVu Sans Mono", "Menlo", "Consolas", monospace; }}
QLabel[role="chip"] {{
    border: 1px solid {t.line}; border-radius: {px(9)}px; padding: {px(2)}px {px(9)}px;
    font-size: {px(11.5)}px; font-weight: 600; color: {t.muted}; }}
QLabel[role="chip"][tone="good"] {{ color: {t.accent}; }}
QLabel[role="chip"][tone="warn"] {{ color: {t.warn}; }}
QFrame[role="card"] {{ background: {t.card}; border: 1px solid {t.line}; border-radius: {px(RADIUS)}px; }}
QFrame[role="card"][tone="warn"] {{ border: 1px solid {t.warn}; }}
QFrame[role="line"] {{ background: {t.line}; border: none; max-height: 1px; min-height: 1px; }}
QFrame[role="bar"] {{ background: {t.page}; border: none; border-top: 1px solid {t.line}; }}
QPushButton {{
    background: transparent; border: 1px solid {t.line}; border-radius: {px(8)}px;
    padding: {px(5)}px {px(11)}px; font-weight: 600; min-height: {px(16)}px; }}
QPushButton:hover {{ background: {t.line}; }}
QPushButton:pressed {{ background: {t.soft}; }}
QPushButton:focus {{ border: 2px solid {t.accent}; padding: {px(5) - 1}px {px(11) - 1}px; }}
QPushButton:disabled {{ color: {t.muted}; }}
QPushButton[role="primary"] {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {t.text}; }}
QPushButton[role="primary"]:disabled {{ background: {t.line}; color: {t.muted}; border-color: {t.line}; }}
QPushButton[role="choice"] {{ font-weight: 500; padding: {px(4)}px {px(10)}px; color: {t.muted}; }}
QPushButton[role="choice"]:focus {{ padding: {px(4) - 1}px {px(10) - 1}px; }}
QPushButton[role="choice"]:checked {{
    background: {t.soft}; color: {t.text}; border-color: {t.accent}; font-weight: 700; }}
QPushButton[role="link"] {{ border: none; color: {t.accent}; padding: {px(5)}px {px(2)}px; }}
QPushButton[role="link"]:hover {{ background: transparent; text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border: 2px solid {t.accent}; border-radius: {px(4)}px; padding: {px(5) - 2}px 0px; }}
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QComboBox {{
    background: {t.page}; border: 1px solid {t.line}; border-radius: {px(8)}px; padding: {px(5)}px {px(8)}px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QComboBox:focus {{
    border: 2px solid {t.accent}; padding: {px(5) - 1}px {px(8) - 1}px; }}
QPlainTextEdit[role="log"] {{
    font-family: "DejaVu Sans Mono", "Menlo", "Consolas", monospace; font-size: {px(11)}px; background: {t.card}; }}
QComboBox QAbstractItemView {{ background: {t.card}; border: 1px solid {t.line}; }}
QMenu {{ background: {t.card}; border: 1px solid {t.line}; padding: {px(4)}px; }}
QMenu::item {{ padding: {px(5)}px {px(22)}px; border-radius: {px(6)}px; }}
QMenu::item:selected {{ background: {t.soft}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: {px(4)}px; }}
QListView {{
    background: {t.card}; border: 1px solid {t.line}; border-radius: {px(RADIUS)}px; padding: {px(3)}px;
    outline: none; }}
QScrollBar:vertical {{ background: transparent; width: {px(8)}px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.cover}; border-radius: {px(4)}px; min-height: {px(24)}px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
    background: none; border: none; height: 0; width: 0; }}
QScrollBar:horizontal {{ height: 0; }}
"""
