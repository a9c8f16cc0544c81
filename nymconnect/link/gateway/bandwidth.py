"""What a gateway keeps of each client, and what a packet costs. Mirrors nym-credential-verification 1.21
(`bandwidth_storage_manager.rs`) and nym-gateway-storage 1.21 (tables `shared_keys` and `available_bandwidth`).

Free bandwidth is 64 GiB a claim and lasts until the UTC day ends; then the balance is nothing and the client
claims again. A packet costs its Sphinx length, whatever is in it.
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

FREE_BANDWIDTH = 64 * 1024**3
LOW_BANDWIDTH = 40_000_000  # below it a client claims more: a fifth of a 200 MB ticket
DAY = 86400
# Balances are i64 on the wire; claims stop adding long before that.
_MAX_BALANCE = 2**62


@dataclass(frozen=True, slots=True)
class Registration:
    """A client that agreed on a key with this gateway.

    `last_timestamp` is the Unix second of its latest authentication; `available` bytes are valid through the UTC day
    `expires_day`, counted from 1970.
    """

    shared_key: bytes = field(repr=False)
    last_timestamp: int = 0
    available: int = 0
    expires_day: int = 0


class Registry(Protocol):
    """The gateway's clients, by identity (32 bytes). In memory and quick: `get` and `put` happen for every packet.

    The service that implements it persists it, in batches.
    """

    def get(self, client: bytes, /) -> Registration | None: ...

    def put(self, client: bytes, registration: Registration, /) -> None: ...

    def remove(self, client: bytes, /) -> None:
        """Forget the registration and the mailbox."""

    def is_online(self, client: bytes, /) -> bool:
        """Whether some connection is this client's session."""


def utc_day(unix_time: float) -> int:
    """Days since 1970."""
    return int(unix_time // DAY)


def balance(registration: Registration, today: int) -> int:
    """Bytes that may still be sent on the UTC day `today`."""
    return registration.available if today <= registration.expires_day else 0


def grant_free(registration: Registration, today: int) -> Registration:
    """The registration with one free claim added, to be used up `today`."""
    available = min(balance(registration, today) + FREE_BANDWIDTH, _MAX_BALANCE)
    return replace(registration, available=available, expires_day=today)


def charge(registration: Registration, amount: int, today: int) -> Registration | None:
    """The registration after paying `amount` bytes; None if it cannot."""
    available = balance(registration, today)
    return replace(registration, available=available - amount) if available >= amount else None
