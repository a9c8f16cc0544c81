"""The language of the window: English in the source, others from ``translations/nymconnect_*.qm``.

`make translations` collects the texts and makes these files. Texts of the layers below, which know no Qt (names and
sentences of presets, findings of the test, the usual reasons), are collected from their tables.
"""

from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication

FOLDER = Path(__file__).parents[1] / "translations"
SOURCE = "en"
_installed: list[QTranslator] = []


def languages() -> tuple[str, ...]:
    """Codes of the languages that there are."""
    return (SOURCE, *sorted(path.stem.removeprefix("nymconnect_") for path in FOLDER.glob("nymconnect_*.qm")))


def language_name(code: str) -> str:
    """In itself, so that those who read it find it."""
    name = "English" if code == SOURCE else QLocale(code).nativeLanguageName()
    return name[:1].upper() + name[1:]


def locale_for(choice: str) -> QLocale:
    """Of a language's code, or of the system."""
    return QLocale.system() if choice == "system" else QLocale(choice)


def install(app: QApplication, choice: str) -> None:
    """Speak this language from now on; texts that are shown already stay as they are."""
    while _installed:
        app.removeTranslator(_installed.pop())
    locale = locale_for(choice)
    QLocale.setDefault(locale)
    for name, folder in (
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        ("nymconnect", str(FOLDER)),
    ):
        translator = QTranslator()
        if translator.load(locale, name, "_", folder):
            app.installTranslator(translator)
            _installed.append(translator)
    has_own = locale.name().split("_")[0] in languages()
    right_to_left = has_own and locale.textDirection() is Qt.LayoutDirection.RightToLeft
    app.setLayoutDirection(Qt.LayoutDirection.RightToLeft if right_to_left else Qt.LayoutDirection.LeftToRight)
