"""Where passwords are kept: in the desktop's own keyring if there is a usable one, else in the private settings file.

The library `keyring` is optional, and its back ends talk to other programs that may ask the person, be slow or raise
anything. So every call here runs in a thread of the caller's choice, is bounded by the caller, and never raises.
"""

import logging
from importlib import import_module
from typing import Any, Protocol

log = logging.getLogger(__name__)

SERVICE = "NymConnect"


class Vault(Protocol):
    """Texts by their name. `name` is what a person calls it, empty if there is none and nothing is kept."""

    @property
    def name(self) -> str: ...

    def get(self, key: str) -> str | None:
        """None if it is not there, or not to be had."""

    def put(self, key: str, value: str | None) -> bool:
        """Keep it, or with None forget it; whether that was possible."""


class NoVault:
    """Keeps nothing."""

    name = ""

    def get(self, key: str) -> str | None:
        return None

    def put(self, key: str, value: str | None) -> bool:
        return False


class KeyringVault:
    """The desktop's keyring. `library` is the module `keyring`, or what behaves like it."""

    def __init__(self, library: Any, name: str) -> None:
        self._library = library
        self.name = name

    def get(self, key: str) -> str | None:
        try:
            value = self._library.get_password(SERVICE, key)
        except Exception as error:  # back ends raise whatever their own libraries do
            log.warning("the keyring does not give its entry: %s", type(error).__name__)
            return None
        return value if isinstance(value, str) else None

    def put(self, key: str, value: str | None) -> bool:
        try:
            if value is not None:
                self._library.set_password(SERVICE, key, value)
                return bool(self._library.get_password(SERVICE, key) == value)
            if self._library.get_password(SERVICE, key) is not None:
                self._library.delete_password(SERVICE, key)
        except Exception as error:  # see above
            log.warning("the keyring does not keep an entry: %s", type(error).__name__)
            return False
        return True


def find_vault() -> Vault:
    """The keyring of this desktop, or none. Slow: it loads libraries and may look at the session bus."""
    try:
        library = import_module("keyring")
        backend = library.get_keyring()
        usable = float(getattr(backend, "priority", 0)) >= 1 and _is_safe(backend)
    except Exception as error:  # a desktop without a keyring, in any of many ways
        log.info("no keyring: %s", type(error).__name__)
        return NoVault()
    if not usable:
        return NoVault()
    return KeyringVault(library, str(getattr(backend, "name", "keyring")))


def _is_safe(backend: Any) -> bool:
    """Not one that keeps texts as they are, or nothing at all."""
    module = type(backend).__module__
    if module.endswith("chainer"):
        return any(_is_safe(one) for one in getattr(backend, "backends", ()))
    return not module.startswith(("keyring.backends.fail", "keyring.backends.null", "keyrings.alt"))
