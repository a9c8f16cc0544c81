"""Programs and targets that stop reading, behind real sockets: little is held for them, and they get every byte."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from python_socks.async_.asyncio import Proxy

from nymconnect_proxy.exit.requester import NetworkRequester, RequesterOptions
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.multiplexer import ExchangeOptions
from nymconnect_proxy.ingress.requester_choice import Health
from nymconnect_proxy.protocol.credit import FIRST, IN_ALL, LEAST, MOST_CREDIT, SENDERS_PART, STREAMS, Reserve
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.streams.exit_stream import ExitOptions
from nymconnect_proxy.streams.pipe import PipeOptions
from nymconnect_proxy.streams.socket_close import reset
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair, only
from tests.helpers.targets import Handler, tcp_server

PIPES = PipeOptions(linger=0.1, flush_timeout=1.0)
LENGTH = 3 * MOST_CREDIT
PAUSE = 1.5
# A kernel's buffers at either side of a loopback connection that nobody reads; the reader's are its own affair.
KERNELS = 1_500_000


@dataclass
class WatchedReserve(Reserve):
    """Notes the most that was held or promised at once."""

    held: int = 0
    peak: int = 0
    shares: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def change(self, before: int, after: int) -> None:
        super().change(before, after)
        self.held += after - before
        self.peak = max(self.peak, self.held)


@dataclass
class Scene:
    """A port, and what both its ends hold."""

    port: int
    listener: SocksListener
    requester: NetworkRequester
    client: MixnetEnd
    at_client: WatchedReserve
    at_exit: WatchedReserve

    async def open(self, target: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A stream to a target on this machine; its program takes 64 KiB ahead of what it reads."""
        proxy = Proxy.from_url(f"socks5://127.0.0.1:{self.port}", rdns=True)
        sock = await proxy.connect("127.0.0.1", target, timeout=20)
        return await asyncio.open_connection(sock=sock, limit=32 * 1024)


@contextlib.asynccontextmanager
async def scene(*, knows_the_exit: bool = True) -> AsyncIterator[Scene]:
    """With `knows_the_exit` the client asks it who it is, else it takes it for one of others."""
    client, exit_ = mixnet_pair(1)
    at_client, at_exit = WatchedReserve(), WatchedReserve()
    streams = ExitOptions(allow_loopback=True)
    options = RequesterOptions(streams=streams, pipes=PIPES, reserve=lambda: at_exit)
    requester = NetworkRequester(exit_, AddressPolicy.open(), options)
    exchange = ExchangeOptions(pipes=PIPES, check_timeout=20.0 if knows_the_exit else None, reserve=lambda: at_client)
    listener = SocksListener(ListenerOptions(exchange, localhost=True), random.Random(1))
    await requester.start()
    port = await listener.start(port=0)
    listener.attach(client, only(exit_.address))
    listener.set_serving(True)
    if knows_the_exit:
        await recognised(listener)
    try:
        yield Scene(port, listener, requester, client, at_client, at_exit)
    finally:
        await listener.stop()
        await requester.stop()


async def stands_still(count: Callable[[], int], least: int) -> int:
    """What a counter has come to, once it is beyond `least` and has not moved for a while."""
    seen = -1
    async with asyncio.timeout(60):
        while (now := count()) != seen or now < least:
            seen = now
            await asyncio.sleep(PAUSE)
    return seen


async def recognised(listener: SocksListener) -> None:
    """Until the requester has said that it is of this software."""
    async with asyncio.timeout(20):
        while not all(each.health is Health.ANSWERS for each in listener.snapshot().requesters):  # noqa: ASYNC110 -- a state
            await asyncio.sleep(0.02)


def sender(body: bytes) -> Handler:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()
        writer.write_eof()
        await reader.read(-1)

    return send


async def test_a_download_waits_for_a_program_that_pauses_and_brings_every_byte() -> None:
    body = random.Random(1).randbytes(LENGTH)
    async with scene() as on, tcp_server(sender(body)) as target:
        reader, writer = await on.open(target)
        came = await stands_still(lambda: on.listener.snapshot().bytes_down, LEAST)
        assert came < MOST_CREDIT + KERNELS, "the exit went on"
        async with asyncio.timeout(40):
            assert hashlib.sha256(await reader.read(-1)).digest() == hashlib.sha256(body).digest()
        writer.close()
        assert on.at_client.peak <= MOST_CREDIT + LEAST
        async with asyncio.timeout(10):
            while on.listener.snapshot().streams:  # noqa: ASYNC110 -- a counter
                await asyncio.sleep(0.02)
        assert on.at_client.held == 0


