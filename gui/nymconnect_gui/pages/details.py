"""The details of a connection, one row each, with whole keys to copy. No targets: the session does not say them."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.text import words
from nymconnect_gui.text.alarms import downlink_text
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import IconButton, label
from nymconnect_proxy.ingress.requester_choice import Health, RequesterState
from nymconnect_proxy.session.status import Status


class Details(QWidget):
    """A table of captions and values; long names are shown short and copied whole."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px(12))
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._whole: dict[str, str] = {}
        self._captions: dict[str, QLabel] = {}
        self._copies: dict[str, IconButton] = {}
        self.values: dict[str, QLabel] = {}
        for key, caption in (
            ("network", translate("Details", "Network")),
            ("gateway", translate("Details", "Gateway")),
            ("requester", translate("Details", "Exit (requester)")),
            ("others", translate("Details", "Other exits")),
            ("rpc", translate("Details", "RPC address")),
            ("preset", translate("Details", "Preset")),
            ("loss", translate("Details", "Packets lost")),
            ("delay", translate("Details", "Extra delay")),
            ("streams", translate("Details", "Open streams")),
            ("bytes", translate("Details", "Carried")),
            ("queue", translate("Details", "Packets waiting")),
        ):
            self._add(key, caption, can_copy=key in ("gateway", "requester"))
        self.downlink = label("", "small")
        self._grid.addWidget(self.downlink, self._grid.rowCount(), 0, 1, 3)

    def _add(self, key: str, caption: str, *, can_copy: bool) -> None:
        row = self._grid.rowCount()
        self._grid.setRowMinimumHeight(row, self._theme.px(26))
        value = self.values[key] = label("–", wrap=key in ("network", "others"))
        value.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        self._captions[key] = label(caption, "muted")
        self._grid.addWidget(self._captions[key], row, 0)
        self._grid.addWidget(value, row, 1)
        if can_copy:
            copy = self._copies[key] = IconButton(
                self._theme, "copy", translate("Controls", "Copy: {name}").format(name=caption)
            )
            copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._whole.get(key, "")))
            self._grid.addWidget(copy, row, 2)

    def show_status(self, status: Status) -> None:
        """Bring all rows up to date."""
        texts = {
            "network": words.network_name(status.network),
            "gateway": words.short(status.gateway),
            "requester": words.exit_name(status),
            "others": ", ".join(_exit_name(one) for one in status.requesters[1:]),
            "rpc": str(status.rpc) if status.rpc else "",
            "preset": words.preset_title(status.preset),
            "loss": "–" if status.loss is None else f"{words.number(status.loss * 100, 1)} %",
            "delay": "–" if status.delay is None else f"{status.delay * 1000:+.0f} ms",
            "streams": str(status.streams),
            "bytes": translate("Details", "{up} up · {down} down").format(
                up=words.amount(status.bytes_up), down=words.amount(status.bytes_down)
            ),
            "queue": str(status.queue),
        }
        for key, text in texts.items():
            if self.values[key].text() != text:
                self.values[key].setText(text)
        for key in ("others", "rpc"):  # most people have neither
            self.values[key].setVisible(bool(texts[key]))
            self._captions[key].setVisible(bool(texts[key]))
            self._grid.setRowMinimumHeight(self._row(key), self._theme.px(26) if texts[key] else 0)
        self.downlink.setText("" if status.downlink is None else downlink_text(status.downlink))
        self.downlink.setVisible(status.downlink is not None)
        for key, whole in (("gateway", status.gateway), ("requester", status.requester)):
            self._whole[key] = whole or ""
            self._copies[key].setEnabled(bool(whole))
            self.values[key].setToolTip(whole or "")

    def _row(self, key: str) -> int:
        row: int = self._grid.getItemPosition(self._grid.indexOf(self.values[key]))[0]  # type: ignore[index]
        return row


def _exit_name(one: RequesterState) -> str:
    if one.health is not Health.SILENT:
        return one.name or words.short(one.address)
    return translate("Details", "{name} (silent)").format(name=one.name or words.short(one.address))
