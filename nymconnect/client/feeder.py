"""Keeps a pacer's stocks full of packets from a `PacketSource`: the producer that the pacer never waits for.

Packing one takes most of a millisecond, so it is done in slices, between which the event loop serves everyone else.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from nymconnect.client.gateway.connection import GatewayConnection
from nymconnect.client.pacer.machine import Kind
from nymconnect.client.sending.prepared import PreparedPacket
from nymconnect.runtime.clock import clock

SLICE = 0.004  # seconds


class PacketSource(Protocol):
    """Where the packets come from: `Loopix`."""

    @property
    def cover_generation(self) -> int:
        """Rises when covers that have not left yet no longer fit the network."""
        ...

    def next_packet(self, kind: Kind, now: float) -> PreparedPacket | None:
        """What fills a slot of this kind; None if there is nothing to send, or no route."""
        ...


class Feeder:
    """Call `arm` after everything that may have made data or room. `on_fed`: data has left the lanes. `on_begun`: the
    stocks of a new connection are full, and its pacer has been told to begin."""

    def __init__(self, source: PacketSource, on_fed: Callable[[], None], on_begun: Callable[[], None]) -> None:
        self._source, self._on_fed, self._on_begun = source, on_fed, on_begun
        self._connection: GatewayConnection | None = None
        self._handle: asyncio.Handle | None = None
        self._cover_generation = 0
        self._has_begun = False

    def attach(self, connection: GatewayConnection) -> None:
        """Feed this connection, which is ready, and let its pacer begin when the stocks are full."""
        self._connection = connection
        self._has_begun = False
        self._cover_generation = self._source.cover_generation
        self.arm()

    def detach(self) -> None:
        """The connection is no more."""
        self._connection = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def arm(self) -> None:
        """Look after the stocks when the event loop comes round to it."""
        if self._connection is not None and self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self._fire, self._connection)

    def _fire(self, connection: GatewayConnection) -> None:
        self._handle = None
        try:
            if connection.is_ready:
                self._feed(connection)
        except Exception as error:  # a pacer that nobody feeds would go on as if nothing had happened
            connection.fail(error)

    def _feed(self, connection: GatewayConnection) -> None:
        if self._cover_generation != self._source.cover_generation:
            self._cover_generation = self._source.cover_generation
            connection.expire_covers()
        ends = clock() + SLICE
        is_full = False
        while not is_full and clock() < ends:
            data = self._source.next_packet(Kind.DATA, clock()) if connection.has_room(Kind.DATA) else None
            if data is not None:
                connection.offer(Kind.DATA, data)
            cover = self._source.next_packet(Kind.COVER, clock()) if connection.has_room(Kind.COVER) else None
            if cover is not None:
                connection.offer(Kind.COVER, cover)
            loop = self._source.next_packet(Kind.LOOP, clock()) if connection.has_room(Kind.LOOP) else None
            if loop is not None:
                connection.offer(Kind.LOOP, loop)
            is_full = data is None and cover is None and loop is None
        if not is_full:
            self.arm()
        elif not self._has_begun:
            self._has_begun = True
            connection.begin()
            self._on_begun()
        self._on_fed()
