"""Apps: how to set each program up for the proxy, with the values to copy, and a test of the way to its servers."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from nymconnect_gui.model.context import Context
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.checkup_card import CheckupCard
from nymconnect_gui.widgets.controls import COPIED_FOR, Card, Page, button, label, line, section
from nymconnect_gui.widgets.forms import RowButton
from nymconnect_proxy.settings.recipes import NameHandling, ProgramKind, Recipe, load_recipes, rendered


class AppsPage(QStackedWidget):
    """The list, and the recipe that was chosen."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.recipes = {recipe.key: recipe for recipe in load_recipes(QLocale().name())}
        self.list = RecipeList(context, tuple(self.recipes.values()), self.open)
        self.addWidget(self.list)
        self.recipe: RecipePage | None = None
        self.checkup = CheckupCard(context)
        context.bridge.settings_changed.connect(self._show_again)

    def open(self, key: str) -> None:
        """Show the recipe with this key."""
        self._drop()
        self.recipe = RecipePage(self.context, self.recipes[key], self.checkup, self.back)
        self.addWidget(self.recipe)
        self.setCurrentWidget(self.recipe)

    def back(self) -> None:
        """To the list."""
        self.setCurrentWidget(self.list)
        self._drop()
        self.list.setFocus()

    def step_back(self) -> bool:
        """To the list, if a recipe is open."""
        was_open = self.recipe is not None
        if was_open:
            self.back()
        return was_open

    def _drop(self) -> None:
        if self.recipe is not None:
            self.checkup.setParent(None)
            self.removeWidget(self.recipe)
            self.recipe.deleteLater()
            self.recipe = None

    def _show_again(self, _: object = None) -> None:
        if self.recipe is not None:
            self.recipe.fill()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 -- Qt's name
        super().showEvent(event)
        self._show_again()


class RecipeList(Page):
    """All programs, by what they are."""

    def __init__(self, context: Context, recipes: tuple[Recipe, ...], chosen: Callable[[str], object]) -> None:
        super().__init__(context.theme)
        self.rows: dict[str, RowButton] = {}
        self.add(
            label(translate("Apps", "A program uses the mixnet once you have set it up to use the proxy."), "muted")
        )
        for kind, heading in kind_names().items():
            found = [recipe for recipe in recipes if recipe.kind is kind]
            if not found:
                continue
            card = Card(context.theme)
            for number, recipe in enumerate(found):
                row = RowButton(context.theme, recipe.name, partial(chosen, recipe.key))
                row.set_value("" if recipe.supported else translate("Apps", "No way yet"))
                self.rows[recipe.key] = row
                card.add(*([line()] if number else []), row)
            self.add(section(heading), card)


class RecipePage(Page):
    """One program: steps, what to know, and the test."""

    def __init__(self, context: Context, recipe: Recipe, checkup: CheckupCard, go_back: Callable[[], object]) -> None:
        super().__init__(context.theme)
        self._context = context
        self._recipe = recipe
        self.values: list[CopyValue] = []
        self.back = button("‹ " + translate("Apps", "All apps"), go_back, "link")
        self.column.addWidget(self.back, 0, Qt.AlignmentFlag.AlignLeading)
        self.add(label(translate("Apps", "Set up {name}").format(name=recipe.name), "title"))
        self._steps = Card(context.theme)
        self.add(self._steps)
        self._add_facts()
        self.add(checkup)
        checkup.show()
        self.fill()

    def fill(self) -> None:
        """The steps with the proxy's address of now."""
        rows = self._steps.rows
        while rows.count():
            item = rows.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        self.values.clear()
        socks = self._context.bridge.settings.socks
        filled = rendered(self._recipe, socks.host, socks.port)
        self._steps.add(label(filled.summary, "muted"))
        for number, step in enumerate(filled.steps, 1):
            self._steps.add(line(), self._step(number, step.text, step.value))

    def _step(self, number: int, text: str, value: str | None) -> QWidget:
        theme = self._context.theme
        count = label(str(number), "strong", wrap=False)
        count.setAlignment(Qt.AlignmentFlag.AlignTop)
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(10))
        texts = QVBoxLayout()
        texts.setSpacing(theme.px(4))
        texts.addWidget(label(text))
        if value is not None:
            copy = CopyValue(self._context, translate("Apps", "Step {number}").format(number=number), value)
            self.values.append(copy)
            texts.addWidget(copy)
        texts.addStretch(1)
        row.addWidget(count)
        row.addLayout(texts, 1)
        return made

    def _add_facts(self) -> None:
        card = Card(self._context.theme)
        names = names_sentence(self._recipe.names)
        card.add(label(names, "warn" if self._recipe.names in (NameHandling.PARTLY, NameHandling.NONE) else ""))
        for limit in self._recipe.limits:
            card.add(label(limit, "muted"))
        if self._recipe.tested:
            card.add(
                label(translate("Apps", "Tested with version {version}.").format(version=self._recipe.tested), "small")
            )
        self.add(section(translate("Apps", "Good to know")), card)


class CopyValue(QWidget):
    """Text to paste into a program, whole, and a button that copies it and says so for two seconds."""

    def __init__(self, context: Context, name: str, value: str) -> None:
        super().__init__()
        self.value = value
        self.text = label(value, "mono")
        self.button = button(translate("Apps", "Copy"), self.copy)
        self._name = translate("Controls", "Copy: {name}").format(name=name)
        self.button.setAccessibleName(self._name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(context.theme.px(8))
        row.addWidget(self.text, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)

    def copy(self) -> None:
        """To the clipboard, as it is to be pasted."""
        QGuiApplication.clipboard().setText(self.value)
        self.button.setText(translate("Controls", "Copied"))
        self.button.setAccessibleName(translate("Controls", "Copied"))
        QTimer.singleShot(COPIED_FOR, self, self._offer)

    def _offer(self) -> None:
        self.button.setText(translate("Apps", "Copy"))
        self.button.setAccessibleName(self._name)


def kind_names() -> dict[ProgramKind, str]:
    """Headings, in order."""
    return {
        ProgramKind.WALLET: translate("Apps", "Wallets"),
        ProgramKind.MESSENGER: translate("Apps", "Messengers"),
        ProgramKind.MAIL: translate("Apps", "Mail"),
        ProgramKind.BROWSER: translate("Apps", "Browsers"),
        ProgramKind.TOOL: translate("Apps", "Tools"),
    }


def names_sentence(names: NameHandling) -> str:
    """Who learns which hosts the program asks for."""
    return {
        NameHandling.PROXY: translate("Apps", "Server names are looked up at the exit, not on this computer."),
        NameHandling.PARTLY: translate("Apps", "Some server names are looked up outside the proxy: see below."),
        NameHandling.ADDRESSES: translate("Apps", "It connects to addresses, so no names are looked up."),
        NameHandling.NONE: translate("Apps", "It does not use the proxy: its traffic goes around the mixnet."),
    }[names]
