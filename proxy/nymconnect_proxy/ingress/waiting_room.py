"""Where streams wait for a place at their requester (`stream_places`), with the programs that ask for them.

A program that closes its side before it has been answered wants nothing more, and loses its turn. What it sends
meanwhile is read once, as much as a stream would send early, and kept for the stream.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from nymconnect.runtime.clock import clock
from nymconnect.runtime.tasks import Waker
from nymconnect_proxy.ingress.stream_places import SenderPlaces
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.streams.flow import READ_SIZE


@dataclass(frozen=True, slots=True)
class Place:
    """The way is free, after the program has sent this."""

    early: bytes = b""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The program does not want the stream any more."""


class Ticket:
    """Of one stream, from before it enters until it leaves."""

    def __init__(self) -> None:
        self.turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class WaitingRoom:
    """`enter`, and `leave` in any case. Nobody waits longer than `patience` seconds."""

    def __init__(self, limit: int, settle: float, patience: float) -> None:
        self._places: SenderPlaces[Hashable, Ticket] = SenderPlaces(limit, settle)
        self._patience = patience
        self._waiting: set[Ticket] = set()
        self._waker = Waker(lambda: self._places.deadline, self._wake)

    @property
    def limit(self) -> int:
        return self._places.limit

    async def enter(
        self, key: Hashable, ticket: Ticket, reader: asyncio.StreamReader, held: int
    ) -> Place | GaveUp | Obstacle:
        """Wait for a place among those of `key`. `held` is how many bytes of the program are kept already."""
        if self._places.enter(key, ticket):
            return Place()
        self._waiting.add(ticket)
        reading = asyncio.ensure_future(reader.read(READ_SIZE - held)) if held < READ_SIZE else None
        try:
            async with asyncio.timeout(self._patience):
                if reading is not None:
                    either: list[asyncio.Future[Any]] = [ticket.turn, reading]
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                    if reading.done() and _has_left(reading):
                        return GaveUp()
                is_admitted = await ticket.turn
        except TimeoutError:
            return Obstacle.SENDER_FULL
        finally:
            self._waiting.discard(ticket)
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        if not is_admitted:
            return Obstacle.NOT_CONNECTED
        has_sent = reading is not None and not reading.cancelled() and not reading.exception()
        return Place(reading.result() if reading is not None and has_sent else b"")

    def leave(self, key: Hashable, ticket: Ticket) -> None:
        """The stream has ended, or there will be none."""
        self._places.leave(key, ticket, clock())
        self._waker.arm()

    def close(self) -> None:
        """Nobody gets a place any more."""
        self._waker.close()
        for ticket in self._waiting:
            if not ticket.turn.done():
                ticket.turn.set_result(False)

    def _wake(self) -> None:
        for ticket in self._places.wake(clock()):
            if not ticket.turn.done():
                ticket.turn.set_result(True)


def _has_left(reading: asyncio.Future[bytes]) -> bool:
    return reading.exception() is not None or not reading.result()
