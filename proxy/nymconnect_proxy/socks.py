"""Server side of SOCKS5 (RFC 1928) for one TCP connection: no authentication, CONNECT only.

::

    client                                               server
    05 ‖ n ‖ n methods                                   05 ‖ 00, or 05 ‖ FF and the end
    05 ‖ command ‖ 00 ‖ type ‖ address ‖ port 2          05 ‖ code ‖ 00 ‖ 01 ‖ IPv4 4 ‖ port 2

type 01 = IPv4, 4 bytes; 03 = length 1 ‖ name; 04 = IPv6, 16 bytes. A name is passed on as it is, never resolved.
Unlike nym-socks5-client-core 1.21, replies always have their ten bytes, the codes say what failed, the handshake has
a deadline, and success is told only by `succeed`, once the exit has answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from nymconnect.effects import Close, Write
from nymconnect.errors import UsageError, WireError
from nymconnect_proxy.addresses import Target, ipv6_groups, is_host

HANDSHAKE_TIMEOUT = 30.0
MAX_BUFFERED = 64 * 1024
VERSION = 5
SOCKS4_VERSION = 4
_METHOD_NONE = 0x00
_NO_ACCEPTABLE_METHOD = 0xFF
_COMMAND_CONNECT = 1
_TYPE_IPV4, _TYPE_NAME, _TYPE_IPV6 = 1, 3, 4
_UNBOUND = bytes(6)
_BOUND = bytes([127, 0, 0, 1, 0, 0])  # as the reference answers; the exit's own address is nobody's business
_SOCKS4_REJECTED = bytes([0, 0x5B]) + bytes(6)
_HTTP_REFUSAL = (
    b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This is the SOCKS5 port of NymConnect, not an HTTP proxy.\n"
    b"Set the application to use it as a SOCKS5 proxy, with names resolved by the proxy (socks5h).\n"
)


class Reply(IntEnum):
    """Reply codes, RFC 1928 section 6."""

    SUCCEEDED = 0
    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


@dataclass(frozen=True, slots=True)
class Requested:
    """The application asks for a connection to `target`; answer with `succeed` or `refuse`."""

    target: Target


SocksEffect = Write | Close | Requested


class SocksState(Enum):
    FIRST_BYTE = "first byte"
    GREETING = "greeting"
    REQUEST = "request"
    ANSWERING = "answering"
    DONE = "done"


class SocksServer:
    """The handshake of one connection; `feed` takes any cut of the stream.

    Further front ends (other versions) are further states: `_steps` maps each to the method that reads it.
    """

    def __init__(self, now: float, timeout: float = HANDSHAKE_TIMEOUT) -> None:
        self.state = SocksState.FIRST_BYTE
        self.deadline: float | None = now + timeout
        self._buffer = bytearray()
        self._steps: dict[SocksState, Callable[[], list[SocksEffect] | None]] = {
            SocksState.FIRST_BYTE: self._read_first_byte,
            SocksState.GREETING: self._read_greeting,
            SocksState.REQUEST: self._read_request,
        }

    def feed(self, data: bytes, now: float) -> list[SocksEffect]:
        """Bytes from the application. What follows the request is kept for `take_rest`."""
        if self.state is SocksState.DONE:
            return []
        self._buffer += data
        if len(self._buffer) > MAX_BUFFERED:
            return self._end("too much data before the handshake was over")
        effects: list[SocksEffect] = []
        while (step := self._steps.get(self.state)) is not None:
            result = step()
            if result is None:
                break
            effects += result
        return effects

    def wake(self, now: float) -> list[SocksEffect]:
        """Ends a handshake that takes too long."""
        if self.deadline is None or now < self.deadline:
            return []
        return self._end("SOCKS handshake took too long")

    def succeed(self) -> list[SocksEffect]:
        """Tell the application that it is connected; from now on the stream is its own."""
        self._expect_answering()
        self.state = SocksState.DONE
        return [Write(_reply(Reply.SUCCEEDED, _BOUND))]

    def refuse(self, code: Reply) -> list[SocksEffect]:
        """Tell the application why it is not connected."""
        self._expect_answering()
        return self._refuse(code, f"refused with {code.name}")

    def take_rest(self) -> bytes:
        """What the application sent behind its request, without waiting for the reply."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _expect_answering(self) -> None:
        if self.state is not SocksState.ANSWERING:
            raise UsageError("there is no request to answer")

    def _read_first_byte(self) -> list[SocksEffect] | None:
        if not self._buffer:
            return None
        first = self._buffer[0]
        if first == VERSION:
            self.state = SocksState.GREETING
            return []
        if first == SOCKS4_VERSION:
            return [Write(_SOCKS4_REJECTED), *self._end("SOCKS4 is not supported")]
        if chr(first).isascii() and chr(first).isupper():
            return [Write(_HTTP_REFUSAL), *self._end("HTTP on the SOCKS port")]
        return self._end("not a SOCKS client")

    def _read_greeting(self) -> list[SocksEffect] | None:
        if len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            return None
        methods = self._consume(2 + self._buffer[1])[2:]
        if _METHOD_NONE not in methods:
            return [Write(bytes([VERSION, _NO_ACCEPTABLE_METHOD])), *self._end("no acceptable method")]
        self.state = SocksState.REQUEST
        return [Write(bytes([VERSION, _METHOD_NONE]))]

    def _read_request(self) -> list[SocksEffect] | None:
        if len(self._buffer) < 4:
            return None
        version, command, _, kind = self._buffer[:4]
        if version != VERSION:
            return self._refuse(Reply.GENERAL_FAILURE, "request has another version than the greeting")
        if command != _COMMAND_CONNECT:
            return self._refuse(Reply.COMMAND_NOT_SUPPORTED, f"command {command}")
        if kind not in (_TYPE_IPV4, _TYPE_NAME, _TYPE_IPV6):
            return self._refuse(Reply.ADDRESS_TYPE_NOT_SUPPORTED, f"address type {kind}")
        if (length := self._address_length(kind)) is None or len(self._buffer) < 4 + length + 2:
            return None
        content = self._consume(4 + length + 2)[4:]
        try:
            target = _decode_target(kind, content[:-2], int.from_bytes(content[-2:], "big"))
        except WireError as error:
            return self._refuse(Reply.GENERAL_FAILURE, str(error))
        self.state = SocksState.ANSWERING
        self.deadline = None
        return [Requested(target)]

    def _address_length(self, kind: int) -> int | None:
        if kind == _TYPE_IPV4:
            return 4
        if kind == _TYPE_IPV6:
            return 16
        return 1 + self._buffer[4] if len(self._buffer) > 4 else None

    def _consume(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _refuse(self, code: Reply, reason: str) -> list[SocksEffect]:
        return [Write(_reply(code, _UNBOUND)), *self._end(reason)]

    def _end(self, reason: str) -> list[SocksEffect]:
        self.state = SocksState.DONE
        self.deadline = None
        self._buffer.clear()
        return [Close(reason)]


def _reply(code: Reply, bound: bytes) -> bytes:
    return bytes([VERSION, code, 0, _TYPE_IPV4]) + bound


def _decode_target(kind: int, address: bytes, port: int) -> Target:
    if port == 0:
        raise WireError("port 0")
    if kind == _TYPE_IPV4:
        return Target(".".join(map(str, address)), port)
    if kind == _TYPE_IPV6:
        return Target(ipv6_groups(address), port)
    try:
        host = address[1:].decode()
    except UnicodeDecodeError as error:
        raise WireError("host name is not UTF-8") from error
    if not is_host(host):
        raise WireError("not a host name")
    return Target(host, port)
