"""Keeps what a person changes: settings in the settings file, passwords in the desktop's keyring if there is one.

A keyring may ask the person before it answers, so it is spoken to in a thread, and nothing waits for it but the writing
of the passwords. Where there is no keyring they stand in the settings file, which only this user can read.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from nymconnect.errors import UserError
from nymconnect_gui.model.keyring_store import NoVault, Vault, find_vault
from nymconnect_gui.model.settings_file import save_changes
from nymconnect_gui.model.window_memory import Store
from nymconnect_proxy.session.reasons import Crash
from nymconnect_proxy.settings.config import Settings, read_settings
from nymconnect_proxy.settings.options import Secret

log = logging.getLogger(__name__)

T = TypeVar("T")

VAULT_TIMEOUT = 60.0  # a person may have to type a password


class Keeper(QObject):
    """`trouble` says why something was not saved; `vault_changed`, that `vault_name` is known."""

    trouble = Signal(object)
    vault_changed = Signal()

    def __init__(
        self,
        path: Path | None,
        store: Store,
        look_for_vault: Callable[[], Vault] = find_vault,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._path = path
        self._store = store
        self._look_for_vault = look_for_vault
        self._vault: Vault = NoVault()
        self._order = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        store.trouble.connect(self.trouble)

    @property
    def path(self) -> Path | None:
        """The settings file, None if changes count for this run only."""
        return self._path

    def use(self, path: Path) -> None:
        """Write to this file from now on."""
        self._path = path

    @property
    def vault_name(self) -> str:
        """The keyring that passwords go to; empty if they go to the settings file."""
        return self._vault.name

    async def open(self, settings: Callable[[], Settings]) -> Settings:
        """Find the keyring, and complete `settings` by the passwords that it may hold.

        They are asked for at the end: meanwhile, and a keyring may take a minute, a person may have changed them.
        """
        self._vault = await asyncio.to_thread(self._look_for_vault)
        self.vault_changed.emit()
        found: dict[str, str] = {}
        for key in self._store.values.in_keyring:
            if key in SECRETS and (secret := await self._ask(partial(self._vault.get, key))) is not None:
                found[key] = secret
        completed = settings()
        for key, secret in found.items():
            if SECRETS[key].get(completed) is None and key in self._store.values.in_keyring:
                completed = SECRETS[key].put(completed, secret)
        return completed

    def save(self, before: Settings, after: Settings) -> None:
        """Write what has changed; a password may take its time."""
        if self._path is None or before == after:
            return
        changed = [key for key, secret in SECRETS.items() if secret.get(before) != secret.get(after)]
        if not changed or not self._vault.name:
            self._store.change(in_keyring=tuple(key for key in self._store.values.in_keyring if key not in changed))
            self._write(before, after)
            return
        task = asyncio.get_running_loop().create_task(self._save_secrets(changed, before, after), name="keeper: save")
        self._tasks.add(task)
        task.add_done_callback(self._saved)

    def reset(self, settings: Settings) -> None:
        """Write `settings` even where the file had something else than was in force, because a flag said so."""
        if self._path is None:
            return
        try:
            self._write(read_settings(self._path), settings)
        except UserError as error:
            log.warning("the settings were not saved: %s", error)
            self.trouble.emit(error.reason)

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _save_secrets(self, keys: list[str], before: Settings, after: Settings) -> None:
        async with self._order:
            kept = set(self._store.values.in_keyring)
            for key in keys:
                secret = SECRETS[key].get(after)
                done = await self._ask(partial(self._vault.put, key, secret))
                (kept.add if done and secret is not None else kept.discard)(key)
            self._store.change(in_keyring=tuple(sorted(kept)))
            self._write(before, after)

    def _saved(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s: %s", task.get_name(), type(error).__name__, error)
            self.trouble.emit(Crash("the saving of settings", f"{type(error).__name__}: {error}"))

    async def _ask(self, question: Callable[[], T]) -> T | None:
        try:
            async with asyncio.timeout(VAULT_TIMEOUT):
                return await asyncio.to_thread(question)
        except TimeoutError:
            log.warning("the keyring does not answer")
            return None

    def _write(self, before: Settings, after: Settings) -> None:
        """Without the passwords that the keyring has."""
        assert self._path is not None
        for key in self._store.values.in_keyring:
            if key in SECRETS:
                after = SECRETS[key].put(after, None)
        try:
            save_changes(self._path, before, after)
        except UserError as error:
            log.warning("the settings were not saved: %s", error)
            self.trouble.emit(error.reason)


@dataclass(frozen=True, slots=True)
class _SecretOf:
    """How a password is taken out of settings, and put into them, or with None removed."""

    get: Callable[[Settings], str | None]
    put: Callable[[Settings, str | None], Settings]


def _login(settings: Settings) -> str | None:
    upstream = settings.upstream
    if upstream is None or upstream.username is None:
        return None
    return f"{upstream.username}:{upstream.password or ''}"


def _with_login(settings: Settings, login: str | None) -> Settings:
    if settings.upstream is None:
        return settings
    bare = replace(settings.upstream, username=None, password=None)
    return replace(settings, upstream=bare if login is None else bare.with_login(login))


def _password(settings: Settings) -> str | None:
    return None if settings.password is None else settings.password.text


def _with_password(settings: Settings, password: str | None) -> Settings:
    return replace(settings, password=None if password is None else Secret(password))


# By their names in the keyring.
SECRETS = {
    "upstream proxy": _SecretOf(_login, _with_login),
    "proxy password": _SecretOf(_password, _with_password),
}
