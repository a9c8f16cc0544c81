"""About: versions, and under which licences the parts that are shipped stand."""

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import qVersion

from nymconnect import __version__
from nymconnect_gui.model.context import Context
from nymconnect_gui.text.words import translate
from nymconnect_gui.widgets.controls import Card, Page, label, line, section

# What is shipped with the window, and its licence; docs/dependencies.md says what each is for.
PARTS = (
    ("aiohttp", "Apache-2.0, MIT"),
    ("blake3", "CC0-1.0 or Apache-2.0"),
    ("cryptography", "Apache-2.0 or BSD-3-Clause"),
    ("keyring", "MIT"),
    ("msgspec", "BSD-3-Clause"),
    ("platformdirs", "MIT"),
    ("PyNaCl", "Apache-2.0"),
    ("PySide6_Essentials", "LGPL-3.0"),
    ("python-socks", "Apache-2.0"),
    ("qasync", "BSD-2-Clause"),
    ("rbloom", "MIT"),
    ("tomlkit", "MIT"),
    ("wsproto", "MIT"),
)


class AboutPage(Page):
    """Nothing to press."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme)
        theme = context.theme
        card = Card(theme)
        card.add(label(f"NymConnect {__version__}", "title"))
        card.add(
            label(
                translate(
                    "About",
                    "A proxy that takes the connections of your programs through a mixnet. It speaks the "
                    "protocols of the Nym network, but is an independent program, not made by Nym.",
                )
            ),
            label(translate("About", "Licence: Apache-2.0"), "muted"),
            label(
                f"Python {platform.python_version()} · Qt {qVersion()} · {platform.system()} {platform.machine()}",
                "small",
            ),
        )
        self.add(card)
        self.parts = Card(theme)
        for number, (name, licence) in enumerate(PARTS):
            if number:
                self.parts.add(line())
            self.parts.add_row(
                label(f"{name.replace('_', '-')} {installed(name)}".strip(), wrap=False),
                label(licence, "muted"),
                stretch=0,
            )
        self.add(section(translate("About", "Parts made by others")), self.parts)
        self.add(
            label(
                translate(
                    "About",
                    "NymConnect uses Qt and PySide as libraries, under the LGPL: you may replace them with "
                    "versions that you have changed.",
                ),
                "small",
            )
        )


def installed(name: str) -> str:
    """The version of a library, empty if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
