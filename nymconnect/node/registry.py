"""The clients of a gateway: keys, bandwidth, and who is online. Mirrors nym-gateway-storage 1.21.

Implements `link.gateway.bandwidth.Registry`. The table is bounded: a new client takes the place of the one that was
not heard of for the longest time and is not online; that one registers again when it comes back.
"""

from typing import Annotated

from msgspec import Meta, Struct

from nymconnect.crypto import KEY_LENGTH, equal
from nymconnect.link.gateway.bandwidth import Registration
from nymconnect.node.mailbox import Mailbox

MAX_CLIENTS = 100_000

Key = Annotated[bytes, Meta(min_length=KEY_LENGTH, max_length=KEY_LENGTH)]


class StoredClient(Struct, frozen=True):
    """One registration in the file."""

    identity: Key
    shared_key: Key
    last_timestamp: int
    available: int
    expires_day: int

    def __repr__(self) -> str:
        return "StoredClient(…)"


class StoredRegistry(Struct, frozen=True):
    """The content of the file, the client heard of last at the end."""

    clients: Annotated[list[StoredClient], Meta(max_length=MAX_CLIENTS)]


class ClientRegistry:
    """Registrations by client identity (32 bytes). The gateway keeps `online` and saves `content()` if `changed`.

    `urgent` says that a key is new: what a client was told must not be forgotten in a crash.
    """

    def __init__(self, mailbox: Mailbox, max_clients: int = MAX_CLIENTS) -> None:
        self._mailbox = mailbox
        self._max_clients = max_clients
        self._clients: dict[bytes, Registration] = {}
        self.online: set[bytes] = set()
        self.changed = False
        self.urgent = False

    def __len__(self) -> int:
        return len(self._clients)

    def get(self, client: bytes, /) -> Registration | None:
        return self._clients.get(client)

    def put(self, client: bytes, registration: Registration, /) -> None:
        # Taking it out first moves the client to the end: the dictionary stays in the order of the last use.
        known = self._clients.pop(client, None)
        if known is None and len(self._clients) >= self._max_clients:
            self._evict()
        self._clients[client] = registration
        self.changed = True
        self.urgent |= known is None or not equal(known.shared_key, registration.shared_key)

    def remove(self, client: bytes, /) -> None:
        """Forget the registration and the mailbox."""
        self._clients.pop(client, None)
        self._mailbox.forget(client)
        self.changed = True

    def is_online(self, client: bytes, /) -> bool:
        return client in self.online

    def content(self) -> StoredRegistry:
        """Everything, for the file."""
        return StoredRegistry(
            [
                StoredClient(client, known.shared_key, known.last_timestamp, known.available, known.expires_day)
                for client, known in self._clients.items()
            ]
        )

    def load(self, stored: StoredRegistry) -> None:
        """Take what a file held; what is known already stays."""
        restored = {
            row.identity: Registration(row.shared_key, row.last_timestamp, row.available, row.expires_day)
            for row in stored.clients[-self._max_clients :]
        }
        self._clients = restored | self._clients

    def _evict(self) -> None:
        oldest = next((client for client in self._clients if client not in self.online), None)
        if oldest is not None:
            del self._clients[oldest]
