"""The problem report: shown whole before it is saved or copied. Nothing is sent anywhere."""

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication, QShowEvent

from nymconnect_gui.model.context import Context
from nymconnect_gui.pages.texts import TextPage
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import label
from nymconnect_proxy.diagnostics.report import problem_report


class ReportPage(TextPage):
    """Made anew whenever it is shown."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, translate("Report", "Problem report"), "nymconnect-report.txt")
        self.column.addWidget(
            label(
                translate(
                    "Report",
                    "This is the whole report, without addresses, keys, names and paths. NymConnect does not "
                    "send it: read it, then give it to anybody you choose.",
                ),
                "muted",
            )
        )
        self.column.addWidget(self.text, 1)
        self.column.addLayout(self.buttons)
        self.add_button(translate("Report", "Save…"), self.ask_where, "primary")
        self.add_button(translate("Report", "Copy"), self.copy)
        self.add_button(translate("Report", "Make a new one"), self.fill)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self.fill()

    def fill(self) -> None:
        """The report of now."""
        context = self.context
        screen = QGuiApplication.primaryScreen()
        more = {
            "Qt": qVersion(),
            "platform plugin": QGuiApplication.platformName(),
            "screen": f"{screen.devicePixelRatio():g}x",
            "keyring": "yes" if context.keeper.vault_name else "no",
        }
        bridge = context.bridge
        self.text.setPlainText(
            problem_report(bridge.settings, bridge.peek(), context.states.changes, context.log.after(), more)
        )
