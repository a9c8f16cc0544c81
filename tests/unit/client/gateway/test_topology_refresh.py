"""Refreshes of the topology, and when a gateway counts as gone."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nymconnect.client.gateway import topology_refresh
from nymconnect.client.gateway.topology_refresh import (
    GONE_AFTER,
    GONE_AFTER_ATTEMPTS,
    REFRESH,
    RETRY,
    SETTLE,
    GatewayRecord,
    TopologyRefresh,
)
from nymconnect.directory.models import KeyRotationInfo, KeyRotationState, RotationProgress, Span
from nymconnect.directory.network_state import Calendar
from nymconnect.directory.topology import Topology
from nymconnect.errors import UserError
from nymconnect.reasons import GatewayGone, GatewayUnlisted
from nymconnect.runtime.clock import clock, unix_offset
from tests.helpers.networks import known_network


class Directory:
    """Answers of a directory whose next rotation is `until_rotation` seconds away; None: it cannot be reached."""

    def __init__(self, until_rotation: float | None, refuses: int = 0) -> None:
        self.until_rotation = until_rotation
        self.refuses = refuses

    async def key_rotation_info(self) -> KeyRotationInfo:
        if self.until_rotation is None:
            raise UserError("away")
        rotation_at = clock() + unix_offset() + self.until_rotation
        return Calendar(rotation_at - 36_000.0, 3600.0, 10).info(rotation_at - 1.0)

    async def topology(self) -> Topology:
        if self.refuses:
            self.refuses -= 1
            raise UserError("away")
        return known_network().topology


def keeper(directory: Directory, use: Callable[[Topology], bool] = lambda _: True) -> TopologyRefresh:
    return TopologyRefresh(directory, use, random.Random(1))  # type: ignore[arg-type]  # as much of it as is used


class LyingDirectory(Directory):
    """Gives whatever answer; an exception is raised."""

    def __init__(self, answer: object) -> None:
        super().__init__(None)
        self.answer = answer

    async def key_rotation_info(self) -> KeyRotationInfo:
        return self.answer  # type: ignore[return-value]

    async def topology(self) -> Topology:
        return self.answer  # type: ignore[return-value]


@pytest.mark.parametrize("epoch", [0, 2**31, 2**32 - 1])
@pytest.mark.parametrize("seconds", [0, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("start", [datetime.min, datetime.max])
async def test_a_rotation_at_an_absurd_time_is_no_reason_to_wait_long_or_to_end(
    start: datetime, seconds: int, epoch: int
) -> None:
    state, progress = KeyRotationState(2**32 - 1, 2**32 - 1), RotationProgress(1, 0, 1)
    info = KeyRotationInfo(state, epoch, start.replace(tzinfo=UTC), Span(seconds, 0), progress)
    assert 0 <= await keeper(LyingDirectory(info))._until_next() <= REFRESH


async def test_a_topology_that_makes_us_fail_leaves_the_old_one() -> None:
    def use(topology: Topology) -> bool:
        return bool(topology.layers)  # there are none of None

    assert not await keeper(LyingDirectory(None), use)._refresh()


async def test_a_refresh_follows_shortly_after_the_next_rotation() -> None:
    assert 60.0 < await keeper(Directory(60.0))._until_next() <= 60.0 + 1.5 * SETTLE


@pytest.mark.parametrize("until_rotation", [None, 7200.0, -5.0])
async def test_a_refresh_is_never_far_away(until_rotation: float | None) -> None:
    assert await keeper(Directory(until_rotation))._until_next() == REFRESH


async def pauses_of(keeping: TopologyRefresh, count: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waits before each of its first refreshes."""
    pauses: list[float] = []

    async def pass_the_time(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == count:
            raise asyncio.CancelledError

    monkeypatch.setattr(topology_refresh.asyncio, "sleep", pass_the_time)
    with pytest.raises(asyncio.CancelledError):
        await keeping.run()
    return pauses


async def test_a_topology_that_is_not_liked_is_soon_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    liked = iter([False, False, True, False])
    pauses = await pauses_of(keeper(Directory(None), lambda _: next(liked)), 5, monkeypatch)
    assert pauses == [REFRESH, RETRY, 2 * RETRY, REFRESH, RETRY]


def test_a_gateway_is_gone_after_many_failures_and_a_long_time() -> None:
    record = GatewayRecord()
    assert not any(record.failed(float(second)) for second in range(GONE_AFTER_ATTEMPTS + 5))
    assert record.failed(GONE_AFTER) == GatewayGone(3.0)


def test_few_failures_are_not_enough_however_long_they_take() -> None:
    record = GatewayRecord()
    assert not any(record.failed(number * GONE_AFTER) for number in range(GONE_AFTER_ATTEMPTS - 1))


@pytest.mark.parametrize("verb", ["worked", "forgive"])
def test_success_and_forgiveness_count_anew(verb: str) -> None:
    record = GatewayRecord()
    for number in range(GONE_AFTER_ATTEMPTS):
        record.failed(float(number))
    getattr(record, verb)()
    assert not any(record.failed(GONE_AFTER + number) for number in range(GONE_AFTER_ATTEMPTS))


def test_a_gateway_that_is_not_listed_for_long_is_gone() -> None:
    record = GatewayRecord()
    assert record.listed(False, 0.0) is None
    assert record.listed(False, GONE_AFTER - 1.0) is None
    assert record.listed(False, GONE_AFTER) == GatewayUnlisted()


def test_one_list_without_the_gateway_is_forgiven() -> None:
    record = GatewayRecord()
    answers = [record.listed(each, number * GONE_AFTER) for number, each in enumerate((False, True, False))]
    assert answers == [None, None, None]


async def test_a_directory_that_does_not_answer_is_asked_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = await pauses_of(keeper(Directory(None, refuses=7)), 9, monkeypatch)
    assert pauses == [REFRESH, 10.0, 20.0, 40.0, 80.0, 160.0, REFRESH, REFRESH, REFRESH]


def test_times_of_the_calendar_are_those_of_this_machine() -> None:
    """The helper above says what it shall."""
    now = datetime.now(UTC) + timedelta(seconds=60)
    info = asyncio.run(Directory(60.0).key_rotation_info())
    assert info.next_rotation_at() == pytest.approx(now.timestamp(), abs=2.0)
