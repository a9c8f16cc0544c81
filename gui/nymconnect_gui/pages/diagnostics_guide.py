"""The guide: three pages, shown at the first start and whenever somebody asks."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from nymconnect_gui.checkup_card import Mark
from nymconnect_gui.context import Context
from nymconnect_gui.controls import Card, Page, button, label
from nymconnect_gui.words import translate


class GuidePage(QWidget):
    """Forward, back, done; it is not shown again by itself."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        px = context.theme.px
        self.slides = QStackedWidget()
        for slide in slides():
            self.slides.addWidget(_Slide(context, *slide))
        self.place = label("", "small", wrap=False)
        self.place.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back = button(translate("Guide", "Back"), self.go_back)
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
        self._show()

    def go_on(self) -> None:
        """The next page, or done."""
        if self.slides.currentIndex() + 1 < self.slides.count():
            self.slides.setCurrentIndex(self.slides.currentIndex() + 1)
            self._show()
            return
        self._context.store.change(guide_seen=True)
        self.slides.setCurrentIndex(0)
        self._show()
        self._context.navigate("home")

    def go_back(self) -> None:
        """The page before."""
        self.slides.setCurrentIndex(max(0, self.slides.currentIndex() - 1))
        self._show()

    def _show(self) -> None:
        number, count = self.slides.currentIndex() + 1, self.slides.count()
        self.place.setText(translate("Guide", "{number} of {count}").format(number=number, count=count))
        self.back.setEnabled(number > 1)
        self.next.setText(translate("Guide", "Begin") if number == count else translate("Guide", "Next"))


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
            "It begins with a practice network on this computer. That shows how it works, but hides nothing yet.",
        ),
    )
    you_do = (
        translate("Guide", "1. Press Connect."),
        translate("Guide", "2. Open Apps, choose your program, and follow its steps."),
        translate("Guide", "3. Run the test there: it says how far a request comes, and what to do if it fails."),
    )
    does_not = (
        translate("Guide", "Only programs that you set up use it. All others go on as before."),
        translate("Guide", "While it is not connected, the proxy refuses: nothing goes around the mixnet."),
        translate("Guide", "The exit sees where requests go, but not from whom they come. Use https, as always."),
        translate("Guide", "Hiding costs time and data. Settings shows how much, and lets you choose."),
    )
    return (
        ("power", translate("Guide", "What it does"), does),
        ("apps", translate("Guide", "What you do"), you_do),
        ("settings", translate("Guide", "What it does not do"), does_not),
    )
