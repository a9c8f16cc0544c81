"""Server side of SOCKS5 (RFC 1928, passwords RFC 1929) for one TCP connection: CONNECT only.

::

    client                                               server
    05 ‖ n ‖ n methods                                   05 ‖ 00 or 02, or 05 ‖ FF and the end
    01 ‖ n ‖ name n ‖ m ‖ password m (after 02)          01 ‖ 00, or 01 ‖ 01 and the end
    05 ‖ command ‖ 00 ‖ type ‖ address ‖ port 2          05 ‖ code ‖ 00 ‖ 01 ‖ IPv4 4 ‖ port 2

type 01 = IPv4, 4 bytes; 03 = length 1 ‖ name; 04 = IPv6, 16 bytes. A name is passed on as it is, never resolved.
Unlike nym-socks5-client-core 1.21, replies always have their ten bytes, the codes say what failed, and a client that
offers a name gives it: its streams are kept apart from those of other names. A name without a password from a client
that would also have come without either is no such wish: Java offers both by itself, and gives the system's user name.
BIND, UDP ASSOCIATE and Tor's RESOLVE (F0, F1) are refused as commands that are not supported, for requesters have
nothing of the kind.
"""

from nymconnect.effects import Close, Write
from nymconnect.errors import WireError
from nymconnect_proxy.protocol.targets import Target, ipv6_groups, is_host
from nymconnect_proxy.socks.dialect import Dialect, FrontEffect, ReplyCode, Requested, consume

VERSION = 5
_METHOD_NONE = 0x00
_METHOD_PASSWORD = 0x02
_NO_ACCEPTABLE_METHOD = 0xFF
_PASSWORD_VERSION = 1
_COMMAND_CONNECT = 1
_TYPE_IPV4, _TYPE_NAME, _TYPE_IPV6 = 1, 3, 4
_UNBOUND = bytes(6)
_BOUND = bytes([127, 0, 0, 1, 0, 0])  # as the reference answers; the exit's own address is nobody's business


class Socks5(Dialect):
    """Greeting, then perhaps a password, then the request: `_step` is the one that comes next."""

    def __init__(self, password: bytes | None = None) -> None:
        super().__init__(password)
        self._step = self._read_greeting
        self._would_go_without = False

    def read(self, buffer: bytearray) -> list[FrontEffect] | None:
        return self._step(buffer)

    def answer(self, code: ReplyCode) -> bytes:
        return bytes([VERSION, code, 0, _TYPE_IPV4]) + (_UNBOUND if code else _BOUND)

    def _read_greeting(self, buffer: bytearray) -> list[FrontEffect] | None:
        if len(buffer) < 2 or len(buffer) < 2 + buffer[1]:
            return None
        methods = consume(buffer, 2 + buffer[1])[2:]
        self._would_go_without = _METHOD_NONE in methods
        if _METHOD_PASSWORD in methods:
            self._step = self._read_password
            return [Write(bytes([VERSION, _METHOD_PASSWORD]))]
        if _METHOD_NONE in methods and self._password is None:
            self._step = self._read_request
            return [Write(bytes([VERSION, _METHOD_NONE]))]
        return [Write(bytes([VERSION, _NO_ACCEPTABLE_METHOD])), Close("no acceptable method")]

    def _read_password(self, buffer: bytearray) -> list[FrontEffect] | None:
        if len(buffer) < 2 or len(buffer) < (password_at := 2 + buffer[1]) + 1:
            return None
        end = password_at + 1 + buffer[password_at]
        if len(buffer) < end:
            return None
        login = consume(buffer, end)
        if login[0] != _PASSWORD_VERSION:
            return [Close("not a SOCKS5 login")]
        name, password = login[2:password_at], login[password_at + 1 :]
        if self._would_go_without and not password:
            name = b""
        if not self._admits(name, password):
            return [Write(bytes([_PASSWORD_VERSION, 1])), Close("wrong password")]
        self._step = self._read_request
        return [Write(bytes([_PASSWORD_VERSION, 0]))]

    def _read_request(self, buffer: bytearray) -> list[FrontEffect] | None:
        if len(buffer) < 4:
            return None
        version, command, _, kind = buffer[:4]
        if version != VERSION:
            return self._refuse(ReplyCode.GENERAL_FAILURE, "request has another version than the greeting")
        if command != _COMMAND_CONNECT:
            return self._refuse(ReplyCode.COMMAND_NOT_SUPPORTED, f"command {command}")
        if kind not in (_TYPE_IPV4, _TYPE_NAME, _TYPE_IPV6):
            return self._refuse(ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED, f"address type {kind}")
        if (length := _address_length(kind, buffer)) is None or len(buffer) < 4 + length + 2:
            return None
        content = consume(buffer, 4 + length + 2)[4:]
        try:
            target = _decode_target(kind, content[:-2], int.from_bytes(content[-2:], "big"))
        except WireError as error:
            return self._refuse(ReplyCode.GENERAL_FAILURE, str(error))
        return [Requested(target, self._isolation)]

    def _refuse(self, code: ReplyCode, reason: str) -> list[FrontEffect]:
        return [Write(self.answer(code)), Close(reason)]


def _address_length(kind: int, buffer: bytearray) -> int | None:
    if kind == _TYPE_IPV4:
        return 4
    if kind == _TYPE_IPV6:
        return 16
    return 1 + buffer[4] if len(buffer) > 4 else None


def _decode_target(kind: int, address: bytes, port: int) -> Target:
    if port == 0:
        raise WireError("port 0")
    if kind == _TYPE_IPV4:
        return Target(".".join(map(str, address)), port)
    if kind == _TYPE_IPV6:
        return Target(ipv6_groups(address), port)
    return Target(decode_name(address[1:]), port)


def decode_name(name: bytes) -> str:
    """A host name as a client of SOCKS writes it; WireError if it cannot be one."""
    try:
        host = name.decode()
    except UnicodeDecodeError as error:
        raise WireError("host name is not UTF-8") from error
    if not is_host(host):
        raise WireError("not a host name")
    return host
