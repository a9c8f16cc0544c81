"""The part of bincode 1.x that queries use: DefaultOptions, big-endian, varint integers, trailing bytes refused.

========================  =====================================
value                     bytes
========================  =====================================
integer below 251         the byte itself
integer up to 2¹⁶−1       FB ‖ u16
integer up to 2³²−1       FC ‖ u32
integer up to 2⁶⁴−1       FD ‖ u64
text, sequence            length as integer ‖ content
bool, Option              00 or 01 (‖ content)
enum variant              index as integer ‖ fields
========================  =====================================
"""

from nymconnect.errors import UsageError, WireError

_WIDTH_BY_MARKER = {0xFB: 2, 0xFC: 4, 0xFD: 8}
_FIRST_MARKER = 0xFB


def encode_integer(value: int) -> bytes:
    """`value` (0 … 2⁶⁴−1) in its shortest form."""
    if 0 <= value < _FIRST_MARKER:
        return bytes([value])
    for marker, width in _WIDTH_BY_MARKER.items():
        if 0 <= value < 1 << 8 * width:
            return bytes([marker]) + value.to_bytes(width, "big")
    raise UsageError("bincode integers have at most 64 bits")


def encode_text(text: str) -> bytes:
    data = text.encode()
    return encode_integer(len(data)) + data


def encode_flag(value: bool) -> bytes:
    return bytes([value])


class BincodeReader:
    """Reads values off the front of `data`; every method raises WireError when the bytes do not hold one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def integer(self, maximum: int) -> int:
        """An integer of at most `maximum`; longer forms than needed are read, as bincode reads them."""
        first = self._take(1)[0]
        if first < _FIRST_MARKER:
            value = first
        elif first in _WIDTH_BY_MARKER:
            value = int.from_bytes(self._take(_WIDTH_BY_MARKER[first]), "big")
        else:
            raise WireError("bad bincode integer")
        if value > maximum:
            raise WireError("bincode integer is out of range")
        return value

    def length(self) -> int:
        """Length of a sequence; every element takes a byte at least, so it cannot exceed what is left."""
        return self.integer(len(self._data) - self._offset)

    def text(self) -> str:
        try:
            return self._take(self.length()).decode()
        except UnicodeDecodeError as error:
            raise WireError("bincode text is not UTF-8") from error

    def flag(self) -> bool:
        return bool(self.integer(1))

    def finish(self) -> None:
        """WireError if anything is left."""
        if self._offset != len(self._data):
            raise WireError("bytes after the end of a bincode value")

    def _take(self, count: int) -> bytes:
        end = self._offset + count
        if end > len(self._data):
            raise WireError("bincode value is cut short")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken
