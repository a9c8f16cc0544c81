"""Puts the messages of one direction of a stream back in order. Mirrors nym-socks5-ordered-buffer 1.21 (`buffer.rs`).

Every message of a direction (data, keep-alive, close) has the next number, from 0. A message is kept when its number
lies between the next expected one and 1000 above. Where the reference drops a message beyond the window and lets the
stream hang, this buffer gives the stream up: what was dropped will not come again.
"""

from nymconnect.errors import WireError

WINDOW = 1000
DEFAULT_MAX_BYTES = 4 * 1024 * 1024


class ReorderBuffer:
    """Holds what came early, at most `max_bytes` of it and `WINDOW` messages."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._waiting: dict[int, bytes] = {}
        self._waiting_bytes = 0
        self._next = 0
        self._closed_at: int | None = None
        self.cut = False
        """Whether the bytes before the closing message are not the whole (`flow`)."""
        self.abandoned = False
        """Whether the peer wants nothing more: it has cut the stream, or two messages close this direction."""

    @property
    def closed(self) -> bool:
        """Whether everything up to the closing message has been taken."""
        return self._closed_at is not None and self._next > self._closed_at

    @property
    def expected(self) -> int:
        """The number of the message for which the others wait."""
        return self._next

    @property
    def is_waiting(self) -> bool:
        """Whether a message is here that came before an earlier one."""
        return bool(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for an earlier message."""
        return self._waiting_bytes

    def insert(self, sequence: int, data: bytes, closing: bool, cut: bool = False) -> None:
        """Keep a message. One that was here before, or lies behind the end, is ignored.

        WireError, final for the stream, when it lies beyond the window or the bytes exceed their bound.
        """
        if closing:
            self._note_close(sequence, cut)
        behind_end = self._closed_at is not None and sequence > self._closed_at
        if sequence < self._next or sequence in self._waiting or behind_end:
            return
        if sequence > self._next + WINDOW:
            raise WireError("stream message lies beyond the window")
        if self._waiting_bytes + len(data) > self._max_bytes:
            raise WireError("too many bytes of a stream wait for an earlier message")
        self._waiting[sequence] = data
        self._waiting_bytes += len(data)

    def _note_close(self, sequence: int, cut: bool) -> None:
        self.abandoned |= cut or self._closed_at not in (None, sequence)
        # Of two the first one counts: what lies between them is keep-alives only.
        if self._closed_at is None or sequence < self._closed_at:
            self._closed_at, self.cut = sequence, cut

    def take(self) -> bytes:
        """All bytes that are now in order; they leave the buffer."""
        ready: list[bytes] = []
        while not self.closed and self._next in self._waiting:
            data = self._waiting.pop(self._next)
            self._waiting_bytes -= len(data)
            ready.append(data)
            self._next += 1
        if self.closed:
            self._waiting.clear()
            self._waiting_bytes = 0
        return b"".join(ready)
