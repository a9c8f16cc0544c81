"""What a client keeps on disk, for each network: who it is, at which gateway, and the keys of replies still to come.

::

    <data>/networks/<network>/client.json    keys, gateway, registration there
                              replies.json   keys of reply SURBs that are out, with their age
                              lock           held by the session that uses them

One client has one gateway. With another gateway it gets new keys, so that no two gateways know each other's client.
What nym-client-core 1.21 has beside this, tags by which others know us, is not kept: a requester shall not see that two
runs are of one client. Losing any of these files costs a new registration and a few replies, nothing else; so a file
that does not read is set aside, and `notice` says so. A file that other users may read is refused: a person has to know
that somebody else may have the keys, and that the next session would be another client.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.surbs.issued import IssuedKey
from nymconnect.crypto import Ed25519Secret, X25519Secret, blake3_digest
from nymconnect.errors import WireError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import KeysLost, Reason, RepliesLost
from nymconnect.storage import Document, Lock, Migration, make_private_directory, set_aside

MAXIMUM_REPLY_AGE = 24 * 3600.0  # seconds; `SurbParameters.maximum_key_age` may be shorter

Key32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Key16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
UnixTime = Annotated[int, Meta(ge=0, le=2**53)]

CLIENT_MIGRATIONS: tuple[Migration, ...] = ()
REPLIES_MIGRATIONS: tuple[Migration, ...] = ()


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document whose repr shows nothing. Byte strings are base64 in the file."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class StoredClient(_Secret, frozen=True, forbid_unknown_fields=True):
    """`client.json`."""

    gateway: Key32
    identity: Key32
    encryption: Key32
    ack: Key16
    shared_key: Key32 | None
    last_timestamp: UnixTime


class StoredReplies(_Secret, frozen=True, forbid_unknown_fields=True):
    """`replies.json`: whose keys they are, and by address of who holds the SURBs: key, Unix time it was given."""

    client: Key32
    given: dict[str, list[tuple[Key16, UnixTime]]]


_Stored = TypeVar("_Stored", StoredClient, StoredReplies)


@dataclass(frozen=True, slots=True)
class Profile:
    """A client, its gateway (identity, 32 bytes) and the reply keys that it may still need."""

    keys: ClientKeys
    gateway: bytes
    issued: tuple[IssuedKey, ...] = ()


class ProfileStore:
    """The files of one network; `network` is its name or URL. `open` before use, `close` in the end."""

    def __init__(self, data: Path, network: str) -> None:
        self._data = data
        self.directory = data / "networks" / directory_name(network)
        self.notice: Reason | None = None
        self._client = Document(self.directory / "client.json", StoredClient, CLIENT_MIGRATIONS, holds_keys=True)
        self._replies = Document(self.directory / "replies.json", StoredReplies, REPLIES_MIGRATIONS, holds_keys=True)
        self._lock = Lock(self.directory / "lock")

    def open(self) -> bool:
        """Make the directory; False if another session is using it."""
        for directory in (self._data, self.directory.parent, self.directory):
            make_private_directory(directory)
        return self._lock.acquire()

    def close(self) -> None:
        """Let others use it."""
        self._lock.release()

    def load(self, unix_now: float) -> Profile | None:
        """What was saved, without what is too old. None if there is nothing that reads; `notice` then has the reason.

        UserError if other users may read one of the files.
        """
        stored = self._read(self._client, KeysLost())
        if stored is None:
            return None
        keys = ClientKeys(
            Ed25519Secret(stored.identity),
            X25519Secret(stored.encryption),
            stored.ack,
            stored.shared_key,
            stored.last_timestamp,
        )
        return Profile(keys, stored.gateway, self._load_replies(keys, unix_now))

    def save(self, profile: Profile, unix_now: float) -> None:
        """Replace both files; UserError if that is impossible. Blocks for as long as the disk takes."""
        keys = profile.keys
        self._client.save(
            StoredClient(
                profile.gateway,
                keys.identity.to_bytes(),
                keys.encryption.to_bytes(),
                keys.ack,
                keys.shared_key,
                keys.last_timestamp,
            )
        )
        given: dict[str, list[tuple[bytes, int]]] = {}
        for each in profile.issued:
            given.setdefault(str(each.given_to), []).append((each.key, max(0, int(unix_now - each.age))))
        self._replies.save(StoredReplies(keys.identity.public, given))

    def _load_replies(self, keys: ClientKeys, unix_now: float) -> tuple[IssuedKey, ...]:
        complaint = RepliesLost()
        stored = self._read(self._replies, complaint)
        if stored is None or stored.client != keys.identity.public:
            return ()
        try:
            return tuple(_issued(stored.given, unix_now))
        except WireError as error:
            set_aside(self._replies.path, str(error))
            self.notice = complaint
            return ()

    def _read(self, document: Document[_Stored], complaint: Reason) -> _Stored | None:
        existed = document.path.exists()
        stored = document.load()
        if stored is None and existed:
            self.notice = complaint
        return stored


def _issued(given: dict[str, list[tuple[bytes, int]]], unix_now: float) -> Iterable[IssuedKey]:
    for text, keys in given.items():
        holder = Recipient.parse(text)
        for key, given_at in keys:
            age = max(0.0, unix_now - given_at)  # it may come from a clock that was ahead
            if age <= MAXIMUM_REPLY_AGE:
                yield IssuedKey(key, holder, age)


def directory_name(network: str) -> str:
    """A name fit for a directory: the network's own name, or a digest of its URL."""
    return network if network.isalnum() else f"url-{blake3_digest(network.encode()).hex()[:32]}"
