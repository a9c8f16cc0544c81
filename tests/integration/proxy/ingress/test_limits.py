"""More connections at once than there are places: all are served in order, or are told which limit they have met."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.exit.admission import AdmissionLimits
from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.ingress.listener import MAX_CONNECTIONS, MAX_SURPLUS, ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.ingress.sender_tags import TagUse
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.socks.refusals import Obstacle
from nymconnect_proxy.streams.client_stream import ClientOptions
from nymconnect_proxy.streams.exit_stream import ExitOptions
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.mixnet_pair import mixnet_pair, only
from tests.helpers.stage import stage
from tests.helpers.targets import echo, file_server, tcp_server

PIPES = PipeOptions(linger=0.1, flush_timeout=2.0)
GRANTED = AdmissionLimits().connections_per_sender
SETTLE = 1.0  # the exit lingers, and messages take their time


@dataclass
class Scene:
    """A listener that serves, a requester, and a target that echoes."""

    port: int
    target: int
    listener: SocksListener
    requester: NetworkRequester
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A program that has said nothing yet; it is gone at the end, whatever happens."""
        reader, writer = await dial("127.0.0.1", self.port, 20.0)
        self.writers.append(writer)
        return reader, writer

    async def ask(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ask for a tunnel to the target, and do not wait for it."""
        reader, writer = await self.connect()
        writer.write(f"CONNECT 127.0.0.1:{self.target} HTTP/1.1\r\n\r\n".encode())
        return reader, writer


@contextlib.asynccontextmanager
async def scene(
    patience: float = 60.0, limits: AdmissionLimits | None = None, most: int = MAX_CONNECTIONS
) -> AsyncIterator[Scene]:
    client, exit_ = mixnet_pair(1)
    options = RequesterOptions(ExitOptions(allow_loopback=True), PIPES, limits or AdmissionLimits())
    requester = NetworkRequester(exit_, AddressPolicy.open(), options)
    streams = ClientOptions(connect_timeout=patience)
    exchange = ExchangeOptions(streams, PIPES, tags=TagUse.ONE, check_timeout=None, settle=SETTLE)
    listener = SocksListener(ListenerOptions(exchange, max_connections=most, localhost=True), random.Random(1))
    await requester.start()
    port = await listener.start(port=0)
    listener.attach(client, only(requester.address))
    listener.set_serving(True)
    try:
        async with tcp_server(echo) as target:
            on = Scene(port, target, listener, requester)
            try:
                yield on
            finally:
                for writer in on.writers:
                    writer.transport.abort()
                await asyncio.gather(*map(hang_up, on.writers))
    finally:
        await listener.stop()
        await requester.stop()


async def answer(reader: asyncio.StreamReader) -> str:
    """The head of an answer, and the body of one that refuses."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode()
    return head if " 200 " in head else head + (await asyncio.wait_for(reader.read(-1), 60)).decode()


async def test_150_connections_at_once_are_all_served_in_order() -> None:
    async with scene() as on, asyncio.timeout(240):
        asked = [await on.ask() for _ in range(150)]
        served = [asyncio.ensure_future(answer(reader)) for reader, _ in asked]
        await asyncio.gather(*served[:GRANTED])
        for number in range(GRANTED, GRANTED + 4):
            assert not any(later.done() for later in served[number:])
            await hang_up(asked[number - GRANTED][1])
            await served[number]
        for _, writer in asked[4 : 150 - GRANTED]:
            await hang_up(writer)
        await asyncio.gather(*served)
        for number, (reader, writer) in enumerate(asked[150 - GRANTED :]):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"%d\n" % number
        assert all(" 200 " in head.result() for head in served)
        assert on.listener.snapshot().turned_away == {}


async def test_of_600_connections_everyone_that_is_refused_hears_which_limit_it_has_met() -> None:
    async with scene(patience=12.0) as on, asyncio.timeout(240):
        asked = await asyncio.gather(*(on.ask() for _ in range(600)))
        heard = await asyncio.gather(*(answer(reader) for reader, _ in asked))
    served = sum(" 200 " in head for head in heard)
    of_port = sum(Obstacle.PORT_FULL.sentence(MAX_CONNECTIONS) in head for head in heard)
    of_sender = sum(Obstacle.SENDER_FULL.sentence(GRANTED) in head for head in heard)
    assert (served, of_port, of_sender) == (GRANTED, 600 - MAX_CONNECTIONS, MAX_CONNECTIONS - GRANTED)
    counts = on.listener.snapshot().turned_away
    assert counts == {Obstacle.PORT_FULL: of_port, Obstacle.SENDER_FULL: of_sender}


async def test_a_flood_beyond_those_that_are_told_is_cut_off_and_the_port_lives_on() -> None:
    async with scene(most=1) as on, asyncio.timeout(120):
        idle = [await on.connect() for _ in range(1 + MAX_SURPLUS)]
        reader, _ = await on.ask()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        for _, writer in idle:
            await hang_up(writer)
        while " 200 " not in (heard := await answer((await on.ask())[0])):
            assert Obstacle.PORT_FULL.sentence(1) in heard


async def test_a_program_that_leaves_loses_its_turn_and_what_one_sends_while_it_waits_is_kept() -> None:
    async with scene() as on, asyncio.timeout(120):
        asked = [await on.ask() for _ in range(GRANTED)]
        await asyncio.gather(*(answer(reader) for reader, _ in asked))
        gone, patient = [await on.ask() for _ in range(2)]
        gone[1].write_eof()
        assert await gone[0].read(-1) == b""
        patient[1].write(b"early ")
        await asyncio.sleep(0.2)
        patient[1].write(b"and late\n")
        await hang_up(asked[0][1])
        assert " 200 " in await answer(patient[0])
        assert await patient[0].readline() == b"early and late\n"
        assert on.requester.snapshot().admitted == GRANTED + 1


async def test_who_waits_when_the_session_ends_is_told_that_it_is_not_connected() -> None:
    async with scene() as on, asyncio.timeout(120):
        asked = [await on.ask() for _ in range(GRANTED)]
        await asyncio.gather(*(answer(reader) for reader, _ in asked))
        reader, _ = await on.ask()
        await asyncio.sleep(0.2)
        await on.listener.detach()
        assert Obstacle.NOT_CONNECTED.sentence() in await answer(reader)


async def test_a_requester_that_is_full_is_named_as_what_is_in_the_way() -> None:
    async with scene(limits=replace(AdmissionLimits(), connections=1)) as on, asyncio.timeout(120):
        first, second = [await on.ask() for _ in range(2)]
        heard = sorted(await asyncio.gather(answer(first[0]), answer(second[0])))
        assert " 200 " in heard[0]
        assert " 503 " in heard[1]
        assert Obstacle.REQUESTER_FULL.sentence() in heard[1]
        assert on.listener.snapshot().turned_away == {Obstacle.REQUESTER_FULL: 1}


async def test_150_downloads_at_once_through_a_whole_network_are_byte_exact() -> None:
    files = {f"/{number}": random.Random(number).randbytes(500) for number in range(150)}
    async with file_server(files) as port, stage() as on:
        bodies = await asyncio.gather(*(on.fetch(port, path, patience=200.0) for path in files))
        assert dict(zip(files, bodies, strict=True)) == files
        assert on.session.status.turned_away == {}
