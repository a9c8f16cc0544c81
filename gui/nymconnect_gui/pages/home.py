"""Home: one large button, one word, one true sentence; below it the address, the traffic, and details on demand."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout

from nymconnect_gui.model.context import Context
from nymconnect_gui.model.ports import next_free_port
from nymconnect_gui.model.session_controller import clock, with_port
from nymconnect_gui.pages.details import Details
from nymconnect_gui.text import words
from nymconnect_gui.text.advice import SETTINGS
from nymconnect_gui.text.alarms import alarm_text
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import Mood, translate
from nymconnect_gui.widgets.controls import Card, CopyField, Page, Symbol, button, label, line, set_role
from nymconnect_gui.widgets.flow import FlowLayout
from nymconnect_gui.widgets.graph import Legend, TrafficGraph, mean
from nymconnect_gui.widgets.power_button import HopStrip, PowerRing
from nymconnect_proxy.session.status import Status


class HomePage(Page):
    """Shows what the bridge tells."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        self._context = context
        self._bridge = context.bridge
        theme = context.theme
        self.ring = PowerRing(theme)
        self.ring.clicked.connect(self._bridge.toggle)
        self.state = label("", "state")
        self.state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence = label("", "muted")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.time = label("", "small", wrap=False)
        self.time.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.column.addWidget(self.ring, 0, Qt.AlignmentFlag.AlignHCenter)
        texts = QVBoxLayout()
        texts.setSpacing(theme.px(3))
        for text in (self.state, self.time, self.sentence):
            texts.addWidget(text)
        self.column.addLayout(texts)
        self._add_way_on()
        self._add_alarms()
        self._add_address()
        self._add_traffic()
        self._add_details()
        self.column.addStretch(1)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._bridge.status_changed.connect(self._show)
        self._bridge.state_changed.connect(self._show)
        self._bridge.settings_changed.connect(self._settings_changed)
        self._show(self._bridge.status)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _add_way_on(self) -> None:
        """What to do when it failed, or when other settings wait."""
        self.try_again = button("", self._try_again, "primary")
        self.other_port = button("", self._use_other_port)
        self.reconnect = button(translate("Home", "Reconnect with the new settings"), self._bridge.reconnect)
        self._free_port: int | None = None
        row = FlowLayout(self._context.theme.px(8), centered=True)
        self.help = button("", self._open_help)
        self._help_page = ""
        for one in (self.try_again, self.other_port, self.help, self.reconnect):
            row.addWidget(one)
        self.column.addLayout(row)

    def _add_alarms(self) -> None:
        self.alarms = Card(self._context.theme)
        set_role(self.alarms, "card", "warn")
        self.alarm_text = label("", "warn")
        self.alarms.add_row(Symbol(self._context.theme, "warning", "warn"), self.alarm_text, stretch=1)
        self.add(self.alarms)

    def _add_address(self) -> None:
        theme = self._context.theme
        self.host = CopyField(theme, translate("Home", "SOCKS5 address"))
        self.port = CopyField(theme, translate("Home", "Port"))
        self.set_up = button(translate("Home", "Set up an app"), lambda: self._context.navigate("apps"))
        card = Card(theme)
        row = FlowLayout(theme.px(6), justified=True)
        for one in (self.host, self.port, self.set_up):
            row.addWidget(one)
        card.rows.addLayout(row)
        self.add(card)

    def _add_traffic(self) -> None:
        theme = self._context.theme
        self.graph = TrafficGraph(theme)
        self.wire = label("", "small", wrap=False)
        card = Card(theme)
        head = FlowLayout(theme.px(12), justified=True)
        head.addWidget(Legend(theme))
        head.addWidget(self.wire)
        card.rows.addLayout(head)
        card.add(self.graph)
        self.add(card)

    def _add_details(self) -> None:
        theme = self._context.theme
        self.way = HopStrip(theme)
        self.names = label("", "small")
        self.names.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.more = button("", self._toggle_details, "link")
        self.details = Details(theme)
        self.details.setVisible(False)
        card = Card(theme)
        card.add(self.way, self.names, line(), self.more, self.details)
        self.add(card)
        self._name_more()

    # --- what happens ------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._show(self._bridge.status)
        self._clock.start()
        self.ring.setFocus(Qt.FocusReason.OtherFocusReason)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 -- Qt's name
        super().hideEvent(event)
        self._clock.stop()

    def _toggle_details(self) -> None:
        self.details.setVisible(not self.details.isVisible())
        self._name_more()

    def _name_more(self) -> None:
        hide, show = translate("Home", "Hide details"), translate("Home", "Show details")
        self.more.setText(hide if self.details.isVisibleTo(self) else show)

    def _try_again(self) -> None:
        self.ring.setFocus(Qt.FocusReason.OtherFocusReason)  # this button goes, and would leave the keyboard anywhere
        self._bridge.toggle()

    def _use_other_port(self) -> None:
        self.ring.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._free_port is not None:
            self._context.change_settings(with_port(self._bridge.settings, self._free_port))
            self._bridge.connect_now()

    def _settings_changed(self, _: object) -> None:
        self._show(self._bridge.status)

    def _show(self, status: Status) -> None:
        problem = self._bridge.problem
        mood = words.mood_of(status, problem)
        self.ring.set_mood(mood)
        self.state.setText(words.word(mood))
        self.sentence.setText(words.sentence(status, problem))
        self._show_way_on(mood)
        set_role(self.set_up, "primary" if mood is Mood.CONNECTED else "")
        self.alarms.setVisible(bool(status.alarms))
        self.alarm_text.setText("\n".join(alarm_text(alarm) for alarm in status.alarms))
        self.host.set_value(status.socks.host)
        self.port.set_value(str(status.socks.port))
        self.way.light(_lit_hops(status, mood))
        self.names.setText(_names(status))
        self.names.setVisible(bool(status.gateway) and not mood.is_off)
        self.details.show_status(status)
        if self.isVisible():
            self._show_traffic(status)
        self._tick()

    def _show_way_on(self, mood: Mood) -> None:
        self.try_again.setVisible(mood is Mood.FAILED)
        self.try_again.setText(words.action(Mood.FAILED))
        problem = self._bridge.problem
        busy = problem.busy if problem is not None and mood is Mood.FAILED else None
        if busy is None:
            self._free_port = None
        elif self._free_port is None:
            self._free_port = next_free_port(busy.host, busy.port)
        self.other_port.setVisible(self._free_port is not None)
        self.other_port.setText(translate("Home", "Use port {port}").format(port=self._free_port))
        self.reconnect.setVisible(self._bridge.needs_reconnect and mood is Mood.CONNECTED)
        reason = problem.reason if problem is not None else self._bridge.status.reason
        if self._bridge.obstacle is not None:
            self._help_page = SETTINGS
        else:
            self._help_page = advice(reason).page if mood is Mood.FAILED and busy is None and reason is not None else ""
        self.help.setVisible(bool(self._help_page))
        is_report = self._help_page == "diagnostics-report"
        self.help.setText(translate("Home", "Problem report") if is_report else translate("Home", "Open settings"))

    def _open_help(self) -> None:
        self._context.navigate(self._help_page)

    def _show_traffic(self, status: Status) -> None:
        samples, rates = self._bridge.history.samples, status.rates
        constant = None if rates.main is None else rates.main + (rates.loop or 0.0)
        self.graph.show_samples(samples, clock(), constant)
        if not samples or "data_sent" not in status.counters:
            self.wire.setText(translate("Home", "nothing on the wire"))
            return
        length = self._bridge.packet_length
        up, down = mean(samples, lambda one: one.up), mean(samples, lambda one: one.down)
        text = translate("Home", "{up}/s up · {down}/s down")
        self.wire.setText(text.format(up=words.amount(up.total * length), down=words.amount(down.total * length)))

    def _tick(self) -> None:
        seconds = self._bridge.connected_for
        self.time.setVisible(seconds is not None)
        if seconds is not None:
            self.time.setText(translate("Home", "for {time}").format(time=words.duration(seconds)))


def _names(status: Status) -> str:
    """Through whom it goes, as far as that is chosen."""
    gateway = translate("Home", "Gateway {name}").format(name=words.short(status.gateway))
    if not status.requester:
        return gateway
    return f"{gateway} · " + translate("Home", "Exit {name}").format(name=words.exit_name(status))


def _lit_hops(status: Status, mood: Mood) -> int:
    """Of seven: all when it works; on the way there this computer, and the gateway once one is chosen."""
    if mood is Mood.CONNECTED:
        return 7
    if mood is Mood.CONNECTING:
        return 2 if status.gateway else 1
    return 0
