"""The Sphinx payload: a padded message under one wide-block layer per hop.

Mirrors sphinx-packet 0.8.0 (`payload/mod.rs`)::

    0          16        16+m   17+m       P
    | zeros 16 | message | 01   | 00 …     |

The zero prefix is the only check that the payload arrived unharmed: a bit flipped anywhere at any hop turns all of
the block into noise.
"""

from collections.abc import Iterable

from nymconnect.crypto import lioness_encrypt
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.params import PAYLOAD_OVERHEAD

MIN_PAYLOAD_LENGTH = 33  # Lioness needs more than its left half
_ZERO_PREFIX = bytes(16)
_TERMINATOR = b"\x01"


def pad(message: bytes, length: int) -> bytes:
    """Plain payload of `length` bytes; UsageError if the message does not fit."""
    if length < MIN_PAYLOAD_LENGTH or len(message) > length - PAYLOAD_OVERHEAD:
        raise UsageError(f"{len(message)} bytes do not fit a Sphinx payload of {length}")
    return b"".join((_ZERO_PREFIX, message, _TERMINATOR)).ljust(length, b"\0")


def unpad(payload: bytes) -> bytes:
    """The message; WireError without zero prefix or terminator. What follows the last 0x01 is not looked at."""
    if payload[:16] != _ZERO_PREFIX:
        raise WireError("Sphinx payload was damaged on its way")
    # From the end: the message may contain 0x01, the zeros behind the terminator cannot.
    end = payload.rfind(_TERMINATOR, 16)
    if end < 0:
        raise WireError("Sphinx payload has no terminator")
    return payload[16:end]


def seal_payload(message: bytes, length: int, layer_keys: Iterable[bytes]) -> bytes:
    """`message` padded to `length` under the given Lioness keys, the last hop's key first."""
    payload = pad(message, length)
    for key in layer_keys:
        payload = lioness_encrypt(key, payload)
    return payload
