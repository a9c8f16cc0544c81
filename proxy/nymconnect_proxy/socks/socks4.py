"""Server side of SOCKS4 and SOCKS4a for one TCP connection: CONNECT only.

::

    client    04 ‖ command ‖ port 2 ‖ IPv4 4 ‖ user id ‖ 00      and, if the address is 0.0.0.x with x > 0: name ‖ 00
    server    00 ‖ 5A or 5B ‖ port 2 ‖ IPv4 4

Neither has a standard; nym-socks5-client-core 1.21 (`socks/request.rs`) reads them the same way. The user id serves as
a user name. There are no passwords, so a port that demands one refuses both versions. Whatever failed, the code is 5B:
the others speak of the user id alone.
"""

from nymconnect.effects import Close, Write
from nymconnect.errors import WireError
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.dialect import Dialect, FrontEffect, ReplyCode, Requested, consume
from nymconnect_proxy.socks.socks5 import decode_name

VERSION = 4
MAX_TEXT = 255
_COMMAND_CONNECT = 1
_GRANTED, _REJECTED = 0x5A, 0x5B
_HEAD = 8
_UNBOUND = bytes(6)
_BOUND = bytes([0, 0, 127, 0, 0, 1])  # as the reference answers


class Socks4(Dialect):
    """One request, one answer."""

    def read(self, buffer: bytearray) -> list[FrontEffect] | None:
        if len(buffer) < _HEAD:
            return None
        if buffer[1] != _COMMAND_CONNECT:
            return self._refuse(f"SOCKS4 command {buffer[1]}")
        try:
            return self._read_texts(buffer)
        except WireError as error:
            return self._refuse(str(error))

    def answer(self, code: ReplyCode) -> bytes:
        return bytes([0, _REJECTED]) + _UNBOUND if code else bytes([0, _GRANTED]) + _BOUND

    def _read_texts(self, buffer: bytearray) -> list[FrontEffect] | None:
        address = buffer[4:_HEAD]
        has_name = address[:3] == bytes(3) and address[3] != 0
        end = user_end = _text_end(buffer, _HEAD)
        if user_end is not None and has_name:
            end = _text_end(buffer, user_end + 1)
        if user_end is None or end is None:
            return None
        content = consume(buffer, end + 1)
        host = decode_name(content[user_end + 1 : end]) if has_name else ".".join(map(str, address))
        port = int.from_bytes(content[2:4], "big")
        if port == 0:
            raise WireError("port 0")
        if not self._admits(content[_HEAD:user_end], b""):
            return self._refuse("SOCKS4 has no passwords, and this port demands one")
        return [Requested(Target(host, port), self._isolation)]

    def _refuse(self, reason: str) -> list[FrontEffect]:
        return [Write(self.answer(ReplyCode.GENERAL_FAILURE)), Close(reason)]


def _text_end(buffer: bytearray, start: int) -> int | None:
    """Where the NUL behind a text stands, None if it has not come yet; WireError if the text is too long."""
    end = buffer.find(0, start, start + MAX_TEXT + 1)
    if end >= 0:
        return end
    if len(buffer) > start + MAX_TEXT:
        raise WireError(f"a text of more than {MAX_TEXT} bytes")
    return None
