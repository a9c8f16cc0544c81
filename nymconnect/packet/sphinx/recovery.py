"""What the maker of a SURB of version 260 keeps, to read the reply that nobody else can.

Mirrors sphinx-packet 0.8.0 (`surb/recovery.rs`)::

    0            16           16 + 16·hops
    | identifier | seeds     |

The reply's sender puts one layer around the payload, with the key of the last hop. Every hop takes one off with its own
key, the last hop included. So the maker puts the layers of all hops back, last hop first, and takes off the sender's.
"""

from dataclasses import dataclass, field

from nymconnect.crypto import lioness_decrypt, lioness_encrypt
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.route import MAX_HOPS
from nymconnect.packet.sphinx.header import NO_IDENTIFIER
from nymconnect.packet.sphinx.keys import SEED_LENGTH, key_from_seed
from nymconnect.packet.sphinx.payload import unpad

_IDENTIFIER_LENGTH = len(NO_IDENTIFIER)


@dataclass(frozen=True, slots=True)
class SurbRecovery:
    """The identifier of the SURB (16 bytes) and the payload seed of each of its hops (16 bytes), in hop order."""

    identifier: bytes
    seeds: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.identifier) != _IDENTIFIER_LENGTH or any(len(seed) != SEED_LENGTH for seed in self.seeds):
            raise UsageError("an identifier and each seed of a reply have 16 bytes")
        if not 1 <= len(self.seeds) <= MAX_HOPS:
            raise UsageError(f"a reply has one to {MAX_HOPS} seeds")

    def unseal(self, payload: bytes) -> bytes:
        """The message in a `SealedReply`; WireError if it was damaged, or belongs to another SURB."""
        keys = [key_from_seed(seed) for seed in self.seeds]
        for key in reversed(keys):
            payload = lioness_encrypt(key, payload)
        return unpad(lioness_decrypt(keys[-1], payload))

    def encode(self) -> bytes:
        """Secret bytes, to be kept like a reply key."""
        return b"".join((self.identifier, *self.seeds))

    @classmethod
    def decode(cls, data: bytes) -> "SurbRecovery":
        """From exactly the bytes of one; WireError on any other length."""
        count, rest = divmod(len(data) - _IDENTIFIER_LENGTH, SEED_LENGTH)
        if rest or not 1 <= count <= MAX_HOPS:
            raise WireError(f"no recovery of a reply has {len(data)} bytes")
        starts = range(_IDENTIFIER_LENGTH, len(data), SEED_LENGTH)
        return cls(bytes(data[:_IDENTIFIER_LENGTH]), tuple(bytes(data[at : at + SEED_LENGTH]) for at in starts))
