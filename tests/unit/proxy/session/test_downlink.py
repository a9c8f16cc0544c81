"""The keeper of a constant downlink, with a client and requesters that a test plays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from nymconnect.client.presets import PRESETS
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.requests import ControlRequest, Pace, Request
from nymconnect_proxy.protocol.responses import BINARY_NAME, BinaryInfo, BuildInformation, Paced, Response
from nymconnect_proxy.session import downlink
from nymconnect_proxy.session.downlink import BEGIN, LOOK, MEASURE_LEAST, DownlinkKeeper, _Arrivals
from nymconnect_proxy.session.downlink_report import sentence
from nymconnect_proxy.session.rate_negotiation import RENEWAL
from tests.helpers.mixnet_pair import mixnet_pair
from tests.helpers.virtual_time import VirtualTime, pass_time, until

BALANCED, HIGH = PRESETS["balanced"].traffic, PRESETS["high"].traffic
ONE, TWO = (end.address for end in mixnet_pair(3))


@dataclass
class Played:
    """A client whose answers arrive at `arriving` packets a second, and requesters called `name` that grant `most`."""

    name: str = BINARY_NAME
    most: float = 100.0
    arriving: float = 50.0
    is_connected: bool = True
    delivery_is_paced: bool = False
    delivery_is_wished: bool = False
    supplied: dict[Recipient, float] = field(default_factory=dict)
    asked: list[tuple[Recipient, Request]] = field(default_factory=list)

    def counters(self) -> dict[str, int]:
        since = asyncio.get_running_loop().time()
        return {"reply_cover_received": int(self.arriving * since)}

    def supply_steadily(self, to: Recipient, rate: float) -> None:
        self.supplied[to] = rate

    async def ask(self, requester: Recipient, request: Request) -> Response:
        self.asked.append((requester, request))
        if request is ControlRequest.BINARY_INFO:
            return BinaryInfo(self.name, BuildInformation())
        assert isinstance(request, Pace)
        return Paced(request.rate, request.seconds) if request.rate <= self.most else Paced(0.0, 0)


@dataclass
class Rising(Played):
    """Its answers are counted on where `arriving` changes."""

    come: float = 0.0
    seen: float = 0.0

    def counters(self) -> dict[str, int]:
        now = asyncio.get_running_loop().time()
        self.come, self.seen = self.come + self.arriving * (now - self.seen), now
        return {"reply_cover_received": int(self.come)}


@pytest.fixture(autouse=True)
async def time(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What takes a minute takes it of a clock that jumps."""
    virtual = VirtualTime()
    monkeypatch.setattr(downlink, "clock", virtual.now)
    yield
    virtual.stop()


@asynccontextmanager
async def keeping(keeper: DownlinkKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settled(keeper: DownlinkKeeper, words: str) -> bool:
    """Whether the keeper hides the downlink once its reason says `words`."""
    await until(lambda: words in sentence(keeper.report()))
    return keeper.report().hidden


async def test_a_promise_that_is_kept_hides_the_downlink() -> None:
    played = Played()
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    assert not keeper.report().hidden
    async with keeping(keeper):
        assert await settled(keeper, "50 packets a second reach you")
    assert played.supplied == {ONE: 50.0}


async def test_a_foreign_requester_is_named_as_the_reason() -> None:
    played = Played(name="nym-network-requester")
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    async with keeping(keeper):
        assert not await settled(keeper, "the requester runs other software")
    assert played.asked == [(ONE, ControlRequest.BINARY_INFO)]
    assert played.supplied == {}


async def test_a_promise_that_is_not_kept_does_not_count() -> None:
    played = Played(arriving=20.0)
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    async with keeping(keeper):
        assert not await settled(keeper, "of 50 answers a second arrive")


async def test_answers_near_the_mark_are_no_news_every_few_seconds() -> None:
    played, told = Rising(), list[bool]()
    keeper = DownlinkKeeper(
        played, played.ask, lambda: [ONE], BALANCED, on_change=lambda: told.append(keeper.report().hidden)
    )
    async with keeping(keeper):
        assert await settled(keeper, "50 packets a second")
        told.clear()
        for rate, hidden in ((39.0, True), (36.0, False), (39.0, False), (41.0, False), (45.0, True), (39.0, True)):
            played.arriving = rate
            await pass_time(2 * MEASURE_LEAST)
            assert keeper.report().hidden is hidden, rate
    assert told.count(True) == 1


@pytest.mark.parametrize(
    ("played", "words"),
    [
        (Played(), "counted"),
        (Played(name="nym-network-requester"), "runs other software"),
        (Played(most=10.0), "not grant"),
    ],
)
async def test_the_beginning_ends_when_it_is_clear_what_the_requester_does(played: Played, words: str) -> None:
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    async with keeping(keeper), asyncio.timeout(BEGIN):
        await keeper.begun()
        assert words in sentence(keeper.report())


async def test_the_beginning_waits_for_the_gateway_to_see_what_the_client_sends() -> None:
    played = Played(arriving=100.0, delivery_is_wished=True)
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], HIGH)
    async with keeping(keeper):
        begun = asyncio.ensure_future(keeper.begun())
        await pass_time(2 * LOOK)
        assert not begun.done()
        assert not keeper.report().hidden
        played.delivery_is_paced = True
        await until(begun.done)
        assert keeper.report().hidden


