"""`nymconnect gui`, with a person in front of it who takes orders: ``python -m tests.helpers.played_window …``.

All of the program starts as it always does, in whatever machine or for whatever user it was started. A line on its
input is what the person does; the answer is a line of JSON with what there is to see (`Seen`).
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from PySide6.QtWidgets import QAbstractButton

from nymconnect_gui import app
from nymconnect_gui.pages.home import HomePage
from nymconnect_proxy.cli import main

PATIENCE = 60.0  # seconds
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060"))  # where a line may be cut, or not


@dataclass(frozen=True)
class Seen:
    """What home says: the word under the ring, the sentence below it, and alarms; then what is told at the top, which
    page is open, and the buttons that can be pressed."""

    state: str
    sentence: str
    alarms: str
    notice: str
    page: str
    buttons: list[str]


class PlayedProgram(app.Program):
    """Ends when the orders do."""

    async def run(self) -> None:
        orders = asyncio.create_task(self._obey_all())
        await super().run()
        await orders

    async def _obey_all(self) -> None:
        try:
            while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
                await self._do(*order.split(" ", 1))
                print(json.dumps(asdict(self._look())), flush=True)
        finally:
            self.quit()

    async def _do(self, verb: str, what: str = "") -> None:
        """`look`, `go` to a page, `press` the button of that text or the ring, wait `until` home says that.

        Home says it under the ring, or as an alarm.
        """
        match verb:
            case "look":
                await asyncio.sleep(0)
            case "go":
                self.window.show_page(what)
            case "press" if what == "ring":
                self._home.ring.click()
            case "press":
                next(one for one in self._buttons() if one.text() == what).click()
            case "until":
                end = time.monotonic() + PATIENCE
                while what not in (self._home.state.text(), *self._home.alarm_text.text().splitlines()):
                    assert time.monotonic() < end, self._look()
                    await asyncio.sleep(0.02)
            case _:
                raise ValueError(verb)

    @property
    def _home(self) -> HomePage:
        page = self.window.page("home")
        assert isinstance(page, HomePage)
        return page

    def _buttons(self) -> list[Any]:
        buttons = self.window.findChildren(QAbstractButton)
        return [one for one in buttons if one.isVisible() and one.isEnabled() and one.text()]

    def _look(self) -> Seen:
        notice = self.window.notice
        return Seen(
            self._home.state.text(),
            self._home.sentence.text().translate(INVISIBLE),
            self._home.alarm_text.text().translate(INVISIBLE),
            notice.text.text().translate(INVISIBLE) if notice.isVisible() else "",
            self.window.current,
            [one.text() for one in self._buttons()],
        )


if __name__ == "__main__":
    app.Program = PlayedProgram  # type: ignore[misc]
    sys.exit(main(["gui", *sys.argv[1:]]))
