"""Which packets a node has seen: one growing Bloom filter per live key rotation.

Mirrors nym-node 1.31 (`node/replay_protection/`): one filter per rotation, share of honest packets wrongly refused at
most 1e-5. There the filter is allocated for the worst day at once (539 MB); here it is a chain of filters, each four
times the one before (Almeida et al., "Scalable Bloom Filters", 2007), so a small network pays for a small one. Stage i
may err in 1e-5 · 2^-(i+1) of the cases; the sum stays below 1e-5. The reference admits packets of a rotation that it
has no filter for; we refuse them.

A replay is never admitted, not even above the capacity: the last stage goes on filling, and only the share of wrongly
refused packets grows.

Snapshot::

    01 ‖ rotations (1) ‖ { rotation id (4) ‖ stages (1) ‖ { tags (8) ‖ length (8) ‖ filter } } ‖ BLAKE3 (32)

integers big-endian. A snapshot is our own file: the checksum finds a torn or rotten one, not a forged one.
"""

import struct
from collections.abc import Collection
from operator import index

from rbloom import Bloom

from nymconnect.crypto import KEY_LENGTH, blake3_digest
from nymconnect.errors import WireError

ERROR_RATE = 1e-5
FIRST_STAGE = 10_000
_GROWTH_BITS = 2  # each stage is four times the one before
CAPACITY = 180_000_000  # 2000 packets per second for the 25 hours that a key lives
_SNAPSHOT_VERSION = 1
_STAGE = struct.Struct(">QQ")
_ROTATION = struct.Struct(">IB")


class ReplayFilter:
    """Remembers the replay tags (32 bytes) of the rotations in `keep`; about 4 bytes per tag."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._rotations: dict[int, _TagSet] = {}

    def keep(self, rotation_ids: Collection[int]) -> None:
        """Open a filter for each of these rotations that has none, and forget all other rotations."""
        kept = self._rotations
        self._rotations = {wanted: kept.get(wanted) or _TagSet(self._capacity) for wanted in rotation_ids}

    def admit(self, rotation_id: int, tag: bytes) -> bool:
        """Remember `tag`; False if it was there already, or if the rotation is not kept."""
        seen = self._rotations.get(rotation_id)
        return seen is not None and seen.add(tag)

    def __len__(self) -> int:
        """Tags remembered, over all rotations."""
        return sum(len(seen) for seen in self._rotations.values())

    def snapshot(self) -> bytes:
        """Everything remembered, for `restore`."""
        rotations = b"".join(
            _ROTATION.pack(key, len(seen.stages)) + seen.encode() for key, seen in self._rotations.items()
        )
        body = bytes([_SNAPSHOT_VERSION, len(self._rotations)]) + rotations
        return body + blake3_digest(body)

    @classmethod
    def restore(cls, data: bytes, capacity: int = CAPACITY) -> "ReplayFilter":
        """The filter that `snapshot` saw; WireError if the bytes are damaged."""
        body, checksum = data[:-KEY_LENGTH], data[-KEY_LENGTH:]
        if len(body) < 2 or body[0] != _SNAPSHOT_VERSION or blake3_digest(body) != checksum:
            raise WireError("damaged replay snapshot")
        restored, position = cls(capacity), 2
        for _ in range(body[1]):
            rotation_id, stages = _ROTATION.unpack_from(body, position)
            seen, position = _TagSet.decode(body, position + _ROTATION.size, stages, capacity)
            restored._rotations[rotation_id] = seen
        return restored


class _TagSet:
    """The tags of one rotation."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.stages: list[Bloom] = []
        self._counts: list[int] = []

    def __len__(self) -> int:
        return sum(self._counts)

    def add(self, tag: bytes) -> bool:
        # Tags are output of a key derivation, so any 16 bytes of them serve as the hash.
        key = int.from_bytes(tag[:16], "big", signed=True)
        if any(key in stage for stage in self.stages):
            return False
        if not self.stages or (self._counts[-1] >= _stage_size(len(self.stages) - 1) and len(self) < self._capacity):
            self._grow()
        self.stages[-1].add(key)
        self._counts[-1] += 1
        return True

    def _grow(self) -> None:
        number = len(self.stages)
        self.stages.append(Bloom(_stage_size(number), ERROR_RATE / 2 ** (number + 1), index))
        self._counts.append(0)

    def encode(self) -> bytes:
        filters = [stage.save_bytes() for stage in self.stages]
        return b"".join(_STAGE.pack(count, len(data)) + data for count, data in zip(self._counts, filters, strict=True))

    @classmethod
    def decode(cls, data: bytes, position: int, stages: int, capacity: int) -> tuple["_TagSet", int]:
        """The set at `position`, and where it ends."""
        seen = cls(capacity)
        for _ in range(stages):
            count, length = _STAGE.unpack_from(data, position)
            position += _STAGE.size
            seen.stages.append(Bloom.load_bytes(data[position : position + length], index))
            seen._counts.append(count)
            position += length
        return seen, position


def _stage_size(number: int) -> int:
    return FIRST_STAGE << _GROWTH_BITS * number
