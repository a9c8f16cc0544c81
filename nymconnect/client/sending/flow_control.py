"""How far each lane has run ahead of its oldest message that is not acked in full.

The reader of a proxied stream puts its messages in order again, and what waits there for a missing one is bounded: by
1000 messages in nym-socks5-ordered-buffer 1.21 (`buffer.rs`), which drops what lies beyond, and by bytes in ours. Acks
say what has arrived, so the sender can stay within those bounds while a fragment is sent again and again.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from nymconnect.client.sending.lanes import Destination, LaneKey
from nymconnect.packet.acks import FragmentId

# Half of what the other side can hold, for it learns later than we do what has arrived.
MAXIMUM_MESSAGES = 500
MAXIMUM_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Message:
    size: int
    missing: int  # fragments that are not acked


class FlowControl:
    """Messages by lane, from the oldest that is not acked in full to the last one queued."""

    def __init__(self) -> None:
        self._messages: dict[LaneKey, deque[_Message]] = {}
        self._sizes: dict[LaneKey, int] = {}
        self._fragments: dict[FragmentId, tuple[LaneKey, _Message]] = {}

    def __len__(self) -> int:
        """Fragments that are not acked."""
        return len(self._fragments)

    def add(self, key: LaneKey, fragments: Iterable[FragmentId], size: int) -> None:
        """A message of `size` bytes was queued in these fragments."""
        message = _Message(size, 0)
        for fragment_id in fragments:
            self.settle(fragment_id)  # an id drawn twice: the earlier fragment is not watched any more
            self._fragments[fragment_id] = (key, message)
            message.missing += 1
        self._messages.setdefault(key, deque()).append(message)
        self._sizes[key] = self._sizes.get(key, 0) + size

    def settle(self, fragment_id: FragmentId) -> None:
        """A fragment was acked, or given up; one that is unknown changes nothing."""
        entry = self._fragments.pop(fragment_id, None)
        if entry is None:
            return
        key, message = entry
        message.missing -= 1
        messages = self._messages.get(key)
        # Only from the front: a message behind a missing one still waits in the reader's buffer.
        while messages and not messages[0].missing:
            self._sizes[key] -= messages.popleft().size
        if not messages:
            self._messages.pop(key, None)
            self._sizes.pop(key, None)

    def is_wide(self, key: LaneKey) -> bool:
        """Whether the lane has to wait for its oldest message."""
        messages = self._messages.get(key)
        return messages is not None and (len(messages) >= MAXIMUM_MESSAGES or self._sizes[key] >= MAXIMUM_BYTES)

    def forget_lane(self, lane: int) -> None:
        """Watch nothing more of `lane`, for any destination."""
        self._forget({key for key in self._messages if key[1] == lane})

    def forget_destination(self, destination: Destination) -> None:
        """Watch nothing more of what goes to `destination`."""
        self._forget({key for key in self._messages if key[0] == destination})

    def _forget(self, keys: set[LaneKey]) -> None:
        if not keys:
            return
        for key in keys:
            del self._messages[key], self._sizes[key]
        self._fragments = {fid: entry for fid, entry in self._fragments.items() if entry[0] not in keys}
