"""What the gateway does wrong, in a session that uses it: bounded, counted, without effect on what streams carry."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

import pytest

from nymconnect.client.gateway import connection as connection_module
from nymconnect.directory.models import EntryInfo
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit import requester
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.streams import flow
from nymconnect_proxy.streams.exit_stream import ExitOptions
from tests.helpers.rogue_front import LOST, Abuse, RogueFront
from tests.helpers.stage import FAST, PATIENCE, eventually, reach, settings_for
from tests.helpers.targets import file_server

RNG = random.Random(17)
BODY = RNG.randbytes(200_000)


@dataclass
class Setting:
    front: RogueFront
    session: Session
    port: int

    async def fetch(self) -> bytes:
        return (await fetch_through(self.session.status.socks, "localhost", self.port, "/file", PATIENCE)).body

    def count(self, name: str) -> int:
        return self.session.status.counters.get(name, 0)


@contextlib.asynccontextmanager
async def rogue_gateway() -> AsyncIterator[Setting]:
    """A session whose gateway is reached through a `RogueFront`, that behaves at first."""
    network = EmbeddedNetwork(embedded_requester, mixes_per_layer=1, requester_traffic=FAST)
    await network.start()
    try:
        first = network.gateways[0]
        async with RogueFront(first.ws_port, RNG.randbytes) as front, file_server({"/file": BODY}) as port:
            network.state.remove(first.description.node_id)
            network.state.add(replace(first.description, entry=EntryInfo(front.port)))
            session = Session(settings_for(network), traffic=FAST)
            try:
                await session.connect()
                await reach(session, State.CONNECTED)
                yield Setting(front, session, port)
            finally:
                await session.disconnect()
    finally:
        await network.stop()


@pytest.mark.parametrize(
    ("abuse", "count"),
    [
        (Abuse.REPEATS, "malformed"),  # an answer whose key is used up cannot be read again
        (Abuse.GARBAGE, "gateway_rejected"),
        (Abuse.FLOOD, "gateway_rejected"),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Abuse) else value,
)
async def test_downloads_arrive_whatever_the_gateway_adds(abuse: Abuse, count: str) -> None:
    async with rogue_gateway() as on, asyncio.timeout(PATIENCE):
        downloads = [asyncio.create_task(on.fetch()) for _ in range(2)]
        await eventually(lambda: on.session.status.bytes_down > 10_000)
        on.front.abuse = abuse
        assert await asyncio.gather(*downloads) == [BODY, BODY]
        assert await on.fetch() == BODY
        assert on.front.misdeeds > 50
        assert on.count(count) > 20
        assert on.count("fragments_inconsistent") == 0
        assert on.session.status.state is State.CONNECTED


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that lacks a message is cut after seconds, not minutes; the exit's keep-alives tell of it."""
    monkeypatch.setattr(flow, "LOST_AFTER", 10.0)
    monkeypatch.setattr(requester, "ExitOptions", partial(ExitOptions, keep_alive=1.0))


async def test_a_download_is_whole_or_cut_after_the_gateway_broke_off_in_the_middle_of_a_frame(impatient: None) -> None:
    """What else the front held is lost though acked, so both may happen; what may not is that it stands still."""
    async with rogue_gateway() as on, asyncio.timeout(PATIENCE):
        download = asyncio.create_task(on.fetch())
        await eventually(lambda: on.session.status.bytes_down > 10_000)
        on.front.abuse = Abuse.BREAKS
        await reach(on.session, State.CONNECTING)
        assert on.front.misdeeds == 1
        with contextlib.suppress(ConnectionResetError):
            assert await download == BODY
        assert on.session.status.state is State.CONNECTED
        assert await on.fetch() == BODY


async def test_a_download_of_which_messages_are_lost_though_acked_is_cut(impatient: None) -> None:
    async with rogue_gateway() as on, asyncio.timeout(PATIENCE):
        download = asyncio.create_task(on.fetch())
        await eventually(lambda: on.session.status.bytes_down > 10_000)
        on.front.abuse = Abuse.LOSES
        with pytest.raises(ConnectionResetError):
            await download
        assert on.front.misdeeds == LOST
        assert await on.fetch() == BODY


async def test_the_port_refuses_while_the_gateway_delivers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "SILENCE", 2.0)
    monkeypatch.setattr(connection_module, "SILENT_PACKETS", 3)
    async with rogue_gateway() as on, asyncio.timeout(PATIENCE):
        assert await on.fetch() == BODY
        on.front.abuse = Abuse.SILENCE
        await reach(on.session, State.CONNECTING)
        assert "nothing has come back" in str(on.session.status.reason)
        on.front.abuse = Abuse.NONE
        await reach(on.session, State.CONNECTED)
        assert await on.fetch() == BODY
