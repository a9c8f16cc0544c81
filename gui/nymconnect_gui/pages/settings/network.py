"""Settings of the network: which mixnet, and through which proxy it is reached."""

from dataclasses import replace

from nymconnect.endpoints import Upstream
from nymconnect_gui.model import fields
from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.settings.overview import SettingsPart
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, label, section
from nymconnect_gui.widgets.forms import Choice, TextField
from nymconnect_proxy.settings.config import OPTIONS
from nymconnect_proxy.settings.networks import MAINNET, PRACTICE, NamedNetwork, OwnNetwork

OWN = "own"
_OPTIONS = {option.name: option for option in OPTIONS}


class NetworkSettingsPage(SettingsPart):
    """Network and upstream proxy."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._shown = self.settings.network
        self._add_network()
        self._add_upstream()
        self.show_settings()

    def _add_network(self) -> None:
        theme = self.context.theme
        self.network = Choice(
            theme,
            translate("Settings", "Network"),
            {
                str(PRACTICE): translate("Settings", "Practice network"),
                str(MAINNET): translate("Settings", "Nym mainnet"),
                OWN: translate("Settings", "Another one"),
            },
        )
        self.network.chosen.connect(self._choose_network)
        self.meaning = label("", "muted")
        self.url = TextField(
            theme,
            translate("Settings", "Address of its directory"),
            fields.directory_url,
            example="https://mixnet.example.org/api",
            hint=translate(
                "Settings", "The operator of the directory decides which nodes there are. Use one that you trust."
            ),
        )
        self.url.edit.textEdited.connect(self._split)
        self.url.accepted.connect(lambda _: self._set_directory())
        self.fingerprint = TextField(
            theme,
            translate("Settings", "Fingerprint of its certificate (optional)"),
            lambda text: fields.fingerprint(text, self.url.text),
            hint=translate(
                "Settings",
                "If you were given one. The directory must then show exactly this certificate; no "
                "certificate authority counts.",
            ),
        )
        self.fingerprint.accepted.connect(lambda _: self._set_directory())
        card = Card(theme)
        card.add(self.network, self.meaning, self.url, self.fingerprint)
        self.add(section(translate("Settings", "Network")), card)

    def _add_upstream(self) -> None:
        theme = self.context.theme
        self.upstream = TextField(
            theme,
            translate("Settings", "Proxy on the way to the gateway"),
            fields.upstream,
            example="socks5://127.0.0.1:9050",
            hint=translate(
                "Settings", "Only if this computer reaches the Internet through a proxy. Leave it empty otherwise."
            ),
        )
        self.upstream.accepted.connect(self._set_upstream)
        self.login_name = TextField(theme, translate("Settings", "Name at this proxy"), lambda _: "")
        self.login_name.accepted.connect(lambda _: self._set_login())
        self.login_password = TextField(
            theme, translate("Settings", "Password at this proxy"), lambda _: "", secret=True
        )
        self.login_password.accepted.connect(lambda _: self._set_login())
        card = Card(theme)
        card.add(self.upstream, self.login_name, self.login_password)
        self.add(section(translate("Settings", "Upstream proxy")), card)

    def show_settings(self) -> None:
        network, upstream = self.settings.network, self.settings.upstream
        own = network if isinstance(network, OwnNetwork) else None
        # An address that is half written stays as it is; what was changed elsewhere shows.
        if network != self._shown or self.network.current != OWN or self.url.text == "":
            self.network.set_current(str(network) if own is None else OWN)
        if network != self._shown and own is None:
            self.url.edit.clear()
            self.fingerprint.edit.clear()
        self._shown = network
        self._show_network()
        if own is not None:
            self.url.set_text(own.url)
            self.fingerprint.set_text(own.fingerprint)
        self.upstream.set_text("" if upstream is None else str(upstream))
        self.login_name.setVisible(upstream is not None)
        self.login_password.setVisible(upstream is not None)
        self.login_name.set_text((upstream.username or "") if upstream else "")
        self.login_password.set_text((upstream.password or "") if upstream else "")

    def _choose_network(self, key: str) -> None:
        if key != OWN:
            self.url.edit.clear()
            self.fingerprint.edit.clear()
            self.change(network=NamedNetwork(key))
        elif self.url.text:
            self.url.commit()
        self._show_network()
        if key == OWN:
            self.url.edit.setFocus()

    def _show_network(self) -> None:
        chosen = self.network.current
        self.url.setVisible(chosen == OWN)
        self.fingerprint.setVisible(chosen == OWN)
        self.meaning.setText(
            {
                str(PRACTICE): translate(
                    "Settings",
                    "A whole mixnet on this computer, to try things out. It works like a real one, but hides nothing: "
                    "everything leaves from here.",
                ),
                str(MAINNET): translate(
                    "Settings",
                    "The public mixnet. Name at least one exit that you may use, or let the directory decide.",
                ),
                OWN: translate("Settings", "A mixnet of your own, or of people you know."),
            }[chosen or str(PRACTICE)]
        )

    def _split(self, typed: str) -> None:
        """Both come in one piece where somebody has sent them."""
        url, hash_sign, fingerprint = typed.partition("#")
        if hash_sign:
            self.url.edit.setText(url)
            self.fingerprint.edit.setText(fingerprint)
            self.fingerprint.edit.setFocus()

    def _set_directory(self) -> None:
        """Address and fingerprint as one, once both are in order."""
        self.fingerprint.show_problem()
        if not fields.directory_url(self.url.text) and not self.fingerprint.problem:
            parts = [self.url.text.strip(), self.fingerprint.text.strip()]
            self.change(network=_OPTIONS["network"].parse("#".join(part for part in parts if part)))

    def _set_upstream(self, text: str) -> None:
        if not text:
            self.change(upstream=None)
            return
        value, before = _OPTIONS["upstream"].parse(text), self.settings.upstream
        if isinstance(value, Upstream) and before is not None:
            value = replace(value, username=before.username, password=before.password)
        self.change(upstream=value)

    def _set_login(self) -> None:
        upstream = self.settings.upstream
        if upstream is not None:
            name, password = self.login_name.text, self.login_password.edit.text()
            self.change(upstream=replace(upstream, username=name or None, password=password if name else None))
