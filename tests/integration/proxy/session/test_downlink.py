"""A downlink that keeps its rate, over a whole network in this process: requester, gateway, session and all."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from nymconnect.client.parameters import Downlink, TrafficParameters
from nymconnect.runtime.clock import clock
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit import requester
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import REQUESTER_TRAFFIC, EmbeddedNetwork
from nymconnect_proxy.session import downlink
from nymconnect_proxy.session.downlink_report import sentence
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from tests.helpers.stage import PATIENCE, eventually, reach, settings_for
from tests.helpers.targets import file_server

RATE = 20.0
TRAFFIC = TrafficParameters(
    average_packet_delay=0.002,
    average_ack_delay=0.002,
    drop_share=1.0,
    downlink=Downlink.REQUESTER,
    downlink_rate=RATE,
)
# Few packets, for a gateway grants nothing to a client that the machine keeps from sending.
THROUGH_GATEWAY = replace(TRAFFIC, message_sending_average_delay=0.05, downlink=Downlink.GATEWAY, downlink_rate=25.0)
BODY = bytes(n % 251 for n in range(60_000))


def told(status: Status) -> str:
    return sentence(status.downlink) if status.downlink is not None else ""


@pytest.fixture(autouse=True)
def counted_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downlink, "LOOK", 0.2)
    monkeypatch.setattr(downlink, "MEASURE_LEAST", 4.0)
    for mark in ("ENOUGH", "ENOUGH_AGAIN"):
        monkeypatch.setattr(downlink, mark, 0.25)  # of a machine that does everything at once


@contextlib.asynccontextmanager
async def session(traffic: TrafficParameters) -> AsyncIterator[Session]:
    quick = replace(REQUESTER_TRAFFIC, average_packet_delay=0.002, average_ack_delay=0.002)
    network = EmbeddedNetwork(embedded_requester, 1, 2, requester_traffic=quick)
    await network.start()
    made = Session(settings_for(network), traffic=traffic)
    await made.connect()
    try:
        await reach(made, State.CONNECTED)
        yield made
    finally:
        await made.disconnect()
        await network.stop()


def answers(status: Status) -> int:
    return status.counters.get("reply_cover_received", 0) + status.counters.get("reply_data_received", 0)


async def test_the_requester_answers_as_much_without_a_download_as_with_one() -> None:
    async with file_server({"/file": BODY}) as port, session(TRAFFIC) as made:
        await eventually(lambda: made.status.downlink_hidden)
        assert "whatever you receive" in told(made.status)
        before, began = made.status, clock()
        fetched = await fetch_through(made.status.socks, "localhost", port, "/file", PATIENCE)
        after, seconds = made.status, clock() - began
        assert fetched.body == BODY
        assert after.counters["reply_data_received"] > len(BODY) / 1604
        assert answers(after) - answers(before) < 1.3 * RATE * seconds + 30
        await eventually(lambda: made.status.downlink_hidden)


async def test_the_gateway_delivers_padding_where_there_is_nothing_else() -> None:
    async with file_server({"/file": BODY}) as port, session(THROUGH_GATEWAY) as made:
        await eventually(lambda: "requester and gateway keep" in told(made.status))
        assert made.status.downlink_hidden
        padding = made.status.counters["padding_received"]
        fetched = await fetch_through(made.status.socks, "localhost", port, "/file", PATIENCE)
        assert fetched.body == BODY
        await eventually(lambda: made.status.counters["padding_received"] > padding)
        assert made.status.counters.get("malformed", 0) == 0


async def test_with_a_foreign_requester_the_status_says_that_a_download_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requester, "BINARY_NAME", "nym-network-requester")
    async with file_server({"/file": BODY}) as port, session(TRAFFIC) as made:
        await eventually(lambda: "runs other software" in told(made.status))
        fetched = await fetch_through(made.status.socks, "localhost", port, "/file", PATIENCE)
        assert fetched.body == BODY
        assert not made.status.downlink_hidden
        assert made.status.counters.get("reply_cover_received", 0) == 0
