"""The pages of settings: what is shown, what is saved, what is refused and why."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from nymconnect.client.presets import AUTOMATIC, PRESETS
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect_gui.app import Program
from nymconnect_gui.model.keyring_store import KeyringVault
from nymconnect_gui.model.window_memory import Store
from nymconnect_gui.pages.settings.exits import together
from nymconnect_gui.pages.settings.overview import SettingsPart, cost
from nymconnect_gui.window import PAGES
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import OPTIONS, Settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.options import Secret
from tests.helpers.fake_session import FakeSessions
from tests.helpers.settings_pages import saved, wait_for
from tests.helpers.typed import KEY, RECIPIENT

Find = Callable[[str], Any]

OPTION_CHOICES = next(option.choices for option in OPTIONS if option.name == "sender_tags")


def type_in(edit: QLineEdit, text: str) -> None:
    """As a person does, and goes on to the next field."""
    edit.setFocus()
    edit.selectAll()
    QTest.keyClick(edit, Qt.Key.Key_Delete)
    if text:
        QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key.Key_Return)


# --- how much to hide -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [AUTOMATIC, *PRESETS])
def test_every_preset_can_be_chosen_and_says_what_it_costs(name: str, page: Find, program: Program) -> None:
    settings = page("settings")
    settings.preset.buttons[name].click()
    assert program.bridge.settings.preset == name
    assert saved(program).preset == name
    preset = program.bridge.settings.chosen_preset(own_network=True)
    assert settings.cost.text() == cost(preset)
    assert settings.unsafe.isVisible() is (not preset.is_safe)


def test_the_cost_is_that_of_the_table() -> None:
    assert "0.3 s" in cost(PRESETS["balanced"])
    assert f"{PRESETS['balanced'].gigabytes_per_day:.3g} GB" in cost(PRESETS["balanced"])
    assert "12 s" in cost(PRESETS["wallet"])


@pytest.mark.parametrize("settings", [Settings(average_packet_delay=0.01)])
def test_values_of_ones_own_are_warned_of_and_can_be_removed(page: Find, program: Program) -> None:
    settings = page("settings")
    assert settings.own_traffic.isVisible()
    settings.drop_own.click()
    assert program.bridge.settings == Settings()
    assert not settings.own_traffic.isVisible()


def test_the_first_page_leads_to_all_others_and_back(page: Find, program: Program) -> None:
    for key, row in page("settings").rows.items():
        program.window.show_page("settings")
        row.click()
        assert program.window.current == key
        program.window.header.back.click()
        assert program.window.current == "settings"


def test_it_says_where_the_settings_are(page: Find, program: Program) -> None:
    assert str(program.keeper.path) in page("settings").kept.text()


# --- reconnect ------------------------------------------------------------------------------------------------------


async def test_what_needs_a_reconnect_is_told_and_done(page: Find, program: Program, sessions: FakeSessions) -> None:
    settings = page("settings")
    program.bridge.connect_now()
    await wait_for(lambda: bool(sessions.made))
    sessions.last.become(State.CONNECTED)
    assert not settings.reconnect_bar.isVisible()
    program.change_settings(Settings(log_level="debug"))
    assert not settings.reconnect_bar.isVisible()
    settings.preset.buttons["high"].click()
    assert settings.reconnect_bar.isVisible()
    settings.reconnect_bar.reconnect.click()
    await wait_for(lambda: len(sessions.made) == 2)
    assert sessions.last.settings.preset == "high"
    await wait_for(lambda: not settings.reconnect_bar.isVisible())


# --- network --------------------------------------------------------------------------------------------------------


def test_a_network_of_ones_own_is_checked_while_it_is_typed(page: Find, program: Program) -> None:
    network = page("settings-network")
    network.network.buttons["own"].click()
    assert network.url.isVisible()
    network.url.edit.setFocus()
    QTest.keyClicks(network.url.edit, "mixnet.example.org")
    assert "https://" in network.url.error.text()
    assert network.url.error.isVisible()
    assert program.bridge.settings.network is NamedNetwork.PRACTICE
    type_in(network.url.edit, "https://mixnet.example.org/api/")
    assert not network.url.error.isVisible()
    assert saved(program).network == OwnNetwork("https://mixnet.example.org/api")
    network.network.buttons["mainnet"].click()
    assert saved(program).network is NamedNetwork.MAINNET
    assert not network.url.isVisible()


def test_a_directory_is_known_by_its_certificate_if_one_is_named(page: Find, program: Program) -> None:
    network = page("settings-network")
    assert not network.fingerprint.isVisible()
    network.network.buttons["own"].click()
    type_in(network.url.edit, "https://mixnet.example.org/api")
    network.fingerprint.edit.setFocus()
    QTest.keyClicks(network.fingerprint.edit, "AB:CD")
    assert "64 digits" in network.fingerprint.error.text()
    assert saved(program).network == OwnNetwork("https://mixnet.example.org/api")
    type_in(network.fingerprint.edit, ":".join(["AB"] * 32))
    assert saved(program).network == OwnNetwork("https://mixnet.example.org/api", "ab" * 32)
    type_in(network.url.edit, "http://mixnet.example.org/api")
    assert "https://" in network.fingerprint.error.text()
    assert str(saved(program).network).startswith("https://")
    network.network.buttons["mainnet"].click()
    assert not network.fingerprint.isVisible()
    assert saved(program).network is NamedNetwork.MAINNET


def test_address_and_fingerprint_may_come_in_one_piece(page: Find, program: Program) -> None:
    network = page("settings-network")
    network.network.buttons["own"].click()
    whole = "https://mixnet.example.org/api#" + "cd" * 32
    QGuiApplication.clipboard().setText(whole)
    network.url.edit.setFocus()
    network.url.edit.paste()
    QTest.keyClick(network.fingerprint.edit, Qt.Key.Key_Return)
    assert (network.url.text, network.fingerprint.text) == ("https://mixnet.example.org/api", "cd" * 32)
    assert str(saved(program).network) == whole
    assert page("settings-network").fingerprint.text == "cd" * 32


def test_what_is_typed_counts_after_a_pause_without_another_key(page: Find, program: Program, qtbot: QtBot) -> None:
    network = page("settings-network")
    network.upstream.edit.setFocus()
    QTest.keyClicks(network.upstream.edit, "socks5://127.0.0.1:9050")
    qtbot.waitUntil(lambda: program.bridge.settings.upstream is not None, timeout=10_000)
    assert program.bridge.settings.upstream == Upstream("socks5", "127.0.0.1", 9050)


def test_an_upstream_proxy_with_its_login(page: Find, program: Program) -> None:
    network = page("settings-network")
    assert not network.login_name.isVisible()
    type_in(network.upstream.edit, "socks5://127.0.0.1:9050")
    assert network.login_password.edit.echoMode() is QLineEdit.EchoMode.Password
    type_in(network.login_name.edit, "alice")
    type_in(network.login_password.edit, "s3same")
    assert saved(program).upstream == Upstream("socks5", "127.0.0.1", 9050, "alice", "s3same")
    assert program.keeper.path is not None
    assert stat.S_IMODE(program.keeper.path.stat().st_mode) == 0o600
    assert "alice" not in network.upstream.text
    type_in(network.upstream.edit, "")
    assert saved(program).upstream is None


# --- gateway and exits ----------------------------------------------------------------------------------------------


def test_a_gateway_of_ones_own_choice(page: Find, program: Program) -> None:
    exits = page("settings-exits")
    exits.gateway.buttons["own"].click()
    type_in(exits.identity.edit, "nonsense")
    assert exits.identity.error.isVisible()
    assert program.bridge.settings.gateway is None
    type_in(exits.identity.edit, KEY)
    assert saved(program).gateway == KEY
    exits.gateway.buttons["automatic"].click()
    assert saved(program).gateway is None


@pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET)])
def test_gateway_and_exits_of_a_country(page: Find, program: Program) -> None:
    exits = page("settings-exits")
    type_in(exits.gateway_country.edit, "Switzerland")
    assert "such as CH" in exits.gateway_country.error.text()
    type_in(exits.gateway_country.edit, "zz")
    assert exits.gateway_country.error.isVisible()
    type_in(exits.gateway_country.edit, "ch")
    type_in(exits.exit_country.edit, "DE")
    assert (saved(program).gateway_country, saved(program).requester_country) == ("CH", "DE")
    exits.gateway.buttons["own"].click()
    exits.exits.buttons["own"].click()
    assert not exits.gateway_country.isVisible()
    assert not exits.exit_country.isVisible()
    exits.gateway.buttons["automatic"].click()
    type_in(exits.gateway_country.edit, "")
    assert saved(program).gateway_country is None


def test_the_practice_network_has_no_countries(page: Find) -> None:
    exits = page("settings-exits")
    assert not exits.gateway_country.isVisible()
    assert not exits.exit_country.isVisible()


def test_exits_by_address_and_by_name(page: Find, program: Program) -> None:
    exits = page("settings-exits")
    type_in(exits.new_name.edit, "home")
    type_in(exits.new_address.edit, RECIPIENT)
    exits.add_entry.click()
    assert saved(program).address_book == (("home", RECIPIENT),)
    exits.exits.buttons["own"].click()
    type_in(exits.addresses.edit, "away")
    assert "away" in exits.addresses.error.text()
    type_in(exits.addresses.edit, "home")
    assert saved(program).requester == "home"
    exits.removes["home"].click()
    assert not program.window.notice.isHidden()
    assert saved(program).address_book
    exits.exits.buttons["automatic"].click()
    exits.removes["home"].click()
    assert saved(program) == Settings()


@pytest.mark.parametrize(
    ("name", "address"), [("", RECIPIENT), ("home", ""), ("ho me", RECIPIENT), ("home", "nonsense")]
)
def test_an_entry_that_is_not_complete_is_not_added(name: str, address: str, page: Find, program: Program) -> None:
    exits = page("settings-exits")
    type_in(exits.new_name.edit, name)
    type_in(exits.new_address.edit, address)
    exits.add_entry.click()
    assert program.bridge.settings.address_book == ()
    assert not program.window.notice.isHidden()


@pytest.mark.parametrize("settings", [Settings(network=NamedNetwork.MAINNET)])
def test_how_many_exits_are_drawn(page: Find, program: Program) -> None:
    exits = page("settings-exits")
    assert exits.count.current == "3"
    exits.count.buttons["5"].click()
    assert saved(program).requester_count == 5


@pytest.mark.parametrize("use", OPTION_CHOICES)
def test_what_an_exit_can_put_together_is_chosen_and_explained(use: str, page: Find, program: Program) -> None:
    exits = page("settings-exits")
    assert tuple(exits.apart.buttons) == OPTION_CHOICES
    exits.apart.buttons[use].click()
    assert saved(program).sender_tags == use
    assert exits.together.text() == together(use)


@pytest.mark.parametrize(
    ("settings", "use", "warned"),
    [
        # its preset lets the downlink follow the data anyway
        (Settings(network=NamedNetwork.MAINNET), "destination", False),
        (Settings(), "destination", True),
        (Settings(network=OwnNetwork("https://mixnet.example.org/api")), "destination", True),
        (Settings(network=NamedNetwork.MAINNET, preset="high"), "stream", True),
        (Settings(), "stream", True),
        (Settings(), "user", False),
        (Settings(), "one", False),
    ],
)
def test_what_shows_the_downlink_is_warned_of(use: str, warned: bool, page: Find) -> None:
    exits = page("settings-exits")
    exits.apart.buttons[use].click()
    assert exits.shows.isVisible() is warned


# --- proxy ----------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told_and_the_next_one_offered(page: Find, program: Program) -> None:
    proxy = page("settings-proxy")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        type_in(proxy.port.edit, str(port))
        assert program.bridge.settings.socks.port == port
        assert str(port) in proxy.busy.text()
        assert proxy.busy.isVisible()
        proxy.other_port.click()
        assert program.bridge.settings.socks.port > port
        assert not proxy.busy.isVisible()


def test_other_computers_need_a_password(page: Find, program: Program) -> None:
    proxy = page("settings-proxy")
    proxy.remote.switch.click()
    assert not program.bridge.settings.allow_remote
    assert not proxy.remote.switch.isChecked()
    assert "password" in program.window.notice.text.text()
    type_in(proxy.password.edit, "s3same")
    proxy.remote.switch.click()
    assert saved(program).allow_remote
    assert saved(program).password == Secret("s3same")
    type_in(proxy.host.edit, "0.0.0.0")
    assert saved(program).socks.host == "0.0.0.0"
    proxy.remote.switch.click()
    assert saved(program).socks == Endpoint("127.0.0.1", 1080)


def test_a_password_is_shown_only_when_asked(page: Find) -> None:
    proxy = page("settings-proxy")
    assert proxy.password.edit.echoMode() is QLineEdit.EchoMode.Password
    assert "s3same" not in proxy.password.edit.accessibleName()


# --- start and looks ------------------------------------------------------------------------------------------------


def test_start_at_login_is_what_the_system_says(page: Find, program: Program, tmp_path: Path) -> None:
    start = page("settings-start")
    entry = tmp_path / "xdg" / "autostart" / "nymconnect.desktop"
    assert not start.minimised.isEnabled()
    start.login.switch.click()
    assert entry.exists()
    assert "--minimized" not in entry.read_text()
    start.minimised.switch.click()
    assert "--minimized" in entry.read_text()
    entry.unlink()
    page("settings")
    assert not page("settings-start").login.switch.isChecked()


def test_start_at_login_that_is_not_allowed_is_one_sentence(page: Find, program: Program, tmp_path: Path) -> None:
    (tmp_path / "xdg").write_text("")
    start = page("settings-start")
    start.login.switch.click()
    assert not start.login.switch.isChecked()
    assert not program.window.notice.isHidden()


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("on_start", "connect_on_start", True),
        ("keep", "keep_in_tray", False),
        ("cover", "keep_cover", False),
    ],
)
def test_switches_are_remembered(row: str, field: str, value: bool, page: Find, program: Program) -> None:
    getattr(page("settings-start"), row).switch.click()
    assert getattr(program.store.values, field) is value
    assert program.keeper.path is not None
    assert getattr(Store(program.keeper.path).values, field) is value


def test_a_press_on_the_words_turns_the_switch(page: Find, program: Program, qtbot: QtBot) -> None:
    row = page("settings-start").on_start
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=row.rect().topLeft())
    assert program.store.values.connect_on_start


def test_on_demand_is_a_setting_of_the_session(page: Find, program: Program) -> None:
    start = page("settings-start")
    start.demand.buttons["yes"].click()
    assert saved(program).on_demand
    assert "5 minutes" in start.meaning.text()
    assert not start.cover.isEnabled()


@pytest.mark.parametrize(("key", "dark"), [("dark", True), ("light", False)])
def test_the_theme_changes_at_once(key: str, dark: bool, page: Find, program: Program) -> None:
    page("settings-looks").looks.buttons[key].click()
    assert program.theme.is_dark is dark
    assert program.store.values.theme == key


def test_the_size_of_text_changes_at_once(page: Find, program: Program) -> None:
    before = program.theme.body
    page("settings-looks").text_size.buttons["2"].click()
    assert program.theme.body == 2 * before
    program.theme.choose("system", 1.0)


def test_every_part_is_a_part(page: Find) -> None:
    for key in (spec.key for spec in PAGES if spec.key.startswith("settings")):
        assert isinstance(page(key), SettingsPart)


def test_how_much_is_logged_is_set_at_once_and_debug_warns(page: Find, program: Program) -> None:
    log = page("settings-log")
    assert not log.warning.isVisible()
    log.level.buttons["debug"].click()
    assert program.bridge.settings.log_level == saved(program).log_level == "debug"
    assert log.warning.isVisible()
    assert page("settings").rows["settings-log"].value == "Debug"
    log.read.click()
    assert program.window.current == "diagnostics-log"
    program.change_settings(Settings())


def test_where_passwords_go_is_said(page: Find, program: Program) -> None:
    settings = page("settings")
    assert settings.kept.text().endswith("It holds the passwords too; only you can read it.")
    program.keeper._vault = KeyringVault(None, "GNOME Keyring")
    program.keeper.vault_changed.emit()
    assert settings.kept.text().endswith("Passwords go to GNOME Keyring.")
