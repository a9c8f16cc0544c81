"""The pictures in the documentation: every page and state in both themes and sizes, none blank, none left over."""

from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from nymconnect_gui.theme import DARK, LIGHT
from nymconnect_gui.window import PAGES
from tests.helpers.scripts import packaging_script

REPOSITORY = Path(__file__).parents[3]
FOLDER = REPOSITORY / "docs" / "screenshots"


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
