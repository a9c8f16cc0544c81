"""Back to how everything was at first: settings, looks, passwords, start at login. Asked once, then done.

What a person has collected stays: the address book, and the keys by which gateways know this computer, which are no
settings. So does what the window would only bother with again: its size, and that the guide was read.
"""

from dataclasses import replace

import msgspec
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget

from nymconnect.errors import UserError, reason_of
from nymconnect_gui.model.context import Context
from nymconnect_gui.model.window_memory import Remembered
from nymconnect_gui.text.reasons import advice
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.question import make_question, open_question
from nymconnect_proxy.settings.config import Settings

STAYS = ("width", "height", "guide_seen", "in_keyring")  # the last one is the keeper's, which empties it itself


def ask_for_defaults(context: Context, parent: QWidget) -> QMessageBox:
    """The question, open."""
    question = make_question(
        parent,
        translate("Defaults", "Reset all settings?"),
        translate(
            "Defaults",
            "Network, gateway, exits, proxy, preset, start and appearance return to their defaults, "
            "and passwords are removed. The address book and the keys of this computer stay.",
        ),
    )
    reset = question.addButton(translate("Defaults", "&Reset"), QMessageBox.ButtonRole.DestructiveRole)
    question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))

    def answered(pressed: QAbstractButton) -> None:
        if pressed is reset:
            restore_defaults(context)

    open_question(question, answered)
    return question


def restore_defaults(context: Context) -> None:
    """Make everything as it was at first, in force and in the file; what fails is reported."""
    values = msgspec.structs.asdict(Remembered())
    context.store.change(**{name: value for name, value in values.items() if name not in STAYS})
    context.theme.choose(context.store.values.theme, context.store.values.text_scale)
    # First, so that a failure below takes the place of this message.
    context.tell(translate("Defaults", "All settings have their default values again."))
    fresh = replace(Settings(), address_book=context.bridge.settings.address_book)
    context.change_settings(fresh)
    context.keeper.reset(fresh)  # what flags had covered, too
    try:
        if context.autostart.is_on():
            context.autostart.turn_off()
    except UserError as error:
        context.tell(advice(reason_of(error)).sentence)
