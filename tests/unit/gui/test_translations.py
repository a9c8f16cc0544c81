"""The languages: nothing unfinished, nothing stale, placeholders kept, and the window loads what stands there."""

import re

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QLabel, QWidget

from nymconnect_gui.app import Program
from nymconnect_gui.pages.apps import AppsPage
from nymconnect_gui.pages.diagnostics.about import PARTS
from nymconnect_gui.text import i18n
from nymconnect_gui.text.i18n import FOLDER, install, language_name, languages, locale_for
from nymconnect_gui.window import PAGES
from nymconnect_proxy.session.alarms import RequesterSilent
from nymconnect_proxy.session.downlink_report import DownlinkCause, DownlinkReport
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.recipes import load_recipes, rendered
from tests.helpers.fake_session import snapshot
from tests.helpers.scripts import packaging_script

PLACEHOLDER = re.compile(r"\{[^}]*\}")


TRANSLATIONS = packaging_script("translations")
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
    assert [language_name(code) for code in languages()] == ["English", "Deutsch"]
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


# What programs without a German window call their fields.
PROGRAMS_OWN = {"Proxy port:"}
TWO_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


def shown_texts(program: Program) -> set[str]:
    """All that pages, recipes and the tray's menu show or tell a screen reader, if it has two words or more."""
    found = {action.text() for action in program.tray.menu.actions()}
    shows = DownlinkReport(DownlinkCause.FOLLOWS_DATA)
    status = snapshot(State.CONNECTED, alarms=(RequesterSilent("home"),), downlink=shows)
    program.window.show()
    program.bridge._take(status)
    for spec in PAGES:
        program.window.show_page(spec.key)
        page = program.window.page(spec.key)
        for key in page.recipes if isinstance(page, AppsPage) else [""]:
            if isinstance(page, AppsPage):
                page.open(key)
            for widget in program.window.centralWidget().findChildren(QWidget):
                found |= {widget.accessibleName(), widget.accessibleDescription(), widget.toolTip()}
                if isinstance(widget, QLabel | QAbstractButton):
                    found.add(widget.text())
    return {text for text in found if TWO_WORDS.search(text)}


def test_no_text_of_the_window_is_left_in_english(program: Program, qapp: QApplication) -> None:
    english = shown_texts(program)
    try:
        program.store.change(language="de")
        same = english & shown_texts(program)
    finally:
        install(qapp, "en")
    names = {recipe.name for recipe in load_recipes()} | {licence for _, licence in PARTS} | PROGRAMS_OWN
    assert {text for text in same if text not in names and not is_to_be_copied(text)} == set()


def is_to_be_copied(text: str) -> bool:
    """Whether a recipe has it as a value."""
    values = (rendered(recipe, "127.0.0.1", 1080).steps for recipe in load_recipes())
    return any(text == step.value for steps in values for step in steps)
