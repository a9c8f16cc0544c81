"""The client's end of a websocket (RFC 6455) without a socket, so that its frames can be made ahead of time.

No extensions and no fragments of our own, so a frame is complete in itself and frames may leave in any order. `wsproto`
does the protocol; here are the size limit, the joining of fragments and one kind of error.
"""

from dataclasses import dataclass

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from nymconnect.errors import WireError

MAXIMUM_MESSAGE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class HandshakeDone:
    """The server speaks websocket with us from now on."""


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: str for text, bytes for binary."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class ControlFrame:
    """Bytes that the protocol wants sent at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The server has said farewell; nothing follows."""


WebSocketEvent = HandshakeDone | Message | ControlFrame | Closed


class ClientWebSocket:
    """One connection. `feed` raises WireError for what is no websocket or exceeds our limit, and is final then."""

    def __init__(self, host: str) -> None:
        self._host = host  # for the Host header, with the port
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._message = bytearray()  # of one that is not complete: as large as what has come, in however many parts

    def opening(self) -> bytes:
        """The request to send first."""
        return self._connection.send(Request(host=self._host, target="/"))

    def binary(self, data: bytes) -> bytes:
        """The frame for a binary message."""
        return self._connection.send(BytesMessage(data))

    def text(self, text: str) -> bytes:
        """The frame for a text message."""
        return self._connection.send(TextMessage(text))

    def farewell(self) -> bytes:
        """The frame that closes the connection."""
        return self._connection.send(CloseConnection(1000))

    def feed(self, data: bytes) -> list[WebSocketEvent]:
        """Take in what the server has sent."""
        try:
            self._connection.receive_data(data)
            return [mine for event in self._connection.events() if (mine := self._translate(event)) is not None]
        except (ProtocolError, ValueError) as error:  # ValueError: header values that are no ASCII, among others
            raise WireError(f"not a websocket: {error}") from error

    def _translate(self, event: Event) -> WebSocketEvent | None:
        match event:
            case AcceptConnection():
                return HandshakeDone()
            case RejectConnection(status_code=status):
                raise WireError(f"the server answers with HTTP status {status}")
            case TextMessage(data=data) | BytesMessage(data=data):
                return self._join(data if isinstance(data, str) else bytes(data), event.message_finished)
            case Ping():
                return ControlFrame(self._connection.send(event.response()))
            case CloseConnection() if self._connection.state is ConnectionState.OPEN:
                raise ProtocolError(event.reason or "a frame does not decode")
            case CloseConnection():
                return Closed()
        return None

    def _join(self, part: str | bytes, is_last: bool) -> Message | None:
        self._message += part.encode() if isinstance(part, str) else part
        if len(self._message) > MAXIMUM_MESSAGE:
            raise WireError("the message is too long")
        if not is_last:
            return None
        message, self._message = bytes(self._message), bytearray()
        return Message(message.decode() if isinstance(part, str) else message)
