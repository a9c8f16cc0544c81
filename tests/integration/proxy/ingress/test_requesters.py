"""Several requesters on a real network: destinations are spread, and who falls silent is left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.directory.client import DirectoryClient
from nymconnect.runtime.http import http_client
from nymconnect_proxy.exit.requester import NetworkRequester, embedded_requester
from nymconnect_proxy.ingress.requester_choice import Health
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session import connector
from nymconnect_proxy.session.alarms import RequesterSilent
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from tests.helpers.stage import FAST, eventually, reach, settings_for
from tests.helpers.targets import echo


@dataclass
class Pair:
    """A session that knows two requesters as `first` and `second`."""

    session: Session
    requesters: dict[str, NetworkRequester]


@contextlib.asynccontextmanager
async def pair(absent: str = "") -> AsyncIterator[Pair]:
    """One of the two may be absent: then nothing that is sent to it is read."""
    network = EmbeddedNetwork(embedded_requester, requester_traffic=FAST)
    await network.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(network.stop)
        http = await stack.enter_async_context(http_client())
        directory = DirectoryClient([network.api_url], http)
        topology = await directory.topology()
        requesters: dict[str, NetworkRequester] = {}
        for name, gateway in zip(("first", "second"), topology.gateways.values(), strict=True):
            client = MixnetClient(directory, gateway, topology, ClientKeys.generate(), FAST)
            stack.push_async_callback(client.stop)
            await client.start()
            requesters[name] = embedded_requester(client)
            if name != absent:
                await requesters[name].start()
            stack.push_async_callback(requesters[name].stop)
        book = tuple((name, str(requester.address)) for name, requester in requesters.items())
        settings = replace(settings_for(network), requester="first, second", address_book=book)
        session = Session(settings, traffic=FAST)
        await session.connect()
        stack.push_async_callback(session.disconnect)
        await reach(session, State.CONNECTED)
        yield Pair(session, requesters)


@contextlib.asynccontextmanager
async def everywhere() -> AsyncIterator[int]:
    """An echo on every address of loopback: as many destinations as one likes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await echo(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "0.0.0.0", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def say(session: Session, host: str, port: int) -> bytes:
    """A word to an echo through the proxy, as HTTP CONNECT."""
    reader, writer = await asyncio.open_connection("127.0.0.1", session.status.socks.port)
    try:
        async with asyncio.timeout(30):
            writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\nhello".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head, head
            return await reader.readexactly(5)
    finally:
        writer.transport.abort()


async def test_destinations_are_spread_over_those_that_the_user_has_named() -> None:
    async with everywhere() as port, pair() as on:
        hosts = [f"127.0.0.{number}" for number in range(1, 17)]
        assert [await say(on.session, host, port) for host in hosts] == [b"hello"] * len(hosts)
        admitted = {name: requester.snapshot().admitted for name, requester in on.requesters.items()}
        assert sum(admitted.values()) == len(hosts)
        assert all(admitted.values())
        assert {known.name for known in on.session.status.requesters} == {"first", "second"}


async def test_a_requester_that_is_not_there_is_left_for_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "CHECK_TIMEOUT", 4.0)
    async with everywhere() as port, pair(absent="second") as on:
        await eventually(lambda: health(on.session) == {"first": Health.ANSWERS, "second": Health.SILENT})
        hosts = [f"127.0.0.{number}" for number in range(1, 9)]
        assert [await say(on.session, host, port) for host in hosts] == [b"hello"] * len(hosts)
        assert RequesterSilent("second") in on.session.status.alarms


def health(session: Session) -> dict[str, Health]:
    return {known.name: known.health for known in session.status.requesters}
