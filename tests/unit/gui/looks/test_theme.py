"""Light and dark, at any size: enough contrast, and live."""

from itertools import product

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from nymconnect_gui.app import Program
from nymconnect_gui.looks import theme as theme_module
from nymconnect_gui.looks.theme import DARK, LIGHT, Tokens

TEXTS = ("text", "muted", "accent", "warn", "bad")


def luminance(color: QColor) -> float:
    """Relative luminance, WCAG 2.1."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def contrast(tokens: Tokens, front: str, back: str) -> float:
    """From 1 to 21."""
    bright, dark = sorted((luminance(tokens.color(name)) for name in (front, back)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("tokens", "front", "back"),
    [
        *product((DARK, LIGHT), TEXTS, ("page", "card")),
        *product((DARK, LIGHT), ("text",), ("soft", "line")),
        *product((DARK, LIGHT), ("on_accent",), ("accent",)),
    ],
)
def test_texts_can_be_read(tokens: Tokens, front: str, back: str) -> None:
    assert contrast(tokens, front, back) >= 4.5


def test_a_choice_counts_at_once_for_everything(program: Program, qapp: QApplication) -> None:
    changes: list[None] = []
    program.theme.changed.connect(lambda: changes.append(None))
    program.window.show()
    for choice, tokens in (("dark", DARK), ("light", LIGHT)):
        program.theme.choose(choice)
        assert program.theme.tokens is tokens
        assert tokens.page in qapp.styleSheet()
        corner = program.window.grab().toImage().pixelColor(1, 1)
        assert corner.name() == tokens.page
    assert len(changes) == 2


def test_the_system_is_followed_live_unless_the_user_has_chosen(
    program: Program, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    scheme = [Qt.ColorScheme.Light]
    monkeypatch.setattr(theme_module, "system_scheme", lambda app: scheme[0])
    program.theme.choose("system")
    assert program.theme.tokens is LIGHT
    scheme[0] = Qt.ColorScheme.Dark
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert program.theme.tokens is DARK
    assert DARK.page in qapp.styleSheet()
    program.theme.choose("light")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert program.theme.tokens is LIGHT


def test_sizes_follow_the_text(program: Program) -> None:
    ring = program.window.page("home").ring  # type: ignore[attr-defined]
    before = ring.sizeHint().width()
    program.theme.choose("light", text_scale=2.0)
    assert ring.sizeHint().width() == pytest.approx(2 * before, abs=2)
    assert program.theme.px(10) == pytest.approx(2 * 10 * program.theme.body / 2 / 13, abs=1)
    program.theme.choose("light", text_scale=1.0)