async def test_an_upload_waits_for_a_target_that_pauses_and_brings_every_byte() -> None:
    body = random.Random(2).randbytes(LENGTH)
    goes_on = asyncio.Event()

    async def pause(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        writer.write(hashlib.sha256(await reader.read(-1)).digest())
        await writer.drain()

    async with scene() as on, tcp_server(pause) as target:
        reader, writer = await on.open(target)
        writer.write(body)
        writer.write_eof()
        sent = await stands_still(lambda: on.listener.snapshot().bytes_up, LEAST)
        assert sent < MOST_CREDIT + KERNELS, "the program was read on"
        goes_on.set()
        async with asyncio.timeout(40):
            assert await reader.read(-1) == hashlib.sha256(body).digest()
        writer.close()
        assert on.at_exit.peak <= MOST_CREDIT + LEAST


async def test_twenty_programs_that_pause_stay_within_the_bound_for_all() -> None:
    async with scene() as on, tcp_server(sender(bytes(2 * MOST_CREDIT))) as target:
        streams = [await on.open(target) for _ in range(20)]
        await stands_still(lambda: on.at_client.held, 20 * LEAST + 1)
        assert on.at_client.peak <= IN_ALL - (STREAMS - 20) * LEAST
        assert on.listener.snapshot().streams == 20
        reader, last = await on.open(target)  # and there is room for another
        async with asyncio.timeout(40):
            assert len(await reader.readexactly(MOST_CREDIT)) == MOST_CREDIT
        for _, writer in [*streams, (reader, last)]:
            writer.transport.abort()


async def test_twenty_uploads_of_one_sender_that_pause_take_no_more_than_its_part() -> None:
    held = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await held.wait()

    async with scene() as on, tcp_server(never) as target:
        writers = [(await on.open(target))[1] for _ in range(20)]
        for writer in writers:
            writer.write(bytes(4 * FIRST))
        await stands_still(lambda: on.at_exit.held, 20 * LEAST)
        assert on.listener.snapshot().streams == 20
        assert on.at_exit.peak <= 20 * LEAST + IN_ALL // 2 * SENDERS_PART
        for writer in writers:
            writer.transport.abort()
        held.set()


async def test_a_foreign_exit_is_given_no_reply_surbs_while_a_program_pauses() -> None:
    body = random.Random(3).randbytes(MOST_CREDIT // 2)
    async with scene(knows_the_exit=False) as on, tcp_server(sender(body)) as target:
        reader, writer = await on.open(target)
        await stands_still(lambda: on.listener.snapshot().bytes_down, len(body))
        assert [withheld for _, withheld in on.client.withheld] == [True]
        async with asyncio.timeout(20):
            assert await reader.read(-1) == body
        assert [withheld for _, withheld in on.client.withheld] == [True, False]
        writer.close()


async def test_a_program_that_dies_while_it_is_not_read_ends_its_stream() -> None:
    pipes = PipeOptions(linger=0.1, flush_timeout=0.2, look=0.3)
    client, exit_ = mixnet_pair(1)
    listener = SocksListener(ListenerOptions(ExchangeOptions(pipes=pipes), localhost=True), random.Random(1))
    streams = ExitOptions(allow_loopback=True)
    requester = NetworkRequester(exit_, AddressPolicy.open(), RequesterOptions(streams=streams, pipes=pipes))
    held = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await held.wait()

    await requester.start()
    port = await listener.start(port=0)
    listener.attach(client, only(exit_.address))
    listener.set_serving(True)
    try:
        async with tcp_server(never) as target:
            await recognised(listener)
            sock = await Proxy.from_url(f"socks5://127.0.0.1:{port}").connect("127.0.0.1", target, timeout=20)
            _, writer = await asyncio.open_connection(sock=sock)
            writer.write(bytes(LENGTH))
            await stands_still(lambda: listener.snapshot().bytes_up, LEAST)
            assert listener.snapshot().streams == 1
            reset(writer.transport)
            async with asyncio.timeout(20):
                while listener.snapshot().streams:  # noqa: ASYNC110 -- a counter
                    await asyncio.sleep(0.05)
            held.set()
    finally:
        await listener.stop()
        await requester.stop()
