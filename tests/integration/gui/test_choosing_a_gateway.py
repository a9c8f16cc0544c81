"""A gateway chosen from the list of a real directory: what the window lists is what it enters by."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from nymconnect.endpoints import Endpoint
from nymconnect_gui.app import Program
from nymconnect_gui.pages.settings.gateways import GatewaysPage
from nymconnect_proxy.session.states import State
from tests.helpers.small_network import free_choice, network, place
from tests.helpers.stage import eventually
from tests.helpers.window import PATIENCE, home_of, live, on_qt, until


def test_the_gateway_that_is_chosen_is_the_one_that_is_entered_by(qapp: QApplication, tmp_path: Path) -> None:
    async def scenario(program: Program) -> None:
        program.window.show_page("settings-gateways")
        page = program.window.page("settings-gateways")
        assert isinstance(page, GatewaysPage)
        assert "when you connect" in page.state.text()
        page.connect_now.click()
        await until(program, State.CONNECTED)
        await eventually(lambda: page.list.rows.rowCount() == 4, PATIENCE)
        drawn = program.bridge.status.gateway
        assert sorted(one.country for one in page.list.rows.gateways) == ["", "CH", "DE"]
        assert all(one.host and one.performance is None for one in page.list.rows.gateways)
        other = next(one for one in page.list.rows.gateways if one.identity != drawn)
        page.list.setCurrentIndex(page.list.rows.index(page.list.rows.row_of(other.identity) or 0))
        QTest.keyClick(page.list, Qt.Key.Key_Return)
        assert page.reconnect_bar.isVisible()
        page.reconnect_bar.reconnect.click()
        await eventually(lambda: program.bridge.status.gateway == other.identity, PATIENCE)
        await until(program, State.CONNECTED)
        home_of(program).ring.click()
        await until(program, State.DISCONNECTED)
        assert page.list.rows.rowCount() == 4  # it is still known

    async def work() -> None:
        async with network(3) as running:
            place(running, {0: "CH", 1: "DE"})
            settings = free_choice(running, requester="directory", socks=Endpoint("127.0.0.1", 0))
            await live(qapp, tmp_path, scenario, settings)

    on_qt(qapp, work())
