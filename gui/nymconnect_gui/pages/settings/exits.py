"""Settings of gateway and exits: automatic, or named by the user; and the address book of exits."""

from nymconnect.errors import UserError
from nymconnect_gui.looks.painted_button import IconButton
from nymconnect_gui.model import fields
from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart
from nymconnect_gui.text.words import short, translate
from nymconnect_gui.widgets.controls import Card, button, label, line, section
from nymconnect_gui.widgets.forms import Choice, RowButton, TextField
from nymconnect_proxy.settings.address_book import with_entry, without_entry
from nymconnect_proxy.settings.config import OPTIONS
from nymconnect_proxy.settings.networks import MAINNET, PRACTICE
from nymconnect_proxy.settings.options import DIRECTORY, is_name

AUTO, OWN = "automatic", "own"
COUNTS = ("1", "2", "3", "5", "8")
_OPTIONS = {option.name: option for option in OPTIONS}


class ExitSettingsPage(SettingsPart):
    """Entry gateway, exits, address book."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._shown = self.settings
        self._add_gateway()
        self._add_exits()
        self._add_apart()
        self._add_book()
        self.show_settings()

    def _add_gateway(self) -> None:
        theme, caption = self.context.theme, translate("Settings", "Entry gateway")
        self.gateway = Choice(theme, caption, self._ways())
        self.gateway.chosen.connect(self._choose_gateway)
        self.identity = TextField(
            theme,
            translate("Settings", "Identity key of the gateway"),
            fields.gateway,
            hint=translate("Settings", "If it is offline, there is no connection: NymConnect takes no other gateway."),
        )
        self.identity.accepted.connect(lambda text: self.change(gateway=text))
        card = Card(theme)
        meaning = translate(
            "Settings", "Automatic: chosen at random once, then kept until it is gone. The gateway learns your address."
        )
        self.gateway_country = self._country_field(caption, "gateway_country")
        self.pick = RowButton(
            theme, translate("Settings", "Choose from a list"), lambda: self.context.navigate("settings-gateways")
        )
        card.add(self.gateway, label(meaning, "muted"), self.identity, self.gateway_country, line(), self.pick)
        self.add(section(caption), card)

    def _add_exits(self) -> None:
        theme, caption = self.context.theme, translate("Settings", "Exits (network requesters)")
        self.exits = Choice(theme, caption, self._ways())
        self.exits.chosen.connect(self._choose_exits)
        self.addresses = TextField(
            theme,
            translate("Settings", "Names or Nym addresses, with commas between them"),
            lambda text: fields.requesters(text, self.settings.address_book),
            hint=translate(
                "Settings", "With several exits, each connects to a part of the targets, so none sees them all."
            ),
        )
        self.addresses.accepted.connect(lambda text: self.change(requester=_OPTIONS["requester"].parse(text)))
        self.count_caption = label(translate("Settings", "How many to take from the directory"), "small")
        self.count = Choice(theme, translate("Settings", "How many to take from the directory"), {n: n for n in COUNTS})
        self.count.chosen.connect(lambda count: self.change(requester_count=int(count)))
        card = Card(theme)
        meaning = translate("Settings", "An exit sees the targets, but not who asks for them.")
        self.exit_country = self._country_field(caption, "requester_country")
        card.add(self.exits, label(meaning, "muted"), self.addresses, self.count_caption, self.count, self.exit_country)
        self.add(section(caption), card)

    def _add_apart(self) -> None:
        theme, caption = self.context.theme, translate("Settings", "What an exit can link together")
        self.apart = Choice(
            theme,
            caption,
            {
                "automatic": translate("Settings", "Automatic"),
                "destination": translate("Settings", "Each destination"),
                "stream": translate("Settings", "Each connection"),
                "user": translate("Settings", "Each user name"),
                "one": translate("Settings", "Everything"),
            },
        )
        self.apart.chosen.connect(lambda key: self.change(sender_tags=key))
        self.together = label("", "muted")
        self.shows = label(translate("Settings", "Your line then shows what you receive."), "warn")
        card = Card(theme)
        card.add(self.apart, self.together, self.shows)
        self.add(section(caption), card)

    def _country_field(self, whose: str, option: str) -> TextField:
        made = TextField(
            self.context.theme,
            translate("Settings", "Only in this country (optional)"),
            fields.country,
            hint=translate(
                "Settings",
                "Two letters, such as CH. Operators state their own country. The fewer nodes are left, "
                "the easier you are to find.",
            ),
        )
        made.edit.setAccessibleName(f"{whose}: {made.edit.accessibleName()}")
        made.accepted.connect(lambda text: self.change(**{option: text.upper() or None}))
        return made

    def _add_book(self) -> None:
        theme = self.context.theme
        self.book = Card(theme)
        self.new_name = TextField(theme, translate("Settings", "Name"), self._check_name)
        self.new_address = TextField(theme, translate("Settings", "Nym address"), self._check_address)
        self.add_entry = button(translate("Settings", "Add to the address book"), self._add_new)
        self.removes: dict[str, IconButton] = {}
        self.add(section(translate("Settings", "Address book of exits")), self.book)

    @staticmethod
    def _ways() -> dict[str, str]:
        return {AUTO: translate("Settings", "Automatic"), OWN: translate("Settings", "My own choice")}

    def show_settings(self) -> None:
        settings = self.settings
        chosen = settings.requester not in (None, DIRECTORY)
        # A choice that has begun and has no value yet stays as it is; what was changed elsewhere shows.
        if settings.gateway != self._shown.gateway or self.gateway.current != OWN:
            self.gateway.set_current(AUTO if settings.gateway is None else OWN)
        if settings.requester != self._shown.requester or self.exits.current != OWN:
            self.exits.set_current(OWN if chosen else AUTO)
        self._shown = settings
        self.identity.set_text(settings.gateway or "")
        self.addresses.set_text((settings.requester or "") if chosen else "")
        self.count.set_current(str(settings.requester_count))
        self.gateway_country.set_text(settings.gateway_country or "")
        self.exit_country.set_text(settings.requester_country or "")
        self._show_parts()
        self._show_apart()
        self._show_book()

    def _show_apart(self) -> None:
        settings = self.settings
        # A network that somebody names may be one of our own; only its directory says so.
        preset = settings.chosen_preset(own_network=settings.network is not MAINNET)
        self.apart.set_current(settings.sender_tags)
        self.together.setText(together(settings.sender_tags))
        self.shows.setVisible(preset.traffic.symmetric and settings.sender_tags in ("destination", "stream"))

    def _show_parts(self) -> None:
        self.identity.setVisible(self.gateway.current == OWN)
        self.gateway_country.setVisible(self.gateway.current != OWN and self.settings.network is not PRACTICE)
        own_exits = self.exits.current == OWN
        self.addresses.setVisible(own_exits)
        draws = not own_exits and self.settings.network is not PRACTICE
        self.count_caption.setVisible(draws)
        self.count.setVisible(draws)
        self.exit_country.setVisible(draws)

    def _choose_gateway(self, key: str) -> None:
        if key == AUTO:
            self.identity.edit.clear()
            self.change(gateway=None)
        self._show_parts()
        if key == OWN:
            self.identity.edit.setFocus()

    def _choose_exits(self, key: str) -> None:
        if key == AUTO:
            self.addresses.edit.clear()
            self.change(requester=None)
        self._show_parts()
        if key == OWN:
            self.addresses.edit.setFocus()

    # --- address book ------------------------------------------------------------------------------------------------

    def _show_book(self) -> None:
        rows = self.book.rows
        for kept in (self.new_name, self.new_address, self.add_entry):
            kept.setParent(None)
        while rows.count():
            item = rows.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        self.removes.clear()
        for name, address in self.settings.address_book:
            self.book.add(self._entry(name, address), line())
        if not self.settings.address_book:
            self.book.add(
                label(translate("Settings", "No entry yet. Give an exit a name, then choose it by that name."), "muted")
            )
        self.book.add(self.new_name, self.new_address, self.add_entry)
        for kept in (self.new_name, self.new_address, self.add_entry):
            kept.show()

    def _entry(self, name: str, address: str) -> Card:
        row = Card(self.context.theme)
        row.setProperty("role", "plain")
        row.rows.setContentsMargins(0, 0, 0, 0)
        remove = self.removes[name] = IconButton(
            self.context.theme, "close", translate("Settings", "Remove {name}").format(name=name)
        )
        remove.clicked.connect(lambda: self._remove(name))
        shown = label(short(address), "small", wrap=False)
        shown.setToolTip(address)
        row.add_row(label(name, wrap=False), shown, remove)
        return row

    @staticmethod
    def _check_name(text: str) -> str:
        if not text:
            return ""
        wrong = translate("Settings", "A name has 1 to 40 letters, digits, - and _.")
        return "" if is_name(text) and text != DIRECTORY else wrong

    @staticmethod
    def _check_address(text: str) -> str:
        return fields.requesters(text, ()) if text else ""

    def _add_new(self) -> None:
        name, address = self.new_name.text, self.new_address.text
        if not name or not address or self.new_name.problem or self.new_address.problem:
            self.context.tell(translate("Settings", "An entry needs a name and a Nym address."))
            return
        try:
            book = with_entry(self.settings.address_book, name, address)
        except UserError:
            self.context.tell(translate("Settings", "The address book is full, or this is not one Nym address."))
            return
        self.new_name.edit.clear()
        self.new_address.edit.clear()
        self.change(address_book=book)

    def _remove(self, name: str) -> None:
        used = [part.strip() for part in (self.settings.requester or "").split(",")]
        if name in used:
            self.context.tell(translate("Settings", "{name} is in use. Choose another exit first.").format(name=name))
            return
        self.change(address_book=without_entry(self.settings.address_book, name))


def together(tags: str) -> str:
    """What an exit takes for one user, by the value of `sender_tags`."""
    match tags:
        case "automatic":
            return translate(
                "Settings",
                "An exit takes each destination for another user. With a preset that keeps what you "
                "receive at a constant rate, it takes all programs for one user, except those that give "
                "the proxy a user name.",
            )
        case "stream":
            return translate("Settings", "An exit takes each connection for another user. That costs the most data.")
        case "user":
            return translate(
                "Settings", "An exit takes all programs for one user, except those that give the proxy a user name."
            )
        case "one":
            return translate("Settings", "An exit takes everything from this computer for one user.")
        case _:
            return translate("Settings", "An exit takes each destination for another user, up to eight at once.")
