"""Choosing a gateway: which there are, in which order, found by what, and what is said while none is known."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from nymconnect_gui.app import Program
from nymconnect_gui.pages.settings.gateways import GatewaysPage
from nymconnect_gui.text.i18n import install
from nymconnect_gui.widgets.gateway_list import in_order, matching
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import KnownGateway
from nymconnect_proxy.settings.config import Settings, read_settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from tests.helpers.fake_session import FakeSessions
from tests.helpers.four_gateways import GATEWAYS, GERMAN, NOWHERE, POOR, SWISS

Find = Callable[[str], Any]
mainnet = pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET)])


def gateways_page(page: Find, program: Program, known: tuple[KnownGateway, ...] = GATEWAYS) -> GatewaysPage:
    program.bridge._gateways = {program.bridge.settings.network: known}
    made = page("settings-gateways")
    assert isinstance(made, GatewaysPage)
    return made


def shown(made: GatewaysPage) -> list[str]:
    """The rows, as a screen reader reads them."""
    rows = made.list.rows
    return [rows.data(rows.index(row), Qt.ItemDataRole.AccessibleTextRole) for row in range(rows.rowCount())]


def index_of(made: GatewaysPage, gateway: KnownGateway | None) -> QModelIndex:
    row = made.list.rows.row_of(gateway.identity if gateway else None)
    assert row is not None
    return made.list.rows.index(row)


def press(made: GatewaysPage, gateway: KnownGateway | None) -> None:
    """Click on a row."""
    place = made.list.visualRect(index_of(made, gateway)).center()
    QTest.mouseClick(made.list.viewport(), Qt.MouseButton.LeftButton, pos=place)


# --- order and search -----------------------------------------------------------------------------------------------


def test_the_best_come_first_and_of_equals_those_whose_country_is_known() -> None:
    assert in_order(GATEWAYS) == (GERMAN, NOWHERE, SWISS, POOR)
    unmeasured = tuple(KnownGateway(one.identity, one.host, one.country) for one in GATEWAYS)
    assert [one.host for one in in_order(unmeasured)] == [POOR.host, SWISS.host, GERMAN.host, NOWHERE.host]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", GATEWAYS),
        ("EXAMPLE.net", (POOR, GERMAN)),
        ("example de", (GERMAN,)),
        ("switzer", (SWISS,)),
        ("198.51", (NOWHERE,)),
        ("7gWkGxzP", (SWISS,)),
        ("nothing of the kind", ()),
    ],
)
def test_a_gateway_is_found_by_name_address_country_and_key(text: str, found: tuple[KnownGateway, ...]) -> None:
    assert matching(GATEWAYS, text) == found


# --- the list -------------------------------------------------------------------------------------------------------


@mainnet
def test_every_row_says_what_is_known_and_nothing_else(page: Find, program: Program) -> None:
    assert shown(gateways_page(page, program)) == [
        "Automatic, Chosen at random once, then kept, chosen",
        "gw.example.net, DE · 9xTqLm4W…, performance 100 %",
        "198.51.100.23, 4HkRzPqW…, performance 100 %",
        "gateway-of-a-long-name.example.org, CH · 7gWkGxzP…, performance 99 %",
        "zz.example.net, AT · 2LkJhGfD…, performance 29 %",
    ]


@mainnet
def test_what_the_directory_does_not_say_is_said_to_be_missing(page: Find, program: Program) -> None:
    made = gateways_page(page, program, (KnownGateway(SWISS.identity, SWISS.host),))
    assert shown(made)[1] == "gateway-of-a-long-name.example.org, 7gWkGxzP…"
    assert made.meaning.text() == "This directory does not measure performance. The countries are not known."
    program.bridge._gateways = {NamedNetwork.MAINNET: GATEWAYS}
    made.show_settings()
    assert "The directory measures performance" in made.meaning.text()
    assert "Operators state" in made.meaning.text()


@mainnet
def test_a_press_chooses_and_automatic_is_on_top(page: Find, program: Program) -> None:
    made = gateways_page(page, program)
    press(made, SWISS)
    assert program.keeper.path is not None
    assert read_settings(program.keeper.path).gateway == SWISS.identity
    assert [text for text in shown(made) if text.endswith("chosen")] == [
        "gateway-of-a-long-name.example.org, CH · 7gWkGxzP…, performance 99 %, chosen"
    ]
    exits = page("settings-exits")
    assert exits.gateway.current == "own"
    assert exits.identity.text == SWISS.identity
    page("settings-gateways")
    press(made, None)
    assert read_settings(program.keeper.path).gateway is None
    assert page("settings-exits").gateway.current == "automatic"


@mainnet
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_the_keyboard_does_all_of_it(key: Qt.Key, page: Find, program: Program) -> None:
    made = gateways_page(page, program)
    program.window.activateWindow()
    QTest.qWaitForWindowActive(program.window)
    made.search.setFocus()
    QTest.keyClicks(made.search, "example")
    assert made.count.text() == "3 of 4 gateways"
    QTest.keyClick(made.search, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is made.list
    for _ in range(2):
        QTest.keyClick(made.list, Qt.Key.Key_Down)
    assert program.bridge.settings.gateway is None  # arrows only move
    QTest.keyClick(made.list, key)
    assert program.bridge.settings.gateway == SWISS.identity
    QTest.keyClick(made.list, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not made.list
    QTest.keyClick(program.window, Qt.Key.Key_Escape)
    assert program.window.current == "settings-exits"
    assert program.window.items["settings"].isChecked()


@mainnet
def test_a_screen_reader_finds_the_list_and_its_rows(page: Find, program: Program) -> None:
    made = gateways_page(page, program)
    QApplication.processEvents()
    found = QAccessible.queryAccessibleInterface(made.list)
    assert found is not None
    assert found.text(QAccessible.Text.Name) == "Gateways"
    assert found.childCount() == 5
    row = found.child(1)
    assert row is not None
    assert row.text(QAccessible.Text.Name) == "gw.example.net, DE · 9xTqLm4W…, performance 100 %"


@mainnet
def test_the_keyboard_begins_at_what_is_chosen_and_stays_where_it_is(page: Find, program: Program) -> None:
    program.bridge.change(Settings(network=NamedNetwork.MAINNET, gateway=SWISS.identity))
    made = gateways_page(page, program)
    assert made.list.currentIndex() == index_of(made, SWISS)
    made.list.setCurrentIndex(index_of(made, POOR))
    made.show_settings()
    assert made.list.currentIndex() == index_of(made, POOR)


@mainnet
def test_hundreds_of_gateways_fit(page: Find, program: Program) -> None:
    many = tuple(KnownGateway(f"{number:044d}", f"gw{number}.example.org", "CH", 0.9) for number in range(900))
    made = gateways_page(page, program, many)
    assert made.list.rows.rowCount() == 901
    made.search.setText("gw899")
    assert made.list.rows.rowCount() == 2


# --- nothing to choose ----------------------------------------------------------------------------------------------


@mainnet
async def test_before_the_directory_has_been_read_it_says_when_it_will(
    page: Find, program: Program, sessions: FakeSessions
) -> None:
    made = page("settings-gateways")
    assert "NymConnect reads it when you connect." in made.state.text()
    assert not made.search.isVisible()
    made.connect_now.click()
    async with asyncio.timeout(10):
        while not sessions.made:  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)
    assert "NymConnect is reading" in made.state.text()
    assert not made.connect_now.isVisible()
    sessions.last.gateways = GATEWAYS
    sessions.last.become(State.CONNECTED)
    assert made.list.rows.rowCount() == 5
    assert made.search.isVisible()
    await program.bridge.close()
    assert made.list.rows.rowCount() == 5  # what was read is still known
    program.bridge.change(Settings(network=OwnNetwork("https://mixnet.example.org/api")))
    assert made.list.rows.rowCount() == 1  # but it is another network's


@pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET, on_demand=True)])
async def test_on_demand_it_is_read_when_a_program_asks(page: Find, program: Program, sessions: FakeSessions) -> None:
    made = page("settings-gateways")
    program.bridge.connect_now()
    async with asyncio.timeout(10):
        while not sessions.made:  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)
    sessions.last.become(State.WAITING)
    assert "when a program asks" in made.state.text()


def test_of_the_practice_network_nothing_is_chosen(page: Find, program: Program) -> None:
    made = gateways_page(page, program)
    assert "nothing to choose" in made.state.text()
    press(made, SWISS)
    QTest.keyClick(made.list, Qt.Key.Key_Down)
    QTest.keyClick(made.list, Qt.Key.Key_Return)
    assert program.bridge.settings.gateway is None


@pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET, gateway=SWISS.identity)])
def test_a_gateway_that_is_not_listed_is_told(page: Find, program: Program) -> None:
    made = gateways_page(page, program, (GERMAN,))
    assert "does not list the gateway that you have chosen" in made.state.text()
    press(made, None)
    assert "does not list" not in made.state.text()


@mainnet
async def test_a_choice_while_connected_says_that_it_needs_a_reconnect(
    page: Find, program: Program, sessions: FakeSessions
) -> None:
    made = page("settings-gateways")
    program.bridge.connect_now()
    async with asyncio.timeout(10):
        while not sessions.made:  # noqa: ASYNC110 -- the bridge's tasks do not call back
            await asyncio.sleep(0)
    sessions.last.gateways = GATEWAYS
    sessions.last.become(State.CONNECTED)
    assert not made.reconnect_bar.isVisible()
    press(made, SWISS)
    assert made.reconnect_bar.isVisible()
    assert sessions.last.settings.gateway is None


# --- how it is painted ----------------------------------------------------------------------------------------------


def ink(picture: QImage, top: int, bottom: int) -> list[int]:
    """Columns of the rows `top` to `bottom` in which something differs from the ground."""
    ground = picture.pixel(picture.width() // 2, bottom - 1)
    return [x for x in range(picture.width()) if any(picture.pixel(x, y) != ground for y in range(top, bottom))]


@mainnet
@pytest.mark.parametrize("way", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_names_begin_where_reading_begins(
    way: Qt.LayoutDirection, page: Find, program: Program, qapp: QApplication
) -> None:
    qapp.setLayoutDirection(way)
    try:
        made = gateways_page(page, program)
        QApplication.processEvents()
        rect = made.list.visualRect(index_of(made, NOWHERE))
        picture = made.list.viewport().grab(rect).toImage()
        columns = ink(picture, rect.height() // 2, rect.height() - 4)  # details and the figure
        gaps = [(before, after) for before, after in pairwise(columns) if after - before > 40]
        assert len(gaps) == 1  # nothing but the two, with room between them
        before, after = gaps[0]
        details_are_left = before - columns[0] > columns[-1] - after  # they are longer than the figure
        assert details_are_left is (way is Qt.LayoutDirection.LeftToRight)
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


@mainnet
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("code", ["en", "de"])
def test_rows_are_high_enough_for_their_two_lines(
    code: str, scale: float, page: Find, program: Program, qapp: QApplication
) -> None:
    program.theme.choose("light", scale)
    install(qapp, code)
    try:
        program.window.rebuild()
        made = gateways_page(page, program)
        QApplication.processEvents()
        rect = made.list.visualRect(index_of(made, None))
        assert rect.height() > 2 * made.list.fontMetrics().ascent()
        below = made.list.visualRect(index_of(made, GERMAN))
        assert below.topLeft() == rect.topLeft() + QPoint(0, rect.height())
        assert made.list.height() >= 3 * rect.height()
    finally:
        install(qapp, "en")
        program.theme.choose("system", 1.0)


@mainnet
def test_a_field_to_search_is_named_for_screen_readers(page: Find, program: Program) -> None:
    made = gateways_page(page, program)
    fields = [one.accessibleName() for one in made.findChildren(QLineEdit)]
    assert fields == ["Search by name, address, country or key"]
