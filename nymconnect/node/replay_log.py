"""The tags that came after a snapshot of the replay memory, as the bytes of a file that only grows.

::

    batch: records (4, big-endian) ‖ { rotation id (4) ‖ first half of the tag (16) } ‖ BLAKE3 of all that (first 8)

A crash can leave the last batch unfinished, and nothing of it had left the node. So what does not read at the end, and
is no longer than a batch may be, is passed over; more than that means that the file is damaged.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from nymconnect.crypto import blake3_digest
from nymconnect.node.replay import RECORD_LENGTH

MAX_BATCH = 4096  # records
_COUNT = struct.Struct(">I")
_CHECKSUM_LENGTH = 8
MAX_BATCH_LENGTH = _COUNT.size + MAX_BATCH * RECORD_LENGTH + _CHECKSUM_LENGTH


@dataclass(frozen=True, slots=True)
class LogContent:
    """What a log holds: its records one after the other, and how many bytes at its end do not read."""

    records: bytes
    unread: int

    @property
    def damaged(self) -> bool:
        """More is unreadable than a crash leaves."""
        return self.unread > MAX_BATCH_LENGTH


def encode_batches(records: Sequence[bytes]) -> bytes:
    """What to append to the file."""
    return b"".join(_batch(records[first : first + MAX_BATCH]) for first in range(0, len(records), MAX_BATCH))


def decode_log(data: bytes) -> LogContent:
    """Every batch up to the first that does not read."""
    records: list[bytes] = []
    position = 0
    while len(data) - position >= _COUNT.size:
        (count,) = _COUNT.unpack_from(data, position)
        end = position + _COUNT.size + count * RECORD_LENGTH
        if not 0 < count <= MAX_BATCH or data[end : end + _CHECKSUM_LENGTH] != _checksum(data[position:end]):
            break
        records.append(data[position + _COUNT.size : end])
        position = end + _CHECKSUM_LENGTH
    return LogContent(b"".join(records), len(data) - position)


def _batch(records: Sequence[bytes]) -> bytes:
    body = _COUNT.pack(len(records)) + b"".join(records)
    return body + _checksum(body)


def _checksum(body: bytes) -> bytes:
    return blake3_digest(body)[:_CHECKSUM_LENGTH]
