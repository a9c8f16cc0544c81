"""Several addresses of one target, of which some are dead."""

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from nymconnect_proxy.exit.happy_eyeballs import Dialling, NoAddressAnsweredError, Streams

ALICE, BOB = b"a" * 16, b"b" * 16


class Connection:
    """What `dial` returns, as far as this is of interest; it knows whether it was closed."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.aborted = False
        self.transport = self

    def abort(self) -> None:
        self.aborted = True

    @property
    def streams(self) -> Streams:
        return cast(Streams, (None, self))


class Targets:
    """Addresses that answer, refuse, or are silent until they are given up."""

    def __init__(self, live: Iterable[str] = (), refusing: Iterable[str] = ()) -> None:
        self.live = set(live)
        self.refusing = set(refusing)
        self.dialled: list[str] = []
        self.given_up: list[str] = []
        self.connections: list[Connection] = []
        self.released = asyncio.Event()

    async def dial(self, host: str, port: int, patience: float) -> Streams:
        self.dialled.append(host)
        if host in self.refusing:
            raise ConnectionRefusedError(111, "refused")
        if host not in self.live:
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.given_up.append(host)
                raise
            raise TimeoutError
        self.connections.append(Connection(host))
        return self.connections[-1].streams


async def connect(dialling: Dialling, *addresses: str, asker: bytes = ALICE) -> str:
    async with asyncio.timeout(20):
        _, writer = await dialling.connect(asker, addresses, 80)
    return cast(Connection, writer).host


async def test_one_that_answers_at_once_is_the_only_one_tried() -> None:
    targets = Targets(live=["1.1.1.1", "1.1.1.2"])
    assert await connect(Dialling(targets.dial, 9.0, 8, delay=100.0), "1.1.1.1", "1.1.1.2") == "1.1.1.1"
    assert targets.dialled == ["1.1.1.1"]


async def test_silent_ones_are_overtaken_and_closed() -> None:
    targets = Targets(live=["1.1.1.5"])
    dead = [f"1.1.1.{number}" for number in range(1, 5)]
    assert await connect(Dialling(targets.dial, 9.0, 128, delay=0.01), *dead, "1.1.1.5") == "1.1.1.5"
    assert sorted(targets.given_up) == dead
    assert not targets.connections[0].aborted


async def test_the_next_is_tried_at_once_when_one_fails() -> None:
    targets = Targets(live=["1.1.1.3"], refusing=["1.1.1.1", "1.1.1.2"])
    dialling = Dialling(targets.dial, 9.0, 8, delay=100.0)
    assert await connect(dialling, "1.1.1.1", "1.1.1.2", "1.1.1.3") == "1.1.1.3"


async def test_every_failure_is_told_when_none_answers() -> None:
    targets = Targets(refusing=["1.1.1.2"])
    targets.released.set()
    with pytest.raises(NoAddressAnsweredError) as failure:
        await connect(Dialling(targets.dial, 9.0, 8, delay=100.0), "1.1.1.1", "1.1.1.2")
    assert [type(each) for each in failure.value.failures] == [TimeoutError, ConnectionRefusedError]


async def test_of_two_that_answer_together_one_is_closed() -> None:
    both = asyncio.Barrier(2)
    connections: list[Connection] = []

    async def dial(host: str, port: int, patience: float) -> Streams:
        await both.wait()
        connections.append(Connection(host))
        return connections[-1].streams

    chosen = await connect(Dialling(dial, 9.0, 128, delay=0.0), "1.1.1.1", "1.1.1.2")
    assert [each.aborted for each in connections if each.host == chosen] == [False]
    assert all(each.aborted for each in connections if each.host != chosen)


async def test_a_stream_that_is_given_up_leaves_no_attempt_behind() -> None:
    targets = Targets()
    stream = asyncio.ensure_future(connect(Dialling(targets.dial, 9.0, 128, delay=0.0), "1.1.1.1", "1.1.1.2"))
    async with asyncio.timeout(20):
        while len(targets.dialled) < 2:  # noqa: ASYNC110 -- a counter without an event
            await asyncio.sleep(0)
    stream.cancel()
    await asyncio.gather(stream, return_exceptions=True)
    assert sorted(targets.given_up) == ["1.1.1.1", "1.1.1.2"]


async def test_a_crash_is_no_failure_to_connect() -> None:
    async def dial(host: str, port: int, patience: float) -> Streams:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await connect(Dialling(dial, 9.0, 8), "1.1.1.1", "1.1.1.2")


async def test_where_no_further_attempt_has_a_place_addresses_are_tried_one_by_one() -> None:
    targets = Targets(live=["1.1.1.3"])
    dialling = Dialling(targets.dial, 9.0, places=0, delay=0.0)
    stream = asyncio.ensure_future(connect(dialling, "1.1.1.1", "1.1.1.2", "1.1.1.3"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert targets.dialled == ["1.1.1.1"]
    targets.released.set()
    assert await stream == "1.1.1.3"


async def test_one_senders_dead_addresses_leave_places_for_the_attempts_of_others() -> None:
    targets = Targets(live=["9.9.9.9"])
    dialling = Dialling(targets.dial, 9.0, places=32, delay=0.0)
    dead = [f"1.1.1.{number}" for number in range(16)]
    greedy = [asyncio.ensure_future(connect(dialling, *dead)) for _ in range(20)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(targets.dialled) == 20 + 2
    assert await connect(dialling, "2.2.2.2", "9.9.9.9", asker=BOB) == "9.9.9.9"
    for stream in greedy:
        stream.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    # All places are given back: another sender gets its two, beside the first attempt.
    late = asyncio.ensure_future(connect(dialling, *dead))
    targets.dialled.clear()
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(targets.dialled) == 1 + 2
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