async def test_the_beginning_does_not_last_for_ever() -> None:
    async def silence(_requester: Recipient, _request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    keeper = DownlinkKeeper(Played(), silence, lambda: [ONE], BALANCED)
    async with keeping(keeper):
        began = asyncio.get_running_loop().time()
        await keeper.begun()
        assert asyncio.get_running_loop().time() - began < 3 * BEGIN
        assert "not answered yet" in sentence(keeper.report())


async def test_a_refusal_is_said() -> None:
    played = Played(most=10.0)
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    async with keeping(keeper):
        assert not await settled(keeper, "does not grant it")


async def test_several_requesters_share_the_rate_also_when_they_change() -> None:
    played, in_use, reports = Played(), [ONE, TWO], 0

    def count() -> None:
        nonlocal reports
        reports += 1

    keeper = DownlinkKeeper(played, played.ask, lambda: in_use, BALANCED, on_change=count)
    async with keeping(keeper):
        assert await settled(keeper, "50 packets a second")
        assert played.supplied == {ONE: 25.0, TWO: 25.0}
        in_use.remove(ONE)
        await until(lambda: not played.supplied[ONE])
        assert await settled(keeper, "50 packets a second")
    assert played.supplied == {ONE: 0.0, TWO: 50.0}
    assert reports >= 3


async def test_while_there_are_several_sender_tags_the_downlink_is_not_hidden() -> None:
    played, reports, one_tag = Played(), list[bool](), True
    keeper = DownlinkKeeper(
        played,
        played.ask,
        lambda: [ONE],
        BALANCED,
        one_tag=lambda: one_tag,
        on_change=lambda: reports.append(keeper.report().hidden),
    )
    async with keeping(keeper):
        assert await settled(keeper, "50 packets a second")
        one_tag = False
        await pass_time(2 * LOOK)
        assert "user names that programs give, or your settings, divide" in sentence(keeper.report())
        one_tag = True
        await pass_time(2 * LOOK)
    assert reports[-3:] == [True, False, True]


async def test_a_gateway_hides_the_downlink_even_where_the_requester_does_not() -> None:
    played = Played(name="nym-network-requester")
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], HIGH)
    async with keeping(keeper):
        assert not await settled(keeper, "the gateway does not deliver")
        played.delivery_is_paced = True
        assert await settled(keeper, "the gateway hides what you receive, but sees it itself")
    ours = Played(delivery_is_paced=True)
    keeper = DownlinkKeeper(ours, ours.ask, lambda: [ONE], HIGH)
    async with keeping(keeper):
        assert await settled(keeper, "requester and gateway keep")
    assert ours.supplied[ONE] == pytest.approx(HIGH.reply_rate)


async def test_nothing_is_asked_where_the_preset_lets_the_downlink_follow_the_data() -> None:
    played = Played()
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], PRESETS["nym-compatible"].traffic)
    await keeper.run()
    await keeper.begun()
    assert played.asked == []
    assert not keeper.report().hidden
    assert "this preset" in sentence(keeper.report())


async def test_a_link_that_comes_back_renews_the_promise_at_once() -> None:
    played = Played()
    keeper = DownlinkKeeper(played, played.ask, lambda: [ONE], BALANCED)
    async with keeping(keeper):
        await settled(keeper, "50 packets a second")
        played.is_connected = False
        await pass_time(LOOK)
        before = len(played.asked)
        await pass_time(RENEWAL * 3)
        assert len(played.asked) == before
        played.is_connected = True
        await pass_time(LOOK)
        assert len(played.asked) == before + 1
    assert isinstance(played.asked[-1][1], Pace)


def test_arrivals_are_counted_over_a_span_of_time() -> None:
    arrivals = _Arrivals(10.0)
    for second in range(5):
        arrivals.look(second * 50, float(second))
    assert arrivals.rate is None
    for second in range(5, 31):
        arrivals.look(second * 50, float(second))
    assert arrivals.rate == pytest.approx(50.0)
    for second in range(31, 50):
        arrivals.look(30 * 50, float(second))
    assert arrivals.rate == 0.0
    arrivals.forget()
    assert arrivals.rate is None


@pytest.mark.parametrize("name", ["balanced", "high", "wallet", "bulk"])
def test_what_comes_for_us_stays_below_what_the_gateway_delivers(name: str) -> None:
    traffic = PRESETS[name].traffic
    assert 0 < traffic.reply_rate <= 300
    if traffic.needs_paced_delivery:
        assert traffic.reply_rate + traffic.loop_rate == pytest.approx(0.9 * traffic.downlink_rate)
        assert traffic.ack_rate > traffic.packet_rate
    assert replace(traffic, downlink_rate=traffic.downlink_rate * 2).reply_rate > traffic.reply_rate
