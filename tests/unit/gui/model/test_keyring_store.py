"""Passwords: in a keyring that works, else in the private file; and a keyring that misbehaves breaks nothing."""

import asyncio
import stat
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nymconnect.endpoints import Upstream
from nymconnect.reasons import Reason
from nymconnect.system_reasons import FileUnusable
from nymconnect_gui.model import keyring_store as module
from nymconnect_gui.model import settings_saver as keeper_module
from nymconnect_gui.model.keyring_store import KeyringVault, NoVault, Vault, find_vault
from nymconnect_gui.model.settings_saver import Keeper
from nymconnect_gui.model.window_memory import Store
from nymconnect_proxy.settings.config import Settings, read_settings
from nymconnect_proxy.settings.options import Secret
from tests.helpers.keyrings import Library

PROXY = Upstream("socks5", "proxy.example", 9050, "alice", "hunter:2")
BARE = Upstream("socks5", "proxy.example", 9050)
PASSWORD = Secret("s3same")


def keeper_with(vault: Vault, path: Path) -> Keeper:
    return Keeper(path, Store(path), lambda: vault)


async def saved(vault: Vault, path: Path, before: Settings, after: Settings) -> None:
    keeper = keeper_with(vault, path)
    await keeper.open(lambda: before)
    keeper.save(before, after)
    await keeper.close()


def test_a_vault_keeps_gives_and_forgets() -> None:
    vault = KeyringVault(Library(), "Test")
    assert vault.put("a", "1")
    assert vault.get("a") == "1"
    assert vault.put("a", None)
    assert vault.get("a") is None
    assert vault.put("a", None)


@pytest.mark.parametrize("library", [Library(broken=True), Library(forgetful=True)])
def test_a_vault_that_does_not_work_says_so_and_nothing_else(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    vault = KeyringVault(library, "Test")
    assert vault.get("a") is None
    assert not vault.put("a", "s3same")
    assert "s3same" not in caplog.text


@pytest.mark.parametrize(
    ("module_name", "priority", "found"),
    [
        ("keyring.backends.SecretService", 5, True),
        ("keyring.backends.fail", 0, False),
        ("keyring.backends.null", -1, False),
        ("keyrings.alt.file", 1, False),
        ("keyring.backends.Windows", 5, True),
    ],
)
def test_only_a_keyring_that_protects_is_used(
    module_name: str, priority: float, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = type("Keyring", (), {"__module__": module_name, "priority": priority, "name": "Some Keyring"})()
    monkeypatch.setattr(module, "import_module", lambda _: SimpleNamespace(get_keyring=lambda: backend))
    assert find_vault().name == ("Some Keyring" if found else "")


def test_a_desktop_without_a_keyring_or_the_library_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise ImportError("no module named keyring")

    monkeypatch.setattr(module, "import_module", missing)
    assert isinstance(find_vault(), NoVault)


async def test_with_a_keyring_no_secret_is_in_the_file(tmp_path: Path) -> None:
    path, library = tmp_path / "settings.toml", Library()
    vault = KeyringVault(library, "Test")
    after = Settings(upstream=PROXY, password=PASSWORD, preset="high")
    await saved(vault, path, Settings(), after)
    text = path.read_text()
    assert "hunter" not in text
    assert "s3same" not in text
    assert read_settings(path) == replace(Settings(), upstream=BARE, preset="high")
    assert set(library.entries.values()) == {"alice:hunter:2", "s3same"}
    assert await keeper_with(vault, path).open(lambda: read_settings(path)) == after


async def test_what_is_changed_while_the_keyring_is_asked_stays_changed(tmp_path: Path) -> None:
    path, released = tmp_path / "settings.toml", threading.Event()
    vault = KeyringVault(Library(), "Test")
    first = Settings(upstream=PROXY, password=PASSWORD)
    await saved(vault, path, Settings(), first)

    def slowly() -> Vault:
        released.wait(60)
        return vault

    now = [read_settings(path)]
    opening = asyncio.create_task(Keeper(path, Store(path), slowly).open(lambda: now[0]))
    await asyncio.sleep(0)
    now[0] = replace(now[0], preset="bulk", password=Secret("another"))
    released.set()
    assert await opening == replace(first, preset="bulk", password=Secret("another"))


async def test_without_a_keyring_the_secrets_are_in_the_private_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    after = Settings(upstream=PROXY, password=PASSWORD)
    await saved(NoVault(), path, Settings(), after)
    assert read_settings(path) == after
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_keyring_that_does_not_keep_leaves_the_secrets_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    after = Settings(upstream=PROXY)
    await saved(KeyringVault(Library(forgetful=True), "Test"), path, Settings(), after)
    assert read_settings(path) == after


async def test_other_changes_do_not_write_a_kept_secret_into_the_file(tmp_path: Path) -> None:
    path, vault = tmp_path / "settings.toml", KeyringVault(Library(), "Test")
    first = Settings(upstream=PROXY, password=PASSWORD)
    await saved(vault, path, Settings(), first)
    await saved(vault, path, first, replace(first, preset="bulk"))
    assert "hunter" not in path.read_text()
    assert "s3same" not in path.read_text()
    assert read_settings(path).preset == "bulk"


async def test_a_secret_that_is_removed_is_forgotten_everywhere(tmp_path: Path) -> None:
    path, library = tmp_path / "settings.toml", Library()
    vault = KeyringVault(library, "Test")
    first = Settings(upstream=PROXY, password=PASSWORD)
    await saved(vault, path, Settings(), first)
    await saved(vault, path, first, Settings(upstream=BARE))
    assert library.entries == {}
    assert await keeper_with(vault, path).open(lambda: read_settings(path)) == Settings(upstream=BARE)


async def test_a_keyring_that_never_answers_does_not_hold_up_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(NoVault):
        name = "Slow"

        def put(self, key: str, value: str | None) -> bool:
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
            return True

    monkeypatch.setattr(keeper_module, "VAULT_TIMEOUT", 0.05)
    path = tmp_path / "settings.toml"
    await saved(Slow(), path, Settings(), Settings(upstream=PROXY))
    assert read_settings(path).upstream == PROXY
    released.set()


async def test_what_cannot_be_saved_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keeper = keeper_with(NoVault(), tmp_path / "file" / "settings.toml")
    told: list[Reason] = []
    keeper.trouble.connect(told.append)
    keeper.save(Settings(), Settings(preset="high"))
    (reason,) = told
    assert isinstance(reason, FileUnusable)
    assert reason.path == tmp_path / "file" / "settings.toml"
