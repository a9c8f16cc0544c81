"""A pipe between a real socket and what stands for the mixnet: a list of the messages that it took."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from nymconnect.runtime.clock import clock
from nymconnect_proxy.protocol.credit import Credit
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, Send, decode_request
from nymconnect_proxy.protocol.responses import NetworkData, decode_response
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.protocol.versions import CURRENT
from nymconnect_proxy.streams.client_stream import ClientStream
from nymconnect_proxy.streams.exit_stream import ExitStream
from nymconnect_proxy.streams.flow import Cause, SendMessage
from nymconnect_proxy.streams.pipe import Pipe, PipeOptions

ID = 7
TARGET = Target("nymtech.net", 443)


@dataclass
class Scene:
    """A running pipe, the program at its socket, and what the pipe has said so far."""

    pipe: Pipe[Any]
    give: Callable[[Credit], None]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    said: list[Send | NetworkData] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return b"".join(message.data for message in self.said)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110 -- what a list holds
                await asyncio.sleep(0.01)


def client_end() -> tuple[ClientStream, Callable[[Credit], list[Any]]]:
    stream = ClientStream(ID, TARGET, clock())
    stream.open(0.0)
    stream.feed(NetworkData(ID, 0), clock())
    return stream, lambda credit: list(stream.feed(credit, clock()))


def exit_end() -> tuple[ExitStream, Callable[[Credit], list[Any]]]:
    stream = ExitStream(Connect(ID, str(TARGET)), CURRENT, AddressPolicy.open(), clock())
    stream.open(0.0)
    stream.resolved(["1.1.1.1"], clock())
    stream.connected(0.0)
    return stream, lambda credit: list(stream.credit(credit, clock()))


@contextlib.asynccontextmanager
async def scene(end: str) -> AsyncIterator[Scene]:
    machine, credit = client_end() if end == "client" else exit_end()
    ours, theirs = socket.socketpair()
    said: list[Send | NetworkData] = []

    async def transmit(message: SendMessage) -> None:
        sent = decode_request(message.data)[1] if end == "client" else decode_response(message.data)[1]
        if isinstance(sent, Send | NetworkData):
            said.append(sent)

    pipe: Pipe[Any] = Pipe(machine, transmit, lambda _effect: None, PipeOptions(linger=0.1), lambda: None)
    pipe.attach(*await asyncio.open_connection(sock=ours))
    reader, writer = await asyncio.open_connection(sock=theirs)
    running = asyncio.create_task(pipe.run())
    try:
        yield Scene(pipe, lambda given: pipe.perform(credit(given)), reader, writer, said)
    finally:
        pipe.abort(Cause.DISCONNECTED)
        await running
        writer.transport.abort()


@pytest.mark.parametrize("end", ["client", "exit"])
async def test_a_first_credit_below_what_was_sent_delays_bytes_and_end_and_loses_nothing(end: str) -> None:
    body = random.Random(1).randbytes(3_000)
    async with scene(end) as on:
        on.writer.write(body[:2_000])
        await on.until(lambda: len(on.data) == 2_000)
        on.give(Credit(ID, 0, 1_000))  # while the pipe waits for more of its socket
        on.writer.write(body[2_000:])
        on.writer.write_eof()
        await asyncio.sleep(0.1)
        assert len(on.data) == 2_000
        on.give(Credit(ID, 1_000, 1_300))
        await on.until(lambda: len(on.data) == 2_300)  # as much as it was given, and no more
        on.give(Credit(ID, 2_000, 64_000))
        await on.until(lambda: on.said[-1].closed)
        assert on.data == body
        assert not on.said[-1].cut


@pytest.mark.parametrize("end", ["client", "exit"])
async def test_an_end_that_is_read_while_there_is_no_credit_is_said_later(end: str) -> None:
    async with scene(end) as on:
        on.writer.write(bytes(2_000))
        await on.until(lambda: len(on.data) == 2_000)
        on.give(Credit(ID, 0, 1_000))
        on.writer.write_eof()
        await asyncio.sleep(0.1)
        on.give(Credit(ID, 2_000, 1_000))
        await on.until(lambda: on.said[-1].closed)
        assert on.data == bytes(2_000)
        assert not on.said[-1].cut
