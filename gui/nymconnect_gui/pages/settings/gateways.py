"""Settings of gateways: all that the network's directory lists, with what it says of each, to choose one from."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit

from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart
from nymconnect_gui.text import words
from nymconnect_gui.text.words import Mood, translate
from nymconnect_gui.widgets.controls import button, label
from nymconnect_gui.widgets.gateway_list import GatewayList, in_order, matching
from nymconnect_proxy.session.status import KnownGateway
from nymconnect_proxy.settings.networks import PRACTICE


class GatewaysPage(SettingsPart):
    """A field to search, the list, and what its figures mean; before the directory has been read, how to get there."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        bridge = context.bridge
        self.column.setAlignment(Qt.AlignmentFlag(0))  # the list takes the room that there is
        self.state = label("", "muted")
        self.connect_now = button(translate("Gateways", "Connect"), bridge.connect_now, "primary")
        self.search = QLineEdit()
        self.search.setPlaceholderText(translate("Gateways", "Search"))
        self.search.setAccessibleName(translate("Gateways", "Search by name, address, country or key"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self.show_settings())
        self.list = GatewayList(context.theme, translate("Gateways", "Gateways"))
        self.list.chosen.connect(lambda identity: self.change(gateway=identity))
        self.count = label("", "small")
        self.meaning = label("", "small")
        self.add(self.state)
        self.column.addWidget(self.connect_now, 0, Qt.AlignmentFlag.AlignLeading)
        self.add(self.search)
        self.column.addWidget(self.list, 1)
        self.add(self.count, self.meaning)
        bridge.state_changed.connect(self._show_again)
        self.show_settings()

    def show_settings(self) -> None:
        known, chosen = self.context.bridge.gateways, self.settings.gateway
        found = matching(in_order(known), self.search.text())
        own_network = self.settings.network is PRACTICE
        self.list.rows.show(found, chosen, can_choose=not own_network)
        self.state.setText(self._state(known))
        self.connect_now.setVisible(not known and not own_network and self._mood.is_off)
        for one in (self.search, self.count, self.meaning):
            one.setVisible(bool(known))
        text = translate("Gateways", "{shown} of {all} gateways")
        self.count.setText(text.format(shown=words.number(len(found)), all=words.number(len(known))))
        self.meaning.setText(meaning(known))

    @property
    def _mood(self) -> Mood:
        bridge = self.context.bridge
        return words.mood_of(bridge.status, bridge.problem)

    def _state(self, known: tuple[KnownGateway, ...]) -> str:
        """What is to be known before choosing, or why there is nothing to choose from."""
        if self.settings.network is PRACTICE:
            return translate(
                "Gateways",
                "The practice network has new gateways each time it starts, so there is nothing to choose here.",
            )
        if known:
            if self.settings.gateway not in (None, *(one.identity for one in known)):
                return translate("Gateways", "The directory does not list the gateway that you have chosen.")
            return translate(
                "Gateways", "Your gateway learns your address. It is safer to keep one gateway than to use many."
            )
        if self._mood is Mood.CONNECTING:
            return translate("Gateways", "NymConnect is reading the network's directory, which lists the gateways.")
        if self._mood is Mood.WAITING:
            return translate(
                "Gateways", "The network's directory lists the gateways. NymConnect reads it when a program asks."
            )
        return translate(
            "Gateways", "The network's directory lists the gateways. NymConnect reads it when you connect."
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self.list.show_chosen()


def meaning(known: tuple[KnownGateway, ...]) -> str:
    """What the figures are, and which there are not."""
    if any(one.performance is not None for one in known):
        measured = translate("Gateways", "The directory measures performance. It does not say how busy a gateway is.")
    else:
        measured = translate("Gateways", "This directory does not measure performance.")
    if any(one.country for one in known):
        return f"{measured} " + translate("Gateways", "Operators state their own country.")
    return f"{measured} " + translate("Gateways", "The countries are not known.")
