"""The languages: nothing unfinished, nothing stale, placeholders kept, and the window loads what stands there."""

import re
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, Qt
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from nymconnect_gui import i18n
from nymconnect_gui.app import Program
from nymconnect_gui.i18n import FOLDER, install, languages, locale_for
from nymconnect_gui.pages.apps import AppsPage

REPOSITORY = Path(__file__).parents[3]
PLACEHOLDER = re.compile(r"\{[^}]*\}")


def collector() -> ModuleType:
    """The script that collects the texts, as a module."""
    spec = util.spec_from_file_location("translations", REPOSITORY / "packaging" / "translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRANSLATIONS = collector()
CODES = list(TRANSLATIONS.LANGUAGES)


@pytest.mark.parametrize("code", CODES)
def test_no_translation_is_unfinished_and_none_is_stale(code: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert TRANSLATIONS.main(["--check"]) == 0, "run `make translations` and translate: " + capfd.readouterr().err


@pytest.mark.parametrize("code", CODES)
def test_placeholders_and_keys_are_those_of_the_source(code: str) -> None:
    for (context, source), (text, _) in TRANSLATIONS.texts(FOLDER, code).items():
        assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(text)), (context, source)
        assert source.count("&") == text.count("&"), (context, source)
        assert source.endswith(".") is text.endswith("."), (context, source)


@pytest.mark.parametrize("code", CODES)
def test_what_the_window_loads_is_what_stands_there(code: str, qapp: QApplication) -> None:
    install(qapp, code)
    try:
        for (context, source), (text, _) in TRANSLATIONS.texts(FOLDER, code).items():
            assert QCoreApplication.translate(context, source) == text
    finally:
        install(qapp, "en")
    assert QCoreApplication.translate("Pages", "Settings") == "Settings"


def test_the_system_decides_unless_the_person_does(monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> None:
    assert locale_for("de").language() is QLocale.Language.German
    assert locale_for("system") == QLocale.system()
    assert languages() == ("en", *CODES)
    monkeypatch.setattr(i18n, "locale_for", lambda _: QLocale("fr_FR"))
    install(qapp, "system")
    assert QCoreApplication.translate("Pages", "Settings") == "Settings"
    monkeypatch.setattr(i18n, "locale_for", lambda _: QLocale("ar_EG"))
    install(qapp, "system")
    # English is shown, so it is not laid out from right to left.
    assert qapp.layoutDirection() is Qt.LayoutDirection.LeftToRight
    monkeypatch.undo()
    install(qapp, "en")


def test_a_language_is_chosen_in_the_window_and_counts_at_once(program: Program, qapp: QApplication) -> None:
    window = program.window
    window.show()
    window.show_page("settings-looks")
    try:
        window.page("settings-looks").language.buttons["de"].click()  # type: ignore[attr-defined]
        assert window.current == "settings-looks"
        assert window.header.title.text() == "Aussehen"
        assert program.tray.quit.text() == "Beenden"
        assert "Ausgewogen" in [choice.text() for choice in program.tray.choices.actions()]
        apps = window.page("apps")
        assert isinstance(apps, AppsPage)
        assert "Wallet" in apps.recipes["electrum"].summary
        assert "fragt" in apps.recipes["electrum"].summary
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        assert box.buttons()[0].text() == "Abbrechen"
        # Whatever the session tells now reaches the new pages only.
        qapp.processEvents()
        program.bridge.look()
        program.bridge.state_changed.emit(program.bridge.status)
        program.bridge.settings_changed.emit(program.bridge.settings)
        window.page("settings-looks").language.buttons["en"].click()  # type: ignore[attr-defined]
        assert window.header.title.text() == "Appearance"
    finally:
        install(qapp, "en")
