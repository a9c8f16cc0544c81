"""The guide: three pages, shown at the first start and whenever somebody asks. Its last button connects.

So a person who reads it all needs no more than three clicks until programs can use the proxy.
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from nymconnect_gui.model.context import Context
from nymconnect_gui.text.words import Mood, action, mood_of, translate
from nymconnect_gui.widgets.checkup_card import Mark
from nymconnect_gui.widgets.controls import Card, Page, button, label


class GuidePage(QWidget):
    """Forward, back, done; once it has been left, however that was, it is not shown again by itself."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        px = context.theme.px
        self.slides = QStackedWidget()
        for slide in slides():
            self.slides.addWidget(_Slide(context, *slide))
        self.place = label("", "small", wrap=False)
        self.place.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back = button("", self.go_back)
        self.next = button("", self.go_on, "primary")
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addWidget(self.place, 1)
        row.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(12))
        column.addWidget(self.slides, 1)
        row.setContentsMargins(px(16), 0, px(16), 0)
        column.addLayout(row)
        context.bridge.state_changed.connect(lambda _: self._show())
        self._show()

    def go_on(self) -> None:
        """The next page, or connect."""
        if self.slides.currentIndex() + 1 < self.slides.count():
            self._go_to(self.slides.currentIndex() + 1)
            return
        if self._is_off():
            self._context.bridge.connect_now()
        self._leave()

    def go_back(self) -> None:
        """The page before, or out of here."""
        if self.slides.currentIndex():
            self._go_to(self.slides.currentIndex() - 1)
        else:
            self._leave()

    def _leave(self) -> None:
        self._go_to(0)
        self._context.navigate("home")

    def _go_to(self, number: int) -> None:
        self.slides.setCurrentIndex(number)
        self._show()

    def _is_off(self) -> bool:
        bridge = self._context.bridge
        return mood_of(bridge.status, bridge.problem).is_off

    def _show(self) -> None:
        number, count = self.slides.currentIndex() + 1, self.slides.count()
        self.place.setText(translate("Guide", "{number} of {count}").format(number=number, count=count))
        self.back.setText(translate("Guide", "Back") if number > 1 else translate("Guide", "Skip"))
        done = action(Mood.OFF) if self._is_off() else translate("Guide", "Done")
        self.next.setText(done if number == count else translate("Guide", "Next"))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self.next.setFocus(Qt.FocusReason.OtherFocusReason)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 -- Qt's name
        super().hideEvent(event)
        if self.window().isVisible():  # another page is shown; a window that is closed is another matter
            self._context.store.change(guide_seen=True)


class _Slide(Page):
    def __init__(self, context: Context, symbol: str, title: str, points: tuple[str, ...]) -> None:
        super().__init__(context.theme)
        mark = Mark(context.theme, 64)
        mark.show_symbol(symbol, "accent")
        self.column.addSpacing(context.theme.px(24))
        self.column.addWidget(mark, 0, Qt.AlignmentFlag.AlignHCenter)
        heading = label(title, "state")
        heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add(heading)
        card = Card(context.theme)
        for point in points:
            card.add(label(point))
        self.add(card)


def slides() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Symbol, title and sentences of each page."""
    does = (
        translate(
            "Guide",
            "NymConnect sends what your programs ask for through a mixnet: a gateway, three mixes and an exit.",
        ),
        translate(
            "Guide",
            "Each mix holds every packet for a random time. Cover traffic flows all the time, "
            "so that nobody sees which packets are yours.",
        ),
        translate(
            "Guide",
            "You begin with a practice network on this computer. It shows how NymConnect works, but hides nothing yet.",
        ),
    )
    you_do = (
        translate("Guide", "1. Press Connect."),
        translate("Guide", "2. Open Apps, choose your program, and follow its steps."),
        translate("Guide", "3. Run the test there: it says how far a request gets, and what to do if it fails."),
    )
    does_not = (
        translate("Guide", "Only programs that you set up use it. All others work as before."),
        translate("Guide", "While it is not connected, the proxy refuses: nothing goes around the mixnet."),
        translate("Guide", "The exit sees where requests go, but not who sends them. Use https, as always."),
        translate("Guide", "Hiding costs time and data. Settings shows how much, and lets you choose."),
    )
    return (
        ("power", translate("Guide", "What it does"), does),
        ("apps", translate("Guide", "What you do"), you_do),
        ("settings", translate("Guide", "What it does not do"), does_not),
    )
