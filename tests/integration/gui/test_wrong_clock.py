"""A computer with a wrong clock: the gateway knows the client and refuses the time that it tells."""

import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect.client.gateway import link as link_module
from nymconnect.endpoints import Endpoint
from nymconnect_gui.app import Program
from nymconnect_proxy.session.states import State
from tests.helpers.small_network import free_choice, network
from tests.helpers.window import home_of, live, on_qt, until

DAY = 86_400.0


@pytest.mark.parametrize("wrong", [DAY, -DAY])
def test_a_wrong_clock_is_one_sentence_and_once_it_is_set_it_connects(
    wrong: float, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = 0.0
    monkeypatch.setattr(link_module, "unix_offset", lambda: time.time() - time.monotonic() + error)

    async def scenario(program: Program) -> None:
        nonlocal error
        home = home_of(program)
        home.ring.click()
        await until(program, State.CONNECTED)
        home.ring.click()
        await until(program, State.DISCONNECTED)
        error = wrong
        home.ring.click()
        await until(program, State.FAILED)
        assert home.sentence.text().startswith("The date or time of this computer is wrong. Set it, then try again.")
        error = 0.0
        home.try_again.click()
        await until(program, State.CONNECTED)

    async def work() -> None:
        async with network(1) as running:
            settings = free_choice(running, connect_timeout=12.0, socks=Endpoint("127.0.0.1", 0))
            await live(qapp, tmp_path, scenario, settings)

    on_qt(qapp, work())
