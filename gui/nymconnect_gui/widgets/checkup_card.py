"""*Test this*: a button, and what became of each stage on the way while it is found out."""

import asyncio
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from nymconnect.errors import UserError
from nymconnect_gui.looks import icons
from nymconnect_gui.looks.theme import Theme
from nymconnect_gui.model.context import Context
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import number, translate
from nymconnect_gui.widgets.controls import Card, button, label, set_role
from nymconnect_gui.widgets.forms import TextField
from nymconnect_proxy.session.reasons import Crash

if TYPE_CHECKING:
    from nymconnect_proxy.diagnostics.checkup import Result
    from nymconnect_proxy.protocol.targets import Target

# The module that does it loads the network stack: not before the first test.


class Mark(QWidget):
    """A symbol that tells how a stage went, in shape and colour."""

    def __init__(self, theme: Theme, side: int = 16) -> None:
        super().__init__()
        self._theme = theme
        self._side = side
        self._symbol, self._color = "", "muted"
        theme.changed.connect(self.updateGeometry)

    def show_symbol(self, symbol: str, color: str) -> None:
        """`symbol` is empty for a stage that has not been reached."""
        self._symbol, self._color = symbol, color
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 -- Qt's name
        side = self._theme.px(self._side + 2)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 -- Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = self._theme.px(self._side)
        where = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        if self._symbol:
            icons.paint(painter, self._symbol, where, self._theme.tokens.color(self._color))
        else:
            painter.setPen(self._theme.tokens.color("line"))
            painter.drawEllipse(where.adjusted(2, 2, -2, -2))
        painter.end()


class CheckupCard(Card):
    """Runs one test at a time; a second press ends it."""

    def __init__(self, context: Context, title: str = "") -> None:
        super().__init__(context.theme)
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self.run = button("", self.toggle, "primary")
        self.add_row(label(title or translate("Checkup", "Test this"), "section", wrap=False), self.run)
        self.target = TextField(
            context.theme,
            translate("Checkup", "Server to reach (optional)"),
            check_target,
            example=translate("Checkup", "host:port"),
        )
        self.add(self.target)
        self._rows: dict[str, tuple[Mark, QLabel, QLabel]] = {}
        self.stages = QWidget()
        grid = QGridLayout(self.stages)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(context.theme.px(8))
        grid.setColumnStretch(1, 1)
        for row, (key, name) in enumerate(stage_names().items()):
            mark, text, time = Mark(context.theme), label(name), label("", "small", wrap=False)
            self._rows[key] = mark, text, time
            time.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
            for column, widget in enumerate((mark, text, time)):
                grid.addWidget(widget, row, column)
        self.outcome = label("", "muted")
        self.add(self.stages, self.outcome)
        self.stages.hide()
        self.outcome.hide()
        self._name_button()

    @property
    def is_running(self) -> bool:
        """Whether a test is on its way."""
        return self._task is not None

    def toggle(self) -> None:
        """Begin, or end what has begun."""
        if self._task is not None:
            self._task.cancel()
            return
        self.target.commit()
        if self.target.text and self.target.problem:
            return
        self._task = asyncio.get_running_loop().create_task(self._run(), name="window: checkup")
        self.destroyed.connect(self._task.cancel)
        self._task.add_done_callback(self._ended)
        self._name_button()

    async def _run(self) -> None:
        from nymconnect_proxy.diagnostics.checkup import Checkup, parse_target

        self._clear()
        target: Target | None = parse_target(self.target.text) if self.target.text else None
        secret = self._context.bridge.used_settings.password
        checkup = Checkup(
            self._context.bridge.peek, target, self.show_result, password=secret.text if secret is not None else ""
        )
        await checkup.run()

    def _clear(self) -> None:
        self.stages.show()
        self.outcome.show()
        set_role(self.outcome, "muted")
        self.outcome.setText(translate("Checkup", "Trying…"))
        for mark, text, time in self._rows.values():
            mark.show_symbol("", "muted")
            set_role(text, "muted")
            time.setText("")
            text.setAccessibleDescription("")

    def show_result(self, result: "Result") -> None:
        """One stage is known."""
        finding = result.finding
        mark, text, time = self._rows[result.stage.name]
        if not finding.good:
            mark.show_symbol("alert", "bad")
        else:
            mark.show_symbol("warning" if finding.warns else "tick", "warn" if finding.warns else "accent")
        set_role(text, "")
        time.setText(seconds_text(result.seconds))
        sentence = finding_sentence(result)
        text.setAccessibleDescription(f"{sentence} {time.text()}")
        set_role(self.outcome, "bad" if not finding.good else "muted")
        self.outcome.setText(sentence)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if not shiboken6.isValid(self):  # the window was made again, in another language
            return
        self._name_button()
        if task.cancelled():
            self.outcome.setText(translate("Checkup", "The test ended before it was finished."))
        elif (error := task.exception()) is not None:
            set_role(self.outcome, "bad")
            self.outcome.setText(advice(Crash("the self-test", f"{type(error).__name__}: {error}")).sentence)

    def _name_button(self) -> None:
        again = self.stages.isVisibleTo(self)
        begin = translate("Checkup", "Run again") if again else translate("Checkup", "Run the test")
        self.run.setText(translate("Checkup", "Stop") if self.is_running else begin)


def stage_names() -> dict[str, str]:
    """The stages by their key, in order."""
    return {
        "PROXY": translate("Checkup", "Proxy on this computer"),
        "GATEWAY": translate("Checkup", "Gateway"),
        "MIXES": translate("Checkup", "Three mixes"),
        "REQUESTER": translate("Checkup", "Exit"),
        "TARGET": translate("Checkup", "Target"),
    }


def finding_sentence(result: "Result") -> str:
    """What a stage has come to, in the language in force."""
    known = advice(result.reason).sentence.rstrip(".") if result.reason is not None else ""
    reason = known or translate("Checkup", "no reason is known")
    return translate("Checkup", result.finding.value).format(target=result.target, reason=reason)


def seconds_text(seconds: float | None) -> str:
    """A time as a person reads it."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{number(seconds, 1)} s"


def check_target(text: str) -> str:
    """Nothing, or host and port."""
    if not text:
        return ""
    from nymconnect_proxy.diagnostics.checkup import parse_target

    try:
        parse_target(text)
    except UserError:
        return translate("Checkup", "Write host and port, such as example.org:443.")
    return ""
