"""Settings of how the program starts, what it does in the tray, and what it tells."""

from nymconnect.errors import UserError, reason_of
from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart
from nymconnect_gui.platform.autostart import start_command
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, label, line, section
from nymconnect_gui.widgets.forms import Choice, SwitchRow


class StartSettingsPage(SettingsPart):
    """Start, connect, tray, notifications."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._add_start()
        self._add_connect()
        self._add_tray()
        self._add_notifications()
        self.show_settings()

    def _add_start(self) -> None:
        theme = self.context.theme
        self.login = SwitchRow(theme, translate("Settings", "Start at login"))
        self.login.toggled.connect(self._set_login)
        self.minimised = SwitchRow(
            theme, translate("Settings", "Start in the tray"), translate("Settings", "At login, without a window.")
        )
        self.minimised.toggled.connect(self._set_minimised)
        card = Card(theme)
        card.add(self.login, line(), self.minimised)
        self.add(section(translate("Settings", "Start")), card)

    def _add_connect(self) -> None:
        theme, caption = self.context.theme, translate("Settings", "Connect")
        self.on_start = SwitchRow(
            theme,
            translate("Settings", "Connect when the program starts"),
            translate("Settings", "Steady traffic hides best when it is always there."),
        )
        self.on_start.toggled.connect(lambda on: self.context.store.change(connect_on_start=on))
        self.demand = Choice(
            theme,
            caption,
            {
                "no": translate("Settings", "Stay connected"),
                "yes": translate("Settings", "Only when a program asks"),
            },
        )
        self.demand.chosen.connect(lambda key: self.change(on_demand=key == "yes"))
        self.meaning = label("", "small")
        card = Card(theme)
        card.add(self.on_start, line(), self.demand, self.meaning)
        self.add(section(caption), card)

    def _add_tray(self) -> None:
        theme, store = self.context.theme, self.context.store
        self.keep = SwitchRow(
            theme,
            translate("Settings", "Stay in the tray when the window is closed"),
            translate("Settings", "Where the desktop has no tray, closing the window quits."),
        )
        self.keep.toggled.connect(lambda on: store.change(keep_in_tray=on))
        self.cover = SwitchRow(
            theme,
            translate("Settings", "Keep cover traffic while in the tray"),
            translate(
                "Settings",
                "Off: after some minutes without use, NymConnect leaves the mixnet until a program asks. "
                "That saves data, but your line then shows when you use it.",
            ),
        )
        self.cover.toggled.connect(lambda on: store.change(keep_cover=on))
        card = Card(theme)
        card.add(self.keep, line(), self.cover)
        self.add(section(translate("Settings", "Tray")), card)

    def _add_notifications(self) -> None:
        theme, store = self.context.theme, self.context.store
        self.notify = {
            "notify_connected": SwitchRow(theme, translate("Settings", "When connected")),
            "notify_lost": SwitchRow(theme, translate("Settings", "When the connection is lost or fails")),
            "notify_alarm": SwitchRow(theme, translate("Settings", "When somebody drops packets")),
        }
        card = Card(theme)
        for number, (name, row) in enumerate(self.notify.items()):
            row.toggled.connect(lambda on, name=name: store.change(**{name: on}))
            card.add(*([line()] if number else []), row)
        self.add(section(translate("Settings", "Notifications")), card)

    def show_settings(self) -> None:
        values = self.context.store.values
        is_on = self.context.autostart.is_on()
        self.login.set_on(is_on)
        self.minimised.set_on(values.start_minimised)
        self.minimised.setEnabled(is_on)
        self.on_start.set_on(values.connect_on_start)
        self.demand.set_current("yes" if self.settings.on_demand else "no")
        self.meaning.setText(self._meaning())
        self.keep.set_on(values.keep_in_tray is not False)
        self.cover.set_on(values.keep_cover)
        self.cover.setEnabled(not self.settings.on_demand)
        for name, row in self.notify.items():
            row.set_on(getattr(values, name))

    def _meaning(self) -> str:
        if not self.settings.on_demand:
            return translate("Settings", "Cover traffic flows as long as the program is connected.")
        text = translate(
            "Settings",
            "NymConnect leaves the mixnet after {minutes} minutes without use. Your line shows when you use it.",
        )
        return text.format(minutes=f"{self.settings.idle_timeout / 60:g}")

    def _set_login(self, on: bool) -> None:
        try:
            if on:
                self.context.autostart.turn_on(start_command(minimised=self.context.store.values.start_minimised))
            else:
                self.context.autostart.turn_off()
        except UserError as error:
            self.context.tell(advice(reason_of(error)).sentence)
        self.show_settings()

    def _set_minimised(self, on: bool) -> None:
        self.context.store.change(start_minimised=on)
        if self.context.autostart.is_on():
            self._set_login(True)
