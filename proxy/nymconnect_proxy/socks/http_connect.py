"""Server side of HTTP CONNECT (RFC 9110, section 9.3.6) for one TCP connection, for programs that know no SOCKS.

::

    client    CONNECT host:port HTTP/1.1 ‖ headers ‖ empty line
    server    HTTP/1.1 200 …, and from there on the stream; or a status that says what failed, and the end

Only a tunnel is offered. A request that names a whole URL would go to the target as plain text that the requester can
read and change, so it is answered with 405 and a sentence that says what to do. Of the headers only
`Proxy-Authorization: Basic` counts (RFC 7617). The head is bounded, by its bytes and by its lines, before any of it is
understood. A line may end with LF alone (RFC 9112, section 2.2).

Any web page can make a browser talk to this port, and any answer would tell the page that this program runs. A
browser asks a server for a path (``GET /``) and only a proxy for a URL or a tunnel; and what a page has caused carries
`Origin`, `Sec-Fetch-…` or the like. Such requests are closed without a word, as soon as they show. A browser that has
this port as its proxy sends CONNECT without any of these headers.
"""

import binascii
import re
from base64 import b64decode

from nymconnect.effects import Close, Write
from nymconnect.errors import WireError
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.socks.dialect import Dialect, FrontEffect, ReplyCode, Requested, consume
from nymconnect_proxy.socks.refusals import Obstacle

MAX_HEAD = 16 * 1024
MAX_LINES = 100
_END = re.compile(rb"\n\r?\n")
_FOR_A_PROXY = re.compile(rb"CONNECT |[A-Z]+ [A-Za-z]+://")
_LONGEST_START = 32  # bytes in which a request that is for a proxy has shown it
_FROM_A_PAGE = re.compile(
    rb"\n(origin|sec-fetch-\w+|sec-websocket-\w+|access-control-request-\w+)[ \t]*:", re.IGNORECASE
)
_VERSIONS = ("HTTP/1.0", "HTTP/1.1")
_HEADER = b"proxy-authorization"
_TUNNEL = (
    "This port of NymConnect opens tunnels only: use https, or set the program to SOCKS5 with names resolved there."
)
_UNAVAILABLE = (503, "Service Unavailable")
_STATUS_BY_OBSTACLE = {
    Obstacle.PRIVATE_NAME: (502, "Bad Gateway"),
    Obstacle.PRIVATE_ADDRESS: (403, "Forbidden"),
}
_STATUS_BY_REPLY = {
    ReplyCode.NOT_ALLOWED: (403, "Forbidden", "The exit policy of the requester does not allow this target."),
    ReplyCode.NETWORK_UNREACHABLE: (502, "Bad Gateway", "The requester has no way to the target's network."),
    ReplyCode.HOST_UNREACHABLE: (502, "Bad Gateway", "The requester cannot find or reach the target."),
    ReplyCode.REFUSED: (502, "Bad Gateway", "The target refuses connections."),
    ReplyCode.TTL_EXPIRED: (504, "Gateway Timeout", "Neither target nor requester has answered in time."),
}
_OTHER_FAILURE = (502, "Bad Gateway", "The requester could not connect.")


class HttpConnect(Dialect):
    """One request, one answer."""

    def read(self, buffer: bytearray) -> list[FrontEffect] | None:
        if not _FOR_A_PROXY.match(buffer):
            undecided = len(buffer) < _LONGEST_START and b"\n" not in buffer
            return None if undecided else [Close("HTTP, but not for a proxy")]
        end = _END.search(buffer, 0, MAX_HEAD)
        if _FROM_A_PAGE.search(buffer, 0, end.end() if end else MAX_HEAD):
            return [Close("HTTP from a web page")]
        if end is None:
            if len(buffer) < MAX_HEAD:
                return None
            return _end(_response(431, "Request Header Fields Too Large", "The request is too long."), "long head")
        lines = [
            line.removesuffix(b"\r") for line in consume(buffer, end.end())[: end.start() - end.end()].split(b"\n")
        ]
        if len(lines) > MAX_LINES:
            return _end(_response(431, "Request Header Fields Too Large", "Too many headers."), "many headers")
        try:
            return self._judge(lines)
        except WireError as error:
            return _end(_response(400, "Bad Request", "This is not a request for a tunnel."), str(error))

    def answer(self, code: ReplyCode) -> bytes:
        if code is ReplyCode.SUCCEEDED:
            return b"HTTP/1.1 200 Connection established\r\n\r\n"
        return _response(*_STATUS_BY_REPLY.get(code, _OTHER_FAILURE))

    def turned_away(self, obstacle: Obstacle, bound: int) -> bytes:
        return _response(*_STATUS_BY_OBSTACLE.get(obstacle, _UNAVAILABLE), obstacle.sentence(bound))

    def _judge(self, lines: list[bytes]) -> list[FrontEffect]:
        method, authority = _request_line(lines[0])
        headers = [_header(line) for line in lines[1:]]
        if method != "CONNECT":
            return _end(_response(405, "Method Not Allowed", _TUNNEL, "Allow: CONNECT"), "not a tunnel")
        if not self._admits(*_login([value for name, value in headers if name == _HEADER])):
            wanted = 'Proxy-Authenticate: Basic realm="NymConnect"'
            text = "This port demands a password."
            return _end(_response(407, "Proxy Authentication Required", text, wanted), "wrong password")
        return [Requested(Target.parse(authority), self._isolation)]


def _request_line(line: bytes) -> tuple[str, str]:
    """Method and what it is asked for; WireError if the line is none."""
    try:
        words = line.decode("ascii").split(" ")
    except UnicodeDecodeError as error:
        raise WireError("the request line is not ASCII") from error
    if len(words) != 3 or not words[0].isalpha() or not words[1] or words[2] not in _VERSIONS:
        raise WireError("not a request line of HTTP/1")
    return words[0], words[1]


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip() or any(byte < 0x20 and byte != 0x09 for byte in line):
        raise WireError("not a header")
    return name.lower(), value.strip()


def _login(values: list[bytes]) -> tuple[bytes, bytes]:
    """Name and password out of the headers that may hold them; both empty if there are none."""
    if len(values) > 1:
        raise WireError("two logins")
    scheme, _, encoded = (values[0] if values else b"").partition(b" ")
    if scheme.lower() != b"basic":
        return b"", b""
    try:
        name, _, password = b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error as error:
        raise WireError("a login that is not base64") from error
    return name, password


def _response(status: int, phrase: str, text: str, header: str = "") -> bytes:
    """A whole answer that ends the connection. It never repeats what was asked for."""
    body = text + "\n"
    head = [f"HTTP/1.1 {status} {phrase}", "Content-Type: text/plain", f"Content-Length: {len(body)}"]
    head += [header] if header else []
    return "\r\n".join([*head, "Connection: close", "", body]).encode()


def _end(response: bytes, reason: str) -> list[FrontEffect]:
    return [Write(response), Close(reason)]
