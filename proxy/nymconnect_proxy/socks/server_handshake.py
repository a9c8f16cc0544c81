"""The front door of the SOCKS port: one connection of an application, until its request has been answered.

The first byte says which language the application speaks: 05 SOCKS5, 04 SOCKS4, an ASCII letter HTTP. From there on a
`Dialect` reads; this machine keeps the time, the buffer and the order of things. All of it has a bound.

::

    READING ──Requested──► ANSWERING ──succeed──► DONE
       └──bad request, time-out──► DONE ◄──refuse─┘
"""

from enum import Enum

from nymconnect.effects import Close, Write
from nymconnect.errors import UsageError
from nymconnect_proxy.socks import socks4, socks5
from nymconnect_proxy.socks.dialect import Dialect, FrontEffect, ReplyCode, Requested
from nymconnect_proxy.socks.http_connect import HttpConnect
from nymconnect_proxy.socks.refusals import Obstacle

HANDSHAKE_TIMEOUT = 30.0
MAX_BUFFERED = 64 * 1024


class FrontState(Enum):
    READING = "reading"
    ANSWERING = "answering"
    DONE = "done"


class FrontDoor:
    """`feed` takes any cut of the stream. With a `password` nobody comes in without it."""

    def __init__(self, now: float, timeout: float = HANDSHAKE_TIMEOUT, password: bytes | None = None) -> None:
        self.state = FrontState.READING
        self.deadline: float | None = now + timeout
        self._password = password
        self._buffer = bytearray()
        self._dialect: Dialect | None = None

    def feed(self, data: bytes, now: float) -> list[FrontEffect]:
        """Bytes from the application. What follows the request is kept for `take_rest`."""
        if self.state is FrontState.DONE:
            return []
        self._buffer += data
        if len(self._buffer) > MAX_BUFFERED:
            return self._end("too much data before the handshake was over")
        effects: list[FrontEffect] = []
        while self.state is FrontState.READING and (step := self._read()) is not None:
            effects += step
        return effects

    def wake(self, now: float) -> list[FrontEffect]:
        """Ends a handshake that takes too long."""
        if self.deadline is None or now < self.deadline:
            return []
        return self._end("the handshake took too long")

    def succeed(self) -> list[FrontEffect]:
        """Tell the application that it is connected; from now on the stream is its own."""
        dialect = self._asked()
        self.state = FrontState.DONE
        return [Write(dialect.answer(ReplyCode.SUCCEEDED))]

    def refuse(self, code: ReplyCode) -> list[FrontEffect]:
        """Tell the application why it is not connected."""
        return [Write(self._asked().answer(code)), *self._end(f"refused with {code.name}")]

    def turn_away(self, obstacle: Obstacle = Obstacle.NOT_CONNECTED, bound: int = 0) -> list[FrontEffect]:
        """Tell the application what keeps its request from being tried; `bound` is the number that is reached."""
        return [Write(self._asked().turned_away(obstacle, bound)), *self._end(f"turned away: {obstacle.value}")]

    def take_rest(self) -> bytes:
        """What the application sent behind its request, without waiting for the reply."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _asked(self) -> Dialect:
        if self.state is not FrontState.ANSWERING or self._dialect is None:
            raise UsageError("there is no request to answer")
        return self._dialect

    def _read(self) -> list[FrontEffect] | None:
        """One step of the dialect; None if it needs more bytes."""
        if not self._buffer:
            return None
        if self._dialect is None:
            self._dialect = _dialect_for(self._buffer[0], self._password)
        if self._dialect is None:
            return self._end("neither SOCKS nor HTTP")
        effects = self._dialect.read(self._buffer)
        for effect in effects or ():
            if isinstance(effect, Requested):
                self.state = FrontState.ANSWERING
                self.deadline = None
            elif isinstance(effect, Close):
                self._end(str(effect.reason))
        return effects

    def _end(self, reason: str) -> list[FrontEffect]:
        self.state = FrontState.DONE
        self.deadline = None
        self._buffer.clear()
        return [Close(reason)]


def _dialect_for(first: int, password: bytes | None) -> Dialect | None:
    if first == socks5.VERSION:
        return socks5.Socks5(password)
    if first == socks4.VERSION:
        return socks4.Socks4(password)
    return HttpConnect(password) if chr(first).isascii() and chr(first).isalpha() else None
