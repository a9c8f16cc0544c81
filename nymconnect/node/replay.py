"""Which packets a node has seen: one growing Bloom filter per live key rotation.

Mirrors nym-node 1.31 (`node/replay_protection/`): one filter per rotation, share of honest packets wrongly refused at
most 1e-5. There the filter is allocated for the worst day at once (539 MB); here it is a chain of filters, each four
times the one before (Almeida et al., "Scalable Bloom Filters", 2007), so a small network pays for a small one. Stage i
may err in 1e-5 · 2^-(i+1) of the cases; the sum stays below 1e-5. The reference admits packets of a rotation that it
has no filter for; we refuse them.

A replay is never admitted, not even above the capacity: the last stage keeps filling, and only the share of wrongly
refused packets grows.

Snapshot::

    01 ‖ rotations (1) ‖ { rotation id (4) ‖ stages (1) ‖ { tags (8) ‖ length (8) ‖ filter } } ‖ BLAKE3 (32)

integers big-endian. A snapshot is our own file: the checksum finds a torn or rotten one, not a forged one.

A filter that keeps a record says which tags it has taken in since it was last asked; `replay_log` keeps those on disk.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from operator import index

from rbloom import Bloom

from nymconnect.crypto import KEY_LENGTH, blake3_digest
from nymconnect.errors import WireError

ERROR_RATE = 1e-5
FIRST_STAGE = 10_000
_GROWTH_BITS = 2  # each stage is four times the one before
CAPACITY = 180_000_000  # 2000 packets per second for the 25 hours that a key lives
_SNAPSHOT_VERSION = 1
_TAG_LENGTH = 16  # bytes of a tag that are remembered
_STAGE = struct.Struct(">QQ")
_ROTATION = struct.Struct(">IB")
_RECORD = struct.Struct(">I16s")
RECORD_LENGTH = _RECORD.size


@dataclass(frozen=True, slots=True)
class FrozenFilter:
    """What a filter held at one moment, and perhaps a little of what came later; another thread may encode it."""

    rotations: tuple[tuple[int, tuple[tuple[int, Bloom], ...]], ...]

    def encode(self) -> bytes:
        """The snapshot, for `ReplayFilter.restore`."""
        parts = [bytes([_SNAPSHOT_VERSION, len(self.rotations)])]
        for rotation_id, stages in self.rotations:
            parts.append(_ROTATION.pack(rotation_id, len(stages)))
            for count, stage in stages:
                data = stage.save_bytes()
                parts += (_STAGE.pack(count, len(data)), data)
        body = b"".join(parts)
        return body + blake3_digest(body)


class ReplayFilter:
    """Remembers the replay tags (32 bytes) of the rotations in `keep`; about 4 bytes per tag.

    `keeps_record`: what is admitted waits for `take_record`, RECORD_LENGTH bytes for each tag.
    """

    def __init__(self, capacity: int = CAPACITY, *, keeps_record: bool = False) -> None:
        self._capacity = capacity
        self._rotations: dict[int, _TagSet] = {}
        self._record: list[bytes] | None = [] if keeps_record else None

    def keep(self, rotation_ids: Collection[int]) -> None:
        """Open a filter for each of these rotations that has none, and forget all other rotations."""
        kept = self._rotations
        self._rotations = {wanted: kept.get(wanted) or _TagSet(self._capacity) for wanted in rotation_ids}

    def admit(self, rotation_id: int, tag: bytes) -> bool:
        """Remember `tag`; False if it was there already, or if the rotation is not kept."""
        seen = self._rotations.get(rotation_id)
        if seen is None or not seen.add(tag):
            return False
        if self._record is not None:
            self._record.append(_RECORD.pack(rotation_id, tag[:_TAG_LENGTH]))
        return True

    @property
    def recorded(self) -> int:
        """Tags that wait for `take_record`."""
        return len(self._record) if self._record else 0

    def take_record(self) -> list[bytes]:
        """What was admitted since the last call."""
        if self._record is None:
            return []
        taken, self._record = self._record, []
        return taken

    def remember(self, records: bytes) -> None:
        """Take in what `take_record` gave in an earlier run; records of a rotation that is not kept are passed over."""
        keys: dict[int, list[int]] = {rotation_id: [] for rotation_id in self._rotations}
        for rotation_id, tag in _RECORD.iter_unpack(records):
            if rotation_id in keys:
                keys[rotation_id].append(_key(tag))
        for rotation_id, seen in self._rotations.items():
            seen.add_all(keys[rotation_id])

    def __len__(self) -> int:
        """Tags remembered, over all rotations."""
        return sum(len(seen) for seen in self._rotations.values())

    @property
    def size(self) -> int:
        """Bytes of memory that the filters take."""
        return sum(stage.size_in_bits // 8 for seen in self._rotations.values() for stage in seen.stages)

    def freeze(self) -> FrozenFilter:
        """Everything remembered; quick, the filters are not copied."""
        return FrozenFilter(tuple((key, seen.freeze()) for key, seen in self._rotations.items()))

    @classmethod
    def restore(cls, data: bytes, capacity: int = CAPACITY, *, keeps_record: bool = False) -> "ReplayFilter":
        """The filter that `FrozenFilter.encode` wrote; WireError if the bytes are damaged."""
        body, checksum = data[:-KEY_LENGTH], data[-KEY_LENGTH:]
        if len(body) < 2 or body[0] != _SNAPSHOT_VERSION or blake3_digest(body) != checksum:
            raise WireError("damaged replay snapshot")
        restored, position = cls(capacity, keeps_record=keeps_record), 2
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
        key = _key(tag)
        # In all stages: the earlier ones hold what came before the last growth.
        if any(key in stage for stage in self.stages):
            return False
        if self._is_full:
            self._grow()
        self.stages[-1].add(key)
        self._counts[-1] += 1
        return True

    def add_all(self, keys: list[int]) -> None:
        """Quicker than `add`, and does not look whether some are there: those are counted once more."""
        done = 0
        while done < len(keys):
            if self._is_full:
                self._grow()
            room = _stage_size(len(self.stages) - 1) - self._counts[-1]
            batch = keys[done : done + room] if room > 0 else keys[done:]  # above the capacity nothing grows
            self.stages[-1].update(batch)
            self._counts[-1] += len(batch)
            done += len(batch)

    @property
    def _is_full(self) -> bool:
        """Whether the next tag wants another stage, and may have it."""
        if not self.stages:
            return True
        return self._counts[-1] >= _stage_size(len(self.stages) - 1) and len(self) < self._capacity

    def _grow(self) -> None:
        number = len(self.stages)
        self.stages.append(Bloom(_stage_size(number), ERROR_RATE / 2 ** (number + 1), index))
        self._counts.append(0)

    def freeze(self) -> tuple[tuple[int, Bloom], ...]:
        return tuple(zip(self._counts, self.stages, strict=True))

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


def _key(tag: bytes) -> int:
    # Tags are output of a key derivation, so any 16 bytes of them serve as the hash.
    return int.from_bytes(tag[:_TAG_LENGTH], "big", signed=True)


def _stage_size(number: int) -> int:
    return FIRST_STAGE << _GROWTH_BITS * number
