"""Settings of the proxy: where programs find it, and who may use it."""

from dataclasses import replace

from nymconnect.endpoints import Endpoint
from nymconnect_gui.model import fields
from nymconnect_gui.model.context import Context
from nymconnect_gui.model.ports import is_free, next_free_port
from nymconnect_gui.pages.settings.overview import SettingsPart
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, button, label, section
from nymconnect_gui.widgets.forms import SwitchRow, TextField
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.options import Secret


class ProxySettingsPage(SettingsPart):
    """Port, address, password, other computers."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.port = TextField(theme, translate("Settings", "Port"), fields.port)
        self.port.accepted.connect(lambda text: self._set_endpoint(port=int(text)))
        self.busy = label("", "warn")
        self.other_port = button("", self._use_other_port)
        self._free_port: int | None = None
        self.host = TextField(
            theme,
            translate("Settings", "Address"),
            lambda text: fields.listen_host(text, allow_remote=self.settings.allow_remote),
            hint=translate("Settings", "127.0.0.1 means this computer only."),
        )
        self.host.accepted.connect(lambda text: self._set_endpoint(host=text))
        card = Card(theme)
        card.add(self.port, self.busy, self.other_port, self.host)
        self.add(section(translate("Settings", "Where programs find the proxy")), card)
        self._add_guests()
        self._add_behaviour()
        self.show_settings()

    def _add_guests(self) -> None:
        theme = self.context.theme
        self.password = TextField(
            theme,
            translate("Settings", "Password"),
            fields.password,
            hint=translate("Settings", "Programs must send it, with any user name. Leave it empty for none."),
            secret=True,
        )
        self.password.accepted.connect(lambda text: self.change(password=Secret(text) if text else None))
        self.remote = SwitchRow(
            theme,
            translate("Settings", "Let other computers use it"),
            translate("Settings", "Needs a password. Your network can read what they send to this port."),
        )
        self.remote.toggled.connect(self._set_remote)
        card = Card(theme)
        card.add(self.password, self.remote)
        self.add(section(translate("Settings", "Who may use it")), card)

    def _add_behaviour(self) -> None:
        theme = self.context.theme
        self.early = SwitchRow(
            theme,
            translate("Settings", "Tell programs at once that they are connected"),
            translate("Settings", "Saves a round trip, and hides from them why a connection fails."),
        )
        self.early.toggled.connect(lambda on: self.change(early_reply=on))
        card = Card(theme)
        card.add(self.early)
        self.add(section(translate("Settings", "Answers")), card)

    def show_settings(self) -> None:
        settings = self.settings
        self.port.set_text(str(settings.socks.port))
        self.host.set_text(settings.socks.host)
        self.password.set_text(settings.password.text if settings.password else "")
        self.remote.set_on(settings.allow_remote)
        self.early.set_on(settings.early_reply)
        self._look_at_port()

    def _set_endpoint(self, host: str | None = None, port: int | None = None) -> None:
        before = self.settings.socks
        self.change(socks=replace(before, host=host or before.host, port=port or before.port))

    def _set_remote(self, on: bool) -> None:
        if on and self.settings.password is None:
            self.remote.set_on(False)
            self.context.tell(
                translate("Settings", "Set a password first: without one, anybody near you could use the proxy.")
            )
            self.password.edit.setFocus()
            return
        socks = self.settings.socks
        loopback = not fields.listen_host(socks.host, allow_remote=False)
        self.change(allow_remote=on, socks=socks if on or loopback else Endpoint("127.0.0.1", socks.port))

    def _look_at_port(self) -> None:
        """Say it when another program has the port, and offer the next one."""
        socks, status = self.settings.socks, self.context.bridge.status
        ours = status.state is not State.DISCONNECTED and status.socks == socks
        taken = not ours and not is_free(socks.host, socks.port)
        self._free_port = next_free_port(socks.host, socks.port) if taken else None
        self.busy.setVisible(taken)
        self.busy.setText(translate("Settings", "Another program uses port {port}.").format(port=socks.port))
        self.other_port.setVisible(self._free_port is not None)
        self.other_port.setText(translate("Home", "Use port {port}").format(port=self._free_port))

    def _use_other_port(self) -> None:
        if self._free_port is not None:
            self._set_endpoint(port=self._free_port)
