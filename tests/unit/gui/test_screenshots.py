"""The pictures in the documentation: every page and state in both themes and sizes, none blank, none left over."""

from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from nymconnect_gui.looks.theme import DARK, LIGHT
from nymconnect_gui.window import PAGES
from tests.helpers.scripts import packaging_script

REPOSITORY = Path(__file__).parents[3]
FOLDER = REPOSITORY / "docs" / "screenshots"
MARGIN, SCROLL_BAR = 6, 9  # pixels at 100 %


SCREENSHOTS = packaging_script("screenshots")
NAMES = [scene.name for scene in SCREENSHOTS.scenes()]


def test_there_is_a_picture_of_every_page_and_none_of_what_is_gone() -> None:
    assert {scene.page for scene in SCREENSHOTS.scenes()} == {spec.key for spec in PAGES}
    assert {path.name for path in FOLDER.glob("*.png")} == SCREENSHOTS.file_names(), "run `make screenshots`"


@pytest.mark.parametrize("name", NAMES)
def test_pictures_show_something_in_the_colours_of_their_theme(name: str) -> None:
    for theme, tokens in (("dark", DARK), ("light", LIGHT)):
        pictures = [QImage(str(FOLDER / SCREENSHOTS.file_name(name, theme, scale))) for scale in SCREENSHOTS.SCALES]
        small, large = pictures
        assert (large.width(), large.height()) == (2 * small.width(), 2 * small.height())
        for picture in pictures:
            side, top = picture.width() // 2, picture.height() // 10
            corner = picture.pixelColor(1, picture.height() - 2)
            assert corner.name() == tokens.page
            # The header, the page, and the bar have each something on them.
            for begin, end in ((0, top), (top, 8 * top), (9 * top, 10 * top)):
                found = {picture.pixelColor(x, y).rgb() for x in range(0, 2 * side, 5) for y in range(begin, end, 6)}
                assert len(found) > 8


def rows_with_something_in_the_margin(picture: QImage, scale: int) -> list[int]:
    """Rows that are not of one colour along the left or right edge. A scroll bar may stand at the right one."""
    whole = picture.convertToFormat(QImage.Format.Format_RGB32)
    width, margin = whole.width(), MARGIN * scale
    pixels = memoryview(whole.constBits()).cast("I")
    found = []
    for y in range(whole.height()):
        row = pixels[y * width : (y + 1) * width]
        left = set(row[:margin])
        right = set(row[width - margin - SCROLL_BAR * scale : width - SCROLL_BAR * scale])
        if len(left) > 1 or len(right) > 1:
            found.append(y)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_nothing_reaches_the_sides_of_the_window(name: str) -> None:
    for theme in SCREENSHOTS.THEMES:
        for scale in SCREENSHOTS.SCALES:
            picture = QImage(str(FOLDER / SCREENSHOTS.file_name(name, theme, scale)))
            assert rows_with_something_in_the_margin(picture, scale) == []


def test_a_label_that_is_too_wide_for_the_window_is_seen() -> None:
    picture = QImage(str(FOLDER / SCREENSHOTS.file_name("home-connected", "dark", 1)))
    wide = picture.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(wide)
    painter.fillRect(wide.width() - 60, 300, 60, 12, QColor("white"))
    for x in range(wide.width() - 60, wide.width(), 5):
        painter.fillRect(x, 300, 2, 12, QColor("black"))
    painter.end()
    assert set(rows_with_something_in_the_margin(wide, 1)) == set(range(300, 312))
