"""Diagnostics: does it work, how well, and the ways to find out more."""

from PySide6.QtGui import QShowEvent

from nymconnect_gui.model.context import Context
from nymconnect_gui.text.words import number, translate
from nymconnect_gui.widgets.checkup_card import CheckupCard
from nymconnect_gui.widgets.controls import Card, Page, label, line, section
from nymconnect_gui.widgets.forms import RowButton
from nymconnect_proxy.session.status import Status

HIGH_LOSS = 0.05


class DiagnosticsPage(Page):
    """Test, health, and rows that lead on."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        self._bridge = context.bridge
        theme, go = context.theme, context.navigate
        self.checkup = CheckupCard(context, translate("Diagnostics", "Test the connection"))
        self.add(self.checkup)
        self.health = label("", "")
        self.health_more = label("", "muted")
        card = Card(theme)
        card.add(self.health, self.health_more)
        self.add(section(translate("Diagnostics", "The way through the mixes")), card)
        self.rows = {
            "diagnostics-log": RowButton(theme, translate("Diagnostics", "Log"), lambda: go("diagnostics-log")),
            "diagnostics-report": RowButton(
                theme, translate("Diagnostics", "Problem report"), lambda: go("diagnostics-report")
            ),
            "diagnostics-guide": RowButton(
                theme, translate("Diagnostics", "How it works"), lambda: go("diagnostics-guide")
            ),
            "diagnostics-about": RowButton(theme, translate("Diagnostics", "About"), lambda: go("diagnostics-about")),
        }
        card = Card(theme)
        for place, row in enumerate(self.rows.values()):
            card.add(*([line()] if place else []), row)
        self.add(section(translate("Diagnostics", "Find out more")), card)
        self._bridge.status_changed.connect(self._show)
        self._show(self._bridge.status)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._show(self._bridge.status)

    def _show(self, status: Status) -> None:
        if not self.isVisible():
            return
        told, more = health(status)
        self.health.setText(told)
        self.health_more.setText(more)
        self.health_more.setVisible(bool(more))


def health(status: Status) -> tuple[str, str]:
    """What our own packets say of the network, in two sentences."""
    if status.loss is None or status.delay is None:
        return translate("Diagnostics", "Nothing has been measured yet."), translate(
            "Diagnostics",
            "While connected, NymConnect sends packets to itself all the time and measures their loss and delay.",
        )
    figures = translate(
        "Diagnostics", "{loss} % of the packets to itself were lost; the others took {delay} ms longer than planned."
    )
    more = figures.format(loss=number(status.loss * 100, 1), delay=f"{status.delay * 1000:.0f}")
    if status.dropping:
        return translate("Diagnostics", "Somebody drops packets."), more
    if status.loss > HIGH_LOSS:
        return translate("Diagnostics", "Many packets get lost. A busy computer or line can cause that, too."), more
    return translate("Diagnostics", "It works well."), more
