"""Settings of how the window looks and speaks."""

from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart, theme_names
from nymconnect_gui.text.i18n import language_name, languages
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, section
from nymconnect_gui.widgets.forms import Choice

SIZES = (1.0, 1.25, 1.5, 2.0)


class LooksSettingsPage(SettingsPart):
    """Theme, size of text, language."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        store, theme = context.store, context.theme
        self.looks = Choice(theme, translate("Settings", "Colours"), theme_names())
        self.looks.chosen.connect(self._choose_theme)
        self.text_size = Choice(
            theme, translate("Settings", "Size of text"), {f"{size:g}": f"{size * 100:g} %" for size in SIZES}
        )
        self.text_size.chosen.connect(self._choose_size)
        spoken = {code: language_name(code) for code in languages()}
        self.language = Choice(
            theme, translate("Settings", "Language"), {"system": translate("Settings", "Same as the system"), **spoken}
        )
        self.language.chosen.connect(lambda key: store.change(language=key))
        for choice in (self.looks, self.text_size, self.language):
            card = Card(theme)
            card.add(choice)
            self.add(section(choice.accessibleName()), card)
        self.show_settings()

    def show_settings(self) -> None:
        values = self.context.store.values
        self.looks.set_current(values.theme)
        self.text_size.set_current(f"{values.text_scale:g}")
        self.language.set_current(values.language)

    def _choose_theme(self, key: str) -> None:
        self.context.store.change(theme=key)
        self.context.theme.choose(key)

    def _choose_size(self, key: str) -> None:
        self.context.store.change(text_scale=float(key))
        self.context.theme.choose(self.context.store.values.theme, float(key))
