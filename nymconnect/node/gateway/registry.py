"""The clients of a gateway: keys, bandwidth, and who is online. Mirrors nym-gateway-storage 1.21.

Implements `link.gateway.bandwidth.Registry`. The table is bounded: a new client takes the place of the one that was
not heard of for the longest time and is not online; that one registers again when it comes back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from nymconnect.crypto import KEY_LENGTH, equal
from nymconnect.link.gateway.bandwidth import Registration
from nymconnect.node.gateway.mailbox import Mailbox

MAX_CLIENTS = 100_000

Key = Annotated[bytes, Meta(min_length=KEY_LENGTH, max_length=KEY_LENGTH)]


class StoredRegistration(Struct, frozen=True):
    """One registration on disk."""

    identity: Key
    shared_key: Key
    last_timestamp: int
    available: int
    expires_day: int

    def __repr__(self) -> str:
        return "StoredRegistration(…)"


class StoredRegistry(Struct, frozen=True):
    """The document in which earlier versions kept all clients, the one heard of last at the end."""

    clients: Annotated[list[StoredRegistration], Meta(max_length=MAX_CLIENTS)]


@dataclass(frozen=True, slots=True)
class RegistryChanges:
    """Clients to write, the one heard of last at the end, and identities to remove."""

    kept: tuple[StoredRegistration, ...] = ()
    removed: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.kept or self.removed)


class ClientRegistry:
    """Registrations by client identity (32 bytes). The gateway keeps `online`, and writes `take_changes` to disk.

    `on_news` is called when a key is new: what a client was told must not be forgotten in a crash.
    """

    def __init__(
        self, mailbox: Mailbox, max_clients: int = MAX_CLIENTS, on_news: Callable[[], None] = lambda: None
    ) -> None:
        self._mailbox = mailbox
        self._max_clients = max_clients
        self._on_news = on_news
        self._clients: dict[bytes, Registration] = {}
        self._changed: dict[bytes, None] = {}
        self.online: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def get(self, client: bytes, /) -> Registration | None:
        return self._clients.get(client)

    def put(self, client: bytes, registration: Registration, /) -> None:
        # Taking it out first moves the client to the end: the dictionaries stay in the order of the last use.
        known = self._clients.pop(client, None)
        if known is None and len(self._clients) >= self._max_clients:
            self._evict()
        self._clients[client] = registration
        self._mark(client)
        if known is None or not equal(known.shared_key, registration.shared_key):
            self._on_news()

    def remove(self, client: bytes, /) -> None:
        """Forget the registration and the mailbox."""
        self._clients.pop(client, None)
        self._mailbox.forget(client)
        self._mark(client)
        self._on_news()

    def is_online(self, client: bytes, /) -> bool:
        return client in self.online

    def take_changes(self) -> RegistryChanges:
        """What has changed since the last call."""
        changed, self._changed = self._changed, {}
        return RegistryChanges(
            tuple(_stored(client, self._clients[client]) for client in changed if client in self._clients),
            tuple(client for client in changed if client not in self._clients),
        )

    def give_back(self, changes: RegistryChanges) -> None:
        """These could not be written: they are changes still, older than what has changed since."""
        earlier = [*changes.removed, *(row.identity for row in changes.kept)]
        changed = [*(client for client in earlier if client not in self._changed), *self._changed]
        self._changed = dict.fromkeys(changed[-2 * self._max_clients :])

    def load(self, stored: Iterable[StoredRegistration]) -> None:
        """Take what is on disk, the client heard of last at the end; what is known already stays."""
        restored = {
            row.identity: Registration(row.shared_key, row.last_timestamp, row.available, row.expires_day)
            for row in list(stored)[-self._max_clients :]
        }
        self._clients = restored | self._clients

    def _mark(self, client: bytes) -> None:
        self._changed.pop(client, None)
        self._changed[client] = None

    def _evict(self) -> None:
        oldest = next((client for client in self._clients if client not in self.online), None)
        if oldest is not None:
            del self._clients[oldest]
            self._mark(oldest)


def _stored(client: bytes, known: Registration) -> StoredRegistration:
    return StoredRegistration(client, known.shared_key, known.last_timestamp, known.available, known.expires_day)
