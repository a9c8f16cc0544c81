"""Back to how everything was at first: asked once, in force and in the file, and nothing that was collected is lost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.errors import UserError
from nymconnect_gui.app import Program
from nymconnect_gui.model.keyring_store import KeyringVault
from nymconnect_gui.model.settings_saver import SECRETS
from nymconnect_gui.model.window_memory import Remembered
from nymconnect_gui.text.i18n import install
from nymconnect_proxy.settings.config import Settings, read_settings, write_settings
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.options import Secret
from nymconnect_proxy.settings.settings_document import CURRENT_VERSION
from tests.helpers.keyrings import Library
from tests.helpers.typed import KEY, RECIPIENT

Find = Callable[[str], Any]
BOOK = (("home", RECIPIENT),)
CHANGED = Settings(
    network=OwnNetwork("https://mixnet.example.org/api"),
    gateway=KEY,
    requester="home",
    address_book=BOOK,
    upstream=Upstream("socks5", "127.0.0.1", 9050, "alice", "s3same"),
    socks=Endpoint("127.0.0.1", 4321),
    password=Secret("s3same"),
    sender_tags="one",
    preset="high",
    log_level="debug",
)


def press(program: Program, page: Find, text: str) -> None:
    """Ask for the defaults, and answer."""
    settings = page("settings")
    settings.reset.click()
    choices = {button.text().replace("&", ""): button for button in settings.question.buttons()}
    choices[text].click()


def file_of(program: Program) -> Any:
    assert program.keeper.path is not None
    program.keeper.path.parent.mkdir(parents=True, exist_ok=True)
    return program.keeper.path


def test_everything_is_as_it_was_at_first_but_the_address_book(page: Find, program: Program) -> None:
    file_of(program).write_text("# mine\n[traffic]\npreset = 'bulk' # quick\n", encoding="utf-8")
    program.change_settings(CHANGED)
    program.store.change(connect_on_start=True, keep_in_tray=True, text_scale=1.25, theme="dark", guide_seen=True)
    page("settings-exits")
    press(program, page, "Reset")
    wanted = replace(Settings(), address_book=BOOK)
    assert program.bridge.settings == wanted
    assert read_settings(file_of(program)) == wanted
    assert program.store.values == Remembered(guide_seen=True)
    assert not program.window.notice.isHidden()
    text = file_of(program).read_text(encoding="utf-8")
    assert "s3same" not in text
    assert "# mine" in text
    assert "# quick" in text
    assert f"version = {CURRENT_VERSION}" in text


def test_the_pages_show_it(page: Find, program: Program) -> None:
    program.change_settings(CHANGED)
    network, exits = page("settings-network"), page("settings-exits")
    assert (network.network.current, exits.gateway.current, exits.exits.current) == ("own", "own", "own")
    press(program, page, "Reset")
    assert page("settings-network").network.current == "embedded"
    assert not network.url.isVisible()
    assert network.url.text == ""
    exits = page("settings-exits")
    assert (exits.gateway.current, exits.exits.current, exits.apart.current) == ("automatic",) * 3
    assert page("settings-proxy").port.text == "1080"


def test_it_is_asked_once_and_cancel_changes_nothing(page: Find, program: Program) -> None:
    program.change_settings(CHANGED)
    settings = page("settings")
    settings.reset.click()
    question = settings.question
    settings.reset.click()
    assert settings.question is question
    assert "address book" in question.informativeText()
    assert question.defaultButton().text().replace("&", "") == "Cancel"
    question.defaultButton().click()
    assert settings.question is None
    assert program.bridge.settings == CHANGED
    assert read_settings(file_of(program)) == CHANGED


@pytest.mark.parametrize("settings", [Settings(preset="wallet")])
def test_what_a_flag_has_covered_is_reset_in_the_file_too(page: Find, program: Program) -> None:
    write_settings(file_of(program), Settings(preset="high", network=NamedNetwork.MAINNET))
    press(program, page, "Reset")
    assert read_settings(file_of(program)) == Settings()


def test_keys_and_profiles_are_not_touched(page: Find, program: Program) -> None:
    assert program.context.directories is not None
    kept = program.context.directories.data / "profile"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"keys")
    press(program, page, "Reset")
    assert kept.read_bytes() == b"keys"


async def test_the_keyring_forgets_the_passwords(page: Find, program: Program) -> None:
    library = Library()
    program.keeper._vault = KeyringVault(library, "a keyring")
    program.change_settings(CHANGED)
    await program.keeper.close()
    assert set(program.store.values.in_keyring) == set(SECRETS)
    press(program, page, "Reset")
    await program.keeper.close()
    assert library.entries == {}
    assert program.store.values.in_keyring == ()
    assert read_settings(file_of(program)) == replace(Settings(), address_book=BOOK)


def test_it_no_longer_starts_at_login(page: Find, program: Program) -> None:
    start = page("settings-start")
    start.login.switch.click()
    assert program.context.autostart.is_on()
    press(program, page, "Reset")
    assert not program.context.autostart.is_on()


def test_what_the_system_does_not_let_be_changed_is_told(
    page: Find, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise UserError("the system does not let this program change what starts at login: permission denied")

    kind = type(program.context.autostart)
    monkeypatch.setattr(kind, "is_on", lambda _: True)
    monkeypatch.setattr(kind, "turn_off", refuse)
    program.change_settings(Settings(preset="high"))
    press(program, page, "Reset")
    assert "starts at login" in program.window.notice.text.text()
    assert program.bridge.settings == Settings()


def test_a_file_that_cannot_be_written_is_told(page: Find, program: Program) -> None:
    file_of(program).write_text("no toml [", encoding="utf-8")
    press(program, page, "Reset")
    assert "not saved" in program.window.notice.text.text()
    assert file_of(program).read_text(encoding="utf-8") == "no toml ["


def test_the_language_is_that_of_the_system_again(page: Find, program: Program, qapp: QApplication) -> None:
    try:
        program.store.change(language="de")
        press(program, page, "Zurücksetzen")
        assert program.store.values.language == "system"
        assert not program.window.notice.isHidden()
        QApplication.processEvents()
        assert page("settings").isVisible()
    finally:
        install(qapp, "en")
