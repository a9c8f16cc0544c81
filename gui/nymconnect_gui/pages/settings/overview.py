"""Settings: how much to hide, with what it costs, and rows that lead to the rest. What is changed is saved at once."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMessageBox

from nymconnect.client.parameters import Downlink
from nymconnect.client.presets import AUTOMATIC, PRESETS, Preset
from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.defaults import ask_for_defaults
from nymconnect_gui.text import words
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, Page, button, label, line, section, set_role
from nymconnect_gui.widgets.flow import FlowLayout
from nymconnect_gui.widgets.forms import Choice, RowButton
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import PRACTICE
from nymconnect_proxy.settings.settings import BY_PRESET, LOG_LEVELS, OPTIONS

OWN_TRAFFIC = tuple(option.name for option in OPTIONS if option.absent == BY_PRESET)
_SHOWN_FIRST = ("balanced", "high", "wallet", "bulk", "nym-compatible", "fast")


class ReconnectBar(Card):
    """Says that something waits for the next connection, and offers it. Hidden while nothing does."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        self._bridge = context.bridge
        set_role(self, "card", "warn")
        self.reconnect = button(translate("Settings", "Reconnect"), self._bridge.reconnect, "primary")
        self.add_row(label(translate("Settings", "Some changes need a reconnect.")), self.reconnect)
        self._bridge.settings_changed.connect(self.refresh)
        self._bridge.state_changed.connect(self.refresh)
        self.hide()  # until it has a place: else it would open as a window

    def refresh(self, _: object = None) -> None:
        """Show or hide it."""
        self.setVisible(self._bridge.needs_reconnect)


class SettingsPart(Page):
    """A page of settings: `show_settings` is called whenever they may have changed."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        self.context = context
        self.reconnect_bar = ReconnectBar(context)
        self.add(self.reconnect_bar)
        self.reconnect_bar.refresh()
        context.bridge.settings_changed.connect(self._show_again)
        context.store.changed.connect(self._show_again)

    @property
    def settings(self) -> Settings:
        """Those of the next connection."""
        return self.context.bridge.settings

    def change(self, **changes: object) -> None:
        """Save these options."""
        self.context.change_settings(replace(self.settings, **changes))  # type: ignore[arg-type]  # checked by Settings

    def show_settings(self) -> None:
        """Bring the controls up to date."""
        raise NotImplementedError

    def _show_again(self, _: object = None) -> None:
        if self.isVisible():
            self.show_settings()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self.show_settings()


class SettingsPage(SettingsPart):
    """The first page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._add_obstacle()
        self._add_privacy()
        self._add_rows()
        self.kept = label("", "small")
        self.add(self.kept)
        self.question: QMessageBox | None = None
        self.reset = button(translate("Settings", "Reset to defaults…"), self._ask_for_defaults)
        self.column.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignLeading)
        context.keeper.vault_changed.connect(self._show_again)
        context.bridge.state_changed.connect(self._show_again)
        self.show_settings()

    def _add_obstacle(self) -> None:
        """Why the settings file is not used, and the two ways on."""
        theme, guard = self.context.theme, self.context.guard
        self.obstacle = Card(theme)
        set_role(self.obstacle, "card", "warn")
        self.why_not = label("", "strong")
        self.consequence = label(
            translate("Settings", "NymConnect does not connect until that is mended, and has not touched the file."),
            "muted",
        )
        self.read_again = button(translate("Settings", "Read it again"), guard.read_again, "primary")
        self.begin_anew = button(translate("Settings", "Set it aside and use defaults"), self._begin_anew)
        row = FlowLayout(theme.px(6))
        row.addWidget(self.read_again)
        row.addWidget(self.begin_anew)
        self.obstacle.add(self.why_not, self.consequence)
        self.obstacle.rows.addLayout(row)
        self.add(self.obstacle)

    def _begin_anew(self) -> None:
        kept = self.context.guard.set_aside()
        if kept is None:
            self.context.tell(translate("Settings", "The file cannot be renamed."))
        else:
            text = translate("Settings", "The settings are the defaults now. The old file is kept as {file}.")
            self.context.tell(text.format(file=kept.name))

    def _add_privacy(self) -> None:
        theme = self.context.theme
        options = {AUTOMATIC: words.preset_title(AUTOMATIC)}
        options |= {name: words.preset_title(name) for name in _SHOWN_FIRST}
        self.preset = Choice(theme, translate("Settings", "How much to hide"), options)
        self.preset.chosen.connect(lambda name: self.change(preset=name))
        self.cost = label("", "strong")
        self.sentence = label("", "muted")
        self.downlink = label("", "small")
        self.unsafe = label(translate("Settings", "Not safe: with this preset you can be traced."), "bad")
        self.own_traffic = label(
            translate(
                "Settings",
                "The settings file changes traffic values of the preset. That sets you apart from all other users.",
            ),
            "warn",
        )
        self.drop_own = button(
            translate("Settings", "Remove them"), lambda: self.change(**dict.fromkeys(OWN_TRAFFIC)), "link"
        )
        card = Card(theme)
        card.add(self.preset, self.cost, self.sentence, self.downlink, self.unsafe, self.own_traffic, self.drop_own)
        self.add(section(translate("Settings", "How much to hide")), card)

    def _add_rows(self) -> None:
        theme, go = self.context.theme, self.context.navigate
        self.rows = {
            "settings-network": RowButton(theme, translate("Settings", "Network"), lambda: go("settings-network")),
            "settings-exits": RowButton(
                theme, translate("Settings", "Gateway and exits"), lambda: go("settings-exits")
            ),
            "settings-proxy": RowButton(theme, translate("Settings", "Proxy"), lambda: go("settings-proxy")),
            "settings-start": RowButton(theme, translate("Settings", "Start and tray"), lambda: go("settings-start")),
            "settings-looks": RowButton(theme, translate("Settings", "Appearance"), lambda: go("settings-looks")),
            "settings-log": RowButton(theme, translate("Settings", "Log"), lambda: go("settings-log")),
        }
        card = Card(theme)
        for number, row in enumerate(self.rows.values()):
            card.add(*([line()] if number else []), row)
        self.add(section(translate("Settings", "Everything else")), card)

    def _ask_for_defaults(self) -> None:
        if self.question is None:
            self.question = ask_for_defaults(self.context, self.window())
            self.question.finished.connect(self._forget_question)

    def _forget_question(self) -> None:
        self.question = None

    def show_settings(self) -> None:
        settings, store = self.settings, self.context.store.values
        obstacle = self.context.bridge.obstacle
        self.obstacle.setVisible(obstacle is not None)
        self.reset.setVisible(obstacle is None)
        self.why_not.setText("" if obstacle is None else advice(obstacle).sentence)
        own_network = settings.network is PRACTICE
        preset = settings.chosen_preset(own_network=own_network)
        self.preset.set_current(settings.preset)
        self.cost.setText(cost(preset))
        self.sentence.setText(preset_sentence(preset.name, automatic=settings.preset == AUTOMATIC))
        self.downlink.setText(downlink_sentence(preset))
        self.unsafe.setVisible(not preset.is_safe)
        has_own = any(getattr(settings, name) is not None for name in OWN_TRAFFIC)
        self.own_traffic.setVisible(has_own)
        self.drop_own.setVisible(has_own)
        automatic = translate("Settings", "Automatic")
        self.rows["settings-network"].set_value(words.network_name(settings.network))
        self.rows["settings-exits"].set_value(
            automatic
            if settings.gateway is None and settings.requester is None
            else translate("Settings", "Chosen by you")
        )
        self.rows["settings-proxy"].set_value(str(settings.socks))
        on_start = translate("Settings", "Connects on start")
        self.rows["settings-start"].set_value(on_start if store.connect_on_start else "")
        self.rows["settings-looks"].set_value(theme_names()[store.theme])
        self.rows["settings-log"].set_value(level_names()[settings.log_level])
        self.kept.setText(kept_where(self.context))


