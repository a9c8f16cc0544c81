"""Settings of the log: how much is recorded, from which the log page and the problem report are made."""

from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart, level_names
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, label, section
from nymconnect_gui.widgets.forms import Choice, RowButton


class LogSettingsPage(SettingsPart):
    """Counts at once."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        caption = translate("Log", "Lowest level to record")
        self.level = Choice(context.theme, caption, level_names())
        self.level.chosen.connect(lambda level: self.change(log_level=level))
        self.warning = label(translate("Log", "Debug also records which servers programs ask for."), "warn")
        self.read = RowButton(
            context.theme, translate("Settings", "Read the log"), lambda: context.navigate("diagnostics-log")
        )
        kept = translate("Settings", "The log is kept in memory only, and is gone when the program ends.")
        card = Card(context.theme)
        card.add(self.level, self.warning, label(kept, "small"))
        self.add(section(caption), card)
        card = Card(context.theme)
        card.add(self.read)
        self.add(card)
        self.show_settings()

    def show_settings(self) -> None:
        self.level.set_current(self.settings.log_level)
        self.warning.setVisible(self.settings.log_level == "debug")