def cost(preset: Preset) -> str:
    """Delay and data of a preset, in one line."""
    delay = preset.one_way_delay * 2
    text = translate("Settings", "Answers about {delay} s later · {data} GB a day each way while on")
    data = preset.gigabytes_per_day
    return text.format(
        delay=words.number(delay, 1 if delay < 10 else 0), data=words.number(data, 2 if data < 10 else 1)
    )


def preset_sentence(name: str, *, automatic: bool = False) -> str:
    """Whom it is for."""
    sentence = translate("Presets", PRESETS[name].sentence)
    if not automatic:
        return sentence
    return translate("Settings", "On this network: {preset}.").format(preset=words.preset_title(name)) + " " + sentence


def downlink_sentence(preset: Preset) -> str:
    """What it does about what comes in, as far as it is its own doing."""
    downlink = preset.traffic.downlink
    if downlink is Downlink.FOLLOWS_DATA:
        return translate("Settings", "Anybody who watches your line sees when you download.")
    if downlink is Downlink.REQUESTER:
        return translate(
            "Settings",
            "What you receive is hidden too if the exit can keep a constant rate. Home says whether it does.",
        )
    return translate(
        "Settings",
        "What you receive is hidden too if gateway and exit can keep a constant rate. Home says whether they do.",
    )


def theme_names() -> dict[str, str]:
    """The looks by their key."""
    return {
        "system": translate("Settings", "Same as the system"),
        "light": translate("Settings", "Light"),
        "dark": translate("Settings", "Dark"),
    }


def level_names() -> dict[str, str]:
    """How much is logged, by its key."""
    names = (
        translate("Log", "Debug"),
        translate("Log", "Info"),
        translate("Log", "Warnings"),
        translate("Log", "Errors"),
    )
    return dict(zip(LOG_LEVELS, names, strict=True))


def kept_where(context: Context) -> str:
    """Where settings and passwords go."""
    if context.keeper.path is None:
        return translate("Settings", "Changes last until the program ends.")
    text = translate("Settings", "Saved in {file}.").format(file=context.keeper.path)
    if context.keeper.vault_name:
        return f"{text} " + translate("Settings", "Passwords go to {name}.").format(name=context.keeper.vault_name)
    return f"{text} " + translate("Settings", "It holds the passwords too; only you can read it.")
